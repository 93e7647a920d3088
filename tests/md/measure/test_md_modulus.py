"""The modulus from series whose elastic slope is known."""

from pathlib import Path

import numpy as np
import pytest

from hebraud.errors import ConvergenceError
from hebraud.md.measure.modulus import (
    ChainStart,
    branch_modulus,
    elastic_branches,
    pooled_start_up_modulus,
    slow_rates,
    slow_start_ups,
    start_up_modulus,
)

G0 = 18.0
STORED = Path(__file__).parents[3] / "validation" / "data" / "particles_demo" / "stress_series.npz"


def sawtooth(rng, strains, rate, size, noise=0.0):
    """Slope G0, drops at random strains that keep the stress near 1, white noise on top."""
    step = strains[1] - strains[0]
    stress = np.empty_like(strains)
    now = 1.0
    for k in range(len(strains)):
        now += G0 * step
        if rng.random() < rate * step:
            now -= size * now * rng.exponential()
        stress[k] = now
    return stress + noise * rng.standard_normal(len(strains))


def test_start_up_slope_of_lines():
    strain = np.linspace(1e-4, 0.05, 500)
    rng = np.random.default_rng(0)
    level, scatter = rng.standard_normal((4, 1)), np.array([[-1.0], [0.5], [1.0], [-0.5]])
    bend = np.where(strain > 0.02, -30.0 * (strain - 0.02), 0.0)
    found = start_up_modulus(strain, level + (G0 + scatter) * strain + bend, (0.0, 0.02))
    assert found.value == pytest.approx(G0, rel=1e-12)
    assert found.stderr == pytest.approx(scatter.std(ddof=1) / 2.0, rel=1e-9)
    later = start_up_modulus(strain, level + (G0 + scatter) * strain + bend, (0.0, 0.04))
    assert later.value < G0 - 3.0


def lines(rate, slopes):
    """Start-ups at one rate: straight lines by seed, with any level."""
    strain = np.linspace(1e-4, 0.01, 60)
    stress = np.array([0.3 * seed + slope * strain for seed, slope in slopes.items()])
    return ChainStart(rate, tuple(slopes), strain, stress)


def test_rates_are_pooled_sample_by_sample():
    """Five glasses, two of them at three rates: five samples, not nine."""
    slow = lines(1e-4, {1: 17.9, 2: 7.8})
    middle = lines(3e-4, {2: 10.3, 1: 17.8})
    fast = lines(1e-3, {1: 15.7, 2: 17.0, 3: 18.0, 4: 14.5, 5: 14.9})
    found = pooled_start_up_modulus([slow, middle, fast])
    samples = np.array([np.mean([17.9, 17.8, 15.7]), np.mean([7.8, 10.3, 17.0]), 18.0, 14.5, 14.9])
    assert found.value == pytest.approx(samples.mean(), rel=1e-9)
    assert found.stderr == pytest.approx(samples.std(ddof=1) / np.sqrt(5.0), rel=1e-9)
    assert found.n == 5
    assert found.note == "start-up slope, strain 0 to 0.005, rates 0.0001, 0.0003, 0.001"
    alone = start_up_modulus(fast.strain, fast.stress)
    pooled = pooled_start_up_modulus([fast])
    assert (pooled.value, pooled.stderr) == (alone.value, alone.stderr)
    one_glass = [lines(rate, {7: 18.0}) for rate in (1e-4, 3e-4)]
    with pytest.raises(ValueError, match="stress holds one sample"):
        pooled_start_up_modulus(one_glass)
    with pytest.raises(ValueError, match="stress holds no sample"):
        pooled_start_up_modulus([])


def test_slow_rates_leave_the_glass_time_to_respond():
    assert slow_rates([1e-2, 1e-3, 1e-4, 3e-3]) == (1e-4, 1e-3)
    assert slow_rates([-1e-4, -1e-2, -1e-3]) == (-1e-4, -1e-3)
    assert slow_rates([1e-2, 3e-3]) == (3e-3,)  # nothing better there
    assert slow_rates([1e-3, 1e-4], window=(0.0, 0.002)) == (1e-4,)
    assert slow_rates([]) == ()


def test_start_ups_that_do_not_cross_the_window_are_left_out():
    """The first segment of a run at 1e-5 ends at strain 1e-3; noise over that is no slope."""
    whole = lines(1e-4, {1: 18.0, 2: 17.0})
    short = lines(1e-5, {1: -300.0, 2: 400.0})
    short = ChainStart(1e-5, short.seeds, 0.1 * short.strain, short.stress)
    coarse = ChainStart(3e-4, (1,), np.array([0.002, 0.004, 0.006]), np.zeros((1, 3)))
    fast = lines(1e-2, {1: 40.0})
    assert slow_start_ups([short, whole, coarse, fast]) == (whole,)
    assert slow_start_ups([short]) == (short,)
    with pytest.raises(ValueError, match=r"left open by strains up to 0\.001: shear further"):
        pooled_start_up_modulus(slow_start_ups([short]))


