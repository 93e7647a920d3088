"""Shear faster than diffusion, pulses of the shear rate, and grids that move with the shear."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import hebraud as hl
from hebraud._kernels.grids import carried
from hebraud.model.protocols import Segment
from hebraud.solvers.transient.strain_path import StrainPath
from twins import evolve as naive_evolve

START = hl.gaussian(0.3)


def narrow(s):
    """The density of std 0.15: none of it starts below -1, as the delay equation wants."""
    return np.exp(-0.5 * (s / 0.15) ** 2) / (0.15 * math.sqrt(2.0 * math.pi))


# ---------------------------------------------------------------- shear


@settings(max_examples=15, deadline=None)
@given(
    rate=st.floats(-6.0, 8.0).map(lambda x: 10.0**x),
    strain=st.floats(-3.0, 2.5).map(lambda x: 10.0**x),
    sign=st.sampled_from([-1.0, 1.0]),
    law=st.sampled_from([hl.ConstantRate(), hl.PowerRate(0.5)]),
)
def test_without_yielding_stress_is_strain(rate, strain, sign, law):
    model = hl.Model(0.3, thresholds=1e3, yielding=law)
    run = hl.evolve(model, hl.Startup(sign * rate), START, strain / rate, rtol=1e-4)
    size = np.abs(run.strain).max()
    assert np.max(np.abs(run.stress - run.strain)) < 1e-4 * size + 1e-9
    assert run.strain[-1] == pytest.approx(sign * strain, rel=1e-12)


@settings(max_examples=8, deadline=None)
@given(
    amplitude=st.floats(-3.0, 2.5).map(lambda x: 10.0**x),
    omega=st.floats(-2.0, 3.0).map(lambda x: 10.0**x),
)
def test_oscillation_without_yielding_is_strain(amplitude, omega):
    model = hl.Model(0.3, thresholds=1e3)
    run = hl.evolve(model, hl.Oscillation(amplitude, omega), START, 9.0 / omega, rtol=1e-4)
    assert np.max(np.abs(run.stress - run.strain)) < 1e-4 * amplitude + 1e-9
    # a strain of sin(omega t), not the sum of what steps made of its rate
    assert run.strain == pytest.approx(amplitude * np.sin(omega * run.time), abs=1e-9 * amplitude)


@pytest.mark.parametrize("rtol", [1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("rate", [5.0, 30.0, 1e3, 1e5])
def test_fast_shear_against_characteristics(rate, rtol):
    """The classical landing without noise, by a delay equation (tests/twins/evolve.py)."""
    times = np.array([0.5, 1.0, 2.0, 5.0, 10.0]) / rate
    stress, activity = naive_evolve.glass(rate, narrow, times)
    model, start = hl.Model(hl.FixedNoise(1e-13)), hl.gaussian(0.15)
    run = hl.evolve(model, hl.Startup(rate), start, times[-1], times, rtol)
    assert np.max(np.abs(run.stress - stress)) < 3.0 * rtol * stress.max()
    assert abs(run.activity[-1] - activity[-1]) < 3.0 * rtol


def test_fast_shear_with_noise():
    """By characteristics in a frame that moves, of another code: 9.52080."""
    for rtol, cap in ((1e-3, 1.0), (1e-4, 0.5), (1e-5, 0.5)):
        run = hl.evolve(hl.Model(0.3), hl.Startup(100.0), START, 0.1, rtol=rtol)
        assert abs(run.stress[-1] / 9.52081 - 1.0) < cap * rtol


@pytest.mark.parametrize("rate", [1e2, 1e5, 1e8])
def test_the_fastest_shear_is_a_maxwell_fluid(rate):
    """Where crossing takes no time every block is over its threshold: stress' = rate - stress."""
    run = hl.evolve(hl.Model(0.3), hl.Startup(rate), START, 0.5, rtol=1e-4)
    # what is not: a time of about 2/rate for the first crossing and after each landing
    assert run.stress[-1] == pytest.approx(-rate * math.expm1(-0.5), rel=3e-4 + 2.0 / rate)


@pytest.mark.parametrize("amplitude", [-1e3, 1e6])
def test_a_large_strain_step_decays_with_tau(amplitude):
    run = hl.evolve(hl.Model(0.3), hl.StrainStep(amplitude), START, 2.0, rtol=1e-4)
    assert run.stress[-1] == pytest.approx(amplitude * math.exp(-2.0), abs=2e-4 * abs(amplitude))


