r"""Linear response of the quiescent state above the critical coupling, in closed form.

Above alpha = 1/2 the classical model rests with D > 0, sqrt(D) + D = alpha - 1/2. A small shear
rate g(t) = i omega gamma0 exp(i omega t) disturbs P by an odd p: Gamma and D do not change at first
order, and with w = i omega

    w p = -g P' + D p'' - theta(|s| - 1) p,     p(0) = 0.

Written for p/g, which stays finite as omega -> 0, every coefficient is a sum of terms that do not
cancel. With y = sqrt(D), r = sqrt(1 + w), kappa = sqrt(w)/y,

    p(1)/g  = [y/(1 + r) + tanh(kappa/2)/kappa] / [2 alpha y (sqrt(w) coth(kappa) + r)]
    outside = [y/(r (1 + r)) + y^2/r^2]/(2 alpha) + (p(1)/g) (y/r + y^2/r^2)
    inside  = W(kappa)/(2 alpha y^2) + (p(1)/g) (kappa coth(kappa) - 1)/kappa^2
    W       = [1/2 - tanh(kappa/2)/kappa]/kappa^2

where inside and outside are int s p/g ds over (0, 1) and (1, oo). Then G* = 2 w (inside + outside),
and from the stress balance (each yield releases its whole stress) 1 - G* = 2 outside: the first is
used where G* is small, the second where 1 - G* is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud._typing import Floats
from hebraud.analytic import exact
from hebraud.analytic.moments import has_moment
from hebraud.errors import NoStationaryState
from hebraud.model.model import Model

__all__ = ["complex_modulus", "relaxation_modulus", "viscosity"]

_TERMS = 16
"""Coefficients of the Taylor series below."""
_SHARP = 30.0
"""The contour of G(t) is right to exp(-_SHARP), before round-off."""


def _tanh_coefficients() -> list[float]:
    """Return the Taylor coefficients of tanh(x/2)/x in x^2, from tanh' = 1 - tanh^2."""
    odd = [0.5]  # tanh(x/2) = sum odd[n] x^(2n+1)
    for n in range(1, _TERMS):
        square = sum(odd[i] * odd[n - 1 - i] for i in range(n))
        odd.append(-0.5 * square / (2 * n + 1))
    return odd


_TANH = _tanh_coefficients()


def _polynomial(coefficients: list[float], z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    total = np.zeros_like(z)
    for a in reversed(coefficients):
        total = total * z + a
    return total


def _response(alpha: float, w: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], ...]:
    """Return (inside, outside), each int s p/g ds over one side, for w = i omega."""
    y = math.sqrt(exact.rest_diffusion(alpha))
    square = w / y**2  # kappa^2
    small = np.abs(square) < 1.0
    low, high = np.where(small, square, 0.0), np.where(small, 1.0, square)
    kappa = np.sqrt(high)
    tanh_half = np.tanh(0.5 * kappa)
    ratio = np.where(small, _polynomial(_TANH, low), tanh_half / kappa)
    # W = (1/2 - ratio)/kappa^2, and kappa coth kappa = (1 + tanh^2(kappa/2))/(2 ratio)
    W = np.where(small, _polynomial([-a for a in _TANH[1:]], low), (0.5 - ratio) / high)
    coth = (1.0 + square * ratio * ratio) / (2.0 * ratio)
    # (kappa coth - 1)/kappa^2 = (1 + kappa^2 ratio^2 - 2 ratio)/(2 ratio kappa^2)
    langevin = (2.0 * W + ratio * ratio) / (2.0 * ratio)
    r = np.sqrt(1.0 + w)
    at_threshold = (y / (1.0 + r) + ratio) / (2.0 * alpha * y * (y * coth + r))
    tail = y / r + (y / r) ** 2
    outside = (y / (r * (1.0 + r)) + (y / r) ** 2) / (2.0 * alpha) + at_threshold * tail
    inside = W / (2.0 * alpha * y**2) + at_threshold * langevin
    return inside, outside


def _resting_alpha(model: Model, what: str) -> float:
    """Return alpha, or raise where there is no state of rest to disturb."""
    if not model.classical:
        raise ValueError(
            f"the closed form of {what} holds for the classical model only, got {model!r}"
        )
    alpha = model.noise.alpha
    if exact.rest_diffusion(alpha) == 0.0:
        raise NoStationaryState(
            f"{what} needs a quiescent state with D > 0, which {model!r} does not have (its "
            "critical coupling is 0.5): at or below it every frozen P is at rest, and the response "
            "depends on which; raise alpha above 0.5, or disturb a steady flow (shear_rate > 0)"
        )
    return alpha


