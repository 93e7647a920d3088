"""Small-rate laws of the variants: algebra, double precision, and solvers at small rates."""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
import scipy.stats
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import hebraud as hl
from hebraud.analytic import symbolic, symbolic_variants
from hebraud.analytic.asymptote import (
    asymptote,
    asymptote_at,
    critical_asymptote,
    layer_length,
)
from hebraud.analytic.symbolic_variants import b, derive, f, u, x
from validation.figures import universality

SPREAD = [0.5, 1.0, 1.7]
WEIBULL = scipy.stats.weibull_min(2.0)
RULES = {
    "residual": lambda fraction: hl.ResidualStress(1.0 - fraction),
    "fractional": hl.FractionalDrop,
}


def number(expression, **at):
    """Value at 50 digits."""
    with mp.workdps(50):
        symbols = {"u": u, "f": f, "b": b, "x": x}
        call = sp.lambdify([symbols[name] for name in at], expression, "mpmath")
        return call(*(mp.mpf(value) for value in at.values()))


def extrapolate(model, first, power, levels=5, solver=None, leading=0):
    """Constant and slope at h = 0 of Sigma/h^leading, by the polynomial in h = g^power."""
    h = first * 2.0 ** np.arange(levels)
    stress = [hl.steady_state(model, y ** (1.0 / power), solver=solver).stress for y in h]
    return np.linalg.solve(np.vander(h, increasing=True), stress / h**leading)[:2]


# -- algebra --------------------------------------------------------------------------------------
def test_full_relaxation_is_the_classical_expansion():
    """The same three functions by two derivations that share no step."""
    classical, found = symbolic.derive(), derive()
    for value in ("0.173", "2.71", "31.4"):
        for one, other in (
            (classical.alpha, found.alpha),
            (classical.yield_stress, found.yield_stress),
            (classical.prefactor, found.prefactor_residual),
            (classical.prefactor, found.prefactor_fractional),
            (classical.alpha, found.drop_alpha),
        ):
            # powers up to u^5 cancel in the classical prefactor: 1e8 of 1e50
            assert mp.almosteq(number(one, u=value), number(other, u=value, f=1), 1e-38)


def test_partial_relaxation_is_two_changes_of_unit_or_three():
    """With y = (2 - f) u: alpha and sigma_Y are the classical ones for both rules, A is not."""
    classical, found = symbolic.derive(), derive()
    for value, fraction in (("0.4", "0.3"), ("3", "0.5"), ("12", "0.9")):
        with mp.workdps(50):
            at, kept = {"u": value, "f": fraction}, 2 - mp.mpf(fraction)
            y = kept * mp.mpf(value)
            alpha, stress, full = (
                number(e, u=y)
                for e in (classical.alpha, classical.yield_stress, classical.prefactor)
            )
            drop = stress / mp.sqrt(y)  # A of full relaxation where drops make the noise
            fraction = mp.mpf(fraction)
            expected = {
                "alpha": fraction * kept * alpha,
                "yield_stress": kept * stress,
                "prefactor_fractional": kept ** mp.mpf("1.5") * full,
                "prefactor_residual": mp.sqrt(kept) * ((full - drop) / fraction + drop),
                "drop_alpha": kept / fraction * alpha,
                "drop_prefactor_fractional": kept ** mp.mpf("1.5") * drop,
                "drop_prefactor_residual": mp.sqrt(kept)
                * (drop - (1 - fraction) / fraction * (full - drop)),
            }
            for name, one in expected.items():
                assert mp.almosteq(number(getattr(found, name), **at), one, 1e-38), name
            ratio = expected["prefactor_residual"] / expected["prefactor_fractional"]
            assert abs(ratio - 1) > 0.01


