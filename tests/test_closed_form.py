"""Closed forms to full double precision, against 50 digits and against the derivation.

Unit roundoff is 1.1e-16. Measured over 1e-8 <= u <= 1e8 the worst errors are 3e-16 (alpha),
1.8e-16 (yield stress), 4.7e-16 (prefactor), 3e-16 (u of alpha), 5.3e-16 (prefactor of alpha) and
4e-16 (alpha of yield stress); the tolerances below are the documented ones, twice that or more.
"""

import fractions
import inspect
import math
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from hebraud.analytic import closed_form, symbolic
from hebraud.errors import ConvergenceError


def of_u(name):
    """Return the function of that name as one of u alone."""

    def function(u):
        return getattr(closed_form, name)(u=u)

    function.__name__ = name
    return function


OF_U = alpha_at, yield_stress_at, prefactor_at = tuple(
    map(of_u, ("alpha", "yield_stress", "prefactor"))
)
OF_ALPHA = (
    closed_form.u_of_alpha,
    closed_form.yield_stress_of_alpha,
    closed_form.prefactor_of_alpha,
)
EVERY = (*OF_U, *OF_ALPHA, closed_form.alpha_of_yield_stress)
ACCURACY = dict.fromkeys(EVERY, 1e-15) | {closed_form.prefactor_of_alpha: 2e-15}

# 1e-8 <= u <= 1e8, with the change of formula at u = 4 finely covered
GRID = np.concatenate([np.geomspace(1e-8, 1e8, 400), np.linspace(3.9, 4.1, 41), [4.0]])
logarithms = st.floats(-8.0, 8.0)


def tall(x: float) -> mp.mpf:
    return mp.mpf(float(x))


def reference(u: mp.mpf) -> dict[str, mp.mpf]:
    """The textbook forms, times exp(-u) above and below; the worst of them lose 17 of the 100
    digits, at u = 1e-8."""
    with mp.workdps(100):
        e = mp.exp(-u)
        coth = (1 + e) / (1 - e)
        top = u * (1 + e * e) + 2 * (1 - e * e) + 6 * u * e - 6 * u * u * coth * e
        bottom = 2 * u ** mp.mpf("1.5") * (1 - e * e - 2 * u * e)
        return {
            "alpha": (1 - e) / (1 + e) / u,
            "yield_stress": coth / 2 - 1 / u,
            "prefactor": top / bottom,
            "u": u,
        }


def exact_u_of_alpha(alpha: float) -> mp.mpf:
    """Root of 1/alpha = u coth(u/2), by mpmath, polished from the double."""
    with mp.workdps(100):
        a, guess = tall(alpha), tall(closed_form.u_of_alpha(alpha))
        return mp.findroot(lambda u: u * mp.coth(u / 2) / 2 - 1 / (2 * a), (guess, 1.001 * guess))


def exact_u_of_yield_stress(sigma: float) -> mp.mpf:
    with mp.workdps(100):
        y = tall(sigma)
        guess = tall(closed_form.u_of_alpha(closed_form.alpha_of_yield_stress(sigma)))
        # alpha is flat in u near 1/2: there the stress itself gives the better guess
        guess = 12 * y if y < mp.mpf("1e-3") else guess

        def mismatch(u: mp.mpf) -> mp.mpf:
            return 1 / (mp.mpf(1) / 2 - mp.coth(u / 2) / 2 + 1 / u) - 1 / (mp.mpf(1) / 2 - y)

        return mp.findroot(mismatch, (guess, 1.001 * guess))


def relative_error(got: float, exact: mp.mpf) -> float:
    with mp.workdps(50):
        return float(abs(tall(got) / exact - 1))


def near_both_ends() -> np.ndarray:
    """Values in (0, 1/2), close to either end and through the middle."""
    steps = np.geomspace(6e-17, 0.24, 120)
    values = np.concatenate(
        [np.geomspace(1e-8, 0.26, 120), 0.5 - steps, np.linspace(0.25, 0.499, 60)]
    )
    return values[values < 0.5]


@pytest.mark.parametrize("function", OF_U)
def test_full_precision_on_a_grid(function):
    for u, got in zip(GRID, function(GRID), strict=True):
        assert relative_error(got, reference(tall(u))[function.__name__]) < ACCURACY[function], u


@given(logarithms)
@settings(max_examples=300, deadline=None)
def test_full_precision_at_random(logarithm):
    u = 10.0**logarithm
    exact = reference(tall(u))
    for function in OF_U:
        assert relative_error(function(u), exact[function.__name__]) < ACCURACY[function]


@pytest.mark.parametrize("name", ["alpha", "yield_stress", "prefactor"])
def test_same_as_the_derivation(name):
    expression = getattr(symbolic.derive(), name)
    derived = sp.lambdify(symbolic.u, expression, "mpmath")
    for u in np.geomspace(1e-8, 50.0, 60):  # 1 - tanh(u/2)^2 takes u / 2.3 digits
        with mp.workdps(150):
            exact = derived(tall(u))
        got = getattr(closed_form, name)(u=u)
        assert relative_error(got, exact) < 1e-15, u


