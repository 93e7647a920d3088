"""One model on one grid: the arrays that a step in time needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud.model.model import Model
from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.chain.grid import Grid
from hebraud.solvers.transient.step import Step, Stepped

__all__ = ["System"]

Floats = NDArray[np.float64]


class System:
    """One model on one grid: the arrays that a step needs."""

    def __init__(self, model: Model, grid: Grid, values: Floats, weights: Floats, lines: int):
        self.grid = grid
        generator = Generator.of(model, grid, values, weights, lines)
        landing = generator.landing
        self.constant, per_event, per_square = model.noise
        self.rates = generator.rates
        self.noise = per_event + per_square * landing.release_square
        self.release = landing.release
        # what one event adds to D where blocks first yield
        self.noise_at_yield = float(self.noise[self.rates.any(axis=1)].min())
        cells = grid.centres.size
        middle = grid.first_right
        pulses = np.zeros((cells, 0))
        low, high = middle - 1, middle
        if model.relaxation.fixed_points is not None:
            # one column where yields on both sides land on the same cells; the step fills it
            ends = landing.lower[[0, -1]]
            pulses = np.zeros((cells, 1 if np.array_equal(*ends) else 2))
            low, high = min(low, int(ends.min())), max(high, int(ends.max()) + 1)
        from hebraud._kernels.grids.hops import spacings
        from hebraud._kernels.grids.implicit import WORK, Cells
        from hebraud._kernels.grids.patankar import doubled_at_rest

        self.cells = Cells(
            grid.centres, spacings(grid.centres, grid.widths), grid.widths, middle, self.rates,
            self.rates, self.constant, self.noise, self.release, pulses, False, low, high,
            landing.lower, landing.below, landing.above, np.empty((0, values.size)), weights,
            generator.redraws,
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
