"""Normal landings through knots: the law, its moments, its order, lines and blocks beside."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hebraud as hl
from hebraud.errors import ConvergenceError
from hebraud.solvers.chain.grid import Grid
from hebraud.solvers.chain.knots import KnotRow
from hebraud.solvers.transient import run as runs
from hebraud.solvers.transient.carried import CarriedSystem
from hebraud.solvers.transient.evolve import march
from hebraud.solvers.transient.system import System
from twins.evolve import through_knots

UNEVEN = 0.2 * np.sinh(np.linspace(-4.5, 4.5, 302)) + 0.01
EVEN = np.linspace(-4.0, 4.0, 8001)
IMAGES = np.array([-0.71, -0.2, 0.0, 0.013, 0.05, 0.3, 0.77])


def chances(std, centres, images=IMAGES, number=4.0):
    """Probabilities to land in every cell, (images, cells)."""
    law = hl.NormalScatter(0.5, 0.0, std)
    row = KnotRow.of(law, centres, images.min(), images.max(), number)
    given = row.given(images[:, None], np.ones((images.size, 1)))
    return np.array([through_knots(*given, row.bands, row.taken, i) for i in range(images.size)])


@pytest.mark.parametrize("std", [0.03, 0.1, 0.37])
def test_mass_mean_and_mean_square_of_what_lands(std):
    """Cells up to 5 std wide, far from where blocks land."""
    found = chances(std, UNEVEN)
    assert found.min() >= 0.0
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-15)
    np.testing.assert_allclose(found @ UNEVEN, IMAGES, atol=1e-15)
    square = (found * (UNEVEN - IMAGES[:, None]) ** 2).sum(axis=1)
    np.testing.assert_allclose(square, std**2, rtol=1e-6)


def test_mirrored():
    found = chances(0.1, UNEVEN)
    mirrored = chances(0.1, -UNEVEN[::-1], -IMAGES)
    np.testing.assert_allclose(mirrored[:, ::-1], found, rtol=1e-9, atol=1e-16)


def missed(std, number):
    """The largest error of the characteristic function, at all wave numbers and images."""
    waves = np.linspace(0.0, 8.0, 33) / std
    images = np.linspace(0.0, std, 40)
    wanted = np.exp(1j * np.outer(images, waves) - 0.5 * (waves * std) ** 2)
    return np.abs(chances(std, EVEN, images, number) @ np.exp(1j * np.outer(EVEN, waves)) - wanted)


def test_the_law_is_right_to_sixth_order():
    """Sixth cumulant and first alias, times the most of x^6 exp(-x^2/2): 1.7e-7 at a quarter."""
    for number in (4.0, 6.0, 8.0):
        error = missed(0.3, number).max()
        most = 216.0 * math.exp(-3.0) * (1.0 / 30240.0 + 1.0 / 30764.0)
        assert error == pytest.approx(most / number**6, rel=0.15)


def test_a_law_narrower_than_the_cells_lands_by_lines():
    assert KnotRow.of(hl.NormalScatter(0.5, 0.0, 1e-4), UNEVEN, -1.0, 1.0, 4.0) is None


def test_a_grid_that_does_not_hold_the_landings_is_refused():
    law = hl.NormalScatter(0.5, 0.0, 0.3)
    row = KnotRow.of(law, EVEN, -3.0, 3.0, 4.0)
    with pytest.raises(ConvergenceError, match="that the grid has room for"):
        row.given(np.array([[3.0]]), np.ones((1, 1)))


class Lines:
    """``GaussianLanding`` of which no more is said than its lines."""

    fixed_points = None

    def __init__(self, drop, std):
        self.rule = hl.GaussianLanding(drop, std)
        self.land, self.quadrature, self.shifted = (
            self.rule.land, self.rule.quadrature, self.rule.shifted,
        )  # fmt: skip


@pytest.mark.parametrize(
    "slots",
    [{}, {"thresholds": hl.Redrawn([0.8, 1.3])}, {"thresholds": hl.Quenched([0.8, 1.3])}],
    ids=["one", "redrawn", "quenched"],
)
def test_as_a_thousand_lines(slots, monkeypatch):
    """On one grid: 1.6e-7 apart, to which lines at the fifth part of a cell are right."""
    monkeypatch.setattr(runs, "run_lines", lambda *_: 1000)
    found = []
    for rule in (hl.GaussianLanding(0.6, 0.25), Lines(0.6, 0.25)):
        model = hl.Model(0.3, relaxation=rule, **slots)
        run = march(model, hl.Startup(0.3), hl.gaussian(0.4), 4.0, None, 1e-4, 1e-9, 200, 1 / 8)
        assert (run.final.masses >= 0.0).all()
        assert np.abs(run.mass_error).max() < 1e-12
        found.append(run)
    for column in ("stress", "activity", "diffusion"):
        a, b = (getattr(run, column) for run in found)
        np.testing.assert_allclose(a, b, rtol=5e-7)


def test_order_two_in_the_cells():
    model = hl.Model(0.3, relaxation=hl.GaussianLanding(0.6, 0.25))
    ends = []
    for cells in (100, 200, 400, 1600):
        run = march(model, hl.Startup(0.3), hl.gaussian(0.4), 4.0, None, 1e-4, 1e-9, cells, 1 / 8)
        ends.append([run.stress[-1], run.activity[-1]])
    errors = np.abs(np.array(ends[:-1]) - ends[-1])
    assert np.all(np.log2(errors[0] / errors[2]) > 2.0 * 1.8)


def test_levels():
    """0.33, 0.18 and 0.12 times the tolerance: errors follow it, where noise smooths nothing."""
    model = hl.Model(hl.DropNoise(0.005), relaxation=hl.GaussianLanding(0.5, 0.3))
    times = [1.0, 2.0, 3.0]
    found = [
        hl.evolve(model, hl.Startup(-0.3), hl.gaussian(0.7), 3.0, times, rtol=rtol).stress
        for rtol in (1e-3, 1e-4, 1e-5, 1e-6)
    ]
    size = np.abs(found[-1]).max()
    for rtol, stress in zip((1e-3, 1e-4, 1e-5), found, strict=False):
        assert np.abs(stress - found[-1]).max() < rtol * size


@pytest.mark.parametrize("by", [0.04, -0.3, 0.0])
def test_where_the_grid_moves_blocks_land_as_by_lines(by):
    """What a yield in each cell makes of the mean and the mean square of stress, and of mass."""
    grid = Grid.from_faces(np.linspace(-6.0, 6.0, 701))
    values, weights = np.array([0.9]), np.ones(1)
    found = []
    for rule in (hl.GaussianLanding(0.7, 0.3), Lines(0.7, 0.3)):
        model = hl.Model(0.3, relaxation=rule)
        system = CarriedSystem(model, grid, values, weights, 256, 4.0, 1.0)
        system.carry(0.123)
        cells = system._cells(0.05, by)
        landed = np.zeros((700, 700))
        for i in range(700):
            if cells.taken.size:
                landed[i] = through_knots(cells.lower, cells.below, cells.bands, cells.taken, i)
            else:
                np.add.at(landed[i], cells.lower[i], cells.below[i])
                np.add.at(landed[i], cells.lower[i] + 1, cells.above[i])
        found.append(landed)
    assert not System(hl.Model(0.3), grid, values, weights, 8, 4.0).cells.taken.size
    np.testing.assert_allclose(found[0].sum(axis=1), 1.0, atol=1e-14)
    np.testing.assert_allclose(found[0] @ grid.centres, found[1] @ grid.centres, atol=1e-13)
    squares = [each @ grid.centres**2 for each in found]
    width = 12.0 / 700.0
    np.testing.assert_allclose(squares[0], squares[1], atol=width**2)
    # lines leave spikes, of a share of their distance: what lies below any stress has none
    np.testing.assert_allclose(*(np.cumsum(each, axis=1) for each in found), atol=5e-3)


def test_knots_against_blocks_and_the_stationary_state():
    rule, law = hl.GaussianLanding(0.6, 0.25), hl.Redrawn([0.8, 1.2])
    model, start = hl.Model(0.3, relaxation=rule, thresholds=law), hl.gaussian(0.4)
    run = hl.evolve(model, hl.Startup(0.3), start, 60.0, [1.0, 60.0], rtol=1e-5)
    blocks = hl.simulate_blocks(
        model, hl.Startup(0.3), start, 1.0, t_eval=[1.0], blocks=100_000, step=0.02, seed=3
    )
    assert abs(run.stress[0] - blocks.stress[-1]) < 4.0 * blocks.stress_err[-1] + 1e-4
    state = hl.steady_state(model, 0.3, hl.FiniteVolume(rtol=1e-5))
    assert run.stress[-1] == pytest.approx(state.stress, rel=2e-5)
    assert run.diffusion[-1] == pytest.approx(state.diffusion, rel=2e-5)


class Says(Lines):
    def __init__(self, normal):
        super().__init__(0.6, 0.2)
        self.normal = normal


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ((0.4, 0.0, 0.2), r"must be NormalScatter\(scale, offset, std\)"),
        (hl.NormalScatter(0.4, 0.0, -0.2), "std > 0"),
        (hl.NormalScatter(0.4, 0.0, math.nan), "finite"),
        (hl.NormalScatter(0.4, 0.0, 0.21), "must be the law of land"),
        (hl.NormalScatter(0.4, 0.1, 0.2), "must be the law of land"),
    ],
)
def test_a_law_that_is_not_that_of_land_is_refused(said, message):
    with pytest.raises(ValueError, match=message):
        hl.Model(0.3, relaxation=Says(said))
    assert hl.Model(0.3, relaxation=Says(hl.NormalScatter(0.4, 0.0, 0.2))).normal.std == 0.2
    assert hl.Model(0.3, relaxation=Lines(0.6, 0.2)).normal is None
