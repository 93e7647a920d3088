"""Finite-volume stationary states: order, honesty, symmetry, balance, every slot."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import hebraud as hl
from hebraud.analytic import exact
from hebraud.errors import ConvergenceError, NoStationaryState
from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.chain.grid import layout
from hebraud.solvers.steady import fixed_point
from hebraud.solvers.steady.finite_volume import solve
from hebraud.solvers.steady.null_vector import Stationary
from twins import stationary as naive
from twins.identities import balance

CASES = [(alpha, g) for alpha in (0.1, 0.3, 0.5, 0.8) for g in (1e-4, 1e-2, 1.0, 10.0)]


def relative(state, truth):
    stress = abs(state.stress / truth.stress - 1.0) if truth.stress else abs(state.stress)
    return max(stress, abs(state.diffusion / truth.diffusion - 1.0))


@pytest.mark.parametrize(("alpha", "g"), CASES)
def test_second_order(alpha, g):
    truth = exact.stationary(hl.Model(alpha), g)
    cells = [1600, 3200, 6400, 12800, 25600]
    states = [solve(hl.Model(alpha), g, cells=n) for n in cells]
    for name in ("stress", "diffusion"):
        errors = [abs(getattr(s, name) / getattr(truth, name) - 1.0) for s in states]
        slope = -np.polyfit(np.log(cells), np.log(errors), 1)[0]
        assert slope == pytest.approx(2.0, abs=0.1), name
        assert errors[-1] < 1e-6, name
    assert states[0].distribution.grid.centres.size == 1600


@pytest.mark.parametrize("g", [0.03, 0.5])
def test_against_the_six_coefficients(g):
    def miss(log_d):
        return 0.3 / naive.classical_cycle(math.exp(log_d), g)[0] / math.exp(log_d) - 1.0

    d = math.exp(brentq(miss, -9.0, 3.0, xtol=1e-14))
    state = solve(hl.Model(0.3), g, rtol=1e-7)
    assert state.diffusion == pytest.approx(d, rel=3e-7)
    assert state.stress == pytest.approx(naive.classical_cycle(d, g)[1], rel=3e-7)


@given(log_alpha=st.floats(-2.0, 1.0), log_g=st.floats(-5.0, 3.0), sign=st.sampled_from([-1, 1]))
@settings(max_examples=60)
def test_the_error_estimate_is_honest(log_alpha, log_g, sign):
    model, g = hl.Model(10.0**log_alpha), sign * 10.0**log_g
    state = solve(model, g, rtol=1e-5)
    assert state.error_estimate <= 1e-5
    assert relative(state, exact.stationary(model, g)) <= 2.0 * state.error_estimate + 1e-11


@pytest.mark.parametrize(
    ("relaxation", "law"),
    [
        (hl.ResidualStress(0.4), 1.0),
        (hl.ResidualStress(1.3), 0.7),
        (hl.Landing((0.5, -0.2), (0.7, 0.3), relative=False), 1.0),
        (hl.FractionalDrop(1.0), hl.Redrawn(scipy.stats.norm(1.0, 0.3))),
        (hl.FractionalDrop(1.0), hl.Quenched(scipy.stats.norm(1.0, 0.3))),
        (hl.ResidualStress(0.2), hl.Quenched([0.3, 0.5, 1.5])),
        (hl.FractionalDrop(1.0), hl.Redrawn(scipy.stats.expon())),
        (hl.FractionalDrop(1.0), hl.Quenched(scipy.stats.weibull_min(2.0))),
    ],
    ids=repr,
)
@pytest.mark.parametrize("g", [0.01, -0.7])
def test_against_the_exact_variants(relaxation, law, g):
    model = hl.Model(0.3, relaxation=relaxation, thresholds=law)
    state = solve(model, g, rtol=1e-5)
    truth = exact.stationary(model, g)
    assert relative(state, truth) <= 2.0 * state.error_estimate
    s = np.array([-0.45, 0.1, 0.6, 1.2])
    # a few classes stand for a continuous law: beyond the thresholds P has a step at each of them
    classes = 0.03 if hasattr(getattr(law, "law", None), "pdf") else 0.0
    wide = max(3.0 * np.sqrt(state.error_estimate), classes)
    np.testing.assert_allclose(state.density(s), truth.density(s), rtol=wide, atol=wide * 0.1)


@pytest.mark.parametrize(("alpha", "g"), [(0.1, 10.0), (0.3, 1e-3), (0.8, 1e-4), (0.8, 1e-8)])
def test_mirror_symmetry(alpha, g):
    one, other = solve(hl.Model(alpha), g, cells=800), solve(hl.Model(alpha), -g, cells=800)
    assert other.stress == pytest.approx(-one.stress, rel=1e-12, abs=1e-15)
    assert other.diffusion == pytest.approx(one.diffusion, rel=1e-13)
    one, other = one.distribution, other.distribution
    np.testing.assert_array_equal(other.grid.faces, -one.grid.faces[::-1])
    np.testing.assert_allclose(other.masses, one.masses[:, ::-1], rtol=1e-11)


@pytest.mark.parametrize("scale", [0.03, 5.0])
@pytest.mark.parametrize(
    ("relaxation", "law"),
    [
        (lambda l: hl.FractionalDrop(0.4), lambda l: l),
        (lambda l: hl.ResidualStress(0.3 * l), lambda l: hl.Quenched([0.6 * l, 1.1 * l])),
        (lambda l: hl.GaussianLanding(0.5, 0.2 * l), lambda l: hl.Redrawn([0.6 * l, 1.1 * l])),
    ],
)
def test_scale_covariance(relaxation, law, scale):
    def state(l):
        model = hl.Model(0.3 * l * l, relaxation=relaxation(l), thresholds=law(l))
        return solve(model, 0.05 * l, cells=900)

    one, other = state(1.0), state(scale)
    assert other.stress == pytest.approx(scale * one.stress, rel=1e-8)
    assert other.diffusion == pytest.approx(scale**2 * one.diffusion, rel=1e-8)
    assert other.activity == pytest.approx(one.activity, rel=1e-8)


@pytest.mark.parametrize(
    "model",
    [
        hl.Model(0.3),
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.3)),
        hl.Model(hl.DropNoise(0.26), relaxation=hl.FractionalDrop(0.5)),
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.5), thresholds=hl.Redrawn([0.5, 1.0, 1.2])),
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.5), thresholds=hl.Quenched([0.5, 1.0, 1.2])),
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.5), yielding=hl.PowerRate(1.3)),
        hl.Model(0.3, yielding=hl.PowerRate(0.5)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("g", [0.02, -1.0])
def test_moment_identities(model, g):
    state = solve(model, g, rtol=1e-5)
    first, second = balance(state)
    assert first <= 1e-12
    assert second <= 10.0 * state.error_estimate
    # and the estimate against a much finer grid, where nothing is exact
    fine = solve(model, g, cells=4 * state.distribution.grid.centres.size)
    assert relative(state, fine) <= 2.0 * state.error_estimate


def test_a_root_of_small_slope_is_found():
    """log(coupling(D)/D) falls by 0.035 log D where 0.6 is expected: 80 steps did not get there."""
    law = hl.ThresholdLaw(*hl.Redrawn(scipy.stats.gamma(4, scale=0.25)).nodes(1e-4))
    model = hl.Model(0.2, relaxation=hl.FractionalDrop(0.1), thresholds=hl.Redrawn(law))
    state = solve(model, 6.53e-6, rtol=1e-4)
    fine = solve(model, 6.53e-6, cells=4 * state.distribution.grid.centres.size)
    assert relative(state, fine) <= 2.0 * state.error_estimate


@pytest.mark.parametrize("g", [3.0, -10.0, 100.0])
@pytest.mark.parametrize(
    "model",
    [
        hl.Model(0.01),
        hl.Model(0.1),
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.3)),
        hl.Model(0.1, relaxation=hl.ResidualStress(0.4), yielding=hl.PowerRate(0.7)),
        hl.Model(0.1, thresholds=hl.Redrawn([0.5, 1.0, 1.2])),
        hl.Model(0.1, relaxation=hl.FractionalDrop(0.5), thresholds=hl.Quenched([0.5, 1.0])),
        hl.Model(0.1, relaxation=hl.GaussianLanding(0.4, 0.3)),
    ],
    ids=repr,
)
def test_where_drift_carries_blocks_further_than_noise(model, g):
    """Cells wider than 2 D/|g|: both identities hold as elsewhere, and no mass is negative.

    Hops that spread by |g| h/2 in the place of D would fail by 1e-3 or more, of first order.
    """
    states = [solve(model, g, cells=n) for n in (800, 3200)]
    wide = np.diff(states[0].distribution.grid.centres).max() * abs(g)
    assert wide > 2.0 * states[0].diffusion
    for state in states:
        assert state.distribution.masses.min() >= 0.0
        assert balance(state)[0] <= 1e-12
    # two doublings of second order are a factor of 16: at least 8, and a cap
    coarse, fine = (balance(state)[1] for state in states)
    assert fine <= coarse / 8.0
    assert fine <= 2e-4
    asked = solve(model, g, rtol=1e-5)
    assert balance(asked)[1] <= 10.0 * asked.error_estimate
    assert relative(asked, solve(model, g, cells=4 * asked.distribution.grid.centres.size)) <= 2e-5


@pytest.mark.parametrize(
    "model",
    [
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.3), thresholds=hl.Redrawn([0.5, 1.0])),
        hl.Model(0.3, relaxation=hl.GaussianLanding(0.6, 0.2), yielding=hl.PowerRate(1.0)),
        hl.Model(0.3, relaxation=hl.ResidualStress(0.5), thresholds=hl.Redrawn([0.5, 1.0])),
    ],
    ids=repr,
)
def test_null_vector_against_dense_algebra(model):
    values, weights = model.thresholds.nodes()
    own = layout(model, 0.02, 0.1, values, weights)
    generator = Generator.of(model, own.grid(own.fewest_cells() + 40), values, weights, 16)
    found = Stationary(model, generator, 0.1).occupation(0.02)
    vector = scipy.linalg.null_space(generator.matrix(0.02, 0.1).toarray(), rcond=1e-13)
    assert vector.shape[1] == 1
    expected = (vector[:, 0] / vector.sum()).reshape(weights.size, -1).T
    np.testing.assert_allclose(found.mass, expected, rtol=1e-9, atol=1e-12)


def test_rest_above_the_critical_coupling():
    state = solve(hl.Model(0.8), 0.0)
    assert state.diffusion == pytest.approx(exact.rest_diffusion(0.8), rel=2e-6)
    assert abs(state.stress) < 1e-12


@pytest.mark.parametrize(
    "model",
    [
        hl.Model(0.5),
        hl.Model(0.2),
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.5), thresholds=2.0),
        hl.Model(hl.DropNoise(0.4)),
        hl.Model(0.4, yielding=hl.PowerRate(1.0)),
    ],
    ids=repr,
)
def test_no_rest_at_or_below_the_critical_coupling(model):
    with pytest.raises(NoStationaryState, match="at or below the critical coupling"):
        solve(model, 0.0)


def test_the_critical_coupling_of_a_partial_drop():
    # landing at (1 - f) c: (1 - (1 - f)^2)/2 = 0.18 for f = 0.2
    assert solve(hl.Model(0.185, relaxation=hl.FractionalDrop(0.2)), 0.0, rtol=1e-4).diffusion > 0
    with pytest.raises(NoStationaryState):
        solve(hl.Model(0.179, relaxation=hl.FractionalDrop(0.2)), 0.0, rtol=1e-4)


def test_noise_that_feeds_itself():
    # D (1 - 2 alpha f/(2 - f)) = ...: no finite root for alpha >= (2 - f)/(2 f) = 4.5
    relaxation = hl.FractionalDrop(0.2)
    with pytest.raises(NoStationaryState, match="feeds itself"):
        solve(hl.Model(hl.DropNoise(4.6), relaxation=relaxation), 0.1)
    state = solve(hl.Model(hl.DropNoise(4.0), relaxation=relaxation), 0.1, rtol=1e-5)
    ratio = 4.0 * 2.0 * 0.2 / 1.8
    expected = 0.5 * ratio * 2.0 * 0.1 * state.stress / (1.0 - ratio)
    assert state.diffusion == pytest.approx(expected, rel=1e-3)


def test_more_than_one_root_is_reported():
    model = hl.Model(hl.DropNoise(1.0), relaxation=hl.ResidualStress(0.5))
    state, truth = solve(model, 1e-3, rtol=1e-5), exact.stationary(model, 1e-3)
    assert len(state.other_roots) == 1
    assert state.other_roots == pytest.approx(truth.other_roots, rel=2e-5)
    assert state.diffusion == pytest.approx(truth.diffusion, rel=2e-5)


def test_fixed_noise_is_its_own_root():
    state = solve(hl.Model(hl.FixedNoise(0.2)), 0.1)
    assert state.diffusion == 0.2
    assert relative(state, exact.stationary(state.model, 0.1)) <= 2.0 * state.error_estimate


@pytest.mark.parametrize("diffusion", [1e-3, 0.2, 5.0])
@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
def test_the_estimate_at_rest_covers_the_activity(diffusion, rtol):
    """By hand it is 1/(1 + 1/sqrt(D) + 1/(2D)). Stress and D have no error to estimate it from.

    The estimate is the leading order of the error: 1.1 for those that follow.
    """
    state = solve(hl.Model(hl.FixedNoise(diffusion)), 0.0, rtol=rtol)
    time = 1.0 + diffusion**-0.5 + 0.5 / diffusion
    assert abs(state.activity * time - 1.0) <= 1.1 * state.error_estimate
    assert state.error_estimate <= rtol


def test_another_root_that_misses_the_tolerance_is_kept_with_a_warning():
    """Its stress, some 1e-15, is lost in round-off; its D is that of rest, to the scan's 1 %."""
    model = hl.Model(
        hl.DropNoise(0.6), relaxation=hl.ResidualStress(0.5), yielding=hl.PowerRate(2.0)
    )
    with pytest.warns(UserWarning, match=r"another stationary D, 45\.3 .* misses the tolerance"):
        state = solve(model, 2.56e-14, rtol=1e-3)
    assert state.error_estimate <= 1e-3
    assert state.diffusion < 1e-13
    rest = solve(model, 0.0, rtol=1e-3).diffusion
    assert state.other_roots == pytest.approx((rest,), rel=1e-2)


