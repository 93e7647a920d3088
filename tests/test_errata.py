"""What docs/errata.md says of the printed appendix: which equations hold, and which do not.

Equations are those of the appendix of Puosi, Olivier and Martens (2015) as its text was extracted,
with their units: S = sigma_c, G = G0, t = tau and d are drawn at random below, so that a wrong
unit shows as well as a wrong number. The judge is the exact stationary state at small shear rate
(test_symbolic), which knows nothing of the expansion.
"""

import itertools
from typing import NamedTuple

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from hebraud.analytic import closed_form, symbolic
from twins.renewal import asymptote, exact_stationary

HALVES = ("left", "right")
# 50 digits; differences of exponentials up to exp(2 u) ~ 1e9 cancel to order one
CLOSE = mp.mpf(10) ** -35


@pytest.fixture(autouse=True)
def _digits():
    with mp.workdps(50):
        yield


class Units(NamedTuple):
    S: mp.mpf
    G: mp.mpf
    t: mp.mpf
    d: mp.mpf

    @property
    def u(self) -> mp.mpf:
        return self.S * self.G * self.t / self.d


def drawn(seed: int) -> Units:
    """Random units, with 0.2 < u < 10."""
    rng = np.random.default_rng(seed)
    S, G, t = (mp.mpf(float(x)) for x in rng.uniform(0.3, 3.0, 3))
    return Units(S, G, t, S * G * t / mp.mpf(float(10 ** rng.uniform(-0.7, 1.0))))


UNITS = [drawn(seed) for seed in range(5)]
COUPLINGS = [0.1, 0.26, 0.4, 0.49]


def zero(value: mp.mpf) -> bool:
    return abs(value) < CLOSE


def derived(name: str, u: mp.mpf) -> mp.mpf:
    return sp.lambdify(symbolic.u, getattr(symbolic.derive(), name), "mpmath")(u)


# --- the printed equations ------------------------------------------------------------------


def printed_q0(c: Units, half: str, x: mp.mpf) -> mp.mpf:  # (13)
    k = c.G * c.t / c.d
    edge = mp.exp(-c.S * k)
    inside = mp.exp(x * k) - edge if half == "left" else 1 - mp.exp((x - c.S) * k)
    return inside / (c.S * (1 - edge))


def printed_alpha(c: Units) -> mp.mpf:  # (14), not yet divided by sigma_c^2
    return c.S**2 * c.d / (c.S * c.G * c.t) * mp.tanh(c.S * c.G * c.t / (2 * c.d))


def printed_yield_stress(c: Units) -> mp.mpf:  # (15), over sigma_c
    return mp.coth(c.S * c.G * c.t / (2 * c.d)) / 2 - c.d / (c.S * c.G * c.t)


def printed_r1(c: Units, sign: int, z: mp.mpf) -> mp.mpf:  # (17), (18)
    edge = mp.exp(-c.S * c.t * c.G / c.d)
    amplitude = c.t * c.G / (mp.sqrt(c.d) * c.S * (1 - edge))
    return amplitude * (1 if sign > 0 else edge) * mp.exp(-z / mp.sqrt(c.d))


def printed_d_tilde(c: Units) -> mp.mpf:  # (22)
    rise, fall = mp.exp(c.u), mp.exp(-c.u)
    return -(c.d ** mp.mpf("1.5")) / c.S * (rise - fall + 2 * c.u) / (rise - fall - 2 * c.u)


def printed_q1(c: Units, half: str, x: mp.mpf) -> mp.mpf:  # (20), (21)
    d_tilde, k, u = printed_d_tilde(c), c.G * c.t / c.d, c.u
    edge = mp.exp(-u)
    first = c.t * c.G / (c.S * mp.sqrt(c.d) * (1 - edge))
    second = d_tilde * c.G * c.t / (c.d**2 * c.S * (1 - edge))
    both = u * (d_tilde / (c.d * c.S) - mp.sqrt(c.d) / c.S**2)
    third = 1 / (mp.exp(u) - edge)
    if half == "left":
        third *= (both + d_tilde / (c.d * c.S) * (1 + edge)) * (mp.exp(k * (x + c.S)) - 1)
        return (first - second * (x + c.S)) * mp.exp(k * x) + third
    third *= (-both + d_tilde / (c.d * c.S) * (1 + mp.exp(u))) * (1 - mp.exp(k * (x - c.S)))
    return (first + second * (x - c.S)) * mp.exp(k * (x - c.S)) + third


