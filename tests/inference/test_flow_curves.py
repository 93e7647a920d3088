"""Fits of flow curves: derivatives, recovery, intervals, what is said of weak or wrong data."""

from __future__ import annotations

import math
import warnings

import lmfit
import mpmath as mp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.inference import fit_flow_curve, fit_herschel_bulkley_law
from hebraud.inference.profile import allowed_rise, region
from hebraud.inference.reduced import Classical, Tabulated
from hebraud.rheology.herschel_bulkley import fit_herschel_bulkley
from validation.claims import fit_recovery

RATES = np.geomspace(1e-3, 10.0, 30)


def curve(alpha=0.3, threshold=50.0, modulus_time=20.0, rates=RATES):
    return threshold * hl.flow_curve(hl.Model(alpha), rates * modulus_time / threshold).stress


def noisy(seed=0, noise=0.02, **parameters):
    stress = curve(**parameters)
    return stress * (1.0 + noise * np.random.default_rng(seed).standard_normal(stress.size))


def naive_stress(alpha, g):
    """Sigma at 60 digits: moments of the occupation by quadrature-free sums, D by root finding."""

    def moments(D):
        k = g / D
        e = mp.exp(-k)
        phi = (1 - e) / k
        psi, hat = (1 - phi) / k, (phi - e) / k
        root = mp.sqrt(g * g + 4 * D)
        lam, rho = (root + g) / 2, (root - g) / 2
        right, left = phi + lam, e * (phi + rho * e)
        q = right / (right + left), left / (right + left)
        time = D + q[0] * (psi + rho * phi) + q[1] / e * (hat + lam * phi)
        stress = q[0] * (D * (1 + lam) + (mp.mpf(1) / 2 - psi) / k + rho * psi) - q[1] / e * (
            (hat - e / 2) / k + lam * hat + e * D * (1 + rho)
        )
        return time, stress

    guess = float(hl.flow_curve(hl.Model(float(alpha)), [float(g)]).diffusion[0])
    D = mp.exp(mp.findroot(lambda x: mp.log(moments(mp.exp(x))[0] / alpha), mp.log(guess)))
    return moments(D)[1] / alpha


@pytest.mark.parametrize("alpha", [0.01, 0.3, 0.499, 0.5, 0.501, 0.8, 20.0])
def test_slopes_are_those_of_the_exact_solution(alpha):
    """Against differences at 60 digits; 1e-8 of the stress or of the slope, whichever is less."""
    with mp.workdps(60):
        for g in (1e-5, 1e-2, 0.3, 20.0):
            found = Classical().slopes(math.log(alpha), np.array([g]))
            assert found.stress[0] == pytest.approx(float(naive_stress(mp.mpf(alpha), mp.mpf(g))))
            h = mp.mpf(10) ** -20
            by_alpha = (
                naive_stress(alpha * mp.exp(h), mp.mpf(g))
                - naive_stress(alpha * mp.exp(-h), mp.mpf(g))
            ) / (2 * h)
            by_rate = (
                naive_stress(mp.mpf(alpha), g * mp.exp(h))
                - naive_stress(mp.mpf(alpha), g * mp.exp(-h))
            ) / (2 * h)
            assert found.by_alpha[0] == pytest.approx(float(by_alpha), rel=1e-8)
            assert found.by_rate[0] == pytest.approx(float(by_rate), rel=1e-8)


@settings(max_examples=30)
@given(
    alpha=st.floats(0.02, 0.9),
    log_threshold=st.floats(-12.0, 12.0),
    log_modulus_time=st.floats(-12.0, 12.0),
)
def test_exact_data_give_the_parameters_back_in_any_unit(alpha, log_threshold, log_modulus_time):
    threshold, modulus_time = math.exp(log_threshold), math.exp(log_modulus_time)
    rates = np.geomspace(1e-4, 10.0, 30) * threshold / modulus_time
    stress = curve(alpha, threshold, modulus_time, rates)
    fit = fit_flow_curve(rates, stress, 0.02 * stress)
    # the fit stops where a step changes the parameters by 1e-7
    assert fit.alpha.value == pytest.approx(alpha, rel=1e-5)
    assert fit.threshold.value == pytest.approx(threshold, rel=1e-5)
    assert fit.modulus_time.value == pytest.approx(modulus_time, rel=1e-5)
    assert fit.stress(rates) == pytest.approx(stress, rel=1e-6)