def test_limits():
    found = derive()
    # critical coupling (1 - (1 - f)^2)/2, and (2 - f)/(2 f) where drops make the noise
    assert sp.simplify(sp.limit(found.alpha, u, 0) - f * (2 - f) / 2) == 0
    assert sp.simplify(sp.limit(found.drop_alpha, u, 0) - (2 - f) / (2 * f)) == 0
    # without noise: blocks go from 1 - f to 1
    assert number(found.yield_stress, u=1e6, f=0.5) == pytest.approx(0.75, abs=2e-6)


def test_layer_length():
    """Against the decaying solution itself: -R/R' next to the threshold, at 40 digits."""
    with mp.workdps(40):
        for eta in (mp.mpf(0), mp.mpf("0.5"), mp.mpf(1), mp.mpf(3)):
            n = 1 / (2 + eta)

            def layer(y, n=n):
                return mp.sqrt(y) * mp.besselk(n, 2 * n * y ** (1 / (2 * n)))

            def residual(y, eta=eta):
                return mp.diff(layer, y, 2) - y**eta * layer(y)

            assert abs(residual(mp.mpf("0.7"))) < 1e-12
            y, h = mp.mpf(10) ** -8, mp.mpf(10) ** -12
            slope = (layer(y + h) - layer(y - h)) / (2 * h)
            # 1e-7: what R bends over y = 1e-8
            assert float(-layer(y) / slope) == pytest.approx(layer_length(float(eta)), rel=1e-7)
    assert layer_length(0.0) == pytest.approx(1.0, rel=1e-15)


# -- double precision -----------------------------------------------------------------------------
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("fraction", [1.0, 0.8, 0.2])
def test_numbers_are_those_of_the_algebra(rule, fraction):
    """To 4e-15: a score of operations without cancellation."""
    found, kept = derive(), 1.0 - fraction
    exact = 1 - mp.mpf(kept) if rule == "residual" else mp.mpf(fraction)
    for value in (1e-6, 1e-3, 0.3, 4.0, 50.0, 1e3):
        for coupling, prefix in ((hl.ActivityNoise, ""), (hl.DropNoise, "drop_")):
            law = asymptote_at(hl.Model(coupling(0.3), relaxation=RULES[rule](fraction)), value)
            at = {"u": value, "f": exact}
            expected = number(getattr(found, f"{prefix}prefactor_{rule}"), **at)
            stress = number(found.yield_stress, **at)
            assert law.yield_stress == pytest.approx(float(stress), rel=4e-15)
            alpha = number(getattr(found, f"{prefix}alpha"), **at)
            assert law.coupling == pytest.approx(float(alpha), rel=4e-15)
            # noise of drops: A is the difference of larger parts, see the docstring
            part = 1e-15 / fraction * (1.0 + value**-1.5) * bool(prefix)
            assert law.prefactor == pytest.approx(float(expected), rel=1e-14, abs=part)


@pytest.mark.parametrize("coupling", [hl.ActivityNoise, hl.DropNoise])
@pytest.mark.parametrize("thresholds", [hl.Redrawn(SPREAD), hl.Quenched(SPREAD)], ids=repr)
def test_means_over_thresholds(thresholds, coupling):
    """Against numerical derivatives, at 50 digits, of means of the derived time and stress."""
    law = asymptote_at(hl.Model(coupling(0.3), thresholds=thresholds), 2.5)
    drops = coupling is hl.DropNoise
    time, stress = (sp.lambdify([u, b, x], e, "mpmath") for e in (derive().time, derive().stress))
    with mp.workdps(50):

        def both(v, ell):
            walls = [mp.mpf(c) + ell for c in SPREAD]
            k, m = ([e(v, wall, mp.mpf(0)) for wall in walls] for e in (time, stress))
            squares = [wall**2 if drops else mp.mpf(1) for wall in walls]
            if thresholds.redraws:
                return sum(k) / sum(squares), mp.fdot(k, m) / sum(k)
            return 3 / sum(s / t for s, t in zip(squares, k, strict=True)), sum(m) / 3

        at = (mp.mpf("2.5"), mp.mpf(0))
        (a_v, a_ell), (s_v, s_ell) = (
            [mp.diff(lambda *z, i=i: both(*z)[i], at, order) for order in ((1, 0), (0, 1))]
            for i in (0, 1)
        )
        expected = [*both(*at), (s_ell - s_v * a_ell / a_v) / mp.sqrt(at[0])]
    for one, other in zip((law.coupling, law.yield_stress, law.prefactor), expected, strict=True):
        assert one == pytest.approx(float(other), rel=1e-13)


