"""Slots of one's own: a twin of a house slot gives the house's numbers, a false one is refused.

The twins are written as a user would: plain classes, no base class, nothing of the house but the
two tuples that a slot returns. They can neither be hashed nor compared.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import scipy.stats

import hebraud as hl
from hebraud.analytic.moments import tail_exponent
from names import without_address


class OwnActivityNoise:
    __hash__ = None

    def __init__(self, strength):
        self.terms = hl.NoiseTerms(0.0, strength, 0.0)


class OwnDropNoise:
    """In the older manner: D from the two numbers."""

    def __init__(self, strength):
        self.strength = strength

    def diffusion(self, activity, released_square):
        return self.strength * released_square


class OwnFraction:
    fixed_points = None

    def __init__(self, kept):
        self.kept = kept

    def land(self, stress, quantile):
        return self.kept * np.asarray(stress)

    def quadrature(self, n):
        return hl.LandingLines(np.array([self.kept]), np.array([0.0]), np.array([1.0]))


class OwnResidual:
    __hash__ = None

    def __init__(self, left):
        self.left = left

    def land(self, stress, quantile):
        return self.left * np.sign(stress)

    def quadrature(self, n):
        return hl.LandingLines(np.array([0.0]), np.array([self.left]), np.array([1.0]))

    @property
    def fixed_points(self):
        return self.quadrature(1)


class OwnScatter:
    """GaussianLanding(0.6, 0.2), with lines at even distances of its own."""

    fixed_points = None

    def land(self, stress, quantile):
        return 0.4 * np.asarray(stress) + 0.2 * scipy.stats.norm.ppf(quantile)

    def quadrature(self, n):
        z = np.linspace(-6.0, 6.0, n)
        weight = np.exp(-0.5 * z**2)
        weight /= weight.sum()
        z /= math.sqrt(weight @ z**2)
        return hl.LandingLines(np.full(n, 0.4), 0.2 * z, weight)


class OwnThreshold:
    redraws = False

    def __init__(self, value):
        self.value = value

    def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
        return np.array([self.value]), np.array([1.0])

    def ppf(self, quantile):
        return np.full(np.shape(quantile), self.value)


class OwnPair:
    """Two thresholds, each of half the blocks."""

    __hash__ = None

    def __init__(self, redraws):
        self.redraws = redraws

    def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
        return np.array([0.6, 1.2]), np.array([0.5, 0.5])

    def ppf(self, quantile):
        return np.where(np.asarray(quantile) < 0.5, 0.6, 1.2)


class OwnConstantRate:
    __hash__ = None

    def rate(self, overstress):
        return np.where(np.asarray(overstress) > 0.0, 1.0, 0.0)


class OwnRootRate:
    def rate(self, overstress):
        return np.maximum(overstress, 0.0) ** 0.5


BENT = {"yielding": hl.PowerRate(0.5)}
TWINS = [
    ((hl.ActivityNoise(0.2), {}), (OwnActivityNoise(0.2), {})),
    ((hl.ActivityNoise(0.8), BENT), (OwnActivityNoise(0.8), BENT)),
    ((hl.DropNoise(0.2), {}), (OwnDropNoise(0.2), {})),
    *(
        ((alpha, {slot: house}), (alpha, {slot: own}))
        for alpha, slot, house, own in [
            (0.2, "relaxation", hl.FractionalDrop(0.6), OwnFraction(0.4)),
            (0.2, "relaxation", hl.ResidualStress(0.3), OwnResidual(0.3)),
            (0.8, "relaxation", hl.ResidualStress(0.3), OwnResidual(0.3)),
            (0.2, "thresholds", 1.0, OwnThreshold(1.0)),
            (0.2, "thresholds", 0.7, OwnThreshold(0.7)),
            (0.2, "thresholds", hl.Quenched([0.6, 1.2]), OwnPair(False)),
            (0.2, "thresholds", hl.Redrawn([0.6, 1.2]), OwnPair(True)),
            (0.2, "yielding", hl.ConstantRate(), OwnConstantRate()),
            (0.8, "yielding", hl.ConstantRate(), OwnConstantRate()),
            (0.2, "yielding", hl.PowerRate(0.5), OwnRootRate()),
        ]
    ),
]
START, RUN = hl.gaussian(0.4), hl.Startup(0.5)
VERBS = {
    "steady_state": lambda m: vars_of(hl.steady_state(m, 0.2)),
    "finite volumes": lambda m: vars_of(hl.steady_state(m, 0.2, hl.FiniteVolume(rtol=1e-3))),
    "flow_curve": lambda m: hl.flow_curve(m, [0.1, -1.0], hl.FiniteVolume(rtol=1e-2)).stress,
    "evolve": lambda m: hl.evolve(m, RUN, START, 2.0, rtol=1e-2).stress,
    "creep": lambda m: hl.evolve(m, hl.Creep(0.1), START, 1.0, rtol=1e-2).strain,
    "simulate_blocks": lambda m: hl.simulate_blocks(m, RUN, START, 1.0, 200, 0.1).stress,
    "complex_modulus": lambda m: hl.complex_modulus(m, 1.0, 0.2, rtol=1e-2),
    "at rest": lambda m: hl.complex_modulus(m, 1.0, rtol=1e-2),
    "relaxation_modulus": lambda m: hl.relaxation_modulus(m, 1.0, 0.2, rtol=1e-2),
    "viscosity": lambda m: hl.viscosity(m, rtol=1e-2),
    "critical_coupling": hl.critical_coupling,
    "asymptote": lambda m: [hl.asymptote(m).yield_stress, hl.asymptote(m).prefactor],
    "critical_asymptote": lambda m: hl.critical_asymptote(m).prefactor,
    "snapshot_law": lambda m: hl.snapshot_law(m, 0.2, hl.FiniteVolume(rtol=1e-3)).weights,
    "redraw_law": lambda m: hl.redraw_law([0.6, 1.2], m, 0.2, hl.FiniteVolume(rtol=1e-3)).weights,
}


def vars_of(state):
    return [state.stress, state.activity, state.diffusion, state.error_estimate]


def said(verb, model):
    """Return the numbers, or the sentence without the names of the slots."""
    try:
        return np.asarray(verb(model))
    except (hl.HebraudError, NotImplementedError) as error:
        return type(error), re.sub(r"Model\(.*\)|Own\w+|<.*> object|\d\S*", "", str(error))[:40]


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize(("house", "own"), TWINS, ids=without_address(str))
def test_a_twin_gives_the_numbers_of_the_house(house, own, name):
    first, second = (said(VERBS[name], hl.Model(c, **slots)) for c, slots in (house, own))
    if isinstance(first, tuple):
        assert first == second
    else:
        np.testing.assert_array_equal(second, first)


def test_a_twin_rests_and_is_fitted_as_the_house():
    house, own = hl.Model(0.8), hl.Model(OwnActivityNoise(0.8), yielding=OwnConstantRate())
    assert hl.rest(own).diffusion == hl.rest(house).diffusion
    assert own.classical
    rate = np.array([0.03, 0.1, 0.3, 1.0])
    stress = 2.0 * hl.flow_curve(house, rate).stress * np.array([1.01, 0.99, 1.01, 0.99])
    values = [
        [fit.alpha.value, fit.threshold.value]
        for model in (house, own)
        for fit in [hl.fit_flow_curve(rate, stress, model=model, modulus_time=2.0)]
    ]
    assert values[0] == values[1]


@pytest.mark.slow
def test_twins_are_fitted_as_the_house():
    rate = np.array([0.03, 0.1, 0.3, 1.0])
    for house, own, slots in [
        (hl.DropNoise(0.2), OwnDropNoise(0.2), {}),
        (0.2, 0.2, {"relaxation": OwnResidual(0.3)}),
    ]:
        model = hl.Model(house, **{name: hl.ResidualStress(0.3) for name in slots})
        stress = hl.flow_curve(model, rate).stress * np.array([1.01, 0.99, 1.01, 0.99])
        fits = [
            hl.fit_flow_curve(rate, stress, model=each, modulus_time=1.0, threshold=1.0)
            for each in (model, hl.Model(own, **slots))
        ]
        assert fits[0].alpha.value == fits[1].alpha.value


def test_scattered_landings_of_ones_own():
    """Other lines and another path through the grids: equal to the tolerance asked for."""
    house = hl.Model(0.3, relaxation=hl.GaussianLanding(0.6, 0.2))
    own = hl.Model(0.3, relaxation=OwnScatter())
    assert own.scatters
    first, second = (hl.steady_state(m, 0.3, hl.FiniteVolume(rtol=1e-4)) for m in (house, own))
    assert second.stress == pytest.approx(first.stress, rel=2e-4)
    assert second.diffusion == pytest.approx(first.diffusion, rel=2e-4)
    runs = [hl.evolve(m, RUN, START, 3.0, [1.0, 2.0, 3.0], rtol=1e-3) for m in (house, own)]
    np.testing.assert_allclose(runs[1].stress, runs[0].stress, atol=3e-3 * runs[0].stress.max())
    samples = [hl.simulate_blocks(m, RUN, START, 1.0, 200, 0.1).stress for m in (house, own)]
    np.testing.assert_allclose(samples[1], samples[0], rtol=1e-12)
    assert hl.critical_coupling(own) == pytest.approx(hl.critical_coupling(house), rel=1e-6)


class OwnUniform:
    """Thresholds evenly between 0.5 and 1.5, redrawn."""

    redraws = True

    def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
        many = 200 if kinks < 1.0 else max(8, round(-4.0 * math.log10(rtol)))
        x, weight = np.polynomial.legendre.leggauss(many)
        inside = [c for c in np.ravel(breaks) if 0.5 < c < 1.5]
        edges = np.array([0.5, *sorted(inside), 1.5])
        half = 0.5 * np.diff(edges)[:, None]
        return (edges[:-1, None] + half * (1.0 + x)).ravel(), (half * weight).ravel()

    def ppf(self, quantile):
        return 0.5 + np.asarray(quantile)


def test_a_continuous_law_of_ones_own():
    house = hl.Model(0.3, thresholds=hl.Redrawn(scipy.stats.uniform(0.5, 1.0)))
    own = hl.Model(0.3, thresholds=OwnUniform())
    first, second = (hl.steady_state(m, 0.2) for m in (house, own))
    assert second.stress == pytest.approx(first.stress, rel=1e-9)
    assert hl.critical_coupling(own) == pytest.approx(hl.critical_coupling(house), rel=1e-9)
    partial = {"relaxation": hl.FractionalDrop(0.4)}
    found = [hl.critical_coupling(hl.Model(0.3, thresholds=m.thresholds, **partial))
             for m in (house, own)]  # fmt: skip
    assert found[1] == pytest.approx(
        found[0], rel=1e-4
    )  # what is promised where blocks may yield on
    inside = {"relaxation": hl.ResidualStress(0.8)}
    first, second = (hl.steady_state(hl.Model(0.2, thresholds=m.thresholds, **inside), 0.1)
                     for m in (house, own))  # fmt: skip
    assert second.stress == pytest.approx(first.stress, rel=1e-9)
    samples = [hl.simulate_blocks(m, RUN, START, 1.0, 200, 0.1).stress for m in (house, own)]
    np.testing.assert_allclose(samples[1], samples[0], rtol=1e-12)


# -- what a coupling may state --------------------------------------------------------------------
@pytest.mark.parametrize("terms", [(0.0, 0.2, 0.1), (1e-3, 0.2, 0.1), (1e-9, 0.2, 0.0)], ids=str)
@pytest.mark.parametrize("rate", [0.1, 0.0])
def test_noise_of_all_three_kinds(terms, rate):
    """The exact state, finite volumes and a run know D by the same three numbers."""
    model = hl.Model(hl.NoiseTerms(*terms))
    if rate == 0.0 and not terms[0]:
        with pytest.raises(hl.NoStationaryState):
            hl.steady_state(model, 0.0)
        return
    exact, grid = (hl.steady_state(model, rate, s) for s in (None, hl.FiniteVolume(rtol=1e-5)))
    assert grid.diffusion == pytest.approx(exact.diffusion, rel=1e-5)
    assert grid.stress == pytest.approx(exact.stress, rel=1e-5, abs=1e-12)
    constant, per_event, per_square = terms
    if rate == 0.0:
        assert exact.diffusion >= constant / (1.0 - per_event - per_square)  # drops exceed sigma_c
        return
    run = hl.evolve(model, hl.Startup(rate), exact, 5.0, rtol=1e-4)
    assert np.abs(run.stress / exact.stress - 1.0).max() < 3e-4
    assert np.abs(run.diffusion / exact.diffusion - 1.0).max() < 1e-3


def test_the_critical_coupling_of_a_mixed_noise():
    """A state of rest appears where both numbers are scaled past it."""
    slots = {"thresholds": hl.Quenched([0.6, 1.2]), "relaxation": hl.ResidualStress(0.3)}
    critical = hl.critical_coupling(hl.Model(hl.NoiseTerms(0.0, 0.3, 0.1), **slots))
    for factor, rests in [(1.001, True), (0.999, False)]:
        size = factor * critical
        model = hl.Model(hl.NoiseTerms(0.0, 0.75 * size, 0.25 * size), **slots)
        assert math.isfinite(hl.viscosity(model)) == rests
    law = hl.asymptote(hl.Model(hl.NoiseTerms(0.0, 0.75 * 0.1, 0.25 * 0.1), **slots))
    state = hl.steady_state(hl.Model(hl.NoiseTerms(0.0, 0.75 * 0.1, 0.25 * 0.1), **slots), 1e-7)
    assert state.stress == pytest.approx(law.stress(1e-7), rel=1e-6)
    with pytest.raises(ValueError, match="without constant noise"):
        hl.critical_coupling(hl.Model(hl.NoiseTerms(1e-3, 0.3, 0.1)))
    with pytest.raises(ValueError, match="without constant noise"):
        hl.asymptote(hl.Model(hl.NoiseTerms(1e-3, 0.3, 0.1)))


def test_alpha_by_its_name():
    assert hl.Model(alpha=0.3) == hl.Model(0.3)
    for arguments in ({"coupling": 0.3, "alpha": 0.3}, {}):
        with pytest.raises(
            ValueError, match=r"coupling or alpha must be given, and not both.*0\.3"
        ):
            hl.Model(**arguments)
    with pytest.raises(ValueError, match="alpha must be"):
        hl.Model(alpha=-0.3)


# -- the onset of yielding ------------------------------------------------------------------------
class Rate:
    def __init__(self, rate):
        self.rate = lambda x: rate(np.asarray(x))


@pytest.mark.parametrize(
    ("law", "coefficient", "eta"),
    [
        (lambda x: np.where(x > 0.0, 1.0 + np.maximum(x, 0.0), 0.0), 1.0, 0.0),
        (lambda x: 3.0 * np.maximum(x, 0.0) ** 0.5, 3.0, 0.5),
        (lambda x: np.maximum(x, 0.0) + np.maximum(x, 0.0) ** 2, 1.0, 1.0),
    ],
)
def test_asymptotes_of_any_onset(law, coefficient, eta):
    """The yield stress and the first correction, against states at two small rates."""
    model = hl.Model(0.3, yielding=Rate(law))
    assert model.yields.onset == pytest.approx((coefficient, eta), abs=1e-12)
    found = hl.asymptote(model)
    twin = hl.asymptote(hl.Model(0.3, yielding=hl.PowerRate(eta)))
    assert found.prefactor == pytest.approx(
        twin.prefactor * coefficient**-found.exponent, rel=1e-12
    )
    # the next term is of order g^(2n): without it the slope between two rates is A
    n, rates = found.exponent, np.array([1e-6, 1e-8])
    over = [hl.steady_state(model, g, hl.FiniteVolume(rtol=1e-7)).stress for g in rates]
    over = (np.array(over) - found.yield_stress) / rates**n
    limit = over[1] + (over[1] - over[0]) / (100.0**n - 1.0)
    assert limit == pytest.approx(found.prefactor, rel=1e-3)


# -- what is refused ------------------------------------------------------------------------------
class Noise:
    def __init__(self, diffusion):
        self.diffusion = diffusion


class Stated:
    def __init__(self, *terms):
        self.terms = terms


class Bent(hl.ActivityNoise):
    """A method that says something else than the three numbers it inherits."""

    def diffusion(self, activity, released_square):
        return self.alpha * activity**1.5


@pytest.mark.parametrize(
    ("coupling", "words"),
    [
        (Noise(lambda event, square: 0.3 * event**1.5), r"diffusion\(1e-12, 0\) = 3e-19, where"),
        (Noise(lambda event, square: 0.3 * event + 0.1 * event * square), "is not affine"),
        (Noise(lambda event, square: min(0.3 * event, 1e4)), "is not affine"),
        (Noise(lambda event, square: 0.3 * event + 1e-4 * square**0.999), "is not affine"),
        (Bent(0.3), r"its terms \(0, 0\.3, 0\) make"),
        (Noise(lambda event, square: 0.3 * event - 0.1 * square), ">= 0, got -0.1"),
        (Noise(lambda event, square: math.nan), "must be a finite number >= 0, got nan"),
        (Noise(lambda event, square: None), "must be a finite number >= 0, got None"),
        (Noise(lambda event, square: event / square), "raised ZeroDivisionError"),
        (Noise(lambda event: 0.3 * event), "raised TypeError"),
        (Noise(lambda event, square: 0.0), "three terms 0"),
        (Noise(lambda event, square: 0.3 * event * np.random.rand()), "the same each time"),  # noqa: NPY002
        (Stated(0.0, 0.0, 0.0), "three terms 0"),
        (Stated(0.0, -0.3, 0.0), "per_event in the terms of .* got -0.3"),
        (Stated(0.0, 0.3, math.nan), "per_square in the terms of .* got nan"),
        (Stated(0.0, "0.3", 0.0), "per_event in the terms of .* got '0.3'"),
        (Stated(0.0, 0.3), r"must state terms = NoiseTerms\(constant, per_event, per_square\)"),
    ],
)
def test_couplings_that_break_their_contract(coupling, words):
    with pytest.raises(ValueError, match=words) as raised:
        hl.Model(coupling)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (lambda x: np.minimum(np.exp(x / 0.1), 1.0), r"at -4.* \(activated yielding\) is not supp"),
        (lambda x: np.where(x > 0, 1.0, np.where(x < -0.5, 1e-9, 0.0)), "activated yielding"),
        (lambda x: np.where(x >= 0, 1.0, 0.0), "a block at its threshold does not yield"),
        (lambda x: np.where(x > 0.1, 1.0, 0.0), "must be > 0 over the threshold .* got 0 at 0.1"),
        (lambda x: np.where((x > 0) & (x < 2), 1.0, 0.0), "must be > 0 over the threshold"),
        (lambda x: 0.0 * x, "must be > 0 over the threshold"),
        (lambda x: -np.where(x > 0, 1.0, 0.0), "finite and >= 0 up to 1e3, got -1"),
        (lambda x: np.where(x > 5, np.nan, np.where(x > 0, 1.0, 0.0)), "up to 1e3, got nan"),
        (lambda x: np.where(x > 0, np.exp(x), 0.0), "finite and >= 0 up to 1e3, got inf"),
        (lambda x: x > 0, "an array of float64 of shape .* got bool"),
        (lambda x: 1.0, "an array of float64 of shape .* got 1.0"),
        (
            lambda x: np.maximum(x, 0.0) / max(np.abs(x).max(initial=1.0), 1.0),
            "each time, whatever",
        ),
        (lambda x: np.maximum(x, 0.0) * np.random.rand(*x.shape), "each time, whatever"),  # noqa: NPY002
        (lambda x: np.maximum(x, 0.0, out=x), "must leave its argument as it is"),
        (lambda x: 1.0 if x > 0.0 else 0.0, "raised ValueError"),
    ],
)
def test_yield_laws_that_break_their_contract(law, words):
    with pytest.raises(ValueError, match=words) as raised:
        hl.Model(0.3, yielding=Rate(law))
    assert "\n" not in str(raised.value)


class Rule:
    def __init__(self, land, lines, fixed_points=None):
        self.land, self.fixed_points = land, fixed_points
        self.quadrature = lambda n: lines


def lines(*rows):
    return hl.LandingLines(*(np.array(row, dtype=float) for row in zip(*rows, strict=True)))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(lambda s, q: 0.5 * s, lines((0.4, 0, 1))), "must agree in the mean"),
        (Rule(lambda s, q: 0.4 * s, lines((0.3, 0, 0.5), (0.5, 0, 0.5))), "<s'.2> = 0.16 and 0.17"),
        (
            Rule(lambda s, q: 0.3 + 0 * s, lines((0, 0.3, 1)), lines((0, 0.3, 1))),
            "mirror symmetric",
        ),
        (Rule(lambda s, q: q * s, lines((0.4, 0, 1))), "mirror symmetric"),
        (Rule(lambda s, q: 0.4 * s, lines((0.4, 0, 0.9))), "sum 1, got .* a sum of 0.9"),
        (Rule(lambda s, q: 0.4 * s, lines((0.4, 0, 1.5), (0.4, 0, -0.5))), "smallest of -0.5"),
        (Rule(lambda s, q: np.nan * s, lines((0.4, 0, 1))), "must be finite"),
        (Rule(lambda s, q: 0.4 * s, lines((np.inf, 0, 1))), "must be finite numbers"),
        (Rule(lambda s, q: 0.4, lines((0.4, 0, 1))), "an array of float64"),
        (Rule(lambda s, q: 0.4 * s, ([0.4], [0.0], [1.0])), r"must be LandingLines\(scale, "),
        (Rule(lambda s, q: 0.3 * np.sign(s), lines((0, 0.3, 1))), "must be the lines of its quad"),
        (
            Rule(lambda s, q: 0.3 * np.sign(s), lines((0, 0.3, 1)), lines((0, 0.2, 1))),
            "got Landing",
        ),
        (Rule(lambda s, q: 0.4 * s, lines((0.4, 0, 1)), lines((0, 0.4, 1))), "must be None"),
    ],
)
def test_landing_rules_that_break_their_contract(rule, words):
    with pytest.raises(ValueError, match=words) as raised:
        hl.Model(0.3, relaxation=rule)
    assert "\n" not in str(raised.value)


class Law:
    def __init__(self, values, weights, ppf, redraws=False):
        self.nodes = lambda rtol=1e-9, breaks=(), kinks=math.inf: (values, weights)
        self.ppf = lambda q: ppf(np.asarray(q))
        self.redraws = redraws


class Unheeding(OwnUniform):
    """Nodes that know nothing of breaks, where means have kinks."""

    def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
        return super().nodes(rtol)


class Coarse(OwnUniform):
    """Nodes that know nothing of kinks anywhere, which landings that are spread out make."""

    def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
        return super().nodes(rtol, breaks)


class Unsteady(OwnPair):
    """A few values, but others at another tolerance."""

    def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
        return np.array([0.6, 1.2 + (rtol < 1e-6)]), np.array([0.5, 0.5])


ONE, WHOLE = np.array([1.0]), np.array([1.0])


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (Law(ONE, WHOLE, lambda q: 0 * q + 1.2), "must be of one law, got means"),
        (
            Law(np.array([0.5, 2.0]), np.array([0.5, 0.5]), lambda q: 0 * q + 1),
            "must be of one law",
        ),
        (Law(ONE, WHOLE, lambda q: 1.5 - q), "must rise"),
        (Law(ONE, WHOLE, lambda q: q - 0.5), "must rise, finite and > 0"),
        (Law(ONE, WHOLE, lambda q: 1.0), "must be an array of float64"),
        (Law(ONE, np.array([0.9]), lambda q: 0 * q + 1), "a sum of 0.9"),
        (Law(np.array([1.0, 0.5]), np.array([0.5, 0.5]), lambda q: 0 * q + 1), "ascending"),
        (Law(np.array([0.0, 1.0]), np.array([0.5, 0.5]), lambda q: 0 * q + 1), "values > 0"),
        (Law([1.0], [1.0], lambda q: 0 * q + 1), "must be an array of float64"),
        (Law(ONE, WHOLE, lambda q: 0 * q + 1, redraws=None), "must be True or False, got None"),
        (Unheeding(), "must heed what they are asked for: this law is continuous"),
        (Coarse(), "its 8 nodes are the same with kinks = "),
        (Unsteady(True), "the same at every tolerance"),
    ],
)
def test_thresholds_that_break_their_contract(law, words):
    with pytest.raises(ValueError, match=words) as raised:
        hl.Model(0.3, thresholds=law)
    assert "\n" not in str(raised.value)


def test_a_law_without_nodes_is_left_to_the_solvers():
    class Wild(hl.Redrawn):
        def nodes(self, rtol=1e-9, breaks=(), kinks=math.inf):
            raise hl.ConvergenceError("too wild for a quadrature")

    model = hl.Model(0.3, thresholds=Wild(scipy.stats.norm(1.0, 0.1)))
    assert model.spread == (None, False)
    with pytest.raises(hl.ConvergenceError, match="too wild"):
        hl.steady_state(model, 0.1)


def test_a_subclass_is_not_taken_for_its_base():
    """Answers are kept by value, and a subclass may hold more than its base compares."""

    class Faster(hl.PowerRate):
        speed = 1.0

        def rate(self, overstress):
            return self.speed * super().rate(overstress)

    class Fastest(Faster):
        speed = 3.0

    assert [hl.Model(0.3, yielding=kind(0.0)).yields.constant for kind in (Faster, Fastest)] == [
        1,
        3,
    ]
    late = Faster(0.0)
    object.__setattr__(late, "speed", 2.0)
    assert hl.Model(0.3, yielding=late).yields.constant == 2.0


def test_mixed_noise_goes_into_a_file_and_back(tmp_path):
    curve = hl.flow_curve(hl.Model(hl.NoiseTerms(0.0, 0.2, 0.1)), [0.1])
    hl.save(curve, tmp_path / "curve.h5")
    assert hl.load(tmp_path / "curve.h5").model == curve.model
    own = hl.flow_curve(hl.Model(OwnActivityNoise(0.2)), [0.1])
    with pytest.raises(ValueError, match=r"model\.coupling holds .* cannot be saved"):
        hl.save(own, tmp_path / "own.h5")
    assert not (tmp_path / "own.h5").exists()


def test_a_slot_that_compares_in_its_own_way_can_be_shown():
    class Odd(OwnRootRate):
        def __eq__(self, other):
            return self.never == other.ever

    assert re.fullmatch(
        r"Model\(.*yielding=<.*Odd object.*>\)", repr(hl.Model(0.3, yielding=Odd()))
    )


class Wrapped:
    """A law of the house behind nothing but the protocol."""

    def __init__(self, law):
        self.nodes, self.ppf, self.redraws = law.nodes, law.ppf, law.redraws


@pytest.mark.parametrize(
    ("law", "heaviest"),
    [
        (scipy.stats.pareto(1.5), 1.5),
        (scipy.stats.pareto(2.0), 2.0),
        (scipy.stats.t(3, loc=1.0, scale=0.1), 3.0),
        (scipy.stats.lognorm(1.5), math.inf),
        (scipy.stats.expon(), math.inf),
        (scipy.stats.weibull_min(0.5), math.inf),
        (scipy.stats.norm(1.0, 0.3), math.inf),
        (scipy.stats.uniform(0.99, 0.02), math.inf),
        ([0.5, 1.0, 3.0], math.inf),
    ],
    ids=lambda law: getattr(getattr(law, "dist", None), "name", str(law)),
)
def test_tails_are_read_off_quantiles(law, heaviest):
    """No power law is hidden from what asks for moments, and no other law is taken for one."""
    rule = Wrapped(hl.Redrawn(law))
    assert tail_exponent(rule) == pytest.approx(heaviest, abs=1e-3)
    model, house = hl.Model(0.3, thresholds=rule), hl.Model(0.3, thresholds=hl.Redrawn(law))
    if heaviest <= 2.0:
        assert hl.critical_coupling(model) == math.inf
        with pytest.raises(hl.NoStationaryState, match="diverges"):
            hl.steady_state(model, 0.1)
    else:
        assert hl.steady_state(model, 0.1).stress == hl.steady_state(house, 0.1).stress


def test_a_quadrature_may_end_on_its_last_panel():
    rule = hl.Redrawn(scipy.stats.t(3, loc=1.0, scale=0.1))
    values, weights = rule.nodes(1e-2, np.zeros(1), 3.5e-9)
    assert weights @ values == pytest.approx(1.0, rel=1e-2)
    with pytest.raises(hl.ConvergenceError, match="panels"):
        rule.nodes(1e-2, np.zeros(1), 1e-11)