def test_relative_errors_need_no_numbers():
    """The scatter is found: 2 % within three of its standard errors, 2 %/sqrt(54)."""
    fit = fit_flow_curve(RATES, noisy())
    assert math.sqrt(fit.reduced_chi_square) == pytest.approx(0.02, abs=3 * 0.02 / math.sqrt(54))
    given_errors = fit_flow_curve(RATES, noisy(), 0.02 * noisy())
    assert fit.alpha.value == pytest.approx(given_errors.alpha.value, abs=0.005)


def test_held_parameters_and_the_two_units():
    stress = noisy()
    held = fit_flow_curve(RATES, stress, threshold=50.0)
    assert held.threshold == hl.Estimate(held.threshold.value, 0.0, 30, "held fixed")
    assert held.threshold.value == pytest.approx(50.0, rel=1e-14)
    assert held.alpha.stderr < 0.5 * fit_flow_curve(RATES, stress).alpha.stderr
    scales = held.scales(shear_modulus=200.0)
    assert scales.plastic_time == pytest.approx(held.modulus_time.value / 200.0)
    assert scales == held.scales(plastic_time=scales.plastic_time)
    physical = hl.flow_curve(held.model, RATES / scales.shear_rate).physical(scales)
    assert physical.stress == pytest.approx(held.fitted, rel=1e-12)
    with pytest.raises(ValueError, match="exactly one"):
        held.scales()
    with pytest.raises(ValueError, match="at least one parameter must be free"):
        fit_flow_curve(RATES, stress, alpha=0.3, threshold=1.0, modulus_time=1.0)


def test_covariance_and_profile_are_lmfits():
    stress = noisy()
    for error in (0.02 * stress, None):
        fit = fit_flow_curve(RATES, stress, error)
        assert fit.log_covariance == pytest.approx(fit.result.covar, rel=1e-4)
        own = fit.interval("alpha", 0.95)

        def chance(best, new, fit=fit):
            if fit.problem.scaled:
                return scipy.stats.f.cdf((new.chisqr / best.chisqr - 1.0) * 27, 1, 27)
            return scipy.stats.chi2.cdf(new.chisqr - best.chisqr, 1)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ends = lmfit.conf_interval(
                fit.minimizer, fit.result, ["log_alpha"], [0.95], prob_func=chance
            )["log_alpha"]
        # lmfit solves for ln(alpha) to 5e-5 of it
        assert np.log(own) == pytest.approx([ends[0][1], ends[2][1]], abs=2e-4)


def test_profile_of_one_parameter_is_the_covariance_of_a_nearly_linear_fit():
    """With 0.1 % noise the fit is linear over its intervals: the two agree to 1 %."""
    stress = noisy(noise=1e-3)
    fit = fit_flow_curve(RATES, stress, 1e-3 * stress)
    for name in fit.free:
        low, high = fit.interval(name, 0.6827)
        estimate = fit.estimates[name]
        assert high - low == pytest.approx(2.0 * estimate.stderr, rel=0.01)
        assert fit.covariance_interval(name, 0.6827) == pytest.approx((low, high), rel=1e-4)
    outline = region(fit, "alpha", "threshold", 0.68)
    rise = allowed_rise(fit, 0.68, 2)
    pair = np.log(outline / [fit.alpha.value, fit.threshold.value])
    norm = np.einsum("ni,ij,nj->n", pair, np.linalg.inv(fit.log_covariance[:2, :2]), pair)
    assert norm == pytest.approx(rise, rel=0.05)