def test_branches_by_hand():
    strain = np.arange(20.0)
    up, down = [1.0, 3, 5, 7, 9, 11], [9.0, 6, 4, 2]
    stress = np.array([*up, *down, *up, *down])
    found = elastic_branches(strain, stress, fall=1.5, shortest=0.0)
    # the first rise has no minimum before it; the second starts at the 1.0 (strain 10)
    assert found.start.tolist() == [10.0]
    assert found.end.tolist() == [15.0]
    assert found.slope == pytest.approx([2.0])
    assert elastic_branches(strain, stress, 1.5, shortest=5.5).slope.size == 0
    assert elastic_branches(strain, stress, 100.0, 0.0).slope.size == 0


@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_steady_flow_shows_its_elastic_slope(noise):
    rng = np.random.default_rng(3)
    strain = np.arange(1, 20_001) * 1e-4
    runs = np.stack([sawtooth(rng, strain, 100.0, G0 / 100.0, noise) for _ in range(3)])
    branches = branch_modulus(strain, runs)
    # drops smaller than `fall` lie within branches and flatten them: a lower bound
    assert 0.85 * G0 < branches.value < G0
    assert 0.0 < branches.stderr < 0.03 * G0


def test_large_drops_alone_give_the_slope_itself():
    rng = np.random.default_rng(5)
    strain = np.arange(1, 20_001) * 1e-4
    stress = sawtooth(rng, strain, 50.0, 0.0)  # draws kept, no drops
    stress -= 0.36 * np.floor(strain / 0.02)  # one drop of G0 0.02 each 2 % of strain
    found = branch_modulus(strain, stress)
    assert found.value == pytest.approx(G0, rel=1e-6)
    assert found.n == 99  # of 100; the first has no minimum before it


def test_branches_count_by_their_length():
    strain = np.arange(1, 6001) * 1e-4
    stress, now = [], 0.0
    for _ in range(15):  # slope 20 over 1 % of strain, then 10 over 3 %
        for slope, samples in ((20.0, 100), (10.0, 300)):
            now -= 0.2 if slope == 20.0 else 0.3
            stress += [now + slope * 1e-4 * k for k in range(samples)]
            now = stress[-1]
    found = branch_modulus(strain, stress, fall=0.5)
    assert found.n == 28  # the first and the last are unfinished
    assert found.value == pytest.approx((20.0 * 99 + 10.0 * 299) / (99 + 299))


@pytest.mark.parametrize(("teeth", "enough"), [(10, True), (9, False)])
def test_eight_branches_are_enough(teeth, enough):
    """The first and the last are unfinished."""
    strain = np.arange(1, 100 * teeth + 1) * 1e-4
    stress = 20.0 * (strain - 5e-5) % 0.2
    if enough:
        assert branch_modulus(strain, stress).n == teeth - 2
    else:
        with pytest.raises(ConvergenceError, match="7 elastic branches"):
            branch_modulus(strain, stress)


def test_slopes_scale_with_stress_and_strain():
    rng = np.random.default_rng(4)
    strain = np.arange(1, 10_001) * 1e-4
    stress = sawtooth(rng, strain, 100.0, 0.2, 0.002)
    one = branch_modulus(strain, stress, shortest=2e-3)
    other = branch_modulus(3.0 * strain, 7.0 * stress, shortest=6e-3)
    assert other.value == pytest.approx(7.0 / 3.0 * one.value, rel=1e-6)
    assert other.stderr == pytest.approx(7.0 / 3.0 * one.stderr, rel=1e-6)


def test_the_stored_glass():
    """Start-up of the stored runs: one earlier run of another script found a slope of 18 to 19."""
    with np.load(STORED) as stored:
        stress = np.stack([stored[f"rate0.0003_seed{seed}"] for seed in (1, 2, 3, 4)])
    strain = 8 * 40 * 0.005 * 3e-4 * np.arange(1, stress.shape[1] + 1)
    found = start_up_modulus(strain, stress)
    assert abs(found.value - 18.5) < 3.0 * found.stderr
    assert found.stderr < 2.0  # four samples of 1000 particles, some with events within 0.5 %
    flow = strain > 0.2
    # the elastic slope of the flowing glass is that of the glass at rest, a little softer
    assert 14.0 < branch_modulus(strain[flow], stress[:, flow]).value < 18.5


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: start_up_modulus([0.0, 1.0], [1.0]), r"shapes \(2,\) and \(1,\)"),
        (lambda: start_up_modulus([1.0, 0.0], [1.0, 2.0]), "strain must rise"),
        (lambda: start_up_modulus([0.0, 1.0], [np.nan, 2.0]), "must be finite"),
        (lambda: start_up_modulus(np.arange(9.0), np.ones((2, 9))), "holds 1 strains"),
        (
            lambda: start_up_modulus(np.arange(9) * 1e-3, np.ones(9)),
            "stress holds one sample",
        ),
        (lambda: elastic_branches(np.arange(9.0), np.ones(9), 0.0, 0.0), "fall must be"),
    ],
)
def test_bad_arguments_are_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_too_little_data_says_so():
    strain = np.arange(100) * 1e-3
    with pytest.raises(ConvergenceError, match="the stress is constant"):
        branch_modulus(strain, np.ones(100))
    with pytest.raises(ConvergenceError, match="0 elastic branches last"):
        branch_modulus(strain, strain)
