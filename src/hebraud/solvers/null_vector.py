"""The stationary masses of a model on a grid, for a given D: the null vector of its generator.

It comes from the renewal argument, not from marching: what yields, lands and stays for a mean
time that one tridiagonal elimination gives. With fixed landings only the side matters on which
a block yielded, and a chain of two states closes the problem in O(cells). With other landing
rules the yield rho(s) is the fixed point of a mass-conserving map, found by GMRES with sweeps of
O(cells).

The GMRES works on rho/sqrt(reference): the inner product in which a reversible chain would be
symmetric, and in which round-off is relative to the square root of the density, so that the
tails come out positive with no clipping. Nothing is renormalised but the null vector itself: to
unit mass, or to the mass of every class where thresholds are quenched.
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
"""Residual of the yield, relative to its sum, at which it is stationary."""
_KRYLOV = 40
"""Directions of one GMRES cycle."""
_CYCLES = 60
"""GMRES cycles after which the iteration has failed."""


@dataclass(frozen=True, eq=False)
class Occupation:
    """The null vector for one D: ``mass`` is (cells, classes), the rest its linear functionals."""

    mass: Floats
    stress: float
    activity: float
    released_square: float


class Stationary:
    """One generator at one shear rate: the null vector for any D, with a warm start."""

    def __init__(self, model: Model, generator: Generator, shear_rate: float) -> None:
        self.model = model
        self.generator = generator
        self.shear_rate = shear_rate
        self._yielded: Floats | None = None
        self._pulses: list[Floats] | None = None

    def occupation(self, diffusion: float) -> Occupation:
        """Return the stationary masses for a given D.

        Raises
        ------
        ConvergenceError
            If the yield does not become stationary.
        """
        from hebraud._kernels.tridiagonal import factor, occupation

        generator = self.generator
        rates, middle = generator.rates, generator.grid.first_right
        up, down = generator.transport(diffusion, self.shear_rate)
        inverse, leak = np.empty_like(rates), np.empty((2, rates.shape[1]))
        factor(up, down, rates, middle, inverse, leak)

        def stay(source: Floats, shares: Floats) -> Floats:
            mass = np.empty_like(rates)
            occupation(up, down, inverse, leak, middle, source, shares, mass)
            return mass

        if self.model.relaxation.fixed_points is not None:
            mass = self._by_side(stay)
        else:
            mass = self._by_sweeps(stay)
        yielded = np.einsum("ij,ij->i", generator.rates, mass)
        return Occupation(
            mass,
            float(generator.grid.centres @ mass.sum(axis=1)),
            float(yielded.sum()),
            float(generator.release_square @ yielded),
        )

    def _share_out(self, mass: Floats) -> Floats:
        """Scale a null vector to unit mass, or to the weight of each quenched class."""
        generator = self.generator
        if generator.redraws:
            return np.asarray(mass / mass.sum())
        return np.asarray(mass * (generator.weights / mass.sum(axis=0)))

    def _by_side(self, stay: Callable[[Floats, Floats], Floats]) -> Floats:
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
            return self._share_out(draw * stays[0])
        return self._share_out(
            stays[0] * (draw * leave_right / total) + stays[1] * (draw * leave_left / total)
        )

    def _landed(self) -> list[Floats]:
        """Return what lands where for a yield on the left and on the right, once if the same."""
        if self._pulses is None:
            ends = np.zeros((self.generator.grid.centres.size, 2))
            ends[0, 0] = ends[-1, 1] = 1.0
            both = self.generator.land(ends)
            left, right = both[:, :1].copy(), both[:, 1:].copy()
            self._pulses = [left] if np.array_equal(left, right) else [left, right]
        return self._pulses

    def _by_sweeps(self, stay: Callable[[Floats, Floats], Floats]) -> Floats:
        from hebraud._kernels.tridiagonal import yields

        generator = self.generator
        rates = generator.rates
        columns = 1 if generator.redraws else rates.shape[1]
        share = generator.weights if columns == 1 else np.ones(columns)

        def sweep(yielded: Floats) -> Floats:
            out = np.empty_like(yielded)
            yields(rates, stay(generator.land(yielded), share), out)
            return out

        start = self._yielded
        if start is None:
            grid = generator.grid
            far = np.where(grid.centres > 0.0, grid.faces[-1], grid.faces[0])
            broad = grid.widths * np.exp(-8.0 * grid.centres / far)
            start = np.empty((rates.shape[0], columns))
            yields(rates, broad[:, None] * np.ones_like(rates), start)
            for _ in range(3):
                start = sweep(start)
        yielded = _fixed_point(sweep, start / start.sum(axis=0), self._what())
        self._yielded = yielded
        return self._share_out(stay(generator.land(yielded), share))

    def _what(self) -> str:
        return f"{self.model!r} at shear rate {self.shear_rate:g}"


def _fixed_point(sweep: Callable[[Floats], Floats], start: Floats, what: str) -> Floats:
    """Return the positive fixed point of a linear map that conserves the sum of each column.

    Restarted GMRES for the correction. Every cycle starts from a positive vector: no entry falls
    by more than a factor 100 in one cycle. That chooses the next start and its inner product, not
    the answer: the answer is an image of the map, accepted by its residual.
    """
    yielded = start
    best = math.inf
    for _ in range(_CYCLES):
        image = sweep(yielded)
        misfit = image - yielded
        error = float(np.max(np.abs(misfit).sum(axis=0) / yielded.sum(axis=0)))
        if error <= _RESIDUAL or (error <= 100.0 * _RESIDUAL and error > 0.3 * best):
            return image
        best = min(best, error)
        scale = np.sqrt(np.where(yielded > 0.0, yielded, 1.0))

        def apply(y: Floats, scale: Floats = scale) -> Floats:
            return y - sweep(scale * y) / scale

        step = scale * _gmres(apply, misfit / scale, 0.1 * _RESIDUAL / error)
        yielded = sweep(np.maximum(yielded + step, 0.01 * yielded))
    raise ConvergenceError(
        f"the yield of {what} did not become stationary: relative residual {best:.1e} after "
        f"{_CYCLES} GMRES cycles; try FiniteVolume with fewer cells, or a larger drop"
    )


def _gmres(apply: Callable[[Floats], Floats], right: Floats, reduction: float) -> Floats:
    """Return an approximate solution of ``apply(y) = right``, one cycle from zero."""
    norm = float(np.linalg.norm(right))
    basis = np.empty((_KRYLOV + 1, right.size))
    basis[0] = right.ravel() / norm
    triangle = np.zeros((_KRYLOV, _KRYLOV))
    target = np.zeros(_KRYLOV + 1)
    target[0] = norm
    rotations: list[tuple[float, float]] = []
    for m in range(_KRYLOV):
        new = apply(basis[m].reshape(right.shape)).ravel()
        column = np.zeros(m + 2)
        for _ in range(2):
            part = basis[: m + 1] @ new
            new = new - part @ basis[: m + 1]
            column[: m + 1] += part
        column[m + 1] = length = float(np.linalg.norm(new))
        for i, (c, s) in enumerate(rotations):
            column[i : i + 2] = c * column[i] + s * column[i + 1], c * column[i + 1] - s * column[i]
        radius = math.hypot(column[m], length)
        if radius == 0.0:
            break
        c, s = column[m] / radius, length / radius
        rotations.append((c, s))
        triangle[:m, m], triangle[m, m] = column[:m], radius
        target[m], target[m + 1] = c * target[m], -s * target[m]
        if abs(target[m + 1]) <= reduction * norm or length <= 1e-15 * radius:
            break
        basis[m + 1] = new / length
    size = len(rotations)
    weights = np.linalg.solve(triangle[:size, :size], target[:size])
    return np.asarray((weights @ basis[:size]).reshape(right.shape))