@given(
    scale=st.floats(0.1, 10.0),
    alpha=st.floats(0.01, 0.2),
    fraction=st.floats(0.3, 1.0),
    eta=st.floats(0.0, 3.0),
)
def test_scale_covariance(scale, alpha, fraction, eta):
    """Thresholds times l, alpha times l^2: stress times l at rates times l^(1 + eta (..))."""
    slots = {"relaxation": hl.FractionalDrop(fraction), "yielding": hl.PowerRate(eta)}
    one = asymptote(hl.Model(alpha, **slots))
    other = asymptote(hl.Model(scale**2 * alpha, thresholds=scale, **slots))
    # time is in tau times l^-eta, since nu = x^eta is not rescaled: g times l^(1 + eta)
    assert other.yield_stress == pytest.approx(scale * one.yield_stress, rel=1e-11)
    unit = scale ** (1.0 - (1.0 + eta) * one.exponent)
    assert other.prefactor == pytest.approx(unit * one.prefactor, rel=1e-11)
    assert asymptote_at(hl.Model(alpha, **slots), one.u).coupling == pytest.approx(alpha, rel=1e-12)


# -- solvers at small rates -----------------------------------------------------------------------
EXACT = [
    (hl.ActivityNoise(0.2), {"relaxation": hl.ResidualStress(0.5)}),
    (hl.DropNoise(0.6), {"relaxation": hl.ResidualStress(0.5)}),
    (hl.ActivityNoise(0.2), {"relaxation": hl.Landing([-0.3], [1.0], relative=False)}),
    (hl.ActivityNoise(0.3), {"thresholds": hl.Redrawn(SPREAD)}),
    (hl.DropNoise(0.3), {"thresholds": hl.Redrawn(SPREAD)}),
    (hl.ActivityNoise(0.3), {"thresholds": hl.Redrawn(scipy.stats.norm(1.0, 0.3))}),
    (hl.ActivityNoise(0.5), {"thresholds": hl.Redrawn(scipy.stats.expon())}),
    (hl.ActivityNoise(0.3), {"thresholds": hl.Redrawn(WEIBULL)}),
    (hl.ActivityNoise(0.2), {"thresholds": hl.Quenched(scipy.stats.uniform(0.5, 1.0))}),
    (
        hl.ActivityNoise(0.15),
        {"thresholds": hl.Quenched(SPREAD), "relaxation": hl.ResidualStress(0.2)},
    ),
    (hl.DropNoise(0.2), {"thresholds": hl.Quenched(WEIBULL)}),
]


@pytest.mark.parametrize(("coupling", "slots"), EXACT, ids=repr)
def test_against_exact_states(coupling, slots):
    """Five rates g = h^2 up to h = 1.6e-3 leave (1e-3)^5 of sigma_Y, and A to 1e-7."""
    model = hl.Model(coupling, **slots)
    law = asymptote(model)
    stress, prefactor = extrapolate(model, 1e-4, 0.5)
    assert law.exponent == 0.5
    # DropNoise, weak quenched blocks: powers of h beyond the first come with logarithms
    log = isinstance(coupling, hl.DropNoise) and "Quenched(scipy" in repr(slots)
    assert stress == pytest.approx(law.yield_stress, rel=1e-7 if log else 1e-11)
    assert prefactor == pytest.approx(law.prefactor, rel=1e-3 if log else 1e-7)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("coupling", [hl.ActivityNoise(0.2), hl.DropNoise(0.4)], ids=repr)
