"""A run in progress: the state, its grid, and the adaptive steps that advance it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.model.starts import Start
from hebraud.solvers.grid import Grid
from hebraud.solvers.population import Population, populated
from hebraud.solvers.rezone import (
    breaks_of,
    feedback,
    holding_landings,
    moved,
    rezoned,
    wanted_sizes,
)
from hebraud.solvers.starts import CellStart
from hebraud.solvers.system import System

__all__ = ["EvolutionFailed", "Row", "Run"]

Floats = NDArray[np.float64]
Rate = Callable[[float], float]


class EvolutionFailed(ConvergenceError):
    """A run that could not meet its tolerance.

    Attributes
    ----------
    time : float
        The time reached, in tau.
    state : Start
        The last good state: a start for another attempt.
    """

    def __init__(self, message: str, time: float, state: Any) -> None:
        super().__init__(message)
        self.time = time
        self.state = state


_STATUS = {
    1: "D (and the shear rate) of a step did not converge",
    2: "the landing of a step did not converge",
    3: "the imposed stress was not reached",
}
_SAFETY = 30.0
_CLOSE = 0.03
_RENEW_EVERY = 12
_FINENESS = 0.03
_CHECK_EVERY = 5
_STRAIN_MOVED = 0.1
_D_MOVED = 0.75
_LARGEST_RATIO = 1.6


@dataclass
class Row:
    """One line of the record."""

    time: float
    strain: float
    shear_rate: float
    stress: float
    activity: float
    diffusion: float
    total: float
    slope: float


class Run:
    """The state of a run, and what advances it."""

    def __init__(
        self,
        model: Model,
        start: Start,
        shift: float,
        rtol: float,
        atol: float,
        cells: int | None,
        fixed_step: float | None,
    ) -> None:
        self.model, self.rtol, self.atol = model, rtol, atol
        self.fineness = max(_FINENESS * rtol**-0.5, 1.0), cells
        self.fixed_step = fixed_step
        self.slopes = np.array(2 * [[1.0, 0.0, 0.0, 1.0, 0.5]])
        self.bias = 0.0
        self.since_renewed = _RENEW_EVERY
        self.close = max(_CLOSE * rtol**0.5, 1e-12)
        blocks = populated(model, start, rtol)
        self.values, self.weights = blocks.values, blocks.weights
        self.lines = min(max(int(self.fineness[0] * 8), 8), 256)
        self.time, self.strain = 0.0, shift
        self.step_size = 0.0
        self.largest_stress = 0.0
        self.frozen_at: float | None = None
        self.report: Callable[[float], None] = lambda time: None
        self.counts = {"steps": 0, "rejected": 0, "solves": 0, "rezoned": 0}
        self._begin(blocks, shift)

    # -- the grid ----------------------------------------------------------------------------------
    def _begin(self, start: Population, shift: float) -> None:
        low, high = (x + shift for x in start.extent)
        breaks = breaks_of(self.model, self.values)
        left, right = max(-low, -1.05 * breaks[0]), max(high, 1.05 * breaks[-1])
        left, right = holding_landings(self.model, left, right)
        low, high = -left, right
        # from zero outwards, and nothing next to a break: a symmetric start has a symmetric grid
        down, up = np.linspace(0.0, -low, 501), np.linspace(0.0, high, 501)
        uniform = np.concatenate([-down[:0:-1], up])
        apart = np.abs(uniform[:, None] - breaks).min(axis=1) > 1e-9 * (high - low)
        grid = Grid.from_faces(np.sort(np.concatenate([uniform[apart], breaks])))
        system = System(self.model, grid, self.values, self.weights, self.lines)
        mass = np.ascontiguousarray(start.mass(grid.faces - shift).T)
        D = system.means(mass)[3]
        for _ in range(2):
            mass = start.mass(grid.faces - shift).T
            points, size, a, b = wanted_sizes(
                self.model, grid, mass, D, 0.0, system.noise_at_yield, self.values, self.weights
            )
            grid = rezoned(self.model, points, size, a, b, self.values, *self.fineness)
        self.mass = np.ascontiguousarray(start.mass(grid.faces - shift).T)
        self._set(grid)

    def _set(self, grid: Grid) -> None:
        self.system = System(self.model, grid, self.values, self.weights, self.lines)
        self.total, self.stress, self.activity, self.diffusion, self.released = self.system.means(
            self.mass
        )
        self.past: list[tuple[float, float]] = []
        self.zoned = (self.diffusion, self.strain)

    def _wanted(self, grid: Grid, rate: float) -> tuple[Floats, Floats, float, float]:
        """Return what cells the masses want, these on a grid of as many cells."""
        noise = self.system.noise_at_yield
        return wanted_sizes(
            self.model, grid, self.mass, self.diffusion, rate, noise, self.values, self.weights
        )

    def shift_to(self, stress: float) -> None:
        """Shift all stresses at once so that their mean is ``stress``, to round-off.

        The move to another grid keeps the mean to its own order only, so the shift is repeated with
        what is missing.
        """
        before, strain, amount = (self.system.grid, self.mass), self.strain, 0.0
        for _ in range(30):
            miss = stress - self.stress / self.total
            if abs(miss) <= 1e-14 * (1.0 + abs(stress)):
                return
            amount += miss
            grid, mass = before
            self.system.grid, self.mass, self.strain = grid, mass, strain
            self.shift(amount)
        raise self._fail(f"the imposed stress {stress:g} was not reached by an affine jump")

    def shift(self, amount: float) -> None:
        """Shift all stresses at once, and count it as strain."""
        if amount == 0.0:
            return
        old = self.system.grid
        shifted = Grid.from_faces(old.faces + amount)
        points, size, a, b = self._wanted(shifted, 0.0)
        grid = rezoned(self.model, points, size, a, b, self.values, *self.fineness)
        self.mass, _ = moved(old, self.mass, amount, grid)
        self.strain += amount
        self._set(grid)

    def rezone(self, rate: float) -> None:
        """Move to a new grid if the present one is off what is wanted by a factor."""
        self.zoned = (self.diffusion, self.strain)
        old = self.system.grid
        points, size, a, b = self._wanted(old, rate)
        grid = rezoned(self.model, points, size, a, b, self.values, *self.fineness)
        present = np.interp(grid.centres, old.centres, old.widths)
        inside = (grid.centres > old.faces[0]) & (grid.centres < old.faces[-1])
        short = b > old.faces[-1] * 1.02 or a < old.faces[0] * 1.02
        if not short and np.max((present / grid.widths)[inside]) < _LARGEST_RATIO:
            return
        self.mass, _ = moved(old, self.mass, 0.0, grid)
        self._set(grid)
        self.counts["rezoned"] += 1

    def _changed(self) -> bool:
        """True where D or the strain have moved on enough since the grid was last looked at."""
        D, strain = self.zoned
        moved_on = abs(self.strain - strain) > _STRAIN_MOVED * float(self.values[0])
        return moved_on or not _D_MOVED * D < self.diffusion < D / _D_MOVED

    # -- steps -------------------------------------------------------------------------------------
    def row(self, rate: float) -> Row:
        """Return the present line of the record."""
        return Row(
            self.time,
            self.strain,
            rate,
            self.stress,
            self.activity,
            self.diffusion,
            self.total,
            rate * self.total - self.released,
        )

    def final(self) -> CellStart:
        """Return the present state as a start."""
        return CellStart(self.system.grid, self.mass.T.copy(), self.values, self.weights)

    def _fail(self, why: str) -> EvolutionFailed:
        return EvolutionFailed(
            f"{why} at t = {self.time:g} with a step of {self.step_size:.3g} for {self.model!r}; "
            "loosen rtol, or go on from the state attached (error.state) with another tolerance",
            self.time,
            self.final(),
        )

    def advance(
        self,
        rate: Rate | None,
        target: float | None,
        zero: float,
        begin: float,
        end: float,
        record: list[Row],
    ) -> None:
        """Advance from ``begin`` to ``end``; rates are functions of the time since ``zero``."""
        imposed = None if rate is None else (lambda time: float(rate(time - zero)))
        g0 = self._rate(imposed, begin, begin, end)
        record.append(self.row(g0))
        if self.fixed_step is not None:
            self.step_size = self.fixed_step
        elif self.step_size == 0.0 or imposed is None:
            self.step_size = 0.05 * min(end - begin, 1.0) * math.sqrt(self.rtol)
        since = 0
        while self.time < end:
            if self.activity == 0.0 and self.diffusion == 0.0 and self._still(imposed, begin, end):
                if self.frozen_at is None:
                    self.frozen_at = self.time
                self.time = end
                record.append(self.row(0.0))
                return
            self.frozen_at = None
            left = end - self.time
            dt = self.step_size
            if dt >= 0.999 * left:
                dt = left
            elif dt > 0.5 * left:
                dt = 0.5 * left
            g0, accepted = self._try(imposed, target, begin, end, g0, dt, record)
            since += accepted
            self.report(self.time)
            if since >= _CHECK_EVERY and self._changed():
                since = 0
                self.rezone(g0)

    def _rate(self, rate: Rate | None, time: float, begin: float, end: float) -> float:
        """Return the shear rate, one-sided at the ends of a piece; the balance under stress."""
        if rate is None:
            return self.released / self.total
        inside = min(max(time, np.nextafter(begin, end)), np.nextafter(end, begin))
        return rate(float(inside))

    def _still(self, rate: Rate | None, begin: float, end: float) -> bool:
        if rate is None:
            return self.released == 0.0
        times = np.linspace(self.time, end, 33)
        return all(self._rate(rate, float(t), begin, end) == 0.0 for t in times)

    def _try(
        self,
        rate: Rate | None,
        target: float | None,
        begin: float,
        end: float,
        g0: float,
        dt: float,
        record: list[Row],
    ) -> tuple[float, bool]:
        system = self.system
        now, then = self.time, end if dt == end - self.time else self.time + dt
        mid = 0.5 * (now + then)
        gm = g0 if rate is None else self._rate(rate, mid, begin, end)
        g1 = g0 if rate is None else self._rate(rate, then, begin, end)
        h = 0.5 * (then - now)
        D_end = self._foreseen(then)
        D = self.diffusion, self._foreseen(mid), max(D_end + self.bias * h * h, 0.5 * D_end)
        self.since_renewed += 1
        renew = self.since_renewed > _RENEW_EVERY
        (status, solves, D_whole, gm, g1, g_whole, apart, top), ends, means = system.doubled(
            self.mass, h, D, (g0, gm, g1), self.close, renew, self.slopes, target
        )
        if renew:
            self.since_renewed = 0
        middle, last, other = means.tolist()
        error = math.inf
        if not status:
            error = self._error(last, other, h, g0, gm, g1, g_whole, apart, top, rate is None, then)
            self.bias = (D_whole - other[3]) / (h * h)
        self.counts["solves"] += solves
        if status and (self.fixed_step is not None or dt < 1e-13 * (1.0 + now)):
            raise self._fail(_STATUS[status])
        if self.fixed_step is None:
            # half the power of the order: D is foreseen from step to step, and the whole one swings
            factor = 0.95 * error ** (-1.0 / 6.0) if error > 0.0 else 3.0
            if error > 1.0:
                self.counts["rejected"] += 1
                self.since_renewed = _RENEW_EVERY
                self.step_size = dt * max(0.9 * error ** (-1.0 / 3.0), 0.2)
                if self.step_size < 1e-14 * (1.0 + now):
                    raise self._fail("the tolerance could not be met")
                return g0, False
            if dt >= self.step_size or factor < 1.0:
                self.step_size = dt * min(factor, 2.5)
        self.past = [(now, self.diffusion), *self.past[:1]]
        for time, mass, values, g_before, g in (
            (mid, ends[0], middle, g0, gm),
            (then, ends[1], last, gm, g1),
        ):
            self.time, self.mass = time, mass
            self.total, self.stress, self.activity, self.diffusion, self.released = values
            self.strain += h * 0.5 * (g_before + g)
            record.append(self.row(g))
        self.largest_stress = max(self.largest_stress, abs(self.stress))
        self.counts["steps"] += 1
        return g1, True

    def _foreseen(self, time: float) -> float:
        """Return D at a time to come, from the last three: a first guess, never trusted."""
        here, D = self.time, self.diffusion
        if not self.past or self.past[0][0] >= here:
            return D
        (t1, D1) = self.past[0]
        slope = (D - D1) / (here - t1)
        ahead = D + (time - here) * slope
        if len(self.past) > 1:
            t2, D2 = self.past[1]
            bend = (slope - (D1 - D2) / (t1 - t2)) / (here - t2)
            ahead += (time - here) * (time - t1) * bend
        return ahead if 0.5 * D < ahead < 2.0 * D else D

    def _error(
        self,
        last: list[float],
        other: list[float],
        h: float,
        g0: float,
        gm: float,
        g1: float,
        g_whole: float,
        apart: float,
        top: float,
        imposed: bool,
        then: float,
    ) -> float:
        """Return the estimated error of the two halves over what is allowed."""
        size = max(self.largest_stress, abs(last[1]))
        stress = abs(last[1] - other[1])
        if imposed:  # the strain is what is free; it is of the order of the threshold
            size = max(size, float(self.values @ self.weights))
            stress = h * abs(0.5 * (g0 + 2.0 * gm + g1) - (g0 + g_whole))
        share = _SAFETY * self.rtol**0.5
        allowed = share * (self.rtol * size + self.atol)
        activity = abs(last[2] - other[2])
        allowed_activity = share * (self.rtol * last[2] + self.atol / (1.0 + then) ** 2)
        # mass on the wrong side of a stress yields too early or too late: stress to come
        shape = (
            feedback(self.system.noise_at_yield, top) * apart / (share * (self.rtol + self.atol))
        )
        return float(max(stress / allowed, activity / allowed_activity, shape)) / 3.0
