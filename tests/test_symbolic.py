"""The derived expansion solves its equations, and agrees with two routes that do not use it."""

import mpmath as mp
import pytest
import sympy as sp

from hebraud.analytic import symbolic
from hebraud.analytic.symbolic import TwoSided, derive, s, u, z
from twins.renewal import asymptote, exact_stationary

POINTS = [mp.mpf(x) for x in ("0.173", "0.9", "2.71", "8.3", "31.4")]  # values of u, no order
DIGITS = 60
# 60 digits carried; the forms cancel by less than 1e8 at u = 0.17 (powers up to u^5), and
# exponentials reach exp(3 * 31.4) ~ 1e41 between terms of size 1 only in products, not in sums.
CLOSE = mp.mpf(10) ** -40


@pytest.fixture(autouse=True)
def _digits():
    with mp.workdps(DIGITS):
        yield


def number(expression: sp.Expr, **at: mp.mpf) -> mp.mpf:
    """Value of an expression in u, s, z at DIGITS digits."""
    symbols = {"u": u, "s": s, "z": z}
    values = [value if isinstance(value, mp.mpf) else mp.mpf(value) for value in at.values()]
    return sp.lambdify([symbols[name] for name in at], expression, "mpmath")(*values)


def test_derivation_is_cached_and_in_the_right_symbols():
    e = derive()
    assert derive() is e
    for scalar in (e.alpha, e.yield_stress, e.prefactor, e.d_tilde):
        assert scalar.free_symbols == {u}
    assert e.Q0.free_symbols == e.Q1.free_symbols == {u, s}
    assert isinstance(e.R1, TwoSided)
    assert e.R1.plus.free_symbols == e.R1.minus.free_symbols == {u, z}
    assert e.alpha == sp.tanh(u / 2) / u  # the derivation ends in readable forms


@pytest.mark.parametrize("value", POINTS)
def test_stationary_equation_holds_at_both_orders(value):
    e = derive()
    for (q0, _), (q1, _), place in zip(e.Q0.args, e.Q1.args, ("-0.37", "0.41"), strict=True):
        order_0 = -q0.diff(s) + q0.diff(s, 2) / u
        order_1 = -q1.diff(s) + q1.diff(s, 2) / u + e.d_tilde * q0.diff(s, 2)
        assert abs(number(order_0, u=value, s=place)) < CLOSE
        assert abs(number(order_1, u=value, s=place)) < CLOSE
    for tail in e.R1:
        assert abs(number(tail.diff(z, 2) / u - tail, u=value, z="0.8")) < CLOSE


@pytest.mark.parametrize("value", POINTS)
def test_matching_jump_and_normalisation(value):
    e = derive()
    (left_0, _), (right_0, _) = e.Q0.args
    (left_1, _), (right_1, _) = e.Q1.args
    plus, minus = e.R1

    def integral(left: sp.Expr, right: sp.Expr, power: int) -> sp.Expr:
        inside = (left * s**power, (s, -1, 0)), (right * s**power, (s, 0, 1))
        return sum(sp.integrate(sp.expand(density), limits) for density, limits in inside)

    landing = 1 / (u * e.alpha)  # Gamma / g at leading order
    residuals = [
        left_0.subs(s, -1),
        right_0.subs(s, 1),
        (right_0 - left_0).subs(s, 0),
        (right_0 - left_0).diff(s).subs(s, 0) / u + landing,
        integral(left_0, right_0, 0) - 1,
        right_0.diff(s).subs(s, 1) - plus.diff(z).subs(z, 0),
        left_0.diff(s).subs(s, -1) + minus.diff(z).subs(z, 0),
        sp.integrate(plus + minus, (z, 0, sp.oo)) - landing,  # what leaves is what lands
        right_1.subs(s, 1) - plus.subs(z, 0),
        left_1.subs(s, -1) - minus.subs(z, 0),
        (right_1 - left_1).subs(s, 0),
        # order 1 of D [P'] + Gamma: d [Q1'] + d_tilde ([Q0'] + 1/alpha) = 0
        (right_1 - left_1).diff(s).subs(s, 0) / u
        + e.d_tilde * ((right_0 - left_0).diff(s).subs(s, 0) + 1 / e.alpha),
    ]
    for residual in residuals:
        assert abs(number(residual, u=value)) < CLOSE

    def quadrature(density: sp.Expr, power: int) -> mp.mpf:
        function = sp.lambdify([u, s], density, "mpmath")
        return mp.quad(lambda x: x**power * function(value, x), [-1, -0.5, 0, 0.5, 1])

    # Gauss-Legendre of mpmath on smooth halves: its own estimate is below 1e-45 here
    assert abs(quadrature(e.Q1, 0)) < CLOSE
    assert abs(quadrature(e.Q0, 1) - number(e.yield_stress, u=value)) < CLOSE
    assert abs(quadrature(e.Q1, 1) - number(e.prefactor, u=value)) < CLOSE


