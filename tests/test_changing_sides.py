"""Landings on the other side of zero: s' = -a s, which push both ends of a grid."""

from __future__ import annotations

import numpy as np
import pytest

import hebraud as hl
from hebraud.solvers.steady.finite_volume import solve


def flips(*points, weights=(1.0,), **slots):
    return hl.Model(0.3, relaxation=hl.Landing(points, weights), **slots)


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        (flips(-0.9), 0.3),
        (flips(-0.9), -0.05),
        (flips(-0.95), 10.0),
        (flips(-0.99, 0.3, weights=(0.5, 0.5)), 0.3),
        (flips(-0.9, thresholds=hl.Quenched([0.5, 2.0])), 0.3),
        (flips(-0.9, yielding=hl.PowerRate(0.5)), 0.3),
    ],
    ids=repr,
)
def test_runs_end_in_the_stationary_state(model, rate):
    state = solve(model, rate, rtol=1e-5)
    rtol = 1e-5 if rate == 10.0 else 1e-4  # fast: 3.8 rtol off at 1e-4, 1.0 at 1e-5
    run = hl.evolve(model, hl.Startup(rate), hl.gaussian(0.3), 150.0, rtol=rtol)
    assert run.stress[-1] == pytest.approx(state.stress, abs=3.0 * rtol * np.abs(run.stress).max())
    assert run.activity[-1] == pytest.approx(state.activity, rel=3e-3)
    assert np.abs(run.mass_error).max() < 1e-10


def test_a_run_against_monte_carlo():
    model, times = flips(-0.9), [1.0, 3.0, 6.0]
    run = hl.evolve(model, hl.Startup(1.0), hl.gaussian(0.3), 6.0, times, rtol=1e-4)
    sample = hl.simulate_blocks(model, hl.Startup(1.0), hl.gaussian(0.3), 6.0, 40_000, 0.05, times)
    # the noise of D in a sample makes its scatter up to 1.4 times what the standard error says
    assert np.all(np.abs(run.stress - sample.stress) < 5.0 * sample.stress_err)
    assert run.stress.max() - run.stress.min() > 15.0 * sample.stress_err.max()


@pytest.mark.parametrize("points", [(-1.0,), (-1.0, 0.0), (-1.3, 0.1), (1.3, 0.1)], ids=repr)
def test_landings_that_no_grid_holds_are_refused_in_words(points):
    model = flips(*points, weights=np.full(len(points), 1.0 / len(points)))
    with pytest.raises(hl.ConvergenceError, match=r"no finite grid holds .* simulate_blocks"):
        hl.evolve(model, hl.Startup(0.3), hl.gaussian(0.3), 10.0)
    with pytest.raises(hl.ConvergenceError, match=r"no finite grid holds .* simulate_blocks"):
        hl.steady_state(model, 0.3)
    assert hl.simulate_blocks(model, hl.Startup(0.3), hl.gaussian(0.3), 1.0, 100).time[-1] == 1.0


def test_a_steady_state_next_to_none():
    """Where blocks flip for ever, each yield halves what is loaded since the last: stress g/2."""
    state = solve(flips(-0.999), 0.3, rtol=1e-3)
    assert state.stress == pytest.approx(0.15, rel=2e-3)