@pytest.mark.parametrize("eta", [0.0, 1.0, 2.0])
def test_against_finite_volumes(rule, coupling, eta):
    """Grid errors of 3e-7 are amplified to 2e-6 of sigma_Y and to 2e-3 of A by extrapolation."""
    model = hl.Model(coupling, relaxation=RULES[rule](0.5), yielding=hl.PowerRate(eta))
    law = asymptote(model)
    power = 1.0 / (2.0 + eta)
    assert law.exponent == power
    volumes = hl.FiniteVolume(rtol=3e-7)
    stress, prefactor = extrapolate(model, 2e-3, power, solver=volumes)
    assert stress == pytest.approx(law.yield_stress, rel=5e-6)
    scale = max(abs(law.prefactor), law.yield_stress)
    assert prefactor == pytest.approx(law.prefactor, abs=3e-3 * scale)


@pytest.mark.parametrize(
    ("slots", "levels", "rtol"),
    [
        ({"relaxation": hl.ResidualStress(0.5)}, 5, 1e-7),
        ({"thresholds": hl.Redrawn(scipy.stats.norm(1.0, 0.3))}, 5, 1e-7),
        ({"thresholds": hl.Quenched(SPREAD)}, 5, 1e-7),
        ({"relaxation": hl.FractionalDrop(0.5), "yielding": hl.PowerRate(1.0)}, 5, 1e-3),
        ({"relaxation": hl.ResidualStress(0.5), "yielding": hl.PowerRate(2.0)}, 5, 3e-3),
    ],
    ids=repr,
)
def test_at_the_critical_coupling(slots, levels, rtol):
    """Sigma/g^(1/(5 + 2 eta)), extrapolated in g^(1/(5 + 2 eta)); tolerances from the next order.

    Exact states start at g = 1e-14; finite volumes, to 1e-5, at 1e-10, where h is 0.04 and 0.08.
    """
    law = critical_asymptote(hl.Model(0.3, **slots))
    model = hl.Model(law.coupling, **slots)
    eta = model.yielding.eta
    assert law.exponent == pytest.approx(1.0 / (5.0 + 2.0 * eta), rel=1e-15)
    lowest, solver = (1e-14, None) if eta == 0.0 else (1e-10, hl.FiniteVolume(rtol=1e-5))
    first = lowest**law.exponent
    found = extrapolate(model, first, law.exponent, levels, solver, leading=1)[0]
    assert found == pytest.approx(law.prefactor, rel=rtol)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("eta", [0.0, 1.5])
def test_critical_prefactor_in_closed_form(rule, eta):
    fraction, n = 0.4, 1.0 / (2.0 + eta)
    strength = 24.0 / (fraction * (2.0 - fraction)) if rule == "residual" else 24.0
    expected = strength * layer_length(eta) * (2.0 - fraction) ** n
    expected = (2.0 - fraction) / 12.0 * expected ** (1.0 / (2.0 + n))
    model = hl.Model(0.3, relaxation=RULES[rule](fraction), yielding=hl.PowerRate(eta))
    assert critical_asymptote(model).prefactor == pytest.approx(expected, rel=1e-12)


def test_local_exponents():
    """Slopes of log(Sigma - sigma_Y) by log g, extrapolated in g^n, are n (to 2e-3)."""
    for eta in (0.0, 1.0):
        model = hl.Model(0.2, yielding=hl.PowerRate(eta))
        law = asymptote(model)
        h = 0.01 * 2.0 ** np.arange(4)
        volumes = hl.FiniteVolume(rtol=1e-6)
        stress = [hl.steady_state(model, y ** (2 + eta), volumes).stress for y in h]
        over = np.log(np.array(stress) - law.yield_stress)
        slope = np.diff(over) / ((2 + eta) * math.log(2.0))
        at_zero = np.linalg.solve(np.vander(h[:3], increasing=True), slope)[0]
        assert slope[0] != pytest.approx(law.exponent, rel=2e-3)
        assert at_zero == pytest.approx(law.exponent, rel=2e-3)


