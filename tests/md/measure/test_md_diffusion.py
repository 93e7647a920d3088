"""Stress diffusion: kernel against a plain twin, D and its error against processes with known D."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

import hebraud as hl
from hebraud.errors import ConvergenceError, MeasurementError
from hebraud.md.measure.diffusion import StressDifferences, log_lags, stress_differences
from hebraud.md.results.couplings import noise_diffusion


def naive_moments(runs, epochs, lag, drift):
    """All differences of one lag in one list."""
    found = [
        run[t + lag, m] - run[t, m] - drift * lag
        for run, epoch in zip(runs, epochs, strict=True)
        for t in range(len(run) - lag)
        for m in range(run.shape[1])
        if epoch[t] == epoch[t + lag]
    ]
    return [np.mean(np.power(found, p)) for p in (1, 2, 3, 4)], len(found)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.lists(st.integers(12, 30), min_size=1, max_size=3),
    columns=st.integers(1, 5),
    drift=st.floats(-2.0, 2.0),
    flips=st.integers(0, 2),
)
def test_moments_against_a_plain_twin(seed, rows, columns, drift, flips):
    rng = np.random.default_rng(seed)
    runs = [rng.standard_normal((n, columns)) for n in rows]
    epochs = [np.sort(rng.integers(0, flips + 1, n)) for n in rows]
    epochs = [np.minimum(e, e[0] + 1) for e in epochs]  # one stretch is long enough for lag 3
    found = stress_differences(runs, 0.5, 2.0 * drift, epochs, lags=[1, 3], time_blocks=3)
    for k, lag in enumerate((1, 3)):
        plain, count = naive_moments(runs, epochs, lag, drift)
        assert found.count[:, k].sum() == count
        assert found.moments()[k] == pytest.approx(plain, rel=1e-10, abs=1e-10)
    assert found.lag.tolist() == [0.5, 1.5]


def brownian(rng, D, interval, shape, drift=0.0):
    steps = rng.standard_normal(shape) * np.sqrt(2.0 * D * interval) + drift * interval
    return np.cumsum(steps, axis=0)


@pytest.mark.parametrize("offset", [False, True])
def test_brownian_stress_gives_its_D(offset):
    runs = [brownian(np.random.default_rng(s), 0.3, 0.2, (4000, 25), 0.7) for s in range(3)]
    fit = stress_differences(runs, 0.2, 0.7).diffusion(offset=offset)
    assert abs(fit.D.value - 0.3) < 3 * fit.D.stderr
    assert 0.0 < fit.D.stderr < 0.02
    assert fit.D_sigma.value == 2.0 * fit.D.value
    assert "paper" in fit.D_sigma.note
    assert "equation" in fit.D.note
    assert fit.window[0] == 0.2
    assert abs(fit.exponent.value - 1.0) < 3 * fit.exponent.stderr
    assert abs(fit.excess_kurtosis.value) < 3 * fit.excess_kurtosis.stderr
    assert abs(fit.offset.value) <= 3 * fit.offset.stderr


def test_a_drift_can_be_taken_out_afterwards():
    rng = np.random.default_rng(4)
    runs = [np.cumsum(rng.standard_normal((400, 3)), axis=0) for _ in range(2)]
    before = stress_differences(runs, 0.5, 0.7)
    after = stress_differences(runs, 0.5, 0.0).less(0.7)
    np.testing.assert_allclose(after.sums, before.sums, rtol=1e-10, atol=1e-8)


def test_a_drift_that_is_not_taken_out_shows():
    runs = [brownian(np.random.default_rng(1), 0.3, 0.2, (4000, 25), 0.7)]
    left = stress_differences(runs, 0.2, 0.0)
    assert left.mean == pytest.approx(0.7 * left.lag, rel=0.1)
    # 2 D t + (0.7 t)^2 has log-slopes from 1.27 on
    with pytest.raises(ConvergenceError, match=r"log-slope .* it is 1\.2"):
        left.diffusion()


def test_the_error_covers():
    inside, errors = 0, []
    for seed in range(60):
        run = brownian(np.random.default_rng(seed), 0.5, 1.0, (1600, 8))
        fit = stress_differences([run], 1.0, 0.0, lags=log_lags(10), time_blocks=16).diffusion()
        inside += abs(fit.D.value - 0.5) < fit.D.stderr
        errors.append((fit.D.value - 0.5) / fit.D.stderr)
    # 68.3 % of 60 within 3 binomial standard deviations (0.060 each); 16 units shorten by 3 %
    assert 0.683 - 0.18 < inside / 60 < 0.683 + 0.18
    assert 0.75 < np.std(errors) < 1.4


def relaxing(rng, time, interval, shape, diffusion):
    """Ornstein-Uhlenbeck: <ds^2> = 2 D time (1 - exp(-t/time)), exact at every lag."""
    keep = np.exp(-interval / time)
    kicks = rng.standard_normal(shape) * np.sqrt(diffusion * time * (1.0 - keep**2))
    kicks[0] = rng.standard_normal(shape[1]) * np.sqrt(diffusion * time)
    return lfilter([1.0], [1.0, -keep], kicks, axis=0)


def test_saturation_ends_the_linear_window():
    run = relaxing(np.random.default_rng(4), 100.0, 0.5, (40_000, 40), 0.2)
    differences = stress_differences([run], 0.5, 0.0)
    exact = 2 * 0.2 * 100.0 * -np.expm1(-differences.lag / 100.0)
    early = differences.lag < 200.0  # later the noise of 8 blocks of 25 relaxation times shows
    assert differences.mean_square[early] == pytest.approx(exact[early], rel=0.05)
    fit = differences.diffusion()
    # the log-slope x/(exp(x) - 1) falls to 0.9 at x = 0.207 in the middle of five lags
    assert 15.0 < fit.window[1] < 60.0
    # <ds^2>/t falls by x/2 = 0.15 at most up to there, on a log scale by far less in the mean
    assert fit.D.value == pytest.approx(0.2, rel=0.08)
    assert fit.window[0] == 0.5


def test_saturation_before_the_first_lag_is_refused():
    run = relaxing(np.random.default_rng(4), 0.1, 0.5, (2000, 40), 0.2)
    with pytest.raises(ConvergenceError, match=r"no 0.5 decades of lags .* it is 0\.0. at"):
        stress_differences([run], 0.5, 0.0).diffusion()


def test_vibrations_are_an_offset():
    rng = np.random.default_rng(8)
    run = brownian(rng, 0.05, 1.0, (20_000, 20)) + 0.5 * rng.standard_normal((20_000, 20))
    differences = stress_differences([run], 1.0, 0.0, lags=log_lags(600))
    fit = differences.diffusion(offset=True)
    assert abs(fit.offset.value - 0.5) < 3 * fit.offset.stderr
    assert abs(fit.D.value - 0.05) < 3 * fit.D.stderr
    late = differences.diffusion()  # without it: a later window, and a D that is too large
    assert late.window[0] > fit.window[0]
    assert late.D.value > 0.05 + 3 * late.D.stderr


def test_kurtosis_of_jumps():
    rng = np.random.default_rng(6)
    run = np.cumsum(rng.exponential(size=(40_000, 20)), axis=0)
    found = stress_differences([run], 1.0, 0.0, lags=[1, 2, 5, 10, 20])
    # exponential steps have mean 1, skewness 2 and excess kurtosis 6, sums of n of them n and 6/n
    assert found.mean == pytest.approx(found.lag, rel=0.01)
    assert found.excess_kurtosis == pytest.approx(6.0 / found.lag, abs=0.25)


def test_no_difference_spans_a_flip():
    rng = np.random.default_rng(9)
    run = brownian(rng, 0.3, 1.0, (4000, 10))
    epoch = np.arange(4000) // 1000
    jumped = run + 100.0 * epoch[:, None]
    with_flips = stress_differences([jumped], 1.0, 0.0, [epoch], lags=[1, 10, 100])
    without = stress_differences([run], 1.0, 0.0, [epoch], lags=[1, 10, 100])
    assert with_flips.mean_square == pytest.approx(without.mean_square, rel=1e-9)
    assert stress_differences([jumped], 1.0, 0.0, lags=[1]).mean_square[0] > 5.0


def hebraud_lequeux(state, alpha, rate, step, shape, rng):
    """Blocks of the model itself at constant D, step by step."""
    stress = state.sample(shape[1], rng)[0]
    history = np.empty(shape)
    for row in range(shape[0]):
        history[row] = stress
        yields = (np.abs(stress) > 1.0) & (rng.random(shape[1]) < step)
        noise = np.sqrt(2.0 * state.diffusion * step) * rng.standard_normal(shape[1])
        stress = np.where(yields, 0.0, stress + rate * step + noise)
    return history


def test_eq_7_of_the_model_itself_counts_a_blocks_own_events():
    alpha, rate, step = 0.25, 0.1, 0.02
    state = hl.steady_state(hl.Model(alpha), rate)
    series = hebraud_lequeux(state, alpha, rate, step, (1500, 3000), np.random.default_rng(12))
    found = stress_differences([series], step, rate, lags=[1, 2, 4])
    short = found.mean_square[0] / found.lag[0]
    # 2 D from the noise and Gamma <s^2 of what yields> = 2 D + 2 g Sigma from the events.
    # 1500 * 3000 * 0.02 Gamma, some 7000 events: 2 %; steps of 0.02 tau: 2 % of the events' part
    exact = 4.0 * state.diffusion + 2.0 * rate * state.stress
    assert short == pytest.approx(exact, rel=0.05)
    assert short > 1.5 * (2.0 * state.diffusion)
    D_sigma = hl.Estimate(exact, 0.0)
    assert noise_diffusion(D_sigma.value, 1.0, rate * state.stress) == pytest.approx(
        state.diffusion, rel=1e-12
    )


@pytest.mark.parametrize("drop", [0.2, 0.5, 1.0])
def test_own_events_of_partial_relaxation(drop):
    # exact moments of the stationary state, no simulation: Gamma <(s - s')^2> from DropNoise
    state = hl.steady_state(
        hl.Model(hl.DropNoise(0.3), relaxation=hl.FractionalDrop(drop)), shear_rate=0.05
    )
    released_square = state.diffusion / 0.3
    D_sigma = 2.0 * state.diffusion + released_square
    assert noise_diffusion(D_sigma, drop, 0.05 * state.stress) == pytest.approx(
        state.diffusion,
        rel=1e-5,  # finite volumes: 1e-6 in stress and D
    )


def test_noise_diffusion_refuses_what_leaves_no_noise():
    with pytest.raises(ValueError, match="no noise of other blocks is left"):
        noise_diffusion(1.0, 1.0, 0.6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stress": []}, "at least one chain"),
        ({"stress": [np.zeros(9)]}, r"stress\[0\] must have shape \(times, blocks\), got \(9,\)"),
        ({"stress": [np.full((9, 2), np.nan)]}, "must be finite"),
        ({"interval": 0.0}, "interval must be"),
        ({"epoch": [np.zeros(8)]}, r"shapes \[\(8,\)\] do not match"),
        ({"lags": [0, 2]}, "lags must be whole numbers from 1 to 100"),
        ({"lags": [200]}, "shorter lags"),
        ({"lags": [0.5]}, "lags must be whole"),
        ({"epoch": [np.arange(800)]}, "no two rows of one epoch are 1 rows apart"),
    ],
)
def test_bad_arguments_are_named(change, said):
    good = {"stress": [np.ones((800, 2))], "interval": 1.0, "elastic_rate": 0.0}
    with pytest.raises(ValueError, match=said):
        stress_differences(**{**good, **change})


def test_what_cannot_be_fitted_says_so():
    rng = np.random.default_rng(0)
    with pytest.raises(ConvergenceError, match="<ds\\^2> = 0"):
        stress_differences([np.ones((800, 2))], 1.0, 0.0).diffusion()
    run = brownian(rng, 1.0, 1.0, (800, 2))
    with pytest.raises(ConvergenceError, match="4 time blocks are too few"):
        stress_differences([run], 1.0, 0.0, time_blocks=4).diffusion()
    with pytest.raises(ConvergenceError, match="too few lags"):
        stress_differences([run], 1.0, 0.0, lags=[1, 2, 4]).diffusion()


def test_log_lags():
    assert log_lags(1).tolist() == [1]
    assert log_lags(10, 4).tolist() == [1, 2, 3, 6, 10]
    assert log_lags(1000)[-1] == 1000


@pytest.mark.parametrize("points", [5, 7])
def test_the_linear_window_is_no_shorter_than_asked(points):
    """<ds^2> goes as t over so many lags, ten a decade, and as t^2 on either side."""
    lag = np.geomspace(1.0, 100.0, 21)
    slope = np.full(20, 2.0)
    slope[8 : 8 + points - 1] = 1.0
    square = np.exp(np.concatenate([[0.0], np.cumsum(slope * np.diff(np.log(lag)))]))
    sums = np.stack([0.0 * square, square, 0.0 * square, 3.0 * square**2], axis=-1)
    differences = StressDifferences(lag, np.ones((8, 21), np.int64), np.tile(sums, (8, 1, 1)))
    decades = 0.1 * (points - 1)
    found = differences.diffusion(shortest=decades - 0.05)
    assert found.window == pytest.approx((lag[8], lag[7 + points]))
    assert found.excess_kurtosis.value == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(MeasurementError, match="decades of lags"):
        differences.diffusion(shortest=decades + 0.05)


def test_lags_go_up_to_half_a_time_block():
    stress = np.random.default_rng(0).normal(size=(803, 4))
    found = stress_differences([stress], 0.5, 0.0, time_blocks=8)
    assert found.lag[[0, -1]].tolist() == [0.5, 25.0]  # a block has a hundred rows