@pytest.mark.parametrize("relaxation", [
    hl.FractionalDrop(0.4), hl.ResidualStress(0.3), hl.Landing([-0.5, 0.5], [0.3, 0.7]),
    hl.GaussianLanding(0.8, 0.2),
])  # fmt: skip
@pytest.mark.parametrize("thresholds", [1.0, hl.Redrawn([0.5, 1.2]), hl.Quenched([0.5, 1.2])])
@pytest.mark.parametrize("yielding", [hl.ConstantRate(), hl.PowerRate(0.5)])
def test_fast_shear_of_variants_against_blocks(relaxation, thresholds, yielding):
    model = hl.Model(0.2, relaxation=relaxation, thresholds=thresholds, yielding=yielding)
    run = hl.evolve(model, hl.Startup(20.0), START, 1.0, np.array([0.3, 1.0]), rtol=1e-3)
    blocks = hl.simulate_blocks(
        model, hl.Startup(20.0), START, 1.0, t_eval=[0.3, 1.0], blocks=20_000, step=2e-3, seed=1
    )
    # four standard errors, and what the witness's step of second order leaves
    assert np.all(np.abs(run.stress - blocks.stress) < 4.0 * blocks.stress_err + 3e-3)


def test_mirrored_where_the_grid_moves():
    """Within rtol: with round-off a step that is just accepted may be just rejected."""
    times, fast = np.linspace(0.0, 1.3, 14), {}
    for sign in (1.0, -1.0):
        protocol = hl.Sequence([(hl.Startup(30.0 * sign), 0.3), (hl.Startup(-8.0 * sign), 1.0)])
        fast[sign] = hl.evolve(hl.Model(0.3), protocol, START, None, times, rtol=1e-3)
    assert fast[-1.0].stress == pytest.approx(-fast[1.0].stress, abs=1e-3 * 7.8)


@pytest.mark.parametrize("rtol", [1e-3, 1e-5])
def test_a_small_stress_is_not_made_by_the_grid(rtol):
    """Above the critical coupling at a small rate the stress is the odd part of an even P."""
    model, rate = hl.Model(0.7147), 4.411e-6
    times = np.linspace(0.0, 5e5, 25)  # between the last steps, which are of many 1e4 tau
    run = hl.evolve(model, hl.Startup(rate), hl.gaussian(0.4308), 5e5, times, rtol, atol=1e-12)
    assert run.stress[1:] == pytest.approx(hl.steady_state(model, rate).stress, rel=3.0 * rtol)


# ---------------------------------------------------------------- the strain of a rate


def test_a_pulse_is_not_stepped_over():
    model = hl.Model(0.8)
    run = hl.evolve(
        model, hl.ShearRate(lambda t: 0.5 * np.exp(-((t - 500.0) ** 2) / 2.0)), hl.rest(model), 1e3,
        np.array([500.0, 502.0, 1000.0]), rtol=1e-4,
    )  # fmt: skip
    area = 0.5 * math.sqrt(2.0 * math.pi)
    assert run.strain == pytest.approx([0.5 * area, 0.97724987 * area, area], abs=1e-4 * area)
    alone = hl.evolve(
        model, hl.ShearRate(lambda t: 0.5 * np.exp(-((t - 10.0) ** 2) / 2.0)), hl.rest(model), 12.0,
        np.array([10.0, 12.0]), rtol=1e-5,
    )  # fmt: skip
    assert run.stress[:2] == pytest.approx(alone.stress, abs=3e-4 * alone.stress.max())


@settings(max_examples=20, deadline=None)
@given(
    middle=st.floats(0.0, 1000.0),
    width=st.floats(0.0, 2.0).map(lambda x: 10.0**x),
    height=st.floats(-3.0, 6.0).map(lambda x: 10.0**x),
)
def test_the_strain_of_any_pulse(middle, width, height):
    def rate(t):
        return height * math.exp(-0.5 * ((t - middle) / width) ** 2)

    path = StrainPath(Segment(1e3, rate), 0.0, 0.0, 1e3, 1e-6, math.inf)
    truth = quad(rate, 0.0, 1e3, points=np.clip([middle - width, middle, middle + width], 0, 1e3),
                 epsabs=0.0, epsrel=1e-12, limit=500)[0]  # fmt: skip
    parts = [path.between(a, a + 125.0) for a in np.arange(0.0, 1000.0, 125.0)]
    assert sum(parts) == pytest.approx(truth, rel=1e-6)
    assert path.between(0.0, 1e3) == pytest.approx(truth, rel=1e-6)