def test_noise_of_drops_with_a_residual_stress_makes_the_flow_curve_fall():
    model = hl.Model(hl.DropNoise(1.2), relaxation=hl.ResidualStress(0.5))
    assert asymptote(model).prefactor < 0.0
    curve = hl.flow_curve(model, [1e-8, 1e-6, 1e-4])
    assert np.all(np.diff(curve.stress) < 0.0)


def test_exponential_redrawn_thresholds_have_no_memory():
    """d<F(c + ell)>/d ell = <F> - F(0): with noise of drops D/g has no sqrt(g), so A = 0."""
    model = hl.Model(hl.DropNoise(0.3), thresholds=hl.Redrawn(scipy.stats.expon()))
    law = asymptote_at(model, [0.5, 5.0])
    np.testing.assert_allclose(law.prefactor, 0.0, atol=1e-7)  # the quadrature's 1e-9, times u


def test_weak_quenched_blocks_keep_the_noise_alive():
    """At rest D = (pi alpha p(0)/2)^2 (1 + O(alpha)): there is no critical coupling but 0."""
    law = scipy.stats.uniform(0.0, 2.0)
    alphas = np.array([1e-3, 2e-3, 4e-3])
    ratio = [
        hl.steady_state(hl.Model(a, thresholds=hl.Quenched(law)), 0.0).diffusion
        / (math.pi * a * 0.5 / 2) ** 2
        for a in alphas
    ]
    limit = np.linalg.solve(np.vander(alphas, increasing=True), ratio)[0]
    assert limit == pytest.approx(1.0, abs=1e-4)  # 1e-7: the third order; the rest is quadrature
    with pytest.raises(hl.NoStationaryState, match=r"no yield stress at any coupling: <c\^-2>"):
        asymptote(hl.Model(1e-3, thresholds=hl.Quenched(law)))


# -- what is not known ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "error", "match"),
    [
        (hl.Model(0.6), hl.NoStationaryState, "not below the critical one, 0.5;"),
        (hl.Model(0.3, relaxation=hl.GaussianLanding(1.0, 0.1)), NotImplementedError, "scatter"),
        (hl.Model(0.3, relaxation=hl.ResidualStress(1.0)), hl.NoStationaryState, "no yield stress"),
        (
            hl.Model(
                0.3, relaxation=hl.FractionalDrop(0.5), thresholds=hl.Redrawn([0.5, 1.0, 1.1])
            ),
            NotImplementedError,
            "over their threshold|full relaxation",
        ),
        (
            hl.Model(0.1, thresholds=hl.Quenched(scipy.stats.weibull_min(2.5))),
            NotImplementedError,
            r"<c\^-3> .* diverges, as P\(c < e\) falls as e\^2.5",
        ),
        (hl.Model(hl.FixedNoise(0.1)), ValueError, "coupling with feedback"),
    ],
    ids=str,
)
def test_refusals(model, error, match):
    with pytest.raises(error, match=match):
        asymptote(model)


def test_refusals_of_the_other_two():
    with pytest.raises(ValueError, match="u must be"):
        asymptote_at(hl.Model(0.3), [1.0, -1.0])
    with pytest.raises(NotImplementedError, match="noise does not fall"):
        critical_asymptote(hl.Model(hl.DropNoise(0.3)))


def test_symbols_are_public():
    assert set(symbolic_variants.__all__) >= {"Variants", "derive", "u", "f", "b", "x"}
    assert derive() is derive()


# -- the figure -----------------------------------------------------------------------------------
@pytest.mark.slow
def test_universality_figure(tmp_path):
    result = universality.compute()
    universality.check(result)
    with hl.plot.style():
        figure = Figure(figsize=(6.4, 5.1), layout="constrained")
        universality.draw(result, figure.subplots())
        figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000
    wrong = {**result.redrawn, "normal": result.classical}
    with pytest.raises(AssertionError):
        universality.check(replace(result, redrawn=wrong))