def printed_23(u: mp.mpf) -> mp.mpf:
    return mp.coth(u) / 2 - 1 / u


class Reading24(NamedTuple):
    """(24) with any of five edits; all off is the printed one, all on is the derived one."""

    no_exponential: bool = False  # the factor exp(u) of the first bracket struck out
    single_argument: bool = False  # 2 u -> u in cosh and sinh
    three_u: bool = False  # the lone + u of the first bracket -> + 3 u
    three_squares: bool = False  # 6 u^2 -> 3 u^2
    half_argument: bool = False  # coth(2 u) -> coth(u / 2)

    def __call__(self, u: mp.mpf) -> mp.mpf:
        v = u if self.single_argument else 2 * u
        bracket = u * mp.cosh(v) + 2 * mp.sinh(v) + (3 if self.three_u else 1) * u
        factor = 1 if self.no_exponential else mp.exp(u)
        square = (3 if self.three_squares else 6) * u**2
        coth = mp.coth(u / 2 if self.half_argument else 2 * u)
        return (factor * bracket - square * coth) / (2 * mp.sqrt(u) * u * (mp.sinh(v) - u))


# --- what holds -----------------------------------------------------------------------------


@pytest.mark.parametrize("c", UNITS)
def test_printed_12_to_15_hold(c):
    x = {"left": -c.S * mp.mpf("0.3"), "right": c.S * mp.mpf("0.6")}
    for half in HALVES:
        slope, curvature = (
            mp.diff(lambda y, half=half: printed_q0(c, half, y), x[half], n) for n in (1, 2)
        )
        # numerical derivatives of mpmath keep all but a fifth of the digits
        assert abs(-c.d * curvature + c.t * c.G * slope) < mp.mpf(10) ** -30
    kink = mp.diff(lambda y: printed_q0(c, "right", y), 0) - mp.diff(
        lambda y: printed_q0(c, "left", y), 0
    )
    assert abs(-c.d * kink - c.d / printed_alpha(c)) < mp.mpf(10) ** -30
    assert zero(printed_q0(c, "left", -c.S))
    assert zero(printed_q0(c, "right", c.S))
    assert zero(printed_q0(c, "right", mp.mpf(0)) - printed_q0(c, "left", mp.mpf(0)))

    def moment(n: int) -> mp.mpf:
        return mp.quad(lambda y: y**n * printed_q0(c, "left", y), [-c.S, 0]) + mp.quad(
            lambda y: y**n * printed_q0(c, "right", y), [0, c.S]
        )

    assert zero(moment(0) - 1)
    assert zero(moment(1) / c.S - printed_yield_stress(c))
    assert zero(printed_yield_stress(c) - derived("yield_stress", c.u))


@pytest.mark.parametrize("c", UNITS)
def test_printed_16_to_18_hold(c):
    for sign, half in ((1, "right"), (-1, "left")):
        threshold = sign * c.S
        slope = mp.diff(lambda y, half=half: printed_q0(c, half, y), threshold)
        outside = mp.diff(lambda z, sign=sign: printed_r1(c, sign, z), 0)
        curvature = mp.diff(lambda z, sign=sign: printed_r1(c, sign, z), 0, 2)
        assert abs(sign * outside - slope) < mp.mpf(10) ** -30
        assert abs(-c.d * curvature + printed_r1(c, sign, mp.mpf(0))) < mp.mpf(10) ** -30


@pytest.mark.parametrize("c", UNITS)
def test_printed_20_and_21_solve_19_and_22_holds(c):
    x = {"left": -c.S * mp.mpf("0.3"), "right": c.S * mp.mpf("0.6")}
    small = mp.mpf(10) ** -28
    for half in HALVES:
        slope, curvature = (
            mp.diff(lambda y, half=half: printed_q1(c, half, y), x[half], n) for n in (1, 2)
        )
        q0_curvature = mp.diff(lambda y, half=half: printed_q0(c, half, y), x[half], 2)
        source = printed_d_tilde(c) * q0_curvature
        assert abs(-c.d * curvature + c.G * c.t * slope - source) < small

    def kink(density) -> mp.mpf:
        return mp.diff(lambda y: density(c, "right", y), 0) - mp.diff(
            lambda y: density(c, "left", y), 0
        )

    source = printed_d_tilde(c) * (1 / printed_alpha(c) + kink(printed_q0))
    assert abs(-c.d * kink(printed_q1) - source) < small
    assert zero(printed_q1(c, "right", mp.mpf(0)) - printed_q1(c, "left", mp.mpf(0)))
    assert zero(printed_q1(c, "right", c.S) - printed_r1(c, 1, mp.mpf(0)))
    assert zero(printed_q1(c, "left", -c.S) - printed_r1(c, -1, mp.mpf(0)))

    def moment(n: int) -> mp.mpf:
        return mp.quad(lambda y: y**n * printed_q1(c, "left", y), [-c.S, 0]) + mp.quad(
            lambda y: y**n * printed_q1(c, "right", y), [0, c.S]
        )

    assert zero(moment(0))
    # so A follows from the paper's own Q1: it is the derived one, not (24)
    scaled = moment(1) / mp.sqrt(c.S * c.t * c.G)
    assert zero(scaled - derived("prefactor", c.u))
    assert abs(scaled / Reading24()(c.u) - 1) > 0.3