def test_the_state_carries_its_joint_density():
    law = hl.Quenched([0.5, 0.5, 1.0])
    model = hl.Model(0.3, thresholds=law, relaxation=hl.FractionalDrop(0.4))
    state = solve(model, 0.1, rtol=1e-4, solver="mine")
    density = state.distribution
    assert state.solver == "mine"
    np.testing.assert_allclose(density.masses.sum(axis=1), [2 / 3, 1 / 3], rtol=1e-12)
    np.testing.assert_array_equal(density.values, [0.5, 1.0])
    assert state.density(density.grid.centres) @ density.grid.widths == pytest.approx(1.0)
    assert np.all(state.density([1e9, -1e9]) == 0.0)
    assert state.density(np.zeros((2, 3))).shape == (2, 3)


def test_failures_say_what_and_what_next(monkeypatch):
    hard = hl.Model(0.3, relaxation=hl.GaussianLanding(1.0, 0.5))
    with pytest.raises(ConvergenceError, match=r"not below rtol=1e-10.*loosen rtol"):
        solve(hard, 1e-2, rtol=1e-10)
    with pytest.raises(ValueError, match="cells must be a whole number >="):
        solve(hl.Model(0.3), 0.1, cells=40)
    with pytest.raises(ValueError, match="shear_rate must be a finite number"):
        solve(hl.Model(0.3), math.nan)

    class Rough(hl.Redrawn):
        def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
            values, weights = super().nodes(rtol, breaks, kinks)
            return values * (1.0 + 0.05 * math.sin(1.0 / rtol)), weights

    with pytest.raises(ConvergenceError, match="the quadrature of the threshold law"):
        solve(hl.Model(0.3, thresholds=Rough(scipy.stats.expon())), 1e-2)
    monkeypatch.setattr(fixed_point, "_CYCLES", 1)
    with pytest.raises(ConvergenceError, match="did not become stationary: relative residual"):
        solve(hl.Model(0.3, relaxation=hl.Landing((0.9, -0.9), (0.5, 0.5))), 0.1)


def test_importing_the_solver_does_not_import_numba():
    code = (
        "import sys, hebraud.solvers.steady.finite_volume;"
        "assert 'numba' not in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
