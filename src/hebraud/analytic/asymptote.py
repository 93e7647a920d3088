r"""The flow curve at small shear rate, Sigma = sigma_Y + A g^n, of the model and its variants.

Layers over the thresholds are thin at small g. With nu = r x^eta at the overstress x, they are as
wide as ell = lambda (D/r)^n, n = 1/(2 + eta), where lambda = -R(0)/R'(0) for the decaying solution
of R'' = x^eta R; P goes on inside as if it vanished at b = c + ell, and blocks yield, on average,
at b. To this order, therefore, all is one problem, with absorbing walls at +-b and landing at +-x:
a line x = scale b + offset. From its splitting probability and the two moment identities
(:mod:`hebraud.analytic.symbolic_variants` derives this), with v = g/D, w = b + x, y = v w, and
alpha and sigma_Y of :mod:`hebraud.analytic.closed_form`,

    mean of D dt over one cycle:   k = (b^2 - x^2) alpha(y)
    mean of s over one cycle:      m = w sigma_Y(y).

Redrawn thresholds (full relaxation) and quenched ones, or a single one, differ by which mean of
k and m counts; (b - x)^2 is the mean released square of an event:

    redrawn    D/Gamma = <k>       D/(released square) = <k>/<(b - x)^2>      Sigma = <k m>/<k>
    quenched   D/Gamma = 1/<1/k>   D/(released square) = 1/<(b - x)^2/k>      Sigma = <m>

At ell = 0 that is the coupling and sigma_Y, functions of u = lim v; the derivative of Sigma by ell
at fixed coupling, times lambda (r u)^-n, is A. At the critical coupling u -> 0, sigma_Y vanishes,
and v^2 ~ ell instead: Sigma = A g^(1/(5 + 2 eta)).

Reduced units: stress in sigma_c, shear rate in sigma_c/(G0 tau).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.analytic.closed_form import langevin_function, langevin_slope
from hebraud.analytic.critical import critical_coupling, rest_nodes, weight_exponent
from hebraud.analytic.moments import check_moments
from hebraud.checks import check_array
from hebraud.errors import ConvergenceError, NoStationaryState, check_number
from hebraud.model.contracts import Onset
from hebraud.model.model import Model, check_model

__all__ = ["Asymptote", "asymptote", "asymptote_at", "critical_asymptote", "layer_length"]


@dataclass(frozen=True)
class Asymptote:
    """Sigma = yield_stress + prefactor * shear_rate^exponent at small shear rate.

    Attributes
    ----------
    u : float or ndarray
        lim g/D (for one threshold c = 1: sigma_c G0 tau/d); 0 at the critical coupling.
    coupling : float or ndarray
        Coupling alpha in the unit of the model's own coupling.
    yield_stress : float or ndarray
        sigma_Y, in sigma_c.
    prefactor : float or ndarray
        A, in sigma_c (G0 tau/sigma_c)^exponent. Negative where stress falls with the rate.
    exponent : float
        1/(2 + eta) below the critical coupling, 1/(5 + 2 eta) at it.
    """

    u: float | Floats
    coupling: float | Floats
    yield_stress: float | Floats
    prefactor: float | Floats
    exponent: float

    def stress(self, shear_rate: ArrayLike) -> float | Floats:
        """Return sigma_Y + A g^n, in sigma_c, for g >= 0; the next term is of order g^(2n)."""
        rate = check_array("shear_rate", shear_rate, at_least=0.0)
        return self.yield_stress + self.prefactor * rate**self.exponent


class _Jet(NamedTuple):
    """A quantity at ell = 0, and its derivatives by v = g/D and by ell."""

    value: Floats
    by_v: Floats
    by_ell: Floats

    def __mul__(self, other: _Jet) -> _Jet:  # type: ignore[override]
        return _Jet(
            self.value * other.value,
            self.by_v * other.value + self.value * other.by_v,
            self.by_ell * other.value + self.value * other.by_ell,
        )

    def over(self, other: _Jet) -> _Jet:
        """Return the quotient."""
        ratio = self.value / other.value
        return _Jet(
            ratio,
            (self.by_v - ratio * other.by_v) / other.value,
            (self.by_ell - ratio * other.by_ell) / other.value,
        )

    def mean(self, weight: Floats) -> _Jet:
        """Return the weighted mean over the last axis."""
        return _Jet(*(np.asarray(part @ weight) for part in self))


def layer_length(eta: float) -> float:
    """Return lambda = -R(0)/R'(0) of the layer R'' = x^eta R, so that ell = lambda D^(1/(2 + eta)).

    With n = 1/(2 + eta), R = sqrt(x) K_n(2 n x^(1/(2n))) and lambda = n^(-2n) G(1 + n)/G(1 - n), G
    the gamma function: 1 for the constant rate.
    """
    n = 1.0 / (2.0 + check_number("eta", eta, at_least=0.0))
    return float(n ** (-2.0 * n) * math.gamma(1.0 + n) / math.gamma(1.0 - n))


def _line(model: Model) -> tuple[float, float]:
    """Return scale and offset of the landing rule, or say why there is no asymptote here."""
    lines = model.relaxation.quadrature(2)
    scale, offset = float(lines.scale[0]), float(lines.offset[0])
    c = model.thresholds.nodes(breaks=offset)[0]
    if lines.weight.size > 1:
        why = "its landings scatter"
    elif np.any(np.abs(scale * c + offset) >= c):
        why = "blocks can land over their threshold"
    elif model.thresholds.redraws and (scale, offset) != (0.0, 0.0):
        why = "redrawn thresholds are solved for full relaxation, FractionalDrop(1.0), only"
    else:
        return scale, offset
    raise NotImplementedError(
        f"no asymptote is known for {model!r}: {why}; extrapolate steady_state in powers of "
        "shear_rate^(1/(2 + eta))"
    )


def _exists(model: Model) -> None:
    """Raise where there is no finite yield stress, or weak quenched blocks leave no prefactor."""
    check_moments(model, 1.0)
    if critical_coupling(model) == 0.0:
        raise NoStationaryState(
            f"{model!r} has no yield stress at any coupling: <c^-2> of its quenched thresholds "
            "diverges, and the weakest blocks never rest"
        )
    if model.thresholds.redraws or not model.noise.per_event:
        return
    exponent = weight_exponent(model.thresholds)
    if exponent <= 3.0 + 1e-4:
        raise NotImplementedError(
            f"the first correction to the yield stress of {model!r} is no power 1/(2 + eta) of "
            "the rate: <c^-3> of its quenched thresholds diverges, as P(c < e) falls as "
            f"e^{exponent:.3g}"
        )


def _cycle(c: Floats, scale: float, offset: float, v: Floats) -> tuple[_Jet, _Jet, _Jet]:
    """Return k, m and the released square (b - x)^2, for v of shape (..., 1)."""
    x, gap = scale * c + offset, (1.0 - scale) * c - offset
    w, y = c + x, v * (c + x)
    langevin, slope = langevin_function(0.5 * y), langevin_slope(0.5 * y)
    alpha = 1.0 / (2.0 + y * langevin)
    alpha_by_y = -(langevin + slope) * alpha**2
    stress, stress_by_y = 0.5 * langevin, 0.5 * slope / y
    k = _Jet(
        gap * w * alpha,
        gap * w**2 * alpha_by_y,
        2.0 * (c - x * scale) * alpha + gap * (1.0 + scale) * y * alpha_by_y,
    )
    m = _Jet(w * stress, w**2 * stress_by_y, (1.0 + scale) * (stress + y * stress_by_y))
    squares = gap**2 + 0.0 * y
    return k, m, _Jet(squares, 0.0 * y, 2.0 * gap * (1.0 - scale) + 0.0 * y)


def _means(model: Model, v: Floats) -> tuple[_Jet, _Jet]:
    """Return the coupling, in its own unit, and the stress."""
    scale, offset = _line(model)
    redraws = model.thresholds.redraws
    nodes = model.thresholds.nodes if redraws else partial(rest_nodes, model.thresholds)
    c, weight = nodes(breaks=offset)
    k, m, released = _cycle(c, scale, offset, np.asarray(v)[..., None])
    one = _Jet(np.ones_like(k.value), np.zeros_like(k.value), np.zeros_like(k.value))
    event, square = (part / model.noise.alpha for part in model.noise[1:])
    noise = _Jet(*(event * a + square * b for a, b in zip(one, released, strict=True)))
    if model.thresholds.redraws:
        time = k.mean(weight)
        return time.over(noise.mean(weight)), (k * m).mean(weight).over(time)
    return one.mean(weight).over(noise.over(k).mean(weight)), m.mean(weight)


def _onset(model: Model) -> Onset:
    check_model(model)
    if model.yields.onset is None:
        raise NotImplementedError(
            f"no asymptote is known for the yield law {model.yielding!r}: its rate does not set in "
            "at the threshold as a power of the overstress"
        )
    return model.yields.onset


def asymptote_at(model: Model, u: ArrayLike) -> Asymptote:
    """Return coupling, yield stress and prefactor at given u = lim g/D: a parametric curve.

    Parameters
    ----------
    model : Model
        One threshold or quenched ones with ``FractionalDrop`` or ``ResidualStress`` below them, or
        redrawn ones with full relaxation; any yield law that sets in as a power of the overstress,
        such as ``PowerRate``. The *value* of its coupling does not matter, its kind does.
    u : array_like
        In 1/sigma_c, > 0; u -> 0 is the critical coupling, u -> infinity no coupling.

    Returns
    -------
    Asymptote
        Its arrays have the shape of u. Relative accuracy some 1e-14, or that of the quadrature of
        the threshold law (1e-9); the prefactor of ``DropNoise`` to 1e-15 u^(-3/2) at small u.

    Raises
    ------
    NotImplementedError
        For another model, or quenched thresholds whose <c^-3> diverges.
    NoStationaryState
        Where quenched thresholds leave no yield stress at any coupling.
    ValueError
        If u is not > 0, or the model's coupling has constant noise, as ``FixedNoise``.
    """
    r, eta = _onset(model)
    _exists(model)
    values = check_array("u", u, above=1e-100, below=1e100)
    coupling, stress = _means(model, values)
    n = 1.0 / (2.0 + eta)
    slope = stress.by_ell - stress.by_v * coupling.by_ell / coupling.by_v
    prefactor = layer_length(eta) * (r * values) ** -n * slope
    u, alpha, sigma, a = (
        column if column.ndim else float(column)
        for column in (values, coupling.value, stress.value, prefactor)
    )
    return Asymptote(u, alpha, sigma, a, n)


def asymptote(model: Model) -> Asymptote:
    """Return sigma_Y, A and n of Sigma = sigma_Y + A g^n below the critical coupling.

    Parameters
    ----------
    model : Model
        As in :func:`asymptote_at`; its coupling must lie below its critical value. Close to it u
        is known to a relative 1e-16/u^2 only.

    Raises
    ------
    NoStationaryState
        At or above the critical coupling, where there is no yield stress.
    NotImplementedError, ValueError
        As :func:`asymptote_at`.

    Examples
    --------
    >>> import hebraud as hl
    >>> law = asymptote(hl.Model(0.2, relaxation=hl.FractionalDrop(0.5)))
    >>> round(float(law.yield_stress), 4), round(float(law.prefactor), 4), law.exponent
    (0.371, 0.6684, 0.5)
    """
    from scipy.optimize import brentq

    _onset(model)
    _exists(model)
    target = model.noise.alpha

    def excess(log_u: float) -> float:
        coupling = float(_means(model, np.array(math.exp(log_u)))[0].value)
        if not 0.0 < coupling < math.inf:
            raise ConvergenceError(
                f"the asymptote of {model!r} was not found: numbers leave the range of floats; "
                "choose units in which thresholds are nearer to 1"
            )
        return math.log(coupling / target)

    low = math.log(1e-7 / float(model.thresholds.nodes()[0].max()))
    if excess(low) <= 0.0:
        raise NoStationaryState(
            f"{model!r} has no yield stress: its coupling is not below the critical one, "
            f"{critical_coupling(model):.6g}; see critical_asymptote(model)"
        )
    high = low + 1.0
    while excess(high) > 0.0:
        high += 5.0
    log_u = brentq(excess, low, high, xtol=1e-15, rtol=1e-15)
    return replace(asymptote_at(model, math.exp(log_u)), coupling=target)


def critical_asymptote(model: Model) -> Asymptote:
    """Return A of Sigma = A g^(1/(5 + 2 eta)) at the critical coupling; sigma_Y = 0 there.

    With D/Gamma = alpha_c (1 + a ell - q v^2 + ...) the coupling stays critical where
    v^2 = (a/q) ell, ell = lambda (g/v)^n; Sigma is proportional to v. The value of the model's
    coupling does not matter.

    Raises
    ------
    NotImplementedError
        Where the coupling does not rise with ell, so that the two do not balance: ``DropNoise``.
    NoStationaryState, ValueError
        As :func:`asymptote_at`.
    """
    r, eta = _onset(model)
    _exists(model)
    n, small = 1.0 / (2.0 + eta), 1e-7 / float(model.thresholds.nodes()[0].max())
    coupling, stress = _means(model, np.array(small))  # the next terms are of relative order 1e-14
    if coupling.by_ell <= 1e-9 * coupling.value:
        raise NotImplementedError(
            f"no law at the critical coupling is known for {model!r}: its noise does not fall as "
            "the layers over the threshold widen"
        )
    ratio = -2.0 * small * float(coupling.by_ell / coupling.by_v)
    v = (ratio * layer_length(eta) * r**-n) ** (1.0 / (2.0 + n))  # times g^(n/(2 + n))
    prefactor = float(stress.value) / small * v
    return Asymptote(0.0, critical_coupling(model), 0.0, prefactor, n / (2.0 + n))
