"""The stationary masses of a model on a grid, for a given D: the null vector of its generator.

It comes from the renewal argument, not from marching in time: a block that yields lands, and stays
for a mean time that one tridiagonal elimination gives. The landing rule decides between three ways.

- Fixed landings: only the side matters on which a block yielded, and a chain of two states closes
  the problem in O(cells).
- Landings on the side of the yield and nearer to zero: without redrawing, one pass from the tails
  inwards solves every class in O(cells). With redrawing the pass solves the pooled classes for
  given mean rates of yielding, a sweep (land, draw, stay) gives the rates anew, and the two in turn
  converge by a factor of about ten each.
- All others: the yield rho(s) is the fixed point of the sweep, which conserves mass, found by
  GMRES, for each class of its own where thresholds are quenched. It works on rho/sqrt(reference):
  the inner product in which a reversible chain would be symmetric, and in which round-off is
  relative to the square root of the density, so that the tails come out positive with no clipping.

Where cells are wider than 2 D/|g| the hops of the generator spread blocks by more than D. The
masses are then those of hops that depend on the masses, so as to spread them by D to second order.

Nothing is renormalised but the null vector itself: to unit mass, or to the mass of every class
where thresholds are quenched.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.steady.fixed_point import ROUND_OFF, fixed_point

__all__ = ["Occupation", "Stationary"]

Floats = NDArray[np.float64]

_POOLINGS = 60
"""Turns of pass and sweep after which GMRES takes over."""
_TURNS = 200
"""Turns of masses and speeds after which the iteration has failed; some 50 come to round-off."""
_MOST_MARCHED = 8
"""Landing lines up to which a pass from the tails inwards is cheaper than sweeps."""
_TOGETHER = 16
"""Classes that are swept side by side: as many as stay in the cache."""


@dataclass(frozen=True, eq=False)
class Occupation:
    """The null vector for one D: ``mass`` is (cells, classes), then three linear functionals.

    ``residual`` is that of the yield, relative to its sum; zero where nothing was iterated.
    """

    mass: Floats
    stress: float
    activity: float
    released_square: float
    residual: float


class Stationary:
    """One generator at one shear rate: the null vector for any D, with a warm start."""

    def __init__(self, model: Model, generator: Generator, shear_rate: float) -> None:
        if generator.others:
            raise ValueError("stationary states know no jumps but those of yielding, got others")
        self.model = model
        self.generator = generator
        self.shear_rate = shear_rate
        self._yielded: Floats | None = None
        self._pulses: list[Floats] | None = None
        self._pooled: Floats | None = None
        self._blocks = functools.cache(lambda: _in_blocks(generator.rates, generator.weights))
        self._speed: Floats | None = None
        lines = model.relaxation.quadrature(_MOST_MARCHED + 1)
        self._inwards = lines.weight.size <= _MOST_MARCHED and bool(
            np.all(lines.scale >= 0.0) and np.all(lines.scale <= 1.0) and not np.any(lines.offset)
        )

    @property
    def warm(self) -> bool:
        """True where the next null vector starts from one that was found before."""
        return self._yielded is not None

    def occupation(self, diffusion: float, accuracy: float = 0.0) -> Occupation:
        """Return the stationary masses for a given D.

        ``accuracy`` is the residual of the yield, relative to its sum, to be content with; zero
        asks for round-off.

        Raises
        ------
        ConvergenceError
            If the yield does not become stationary.
        """
        from hebraud._kernels.grids.sums import weigh

        generator = self.generator
        hops = generator.transport(diffusion, self.shear_rate)
        share = generator.excess(diffusion, self.shear_rate)
        if share.any():
            mass, residual = self._sharpened(hops, share, accuracy)
        else:
            mass, residual = self._masses(hops, generator.rates, accuracy)
        # to unit mass, or to the weight of each quenched class
        total = mass.sum(axis=0)
        scale = (
            np.full(total.size, 1.0 / total.sum())
            if generator.redraws
            else generator.weights / total
        )
        occupied, yielded = np.empty((2, generator.grid.centres.size))
        weigh(generator.rates, mass, scale, occupied, yielded)
        return Occupation(
            mass,
            float(generator.grid.centres @ occupied),
            float(yielded.sum()),
            float(generator.landing.release_square @ yielded),
            residual,
        )

    def _masses(
        self, hops: tuple[Floats, Floats], rates: Floats, accuracy: float
    ) -> tuple[Floats, float]:
        """Return masses for given hops and rates of yielding, and the residual of the yield."""
        generator = self.generator
        fixed = self.model.relaxation.fixed_points is not None
        if self._inwards and not generator.redraws and not fixed:
            return _march(generator, *hops, rates, generator.weights)[0], 0.0
        if fixed:
            return self._by_side(rates, _stay(generator, rates, *hops)), 0.0
        accuracy = max(accuracy, ROUND_OFF)
        found = self._by_pooling(*hops, rates, accuracy) if self._inwards else None
        return self._by_sweeps(*hops, rates, accuracy) if found is None else found

    def _sharpened(
        self, hops: tuple[Floats, Floats], share: Floats, accuracy: float
    ) -> tuple[Floats, float]:
        """Return masses, as `_masses`, without the excess of spreading, ``share`` face by face.

        Blocks leave a cell faster by factors that follow from the masses (`sharpen`), class by
        class. To the other parts of the chain that looks like slower yielding in larger masses.
        Masses and factors in turn converge by a factor of two or better each.
        """
        from hebraud._kernels.grids.hops import sharpen

        rates, aim = self.generator.rates, max(accuracy, ROUND_OFF)
        speed = np.ones_like(rates) if self._speed is None else self._speed
        change, best = 1.0, math.inf
        for _ in range(_TURNS):
            mass, residual = self._masses(hops, rates / speed, max(aim, 0.01 * change))
            mass /= speed
            change = sharpen(mass, share, self.shear_rate, speed)
            settled = change <= aim or (change <= 100.0 * ROUND_OFF and change > 0.9 * best)
            if settled and residual <= max(aim, 100.0 * ROUND_OFF):
                self._speed = speed
                return mass, max(residual, change)
            best = min(best, change)
        raise ConvergenceError(
            f"the masses of {self.model!r} at shear rate {self.shear_rate:g} did not settle where "
            f"cells are wider than 2 D/|g|: they still change by {change:.1e} of themselves after "
            f"{_TURNS} turns; try FiniteVolume with more cells"
        )

    def follow(self, other: Stationary) -> None:
        """Start from what the null vector of another grid says of the rates of yielding."""
        if other._pooled is not None:
            at, known = self.generator.grid.centres, other.generator.grid.centres
            self._pooled = np.interp(at, known, other._pooled[:, 0])[:, None]

    def _by_side(self, rates: Floats, stay: Callable[..., Floats]) -> Floats:
        from hebraud._kernels.grids.sums import side_yields

        generator = self.generator
        one = np.ones(generator.thresholds.size)
        stays = [stay(landed, one) for landed in self._landed()]
        ends = [side_yields(rates, m, generator.grid.first_right) for m in stays]
        draw = generator.weights if generator.redraws else one
        # rates of crossing: from a landing on the left to a yield on the right, and back
        leave_left, leave_right = ends[0][1], ends[-1][0]
        if generator.redraws:
            leave_left, leave_right = draw @ leave_left * one, draw @ leave_right * one
        total = leave_left + leave_right
        if not np.all(total > 0.0):
            raise ConvergenceError(
                "blocks never cross from one side of zero stress to the other at shear rate "
                f"{self.shear_rate:g}: the two sides have no common stationary state; ask for a "
                "shear rate that is not zero, or a larger D"
            )
        if len(stays) == 1:
            return np.asarray(draw * stays[0])
        one, other = draw * leave_right / total, draw * leave_left / total
        return np.asarray(stays[0] * one + stays[1] * other)

    def _landed(self) -> list[Floats]:
        """Return what lands where for a yield on the left and on the right, once if the same."""
        if self._pulses is None:
            ends = np.zeros((self.generator.grid.centres.size, 2))
            ends[0, 0] = ends[-1, 1] = 1.0
            both = self.generator.landing.land(ends)
            left, right = both[:, :1].copy(), both[:, 1:].copy()
            self._pulses = [left] if np.array_equal(left, right) else [left, right]
        return self._pulses

    def _by_pooling(
        self, up: Floats, down: Floats, all_rates: Floats, accuracy: float
    ) -> tuple[Floats, float] | None:
        """Return masses and residual by turns of pass and sweep; None if they do not converge."""
        from hebraud._kernels.grids.elimination import factor, occupation
        from hebraud._kernels.grids.sums import pool

        generator, middle = self.generator, self.generator.grid.first_right
        plain = all_rates is generator.rates
        rates, shares = self._blocks() if plain else _in_blocks(all_rates, generator.weights)
        inverse, leak = np.empty_like(rates), np.empty((rates.shape[0], 2, rates.shape[2]))
        for block in zip(rates, inverse, leak, strict=True):
            factor(up, down, block[0], middle, *block[1:])
        pooled, self._pooled = self._pooled, None
        if pooled is None:
            pooled = np.einsum("ij,j->i", all_rates, generator.weights)[:, None]
        image, room = np.empty_like(pooled), np.empty(rates.shape[1:])
        best = math.inf
        for _ in range(_POOLINGS):
            _, _, yielded = _march(generator, up, down, pooled, np.ones(1))
            yielded = (yielded / yielded.sum())[:, None]
            landed = generator.landing.land(yielded)
            pool(up, down, inverse, leak, middle, landed, shares, rates, room, image, pooled)
            error = float(np.abs(image - yielded).sum() / image.sum())
            if error <= accuracy or (error <= 100.0 * ROUND_OFF and error > 0.3 * best):
                self._pooled, self._yielded = pooled, image
                mass = np.empty_like(all_rates)
                for i in range(shares.shape[0]):
                    occupation(up, down, inverse[i], leak[i], middle, landed, shares[i], room)
                    own = slice(i * shares.shape[1], (i + 1) * shares.shape[1])
                    mass[:, own] = room[:, : mass[:, own].shape[1]]
                return mass, error
            if not error < 1e6 * best:
                return None
            best = min(best, error)
        return None

    def _by_sweeps(
        self, up: Floats, down: Floats, rates: Floats, accuracy: float
    ) -> tuple[Floats, float]:
        """Return masses and residual by GMRES: all classes at once where blocks change class."""
        generator = self.generator
        classes = generator.weights.size
        together = classes if generator.redraws else _TOGETHER
        start = self._yielded
        found = [
            self._swept(up, down, rates, slice(first, first + together), start, accuracy)
            for first in range(0, classes, together)
        ]
        masses, yields, residuals = zip(*found, strict=True)
        self._yielded = np.hstack(yields)
        return np.hstack(masses), max(residuals)

    def _swept(
        self,
        up: Floats,
        down: Floats,
        all_rates: Floats,
        part: slice,
        start: Floats | None,
        accuracy: float,
    ) -> tuple[Floats, Floats, float]:
        """Return masses, yield and residual of some classes that are closed among themselves."""
        from hebraud._kernels.grids.sums import yields

        generator = self.generator
        rates = np.ascontiguousarray(all_rates[:, part])
        stay = _stay(generator, rates, up, down)
        columns = 1 if generator.redraws else rates.shape[1]
        share = generator.weights if generator.redraws else np.ones(columns)

        def sweep(yielded: Floats) -> Floats:
            out = np.empty_like(yielded)
            yields(rates, stay(generator.landing.land(yielded), share), out)
            return out

        if start is None:
            grid = generator.grid
            far = np.where(grid.centres > 0.0, grid.faces[-1], grid.faces[0])
            broad = grid.widths * np.exp(-8.0 * grid.centres / far)
            begin = np.empty((rates.shape[0], columns))
            yields(rates, broad[:, None] * np.ones_like(rates), begin)
            for _ in range(3):
                begin = sweep(begin)
        else:
            begin = start if generator.redraws else np.ascontiguousarray(start[:, part])
        what = f"{self.model!r} at shear rate {self.shear_rate:g}"
        yielded, residual = fixed_point(sweep, begin / begin.sum(axis=0), accuracy, what)
        return stay(generator.landing.land(yielded), share), yielded, residual


def _in_blocks(rates: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Return rates, (blocks, cells, classes of a block), and shares, (blocks, classes of a block).

    Classes of weight zero fill up the last block.
    """
    cells, classes = rates.shape
    blocks = -(-classes // _TOGETHER)
    together = -(-classes // blocks)
    spare = blocks * together - classes
    filled = np.pad(rates, ((0, 0), (0, spare)), mode="edge").reshape(cells, blocks, together)
    packed = np.ascontiguousarray(filled.transpose(1, 0, 2))
    return packed, np.pad(shares, (0, spare)).reshape(blocks, together)


def _stay(generator: Generator, rates: Floats, up: Floats, down: Floats) -> Callable[..., Floats]:
    """Return the map from what lands, and how it is shared out to classes, to what it occupies."""
    from hebraud._kernels.grids.elimination import factor, occupation

    middle = generator.grid.first_right
    inverse, leak = np.empty_like(rates), np.empty((2, rates.shape[1]))
    factor(up, down, rates, middle, inverse, leak)

    def stay(source: Floats, shares: Floats) -> Floats:
        mass = np.empty_like(rates)
        occupation(up, down, inverse, leak, middle, source, shares, mass)
        return mass

    return stay


def _march(
    generator: Generator, up: Floats, down: Floats, sink: Floats, amounts: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the null vector of every class by itself, for rates of yielding ``sink``.

    Then the mass and the yield of every cell, all classes together; ``amounts``: of each class.
    """
    from hebraud._kernels.grids.landing import march

    landing = generator.landing
    mass, occupied, yielded = np.empty_like(sink), *np.empty((2, sink.shape[0]))
    lower, below, above = landing.lower, landing.below, landing.above
    middle = generator.grid.first_right
    march(up, down, sink, lower, below, above, middle, amounts, mass, occupied, yielded)
    return mass, occupied, yielded
