"""Starts with thresholds of their own: another past, or refused where thresholds are for ever.

References: the stationary state of the model, which forgets where it came from; Monte Carlo, which
knows no classes; a model whose law is the start's own, given as values.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.solvers.chain.landing_lines import run_lines
from hebraud.solvers.transient.population import populated

NORMAL = scipy.stats.norm(1.0, 0.3)
HARD = scipy.stats.norm(1.5, 0.1)
ONE = hl.Model(0.3)
REDRAWN = hl.Model(0.3, thresholds=hl.Redrawn(NORMAL))
QUENCHED = hl.Model(0.3, thresholds=hl.Quenched(NORMAL))
PAIR = hl.Model(0.3, thresholds=hl.Redrawn([0.8, 1.2]))
RATE, RTOL = 0.2, 1e-4


def final(model, start=None, blocks=None):
    start = hl.gaussian(0.3) if start is None else start
    if blocks is None:
        return hl.evolve(model, hl.Startup(RATE), start, 3.0, rtol=RTOL).final
    return hl.simulate_blocks(model, hl.Startup(RATE), start, 3.0, blocks, 0.1).final


PASTS = {
    "gaussian of one": lambda: hl.gaussian(0.3, thresholds=1.3),
    "gaussian of a law": lambda: hl.gaussian(0.3, HARD),
    "density of samples": lambda: hl.density(
        scipy.stats.norm(0.1, 0.3).pdf, thresholds=[0.7, 1.1, 1.6]
    ),
    "state of one": lambda: hl.steady_state(ONE, RATE),
    "state quenched": lambda: hl.steady_state(QUENCHED, RATE, hl.FiniteVolume(rtol=1e-3)),
    "state on a grid": lambda: hl.steady_state(ONE, RATE, hl.FiniteVolume(rtol=1e-5)),
    "rest of samples": lambda: hl.rest(hl.Model(0.9, thresholds=hl.Redrawn([0.9, 1.4]))),
    "end of one": lambda: final(ONE),
    "end of quenched": lambda: final(QUENCHED),
    "end of another past": lambda: final(REDRAWN, hl.gaussian(0.3, HARD)),
    "blocks of one": lambda: final(ONE, blocks=4000),
    "blocks of a law": lambda: final(REDRAWN, blocks=4000),
}


@pytest.mark.parametrize("past", PASTS)
@pytest.mark.parametrize(
    "model", [REDRAWN, pytest.param(PAIR, marks=pytest.mark.slow)], ids=["law", "samples"]
)
def test_a_model_that_redraws_forgets_the_past(model, past):
    """A state of one threshold settled 6e-4 off where its one class was drawn for ever."""
    run = hl.evolve(model, hl.Startup(RATE), PASTS[past](), 60.0, rtol=RTOL)
    state = hl.steady_state(model, RATE)
    assert run.stress[-1] == pytest.approx(state.stress, rel=2 * RTOL)
    assert run.diffusion[-1] == pytest.approx(state.diffusion, rel=4 * RTOL)
    # a density is a quadrature; all else keeps its mass to round-off
    assert np.ptp(run.mass_error) < 1e-12


def test_another_past_is_that_of_the_blocks():
    """A hard start overshoots more: against 2e5 blocks, 4 standard errors and D's own noise."""
    start = hl.gaussian(0.3, thresholds=HARD)
    times = np.linspace(0.5, 10.0, 20)
    blocks = hl.simulate_blocks(REDRAWN, hl.Startup(RATE), start, 10.0, 200_000, 0.05, times)
    run = hl.evolve(REDRAWN, hl.Startup(RATE), start, 10.0, times, rtol=RTOL)
    plain = hl.evolve(REDRAWN, hl.Startup(RATE), hl.gaussian(0.3), 10.0, times, rtol=RTOL)
    assert np.all(np.abs(run.stress - blocks.stress) < 5.0 * blocks.stress_err)
    assert run.stress.max() > plain.stress.max() + 0.15


def test_thresholds_at_the_start_are_those_of_the_start():
    """Nothing has yielded yet in a model without noise: class by class the start's law."""
    start = hl.gaussian(0.1, thresholds=[0.9, 1.2, 1.2])
    run = hl.evolve(PAIR, hl.Startup(0.1), start, 0.1, rtol=1e-3)
    values, weights = run.final.nodes
    assert values.tolist() == [0.8, 0.9, 1.2]
    assert weights.tolist() == [0.5, 0.0, 0.5]
    np.testing.assert_allclose(run.final.masses.sum(axis=1), [0.0, 1 / 3, 2 / 3], atol=1e-12)


