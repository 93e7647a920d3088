"""The stationary masses of a model on a grid, for a given D: the null vector of its generator.

It comes from the renewal argument, not from marching in time: what yields, lands and stays for a
mean time that one tridiagonal elimination gives. By the landing rule there are three ways.

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

Nothing is renormalised but the null vector itself: to unit mass, or to the mass of every class
where thresholds are quenched.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.solvers.generator import Generator

__all__ = ["Occupation", "Stationary"]

Floats = NDArray[np.float64]

_RESIDUAL = 3e-15
"""Residual of the yield, relative to its sum, at which it is stationary to round-off."""
_POOLINGS = 60
"""Turns of pass and sweep after which GMRES takes over."""
_MOST_MARCHED = 8
"""Landing lines up to which a pass from the tails inwards is cheaper than sweeps."""
_KRYLOV = 40
"""Directions of one GMRES cycle."""
_CYCLES = 60
"""GMRES cycles after which the iteration has failed."""
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
        self.model = model
        self.generator = generator
        self.shear_rate = shear_rate
        self._yielded: Floats | None = None
        self._pulses: list[Floats] | None = None
        self._pooled: Floats | None = None
        self._blocks: tuple[Floats, Floats] | None = None
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
        from hebraud._kernels.tridiagonal import weigh

        generator = self.generator
        hops = generator.transport(diffusion, self.shear_rate)
        residual = 0.0
        fixed = self.model.relaxation.fixed_points is not None
        if self._inwards and not generator.redraws and not fixed:
            mass, occupied, yielded = _march(generator, *hops, generator.rates, generator.weights)
            return self._occupation(mass, occupied, yielded, residual)
        if fixed:
            mass = self._by_side(_stay(generator, generator.rates, *hops))
        else:
            accuracy = max(accuracy, _RESIDUAL)
            found = self._by_pooling(*hops, accuracy) if self._inwards else None
            mass, residual = self._by_sweeps(*hops, accuracy) if found is None else found
        # to unit mass, or to the weight of each quenched class
        total = mass.sum(axis=0)
        scale = (
            np.full(total.size, 1.0 / total.sum())
            if generator.redraws
            else generator.weights / total
        )
        occupied, yielded = np.empty_like(generator.release), np.empty_like(generator.release)
        weigh(generator.rates, mass, scale, occupied, yielded)
        return self._occupation(mass, occupied, yielded, residual)

    def _occupation(
        self, mass: Floats, occupied: Floats, yielded: Floats, residual: float
    ) -> Occupation:
        generator = self.generator
        return Occupation(
            mass,
            float(generator.grid.centres @ occupied),
            float(yielded.sum()),
            float(generator.release_square @ yielded),
            residual,
        )

    def follow(self, other: Stationary) -> None:
        """Start from what the null vector of another grid says of the rates of yielding."""
        if other._pooled is not None:
            at, known = self.generator.grid.centres, other.generator.grid.centres
            self._pooled = np.interp(at, known, other._pooled[:, 0])[:, None]

    def _by_side(self, stay: Callable[..., Floats]) -> Floats:
        from hebraud._kernels.tridiagonal import side_yields

        generator = self.generator
        one = np.ones(generator.thresholds.size)
        stays = [stay(landed, one) for landed in self._landed()]
        ends = [side_yields(generator.rates, m, generator.grid.first_right) for m in stays]
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
            both = self.generator.land(ends)
            left, right = both[:, :1].copy(), both[:, 1:].copy()
            self._pulses = [left] if np.array_equal(left, right) else [left, right]
        return self._pulses

    def _by_pooling(self, up: Floats, down: Floats, accuracy: float) -> tuple[Floats, float] | None:
        """Return masses and residual by turns of pass and sweep; None if they do not converge."""
        from hebraud._kernels.tridiagonal import factor, occupation, pool

        generator, middle = self.generator, self.generator.grid.first_right
        if self._blocks is None:
            self._blocks = _in_blocks(generator.rates, generator.weights)
        rates, shares = self._blocks
        inverse, leak = np.empty_like(rates), np.empty((rates.shape[0], 2, rates.shape[2]))
        for block in zip(rates, inverse, leak, strict=True):
            factor(up, down, block[0], middle, *block[1:])
        pooled, self._pooled = self._pooled, None
        if pooled is None:
            pooled = np.einsum("ij,j->i", generator.rates, generator.weights)[:, None]
        image, room = np.empty_like(pooled), np.empty(rates.shape[1:])
        best = math.inf
        for _ in range(_POOLINGS):
            _, _, yielded = _march(generator, up, down, pooled, np.ones(1))
            yielded = (yielded / yielded.sum())[:, None]
            landed = generator.land(yielded)
            pool(up, down, inverse, leak, middle, landed, shares, rates, room, image, pooled)
            error = float(np.abs(image - yielded).sum() / image.sum())
            if error <= accuracy or (error <= 100.0 * _RESIDUAL and error > 0.3 * best):
                self._pooled, self._yielded = pooled, image
                mass = np.empty_like(generator.rates)
                for i in range(shares.shape[0]):
                    occupation(up, down, inverse[i], leak[i], middle, landed, shares[i], room)
                    own = slice(i * shares.shape[1], (i + 1) * shares.shape[1])
                    mass[:, own] = room[:, : mass[:, own].shape[1]]
                return mass, error
            if not error < 1e6 * best:
                return None
            best = min(best, error)
        return None

    def _by_sweeps(self, up: Floats, down: Floats, accuracy: float) -> tuple[Floats, float]:
        """Return masses and residual by GMRES: all classes at once where blocks change class."""
        generator = self.generator
        classes = generator.weights.size
        together = classes if generator.redraws else _TOGETHER
        start = self._yielded
        found = [
            self._swept(up, down, slice(first, first + together), start, accuracy)
            for first in range(0, classes, together)
        ]
        masses, yields, residuals = zip(*found, strict=True)
        self._yielded = np.hstack(yields)
        return np.hstack(masses), max(residuals)

    def _swept(
        self, up: Floats, down: Floats, part: slice, start: Floats | None, accuracy: float
    ) -> tuple[Floats, Floats, float]:
        """Return masses, yield and residual of some classes that are closed among themselves."""
        from hebraud._kernels.tridiagonal import yields

        generator = self.generator
        rates = np.ascontiguousarray(generator.rates[:, part])
        stay = _stay(generator, rates, up, down)
        columns = 1 if generator.redraws else rates.shape[1]
        share = generator.weights if generator.redraws else np.ones(columns)

        def sweep(yielded: Floats) -> Floats:
            out = np.empty_like(yielded)
            yields(rates, stay(generator.land(yielded), share), out)
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
        yielded, residual = _fixed_point(sweep, begin / begin.sum(axis=0), accuracy, what)
        return stay(generator.land(yielded), share), yielded, residual


def _in_blocks(rates: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Return rates, (blocks, cells, classes of a block), and shares, (blocks, classes of a block).

    What fills up the last block has a share of zero.
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
    from hebraud._kernels.tridiagonal import factor, occupation

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
    from hebraud._kernels.landing import march

    mass, occupied, yielded = np.empty_like(sink), *np.empty((2, sink.shape[0]))
    lower, share, weight = generator.lower, generator.share, generator.line_weight
    middle = generator.grid.first_right
    march(up, down, sink, lower, share, weight, middle, amounts, mass, occupied, yielded)
    return mass, occupied, yielded


def _fixed_point(
    sweep: Callable[[Floats], Floats], start: Floats, accuracy: float, what: str
) -> tuple[Floats, float]:
    """Return the positive fixed point of a linear map that conserves sums of columns, and residual.

    Restarted GMRES for the correction. Every cycle starts from a positive vector: no entry falls
    by more than a factor 100 in one cycle. That chooses the next start and its inner product, not
    the answer: the answer is an image of the map, accepted by its residual.
    """
    yielded = start
    best = math.inf
    for _ in range(_CYCLES):
        image = sweep(yielded)
        misfit = image - yielded
        errors = np.abs(misfit).sum(axis=0) / yielded.sum(axis=0)
        error = float(errors.max())
        if error <= accuracy or (error <= 100.0 * _RESIDUAL and error > 0.3 * best):
            return image, error
        best = min(best, error)
        scale = np.sqrt(np.where(yielded > 0.0, yielded, 1.0))

        def apply(y: Floats, scale: Floats = scale) -> Floats:
            return y - sweep(scale * y) / scale

        reduction = 0.1 * accuracy / np.maximum(errors, 0.1 * accuracy)
        step = scale * _gmres(apply, misfit / scale, reduction)
        yielded = sweep(np.maximum(yielded + step, 0.01 * yielded))
    raise ConvergenceError(
        f"the yield of {what} did not become stationary: relative residual {best:.1e} after "
        f"{_CYCLES} GMRES cycles; try FiniteVolume with fewer cells, or a larger drop"
    )


def _gmres(apply: Callable[[Floats], Floats], right: Floats, reduction: Floats) -> Floats:
    """Return an approximate solution of ``apply(y) = right``, one cycle from zero.

    Each column is a problem of its own, with its own ``reduction`` of the residual. A column that
    is solved goes on with directions of length zero.
    """
    columns = right.shape[1]
    norm = np.linalg.norm(right, axis=0)
    basis = np.empty((_KRYLOV + 1, *right.shape))
    basis[0] = right / np.where(norm > 0.0, norm, 1.0)
    triangle = np.zeros((columns, _KRYLOV, _KRYLOV))
    target = np.zeros((_KRYLOV + 1, columns))
    target[0] = norm
    rotations: list[tuple[Floats, Floats]] = []
    for m in range(_KRYLOV):
        new = apply(basis[m])
        column = np.zeros((m + 2, columns))
        for _ in range(2):
            part = np.einsum("mij,ij->mj", basis[: m + 1], new)
            new = new - np.einsum("mj,mij->ij", part, basis[: m + 1])
            column[: m + 1] += part
        column[m + 1] = length = np.linalg.norm(new, axis=0)
        for i, (c, s) in enumerate(rotations):
            column[i], column[i + 1] = (
                c * column[i] + s * column[i + 1],
                c * column[i + 1] - s * column[i],
            )
        radius = np.hypot(column[m], length)
        done = length <= 1e-15 * radius
        inverse = 1.0 / np.where(radius > 0.0, radius, 1.0)
        c, s = np.where(done, 1.0, column[m] * inverse), np.where(done, 0.0, length * inverse)
        rotations.append((c, s))
        triangle[:, :m, m] = column[:m].T
        triangle[:, m, m] = np.where(radius > 0.0, radius, 1.0)
        target[m], target[m + 1] = c * target[m], -s * target[m]
        if np.all(np.abs(target[m + 1]) <= reduction * norm):
            break
        basis[m + 1] = new / np.where(done, np.inf, length)
    size = len(rotations)
    weights = np.linalg.solve(triangle[:, :size, :size], target[:size].T[:, :, None])[:, :, 0]
    return np.asarray(np.einsum("jm,mij->ij", weights, basis[:size]))
