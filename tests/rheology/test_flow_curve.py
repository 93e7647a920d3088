"""FlowCurve and Herschel-Bulkley fits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.rheology.herschel_bulkley import fit_herschel_bulkley

RATES = np.geomspace(1e-4, 1e-1, 12)
SCALES = hl.Scales(shear_modulus=19.0, threshold=3.4, plastic_time=1.2)


def law(rate, yield_stress=0.7, prefactor=3.0, exponent=0.5):
    return yield_stress + prefactor * rate**exponent


def test_exact_data_give_the_law_back():
    for exponent in (0.4, 0.5, 1.0):
        stress = law(RATES, exponent=exponent)
        for held in (exponent, None):
            fit = hl.FlowCurve(RATES, stress).herschel_bulkley(exponent=held)
            assert fit.yield_stress.value == pytest.approx(0.7, rel=1e-7)
            assert fit.prefactor.value == pytest.approx(3.0, rel=1e-6)
            assert fit.exponent.value == pytest.approx(exponent, rel=1e-6)
            assert fit.stress(RATES) == pytest.approx(stress, rel=1e-7)


def test_held_exponent_is_weighted_linear_least_squares():
    """Values and errors against the normal equations."""
    rng = np.random.default_rng(1)
    error = 0.01 * rng.uniform(0.5, 2.0, RATES.size)
    stress = law(RATES) + error * rng.normal(size=RATES.size)
    fit = hl.FlowCurve(RATES, stress, error).herschel_bulkley()
    design = np.stack([np.ones_like(RATES), np.sqrt(RATES)], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    values = covariance @ design.T @ (stress / error)
    assert [fit.yield_stress.value, fit.prefactor.value] == pytest.approx(values, rel=1e-9)
    stderr = np.sqrt(np.diag(covariance))
    # lmfit differentiates numerically: 1e-5
    assert [fit.yield_stress.stderr, fit.prefactor.stderr] == pytest.approx(stderr, rel=1e-5)
    chi = np.sum(((stress - design * error[:, None] @ values) / error) ** 2)
    assert fit.reduced_chi_square == pytest.approx(chi / (RATES.size - 2), rel=1e-9)


@pytest.mark.parametrize("exponent", [0.5, None])
def test_errors_cover_the_truth(exponent):
    """68 % intervals over 300 noisy curves hold the true value in 60 ... 76 % (3 sigma of 300)."""
    rng = np.random.default_rng(0)
    inside = np.zeros(2)
    for _ in range(300):
        stress = law(RATES) + 0.01 * rng.normal(size=RATES.size)
        fit = fit_herschel_bulkley(RATES, stress, np.full(RATES.size, 0.01), exponent)
        for i, (estimate, truth) in enumerate(((fit.yield_stress, 0.7), (fit.prefactor, 3.0))):
            inside[i] += abs(estimate.value - truth) < estimate.stderr
    assert np.all(inside / 300 > 0.60)
    assert np.all(inside / 300 < 0.76)


@settings(max_examples=30)
@given(st.floats(-6, 6), st.floats(-6, 6), st.sampled_from([0.5, None]))
def test_units_do_not_matter(log_rate, log_stress, exponent):
    rng = np.random.default_rng(3)
    stress = law(RATES) + 0.005 * rng.normal(size=RATES.size)
    a, b = 10.0**log_rate, 10.0**log_stress
    one = fit_herschel_bulkley(RATES, stress, None, exponent)
    other = fit_herschel_bulkley(a * RATES, b * stress, None, exponent)
    n = one.exponent.value
    assert other.yield_stress.value == pytest.approx(b * one.yield_stress.value, rel=1e-4)
    assert other.yield_stress.stderr == pytest.approx(b * one.yield_stress.stderr, rel=1e-3)
    assert other.exponent.value == pytest.approx(n, rel=1e-4)
    assert other.prefactor.value == pytest.approx(
        b * a**-n * one.prefactor.value, rel=1e-4 * (1 + abs(np.log(a)))
    )


def test_units_of_reduced_and_physical():
    reduced = hl.flow_curve(hl.Model(0.3), RATES)
    physical = reduced.physical(SCALES)
    assert physical.shear_rate == pytest.approx(RATES * 3.4 / (19.0 * 1.2))
    assert physical.stress == pytest.approx(3.4 * reduced.stress)
    assert physical.diffusion == pytest.approx(3.4**2 / 1.2 * reduced.diffusion)
    again = physical.reduced()
    assert again.stress == pytest.approx(reduced.stress, rel=1e-14)
    assert again.scales is None
    with pytest.raises(ValueError, match="physical already"):
        physical.physical(SCALES)
    with pytest.raises(ValueError, match="one of them"):
        reduced.reduced()
    with pytest.raises(ValueError, match="one of them"):
        physical.reduced(hl.Scales(1.0, 1.0, 1.0))


def test_curves_are_frozen_comparable_and_readable():
    curve = hl.FlowCurve([1, 2], [3, 4], [0.1, 0.2], scales=SCALES)
    assert eval(repr(curve), {"FlowCurve": hl.FlowCurve, "Scales": hl.Scales}) == curve
    assert curve != hl.FlowCurve([1, 2], [3, 4])
    assert curve != hl.FlowCurve([1, 2], [3, 5], [0.1, 0.2], scales=SCALES)
    assert len(curve) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        curve.stress = np.zeros(2)  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        curve.stress[0] = 1.0


def test_the_callers_arrays_are_not_touched():
    rate = np.array([1.0, 2.0])
    curve = hl.FlowCurve(rate, [1.0, 2.0])
    rate[0] = 5.0
    assert curve.shear_rate[0] == 1.0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1, 2], [1]), "stress must be one row of 2 numbers"),
        (([], []), "shear_rate must be one row of at least one number"),
        (([1, np.nan], [1, 2]), r"shear_rate\[1\] = nan"),
        (([1, 2], [1, np.inf]), r"stress\[1\] = inf"),
        (([1, 2], ["a", "b"]), "stress must be a sequence of numbers"),
        (([1, 2], [1, 2], [0.1, 0.0]), r"stress_err\[1\] = 0"),
        (([1, 2], [1, 2], None, None, None, 3), "scales must be"),
    ],
)
def test_bad_columns_are_named(columns, message):
    with pytest.raises(ValueError, match=message):
        hl.FlowCurve(*columns)


def test_bad_fits_are_refused():
    with pytest.raises(ValueError, match=r"shear rates > 0, got shear_rate\[0\] = 0"):
        hl.FlowCurve([0.0, 1.0, 2.0], [1, 2, 3]).herschel_bulkley()
    with pytest.raises(ValueError, match="at least 3 different"):
        hl.FlowCurve([1.0, 2.0, 2.0], [1, 2, 3]).herschel_bulkley(exponent=None)
    with pytest.raises(ValueError, match="exponent must be"):
        hl.FlowCurve(RATES, law(RATES)).herschel_bulkley(exponent=-1)


def test_fit_of_the_model_finds_the_derived_law():
    """At rates 1e-10 ... 1e-8 the next term of the expansion, of order g, is 1e-4 of A sqrt(g)."""
    for alpha in (0.1, 0.3, 0.45):
        fit = hl.flow_curve(hl.Model(alpha), np.geomspace(1e-10, 1e-8, 20)).herschel_bulkley()
        closed = hl.closed_form
        assert fit.yield_stress.value == pytest.approx(
            float(closed.yield_stress_of_alpha(alpha)), rel=1e-5
        )
        prefactor = float(closed.prefactor_of_alpha(alpha))
        assert fit.prefactor.value == pytest.approx(prefactor, rel=2e-3)
