"""The modified model's verdict: its check, that it can fail, and witnesses of its limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import hebraud as hl
from validation.claims.table1 import ALPHA_FLOW_MEAN, ALPHA_MICRO_MEAN
from validation.figures import modified_model as mm


@pytest.fixture(scope="module")
def result():
    return mm.compute(["one threshold"])


def test_verdict_holds_and_draws(result, tmp_path):
    mm.check(result)
    assert "one threshold  halved      1.322" in mm.table(result)
    with hl.plot.style():
        figure = Figure(figsize=(3.39, 4.6), layout="constrained")
        mm.draw(result, figure.subplots())
        figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000


def test_the_check_can_fail(result):
    """A measured alpha fifteen times larger, or a model of full relaxation, would pass for it."""
    with pytest.raises(AssertionError):
        mm.check(replace(result, target=hl.Estimate(0.6, 0.013)))
    curve = result.curves["one threshold"]
    with pytest.raises(AssertionError):
        mm.check(replace(result, curves={"one threshold": replace(curve, needed=ALPHA_MICRO_MEAN)}))
    shifted = [one._replace(yield_stress=one.yield_stress - 1e-3) for one in curve.limits]
    with pytest.raises(AssertionError):
        mm.check(replace(result, curves={"one threshold": replace(curve, limits=shifted)}))


def test_the_means_are_those_that_the_paper_prints():
    """2.57 +- 0.26 and 3.28 +- 0.16: to half the last digit, or its truncation (errata)."""
    assert ALPHA_MICRO_MEAN.value == pytest.approx(0.257, abs=5e-4)
    assert ALPHA_MICRO_MEAN.stderr == pytest.approx(0.026, abs=6e-4)
    assert ALPHA_FLOW_MEAN.value == pytest.approx(0.328, abs=5e-4)
    assert ALPHA_FLOW_MEAN.stderr == pytest.approx(0.016, abs=1e-3)


@pytest.mark.parametrize("alpha", [0.13, 0.26, 2.0, 4.0])
def test_yield_stress_against_the_exact_solution(alpha):
    """At vanishing rate blocks yield at 1, land at 0.8 and drop by 0.2: exact in that limit."""
    exact = hl.Model(hl.ActivityNoise(0.04 * alpha), relaxation=hl.ResidualStress(0.8))
    # 1e-12: the exact stress is A 1e-6 above its limit
    stress = hl.steady_state(exact, 1e-12).stress
    found = mm.limit(mm.one_threshold(mm.Setting(alpha, drop=0.2)))
    assert found.yield_stress == pytest.approx(stress, abs=3e-5)
    assert abs(found.yield_stress - stress) < 3.0 * found.yield_stress_error + 3e-6


def test_prefactor_of_full_relaxation_is_the_closed_one():
    for alpha in (0.13, 0.33):
        found = mm.limit(mm.one_threshold(mm.Setting(alpha, drop=1.0)))
        closed = float(hl.closed_form.yield_stress_of_alpha(alpha))
        assert found.yield_stress == pytest.approx(closed, abs=3e-5)


@pytest.mark.parametrize("variant", [mm.redrawn, mm.quenched])
def test_blocks_have_the_stress(variant):
    """Monte Carlo at the mean alpha_micro: eight strains on, within 4 standard errors."""
    model = variant(mm.Setting(ALPHA_MICRO_MEAN.value, snapshot_rate=0.05))
    run = hl.simulate_blocks(
        model,
        hl.Startup(0.05),
        hl.gaussian(0.5),
        160.0,
        blocks=8_000,
        step=0.1,
        t_eval=[160.0],
        seed=1,
    )
    state = hl.steady_state(model, 0.05, hl.FiniteVolume(rtol=1e-5))
    assert abs(run.stress[-1] - state.stress) < 4.0 * run.stress_err[-1]
    assert run.stress_err[-1] < 0.01


def test_implied_yield_stress_and_its_error():
    one = mm.implied(hl.Estimate(0.328, 0.017))
    assert hl.closed_form.alpha_of_yield_stress(one.value) == pytest.approx(0.328)
    slope = np.gradient([float(hl.closed_form.yield_stress_of_alpha(a)) for a in (0.327, 0.329)])
    assert one.stderr == pytest.approx(0.017 * abs(slope[0]) / 2e-3, rel=0.01)
