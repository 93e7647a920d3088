"""Starts: masses, samples, extents; states and runs as starts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from scipy.special import ndtr

import hebraud as hl
from hebraud.model.starts import Start
from hebraud.model.thresholds import Single

ONE = Single(1.0)
TWO = hl.Quenched([0.7, 0.7, 1.3])
MODEL = hl.Model(0.3)
MIXED = hl.Model(0.6, thresholds=TWO)


def bump(s):
    x = np.minimum(np.abs(s) / 0.5, 1.0)
    return 35.0 / 16.0 * (1.0 - x**2) ** 3


def all_starts():
    run = hl.evolve(MODEL, hl.Startup(0.1), hl.gaussian(0.3), 3.0, rtol=1e-3)
    return {
        "gaussian": hl.gaussian(0.4),
        "density": hl.density(bump),
        "exact": hl.steady_state(MODEL, 0.1),
        "finite volumes": hl.steady_state(MODEL, 0.1, solver=hl.FiniteVolume(rtol=1e-4)),
        "final": run.final,
    }


STARTS = all_starts()


@pytest.mark.parametrize("name", STARTS)
def test_the_sample_has_the_law_of_the_masses(name):
    start = STARTS[name]
    assert isinstance(start, Start)
    faces = np.concatenate([[-9.0], np.linspace(-1.2, 1.2, 13), [9.0]])
    mass = start.mass(faces, ONE)
    assert mass.shape == (1, 14)
    assert mass.min() >= 0.0
    n = 100_000
    stress, thresholds = start.sample(n, np.random.default_rng(1))
    assert stress.shape == (n,)
    assert thresholds is None or np.all(thresholds == 1.0)
    fine = np.linspace(*start.extent, 4001)
    law = np.concatenate([[0.0], np.cumsum(start.mass(fine, ONE)[0])])
    assert law[-1] == pytest.approx(1.0, abs=1e-6)
    expected = np.diff(np.interp(faces, fine, law))
    counted = np.histogram(stress, faces)[0] / n
    # 4 standard errors of a count, and 1e-4 for a law that is even within its cells
    assert np.all(np.abs(counted - expected) < 4.0 * np.sqrt(expected / n) + 1e-4)


@pytest.mark.parametrize("name", STARTS)
def test_masses_add_up_and_do_not_depend_on_the_cells(name):
    start = STARTS[name]
    low, high = start.extent
    cuts = np.unique([low - 1.0, -1.0, 0.0, 0.31, 1.0, high + 1.0])
    fine = np.unique(np.concatenate([cuts, np.linspace(low, high, 2001)]))
    mass = start.mass(fine, ONE)[0]
    assert mass.sum() == pytest.approx(1.0, abs=1e-7)
    finer = np.sort(np.concatenate([fine, 0.5 * (fine[1:] + fine[:-1])]))
    halves = start.mass(finer, ONE)[0]
    # kinks in mid-cell cost a quadrature of 1/2000 of the range 1e-7
    np.testing.assert_allclose(halves[::2] + halves[1::2], mass, atol=2e-7)


@pytest.mark.parametrize("name", STARTS)
def test_nothing_lies_beyond_the_extent(name):
    low, high = STARTS[name].extent
    outside = np.concatenate([np.linspace(low - 2.0, low, 50), np.linspace(high, high + 2.0, 50)])
    mass = STARTS[name].mass(outside, ONE)[0]
    assert np.delete(mass, 49).sum() < 1e-16


def test_gaussian_tails_keep_their_relative_accuracy():
    faces = np.array([-8.2, -8.0, 8.0, 8.2])
    left, _, right = hl.gaussian(1.0).mass(faces, ONE)[0]
    assert left == right
    # 8 sigma: survival functions differ by 1e-15 of 1, and here by 1e-12 of themselves
    exact = ndtr(-8.0) - ndtr(-8.2)
    assert right == pytest.approx(exact, rel=1e-12)


def test_thresholds_are_drawn_whatever_the_stress():
    values, weights = TWO.nodes()
    faces = np.linspace(-4.0, 4.0, 33)  # the ends of the bump are faces
    for start in (hl.gaussian(0.5), hl.density(bump)):
        mass = start.mass(faces, TWO)
        assert mass.shape == (2, 32)
        np.testing.assert_allclose(mass.sum(axis=1), weights, rtol=1e-9)
        np.testing.assert_allclose(mass[0] * weights[1], mass[1] * weights[0], rtol=1e-14)
        assert start.sample(10, np.random.default_rng(0))[1] is None
        assert start.nodes is None
    assert values.tolist() == [0.7, 1.3]


def test_a_density_is_what_it_says():
    faces = np.linspace(-0.6, 0.6, 25)
    # the eight-point rule is exact for the polynomial; faces at +-0.5 hold its ends
    x = np.clip(faces / 0.5, -1.0, 1.0)
    exact = np.diff(35.0 / 32.0 * (x - x**3 + 0.6 * x**5 - x**7 / 7.0))
    np.testing.assert_allclose(hl.density(bump).mass(faces, ONE)[0], exact, atol=1e-12)
    low, high = hl.density(bump).extent
    assert -0.505 < low <= -0.499
    assert 0.499 <= high < 0.505


def test_the_final_state_holds_its_classes():
    run = hl.evolve(MIXED, hl.Startup(0.2), hl.gaussian(0.3), 5.0, rtol=1e-3)
    final = run.final
    values, weights = final.nodes
    assert values.tolist() == [0.7, 1.3]
    # quenched classes exchange no mass
    np.testing.assert_allclose(final.masses.sum(axis=1), weights, atol=1e-14)
    n = 40_000
    stress, thresholds = final.sample(n, np.random.default_rng(2))
    means = final.masses @ final.grid.centres / weights
    for c, mean in zip(values, means, strict=True):
        own = stress[thresholds == c]
        assert abs(own.size / n - weights[values == c][0]) < 4.0 / math.sqrt(4 * n)
        assert abs(own.mean() - mean) < 4.0 * own.std() / math.sqrt(own.size)
    # its masses are those of the grid, and those of any other, class by class
    np.testing.assert_allclose(final.mass(final.grid.faces, TWO), final.masses, atol=1e-16)
    with pytest.raises(ValueError, match="threshold classes"):
        final.mass(final.grid.faces, hl.Quenched([0.7, 1.2]))
    with pytest.raises(ValueError, match="threshold classes"):
        final.mass(final.grid.faces, ONE)


@pytest.mark.parametrize("solver", [None, hl.FiniteVolume(rtol=1e-5)])
def test_a_steady_state_stays(solver):
    state = hl.steady_state(MODEL, 0.1, solver=solver)
    run = hl.evolve(MODEL, hl.Startup(0.1), state, 10.0, rtol=1e-4)
    # both are right to the tolerance: nothing must move by more than it
    assert np.max(np.abs(run.stress - state.stress)) < 1e-4 * state.stress
    assert np.max(np.abs(run.activity - state.activity)) < 1e-4 * state.activity


def test_a_steady_state_of_many_thresholds_stays():
    model = hl.Model(0.3, thresholds=hl.Redrawn(scipy.stats.norm(1.0, 0.3)))
    state = hl.steady_state(model, 0.2)
    run = hl.evolve(model, hl.Startup(0.2), state, 5.0, rtol=1e-3)
    assert np.max(np.abs(run.stress - state.stress)) < 1e-3 * state.stress


def test_rest():
    model = hl.Model(0.8)
    state = hl.rest(model)
    assert state.shear_rate == 0.0
    assert state.stress == pytest.approx(0.0, abs=1e-14)
    run = hl.evolve(model, hl.Cessation(), state, 10.0, rtol=1e-4)
    # D is proportional to alpha - 1/2: an error of the tolerance counts 0.8/0.3 times
    assert np.max(np.abs(run.diffusion / state.diffusion - 1.0)) < 3e-4
    with pytest.raises(hl.NoStationaryState, match="gaussian"):
        hl.rest(hl.Model(0.5))
    with pytest.raises(hl.NoStationaryState, match="final"):
        hl.rest(MODEL)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: hl.gaussian(0.0), "std"),
        (lambda: hl.gaussian(-1.0), "std"),
        (lambda: hl.gaussian(math.nan), "std"),
        (lambda: hl.density(0.5), "function"),
        (lambda: hl.density(lambda s: np.exp(-(s**2))), "function must integrate to 1"),
        (lambda: hl.density(lambda s: np.sin(s)), "function"),
        (lambda: hl.density(lambda s: np.zeros_like(s)), "function"),
        (lambda: hl.density(lambda s: 1.0), "function"),
        (lambda: hl.density(lambda s: np.where(np.abs(s) < 0.5, 1.0, np.nan)), "function"),
    ],
)
def test_bad_arguments_are_named(make, name):
    with pytest.raises(ValueError, match=name):
        make()


NARROW = scipy.stats.norm(0.70003, 1e-6)


@pytest.mark.parametrize(
    ("function", "extent", "mean", "std"),
    [
        (NARROW.pdf, None, 0.70003, 1e-6),  # between two stresses at which the density is looked at
        (scipy.stats.norm(0.7, 1e-9).pdf, (0.7 - 1e-7, 0.7 + 1e-7), 0.7, 1e-9),
        (lambda s: 0.5 * (scipy.stats.norm(0.0, 0.3).pdf(s) + scipy.stats.norm(0.7, 1e-4).pdf(s)),
         None, 0.35, math.hypot(0.35, math.sqrt(0.5 * (0.3**2 + 1e-8)))),
        (lambda s: np.where((s > 0.3333) & (s < 0.3343), 1e3, 0.0), None, 0.3338, 1e-3 / 12**0.5),
        (scipy.stats.norm(1e3, 1.0).pdf, None, 1e3, 1.0),
    ],
)  # fmt: skip
def test_a_density_is_found_where_it_is(function, extent, mean, std):
    """Mass in a hundred cells, and 50,000 draws: mean and std to four of their standard errors."""
    start = hl.density(function, extent)
    low, high = start.extent
    faces = np.linspace(mean - 9.0 * std, mean + 9.0 * std, 101)
    cells = start.mass(faces, hl.Model(0.3).thresholds)
    assert cells.sum() == pytest.approx(1.0, abs=1e-9)
    middle = 0.5 * (faces[1:] + faces[:-1])
    assert (cells[0] @ (middle - mean)) / std == pytest.approx(0.0, abs=0.05)  # of a cell: 0.18 std
    drawn, _ = start.sample(50_000, np.random.default_rng(1))
    assert np.all((drawn >= low) & (drawn <= high))
    assert drawn.mean() == pytest.approx(mean, abs=4.0 * std / 50_000**0.5)
    assert drawn.std() == pytest.approx(std, rel=0.02)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda s: scipy.stats.norm(0.0, 0.3).pdf(s) - 0.1, r"got -0\.1 at stress"),
        (lambda s: -scipy.stats.norm(0.0, 0.3).pdf(s), r"got -1\.3\d* at stress 0$"),
        (lambda s: np.where(s == 0.0, np.inf, 0.0), "got inf at stress 0$"),
        (lambda s: np.where(s > 1.0, np.nan, 0.0), r"got nan at stress 1\.0"),
        (lambda s: 0.0 * s, "got 0 wherever it was looked at.*extent="),
        (scipy.stats.norm(0.70003, 1e-9).pdf, "got 0 wherever it was looked at.*extent="),
        (lambda s: 3.0 * scipy.stats.norm(0.0, 0.3).pdf(s), "got 3 between.*divide it"),
        (lambda s: 0.5 * scipy.stats.norm(0.0, 0.3).pdf(s), r"got 0\.5 between.*narrower"),
        (lambda s: 1.0, r"one number for each stress, got shape \(\)"),
        (lambda s: None, "what function returns"),
        (lambda s: 1j * s, "what function returns.*complex"),
        (lambda a, b: a, "function must be a function of stresses"),
    ],
)
def test_densities_that_are_none_are_refused_in_words(function, says):
    with pytest.raises(ValueError, match=says):
        hl.density(function)


def test_what_a_density_raises_comes_through():
    def broken(s):
        raise ZeroDivisionError("of the user")

    with pytest.raises(ZeroDivisionError, match="of the user"):
        hl.density(broken)
    for extent in (3.0, (1.0, 0.0), (0.0, math.nan), (0.0, 1.0, 2.0), "ab"):
        with pytest.raises(ValueError, match="extent must"):
            hl.density(scipy.stats.norm(0.0, 0.3).pdf, extent)
