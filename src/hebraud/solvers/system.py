"""One model on one grid: the arrays that a step in time needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud.model.model import Model
from hebraud.solvers.generator import Generator
from hebraud.solvers.grid import Grid

__all__ = ["System"]

Floats = NDArray[np.float64]


class System:
    """One model on one grid: the arrays that a step needs."""

    def __init__(self, model: Model, grid: Grid, values: Floats, weights: Floats, lines: int):
        self.grid = grid
        generator = Generator.of(model, grid, values, weights, lines)
        coupling = model.coupling
        self.constant = float(coupling.diffusion(0.0, 0.0))
        per_event = float(coupling.diffusion(1.0, 0.0)) - self.constant
        per_square = float(coupling.diffusion(0.0, 1.0)) - self.constant
        self.rates = generator.rates
        self.noise = per_event + per_square * generator.release_square
        self.release = generator.release
        cells = grid.centres.size
        pulses = np.zeros((cells, 0))
        if model.relaxation.fixed_points is not None:
            ends = np.zeros((cells, 2))
            ends[0, 0] = ends[-1, 1] = 1.0
            pulses = generator.land(ends)
            if np.array_equal(pulses[:, 0], pulses[:, 1]):
                pulses = np.ascontiguousarray(pulses[:, :1])
        from hebraud._kernels.patankar import spacings

        self.spacing = spacings(grid.centres, grid.widths)
        self.middle = grid.first_right
        self.arrays = (
            self.rates,
            self.constant,
            self.noise,
            self.release,
            pulses,
            generator.lower,
            generator.share,
            generator.line_weight,
            weights,
            generator.redraws,
        )
        self.work = np.empty((9, cells, values.size))

    def means(self, mass: Floats) -> tuple[float, float, float, float, float]:
        """Return total mass, stress, activity, D, released stress."""
        from hebraud._kernels.patankar import functionals

        total, stress, activity, made, released = functionals(
            mass, self.rates, self.grid.centres, self.noise, self.release
        )
        return total, stress, activity, self.constant + made, released

    def step(
        self,
        mass: Floats,
        dt: float,
        D0: float,
        g0: float,
        D1: float,
        g1: float,
        close: float,
        jacobian: Floats,
        target: float | None,
    ) -> tuple[int, float, float, int, Floats]:
        """Take one step; see :func:`hebraud._kernels.patankar.step`."""
        from hebraud._kernels.patankar import step

        end = np.empty_like(mass)
        status, D, g, solves = step(
            mass,
            dt,
            D0,
            g0,
            D1,
            g1,
            close,
            jacobian,
            target is not None,
            0.0 if target is None else target,
            self.grid.centres,
            self.spacing,
            self.grid.widths,
            self.middle,
            *self.arrays,
            end,
            self.work,
        )
        return status, D, g, solves, end