@pytest.mark.parametrize("value", POINTS)
def test_written_out_by_hand(value):
    e = derive()
    sinh, cosh, coth = mp.sinh(value), mp.cosh(value), mp.coth(value / 2)
    d_tilde = -(value ** mp.mpf("-1.5")) * (sinh + value) / (sinh - value)
    prefactor = (value * cosh + 2 * sinh + 3 * value - 3 * value**2 * coth) / (
        2 * value ** mp.mpf("1.5") * (sinh - value)
    )
    assert mp.almosteq(number(e.yield_stress, u=value), coth / 2 - 1 / value, CLOSE)
    assert mp.almosteq(number(e.d_tilde, u=value), d_tilde, CLOSE)
    assert mp.almosteq(number(e.prefactor, u=value), prefactor, CLOSE)


def test_exact_witness_obeys_the_moment_identities():
    # g = Gamma <s_yield>, 2 g Sigma + 2 D = Gamma <s_yield^2>: they do not enter the witness
    g = mp.mpf("0.37")
    state = exact_stationary(g, mp.mpf("0.3"), mp.mpf(1))
    assert mp.almosteq(state["activity"] * state["yielded"], g, CLOSE)
    assert mp.almosteq(
        2 * g * state["stress"] + 2 * state["diffusion"],
        state["activity"] * state["yielded_squared"],
        CLOSE,
    )


@pytest.mark.parametrize("value", POINTS)
def test_against_the_exact_state_at_vanishing_rate(value):
    """The judge that knows nothing of the expansion: only alpha goes in."""
    e = derive()
    found = asymptote(number(e.alpha, u=value), 1 / value)
    tolerance = mp.mpf(10) ** -18  # of the extrapolation, see asymptote
    assert mp.almosteq(found["d"], 1 / value, tolerance)
    assert mp.almosteq(found["d_tilde"], number(e.d_tilde, u=value), tolerance)
    assert mp.almosteq(found["yield_stress"], number(e.yield_stress, u=value), tolerance)
    assert mp.almosteq(found["prefactor"], number(e.prefactor, u=value), tolerance)


@pytest.mark.parametrize("value", POINTS)
def test_against_the_moment_identities(value):
    """The third route: alpha, sigma_Y and A follow from the two identities, by hand.

    With h = sqrt(g): blocks yield at +-(1 + h sqrt(d)) at this order, with odds exp(u) : 1.
    """
    e = derive()
    d, bias = 1 / value, mp.tanh(value / 2)
    alpha = d * bias
    d_tilde = number(e.d_tilde, u=value)
    assert mp.almosteq(number(e.alpha, u=value), alpha, CLOSE)
    assert mp.almosteq(number(e.yield_stress, u=value), d / (2 * alpha) - d, CLOSE)
    prefactor = d_tilde * (1 / (2 * alpha) - 1) + d ** mp.mpf("1.5") / alpha
    assert mp.almosteq(number(e.prefactor, u=value), prefactor, CLOSE)


def test_limits_of_the_expansion():
    e = derive()
    assert sp.series(e.alpha, u, 0, 4).removeO() == sp.Rational(1, 2) - u**2 / 24
    assert sp.limit(e.yield_stress / u, u, 0) == sp.Rational(1, 12)
    assert sp.limit(e.prefactor * u ** sp.Rational(3, 2), u, 0) == 1
    large = mp.mpf(400)  # what is left out is exp(-400)
    assert mp.almosteq(number(e.yield_stress, u=large), mp.mpf("0.5") - 1 / large, CLOSE)
    assert mp.almosteq(number(e.prefactor, u=large), (1 + 2 / large) / (2 * mp.sqrt(large)), CLOSE)


def test_symbols_are_the_public_ones():
    assert set(symbolic.__all__) >= {"derive", "Expansion", "u", "s", "z"}
    assert u.is_positive
    assert s.is_real
    assert z.is_nonnegative
