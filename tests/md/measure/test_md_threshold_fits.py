"""The law of thresholds: against scipy, and on samples whose law is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hebraud as hl
from hebraud.md.measure.threshold_fits import _fit_weibull, fit_thresholds


@given(st.floats(0.7, 30.0), st.floats(1e-3, 1e3), st.integers(0, 999))
def test_weibull_likelihood_is_greatest_at_the_fit(shape, scale, seed):
    x = stats.weibull_min(shape, scale=scale).rvs(size=40, random_state=seed)
    k, c = _fit_weibull(x)

    def likelihood(k, c):
        return np.sum(stats.weibull_min.logpdf(x, k, scale=c))

    for factor in (0.99, 1.01):
        assert likelihood(k, c) > max(likelihood(factor * k, c), likelihood(k, factor * c))


def test_weibull_fit_and_distance_against_scipy():
    x = stats.weibull_min(4.0, scale=3.5).rvs(size=80, random_state=3)
    law = fit_thresholds(x, resamples=400)
    k, _, c = stats.weibull_min.fit(x, floc=0)
    parameters = law.weibull.parameters
    assert parameters["shape"].value == pytest.approx(k, rel=1e-4)  # scipy's simplex
    assert parameters["scale"].value == pytest.approx(c, rel=1e-4)
    assert law.weibull.distance == pytest.approx(stats.kstest(x, law.weibull.law.cdf)[0], rel=1e-9)
    other = stats.goodness_of_fit(
        stats.norm, x, statistic="ks", n_mc_samples=2000, rng=np.random.default_rng(0)
    )
    # 3 standard errors of a share of 400, and scipy divides by n - 1
    assert law.gaussian.p_value == pytest.approx(other.pvalue, abs=0.1)


def test_p_values_are_even_under_the_law_and_small_under_another():
    rng = np.random.default_rng(5)
    p = [fit_thresholds(rng.normal(3.4, 0.5, 60), resamples=100, seed=i).gaussian.p_value
         for i in range(60)]  # fmt: skip
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    far = fit_thresholds(rng.exponential(3.4, 300), resamples=200)
    assert far.gaussian.p_value < 0.01
    assert far.weibull.p_value > 0.01
    assert far.weibull.parameters["shape"].value == pytest.approx(1.0, abs=0.2)


def test_moments_and_their_errors():
    x = np.random.default_rng(1).normal(3.4, 0.9, 400)
    law = fit_thresholds(np.append(x, [np.nan, np.nan]))
    assert law.unyielded == 2
    assert law.mean.value == pytest.approx(x.mean())
    assert law.std.value == pytest.approx(x.std(ddof=1))
    # the error of a bootstrap of 1000 is good to 2 %, 5 sigma
    assert law.mean.stderr == pytest.approx(x.std() / 20, rel=0.12)
    assert law.std.stderr == pytest.approx(x.std() / np.sqrt(800), rel=0.2)
    fit = law.gaussian.parameters
    assert (fit["mean"].value, fit["std"].value) == pytest.approx((x.mean(), x.std()))
    assert fit["mean"].stderr == pytest.approx(law.mean.stderr, rel=1e-6)


def test_correlated_snapshots_have_larger_errors():
    rng = np.random.default_rng(2)
    x = (3.4 + 0.5 * rng.standard_normal((20, 1)) + 0.3 * rng.standard_normal((20, 30))).ravel()
    label = np.repeat(np.arange(20), 30)
    alone, grouped = fit_thresholds(x, resamples=400), fit_thresholds(x, label, resamples=400)
    means = x.reshape(20, 30).mean(axis=1)
    assert grouped.mean.stderr == pytest.approx(means.std() / np.sqrt(20), rel=0.2)
    assert grouped.mean.stderr > 3 * alone.mean.stderr
    assert grouped.mean.n == 20


def test_the_results_are_laws_of_the_model():
    x = np.random.default_rng(3).normal(1.0, 0.2, 50)
    law = fit_thresholds(x)
    for given_law in (law.gaussian.law, law.weibull.law, law.samples):
        values, weights = hl.Redrawn(given_law).nodes(1e-6)
        assert values @ weights == pytest.approx(x.mean(), rel=0.02)
    assert np.all(np.diff(law.samples) >= 0.0)


def test_thresholds_below_zero_have_no_weibull_law():
    law = fit_thresholds(np.random.default_rng(4).normal(0.5, 1.0, 50))
    assert law.weibull is None
    assert law.gaussian.parameters["mean"].value == pytest.approx(law.mean.value)


@pytest.mark.parametrize(
    ("samples", "more", "words"),
    [
        (np.ones(7), {}, "too few"),
        (np.ones(70), {}, "all equal"),
        (np.linspace(1, 2, 30), {"snapshots": np.repeat([0, 1, 2], 10)}, r"3 independent group"),
        (np.append(np.linspace(1, 2, 30), np.inf), {}, "finite"),
        (np.linspace(1, 2, 30), {"snapshots": [0, 1]}, "one shape"),
        (np.linspace(1, 2, 30), {"resamples": 10}, "resamples must be"),
    ],
)
def test_bad_samples_are_named(samples, more, words):
    with pytest.raises(ValueError, match=words):
        fit_thresholds(samples, **more)
