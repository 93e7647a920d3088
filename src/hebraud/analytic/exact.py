"""The exact stationary state of every model with ``ConstantRate`` and fixed landings.

A block's life is a chain of cycles from landing to yield. Where a block lands depends only on the
side on which it yielded, so the chain has two states, and one cycle's means are closed forms
(:mod:`hebraud.analytic.renewal`). Gamma = 1/(mean cycle time); all that is left is one scalar
equation, coupling(D) = D.

The classical model is solved by a compiled kernel, for any alpha from 1e-6 to 1e6 and |g| from
1e-14 to 1e8 and for as many rates as one likes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hebraud.analytic.parity import Parity
from hebraud.analytic.renewal import Cycle, cycle, occupation
from hebraud.errors import ConvergenceError, NoStationaryState, check_number
from hebraud.model.model import Model

__all__ = ["ExactState", "applies", "classical_curve", "rest_diffusion", "stationary"]

Floats = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
_BELOW_CRITICAL = (
    "there is no stationary state at shear rate 0 for {model!r}: at or below the critical coupling "
    "every P within the threshold is at rest with D = 0, and which one depends on the past; shear "
    "it ever so slowly (shear_rate > 0), or raise the coupling"
)


def applies(model: Model) -> bool:
    """True where the exact solution does: constant yield rate and fixed landings."""
    return model.yields.constant == 1.0 and model.relaxation.fixed_points is not None


def rest_diffusion(alpha: float) -> float:
    """D at rest of the classical model: sqrt(D) + D = alpha - 1/2; 0 at or below alpha = 1/2."""
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
        If the scalar root is not found (not seen in alpha 1e-6 ... 1e6, |g| 1e-14 ... 1e8).
    """
    from hebraud._kernels.classical import classical_states

    rates = np.ascontiguousarray(shear_rate, dtype=np.float64)
    rest = rest_diffusion(alpha)
    if rest == 0.0 and not np.all(rates):
        raise NoStationaryState(_BELOW_CRITICAL.format(model=Model(alpha)))
    # u = lim g/D from both its limits, 1/alpha and sqrt(12 (1 - 2 alpha)); for a first guess only
    u = float(np.sqrt((1.0 - 2.0 * alpha) * (alpha**-2 + 8.0))) if alpha < 0.5 else 0.0
    stress, diffusion, conditioning = (np.empty_like(rates) for _ in range(3))
    if classical_states(alpha, rates, u, rest, stress, diffusion, conditioning):
        where = int(np.flatnonzero(np.isnan(diffusion))[0])
        raise ConvergenceError(
            f"no root for D was found at alpha = {alpha!r}, shear_rate = {rates[where]!r} "
            "(the solver is tested for alpha 1e-6 ... 1e6 and |shear_rate| 1e-14 ... 1e8)"
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
    _mixture: tuple[tuple[float, float, float], ...]  # weight, threshold, landing at |g|
    _shear_rate: float

    def density(self, s: Floats) -> Floats:
        """Return P(s) in 1/sigma_c, all thresholds together."""
        upstream = s if self._shear_rate >= 0.0 else -s
        total = np.zeros_like(upstream)
        g = abs(self._shear_rate)
        for weight, c, x in self._mixture:
            total = total + weight * occupation(upstream, c, x, self.diffusion, g)
        return total

    def densities(self, s: Floats) -> Floats:
        """Return P(s, c) in 1/sigma_c, (thresholds, ...), one row for each of ``thresholds``."""
        return np.stack(
            [
                replace(self, _mixture=tuple(m for m in self._mixture if m[1] == c)).density(s)
                for c in self.thresholds
            ]
        )

    @property
    def thresholds(self) -> Floats:
        """The thresholds of the blocks, ascending."""
        return np.unique([c for _, c, _ in self._mixture])

    @property
    def masses(self) -> Floats:
        """The probability found at each of ``thresholds``: landing rates times cycle times."""
        rate, c, x = np.array(self._mixture).T
        mass = rate * cycle(c, x, self.diffusion, abs(self._shear_rate), False).time
        return np.array([mass[c == value].sum() for value in self.thresholds])

    @property
    def extent(self) -> tuple[float, float]:
        """Stresses 40 decay lengths beyond the last threshold or landing on either side."""
        g, top = self._shear_rate, max(max(c, abs(x)) for _, c, x in self._mixture)
        root = float(np.sqrt(g * g + 4.0 * self.diffusion))
        return -top - 20.0 * (root - g), top + 20.0 * (root + g)


class _Means(NamedTuple):
    """Stationary means: activity, stress and released square of all blocks together."""

    activity: Floats
    stress: Floats
    released_square: Floats
    visits: Floats  # rate of landing, per class and landing point


@dataclass(frozen=True)
class _Chain:
    """The two-state chain of a model: thresholds c with weights, landing points with weights."""

    c: Floats
    c_weight: Floats
    x: Floats
    x_weight: Floats
    redraws: bool

    @staticmethod
    def of(model: Model, rtol: float = 1e-9) -> _Chain:
        landing = model.relaxation.fixed_points
        if landing is None or model.yields.constant != 1.0:
            raise ValueError(
                "the exact solver needs ConstantRate() and a landing rule with fixed points "
                f"(FractionalDrop(1.0), ResidualStress(r), Landing(..., relative=False)), got "
                f"{model!r}; use FiniteVolume()"
            )
        c, c_weight = model.thresholds.nodes(rtol, np.abs(landing.offset))
        return _Chain(c, c_weight, landing.offset, landing.weight, model.thresholds.redraws)

    def means(self, D: Floats | float, g: float, split: bool = False) -> _Means:
        """Return the stationary means at given D (any shape) and g >= 0."""
        D = np.asarray(D, dtype=np.float64)[..., None, None]
        c = self.c[:, None]
        # from a landing after a yield on the right, at +x, and on the left, at -x
        after_right = _mean(cycle(c, self.x, D, g, split), self.x_weight)
        after_left = _mean(cycle(c, -self.x, D, g, split), self.x_weight)
        if self.redraws:
            after_right = _mean(after_right, self.c_weight)
            after_left = _mean(after_left, self.c_weight)
            group_weight = np.ones(1)
            after_right, after_left = (
                Cycle(*(_pool(f) for f in after)) for after in (after_right, after_left)
            )
        else:
            group_weight = self.c_weight
        if isinstance(after_left.right, Parity):
            crossings = after_left.right + after_right.left
            on_right, on_left = after_left.right / crossings, after_right.left / crossings
        else:
            on_right, on_left = self._sides(after_left.right, after_right.left, D[..., 0], g)
        m1, m2 = float(self.x_weight @ self.x), float(self.x_weight @ self.x**2)
        total = Cycle(
            *(on_right * r + on_left * l for r, l in zip(after_right, after_left, strict=True))
        )
        rate = 1.0 / total.time
        released = (
            total.right_square
            - 2.0 * m1 * total.right_stress
            + m2
            + total.left_square
            + 2.0 * m1 * total.left_stress
        )
        share = np.stack(np.broadcast_arrays(_value(rate * on_right), _value(rate * on_left)), -1)
        return _Means(
            (_even(rate) * group_weight).sum(-1),
            (_odd(rate * total.stress_time, split) * group_weight).sum(-1),
            (_even(rate * released) * group_weight).sum(-1),
            share,
        )

    def splits(self, D: float, g: float) -> bool:
        """True where even and odd parts must be kept apart, and can be."""
        return 2.0 * g * float(self.c.max()) < D

    def _sides(
        self, to_right: Floats, to_left: Floats, D: Floats, g: float
    ) -> tuple[Floats, Floats]:
        """Return the shares of yields on the right and on the left from the crossing chances.

        Where all blocks land over their threshold and D is so small that both chances underflow,
        their ratio is still known: (rho/lam) exp(-k (c + x)) for one landing point x.
        """
        lam = 0.5 * (g + np.sqrt(g * g + 4.0 * D))
        span = float(self.c.max()) + float(np.abs(self.x).min())
        stuck = to_right + to_left == 0.0
        up = np.where(stuck, 1.0, to_right)
        down = np.where(stuck, D / lam**2 * np.exp(-g / D * span), to_left)
        return up / (up + down), down / (up + down)

    def mixture(self, visits: Floats) -> tuple[tuple[float, float, float], ...]:
        """Return the landing rates as (weight, threshold, landing point), without zeros."""
        terms: list[tuple[float, float, float]] = []
        for j, (c, w) in enumerate(zip(self.c, self.c_weight, strict=True)):
            on_right, on_left = visits[0 if self.redraws else j]
            for x, p in zip(self.x, self.x_weight, strict=True):
                terms += [(w * p * on_right, c, x), (w * p * on_left, c, -x)]
        return tuple((float(a), float(b), float(d)) for a, b, d in terms if a > 0.0)


def _apply(f: Parity | Floats, operation: object) -> Parity | Floats:
    if isinstance(f, Parity):
        return Parity(operation(f.even), operation(f.odd))  # type: ignore[operator]
    return operation(f)  # type: ignore[operator,no-any-return]


def _mean(one: Cycle, weight: Floats) -> Cycle:
    """Weighted mean over the last axis of every field."""
    return Cycle(*(_apply(f, lambda a: (a * weight).sum(-1)) for f in one))


def _pool(f: Parity | Floats) -> Parity | Floats:
    return _apply(f, lambda a: np.asarray(a)[..., None])


def _value(f: Parity | Floats) -> Floats:
    return np.asarray(f.even + f.odd if isinstance(f, Parity) else f)


def _even(f: Parity | Floats) -> Floats:
    return np.asarray(f.even if isinstance(f, Parity) else f)


def _odd(f: Parity | Floats, split: bool) -> Floats:
    return np.asarray(f.odd if isinstance(f, Parity) and split else f)


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
        chain = _Chain.of(model)
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
    chain = _Chain.of(model)
    (D, conditioning), *others = _diffusion_roots(model, chain, abs(g))
    means = chain.means(D, abs(g), chain.splits(D, abs(g)))
    error = 64.0 * _EPS * max(1.0, conditioning)
    # the threshold law is a quadrature: what the next coarser one gives says how good it is
    coarser = (_Chain.of(model, rtol) for rtol in (1e-8, 1e-6))
    coarse = next((one for one in coarser if one.c.size != chain.c.size), None)
    if coarse is not None:
        rough = coarse.means(D, abs(g), coarse.splits(D, abs(g)))
        pairs = [(rough.activity, means.activity), (rough.released_square, means.released_square)]
        pairs += [(rough.stress, means.stress)] if g else []
        error += max(abs(float(a / b) - 1.0) for a, b in pairs) * max(1.0, conditioning)
    return ExactState(
        float(np.copysign(means.stress, g) if g else 0.0),
        float(means.activity),
        D,
        error,
        tuple(root for root, _ in others),
        chain.mixture(means.visits),
        g,
    )


def _diffusion_roots(model: Model, chain: _Chain, g: float) -> list[tuple[float, float]]:
    """Return all D with coupling(D) = D and |d ln D/d ln alpha|, the largest stable one first.

    coupling(D)/D is sampled at eight points a decade, wide enough to hold every root, and each
    sign change of its logarithm is closed by Brent's method in ln D.
    """
    if not model.noise.alpha:
        return [(model.noise.constant, 1.0)]
    from scipy.optimize import brentq

    def excess(log_D: Floats | float) -> Floats:
        D = np.exp(log_D)
        means = chain.means(D, g)
        noise = model.noise.diffusion(means.activity, means.released_square)
        return np.asarray(np.log(noise) - log_D)

    # As D -> 0 the noise tends to that of pure drift (g > 0) or falls in proportion to D (g = 0);
    # as D -> infinity the activity is at most 1.
    scale = max(1.0, g, float(chain.c.max())) ** 2
    lowest = float(np.exp(excess(np.log(1e-40)) + np.log(1e-40))) if g > 0.0 else 1e-30
    lowest = model.noise.constant or lowest  # D is never below it
    log_D = np.arange(np.log(lowest) - 5.0, np.log(1e12 * scale), np.log(10.0) / 8.0)
    values = excess(log_D)
    falls = np.flatnonzero((values[:-1] > 0.0) != (values[1:] > 0.0))
    if falls.size == 0:
        if g == 0.0 and values[0] <= 0.0:
            raise NoStationaryState(_BELOW_CRITICAL.format(model=model))
        raise NoStationaryState(
            f"no diffusion coefficient satisfies the coupling of {model!r} at shear_rate = {g!r}: "
            f"the noise exceeds D at every D up to {np.exp(log_D[-1]):.1g}, so the noise feeds "
            "itself without bound; lower the coupling below hebraud.critical_coupling(model)"
        )
    roots = []
    for i in falls:
        x = brentq(excess, log_D[i], log_D[i + 1], xtol=1e-15, rtol=4.0 * _EPS)
        slope = float((excess(x + 1e-4) - excess(x - 1e-4)) / 2e-4)
        roots.append((slope > 0.0, -x, 1.0 / abs(slope) if slope else np.inf))
    return [(float(np.exp(-x)), conditioning) for _, x, conditioning in sorted(roots)]