@pytest.mark.parametrize("level", [0.5, 0.68, 0.95])
def test_the_allowed_rise_is_a_quantile_of_so_many_parameters(level):
    """In closed form: F(1, n) is Student's law squared; F(2, n) and chi-squared(2) are powers."""
    scattered, known = (fit_flow_curve(RATES, noisy(), error) for error in (None, 0.02 * noisy()))
    n, chi_square = scattered.degrees_of_freedom, scattered.chi_square
    student = scipy.stats.t.ppf(0.5 + 0.5 * level, n)
    assert allowed_rise(scattered, level, 1) == pytest.approx(chi_square / n * student**2)
    power = (1.0 - level) ** (-2.0 / n) - 1.0
    assert allowed_rise(scattered, level, 2) == pytest.approx(chi_square * power)
    normal = scipy.stats.norm.ppf(0.5 + 0.5 * level)
    assert allowed_rise(known, level, 1) == pytest.approx(normal**2)
    assert allowed_rise(known, level, 2) == pytest.approx(-2.0 * math.log(1.0 - level))


def test_intervals_hold_the_truth_as_often_as_they_say():
    """40 data sets, covariance intervals by the log of alpha; the full study is in validation."""
    inside = np.zeros((40, 2))
    for seed in range(40):
        alpha, rate, stress = fit_recovery.synthetic(seed)
        fit = fit_flow_curve(rate, stress, fit_recovery.NOISE * stress)
        gap = abs(math.log(fit.alpha.value / alpha)) * fit.alpha.value / fit.alpha.stderr
        inside[seed] = gap < 1.0, gap < 1.96
    # binomial standard errors 7.4 and 3.4 %; two and a half of them
    assert inside.mean(axis=0) == pytest.approx([0.68, 0.95], abs=0.18)
    assert abs(inside[:, 1].mean() - 0.95) < 0.09


def test_recovery_check_sees_intervals_that_are_too_short():
    result = fit_recovery.compute(2)
    fake = fit_recovery.Result(
        result.alpha, result.estimate, result.low, 0.5 * (result.low + result.high), result.truth
    )
    with pytest.raises(AssertionError):
        fit_recovery.check(fake)


def test_above_the_critical_coupling_there_is_no_yield_stress():
    fit = fit_flow_curve(RATES, noisy(alpha=0.7))
    assert fit.alpha.value == pytest.approx(0.7, abs=4 * fit.alpha.stderr)
    assert fit.yield_stress is None


def test_yield_stress_is_the_closed_form_with_its_error():
    stress = noisy(alpha=0.35)
    fit = fit_flow_curve(RATES, stress, 0.02 * stress)
    truth = 50.0 * float(hl.closed_form.yield_stress_of_alpha(0.35))
    assert fit.yield_stress.value == pytest.approx(truth, abs=4 * fit.yield_stress.stderr)
    # the parameters by themselves are known far worse than this combination of them
    assert fit.yield_stress.stderr / truth < 0.5 * fit.threshold.stderr / 50.0


def kinds(fit):
    return {warning.kind for warning in fit.warnings}


def test_weak_data_are_said_to_be_weak():
    assert kinds(fit_flow_curve(RATES, noisy())) == set()
    rates = np.geomspace(1e-6, 1e-4, 12)
    fit = fit_flow_curve(rates, noisy(rates=rates), 0.02 * curve(rates=rates))
    assert {"undetermined", "degenerate"} <= kinds(fit)
    assert "in units of threshold/modulus_time" in str(fit.warnings[0])
    low, high = fit.interval("threshold", 0.95)
    assert low < 50.0 < high


def test_a_flat_curve_is_fitted_and_said_to_be_open():
    """Nothing but a plateau: G0 tau has no lower bound."""
    rates = np.geomspace(1e-3, 1e-1, 12)
    stress = 3.0 * (1.0 + 0.02 * np.random.default_rng(1).standard_normal(12))
    fit = fit_flow_curve(rates, stress, np.full(12, 0.06), alpha=0.3)
    assert "undetermined" in kinds(fit)
    assert fit.interval("modulus_time", 0.95).low == 0.0
    assert "undetermined" in fit.report()


def test_outliers_and_trends_and_misfits_are_named():
    stress = noisy()
    stress[7] *= 1.14
    fit = fit_flow_curve(RATES, stress)
    (outlier,) = [w for w in fit.warnings if w.kind == "outlier"]
    assert "point 7 " in outlier.message
    assert "above" in outlier.message
    bent = noisy() * RATES**0.08
    wrong = fit_flow_curve(RATES, curve(alpha=0.3) ** 1.3, 0.01 * bent)
    assert {"misfit", "trend"} <= kinds(wrong)


