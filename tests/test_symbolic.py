"""The derived expansion solves its equations, and agrees with two routes that do not use it."""

from collections.abc import Callable

import mpmath as mp
import pytest
import sympy as sp

from hebraud.analytic import symbolic
from hebraud.analytic.symbolic import TwoSided, derive, s, u, z

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


def exact_stationary(shear_rate: mp.mpf, alpha: mp.mpf, guess: mp.mpf) -> dict[str, mp.mpf]:
    """The stationary state at a finite rate, in arbitrary precision, by renewal.

    P/Gamma is the mean occupation of one cycle from 0 to the next yield. With the fluxes q > 0 to
    the right of 0 and -p to the left (q + p = 1), P/Gamma is (q, -p)/g + constant exp(g s/D) inside
    and decays exponentially outside, where it yields at rate one; the mean cycle lasts 1/Gamma.
    """
    g = shear_rate

    def cycle(log_diffusion: mp.mpf) -> dict[str, mp.mpf]:
        diffusion = mp.exp(log_diffusion)
        k = g / diffusion
        decay_right = 2 / (g + mp.sqrt(g * g + 4 * diffusion))
        decay_left = decay_right + k
        # occupation at +-1: q l_R and p l_L; both branches agree at 0
        right_at_0 = 1 / g + (decay_right - 1 / g) * mp.exp(-k)
        left_at_0 = -1 / g + (decay_left + 1 / g) * mp.exp(k)
        q = left_at_0 / (left_at_0 + right_at_0)
        p = 1 - q
        rise_right = q * (decay_right - 1 / g) * mp.exp(-k)  # factor of exp(k s), 0 < s < 1
        rise_left = p * (decay_left + 1 / g) * mp.exp(k)  # factor of exp(k s), -1 < s < 0
        duration = (
            1  # outside: every block waits the mean time one
            + (q - p) / g
            + rise_right * mp.expm1(k) / k
            + rise_left * -mp.expm1(-k) / k
        )
        moment_right = ((k - 1) * mp.exp(k) + 1) / k**2
        moment_left = -(1 - (1 + k) * mp.exp(-k)) / k**2
        moment = (
            q * (1 + 1 / decay_right)
            - p * (1 + 1 / decay_left)
            + (q + p) / (2 * g)
            + rise_right * moment_right
            + rise_left * moment_left
        )
        yielded = q * (1 + 1 / decay_right) - p * (1 + 1 / decay_left)
        squared = sum(
            part * (1 + 2 / rate + 2 / rate**2)
            for part, rate in ((q, decay_right), (p, decay_left))
        )
        return {
            "diffusion": diffusion,
            "activity": 1 / duration,
            "stress": moment / duration,
            "yielded": yielded,
            "yielded_squared": squared,
        }

    def mismatch(log_diffusion: mp.mpf) -> mp.mpf:
        state = cycle(log_diffusion)
        return mp.log(state["diffusion"] / (alpha * state["activity"]))

    return cycle(mp.findroot(mismatch, mp.log(g * guess)))


def richardson(
    function: Callable[[mp.mpf], mp.mpf], first: mp.mpf, levels: int = 7
) -> list[mp.mpf]:
    """Constant and slope at h = 0 of function(h), by the polynomial through first / 2^k."""
    nodes = [first / 2**k for k in range(levels)]
    matrix = mp.matrix([[node**j for j in range(levels)] for node in nodes])
    coefficients = mp.lu_solve(matrix, mp.matrix([function(node) for node in nodes]))
    return [coefficients[0], coefficients[1]]


def asymptote(alpha: mp.mpf, guess: mp.mpf) -> dict[str, mp.mpf]:
    """sigma_Y, A, 1/u and d_tilde at a coupling, from exact states at small rates alone."""
    states: dict[mp.mpf, dict[str, mp.mpf]] = {}

    def state(root: mp.mpf) -> dict[str, mp.mpf]:
        if root not in states:
            states[root] = exact_stationary(root**2, alpha, guess)
        return states[root]

    # seven levels leave (h c)^7, c < 1e4 from u = 0.17 on: 1e-28 of A
    first = mp.mpf(10) ** -8
    stress = richardson(lambda h: state(h)["stress"], first)
    ratio = richardson(lambda h: state(h)["diffusion"] / h**2, first)
    return {"yield_stress": stress[0], "prefactor": stress[1], "d": ratio[0], "d_tilde": ratio[1]}


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
