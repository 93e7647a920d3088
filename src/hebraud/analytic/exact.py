"""The exact stationary state of every model with ``ConstantRate`` and fixed landings.

A block's life is a chain of cycles from landing to yield. Where a block lands depends only on the
side on which it yielded, so the chain has two states, and one cycle's means are closed forms
(:mod:`hebraud.analytic.renewal`). Gamma = 1/(mean cycle time); all that is left is one scalar
equation, coupling(D) = D.

The classical model is solved by a compiled kernel, for any alpha and |g| whose D is a
floating-point number (tested: 1e-100 to 1e100 and 1e-300 to 1e300), at alpha = 1/2 too, and for as
many rates as one likes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from hebraud._typing import Floats
from hebraud.analytic.chain import Chain
from hebraud.analytic.moments import check_moments
from hebraud.analytic.renewal import cycle, occupation
from hebraud.errors import ConvergenceError, NoStationaryState, check_number
from hebraud.model.model import Model

__all__ = ["ExactState", "applies", "classical_curve", "rest_diffusion", "stationary"]

_EPS = float(np.finfo(np.float64).eps)
"""Round-off of a float, for error estimates."""
_LARGEST = 1e150
"""Numbers that are squared stay below it."""
_SLOWEST = 1e-250
"""The least shear rate, in thresholds, whose D and its square root keep their digits."""
_HIGHEST = 1e250
"""Largest D, in the square of the unit of stress, that is tried ..."""
_DECADES = 60
"""... in so many steps of a decade or more."""
_DIGITS = 1e3
"""A small difference is believed where it is so many times the round-off of its terms."""
_BELOW_CRITICAL = (
    "there is no stationary state at shear rate 0 for {model!r}: at or below the critical coupling "
    "every P within the threshold is at rest with D = 0, and which one depends on the past; shear "
    "it ever so slowly (shear_rate > 0), or raise the coupling"
)


def applies(model: Model) -> bool:
    """Return True where the exact solution applies: constant yield rate and fixed landings."""
    return model.yields.constant == 1.0 and model.relaxation.fixed_points is not None


def rest_diffusion(alpha: float) -> float:
    """Return D at rest of the classical model: sqrt(D) + D = alpha - 1/2; 0 for alpha <= 1/2."""
    above = alpha - 0.5
    if above <= 0.0:
        return 0.0
    return float((2.0 * above / (1.0 + np.sqrt(1.0 + 4.0 * above))) ** 2)


class ClassicalCurve(NamedTuple):
    """Columns over the shear rates; ``error`` estimates the relative error of stress and D."""

    stress: Floats
    activity: Floats
    diffusion: Floats
    error: Floats


def classical_curve(alpha: float, shear_rate: Floats) -> ClassicalCurve:
    """Return the exact flow curve of the classical model.

    Parameters
    ----------
    alpha : float
        Coupling, > 0.
    shear_rate : array, shape (n,)
        Shear rates in sigma_c/(G0 tau), any sign, finite. 0 only above alpha = 1/2.

    Raises
    ------
    NoStationaryState
        If a rate is 0 and alpha <= 1/2.
    ConvergenceError
        If D, g/D or the stress leaves the range of floating-point numbers.
    """
    from hebraud._kernels.classical import classical_states

    rates = np.ascontiguousarray(shear_rate, dtype=np.float64)
    rest = rest_diffusion(alpha)
    if rest == 0.0 and not np.all(rates):
        raise NoStationaryState(_BELOW_CRITICAL.format(model=Model(alpha)))
    # u = lim g/D from both its limits, 1/alpha and sqrt(12 (1 - 2 alpha)); for a first guess only
    u = float(np.sqrt((1.0 - 2.0 * alpha) * (1.0 + 8.0 * alpha**2))) / alpha if alpha < 0.5 else 0.0
    stress, diffusion, conditioning = (np.empty_like(rates) for _ in range(3))
    if classical_states(alpha, rates, u, rest, stress, diffusion, conditioning):
        where = int(np.flatnonzero(np.isnan(diffusion))[0])
        raise ConvergenceError(
            f"no root for D was found at alpha = {alpha!r}, shear_rate = {float(rates[where])!r}: "
            "D, shear_rate/D or the stress leaves the range of floating-point numbers; the solver "
            "is tested for alpha 1e-100 ... 1e100 and |shear_rate| 1e-300 ... 1e300"
        )
    error = 8.0 * _EPS * np.maximum(1.0, conditioning)
    return ClassicalCurve(stress, diffusion / alpha, diffusion, error)


@dataclass(frozen=True)
class ExactState:
    """The exact stationary state at one shear rate; the fields of ``SteadyState``."""

    stress: float
    activity: float
    diffusion: float
    error_estimate: float
    other_roots: tuple[float, ...]
    mixture: tuple[tuple[float, float, float], ...]  # weight, threshold, landing at |g|
    shear_rate: float

    def density(self, s: Floats) -> Floats:
        """Return P(s) in 1/sigma_c, all thresholds together."""
        upstream = s if self.shear_rate >= 0.0 else -s
        total = np.zeros_like(upstream)
        g = abs(self.shear_rate)
        for weight, c, x in self.mixture:
            total = total + weight * occupation(upstream, c, x, self.diffusion, g)
        return total

    def densities(self, s: Floats) -> Floats:
        """Return P(s, c) in 1/sigma_c, (thresholds, ...), one row for each of ``thresholds``."""
        return np.stack(
            [
                replace(self, mixture=tuple(m for m in self.mixture if m[1] == c)).density(s)
                for c in self.thresholds
            ]
        )

    @property
    def thresholds(self) -> Floats:
        """The thresholds of the blocks, ascending."""
        return np.unique([c for _, c, _ in self.mixture])

    @property
    def masses(self) -> Floats:
        """The probability found at each of ``thresholds``: landing rates times cycle times."""
        rate, c, x = np.array(self.mixture).T
        mass = rate * cycle(c, x, self.diffusion, abs(self.shear_rate)).time
        return np.array([mass[c == value].sum() for value in self.thresholds])

    @property
    def extent(self) -> tuple[float, float]:
        """Stresses 40 decay lengths beyond the last threshold or landing on either side."""
        g, top = self.shear_rate, max(max(c, abs(x)) for _, c, x in self.mixture)
        root = float(np.sqrt(g * g + 4.0 * self.diffusion))
        return -top - 20.0 * (root - g), top + 20.0 * (root + g)


def stationary(model: Model, shear_rate: float) -> ExactState:
    """Return the exact stationary state.

    Parameters
    ----------
    model : Model
        With ``ConstantRate()`` and fixed landings; any coupling and thresholds. A continuous
        threshold law enters through its quadrature (relative accuracy about 1e-9).
    shear_rate : float
        g in sigma_c/(G0 tau), any sign.

    Raises
    ------
    ValueError
        If the exact solution does not apply to the model.
    NoStationaryState
        If g = 0 and the coupling is at or below its critical value, or if no D satisfies the
        coupling (``DropNoise`` above its critical coupling runs away).
    """
    g = check_number("shear_rate", shear_rate)
    if model.classical:
        curve = classical_curve(model.noise.alpha, np.array([g]))
        D, activity = float(curve.diffusion[0]), float(curve.activity[0])
        chain = Chain.of(model)
        # only squares of stresses may overflow, and these are not used here
        with np.errstate(over="ignore", invalid="ignore"):
            visits = chain.means(D, abs(g)).visits
        return ExactState(
            float(curve.stress[0]),
            activity,
            D,
            float(curve.error[0]),
            (),
            chain.mixture(visits * (activity / visits.sum())),
            g,
        )
    check_moments(model, g)
    chain = Chain.of(model)
    unit = chain.unit()
    rate, inner = abs(g) / unit, chain.over(unit)
    in_range = 1.0 / _LARGEST < unit < _LARGEST and (rate == 0.0 or _SLOWEST < rate < _LARGEST)
    if not in_range:
        raise ConvergenceError(
            f"the exact state of {model!r} at shear_rate = {g!r} leaves the range of "
            "floating-point numbers; thresholds of 1e-150 ... 1e150 and rates of 1e-250 ... 1e150 "
            "times them can be solved"
        )
    (D, conditioning), *others = _diffusion_roots(model, inner, rate, unit)
    means = inner.means(D, rate, inner.splits(D, rate))
    error = 64.0 * _EPS * max(1.0, conditioning)
    # the threshold law is a quadrature: the next coarser one gives its error
    coarser = (Chain.of(model, rtol) for rtol in (1e-8, 1e-6))
    coarse = next((one.over(unit) for one in coarser if one.c.size != chain.c.size), None)
    if coarse is not None:
        rough = coarse.means(D, rate, coarse.splits(D, rate))
        pairs = [(rough.activity, means.activity), (rough.released_square, means.released_square)]
        pairs += [(rough.stress, means.stress)] if g else []
        error += max(abs(float(a / b) - 1.0) for a, b in pairs) * max(1.0, conditioning)
    mixture = chain.mixture(means.visits)
    if not mixture:
        raise ConvergenceError(
            f"the state of {model!r} at shear_rate = {g * unit!r} was not found: landings so far "
            "over the thresholds that floats do not know where blocks are"
        )
    return ExactState(
        float(np.copysign(means.stress, g) if g else 0.0) * unit,
        float(means.activity),
        D * unit * unit,
        error,
        tuple(root * unit * unit for root, _ in others),
        mixture,
        g,
    )


def _told(chain: Chain, log_D: Floats) -> Floats:
    """Return the values of ln D above which the mean square of a drop is more than round-off.

    A block that lands over its threshold stays there, and drops by little: at rest that is a small
    difference of squares. Below, coupling(D)/D is the constant that it tends to, without a root.
    """
    means = chain.means(np.exp(log_D), 0.0)
    size = float(chain.c.max()) ** 2
    lost = means.released_square <= _DIGITS * _EPS * size * means.activity
    return log_D[int(np.flatnonzero(lost)[-1]) + 1 :] if lost.any() else log_D


def _diffusion_roots(
    model: Model, chain: Chain, g: float, unit: float
) -> list[tuple[float, float]]:
    """Return all D with coupling(D) = D and |d ln D/d ln alpha|, the largest stable one first.

    ``chain``, ``g`` and D are in the unit of stress. coupling(D)/D is sampled at eight points a
    decade, wide enough to hold every root, and each sign change of its logarithm is closed by
    Brent's method in ln D.
    """
    if not model.noise.alpha:
        return [(model.noise.constant / unit / unit, 1.0)]
    from scipy.optimize import brentq

    def excess(D: Floats | float) -> Floats:
        means = chain.means(D, g)
        released = means.released_square * unit * unit
        noise = model.noise.diffusion(means.activity, released)
        return np.asarray(np.log(noise / unit / unit / D))

    # As D -> 0 the noise tends to that of pure drift (g > 0) or falls in proportion to D (g = 0);
    # far above the squares of lengths and rates it is constant, or proportional to D again.
    highest = 1e12 * max(1.0, g, float(chain.c.max())) ** 2
    lowest = 1e-20 * min(1.0, g) if g > 0.0 else 1e-30
    if g > 0.0:
        lowest *= float(np.exp(excess(lowest)))
    lowest = model.noise.constant / unit / unit or lowest  # D is never below it
    for _ in range(_DECADES):
        noise, highest = highest * float(np.exp(excess(highest))), 10.0 * highest
        if highest > _HIGHEST or noise < 0.1 * highest:
            break
        highest = max(highest, 10.0 * noise)
    if not 0.0 < lowest < highest < math.inf:
        raise ConvergenceError(
            f"D of {model!r} at shear_rate = {g * unit!r} was not found: it is beyond the range of "
            "floats; choose units in which rates, couplings and thresholds are nearer to 1"
        )
    log_D = np.arange(np.log(lowest) - 5.0, np.log(highest), np.log(10.0) / 8.0)
    if g == 0.0 and model.noise.per_square:
        log_D = _told(chain, log_D)
    values = excess(np.exp(log_D))
    falls = np.flatnonzero((values[:-1] > 0.0) != (values[1:] > 0.0))
    if falls.size == 0:
        if g == 0.0 and values[0] <= 0.0:
            raise NoStationaryState(_BELOW_CRITICAL.format(model=model))
        raise NoStationaryState(
            f"no diffusion coefficient satisfies the coupling of {model!r} at shear_rate = "
            f"{g * unit!r}: the noise exceeds D at every D up to {np.exp(log_D[-1]) * unit**2:.1g}"
            ", so the noise feeds itself without bound; lower the coupling below "
            "hebraud.critical_coupling(model)"
        )
    roots = []
    for i in falls:
        below = float(np.exp(log_D[i]))

        def beside(x: float, below: float = below) -> float:
            return float(excess(below * math.exp(x)))

        x = brentq(beside, 0.0, log_D[i + 1] - log_D[i], xtol=1e-15, rtol=4.0 * _EPS)
        slope = (beside(x + 1e-4) - beside(x - 1e-4)) / 2e-4
        conditioning = 1.0 / abs(slope) if slope else math.inf
        roots.append((slope > 0.0, -below * math.exp(x), conditioning))
    return [(-D, conditioning) for _, D, conditioning in sorted(roots)]