@pytest.mark.parametrize("c", UNITS)
def test_units_of_the_module_docstring_give_the_printed_densities(c):
    """Q0, Q1, R1 and d_tilde of the derivation, with units put back as symbolic says."""
    e, u = symbolic.derive(), c.u
    root = mp.sqrt(c.G * c.t)
    assert zero(derived("d_tilde", u) * (c.S * root**2) ** mp.mpf("1.5") / c.S - printed_d_tilde(c))
    for half, k in (("left", 0), ("right", 1)):
        s = mp.mpf("0.35") * (1 if k else -1)
        q0, q1 = (
            sp.lambdify([symbolic.u, symbolic.s], density.args[k][0], "mpmath")(u, s)
            for density in (e.Q0, e.Q1)
        )
        assert zero(q0 / c.S - printed_q0(c, half, s * c.S))
        assert zero(q1 * root / c.S ** mp.mpf("1.5") - printed_q1(c, half, s * c.S))
    for sign, tail in zip((1, -1), e.R1, strict=True):
        z = mp.mpf("0.7")  # the paper's z, stress over sqrt(rate)
        reduced = sp.lambdify([symbolic.u, symbolic.z], tail, "mpmath")(u, z / mp.sqrt(c.S) / root)
        assert zero(reduced * root / c.S ** mp.mpf("1.5") - printed_r1(c, sign, z))


# --- what does not --------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", COUPLINGS)
def test_flow_curve_agrees_with_the_derived_and_not_with_23_and_24(alpha):
    u = closed_form.u_of_alpha(alpha)
    exact = asymptote(mp.mpf(alpha), mp.mpf(1 / u))
    # 1e-6 was asked; doubles give 1e-15, and the conditioning of alpha near 1/2 leaves 1e-13
    sigma, prefactor = closed_form.yield_stress(u=u), closed_form.prefactor(u=u)
    assert float(exact["yield_stress"]) == pytest.approx(sigma, rel=1e-13)
    assert float(exact["prefactor"]) == pytest.approx(prefactor, rel=1e-13)
    u = mp.mpf(u)
    # (23) is too low by exp(-u) at large u (alpha = 0.1: 1e-4 of it), and negative below u = 1.9
    assert printed_23(u) / exact["yield_stress"] - 1 < -1e-4
    assert (printed_23(u) < 0) == (alpha > 0.3)
    assert abs(Reading24()(u) / exact["prefactor"] - 1) > 1


def test_finite_rate_stress_judges_without_extrapolation():
    """Sigma itself at g = 1e-10, alpha = 0.26: the figures quoted in the errata."""
    alpha, g = mp.mpf("0.26"), mp.mpf(10) ** -10
    u = mp.mpf(closed_form.u_of_alpha(0.26))
    stress = exact_stationary(g, alpha, 1 / u)["stress"]
    # the next term of the expansion is of order g
    assert abs(stress - (derived("yield_stress", u) + derived("prefactor", u) * 1e-5)) < 10 * g
    slope = (stress - derived("yield_stress", u)) / mp.sqrt(g)
    assert slope == pytest.approx(0.35699, abs=2e-5)
    assert derived("yield_stress", u) == pytest.approx(0.25279, abs=1e-5)
    assert printed_23(u) == pytest.approx(0.22682, abs=1e-5)  # 10 % low
    assert Reading24()(u) == pytest.approx(15.689, abs=1e-3)  # 44 times too large


