"""One model on a grid that moves with the shear, for shear faster than diffusion.

The cells carry their blocks along. Drift then makes no error and needs no small steps, and a narrow
pulse keeps its shape at any strain. Instead, the thresholds and the landing points move through the
cells. In a step a cell has the yield rate that it meets on average,
and what lands is spread along the way of its landing point; both are of second order in cells and
steps. Where the shear rate is not known beforehand (imposed stress) the grid moves at the rate
foreseen, and what is left is drift.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.model.relaxation import NormalScatter
from hebraud.solvers.chain.grid import Grid, landing_lines
from hebraud.solvers.chain.knots import LINES, KnotRow
from hebraud.solvers.transient.step import Step, Stepped

if TYPE_CHECKING:
    from hebraud._kernels.grids.implicit import Cells

__all__ = ["CarriedSystem"]

Floats = NDArray[np.float64]

_GAUSS = np.polynomial.legendre.leggauss(8)
"""Quadrature of the yield rate over a cell that moves, in powers of the fourth root."""
_INSIDE = np.array([0.5 - 0.5 / np.sqrt(3.0), 0.5 + 0.5 / np.sqrt(3.0)])
"""The two Gauss points of the interval (0, 1)."""


class CarriedSystem:
    """One model on one moving grid: what a step needs.

    Attributes
    ----------
    grid : Grid
        Where the cells are now.
    scale : float
        The length over which P varies; what is displaced counts in units of it.
    """

    def __init__(
        self,
        model: Model,
        grid: Grid,
        values: Floats,
        weights: Floats,
        lines: int,
        knots: float,
        scale: float,
    ) -> None:
        self.scale = scale
        self.model, self.grid, self.values, self.weights = model, grid, values, weights
        self.fixed = model.relaxation.fixed_points
        self.lines = landing_lines(model, lines) if self.fixed is None else self.fixed
        self.noise, self.law = model.noise, model.normal
        # knots move with the cells: what these take of them stays as it is
        self.home, self.row = grid.centres, None
        if self.law is not None:
            ends = float(self.home[0]), float(self.home[-1])
            self.row = KnotRow.of(self.law, self.home, *ends, knots)
        from hebraud._kernels.grids.hops import spacings
        from hebraud._kernels.grids.implicit import WORK

        self.spacing = spacings(grid.centres, grid.widths)
        cells = grid.centres.size
        self.middle = min(max(grid.first_right, 1), cells - 1)
        self.work = np.empty((WORK, cells, values.size))
        self.rate_over = model.yields.constant  # None: it varies
        # a yield at s by one line releases (1 - slope) s - offset sign(s): moments over the lines
        slope, offset, weight = self.lines
        kept = 1.0 - slope
        moments = (
            weight @ kept, weight @ offset,
            weight @ kept**2, -2.0 * weight @ (kept * offset), weight @ offset**2,
        )  # fmt: skip
        self.drops = tuple(float(moment) for moment in moments)
        release = self._release(values)
        self.noise_at_yield = float(self._made(release[1]).min())

    def _release(self, s: Floats) -> tuple[Floats, Floats]:
        """Return mean and mean square of the stress that a yield at ``s`` releases."""
        size = np.abs(s)
        mean, shift, a, b, c = self.drops
        return np.sign(s) * (mean * size - shift), (a * size + b) * size + c

    def _made(self, square: Floats) -> Floats:
        """Return what one event adds to D, for its mean square release."""
        return self.noise.per_event + self.noise.per_square * square

    def carry(self, by: float) -> None:
        """Move the grid, and what is in it, by a strain."""
        self.grid = Grid(self.grid.faces + by, self.grid.centres + by, self.grid.widths)

    def _rates(self, at: float, by: float) -> tuple[Floats, Floats]:
        """Return mean yield rates below zero and above, (cells, classes), while cells move."""
        from hebraud._kernels.grids.carried import over_thresholds

        faces = self.grid.faces + at
        left, right = np.empty((2, self.grid.centres.size, self.values.size))
        over_thresholds(faces, by, self.values, left, right)
        if self.rate_over is not None:
            return self.rate_over * left, self.rate_over * right
        for side, sign in ((left, -1.0), (right, 1.0)):
            edges = (sign * faces[:-1], sign * faces[1:])
            low = np.minimum(*edges) + min(sign * by, 0.0)
            high = np.maximum(*edges) + max(sign * by, 0.0)
            self._weigh(side, low, high, abs(by))
        return left, right

    def _weigh(self, share: Floats, low: Floats, high: Floats, way: float) -> None:
        """Turn fractions over the threshold into mean rates, for a rate that is not constant."""
        cell, group = np.nonzero(share)
        c = self.values[group]
        a, b = low[cell] - c, high[cell] - c
        short = np.minimum(self.grid.widths[cell], way)
        # overstresses of a cell that moves: a trapezium, with corners at a, a + short, b - short, b
        corners = np.stack([a, a + short, b - short, b])
        nodes, weights = _GAUSS
        u, du = 0.5 * (1.0 + nodes), 0.5 * weights
        total = np.zeros_like(a)
        height = 1.0 / (b - a - short)
        for begin, end in itertools.pairwise(corners):
            x0, width = np.maximum(begin, 0.0), np.maximum(end, 0.0) - np.maximum(begin, 0.0)
            # fourth powers: a rate (|s| - c)^eta from zero on is smooth in them
            x = x0[:, None] + width[:, None] * u**4
            up = np.where(short > 0.0, 1.0 / np.where(short > 0.0, short, 1.0), 0.0)[:, None]
            density = np.minimum(np.minimum((x - a[:, None]) * up, (b[:, None] - x) * up), 1.0)
            density = np.where(short[:, None] > 0.0, density, 1.0) * height[:, None]
            total += (self.model.yielding.rate(x) * density * width[:, None]) @ (4.0 * u**3 * du)
        share[cell, group] = total

    def _cells(self, at: float, by: float) -> Cells:
        """Return the cells of a step that begins a strain ``at`` from now, and goes ``by``."""
        from hebraud._kernels.grids.carried import swept
        from hebraud._kernels.grids.implicit import Cells

        grid, bands = self.grid, LINES
        left, right = self._rates(at, by)
        sink = left + right
        last = np.add(*self._rates(at + by, 0.0))
        centres = grid.centres + at
        ends = centres + by
        release, square = self._release(ends)
        n = ends.size
        share = np.empty((0, self.values.size))
        lower, below, above = np.zeros((n, 0), dtype=np.int64), np.zeros((n, 0)), np.zeros((n, 0))
        pulses, low, high = np.zeros((n, 0)), 0, 0
        if self.law is not None and self.row is not None:
            bands = self.row.bands, self.row.taken
            lower, below = self._scattered(self.law, self.row, centres, by)
        elif self.fixed is None:
            lower, below, above = self._landings(centres, by)
        else:
            one = bool(np.all(self.fixed.offset == 0.0))
            pulses = np.zeros((n, 1 if one else 2))
            for p, sign in enumerate((1.0,) if one else (-1.0, 1.0)):
                column = np.zeros(n)
                for offset, weight in zip(self.fixed.offset, self.fixed.weight, strict=True):
                    swept(centres, sign * offset, sign * offset - by, weight, column)
                pulses[:, p] = column
            where = np.flatnonzero(pulses.any(axis=1))
            if abs(pulses.sum() - pulses.shape[1]) > 1e-9:
                raise ConvergenceError("a landing point has left the moving grid")
            low, high = int(where[0]), int(where[-1])
            if not one:
                share = np.where(sink > 0.0, right / np.where(sink > 0.0, sink, 1.0), 0.0)
        return Cells(
            ends, self.spacing, grid.widths, self.middle, sink, last, self.noise.constant,
            self._made(square), release, pulses, True, low, high, lower,
            below, above, *bands, share, self.weights, self.model.thresholds.redraws,
        )  # fmt: skip

    def _yields(self, centres: Floats, by: float) -> tuple[Floats, Floats]:
        """Return two times of a step at which a cell is over the threshold, and their weights."""
        c = float(self.values[0])
        way = by if by != 0.0 else 1.0
        cross = np.sort(np.clip(np.stack([(-c - centres) / way, (c - centres) / way]), 0.0, 1.0), 0)
        ahead = np.where(by > 0.0, centres + by > c, centres + by < -c)
        behind = np.where(by > 0.0, centres < -c, centres > c)
        # parts of the step before the first crossing, and after the second
        before = np.where(behind, cross[0], 0.0)
        after = np.where(ahead, 1.0 - cross[1], 0.0)
        both, none = (before > 0.0) & (after > 0.0), (before == 0.0) & (after == 0.0)
        begin = np.where(after > 0.0, 1.0 - after, 0.0)
        length = np.where(none, 1.0, np.where(after > 0.0, after, before))
        times = begin[:, None] + length[:, None] * _INSIDE
        weight = np.full_like(times, 0.5)
        times[both] = np.stack([0.5 * before, 1.0 - 0.5 * after], axis=1)[both]
        parts = np.stack([before, after], axis=1)[both]
        weight[both] = parts / parts.sum(axis=1, keepdims=True)
        return times, weight

    def _scattered(
        self, law: NormalScatter, row: KnotRow, centres: Floats, by: float
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return the knots that a yield in a cell goes to, and their parts of it."""
        times, weight = self._yields(centres, by)
        s = centres[:, None] + by * times
        image = law.scale * s + law.offset * np.sign(s) - by * times
        return row.given(image - (centres[0] - self.home[0]), weight)

    def _landings(self, centres: Floats, by: float) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Return where a yield in a cell lands by lines."""
        times, weight = self._yields(centres, by)
        s = centres[:, None] + by * times
        scale, offset, share = self.lines
        image = scale * s[:, :, None] + offset * np.sign(s)[:, :, None] - by * times[:, :, None]
        image = image.reshape(centres.size, -1)
        whole = (weight[:, :, None] * share).reshape(centres.size, -1)
        lower = np.clip(np.searchsorted(centres, image) - 1, 0, centres.size - 2)
        part = (centres[lower + 1] - image) / (centres[lower + 1] - centres[lower])
        if part.min() < 0.0 or part.max() > 1.0:
            raise ConvergenceError("a landing lies outside the moving grid")
        return lower, whole * part, whole * (1.0 - part)

    def means(self, mass: Floats) -> tuple[float, float, float, float, float]:
        """Return total mass, stress, activity, D, released stress, where the cells are now."""
        from hebraud._kernels.grids.sums import functionals

        release, square = self._release(self.grid.centres)
        total, stress, activity, made, released = functionals(
            mass, np.add(*self._rates(0.0, 0.0)), self.grid.centres,
            self._made(square), release,
        )  # fmt: skip
        return total, stress, activity, self.noise.constant + made, released

    def doubled(self, mass: Floats, step: Step) -> tuple[Stepped, Floats, Floats]:
        """Take a step whole and in halves; see :func:`hebraud._kernels.grids.patankar.doubled`."""
        from hebraud._kernels.grids.patankar import doubled

        ends, means = np.empty((3, *mass.shape)), np.empty((3, 5))
        h, ways, imposed = step.h, step.ways, step.target is not None
        first = self._cells(0.0, ways[1])
        second = self._cells(ways[1], ways[2])
        whole = self._cells(0.0, ways[0])
        out = doubled(
            mass, h, step.D, step.g, (ways[0] / (2.0 * h), ways[1] / h, ways[2] / h), step.close,
            step.renew, step.slopes, imposed, 0.0 if step.target is None else step.target, whole,
            first, second, ends, means, self.work,
        )  # fmt: skip
        # What the two ways put in different cells that shear carries along together makes no
        # difference but that of when it passes a threshold: mass times distance counts, not mass.
        # Counted from both ends, so that round-off of the whole does not fill an empty tail.
        other = ends[1] - ends[2]
        middle = int(np.searchsorted(np.cumsum(ends[1].sum(axis=1)), 0.5 * means[1, 0]))
        across = np.abs(np.cumsum(other[:middle], axis=0)).sum(axis=1) @ self.grid.widths[:middle]
        beyond = np.abs(np.cumsum(other[:middle:-1], axis=0)).sum(axis=1)
        apart = float(across + beyond @ self.grid.widths[:middle:-1]) / self.scale
        return Stepped(*out)._replace(apart=apart), ends, means
