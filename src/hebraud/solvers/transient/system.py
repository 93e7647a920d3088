"""One model on one grid: the arrays that a step in time needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud.model.model import Model
from hebraud.solvers.chain.generator import Lines, cell_rates, landing
from hebraud.solvers.chain.grid import Grid
from hebraud.solvers.chain.knots import LINES, KnotRow
from hebraud.solvers.transient.step import Step, Stepped

__all__ = ["System"]

Floats = NDArray[np.float64]


class System:
    """One model on one grid: the arrays that a step needs."""

    def __init__(
        self,
        model: Model,
        grid: Grid,
        values: Floats,
        weights: Floats,
        lines: int,
        knots: float,
    ) -> None:
        self.grid = grid
        self.constant, per_event, per_square = model.noise
        self.rates = cell_rates(model.yielding, grid, values)
        from hebraud._kernels.grids.hops import spacings
        from hebraud._kernels.grids.implicit import WORK, Cells
        from hebraud._kernels.grids.patankar import doubled_at_rest

        s, bands, law, row = grid.centres, LINES, model.normal, None
        if law is not None:
            image = law.scale * s + law.offset * np.sign(s)
            row = KnotRow.of(law, s, float(image.min()), float(image.max()), knots)
        if law is not None and row is not None:
            lower, given = row.given(image[:, None], np.ones((s.size, 1)))
            bands, drop = (row.bands, row.taken), s - image
            landed = Lines(lower, given, np.zeros((s.size, 0)), drop, drop**2 + law.std**2)
        else:
            landed = landing(model, grid, lines)
        self.release = landed.release
        self.noise = per_event + per_square * landed.release_square
        # what one event adds to D where blocks first yield
        self.noise_at_yield = float(self.noise[self.rates.any(axis=1)].min())
        cells = grid.centres.size
        middle = grid.first_right
        pulses = np.zeros((cells, 0))
        low, high = middle - 1, middle
        if model.relaxation.fixed_points is not None:
            # one column where yields on both sides land on the same cells; the step fills it
            ends = landed.lower[[0, -1]]
            pulses = np.zeros((cells, 1 if np.array_equal(*ends) else 2))
            low, high = min(low, int(ends.min())), max(high, int(ends.max()) + 1)
        self.cells = Cells(
            grid.centres, spacings(grid.centres, grid.widths), grid.widths, middle, self.rates,
            self.rates, self.constant, self.noise, self.release, pulses, False, low, high,
            landed.lower, landed.below, landed.above, *bands,
            np.empty((0, values.size)), weights, model.thresholds.redraws,
        )  # fmt: skip
        self._doubled = doubled_at_rest  # looked up once, not in every step
        self.work = np.empty((WORK, cells, values.size))

    def means(self, mass: Floats) -> tuple[float, float, float, float, float]:
        """Return total mass, stress, activity, D, released stress."""
        from hebraud._kernels.grids.sums import functionals

        total, stress, activity, made, released = functionals(
            mass, self.rates, self.grid.centres, self.noise, self.release
        )
        return total, stress, activity, self.constant + made, released

    def carry(self, by: float) -> None:
        """Do nothing: this grid is at rest."""

    def doubled(self, mass: Floats, step: Step) -> tuple[Stepped, Floats, Floats]:
        """Take a step whole and in halves, as :mod:`hebraud._kernels.grids.patankar` does."""
        imposed = step.target is not None
        ends, means = np.empty((3, *mass.shape)), np.empty((3, 5))
        out = self._doubled(
            mass, step.h, step.D, step.g, step.close, step.renew, step.slopes, imposed,
            0.0 if step.target is None else step.target, self.cells, ends, means, self.work,
        )  # fmt: skip
        return Stepped(*out), ends, means