def test_outliers_do_not_hide_each_other():
    """Three of 10 standard deviations: the largest alone would not stand out of the scatter."""
    stress = noisy()
    stress[[5, 12, 18]] *= 1.2
    for error in (None, 0.02 * stress):
        named = [
            w.points for w in fit_flow_curve(RATES, stress, error).warnings if w.kind == "outlier"
        ]
        assert named == [(5,), (12,), (18,)]


def test_copies_are_named():
    stress = noisy()
    rates, both = np.append(RATES, RATES[[3, 7]]), np.append(stress, stress[[3, 7]])
    (found,) = [w for w in fit_flow_curve(rates, both).warnings if w.kind == "repeated"]
    assert found.points == (30, 31)
    both[-2:] *= 1.01  # the same rate, measured again, is none
    assert "repeated" not in kinds(fit_flow_curve(rates, both))


def test_bad_points_are_named_not_dropped():
    stress = noisy()
    rates = RATES.copy()
    rates[[2, 5]] = 0.0, -1.0
    with pytest.raises(ValueError, match=r"shear_rate\[2\] = 0, shear_rate\[5\] = -1"):
        fit_flow_curve(rates, stress)
    stress[3] = np.nan
    with pytest.raises(ValueError, match=r"stress\[3\] = nan"):
        fit_flow_curve(RATES, stress)
    with pytest.raises(ValueError, match="30 numbers"):
        fit_flow_curve(RATES, stress[:-1])
    with pytest.raises(ValueError, match="at least 4 points"):
        fit_flow_curve(RATES[:3], curve()[:3])
    with pytest.raises(ValueError, match="coupling with an alpha"):
        fit_flow_curve(RATES, curve(), model=hl.Model(hl.FixedNoise(0.1)))
    with pytest.raises(ValueError, match="one of"):
        fit_flow_curve(RATES, curve()).interval("exponent")


def test_of_many_bad_points_eight_are_named():
    rates = RATES.copy()
    rates[:10] = -1.0
    with pytest.raises(ValueError, match=r"shear_rate\[7\] = -1 and 2 more; correct"):
        fit_flow_curve(rates, noisy())
    with pytest.raises(ValueError, match=r"shear_rate\[1\] = -1; correct"):
        fit_flow_curve(np.where(np.arange(30) < 2, -1.0, RATES), noisy())


def test_as_many_points_as_it_takes_are_searched_for_outliers():
    """Four points, three parameters: there are no others to compare one with."""
    fit = fit_flow_curve(RATES[[5, 12, 20, 29]], noisy()[[5, 12, 20, 29]])
    assert "outlier" not in kinds(fit)
    assert fit.degrees_of_freedom == 1


@pytest.mark.filterwarnings(
    "ignore:invalid value encountered in sqrt:RuntimeWarning"
)  # lmfit's own
def test_what_no_point_bounds_has_no_covariance():
    """Rates that are equal to 1e-8: no two of the parameters can be told apart."""
    rates = 1.0 + 1e-9 * np.arange(8)
    stress = 3.0 * (1.0 + 0.01 * np.random.default_rng(0).normal(size=8))
    for fit in (fit_flow_curve(rates, stress), fit_herschel_bulkley_law(rates, stress)):
        assert fit.log_covariance.shape == (3, 3)
        assert np.all(np.isinf(fit.log_covariance))
        assert "undetermined" in kinds(fit)
        assert all(estimate.stderr == 1e300 for estimate in fit.estimates.values())


@pytest.mark.parametrize(
    ("lengths", "trend"),
    [((4, 6, 4, 6, 4), True), ((4, 4, 4, 4, 4, 4), False), ((14, 2, 14), False), ((28, 2), True)],
)
def test_a_trend_is_three_standard_deviations_below_the_mean_number_of_runs(lengths, trend):
    """12 residuals of either sign: below 13 - 3 sqrt(12 * 11/23) = 5.8; 2 of 30: below 2.95."""
    n = sum(lengths)
    fit = fit_flow_curve(RATES[:n], noisy()[:n])
    vars(fit)["residuals"] = np.repeat([(-1.0) ** i for i in range(len(lengths))], lengths)
    assert (kinds(fit) == {"trend"}) == trend
    changes = f"change sign only {len(lengths) - 1} times over {n} points"
    assert not trend or changes in str(fit.warnings[0])


