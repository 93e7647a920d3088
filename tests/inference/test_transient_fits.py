"""Fits of startup and creep, and posteriors."""

from __future__ import annotations

import numpy as np
import pytest

import hebraud as hl
from hebraud.inference import fit_creep, fit_flow_curve, fit_startup, sample_posterior
from hebraud.inference.transients import TransientLaw

SCALES = hl.Scales(shear_modulus=200.0, threshold=50.0, plastic_time=0.1)
GUESS = hl.Scales(shear_modulus=170.0, threshold=60.0, plastic_time=0.13)
START = hl.gaussian(0.3)
TIMES = np.geomspace(0.02, 1.2, 12)


def measured(protocol, name, unit):
    run = hl.evolve(
        hl.Model(0.3), protocol, START, until=TIMES[-1] / 0.1, t_eval=TIMES / 0.1, rtol=1e-6
    )
    return unit * getattr(run, name)


STRESS = measured(hl.Startup(0.5 / SCALES.shear_rate), "stress", SCALES.stress)
STRAIN = measured(hl.Creep(30.0 / SCALES.stress), "strain", SCALES.strain)


def startup(stress, error):
    return fit_startup(TIMES, stress, 0.5, error, hl.Model(0.25), start=START, guess=GUESS)


def test_startup_tells_modulus_from_time():
    """Data without noise: what is left is the tolerance of the runs, 1e-4, times the condition."""
    fit = startup(STRESS, np.full(12, 0.1))
    assert fit.alpha.value == pytest.approx(0.3, rel=0.02)
    assert fit.threshold.value == pytest.approx(50.0, rel=0.01)
    assert fit.shear_modulus.value == pytest.approx(200.0, rel=1e-3)
    assert fit.plastic_time.value == pytest.approx(0.1, rel=0.03)
    assert fit.scales.viscosity == pytest.approx(20.0, rel=0.03)
    slopes = fit.problem.law.slopes(fit.log_values)[1]
    for j in range(4):
        shift = np.zeros(4)
        shift[j] = 0.03
        above, below = (fit.problem.law.values(fit.log_values + s * shift) for s in (1, -1))
        assert slopes[:, j] == pytest.approx((above - below) / 0.06, abs=2e-3 * STRESS.max())


@pytest.mark.slow
def test_startup_between_runs_of_the_lattice(tmp_path):
    """Against runs made anew: 1e-3 of the largest stress, cubics over 0.1 and rtol 1e-4."""
    fit = fit_startup(
        TIMES, STRESS, 0.5, np.full(12, 1.0), hl.Model(0.3), start=START, guess=SCALES,
        threshold=50.0, shear_modulus=200.0,
    )  # fmt: skip
    law = fit.problem.law
    direct = TransientLaw(law.experiment, law.model, law.before, law.time, law.drive)
    for shift in ([0.03, 0.0, 0.02, 0.0], [-0.04, -0.05, 0.0, 0.04]):
        at = fit.log_values + np.array(shift)
        assert law.values(at) == pytest.approx(direct.values(at), abs=1e-3 * STRESS.max())
        slopes = zip(law.slopes(at)[1].T, direct.slopes(at)[1].T, strict=True)
        for one, two in slopes:
            assert one == pytest.approx(two, abs=1e-2 * STRESS.max())
    low, high = fit.interval("alpha", 0.68)
    assert low < fit.alpha.value < high
    hl.save(fit, tmp_path / "fit.h5")
    again = hl.load(tmp_path / "fit.h5")
    assert again.problem.law.rows == {}  # made again, the same, where they are asked for
    assert np.array_equal(again.fitted, fit.fitted)


def test_creep_with_a_held_coupling():
    fit = fit_creep(
        TIMES, STRAIN, 30.0, np.full(12, 1e-3), hl.Model(0.3), start=START, guess=GUESS, alpha=0.3
    )
    assert fit.alpha.note == "held fixed"
    assert fit.threshold.value == pytest.approx(50.0, rel=2e-3)
    assert fit.shear_modulus.value == pytest.approx(200.0, rel=5e-3)
    assert fit.plastic_time.value == pytest.approx(0.1, rel=5e-3)
    assert [ax.get_ylabel() for ax in fit.plot().axes][:1] == ["strain"]


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"time must be > 0, got time\[0\] = 0"):
        fit_startup([0.0, 1.0], [0.0, 1.0], 0.5, start=START, guess=GUESS)
    with pytest.raises(ValueError, match="shear_rate must be a finite number > 0"):
        fit_startup(TIMES, STRESS, -1.0, start=START, guess=GUESS)
    with pytest.raises(ValueError, match=r"guess must be a hebraud\.Scales"):
        fit_startup(TIMES, STRESS, 0.5, start=START, guess=(1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match=r"strain\[0\] = nan"):
        fit_creep([1.0, 2.0], [np.nan, 1.0], 30.0, start=START, guess=GUESS)


@pytest.mark.parametrize("known", [True, False])
def test_posterior_is_the_covariance_of_a_nearly_linear_fit(known):
    """With 0.5 % noise; a chain of some 25 correlation times knows a width to 15 %."""
    pytest.importorskip("emcee")
    rates = np.geomspace(1e-3, 10.0, 30)
    stress = 50.0 * hl.flow_curve(hl.Model(0.3), rates * 20.0 / 50.0).stress
    stress = stress * (1.0 + 5e-3 * np.random.default_rng(0).standard_normal(30))
    fit = fit_flow_curve(rates, stress, 5e-3 * stress if known else None)
    posterior = sample_posterior(fit, steps=500, walkers=12, seed=1)
    for name in fit.free:
        draws = posterior.samples[name]
        assert draws.std() == pytest.approx(fit.estimates[name].stderr, rel=0.3)
        assert draws.mean() == pytest.approx(
            fit.estimates[name].value, abs=0.5 * fit.estimates[name].stderr
        )
        low, high = posterior.interval(name)
        assert low < fit.estimates[name].value < high
    assert not posterior.converged  # too short by emcee's own rule, and it is said
    again = sample_posterior(fit, steps=20, walkers=12, seed=1)
    assert np.array_equal(
        again.samples["alpha"], sample_posterior(fit, 20, 12, seed=1).samples["alpha"]
    )
    with pytest.raises(ValueError, match="walkers"):
        sample_posterior(fit, walkers=2)


def test_posterior_without_emcee_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    rates = np.geomspace(1e-3, 10.0, 8)
    fit = fit_flow_curve(rates, hl.flow_curve(hl.Model(0.3), rates).stress)
    with pytest.raises(hl.MissingDependency, match=r"pip install 'hebraud\[posterior\]'"):
        sample_posterior(fit)
