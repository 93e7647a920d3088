"""A run in progress: the state, its grid, and the adaptive steps that advance it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.model.protocols import Segment
from hebraud.model.starts import Start
from hebraud.solvers.chain.distributions import CellStart
from hebraud.solvers.chain.grid import Grid
from hebraud.solvers.chain.knots import run_knots
from hebraud.solvers.chain.landing_lines import run_lines
from hebraud.solvers.history import Row
from hebraud.solvers.transient.carried import CarriedSystem
from hebraud.solvers.transient.cell_sizes import feedback
from hebraud.solvers.transient.failure import EvolutionFailed
from hebraud.solvers.transient.foresight import foreseen, ways_ahead
from hebraud.solvers.transient.grid_motion import AT_REST, Way, way_of
from hebraud.solvers.transient.population import Population, populated
from hebraud.solvers.transient.regrid import GridMaker, moved
from hebraud.solvers.transient.step import Step, Stepper
from hebraud.solvers.transient.strain_path import StrainPath
from hebraud.solvers.transient.system import System

__all__ = ["Run"]

Floats = NDArray[np.float64]


_STATUS = {
    1: "D (and the shear rate) of a step did not converge",
    2: "the landing of a step did not converge",
    3: "the imposed stress was not reached",
}
_SAFETY, _CARRIED_SAFETY = 30.0, 10.0
"""Error allowed in a step on grids that rest and that move, in units of rtol^(3/2): errors of steps
and of cells then both go as rtol in a run."""
_CLOSE = 0.03
"""Relative accuracy of D in a step, in units of sqrt(rtol)."""
_RENEW_EVERY = 12
"""Attempts after which the derivatives of the Newton corrections are made anew."""
_FINENESS = 0.03
"""Number of cells, in units of that of the coarsest grid and of rtol^(-1/2)."""
_CHECK_EVERY = 5
"""Accepted steps between two looks at whether the grid is still fine where it must be."""
_STRAIN_MOVED, _D_MOVED = 0.1, 0.75
"""Strain in units of the smallest threshold, and ratio of D, beyond which it has moved on."""
_LARGEST_RATIO = 1.6
"""Present cell size over that wanted, up to which a grid is kept."""
_ANSWER = 0.8
"""Slope of D - coupling(D) below which cells are finer: D then feeds itself."""
_BEND = 0.05
"""In a step the strain strays from a straight line by at most this times sqrt(rtol), relatively."""
_WEAK, _FINER = 0.1, 1.6
"""Strains up to this fraction of the threshold count as weak, and cells are finer by this factor. A
weak stress depends strongly on the decaying noise, whose error is relative to its largest value
(error of 5.4 rtol at a strain of 1.6e-3 in an ageing glass; 2 rtol with finer cells)."""
_TIMES_MOVED = 4
"""The most moves to a new grid; each brings the mean nearer to the imposed stress."""
_GONE = 0.5
"""Fraction of its way after which a moving grid is made anew."""


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
        max_step: float = math.inf,
        fastest: float = math.inf,
    ) -> None:
        self.model, self.rtol, self.atol = model, rtol, atol
        self.fineness = max(_FINENESS * rtol**-0.5, 1.0)
        self.fixed_step, self.max_step = fixed_step, max_step
        self.slopes = np.array(2 * [[1.0, 0.0, 0.0, 1.0, 0.5]])
        self.bias = 0.0
        self.since_renewed = _RENEW_EVERY
        self.close = max(_CLOSE * rtol**0.5, 1e-12)
        blocks = populated(model, start, rtol, fastest)
        self.values, self.weights = blocks.values, blocks.weights
        self.size = float(self.values @ self.weights)
        self.grids = GridMaker(model, self.values, self.weights, self.fineness, cells)
        self.lines = run_lines(model, self.fineness, 0.0)
        self.knots = run_knots(self.fineness)
        self.way, self.answer = AT_REST, 1.0
        self.system: Stepper
        self.time, self.strain = 0.0, shift
        self.step_size = 0.0
        self.largest_stress = self.largest_diffusion = 0.0
        self.last_rate: tuple[float, float] | None = None
        self.paths: list[StrainPath | None] = []
        self.safety = _SAFETY
        self.weak = self.unsheared = False
        self.frozen_at: float | None = None
        self.report: Callable[[float], None] = lambda time: None
        self.counts = {"steps": 0, "rejected": 0, "solves": 0, "rezoned": 0}
        self._begin(blocks, shift)

    # -- the grid ----------------------------------------------------------------------------------
    def _begin(self, start: Population, shift: float) -> None:
        grid = self.grids.first(start.extent, shift)
        system = System(self.model, grid, self.values, self.weights, self.lines, self.knots)
        mass = np.ascontiguousarray(start.mass(grid.faces - shift).T)
        self.diffusion = D = system.means(mass)[3]
        for _ in range(2):
            mass = start.mass(grid.faces - shift).T
            grid = self.grids.fitted(grid, mass, D, 0.0, system.noise_at_yield)
        self.mass = np.ascontiguousarray(start.mass(grid.faces - shift).T)
        self._set(grid)

    def _set(self, grid: Grid) -> None:
        self.lines = run_lines(self.model, self.fineness, self.diffusion)
        made = self.model, grid, self.values, self.weights, self.lines, self.knots
        if self.way.moves:
            self.system = CarriedSystem(*made, scale=self.way.scale)
        else:
            self.system = System(*made)
        self._measure()
        self.past: list[tuple[float, float]] = []
        self.zoned = (self.diffusion, self.strain)

    def _measure(self) -> None:
        means = self.system.means(self.mass)
        self.total, self.stress, self.activity, self.diffusion, self.released = means
        self.largest_diffusion = max(self.largest_diffusion, self.diffusion)

    def _zoned(self, grid: Grid, rate: float) -> Grid:
        """Return the grid that the present masses ask for, seen on a given grid."""
        finer = self.answer**0.5 * (_FINER if self.weak else 1.0)
        noise = self.system.noise_at_yield
        return self.grids.fitted(grid, self.mass, self.diffusion, rate, noise, self.way, finer)

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
        self.way = AT_REST
        grid = self._zoned(Grid.from_faces(old.faces + amount), 0.0)
        self.mass, _ = moved(old, self.mass, amount, grid)
        self.strain += amount
        self._set(grid)

    def rezone(self, rate: float, target: float | None = None) -> None:
        """Move to a new grid if the present one is off what is wanted by a factor.

        A stress imposed, ``target``, is kept by a small strain: the move keeps the mean to its own
        order only, and a step that had to make up for it would have to do so in no time.
        """
        old, before = self.system.grid, self.way.moves
        self.way = self._way(rate)
        try:
            grid = self._zoned(old, rate)
        except ConvergenceError as error:
            raise self._fail(str(error)) from None
        self.zoned = (self.diffusion, self.strain)
        if not self.way.moves and not before:  # a grid that moves is always replaced
            present = np.interp(grid.centres, old.centres, old.widths)
            inside = (grid.centres > old.faces[0]) & (grid.centres < old.faces[-1])
            a, b = old.faces[0], old.faces[-1]
            short = grid.faces[0] < a - 0.02 * abs(a) or grid.faces[-1] > b + 0.02 * abs(b)
            if not short and np.max((present / grid.widths)[inside]) < _LARGEST_RATIO:
                return
        mean = self.stress / self.total
        masses, amount = self.mass, 0.0
        for _ in range(_TIMES_MOVED):
            self.mass, _ = moved(old, masses, amount, grid)
            if target is None or self.way.moves:
                break
            miss = target - float(grid.centres @ self.mass.sum(axis=1)) / self.total
            if abs(miss) <= 1e-15 * (1.0 + abs(target)):
                break
            amount += miss
        self.strain += amount
        self._set(grid)
        if self.way.moves:  # its cells may be anywhere: the mean is kept
            self.system.carry(mean - self.stress / self.total)
            self._measure()
        self.counts["rezoned"] += 1

    def _way(self, rate: float) -> Way:
        """Return how far the grid is to move with the shear; studies of order are at rest."""
        if self.fixed_step is not None:
            return AT_REST
        flow = self.diffusion, rate, self.activity
        grid, mean = self.system.grid, self.size
        return way_of(grid, self.mass, flow, float(self.values[0]), mean, self.way.moves)

    def _changed(self, rate: float) -> bool:
        """Return True where the run has moved on enough since the grid was last looked at."""
        D, strain = self.zoned
        gone = abs(self.strain - strain)
        if self.way.moves:
            return gone > _GONE * abs(self.way.strain) or rate * self.way.strain < 0.0
        # the slope of D - coupling(D) is small next to a critical coupling: there D is sensitive to
        # errors of the grid, which go as the square of its cells
        answer = min(max(_ANSWER / max(self.slopes[0, 0], 1e-3), 1.0), 100.0)
        # rtol is relative to the largest D: where nothing is sheared, a D that has decayed may
        # have a larger relative error; under shear the viscosity follows from it
        if self.unsheared and self.diffusion < self.largest_diffusion:
            answer = 1.0 + (answer - 1.0) * self.diffusion / self.largest_diffusion
        if not 0.5 * self.answer <= answer <= 1.5 * self.answer and self.fixed_step is None:
            self.answer = answer
            return True
        moved_on = gone > _STRAIN_MOVED * float(self.values[0])
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
        self, segment: Segment, zero: float, begin: float, end: float, record: list[Row]
    ) -> None:
        """Advance from ``begin`` to ``end`` of a segment that began at the time ``zero``."""
        path = None
        if segment.shear_rate is not None:
            path = StrainPath(segment, zero, begin, end, self.rtol, self.max_step)
        self.paths.append(path)
        self.weak = path is not None and 0.0 < path.range < _WEAK * self.size
        self.unsheared = path is not None and path.range == 0.0
        # in a quiet run the effect of a pulse of the rate lasts long
        self.safety = 0.5 * _SAFETY if path is not None and path.varies else _SAFETY
        g0 = self._rate(path, begin)
        record.append(self.row(g0))
        if self.fixed_step is not None:
            self.step_size = self.fixed_step
        elif self.step_size == 0.0 or path is not None:
            self.step_size = 0.05 * min(end - begin, 1.0) * math.sqrt(self.rtol)
        if self.way.moves or self._way(g0).moves:
            self.rezone(g0, segment.stress)
        since = 0
        while self.time < end:
            if self.activity == 0.0 and self.diffusion == 0.0 and self._still(segment):
                if self.frozen_at is None:
                    self.frozen_at = self.time
                self.time = end
                record.append(self.row(0.0))
                return
            self.frozen_at = None
            left = end - self.time
            dt = min(self.step_size, self.max_step)
            if self.fixed_step is None:
                dt = self._known(path, g0, min(dt, left))
            if dt >= 0.999 * left:
                dt = left
            elif dt > 0.5 * left:
                dt = 0.5 * left
            g0, accepted = self._try(path, segment.stress, end, g0, dt, record)
            since += accepted
            self.report(self.time)
            if (since >= _CHECK_EVERY or self.way.moves) and self._changed(g0):
                since = 0
                self.rezone(g0, segment.stress)

    def _rate(self, path: StrainPath | None, time: float) -> float:
        """Return the shear rate; the balance where stress is imposed."""
        return self.released / self.total if path is None else path.rate(time)

    def _still(self, segment: Segment) -> bool:
        """Return True where nothing will move any more, whatever the time."""
        if segment.shear_rate is None:
            return self.released == 0.0
        return segment.constant and segment.shear_rate(0.0) == 0.0

    def _known(self, path: StrainPath | None, rate: float, dt: float) -> float:
        """Return a step, at most ``dt``, in which the strain is known well enough."""
        try:
            if path is not None:
                size = max(self.largest_stress, min(path.range, self.size))
                dt = path.straight(self.time, dt, _BEND * self.rtol**0.5 * size + self.atol)
            return self._held(path, rate, dt) if self.way.moves else dt
        except ConvergenceError as error:
            raise self._fail(str(error)) from None

    def _held(self, path: StrainPath | None, rate: float, dt: float) -> float:
        """Return a step, at most ``dt``, in which the grid stays on the way it was made for."""
        room = abs(self.way.strain) - abs(self.strain - self.zoned[1])
        while True:
            ahead = abs(rate) * dt
            if path is not None:  # a step that goes forth and back counts
                first = path.between(self.time, self.time + 0.5 * dt)
                second = path.between(self.time + 0.5 * dt, self.time + dt)
                ahead = max(abs(first), abs(first + second))
            if ahead <= room or dt < 1e-14 * (1.0 + self.time):
                return dt
            dt *= max(0.9 * room / ahead, 0.1)

    def _try(
        self,
        path: StrainPath | None,
        target: float | None,
        end: float,
        g0: float,
        dt: float,
        record: list[Row],
    ) -> tuple[float, bool]:
        system = self.system
        now, then = self.time, end if dt == end - self.time else self.time + dt
        mid = 0.5 * (now + then)
        h = 0.5 * (then - now)
        if path is None:
            rates, ways = (g0, g0, g0), ways_ahead(now, g0, self.last_rate, h)
        else:
            first, second = path.between(now, mid), path.between(mid, then)
            ways = (first + second, first, second)
            rates = (ways[0] / (2.0 * h), first / h, second / h)
        D_mid, D_end = (foreseen(t, now, self.diffusion, self.past) for t in (mid, then))
        D = self.diffusion, D_mid, max(D_end + self.bias * h * h, 0.5 * D_end)
        self.since_renewed += 1
        renew = self.since_renewed > _RENEW_EVERY
        step = Step(h, D, rates, ways, self.close, renew, self.slopes, target)
        done, ends, means = system.doubled(self.mass, step)
        gm, g1 = done.g_middle, done.g_end
        if renew:
            self.since_renewed = 0
        middle, last, other = means.tolist()
        error = math.inf
        if not done.status:
            slip = math.nan
            if path is None:
                slip = h * abs(0.5 * (g0 + 2.0 * gm + g1) - (g0 + done.g_whole))
            error = self._error(last, other, slip, done.apart, done.top, then)
            self.bias = (done.D_whole - other[3]) / (h * h)
        self.counts["solves"] += done.solves
        if done.status and (self.fixed_step is not None or dt < 1e-13 * (1.0 + now)):
            raise self._fail(_STATUS[done.status])
        if self.fixed_step is None:
            # half of the power 1/3: D is extrapolated from step to step, and would swing
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
        if path is None:
            strains = (h * 0.5 * (g0 + gm), h * 0.5 * (gm + g1))
        else:
            strains = (first, second)
            gm, g1 = path.rate(mid), path.rate(then)
        self.past = [(now, self.diffusion), *self.past[:1]]
        self.last_rate = (now, g0)
        system.carry(ways[0])
        for time, mass, values, strain, g in (
            (mid, ends[0], middle, strains[0], gm),
            (then, ends[1], last, strains[1], g1),
        ):
            self.time, self.mass = time, mass
            self.total, self.stress, self.activity, self.diffusion, self.released = values
            self.strain += strain
            record.append(self.row(g))
        self.largest_stress = max(self.largest_stress, abs(self.stress))
        self.largest_diffusion = max(self.largest_diffusion, self.diffusion)
        self.counts["steps"] += 1
        return g1, True

    def _error(
        self, last: list[float], other: list[float], slip: float, apart: float, top: float,
        then: float,
    ) -> float:  # fmt: skip
        """Return the estimated error of the two halves over what is allowed.

        ``slip`` is that of the strain where stress is imposed, else nan.
        """
        size = max(self.largest_stress, abs(last[1]))
        stress = abs(last[1] - other[1])
        if not math.isnan(slip):  # the strain is free, and of the order of the threshold
            size = max(size, self.size)
            stress = slip
        share = (_CARRIED_SAFETY if self.way.moves else self.safety) * self.rtol**0.5
        allowed = share * (self.rtol * size + self.atol)
        activity = abs(last[2] - other[2])
        allowed_activity = share * (self.rtol * last[2] + self.atol / (1.0 + then) ** 2)
        # mass on the wrong side of a stress yields at the wrong time: a later error
        shape = (
            feedback(self.system.noise_at_yield, top) * apart / (share * (self.rtol + self.atol))
        )
        return float(max(stress / allowed, activity / allowed_activity, shape)) / 3.0