def test_jumps_need_no_breakpoints_for_the_strain():
    run = hl.evolve(
        hl.Model(0.3), hl.ShearRate(lambda t: 0.5 if 3.3 < t < 7.7 else 0.0), START, 20.0, rtol=1e-4
    )
    assert run.strain[-1] == pytest.approx(2.2, rel=1e-4)
    known = hl.evolve(
        hl.Model(0.3), hl.Sequence([(hl.Cessation(), 3.3), (hl.Startup(0.5), 4.4),
                                    (hl.Cessation(), 12.3)]), START, rtol=1e-5,
    )  # fmt: skip
    assert run.stress[-1] == pytest.approx(known.stress[-1], abs=3e-4 * known.stress.max())


def test_nothing_is_frozen_while_a_function_may_still_move_it():
    """No block is near its threshold, and the rate is zero for a long time."""
    late = hl.ShearRate(lambda t: 0.01 if t > 900.0 else 0.0)
    run = hl.evolve(hl.Model(0.3), late, hl.gaussian(0.02), 950.0, rtol=1e-4)
    assert run.frozen_at is None
    assert run.stress[-1] == pytest.approx(0.5, rel=1e-4)
    assert hl.evolve(hl.Model(0.3), hl.Cessation(), hl.gaussian(0.02), 950.0).frozen_at == 0.0


def test_max_step_sees_what_is_narrower():
    def rate(t):
        return 100.0 * math.exp(-0.5 * ((t - 50.005) / 1e-3) ** 2)

    run = hl.evolve(hl.Model(0.3), hl.ShearRate(rate), START, 100.0, rtol=1e-3, max_step=0.05)
    assert run.strain[-1] == pytest.approx(0.1 * math.sqrt(2.0 * math.pi), rel=1e-3)
    assert np.diff(run.time).max() < 0.026  # a step is recorded at its middle too
    with pytest.raises(ValueError, match="max_step"):
        hl.evolve(hl.Model(0.3), hl.Startup(1.0), START, 1.0, max_step=0.0)


def test_a_rate_without_an_integral_is_refused_with_the_state():
    with pytest.raises(hl.EvolutionFailed, match="does not settle near t = 1") as caught:
        hl.evolve(hl.Model(0.3), hl.ShearRate(lambda t: abs(1.0 - t) ** -1.5 if t != 1.0 else 1e9),
                  START, 2.0, rtol=1e-2)  # fmt: skip
    assert 0.5 < caught.value.time <= 1.0


# ---------------------------------------------------------------- kernels of moving grids


@settings(max_examples=50)
@given(
    edges=st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=8, unique=True),
    by=st.floats(-5.0, 5.0),
    c=st.floats(0.1, 2.0),
)
def test_shares_over_a_threshold(edges, by, c):
    faces = np.sort(edges)
    left, right = np.empty((2, faces.size - 1, 1))
    carried.over_thresholds(faces, by, np.array([c]), left, right)
    # 400 x 400 places in the cell and in the step: off by no more than a row of them at each edge
    x = (np.arange(400) + 0.5) / 400
    for i in range(faces.size - 1):
        s = faces[i] + (faces[i + 1] - faces[i]) * x[:, None] + by * x
        assert right[i, 0] == pytest.approx(np.mean(s > c), abs=5e-3)
        assert left[i, 0] == pytest.approx(np.mean(s < -c), abs=5e-3)


@settings(max_examples=50)
@given(begin=st.floats(-0.9, 0.9), end=st.floats(-0.9, 0.9))
def test_what_lands_along_a_way_keeps_its_mean(begin, end):
    centres = np.sort(np.append(np.random.default_rng(3).uniform(-1.0, 1.0, 30), [-1.0, 1.0]))
    out = np.zeros(centres.size)
    carried.swept(centres, begin, end, 0.7, out)
    assert out.min() >= 0.0
    assert out.sum() == pytest.approx(0.7, rel=1e-12)
    assert out @ centres == pytest.approx(0.7 * 0.5 * (begin + end), abs=1e-12)
