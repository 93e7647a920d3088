"""The two-state chain of a block's cycles, and the stationary means that follow from it.

Where a block lands depends only on the side on which it yielded. The means over one cycle are those
of :mod:`hebraud.analytic.renewal`; here they are averaged over landing points, over thresholds
where these are redrawn, and over the two sides in their stationary shares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hebraud.analytic.parity import Parity
from hebraud.analytic.renewal import Cycle, cycle
from hebraud.model.model import Model

__all__ = ["Chain", "Means"]

Floats = NDArray[np.float64]


class Means(NamedTuple):
    """Stationary means: activity, stress and released square of all blocks together."""

    activity: Floats
    stress: Floats
    released_square: Floats
    visits: Floats  # rate of landing, per class and landing point


@dataclass(frozen=True)
class Chain:
    """The two-state chain of a model: thresholds c with weights, landing points with weights."""

    c: Floats
    c_weight: Floats
    x: Floats
    x_weight: Floats
    redraws: bool

    @staticmethod
    def of(model: Model, rtol: float = 1e-9) -> Chain:
        """Return the chain of a model, its threshold law a quadrature right to ``rtol``."""
        landing = model.relaxation.fixed_points
        if landing is None or model.yields.constant != 1.0:
            raise ValueError(
                "the exact solver needs ConstantRate() and a landing rule with fixed points "
                f"(FractionalDrop(1.0), ResidualStress(r), Landing(..., relative=False)), got "
                f"{model!r}; use FiniteVolume()"
            )
        c, c_weight = model.thresholds.nodes(rtol, np.abs(landing.offset))
        return Chain(c, c_weight, landing.offset, landing.weight, model.thresholds.redraws)

    def unit(self) -> float:
        """Return a unit of stress in which the chain is to be solved: a power of two near the
        median threshold, so that nothing is rounded by it and no number is out of range."""
        middle = float(self.c[np.searchsorted(np.cumsum(self.c_weight), 0.5)])
        return 2.0 ** round(math.log2(middle))

    def over(self, unit: float) -> Chain:
        """Return the chain in a unit of stress."""
        return replace(self, c=self.c / unit, x=self.x / unit)

    def means(self, D: Floats | float, g: float, split: bool = False) -> Means:
        """Return the stationary means at given D (any shape) and g >= 0."""
        D = np.asarray(D, dtype=np.float64)[..., None, None]
        c = self.c[:, None]
        go = _parities if split else _plainly
        # from a landing after a yield on the right, at +x, and on the left, at -x
        after_right = _mean(go(c, self.x, D, g), self.x_weight)
        after_left = _mean(go(c, -self.x, D, g), self.x_weight)
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
        return Means(
            (_even(rate) * group_weight).sum(-1),
            (_odd(rate * total.stress_time, split) * group_weight).sum(-1),
            (_even(rate * released) * group_weight).sum(-1),
            share,
        )

    def splits(self, D: float, g: float) -> bool:
        """True where even and odd parts must be kept apart."""
        return 2.0 * g * float(self.c.min()) < D

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
        down = np.where(stuck, D / lam / lam * np.exp(-g / D * span), to_left)
        return up / (up + down), down / (up + down)

    def mixture(self, visits: Floats) -> tuple[tuple[float, float, float], ...]:
        """Return the landing rates as (weight, threshold, landing point), without zeros."""
        terms: list[tuple[float, float, float]] = []
        for j, (c, w) in enumerate(zip(self.c, self.c_weight, strict=True)):
            on_right, on_left = visits[0 if self.redraws else j]
            for x, p in zip(self.x, self.x_weight, strict=True):
                terms += [(w * p * on_right, c, x), (w * p * on_left, c, -x)]
        return tuple((float(a), float(b), float(d)) for a, b, d in terms if a > 0.0)


def _plainly(c: Floats, x: Floats, D: Floats, g: float) -> Cycle:
    return cycle(c, x, D, g, False)


def _parities(c: Floats, x: Floats, D: Floats, g: float) -> Cycle:
    """Return the means over one cycle as pairs of even and odd part in g.

    Where k c is small by series; elsewhere from the cycles at g and at -g, whose mirror image is
    that at g from -x.
    """
    near = 2.0 * np.maximum(c, np.abs(x)) * g <= D
    if np.all(near):
        return cycle(c, x, D, g, True)
    longest = 0.5 * D / g
    small = cycle(np.minimum(c, longest), np.clip(x, -longest, longest), D, g, True)
    one, other = cycle(c, x, D, g, False), cycle(c, -x, D, g, False)
    mirrored = Cycle(
        other.left,
        other.right,
        other.time,
        -other.stress_time,
        -other.left_stress,
        other.left_square,
        -other.right_stress,
        other.right_square,
    )
    return Cycle(
        *(
            Parity(np.where(near, s.even, 0.5 * (a + b)), np.where(near, s.odd, 0.5 * (a - b)))
            for s, a, b in zip(small, one, mirrored, strict=True)
        )
    )


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
