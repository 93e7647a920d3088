"""The mean of a correlated series and its error."""

import numpy as np
import pytest
from scipy.signal import lfilter

from hebraud.errors import ConvergenceError
from hebraud.md.measure.stress import blocking_errors, mean_of_correlated, steady_stress


def autoregressive(phi, shape, rng):
    """x_t = phi x_(t-1) + noise, stationary from the first sample on."""
    noise = rng.standard_normal(shape)
    noise[..., 0] /= np.sqrt(1.0 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise, axis=-1)


def error_of_mean(phi, n):
    """Exact: variance of the mean of n samples of the autoregressive series."""
    lag = np.arange(1, n)
    total = 1.0 + 2.0 * np.sum((1.0 - lag / n) * phi**lag)
    return np.sqrt(total / (1.0 - phi**2) / n)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.98])
def test_error_of_an_autoregressive_series(phi):
    n, series = 1 << 14, 200
    values = autoregressive(phi, (series, n), np.random.default_rng(3))
    found = [mean_of_correlated(row) for row in values]
    exact = error_of_mean(phi, n)
    assert np.mean([e.stderr for e in found]) == pytest.approx(exact, rel=0.06)
    assert max(abs(e.stderr / exact - 1.0) for e in found) < 0.7
    # the true mean is 0: the deviations in units of the stated error have unit spread
    assert np.std([e.value / e.stderr for e in found]) == pytest.approx(1.0, abs=0.15)


def test_independent_runs_count_together():
    values = autoregressive(0.9, (50, 4, 1 << 12), np.random.default_rng(5))
    found = np.mean([mean_of_correlated(four).stderr for four in values])
    assert found == pytest.approx(error_of_mean(0.9, 1 << 12) / 2.0, rel=0.06)


def test_runs_that_disagree_widen_the_error():
    rng = np.random.default_rng(7)
    values = autoregressive(0.9, (4, 1 << 12), rng)
    apart = values + np.array([[-2.0], [-1.0], [1.0], [2.0]])
    with pytest.raises(ConvergenceError, match="shear to a larger strain or add seeds"):
        mean_of_correlated(apart)


def test_number_of_independent_samples():
    estimate = mean_of_correlated(autoregressive(0.9, 1 << 16, np.random.default_rng(1)))
    assert estimate.n == pytest.approx((1 << 16) * 0.1 / 1.9, rel=0.3)


def test_blocks_by_hand():
    lengths, errors = blocking_errors(np.tile([0.0, 2.0], 33))  # 66 samples
    assert lengths.tolist() == [1, 2, 4, 8, 16, 32]
    assert errors[0] == pytest.approx(1.0 / np.sqrt(65))
    assert np.all(errors[1:] == 0.0)


def test_transient_is_left_out():
    strain = np.linspace(0.001, 2.0, 2000)
    stress = 1.0 + 0.1 * np.random.default_rng(0).standard_normal(2000)
    stress[strain <= 0.2] = 50.0
    assert steady_stress(strain, stress).value == stress[strain > 0.2].mean()
    assert steady_stress(-strain, stress).value == stress[strain > 0.2].mean()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mean_of_correlated(np.zeros(63)), r"at least 64 samples, got shape \(1, 63\)"),
        (lambda: mean_of_correlated(np.full(100, np.nan)), "must be finite"),
        (lambda: mean_of_correlated(np.zeros((2, 2, 100))), r"got shape \(2, 2, 100\)"),
        (lambda: steady_stress(np.arange(9.0), np.arange(8.0)), r"shapes \(9,\) and \(8,\)"),
        (lambda: steady_stress(np.linspace(0, 0.21, 99), np.ones(99)), "leaves 5 of 99 samples"),
        (lambda: steady_stress(np.ones(99), np.ones(99), -1.0), "transient must be"),
    ],
)
def test_bad_arguments_are_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_series_that_drifts_gets_no_error_bar():
    with pytest.raises(ConvergenceError, match="too short for an error bar"):
        mean_of_correlated(np.linspace(0.0, 1.0, 1000))