@pytest.mark.parametrize("u", [mp.mpf("0.4"), mp.mpf(2), mp.mpf(7)])
def test_23_is_repaired_by_half_the_argument_of_coth_alone(u):
    right = derived("yield_stress", u)
    assert zero(mp.coth(u / 2) / 2 - 1 / u - right)
    # reading its u as half the appendix's u does not help: 1/u would be wrong
    assert abs(printed_23(u / 2) / right - 1) > 0.1


def test_24_takes_all_five_edits():
    u = mp.mpf(2)
    right = derived("prefactor", u)
    for edits in itertools.product((False, True), repeat=5):
        wrong = [reading(v) for v in (u, u / 2, 2 * u) for reading in [Reading24(*edits)]]
        if all(edits):
            assert zero(wrong[0] - right)
        else:  # nor does half or twice u, with any of the edits, and whatever the power in front
            for value, scale in itertools.product(wrong, [1, 2, 0.5, mp.sqrt(2), mp.sqrt(8)]):
                assert abs(scale * value / right - 1) > 1e-3
                assert abs(value / scale / right - 1) > 1e-3


def test_24_without_its_exponential_is_right_at_large_u_only():
    reading = Reading24(no_exponential=True)
    assert abs(reading(mp.mpf(50)) / derived("prefactor", mp.mpf(50)) - 1) < 1e-15
    small = mp.mpf(10) ** -4
    assert reading(small) / derived("prefactor", small) == pytest.approx(1.5, rel=1e-6)
    assert Reading24()(mp.mpf(50)) / derived("prefactor", mp.mpf(50)) > mp.exp(49)


def test_alpha_of_the_appendix_carries_units():
    c = Units(mp.mpf(2), mp.mpf(1), mp.mpf(1), mp.mpf("0.7"))
    # D = alpha Gamma in (12); D = alpha sigma_c^2 Gamma in (3) and in this project
    assert zero(printed_alpha(c) / c.S**2 - derived("alpha", c.u))
    assert printed_alpha(c) > 0.5  # though the model has a yield stress: the bound is sigma_c^2/2


def test_table_1_column_means_explain_the_stray_pair():
    micro, micro_err = [2.81, 2.47, 2.27, 2.74], [0.21, 0.27, 0.24, 0.30]
    flow, flow_err = [3.21, 3.30, 3.28, 3.34], [0.12, 0.19, 0.18, 0.18]
    assert np.mean(micro) == pytest.approx(2.57, abs=0.005)
    assert np.mean(flow) == pytest.approx(3.28, abs=0.005)
    assert np.mean(micro_err) == pytest.approx(0.26, abs=0.0051)  # 0.255
    # 0.1675, printed as 0.16: cut off, or a mean of errors with more digits
    assert np.mean(flow_err) == pytest.approx(0.1675)
    # the other way round, (2.57, 3.28) for the first row, the means would be neither
    assert np.mean([2.57, 2.47, 2.27, 2.74]) == pytest.approx(2.5125)


def test_diffusion_of_the_equation_is_half_the_measured_slope():
    """P of dP/dt = D P'' spreads as <ds^2> = 2 D t, where Section 3.3 divides <ds^2> by t."""
    x = sp.Symbol("x", real=True)
    D, t = sp.symbols("D t", positive=True)
    P = sp.exp(-(x**2) / (4 * D * t)) / sp.sqrt(4 * sp.pi * D * t)
    assert sp.simplify(P.diff(t) - D * P.diff(x, 2)) == 0
    assert sp.integrate(x**2 * P, (x, -sp.oo, sp.oo)) == 2 * D * t
    # what it does to the model at the measured mean: 0.257 as printed, 0.1285 in the equation
    assert closed_form.yield_stress_of_alpha(0.257) == pytest.approx(0.2553, abs=5e-5)
    assert closed_form.yield_stress_of_alpha(0.257 / 2) == pytest.approx(0.3718, abs=5e-5)


@pytest.mark.parametrize("alpha", [mp.mpf("0.1"), mp.mpf("0.4")])
def test_stress_outside_the_threshold_is_of_the_next_order(alpha):
    """(11) integrates Q1 inside only: what lies outside carries stress of order g, not sqrt(g)."""
    u = mp.mpf(closed_form.u_of_alpha(float(alpha)))
    carried = []
    for g in (mp.mpf(10) ** -12, mp.mpf(10) ** -14):
        state = exact_stationary(g, alpha, 1 / u)
        # outside, P/Gamma yields at rate one: <s> of what is outside is that of what yields
        carried.append(state["activity"] * state["yielded"] / g)
    assert carried == [pytest.approx(1, rel=1e-12)] * 2