def test_the_law_of_the_model_is_no_other_past():
    for model in (REDRAWN, QUENCHED):
        plain = final(model)
        for law in (NORMAL, hl.Redrawn(NORMAL), hl.Quenched(NORMAL)):
            own = final(model, hl.gaussian(0.3, thresholds=law))
            np.testing.assert_array_equal(own.masses, plain.masses)


@pytest.mark.parametrize("model", [ONE, QUENCHED, REDRAWN, PAIR])
def test_ends_are_starts(model):
    """A run cut in two is the run, with its classes; 4 rtol, as each half has its own."""
    start = hl.gaussian(0.3, HARD) if model.thresholds.redraws else hl.gaussian(0.3)
    whole = hl.evolve(model, hl.Startup(RATE), start, 6.0, rtol=RTOL)
    half = hl.evolve(model, hl.Startup(RATE), start, 3.0, rtol=RTOL)
    rest = hl.evolve(model, hl.Startup(RATE), half.final, 3.0, rtol=RTOL)
    assert rest.stress[-1] == pytest.approx(whole.stress[-1], rel=4 * RTOL)
    for mine, before in zip(rest.final.nodes, half.final.nodes, strict=True):
        np.testing.assert_allclose(mine, before, rtol=1e-13)


def test_classes_that_have_emptied_are_left_out():
    """In the end nothing is left of the start's classes, which no event draws."""
    end = hl.evolve(PAIR, hl.Startup(RATE), hl.gaussian(0.3, 1.0), 400.0, rtol=1e-3).final
    assert end.values.tolist() == [0.8, 1.0, 1.2]
    assert populated(PAIR, end, 1e-3).values.tolist() == [0.8, 1.2]