def test_report_says_what_is_known_and_lmfits_own():
    report = fit_flow_curve(RATES, noisy()).report()
    for text in ("alpha = 0.30", "95 % interval", "yield stress", "[[Variables]]", "log_threshold"):
        assert text in report


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.45, 0.48, 0.499, 0.5001, 0.51, 0.8, 3.0])
def test_tabulated_curve_is_the_exact_one(alpha):
    """Down to rates at which the curve bends within 0.1 % of the critical coupling.

    Cubics between rows: 1e-3 of the stress where they are a fixed share of the distance from 1/2
    apart, 2e-3 within the width where they are not.
    """
    rates = np.geomspace(1e-8, 3.0, 23)
    table, exact = Tabulated(hl.Model(0.3)), Classical()
    at = math.log(alpha)
    assert table.stress(at, rates) == pytest.approx(exact.stress(at, rates), rel=2e-3)
    found, known = table.slopes(at, rates), exact.slopes(at, rates)
    assert found.by_rate == pytest.approx(known.by_rate, abs=1e-2 * known.stress.max(), rel=1e-2)
    assert found.by_alpha == pytest.approx(known.by_alpha, rel=0.06, abs=1e-3)


def test_a_model_without_a_critical_coupling_is_tabulated():
    """Blocks that land over the threshold make it flow at any: rows are even in ln alpha."""
    model = hl.Model(0.2, relaxation=hl.ResidualStress(1.5))
    table, rates = Tabulated(model), np.geomspace(1e-3, 1.0, 4)
    assert hl.critical_coupling(model) == 0.0
    exact = hl.flow_curve(model, rates).stress
    assert table.stress(math.log(0.2), rates) == pytest.approx(exact, rel=2e-3)


@settings(max_examples=30)
@given(log_alpha=st.floats(-9.0, 9.0))
def test_rows_of_the_table_are_placed_where_they_are(log_alpha):
    rows = Tabulated(hl.Model(0.3)).lattice
    place, slope = rows.place(log_alpha)
    row = round(place)
    assert rows.place(rows.log_alpha(row))[0] == pytest.approx(row, abs=1e-9)
    h = 1e-6 * max(rows.width, abs(log_alpha - rows.centre))
    rise = rows.place(log_alpha + h)[0] - rows.place(log_alpha - h)[0]
    assert rise / (2.0 * h) == pytest.approx(slope, rel=1e-4)


def test_a_variant_is_recovered():
    model = hl.Model(0.2, relaxation=hl.ResidualStress(0.3))
    rates = np.geomspace(1e-2, 3.0, 7)
    stress = 7.0 * hl.flow_curve(model, rates * 2.0 / 7.0).stress
    start = hl.Model(0.25, relaxation=hl.ResidualStress(0.3))
    fit = fit_flow_curve(rates, stress, 0.02 * stress, start)
    # the table's error over the sensitivity of the parameters
    assert fit.alpha.value == pytest.approx(0.2, rel=5e-3)
    assert fit.threshold.value == pytest.approx(7.0, rel=5e-3)
    assert fit.modulus_time.value == pytest.approx(2.0, rel=5e-3)
    assert fit.model.relaxation == hl.ResidualStress(0.3)
    assert fit.yield_stress is None


def test_herschel_bulkley_agrees_with_the_linear_fit():
    stress = 4.0 + 3.0 * RATES**0.6
    error = 0.01 * stress
    stress = stress + error * np.random.default_rng(3).standard_normal(RATES.size)
    fit = fit_herschel_bulkley_law(RATES, stress, error)
    other = fit_herschel_bulkley(RATES, stress, error, exponent=None)
    for name in ("yield_stress", "prefactor", "exponent"):
        one, two = getattr(fit, name), getattr(other, name)
        assert one.value == pytest.approx(two.value, rel=1e-5)
        assert one.stderr == pytest.approx(two.stderr, rel=1e-3)
