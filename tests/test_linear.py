"""Linear response of the quiescent state: against arbitrary precision, limits, the exact state."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.analytic import linear
from twins import stationary as naive


def naive_modulus(alpha, omega):
    z = mp.mpc(0, omega)
    return z * naive.classical_transform(mp.mpf(alpha), z)


@settings(max_examples=150)
@given(st.floats(-6, 6), st.floats(-6, 8))
@example(-6.0, -6.0)
@example(6.0, -6.0)
@example(6.0, 8.0)
@example(-1.0, 8.0)
def test_modulus_to_twelve_digits(log_above, log_omega):
    alpha, omega = 0.5 + 10.0**log_above, 10.0**log_omega
    y = hl.steady_state(hl.Model(alpha), 0.0).diffusion ** 0.5
    kappa = float(np.sqrt(omega) / y)
    assume(kappa < 3000)  # the naive form loses exp(kappa): no more digits than that
    with mp.workdps(int(100 + kappa)):
        exact = naive_modulus(alpha, omega)
    found = complex(hl.complex_modulus(hl.Model(alpha), omega))
    # the alpha that is solved for is the double next to 0.5 + above: alpha itself is exact here
    assert abs(float(found.real / exact.real - 1)) < 1e-12
    assert abs(float(found.imag / exact.imag - 1)) < 1e-12


@pytest.mark.parametrize("alpha", [0.5 + 1e-9, 0.51, 0.8, 3.0, 1e6])
def test_limits(alpha):
    model = hl.Model(alpha)
    eta = hl.viscosity(model)
    slow = 1e-6 * min(1.0, 1.0 / eta)
    assert hl.complex_modulus(model, slow) / (1j * slow * eta) == pytest.approx(1.0, abs=1e-5)
    fast = 1e8
    if fast > 1e4 / (alpha - 0.5) ** 2:
        return  # inside, the response at 1e8 still diffuses: not yet the limit
    high = complex(hl.complex_modulus(model, fast))
    assert high.real == pytest.approx(1.0, abs=1e-7)
    assert fast * high.imag == pytest.approx(1.0 - 1.0 / (2.0 * alpha), abs=1e-6)


def test_high_frequency_limit_far_from_criticality():
    for alpha in (0.8, 3.0, 100.0):
        high = complex(hl.complex_modulus(hl.Model(alpha), 1e8))
        assert 1e8 * high.imag == pytest.approx(1.0 - 1.0 / (2.0 * alpha), rel=1e-6)


@settings(max_examples=60)
@given(st.floats(-3, 6))
def test_viscosity_is_the_slope_of_the_exact_flow_curve(log_above):
    """Stress is odd and analytic in g/D: the next term is smaller by (g/D)^2 = 1e-14."""
    alpha = 0.5 + 10.0**log_above
    rest = hl.steady_state(hl.Model(alpha), 0.0)
    rate = 1e-7 * min(1.0, rest.diffusion)
    slope = hl.steady_state(hl.Model(alpha), rate).stress / rate
    assert hl.viscosity(hl.Model(alpha)) == pytest.approx(slope, rel=1e-11)
    chain = hl.Model(alpha, relaxation=hl.ResidualStress(0.0))
    # the chain solves for D at rest: conditioning in alpha times 1e-14
    assert hl.viscosity(chain) == pytest.approx(slope, rel=1e-9)


def test_the_two_forms_of_the_modulus_are_one():
    """2 w (inside + outside) = 1 - 2 outside is the stress balance, nowhere used to derive both."""
    for alpha in (0.6, 1.0, 50.0):
        w = 1j * np.geomspace(1e-2, 1e2, 21)
        inside, outside = linear._response(alpha, w)
        assert 2 * w * (inside + outside) == pytest.approx(1 - 2 * outside, rel=1e-12)


def test_below_the_critical_coupling():
    for alpha in (0.1, 0.5):
        assert hl.viscosity(hl.Model(alpha)) == math.inf
        with pytest.raises(hl.NoStationaryState, match=r"raise alpha above 0\.5"):
            hl.complex_modulus(hl.Model(alpha), 1.0)
    assert hl.viscosity(hl.Model(0.3, relaxation=hl.ResidualStress(0.5))) == math.inf


@pytest.mark.parametrize("omega", [0.0, -1.0, np.nan, np.inf, [1.0, 0.0]])
def test_bad_frequencies(omega):
    with pytest.raises(ValueError, match="omega must be a finite number > 0, got"):
        hl.complex_modulus(hl.Model(0.8), omega)


def test_shapes_and_models():
    assert hl.complex_modulus(hl.Model(0.8), np.ones((2, 3))).shape == (2, 3)
    assert hl.complex_modulus(hl.Model(0.8), 1.0).shape == ()
    with pytest.raises(ValueError, match="classical model only"):
        linear.complex_modulus(hl.Model(0.8, thresholds=0.5), 1.0)