OTHERS = {
    "redrawn in quenched": (QUENCHED, lambda: hl.steady_state(REDRAWN, RATE)),
    "end of redrawn in quenched": (QUENCHED, lambda: final(REDRAWN)),
    "one in quenched": (QUENCHED, lambda: hl.steady_state(ONE, RATE)),
    "quenched in one": (ONE, lambda: hl.steady_state(QUENCHED, RATE, hl.FiniteVolume(1e-4))),
    "redrawn in one": (ONE, lambda: final(REDRAWN)),
    "another one": (hl.Model(0.3, thresholds=1.001), lambda: hl.steady_state(ONE, RATE)),
    "nearly the law": (QUENCHED, lambda: hl.gaussian(0.3, scipy.stats.norm(1.0, 0.301))),
    "another number": (ONE, lambda: hl.gaussian(0.3, 1.1)),
    "other weights": (
        hl.Model(0.3, thresholds=hl.Quenched([0.8, 1.2])),
        lambda: final(hl.Model(0.3, thresholds=hl.Quenched([0.8, 1.2, 1.2]))),
    ),
    "blocks of redrawn": (QUENCHED, lambda: final(REDRAWN, blocks=20_000)),
    "blocks of one": (QUENCHED, lambda: final(ONE, blocks=1000)),
    "blocks of quenched": (ONE, lambda: final(QUENCHED, blocks=1000)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_thresholds_for_ever_are_the_models(case):
    """The masses of a redrawn state in a quenched model were 16 per cent of the stress."""
    model, start = OTHERS[case][0], OTHERS[case][1]()
    with pytest.raises(ValueError, match=r"start must have the thresholds of the model.*differ by"):
        hl.evolve(model, hl.Startup(RATE), start, 1.0, rtol=RTOL)
    if case != "nearly the law":  # which no sample of this size tells
        with pytest.raises(ValueError, match="start must have the thresholds of the model"):
            hl.simulate_blocks(model, hl.Startup(RATE), start, 1.0, 50_000, 0.1)


@pytest.mark.parametrize(
    "model", [ONE, QUENCHED, hl.Model(0.3, thresholds=hl.Quenched([0.8, 1.2]))]
)
def test_a_models_own_states_are_taken(model):
    starts = [final(model), final(model, blocks=500), final(model, blocks=20_001)]
    starts += [hl.steady_state(model, RATE, s) for s in (None, hl.FiniteVolume(rtol=1e-5))]
    for start in starts:
        for rtol in (1e-2, 1e-4):
            populated(model, start, rtol)
        hl.simulate_blocks(model, hl.Startup(RATE), start, 0.2, 1000, 0.1)


@settings(max_examples=25, deadline=None)
@given(
    mean=st.floats(0.3, 3.0), spread=st.floats(0.02, 0.5), other=st.floats(0.3, 3.0),
    std=st.floats(0.05, 1.0), landing=st.floats(0.0, 1.5),
)  # fmt: skip
def test_masses_of_any_past_add_up(mean, spread, other, std, landing):
    """<c> at t = 0 is the start's, that of the draw the model's, and every block is there once."""
    law, past = scipy.stats.norm(mean, spread * mean), scipy.stats.lognorm(spread, scale=other)
    model = hl.Model(0.3, relaxation=hl.ResidualStress(landing), thresholds=hl.Redrawn(law))
    blocks = populated(model, hl.gaussian(std, thresholds=past), 1e-5)
    masses = blocks.mass(np.linspace(-9.0 * std, 9.0 * std, 400)).sum(axis=1)
    assert np.all(np.diff(blocks.values) > 0.0)
    assert masses.sum() == pytest.approx(1.0, abs=1e-14)
    assert masses @ blocks.values == pytest.approx(past.mean(), rel=1e-5)
    drawn = law.expect(lambda c: c, lb=0.0) / law.sf(0.0)
    assert blocks.weights @ blocks.values == pytest.approx(drawn, rel=1e-5)


@pytest.mark.parametrize("bad", ["law", True, [], [1.0, -1.0], -1.0, np.nan, 1.0 + 0.0j])
def test_bad_thresholds_are_named(bad):
    with pytest.raises(ValueError, match=r"law|thresholds"):
        hl.gaussian(0.3, thresholds=bad)
    with pytest.raises(ValueError, match=r"law|thresholds"):
        hl.density(scipy.stats.norm(0.0, 0.3).pdf, thresholds=bad)


def test_such_starts_are_kept_in_files(tmp_path):
    run = hl.evolve(REDRAWN, hl.Startup(RATE), hl.gaussian(0.3, HARD), 3.0, rtol=1e-3)
    hl.save(run, tmp_path / "run.h5")
    loaded = hl.load(tmp_path / "run.h5")
    assert "norm(1.5, 0.1)" in loaded.settings["start"]
    on = [hl.evolve(REDRAWN, hl.Cessation(), r.final, 1.0, rtol=1e-3) for r in (run, loaded)]
    np.testing.assert_array_equal(on[0].stress, on[1].stress)


@pytest.mark.parametrize("law", [scipy.stats.lognorm(0.6), scipy.stats.pareto(3.5)])
@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_states_of_long_tails_are_their_models_own(law, rtol):
    """Steps narrower than c far out, and masses by coarse cells, refused a model's own states."""
    model = hl.Model(0.3, thresholds=hl.Quenched(law))
    state = hl.steady_state(model, RATE, hl.FiniteVolume(rtol=1e-4))
    values, weights = state.nodes
    blocks = populated(model, state, rtol)
    np.testing.assert_array_equal(blocks.values, values)
    np.testing.assert_array_equal(blocks.weights, weights)


# -- landing lines ---------------------------------------------------------------------------------
def test_noise_that_blurs_landing_lines_lets_them_be_few():
    """As many as before where D is small: the comb of few was 8 rtol there."""
    spread = hl.Model(0.3, relaxation=hl.GaussianLanding(0.7, 0.37))
    fineness = 0.03 * 1e-6**-0.5
    assert run_lines(spread, fineness, 0.8) < 80
    assert run_lines(spread, fineness, 3e-4) == run_lines(spread, fineness, 0.0) == 240
    assert run_lines(hl.Model(0.3), fineness, 0.8) == 240


@pytest.mark.parametrize("rtol", [1e-4, pytest.param(1e-6, marks=pytest.mark.slow)])
def test_few_landing_lines_make_the_same_run(monkeypatch, rtol):
    model = hl.Model(
        hl.FixedNoise(0.5), relaxation=hl.GaussianLanding(0.7, 0.37), thresholds=hl.Redrawn([1, 2])
    )
    runs = []
    for lines in (run_lines, lambda *_: 256):
        monkeypatch.setattr("hebraud.solvers.transient.run.run_lines", lines)
        times = np.linspace(0.1, 2.0, 20)
        runs.append(hl.evolve(model, hl.Startup(0.3), hl.gaussian(0.2), 2.0, times, rtol=rtol))
    few, many = runs
    assert few.stress == pytest.approx(many.stress, rel=rtol)
    assert few.activity == pytest.approx(many.activity, rel=rtol)