@pytest.mark.parametrize("function", OF_ALPHA)
def test_inverse_to_full_precision(function):
    """Also next to 1/2, where 1/2 - alpha is exact: no loss from the conditioning there."""
    name = function.__name__.removesuffix("_of_alpha")
    values = near_both_ends()
    for alpha, got in zip(values, function(values), strict=True):
        exact = reference(exact_u_of_alpha(alpha))[name]
        assert relative_error(got, exact) < ACCURACY[function], alpha


@given(st.floats(-8.0, math.log10(0.4999)))
@settings(max_examples=100, deadline=None)
def test_inverse_at_random(logarithm):
    alpha = 10.0**logarithm
    exact = reference(exact_u_of_alpha(alpha))
    assert relative_error(closed_form.u_of_alpha(alpha), exact["u"]) < 1e-15
    assert relative_error(closed_form.yield_stress_of_alpha(alpha), exact["yield_stress"]) < 1e-15


def test_alpha_of_yield_stress_to_full_precision():
    values = near_both_ends()
    for sigma, got in zip(values, closed_form.alpha_of_yield_stress(values), strict=True):
        exact = reference(exact_u_of_yield_stress(sigma))["alpha"]
        assert relative_error(got, exact) < ACCURACY[closed_form.alpha_of_yield_stress], sigma


@given(logarithms)
@settings(max_examples=200, deadline=None)
def test_round_trips(logarithm):
    u = 10.0**logarithm
    alpha, sigma = closed_form.alpha(u=u), closed_form.yield_stress(u=u)
    # Rounding alpha moves u by (1/2 ulp of alpha) / |d alpha / du|: 24/u^2 times as much near 1/2.
    if alpha < 0.5 and u > 1e-7:
        conditioning = max(1.0, 12 / u**2)
        assert closed_form.u_of_alpha(alpha) == pytest.approx(u, rel=2e-15 * conditioning)
    # Rounding sigma_Y moves alpha by ulp / (1/2 - sigma_Y) ~ ulp u
    if sigma < 0.5:
        found = closed_form.alpha_of_yield_stress(sigma)
        assert found == pytest.approx(alpha, rel=2e-15 * max(1.0, u))


@pytest.mark.parametrize(
    ("function", "sign"),
    [
        (alpha_at, -1),
        (yield_stress_at, 1),
        (prefactor_at, -1),
        (closed_form.u_of_alpha, -1),
        (closed_form.yield_stress_of_alpha, -1),
        (closed_form.prefactor_of_alpha, 1),
        (closed_form.alpha_of_yield_stress, -1),
    ],
)
def test_monotone(function, sign):
    if function in OF_U:
        x = np.geomspace(1e-8, 1e8, 20_001)
    else:
        x = np.concatenate([np.geomspace(1e-8, 0.4, 10_000), np.linspace(0.4, 0.5, 10_001)[1:-1]])
    steps = sign * np.diff(function(x))
    # 20000 points lie 1e-3 apart: flat only where alpha = 1/2 or sigma_Y = 1/2 to the last digits
    assert np.all(steps >= 0)
    if function not in (alpha_at, yield_stress_at):
        assert np.all(steps[x[1:] > 1e-6] > 0)


def test_limits():
    small, large = 1e-3, 1e5
    # next terms: u^4/240, u^3/720, A: O(u^2) relative; at large u exp(-u), all else is exact
    assert closed_form.alpha(u=small) == pytest.approx(0.5 - small**2 / 24, rel=1e-14)
    assert closed_form.yield_stress(u=small) == pytest.approx(small / 12, rel=small**2)
    assert closed_form.prefactor(u=small) == pytest.approx(small**-1.5, rel=small**2)
    assert closed_form.alpha(u=large) == pytest.approx(1 / large, rel=1e-15)
    assert closed_form.yield_stress(u=large) == pytest.approx(0.5 - 1 / large, rel=1e-15)
    expected = (0.5 + 1 / large) / math.sqrt(large)
    assert closed_form.prefactor(u=large) == pytest.approx(expected, rel=1e-15)
    assert closed_form.u_of_alpha(0.5 - 2.0**-50) == pytest.approx(math.sqrt(24 * 2.0**-50))
    assert closed_form.prefactor_of_alpha(1e-8) == pytest.approx(math.sqrt(1e-8) / 2, rel=3e-8)


def test_far_outside_the_promised_range():
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert closed_form.alpha(u=[5e-324, 1e-300]).tolist() == [0.5, 0.5]
        assert closed_form.alpha(u=1e300) == pytest.approx(1e-300, rel=1e-15)
        assert closed_form.yield_stress(u=1e-300) == pytest.approx(1e-300 / 12, rel=1e-15)
        assert closed_form.yield_stress(u=1e300) == 0.5
        assert closed_form.prefactor(u=1e300) == pytest.approx(0.5e-150, rel=1e-15)
        assert closed_form.prefactor(u=1e-199) == pytest.approx(1e-199**-1.5, rel=1e-13)
        assert closed_form.u_of_alpha(1e-299) == pytest.approx(1e299, rel=1e-15)
        last = np.nextafter(0.5, 0)
        assert closed_form.alpha_of_yield_stress(last) == pytest.approx(0.5 - last, rel=1e-15)


