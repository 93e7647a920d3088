"""The stress grid: faces where they must be, smooth families, domains that hold the tails."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.errors import ConvergenceError
from hebraud.solvers.chain.grid import DEPTH, layout, whole_numbers


def plan(model, diffusion, rate, rtol=1e-3):
    return layout(model, diffusion, rate, *model.thresholds.nodes(rtol))


MODELS = [
    hl.Model(0.3),
    hl.Model(0.3, relaxation=hl.ResidualStress(0.4)),
    hl.Model(0.3, relaxation=hl.ResidualStress(1.7)),
    hl.Model(0.3, relaxation=hl.GaussianLanding(0.3, 0.5)),
    hl.Model(0.3, relaxation=hl.Landing((0.2, -0.6), (0.5, 0.5), relative=False)),
    hl.Model(0.3, thresholds=hl.Redrawn(scipy.stats.norm(1.0, 0.3))),
    hl.Model(0.3, thresholds=hl.Quenched([0.3, 0.31, 1.0, 2.0])),
    hl.Model(0.3, yielding=hl.PowerRate(1.5)),
]
exponents = st.floats(-7.0, 2.0)


@pytest.mark.parametrize("model", MODELS, ids=repr)
@settings(max_examples=15)
@given(log_d=exponents, log_g=exponents, sign=st.sampled_from([-1.0, 0.0, 1.0]))
def test_the_faces_that_must_be_there(model, log_d, log_g, sign):
    values, _ = model.thresholds.nodes(1e-3)
    own = plan(model, 10.0**log_d, sign * 10.0**log_g)
    cells = own.fewest_cells() + 301
    grid = own.grid(cells)
    fixed = model.relaxation.fixed_points
    needed = [0.0, *values, *-values]
    if fixed is not None:
        needed += [*fixed.offset, *-fixed.offset]
    assert np.all(np.isin(needed, grid.faces))
    assert grid.centres.size == cells
    assert np.all(grid.widths > 0.0)
    np.testing.assert_array_equal(grid.centres, 0.5 * (grid.faces[1:] + grid.faces[:-1]))
    assert grid.centres[grid.first_right - 1] < 0.0 < grid.centres[grid.first_right]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_grids_for_opposite_rates_are_mirror_images(model):
    one, other = plan(model, 0.01, 0.2).grid(700), plan(model, 0.01, -0.2).grid(700)
    np.testing.assert_array_equal(other.faces, -one.faces[::-1])
    np.testing.assert_array_equal(other.centres, -one.centres[::-1])


@pytest.mark.parametrize("cells", [300, 302, 1000])
def test_a_grid_without_shear_is_symmetric(cells):
    grid = plan(hl.Model(0.8), 0.05, 0.0).grid(cells)
    np.testing.assert_allclose(grid.faces, -grid.faces[::-1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("diffusion", "rate"), [(1e-4, 1e-4), (0.1, 1.0), (0.3, 1e-3)])
def test_neighbouring_cells_grow_alike(diffusion, rate):
    own = plan(hl.Model(0.3), diffusion, rate)
    jumps = [np.abs(np.diff(np.log(own.grid(n).widths))).max() for n in (800, 1600, 3200)]
    assert jumps[0] < 0.1
    assert jumps[1] < 0.6 * jumps[0]
    assert jumps[2] < 0.6 * jumps[1]


def test_grids_of_one_family_are_samples_of_one_map():
    own = plan(hl.Model(0.3), 1e-3, 1e-2)
    coarse, fine = own.grid(2000), own.grid(4000)
    number = np.interp(coarse.faces, fine.faces, np.arange(4001.0))
    slope = np.diff(number)
    assert np.abs(slope - 2.0).max() < 0.02


@given(log_d=exponents, log_g=exponents)
@settings(max_examples=30)
def test_classical_domain_ends_where_the_exact_tails_do(log_d, log_g):
    d, g = 10.0**log_d, 10.0**log_g
    right = 2.0 / (g + math.sqrt(g * g + 4.0 * d))
    own = plan(hl.Model(0.3), d, g)
    assert own.breaks[-1] == pytest.approx(1.0 + DEPTH / right, rel=1e-9)
    # the density falls by exp(-k) before the left threshold, and by exp(-l_left x) beyond
    fall = g / d + (right + g / d) * (-own.breaks[0] - 1.0)
    assert fall >= DEPTH * (1.0 - 1e-9)


def test_power_law_domain_holds_the_tail():
    # pure advection: P falls as exp(-x^(1+eta)/((1+eta) g))
    own = plan(hl.Model(0.3, yielding=hl.PowerRate(2.0)), 1e-9, 1e-2)
    x = own.breaks[-1] - 1.0
    assert x**3 / 3e-2 == pytest.approx(DEPTH, rel=0.05)


@given(
    drop=st.floats(0.02, 1.0),
    std=st.floats(0.01, 3.0),
    log_d=exponents,
    log_g=exponents,
    cells=st.integers(150, 600),
)
@settings(max_examples=40)
def test_no_block_lands_outside(drop, std, log_d, log_g, cells):
    model = hl.Model(0.3, relaxation=hl.GaussianLanding(drop, std))
    own = plan(model, 10.0**log_d, 10.0**log_g)
    grid = own.grid(max(cells, own.fewest_cells() + 2))
    lines = model.relaxation.quadrature(32)
    kept = lines.weight > 1e-20
    s = grid.centres[:, None]
    image = lines.scale[kept] * s + lines.offset[kept] * np.sign(s)
    assert image.min() >= grid.centres[0]
    assert image.max() <= grid.centres[-1]


def test_a_landing_that_runs_away_is_refused():
    with pytest.raises(ConvergenceError, match=r"s' = 1.5 s takes blocks ever farther"):
        plan(hl.Model(0.3, relaxation=hl.Landing((1.5, 0.0), (0.5, 0.5))), 0.1, 0.1)


def test_too_few_cells_are_refused():
    own = plan(hl.Model(0.3), 0.1, 0.1)
    fewest = own.fewest_cells()
    assert own.grid(fewest).centres.size == fewest
    with pytest.raises(ValueError, match=f"cells must be a whole number >= {fewest}"):
        own.grid(fewest - 1)


@pytest.mark.parametrize("scale", [1e-3, 7.0])
def test_layout_scales_with_the_threshold(scale):
    one = plan(hl.Model(0.3, relaxation=hl.ResidualStress(0.3)), 1e-3, 1e-2).grid(500)
    model = hl.Model(0.3, relaxation=hl.ResidualStress(0.3 * scale), thresholds=scale)
    other = plan(model, 1e-3 * scale**2, 1e-2 * scale).grid(500)
    np.testing.assert_allclose(other.faces, scale * one.faces, rtol=1e-9, atol=1e-12 * scale)


def test_locate():
    grid = plan(hl.Model(0.3), 0.1, 0.1).grid(200)
    np.testing.assert_array_equal(grid.locate(grid.centres), np.arange(200))
    np.testing.assert_array_equal(grid.locate(grid.faces[[0, -1]]), [0, 199])
    outside = np.array([np.nextafter(grid.faces[0], -99.0), np.nextafter(grid.faces[-1], 99.0)])
    np.testing.assert_array_equal(grid.locate(outside), [-1, -1])


def test_sides_that_want_nearly_the_same_get_the_same():
    whole = whole_numbers(np.array([50.2, 10.4999, 10.5001, 49.9]), 120)
    assert whole.sum() == 120
    assert whole[1] == whole[2]
