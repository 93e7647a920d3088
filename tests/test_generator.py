"""The generator: a Markov chain of cells that keeps mass and first moment, for any model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.solvers.chain.generator import Generator, JumpProcess
from hebraud.solvers.chain.grid import Grid, landing_lines, layout
from hebraud.solvers.steady.null_vector import Stationary
from strategies import models
from twins import stationary as naive

LINES = 8

exponents = st.floats(-6.0, 2.0)
signs = st.sampled_from([-1.0, 0.0, 1.0])


def on_a_grid(model, diffusion, rate, cells=60):
    nodes = model.thresholds.nodes(0.09)
    own = layout(model, diffusion, rate, *nodes)
    grid = own.grid(max(cells, own.fewest_cells() + 2))
    return Generator.of(model, grid, *nodes, lines=LINES)


@given(model=models, log_d=exponents, log_g=exponents, sign=signs)
@settings(max_examples=60)
@pytest.mark.kernels
def test_columns_sum_to_zero_and_nothing_off_the_diagonal_is_negative(model, log_d, log_g, sign):
    d, g = 10.0**log_d, sign * 10.0**log_g
    generator = on_a_grid(model, d, g)
    matrix = generator.matrix(d, g)
    diagonal = np.abs(matrix.diagonal())
    assert np.all(np.abs(matrix.sum(axis=0)) <= 1e-14 * np.maximum(diagonal, 1.0))
    hops = matrix.copy()
    hops.setdiag(0.0)
    assert hops.min() >= 0.0


@given(model=models, log_d=st.floats(-12.0, 6.0), log_g=st.floats(-12.0, 6.0), sign=signs)
@settings(max_examples=60)
def test_drift_and_release_are_exact(model, log_d, log_g, sign):
    d, g = 10.0**log_d, sign * 10.0**log_g
    generator = on_a_grid(model, 0.1, 0.1 * sign)
    x = generator.grid.centres
    up, down = generator.transport(d, g)
    assert np.all(up >= 0.0)
    assert np.all(down >= 0.0)
    above, below = np.diff(x), np.diff(x)
    drift = up[1:-1] * above[1:] - down[1:-1] * below[:-1]
    scale = up[1:-1] * above[1:] + down[1:-1] * below[:-1]
    assert np.all(np.abs(drift - g) <= 1e-14 * (scale + abs(g)))
    # the mean square of the hops is 2 D where positive hops allow it, and never less
    square = up[1:-1] * above[1:] ** 2 + down[1:-1] * below[:-1] ** 2
    least = np.maximum(2.0 * d, np.maximum(g * above[1:], -g * below[:-1]))
    np.testing.assert_allclose(square, least, rtol=1e-12)
    # what lands has the mass and the first moment of what yields less what is released
    yielded = np.linspace(1.0, 2.0, x.size)[:, None] * np.array([[1.0, 3.0]])
    landed = generator.landing.land(yielded)
    np.testing.assert_allclose(landed.sum(axis=0), yielded.sum(axis=0), rtol=1e-13)
    moment = (x - generator.landing.release) @ yielded
    size = np.abs(x) @ yielded
    assert np.all(np.abs(x @ landed - moment) <= 1e-12 * size)
    assert landed.min() >= 0.0


@pytest.mark.parametrize(
    "model",
    [
        hl.Model(0.3),
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.3), thresholds=hl.Redrawn([0.5, 1.0])),
        hl.Model(0.3, relaxation=hl.ResidualStress(0.7), thresholds=hl.Quenched([0.5, 1.0])),
        hl.Model(0.3, relaxation=hl.Landing((0.6, -0.2), (0.8, 0.2)), yielding=hl.PowerRate(0.7)),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    ("diffusion", "rate"), [(0.01, 0.1), (0.01, -0.1), (1e-6, 1.0), (2.0, 0.0)]
)
def test_against_dense_loops(model, diffusion, rate):
    generator = on_a_grid(model, 0.05, rate)
    lines = landing_lines(model, LINES)
    twin = naive.generator(
        generator.grid.centres,
        generator.rates,
        lines,
        generator.weights,
        model.thresholds.redraws,
        diffusion,
        rate,
    )
    matrix = generator.matrix(diffusion, rate).toarray()
    scale = np.abs(np.diag(twin))
    assert np.all(np.abs(matrix - twin) <= 1e-13 * np.maximum(scale, 1.0))


@pytest.mark.parametrize("rate", [0.1, -0.1])
@pytest.mark.parametrize(("drop", "std"), [(0.5, 0.4), (1.0, 0.1), (0.2, 0.2)])
def test_a_scattered_landing_is_its_law(drop, std, rate):
    """From every cell: mass and mean to round-off, mean square to 1e-4 of std^2, and its steps.

    Sharing blocks out to two cells alone would add up to a quarter of (cell/std)^2 to the mean
    square: 1e-3 and more here. A distribution function of steps differs from the law by the largest
    step and by what of the law half a cell holds.
    """
    model = hl.Model(0.3, relaxation=hl.GaussianLanding(drop, std))
    values, weights = model.thresholds.nodes()
    grid = layout(model, 0.05, rate, values, weights).grid(800)
    generator = Generator.of(model, grid, values, weights, 32)
    landed = generator.landing.land(np.eye(grid.centres.size))
    np.testing.assert_allclose(landed.sum(axis=0), 1.0, rtol=1e-13)
    assert landed.min() >= 0.0
    mean = (1.0 - drop) * grid.centres
    np.testing.assert_allclose(grid.centres @ landed, mean, atol=1e-13)
    square = grid.centres**2 @ landed - mean**2
    fine = np.abs(mean) < 1.0
    wide = grid.widths[np.searchsorted(grid.faces, mean) - 1]
    assert np.abs(square / std**2 - 1.0)[fine].max() <= 1e-4
    law = scipy.stats.norm.cdf((grid.faces[1:, None] - mean) / std)
    shares = generator.landing
    steps = shares.below.max() + shares.above.max() + 0.5 * (wide[fine] / std).max()
    assert np.abs(np.cumsum(landed, axis=0) - law)[:, fine].max() <= steps


def test_constant_rate_is_exact_on_every_grid():
    model = hl.Model(0.3, thresholds=hl.Quenched([0.4, 1.0, 1.7]))
    generator = on_a_grid(model, 0.01, 0.1)
    x = generator.grid.centres
    np.testing.assert_array_equal(
        generator.rates, (np.abs(x)[:, None] > generator.thresholds).astype(float)
    )


@pytest.mark.parametrize("eta", [0.1, 0.5, 1.0, 1.7, 3.0])
def test_power_rates_are_cell_averages(eta):
    generator = on_a_grid(hl.Model(0.3, yielding=hl.PowerRate(eta)), 0.01, 0.1)
    over = np.maximum(np.abs(generator.grid.faces) - 1.0, 0.0)
    integral = np.sign(generator.grid.faces) * over ** (1.0 + eta) / (1.0 + eta)
    average = np.diff(integral) / generator.grid.widths
    rates = generator.rates[:, 0]
    outside = average > 0.0
    assert np.all(rates[~outside] == 0.0)
    # the difference of the closed forms loses digits near the threshold; nothing else may differ
    np.testing.assert_allclose(rates[outside], average[outside], rtol=3e-8)


def test_a_landing_outside_the_grid_is_refused():
    grid = Grid.from_faces(np.linspace(-2.0, 2.0, 41))
    model = hl.Model(0.3, relaxation=hl.ResidualStress(3.0))
    with pytest.raises(ValueError, match="a block lands at -3, outside"):
        Generator.of(model, grid, np.array([1.0]), np.array([1.0]))


class Mirrored:
    """A kernel: every jump takes a block to the mirror image of its stress."""

    def __init__(self, grid):
        self.release, self.release_square = 2.0 * grid.centres, 4.0 * grid.centres**2

    def land(self, leaving):
        return leaving[::-1].copy()

    def matrix(self):
        return scipy.sparse.csc_array(np.eye(self.release.size)[::-1])


def test_jumps_of_another_kind_add_to_those_of_yielding():
    model = hl.Model(0.3, thresholds=hl.Redrawn(hl.ThresholdLaw([0.8, 1.1], [0.3, 0.7])))
    alone = on_a_grid(model, 0.1, 0.0)
    cells, classes = alone.rates.shape
    jumps = Mirrored(alone.grid)
    often = np.linspace(0.5, 1.5, cells * classes).reshape(cells, classes)
    both = dataclasses.replace(alone, others=(JumpProcess(often, jumps, redraws=False),))
    mass = np.linspace(1.0, 3.0, cells * classes).reshape(cells, classes)
    added = (both.matrix(0.1, 0.0) - alone.matrix(0.1, 0.0)) @ mass.T.ravel()
    left = often * mass
    np.testing.assert_allclose(added.reshape(classes, cells).T, jumps.land(left) - left, atol=1e-12)
    assert both.processes == (alone.yielding, *both.others)
    with pytest.raises(ValueError, match="no jumps but those of yielding"):
        Stationary(model, both, 0.0)
