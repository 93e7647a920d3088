"""The two-state chain of a block's cycles, and the stationary means that follow from it.

Where a block lands depends only on the side on which it yielded. The means over one cycle are those
of :mod:`hebraud.analytic.renewal`; here they are averaged over landing points, over thresholds
where these are redrawn, and over the two sides in their stationary fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

from hebraud._typing import Floats
from hebraud.analytic.parity import Parity
from hebraud.analytic.renewal import Cycle, cycle, split_cycle
from hebraud.model.model import Model

__all__ = ["Chain", "Means"]

T = TypeVar("T", Floats, Parity)


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
        if split:
            pairs = self._averaged(_parities, D, g)
            to_right, to_left = pairs[1].right, pairs[0].left
            crossings = to_right + to_left
            return self._stationary(*pairs, to_right / crossings, to_left / crossings)
        plain = self._averaged(cycle, D, g)
        on_right, on_left = self._sides(plain[1].right, plain[0].left, D[..., 0], g)
        return self._stationary(*plain, on_right, on_left)

    def _averaged(
        self, means: Callable[[Floats, Floats, Floats, float], Cycle[T]], D: Floats, g: float
    ) -> tuple[Cycle[T], Cycle[T]]:
        """Return the means after a yield on the right, which lands at +x, and on the left."""
        c = self.c[:, None]
        after_right = _mean(means(c, self.x, D, g), self.x_weight)
        after_left = _mean(means(c, -self.x, D, g), self.x_weight)
        if self.redraws:
            after_right = _pool(_mean(after_right, self.c_weight))
            after_left = _pool(_mean(after_left, self.c_weight))
        return after_right, after_left

    def _stationary(
        self, after_right: Cycle[T], after_left: Cycle[T], on_right: T, on_left: T
    ) -> Means:
        """Return the means of all blocks from the fractions of yields on either side."""
        group_weight = np.ones(1) if self.redraws else self.c_weight
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
        visits = np.stack(np.broadcast_arrays(_value(rate * on_right), _value(rate * on_left)), -1)
        return Means(
            (_even(rate) * group_weight).sum(-1),
            (_odd(rate * total.stress_time) * group_weight).sum(-1),
            (_even(rate * released) * group_weight).sum(-1),
            visits,
        )

    def splits(self, D: float, g: float) -> bool:
        """Return True where even and odd parts must be kept apart."""
        return 2.0 * g * float(self.c.min()) < D

    def _sides(
        self, to_right: Floats, to_left: Floats, D: Floats, g: float
    ) -> tuple[Floats, Floats]:
        """Return the fractions of yields on the right and on the left from the crossing chances.

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


def _parities(c: Floats, x: Floats, D: Floats, g: float) -> Cycle[Parity]:
    """Return the means over one cycle as pairs of even and odd part in g.

    Where k c is small by series; elsewhere from the cycles at g and at -g, whose mirror image is
    that at g from -x.
    """
    near = 2.0 * np.maximum(c, np.abs(x)) * g <= D
    if np.all(near):
        return split_cycle(c, x, D, g)
    longest = 0.5 * D / g
    small = split_cycle(np.minimum(c, longest), np.clip(x, -longest, longest), D, g)
    one, other = cycle(c, x, D, g), cycle(c, -x, D, g)
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


def _apply(f: T, operation: Callable[[Floats], Floats]) -> T:
    if isinstance(f, Parity):
        return Parity(operation(np.asarray(f.even)), operation(np.asarray(f.odd)))
    return operation(f)


def _mean(one: Cycle[T], weight: Floats) -> Cycle[T]:
    """Return the weighted mean over the last axis of every field."""
    return Cycle(*(_apply(f, lambda a: (a * weight).sum(-1)) for f in one))


def _pool(one: Cycle[T]) -> Cycle[T]:
    """Return one class for all thresholds."""
    return Cycle(*(_apply(f, lambda a: np.asarray(a)[..., None]) for f in one))


def _value(f: Parity | Floats) -> Floats:
    return np.asarray(f.even + f.odd if isinstance(f, Parity) else f)


def _even(f: Parity | Floats) -> Floats:
    return np.asarray(f.even if isinstance(f, Parity) else f)


def _odd(f: Parity | Floats) -> Floats:
    return np.asarray(f.odd if isinstance(f, Parity) else f)