@pytest.mark.parametrize("function", EVERY)
def test_shapes(function):
    scalar = function(0.3)
    assert isinstance(scalar, float)
    assert function(np.array(0.3)) == scalar
    assert np.shape(function(np.float32(0.25))) == ()
    assert function(fractions.Fraction(1, 4)) == function(0.25)
    assert function([fractions.Fraction(1, 4)]).tolist() == [function(0.25)]
    assert function([0.3, 0.3]).tolist() == [scalar, scalar]
    assert function([]).shape == (0,)
    assert function(np.zeros((2, 0))).shape == (2, 0)
    matrix = np.array([[0.1, 0.2, 0.3], [0.4, 0.45, 0.3]])
    result = function(matrix)
    assert result.shape == (2, 3)
    assert result.dtype == np.float64
    assert result[0, 2] == result[1, 2] == scalar
    assert matrix[0, 0] == 0.1  # the argument is not written to


def test_whole_numbers_are_welcome():
    assert closed_form.alpha(u=4) == closed_form.alpha(u=4.0)
    assert closed_form.prefactor(u=[1, 2]).tolist() == closed_form.prefactor(u=[1.0, 2.0]).tolist()
    assert closed_form.alpha(u=10**30) == pytest.approx(1e-30, rel=1e-15)  # beyond 64 bits


@pytest.mark.parametrize("function", EVERY)
@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, -math.inf, True, "0.3", 0.3j, None])
def test_refused_everywhere(function, bad):
    name = {closed_form.alpha_of_yield_stress: "yield_stress"}.get(function, "alpha")
    name = "u" if function in OF_U else name
    says = f"^{name} must be a finite number"
    if bad is None and function in (yield_stress_at, prefactor_at):
        says = "exactly one of alpha and u must be given"
    with pytest.raises(ValueError, match=says):
        function(bad)
    with pytest.raises(ValueError, match=f"^{name} must be a finite number"):
        function([bad])


def test_messages_say_which_value_and_what_to_do():
    with pytest.raises(ValueError, match=r"alpha must .* got alpha\[1\] = 0\.5; .*no yield"):
        closed_form.u_of_alpha([0.1, 0.5, 0.7])
    with pytest.raises(ValueError, match=r"alpha must be .* < 0\.5, got 0\.7; .*no yield stress"):
        closed_form.prefactor_of_alpha(0.7)
    with pytest.raises(ValueError, match=r"u must be .* > 0, got u\[0, 1\] = -2\.0; .*positive"):
        closed_form.alpha(u=[[1.0, -2.0], [-3.0, 1.0]])
    with pytest.raises(ValueError, match=r"yield_stress must be .* < 0\.5, got 0\.5; .*sigma_c"):
        closed_form.alpha_of_yield_stress(0.5)
    with pytest.raises(ValueError, match="1e-200"):
        closed_form.prefactor(u=1e-250)


def test_inversion_that_does_not_converge_is_an_error(monkeypatch):
    monkeypatch.setattr(closed_form, "_ITERATIONS", 1)
    with pytest.raises(ConvergenceError, match="alpha did not converge in 1 iterations"):
        closed_form.u_of_alpha(0.3)


def test_inversions_converge_everywhere_in_few_iterations(monkeypatch):
    monkeypatch.setattr(closed_form, "_ITERATIONS", 6)
    rng = np.random.default_rng(7)
    values = np.concatenate(
        [
            rng.uniform(0, 0.5, 100_000),
            10 ** rng.uniform(-299, -0.31, 100_000),
            0.5 - 10 ** rng.uniform(-16.2, -0.4, 100_000),
        ]
    )
    values = values[(values > 0) & (values < 0.5)]
    assert np.all(np.isfinite(closed_form.u_of_alpha(values)))
    assert np.all(np.isfinite(closed_form.alpha_of_yield_stress(values)))


def test_import_is_light():
    heavy = "{'sympy', 'numba', 'matplotlib', 'scipy.optimize'}"
    code = f"import sys, hebraud.analytic.closed_form; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_u_is_and_what_alpha_is_must_be_said():
    """Both are numbers between 0 and 1/2 where a user means alpha."""
    for name in ("yield_stress", "prefactor"):
        function = getattr(closed_form, name)
        assert function(alpha=0.3) == getattr(closed_form, f"{name}_of_alpha")(0.3)
        assert function(alpha=0.3) == pytest.approx(function(u=closed_form.u_of_alpha(0.3)), 1e-14)
        with pytest.raises(TypeError, match=rf"{name}\(alpha=0\.3\) or {name}\(u=0\.3\)"):
            function(0.3)
        for both in ({}, {"alpha": 0.3, "u": 2.0}):
            with pytest.raises(ValueError, match="exactly one of alpha and u must be given"):
                function(**both)
        assert function(alpha=[0.2, 0.3]).shape == (2,)
    with pytest.raises(TypeError, match=r"alpha\(u=0\.3\)$"):
        closed_form.alpha(0.3)
    assert str(inspect.signature(closed_form.yield_stress)).startswith("(*, alpha:")
