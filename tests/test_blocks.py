"""Monte Carlo: the kernels, the law of the process, the order in the step, protocols and starts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from scipy.special import ndtr

import hebraud as hl
from hebraud._kernels import blocks as kernels
from hebraud.model.protocols import (
    Cessation,
    Creep,
    Oscillation,
    Sequence,
    ShearRate,
    Startup,
    StrainStep,
)
from hebraud.model.starts import density, gaussian
from hebraud.model.thresholds import Single
from hebraud.solvers.monte_carlo.blocks import Sample, midstep, simulate_blocks
from names import without_address
from twins import blocks as naive_blocks

CLASSICAL = hl.Model(0.3)
NORMAL = scipy.stats.norm(1.0, 0.3)


def averages(model, protocol, seeds, until, after, step, blocks=20_000):
    """Means over time (``after`` on) and seeds, with the standard errors of independent seeds."""
    times = np.arange(after, until, max(step, 0.5))
    runs = [
        simulate_blocks(
            model, protocol, gaussian(0.5), until, blocks=blocks, step=step, seed=seed, t_eval=times
        )
        for seed in range(seeds)
    ]
    columns = np.array(
        [[c.mean() for c in (r.stress, r.activity, r.diffusion, r.shear_rate)] for r in runs]
    )
    return columns.mean(axis=0), columns.std(axis=0, ddof=1) / math.sqrt(seeds)


# ---------------------------------------------------------------- kernels


@pytest.mark.kernels
@pytest.mark.parametrize("n", [2, 3, 8, 101])
def test_kernels_against_plain_loops(n):
    rng = np.random.default_rng(n)
    stress, thresholds = 2.0 * rng.standard_normal(n), rng.uniform(0.3, 1.5, n)
    half = n - n // 2
    z = rng.standard_normal(half)
    moved = naive_blocks.move(stress, z, 0.3, 0.7)
    kernels.move(stress[:half], stress[half:], z, 0.3, 0.7)
    np.testing.assert_allclose(stress, moved, rtol=1e-14, atol=1e-14)

    moved, excess, over = stress.copy(), np.empty(n), np.empty(n)
    count, highest, mean, variance = kernels.survey(stress, thresholds, 0.1, excess, over)
    np.testing.assert_array_equal(stress, moved + 0.1)
    assert highest == np.max(np.abs(stress) - thresholds)
    np.testing.assert_array_equal(over[:count], stress[np.abs(stress) > thresholds])
    pairs = [stress[i] + stress[i + half] - 2 * mean for i in range(n // 2)]
    pairs += [stress[half - 1] - mean] if n % 2 else []
    assert variance == pytest.approx(np.sum(np.square(pairs)) / n**2, rel=1e-12)

    lines = hl.Landing((-0.2, 0.1, 0.5), (0.2, 0.5, 0.3), relative=False).quadrature(9)
    nu = lambda x: max(x, 0.0) ** 1.5  # noqa: E731
    expected = naive_blocks.means(stress, thresholds, nu, lines)
    a, b, w = lines
    moments = (w @ (1 - a), -w @ b, w @ (1 - a) ** 2, -2 * w @ ((1 - a) * b), w @ b**2)
    sums = kernels.weigh(excess[:count] ** 1.5, over[:count], *moments)
    # Sums of some hundred terms of order one.
    np.testing.assert_allclose([mean, *np.array(sums) / n], expected, rtol=1e-12, atol=1e-14)


def test_bridge_has_the_law_of_a_brownian_path_between_its_ends():
    # Chained as in a run: the middle first, then the last quarter, from a path's both ends.
    n, step, d, z = 200_000, 0.8, 0.3, np.random.default_rng(0).standard_normal((3, 200_000))
    begin, none = np.zeros(n), np.zeros(n)
    end = 0.5 + math.sqrt(2 * d * step) * z[0]
    middle = kernels.bridge(begin, end, none, np.full(n, 0.4), step, d, z[1])
    late = kernels.bridge(middle, end, np.full(n, 0.4), np.full(n, 0.6), step, d, z[2])
    law = np.cov([middle, late, end])
    expected = 2 * d * np.minimum.outer([0.4, 0.6, 0.8], [0.4, 0.6, 0.8])
    # A covariance of n samples scatters by at most sqrt(2/n) times the variances: 5 of these.
    np.testing.assert_allclose(law, expected, atol=5 * math.sqrt(2 / n) * 2 * d * step)
    assert middle.mean() == pytest.approx(0.25, abs=5 * math.sqrt(2 * d * 0.4 / n))


# ---------------------------------------------------------------- the stationary state


@pytest.mark.parametrize(
    "model",
    [
        CLASSICAL,
        hl.Model(0.3, relaxation=hl.ResidualStress(0.3)),
        hl.Model(0.2, relaxation=hl.ResidualStress(1.3)),
        hl.Model(0.3, thresholds=hl.Redrawn(NORMAL)),
        hl.Model(0.3, thresholds=hl.Quenched(NORMAL)),
        hl.Model(hl.DropNoise(0.2)),
        hl.Model(0.3, relaxation=hl.GaussianLanding(0.8, 0.2)),
        hl.Model(0.3, yielding=hl.PowerRate(1.0), relaxation=hl.FractionalDrop(0.5)),
    ],
    ids=repr,
)
def test_stationary_state(model):
    # The state remembers its start by exp(-20/some tau). Steps of 0.5: D is stationary, so that
    # holding it still costs nothing but the noise of D in a sample, 1/blocks.
    exact = hl.steady_state(model, 0.3)
    mean, err = averages(model, Startup(0.3), 10, 45.0, 20.0, step=0.5, blocks=10_000)
    state = np.array([exact.stress, exact.activity, exact.diffusion])
    np.testing.assert_array_less(err[:3], 8e-3 * state)
    np.testing.assert_array_less(np.abs(mean[:3] - state), 4.0 * err[:3] + 1e-4 * state)


@pytest.mark.slow
def test_no_error_in_the_step_at_fixed_noise():
    # Steps of 0.25, 1 and 4: the process is linear, and sampled exactly by whatever step.
    model = hl.Model(hl.FixedNoise(0.05))
    exact = hl.steady_state(model, 0.1)
    twin = naive_blocks.ManyBlocks(0.1)
    errors, naive = [], []
    for step in (0.25, 1.0, 4.0):
        mean, err = averages(model, Startup(0.1), 8, 100.0, 20.0, step, blocks=8000)
        assert abs(mean[1] - exact.activity) < 4.0 * err[1]
        assert abs(mean[0] - exact.stress) < 4.0 * err[0]
        errors.append(mean[1] / exact.activity - 1.0)
        naive.append(twin.stationary_activity(0.05, step) / twin.stationary_activity(0.05) - 1.0)
    assert max(np.abs(errors)) < 1e-2
    # The naive scheme, at the same steps, is off by this much (no noise in these figures).
    assert max(naive) < -0.09


def test_order_of_the_naive_scheme():
    # What the treatment of crossings is there for: end-of-step yielding is of order one.
    twin = naive_blocks.ManyBlocks(0.1)
    steps = np.array([0.25, 0.125, 0.0625])
    exact = twin.stationary_activity(0.0251)
    errors = [abs(twin.stationary_activity(0.0251, h) - exact) for h in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(1.0, abs=0.1)


def test_order_two_in_the_step():
    # The limit of infinitely many blocks on nodes, with the linear process exact: what is left of
    # the scheme is how D is held, and the error of that needs no statistics.
    twin = naive_blocks.ManyBlocks(0.1, cells=80)
    edges = np.append(twin.s, np.inf) - 0.5 * (twin.s[1] - twin.s[0])
    start = np.diff(ndtr(edges / 0.3))
    steps = np.array([0.8, 0.4, 0.2])
    fine = twin.run(0.3, start, 12.0, 0.05, midstep)

    def errors(middle):
        runs = [twin.run(0.3, start, 12.0, h, middle) for h in steps]
        return np.array(
            [
                np.abs(rows - fine[:: round(h / 0.05)]).max(axis=0)
                for rows, h in zip(runs, steps, strict=True)
            ]
        )

    ours, first = errors(midstep), errors(lambda now, before: now)
    slope = [np.polyfit(np.log(steps), np.log(e), 1)[0] for e in (*ours.T, *first.T)]
    # The fine run has 1/16 of the error at 0.2, which lifts the slope by 0.04.
    assert min(slope[:2]) > 1.85
    assert max(slope[2:]) < 1.2
    assert ours[-1].max() < 3e-4
    assert first[-1].max() > 5 * ours[-1].max()


def test_midstep():
    assert midstep(0.3, None) == 0.3
    assert midstep(0.0, 0.2) == 0.0
    assert midstep(0.0, 0.0) == 0.0
    assert midstep(0.3, 0.3) == pytest.approx(0.3, rel=1e-15)
    assert midstep(1.0 + 1e-4, 1.0) == pytest.approx(1.0 + 1.5e-4, abs=1e-8)
    assert midstep(1e-300, 1e-300) == pytest.approx(1e-300)


# ---------------------------------------------------------------- transients


def test_startup_against_plain_euler():
    # Euler's error at step 1e-2 is 4e-4 in Gamma and 5e-4 in the stress (ManyBlocks), ours at 0.1
    # 6e-5: 1e-3 for both.
    times, stress, activity = naive_blocks.euler(0.3, 0.1, 0.3, 16.0, 40_000, 1e-2, 1)
    run = simulate_blocks(
        CLASSICAL, Startup(0.1), gaussian(0.3), 16.0, blocks=40_000, step=0.1, t_eval=times, seed=2
    )
    assert run.stress.max() > 1.3 * run.stress[-1]
    # Two samples; 1.3 is what the noise of D adds to the scatter of the blocks at most.
    assert np.all(np.abs(run.stress - stress) < 4 * math.sqrt(2) * 1.3 * run.stress_err + 1e-3)
    gamma_err = np.sqrt(run.activity / 40_000) + 1e-5
    assert np.all(np.abs(run.activity - activity) < 5 * math.sqrt(2) * 1.3 * gamma_err + 1e-3)


@pytest.mark.slow
def test_stated_error_is_the_scatter_of_seeds():
    times = [0.0, 4.0, 8.0, 12.0, 30.0]
    fixed = hl.Model(hl.FixedNoise(0.02))
    for model, most in ((fixed, 1.3), (CLASSICAL, 1.6)):
        runs = [
            simulate_blocks(model, Startup(0.1), gaussian(0.3), 30.0, 2001, 0.5, times, seed)
            for seed in range(100)
        ]
        scatter = np.std([r.stress for r in runs], axis=0, ddof=1)
        ratio = scatter / np.mean([r.stress_err for r in runs], axis=0)
        # The scatter of 100 seeds has a standard error of 7 %; the noise of D adds up to 30 %.
        assert np.all((ratio > 0.72) & (ratio < most)), ratio


def test_mirror_symmetry():
    skew = density(lambda s: scipy.stats.norm.pdf(s, 0.3, 0.4))
    mirrored = density(lambda s: scipy.stats.norm.pdf(s, -0.3, 0.4))
    model = hl.Model(
        0.4, relaxation=hl.Landing((0.5, -0.2), (0.3, 0.7)), thresholds=hl.Redrawn(NORMAL)
    )
    one = simulate_blocks(model, Startup(0.2), skew, 20.0, blocks=40_000, step=0.2)
    two = simulate_blocks(model, Startup(-0.2), mirrored, 20.0, blocks=40_000, step=0.2, seed=5)
    err = np.hypot(one.stress_err, two.stress_err)
    assert np.all(np.abs(one.stress + two.stress) < 5 * 1.3 * err)
    assert np.array_equal(one.strain, -two.strain)


# ---------------------------------------------------------------- protocols


def test_creep_holds_the_stress_and_flows_at_the_right_rate():
    exact = hl.steady_state(CLASSICAL, 0.3)
    run = simulate_blocks(CLASSICAL, Creep(exact.stress), gaussian(0.5), 20.0, 5000, 0.1)
    assert np.abs(run.stress - exact.stress).max() < 1e-12
    assert run.strain[0] == pytest.approx(exact.stress, abs=0.05)  # the jump, less the sample mean
    mean, err = averages(CLASSICAL, Creep(exact.stress), 12, 60.0, 25.0, 0.25)
    # The balance within the sample leaves g a noise term of its own; 1/blocks of bias.
    assert abs(mean[3] - 0.3) < 4 * err[3] + 1e-4
    assert err[3] < 3e-3
    # Strain is the integral of the rate, up to the noise of the mean of the moves.
    rates, strain = run.shear_rate, run.strain - run.strain[0]
    integral = np.concatenate([[0.0], np.cumsum(0.1 * 0.5 * (rates[1:] + rates[:-1]))])
    assert np.abs(strain - integral).max() < 5 * run.stress_err.max() * math.sqrt(20.0)


def test_creep_counts_every_shift_as_strain():
    # No events: pairs move with opposite noise, so that their sums show the shifts alone; the odd
    # block has none, and its noise is what the shifts make up for.
    start = Sample(0.02 * np.linspace(-1.0, 1.0, 11), np.ones(11))
    model = hl.Model(hl.FixedNoise(1e-3))
    run = simulate_blocks(model, Creep(0.05), start, 1.0, 11, 0.1)
    pairs = run.final.stress[:5] + run.final.stress[6:]
    assert run.statistics["events"] == 0
    assert abs(run.strain[-1] - 0.05) > 1e-4
    shifts = 0.5 * (pairs - start.stress[:5] - start.stress[6:])
    np.testing.assert_allclose(shifts, run.strain[-1], atol=1e-14)


def test_noise_and_rate_of_a_sample():
    # The first row of a run, against sums over blocks and lines.
    rng = np.random.default_rng(3)
    start = Sample(1.5 * rng.standard_normal(301), np.ones(301))
    model = hl.Model(hl.DropNoise(0.2), relaxation=_Tilted(), yielding=hl.PowerRate(1.5))
    lines = _Tilted().quadrature(1)
    nu = lambda x: max(x, 0.0) ** 1.5  # noqa: E731
    mean, activity, release, square = naive_blocks.means(start.stress, start.threshold, nu, lines)
    run = simulate_blocks(model, Creep(mean), start, 1e-3, 301, 1e-3)
    found = [run.stress[0], run.activity[0], run.shear_rate[0], run.diffusion[0]]
    # The rate of the jump's side is that of the sample shifted by the rounding of its mean.
    np.testing.assert_allclose(found, [mean, activity, release, 0.2 * square], rtol=1e-12)


def test_strain_step_and_freezing():
    flat = density(lambda s: np.where(np.abs(s) < 0.5, 1.0, 0.0))
    run = simulate_blocks(CLASSICAL, StrainStep(0.4), flat, 5.0, blocks=1000)
    rest = simulate_blocks(CLASSICAL, Cessation(), flat, 5.0, blocks=1000)
    np.testing.assert_array_equal(run.final.stress, rest.final.stress + 0.4)
    for one, strain in ((run, 0.4), (rest, 0.0)):
        assert one.frozen_at == 0.0
        assert np.all(one.strain == strain)
        assert np.ptp(one.stress) == 0.0
        assert one.statistics["block_steps"] == 0
    again = simulate_blocks(CLASSICAL, Cessation(), rest.final, 1.0, blocks=1000)
    np.testing.assert_array_equal(again.final.stress, rest.final.stress)

    yielding = simulate_blocks(CLASSICAL, StrainStep(0.8), flat, 100.0, blocks=1000, step=0.1)
    assert 1.0 < yielding.frozen_at < 100.0
    assert np.all(yielding.activity[yielding.time > yielding.frozen_at] == 0.0)
    assert np.all(np.abs(yielding.final.stress) <= 1.0)
    creep = simulate_blocks(CLASSICAL, Creep(0.2), flat, 5.0, blocks=1000)
    assert creep.frozen_at == 0.0
    assert np.all(creep.shear_rate == 0.0)
    sheared = simulate_blocks(
        CLASSICAL, Sequence([(Cessation(), 1.0), (Startup(0.1), 1.0)]), flat, blocks=1000
    )
    assert sheared.frozen_at is None


def test_segments_and_breakpoints():
    jump = ShearRate(lambda t: 0.2 if t < 0.777 else -0.4, breakpoints=(0.777,))
    run = simulate_blocks(CLASSICAL, jump, gaussian(0.1), 2.0, 100, 0.3, t_eval=[0.777, 2.0])
    assert run.strain == pytest.approx([0.2 * 0.777, 0.2 * 0.777 - 0.4 * 1.223], abs=1e-14)
    assert run.shear_rate == pytest.approx([-0.4, -0.4])
    assert run.statistics["steps"] == 3 + 5
    parts = [(Startup(0.1), 1.0), (StrainStep(-0.5), 0.55), (Oscillation(0.2, 3.0), 2.0)]
    run = simulate_blocks(
        CLASSICAL, Sequence(parts), gaussian(0.1), blocks=100, step=0.1, t_eval=[0, 1, 1.55, 3.55]
    )
    # Two-point Gauss quadrature of the rate: h^4/4320 times its fourth derivative, here 1e-6.
    expected = [0.0, -0.4, -0.4, -0.4 + 0.2 * math.sin(6.0)]
    assert run.strain == pytest.approx(expected, abs=2e-6)
    assert run.mass_error.max() == 0.0


def test_seeds_and_output_times():
    model = hl.Model(0.3, thresholds=hl.Redrawn(NORMAL), relaxation=hl.GaussianLanding(0.9, 0.1))
    call = {"protocol": Startup(0.3), "start": gaussian(0.5), "until": 4.0}
    call |= {"blocks": 3001, "step": 0.07}
    one, two = simulate_blocks(model, **call), simulate_blocks(model, **call)
    odd = simulate_blocks(model, **call, t_eval=[0.3, 3.1234])
    other = simulate_blocks(model, **call, seed=1)
    np.testing.assert_array_equal(one.stress, two.stress)
    for run in (two, odd):
        np.testing.assert_array_equal(one.final.stress, run.final.stress)
        np.testing.assert_array_equal(one.final.threshold, run.final.threshold)
    assert not np.any(one.final.stress == other.final.stress)
    assert one.time.size == 201
    assert (one.time[0], one.time[-1]) == (0.0, 4.0)
    assert odd.stress_err.shape == (2,)


# ---------------------------------------------------------------- landings and yields


@pytest.mark.parametrize(
    ("relaxation", "law"),
    [
        (hl.FractionalDrop(0.8), {0.4: 1.0}),
        (hl.ResidualStress(0.25), {0.25: 1.0}),
        (hl.Landing((0.1, 0.3), (0.75, 0.25)), {0.2: 0.75, 0.6: 0.25}),
        (hl.Landing((-0.1, 0.3), (0.4, 0.6), relative=False), {-0.1: 0.4, 0.3: 0.6}),
        (hl.GaussianLanding(0.9, 0.05), scipy.stats.norm(0.2, 0.05)),
    ],
    ids=without_address(repr),
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_landings(relaxation, law, side):
    # All blocks start at 2 side and yield once; noise of 1e-12 does not move them.
    n = 20_000
    fresh = hl.Redrawn(scipy.stats.uniform(1, 2))
    model = hl.Model(hl.FixedNoise(1e-25), relaxation=relaxation, thresholds=fresh)
    start = Sample(np.full(n, 2.0 * side), np.ones(n))
    run = simulate_blocks(model, Cessation(), start, 40.0, blocks=n, step=1.0)
    assert run.statistics["events"] == n
    landed = side * run.final.stress
    if isinstance(law, dict):
        for point, weight in law.items():
            share = np.mean(np.abs(landed - point) < 1e-9)
            assert share == pytest.approx(weight, abs=5 * math.sqrt(weight * (1 - weight) / n))
    else:
        assert scipy.stats.kstest(landed, law.cdf).pvalue > 1e-3
    assert scipy.stats.kstest(run.final.threshold, scipy.stats.uniform(1, 2).cdf).pvalue > 1e-3


@pytest.mark.parametrize("step", [0.05, 3.0])
@pytest.mark.parametrize("eta", [0.0, 1.0, 2.5])
def test_waiting_times(eta, step):
    # Blocks at rest at 2.5 wait 1/1.5^eta on average, exponentially, whatever the step.
    n = 40_000
    model = hl.Model(hl.FixedNoise(1e-25), yielding=hl.PowerRate(eta))
    start = Sample(np.full(n, -2.5), np.ones(n))
    run = simulate_blocks(model, Cessation(), start, 3.0, n, step, t_eval=[0.0, 3.0])
    nu = 1.5**eta
    left = math.exp(-3.0 * nu)
    found = np.mean(run.final.stress < -2.0)
    assert run.activity[0] == pytest.approx(nu)
    assert found == pytest.approx(left, abs=5 * math.sqrt(left * (1 - left) / n))


def test_landing_over_threshold_yields_again():
    # Landings at 1.3 stay over threshold for ever: a Poisson process of rate 0.3^0.5 a block,
    # though nothing of the kind is over threshold when the steps' bounds are made.
    n = 10_000
    model = hl.Model(
        hl.FixedNoise(1e-25), relaxation=hl.ResidualStress(1.3), yielding=hl.PowerRate(0.5)
    )
    start = Sample(np.full(n, 1.01), np.ones(n))
    run = simulate_blocks(model, Cessation(), start, 60.0, n, step=20.0)
    first = (1.0 - math.exp(-60.0 * 0.1)) / 0.1
    expected = math.sqrt(0.3) * (60.0 - first) + 1.0 - math.exp(-60.0 * 0.1)
    assert run.statistics["events"] / n == pytest.approx(expected, abs=0.3)


class _Tilted:
    fixed_points = None

    def quadrature(self, n):
        lines = (np.array([0.2, -0.1]), np.array([0.15, 0.4]), np.array([0.7, 0.3]))
        return hl.Model(0.3).relaxation.quadrature(1)._make(lines)

    def land(self, stress, quantile):
        s = np.asarray(stress)
        low = np.where(s < 0.0, np.asarray(quantile) > 0.7, np.asarray(quantile) < 0.3)
        return np.where(low, -0.1 * s + 0.4 * np.sign(s), 0.2 * s + 0.15 * np.sign(s))


class _Falling:
    def rate(self, overstress):
        over = np.asarray(overstress)
        return np.where(over > 0.0, np.exp(-over), 0.0)


def test_a_rate_that_falls_with_overstress_is_refused():
    model = hl.Model(0.3, yielding=_Falling())
    with pytest.raises(hl.ConvergenceError, match="does not fall with overstress"):
        simulate_blocks(model, Startup(0.3), gaussian(0.8), 5.0, 1000, 0.1)


# ---------------------------------------------------------------- starts, errors


def test_final_is_a_start():
    model = hl.Model(0.3, thresholds=hl.Quenched(NORMAL))
    final = simulate_blocks(model, Startup(0.3), gaussian(0.5), 3.0, 4000, 0.1).final
    faces = np.linspace(*final.extent, 30)
    mass = final.mass(faces, model.thresholds)
    values, weights = model.thresholds.nodes()
    assert mass.shape == (values.size, 29)
    assert mass.sum() == pytest.approx(1.0, abs=1e-12)
    # Shares of the law, and the first moment to half a cell.
    assert np.abs(mass.sum(axis=1) - weights).max() < 5 * math.sqrt(weights.max() / 4000)
    centres = 0.5 * (faces[1:] + faces[:-1])
    assert mass.sum(axis=0) @ centres == pytest.approx(final.stress.mean(), abs=np.diff(faces)[0])
    assert final.mass(np.array([0.0, 0.1]), Single(1.0)).item() == pytest.approx(
        np.mean((final.stress >= 0.0) & (final.stress < 0.1)), abs=1e-15
    )
    rng = np.random.default_rng(0)
    for n in (4000, 1000, 9000):
        s, c = final.sample(n, rng)
        assert s.shape == c.shape == (n,)
        pairs = set(zip(final.stress.tolist(), final.threshold.tolist(), strict=True))
        assert set(zip(s.tolist(), c.tolist(), strict=True)) <= pairs
    np.testing.assert_array_equal(final.sample(4000, rng)[0], final.stress)
    two = hl.Quenched([0.5, 1.0, 1.0, 2.0])
    joint = Sample(np.zeros(4), np.array([0.5, 1.0, 1.0, 2.0])).mass(np.array([-1.0, 1.0]), two)
    assert joint.ravel().tolist() == [0.25, 0.5, 0.25]
    assert final.nodes is None
    assert "4000 blocks" in repr(final)


def test_a_run_continues_from_final():
    whole = simulate_blocks(CLASSICAL, Startup(0.1), gaussian(0.3), 12.0, 40_000, 0.2, [6.0, 12.0])
    part = simulate_blocks(CLASSICAL, Startup(0.1), gaussian(0.3), 6.0, 40_000, 0.2)
    rest = simulate_blocks(CLASSICAL, Startup(0.1), part.final, 6.0, 40_000, 0.2, seed=7)
    assert part.stress[-1] == whole.stress[0] == rest.stress[0]
    err = math.hypot(whole.stress_err[-1], rest.stress_err[-1])
    assert abs(rest.stress[-1] - whole.stress[-1]) < 4 * 1.3 * err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": 0.3}, "model must be a hebraud.Model"),
        ({"protocol": 0.1}, "protocol must be a protocol"),
        ({"protocol": Startup}, "protocol must be a protocol"),
        ({"start": 0.3}, "start must be a start"),
        ({"until": None}, "until must be given"),
        ({"until": -1.0}, "until must be"),
        ({"protocol": Sequence([(Cessation(), 1.0)])}, "until must be left out"),
        ({"blocks": 1}, "blocks must be"),
        ({"blocks": 10.5}, "blocks must be a whole number"),
        ({"step": 0.0}, "step must be a finite number > 0, got 0.0"),
        ({"seed": -1}, "seed must be"),
        ({"t_eval": [0.0, 2.0]}, "t_eval must be ascending times between 0 and 1"),
        ({"t_eval": [0.5, 0.2]}, "t_eval must be"),
        ({"t_eval": []}, "t_eval must be"),
        ({"t_eval": [[0.1]]}, "t_eval must be"),
        ({"t_eval": [np.nan]}, "t_eval must be"),
        ({"t_eval": ["a"]}, "t_eval must be a sequence"),
        ({"start": Sample(np.zeros(3), np.full(3, 0.5))}, "start must have the thresholds"),
    ],
)
def test_bad_calls(change, message):
    call = {"model": CLASSICAL, "protocol": Startup(0.1), "start": gaussian(0.3), "until": 1.0}
    with pytest.raises(ValueError, match=message):
        simulate_blocks(**({"blocks": 100} | call | change))