def complex_modulus(model: Model, omega: ArrayLike) -> NDArray[np.complex128]:
    """Return G*(omega) = G' + i G'' of the quiescent state, in units of G0.

    Parameters
    ----------
    model : Model
        Classical, with alpha > 1/2.
    omega : array_like
        Angular frequency in 1/tau, > 0, any shape. Tested from 1e-6 to 1e8: both parts keep a
        relative accuracy of 1e-12.

    Raises
    ------
    NoStationaryState
        If alpha <= 1/2: every frozen state is at rest, and the response depends on which.
    ValueError
        If a frequency is not finite and > 0, or the model is not the classical one.

    Notes
    -----
    G* -> i omega viscosity at low frequency; G' -> 1 and omega G'' -> 1 - 1/(2 alpha) at high.
    """
    w = np.asarray(omega, dtype=np.float64)
    if not np.all(np.isfinite(w) & (w > 0.0)):
        bad = float(w[~(np.isfinite(w) & (w > 0.0))].flat[0])
        raise ValueError(f"omega must be finite and > 0, got {bad!r}")
    alpha = _resting_alpha(model, "G*(omega)")
    inside, outside = _response(alpha, np.asarray(1j * w))
    low = 2j * w * (inside + outside)
    return np.asarray(np.where(np.abs(low) < 0.5, low, 1.0 - 2.0 * outside))


def relaxation_modulus(model: Model, t: ArrayLike) -> Floats:
    """Return G(t) of the quiescent state after a small strain step at t = 0, in units of G0.

    The inverse Laplace transform of G*/z, z = i omega, on the hyperbola

        z(u) = mu (1 + sin(i u - phi)),    phi = 1.1

    by the trapezoidal rule. All singularities lie on the negative real axis (the odd part of the
    generator has no landing, and is similar to a symmetric operator), so that it converges
    geometrically. It takes the same 24 resolvents for every t.

    Parameters
    ----------
    model : Model
        Classical, with alpha > 1/2.
    t : array_like
        Time since the step in tau, >= 0, any shape. Right to 1e-12 of G(0) = 1.

    Raises
    ------
    NoStationaryState
        If alpha <= 1/2.
    ValueError
        If a time is not finite and >= 0, or the model is not the classical one.
    """
    times = np.asarray(t, dtype=np.float64)
    if not np.all(np.isfinite(times) & (times >= 0.0)):
        bad = float(times[~(np.isfinite(times) & (times >= 0.0))].flat[0])
        raise ValueError(f"t must be finite and >= 0, got {bad!r}")
    alpha = _resting_alpha(model, "G(t)")
    phi, to_left = 1.1, 0.5 * math.pi - 1.1
    h = 2.0 * math.pi * to_left / _SHARP  # the error of the poles on the left is exp(-_SHARP)
    mu = _SHARP * (phi / to_left - 1.0)  # and that of exp(z t) on the right of the contour too
    last = math.acosh((_SHARP / mu + 1.0) / math.sin(phi))
    u = h * (np.arange(math.ceil(last / h)) + 0.5)
    z = mu * (1.0 + np.sin(1j * u - phi))
    weight = 1j * mu * np.cos(1j * u - phi) * np.exp(z)
    positive = np.where(times > 0.0, times, 1.0)[..., None]
    inside, outside = _response(alpha, np.asarray(z / positive))
    total = np.sum(weight * 2.0 * (inside + outside), axis=-1) / positive[..., 0]
    return np.asarray(np.where(times > 0.0, h / math.pi * total.imag, 1.0))


def viscosity(model: Model) -> float:
    """Return the Newtonian viscosity lim stress/shear_rate of the quiescent state, in G0 tau.

    ``inf`` at or below the critical coupling, where there is a yield stress or a power law, and
    where thresholds are redrawn from a law whose <c^4> diverges, or quenched with such a <c^2>.

    Parameters
    ----------
    model : Model
        The classical model (closed form), or any other to which the exact solution applies.

    Raises
    ------
    ValueError
        If the exact solution does not apply to the model.
    """
    if not model.classical:
        try:
            rest = exact.stationary(model, 0.0)
        except NoStationaryState:
            return math.inf
        if not has_moment(model, 4 if model.thresholds.redraws else 2):
            return math.inf  # stress rises with a power of the rate below one
        # odd parts are kept to full precision, and the next term is smaller by (g c/D)^2, where
        # thresholds have the size of the largest that counts
        values, weights = model.thresholds.nodes()
        fourth = weights * (values / values[-1]) ** 4
        largest = float(values[np.cumsum(fourth[::-1])[::-1] > 1e-12 * fourth.sum()].max())
        rate = 1e-8 * rest.diffusion / largest
        return exact.stationary(model, rate).stress / rate
    alpha = model.noise.alpha
    if exact.rest_diffusion(alpha) == 0.0:
        return math.inf
    inside, outside = _response(alpha, np.zeros(1, dtype=np.complex128))
    return float(2.0 * (inside + outside)[0].real)
