"""Moment identities of a stationary state on a grid."""

from __future__ import annotations

import numpy as np

from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.steady.roots import line_number


def balance(state):
    """Relative misfits of the two moment identities, from the masses and the ideal landings."""
    model, g, density = state.model, state.shear_rate, state.distribution
    diffusion, activity = state.diffusion, state.activity
    n = density.grid.centres.size
    lines = line_number(n)
    generator = Generator.of(model, density.grid, density.values, density.weights, lines)
    yielded = (generator.rates * density.masses.T).sum(axis=1)
    x = density.grid.centres
    first = g - generator.landing.release @ yielded
    square = 2.0 * x * generator.landing.release - generator.landing.release_square
    second = 2.0 * g * (density.masses.sum(axis=0) @ x) + 2.0 * diffusion - square @ yielded
    size = np.abs(x) @ yielded
    return abs(first) / size, abs(second) / (2.0 * diffusion + 2.0 * abs(g) * size / activity)
