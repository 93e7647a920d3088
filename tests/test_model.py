"""Floor 1: the slots, their checks, their symmetry, and what they say as text."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import hebraud as hl

NORM = scipy.stats.norm(1.0, 0.3)
RELAXATIONS = [
    hl.FractionalDrop(1.0),
    hl.FractionalDrop(0.2),
    hl.ResidualStress(0.4),
    hl.GaussianLanding(0.3, 0.1),
    hl.Landing([0.7, -0.2, 0.1], [0.5, 0.2, 0.3]),
    hl.Landing([0.7, -0.2, 0.1], [0.5, 0.2, 0.3], relative=False),
]
LAWS = [
    NORM,
    scipy.stats.expon(),
    scipy.stats.weibull_min(2.0),
    scipy.stats.uniform(0.5, 1.0),
    scipy.stats.gamma(3.0, scale=0.3),
]
MODELS = [
    hl.Model(0.3),
    hl.Model(hl.DropNoise(0.26), relaxation=hl.FractionalDrop(0.2), thresholds=hl.Redrawn(NORM)),
    hl.Model(0.3, thresholds=hl.Quenched([1.2, 0.8]), yielding=hl.PowerRate(0.5)),
    hl.Model(hl.FixedNoise(0.1), thresholds=0.7, relaxation=hl.GaussianLanding(0.3, 0.1)),
    *(hl.Model(0.3, relaxation=relaxation) for relaxation in RELAXATIONS),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_repr_evaluates_back(model):
    names = {name: getattr(hl, name) for name in dir(hl) if name[0].isupper()}
    again = eval(repr(model), {"scipy": scipy, **names})
    assert again == model
    assert hash(again) == hash(model)
    assert repr(again) == repr(model)


def test_models_are_frozen_and_comparable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        hl.Model(0.3).coupling = hl.ActivityNoise(0.4)  # type: ignore[misc]
    assert hl.Model(0.3) == hl.Model(hl.ActivityNoise(0.3))
    assert hl.Model(0.3) != hl.Model(0.31)
    assert hl.Redrawn(NORM) != hl.Quenched(NORM)
    assert hl.Redrawn(NORM) == hl.Redrawn(scipy.stats.norm(1.0, 0.3))
    assert hl.Redrawn(NORM) != hl.Redrawn(scipy.stats.norm(1.0, 0.4))
    assert hl.ConstantRate() == hl.PowerRate(0)
    assert hl.Model(0.3).classical
    assert not any(model.classical for model in MODELS[1:4])


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: hl.Model(0.0), "alpha"),
        (lambda: hl.Model(np.nan), "alpha"),
        (lambda: hl.Model("soft"), "alpha"),
        (lambda: hl.Model(hl.ActivityNoise), "alpha"),
        (lambda: hl.DropNoise(-1.0), "alpha"),
        (lambda: hl.FixedNoise(np.inf), "D"),
        (lambda: hl.Model(0.3, relaxation=0.2), "relaxation"),
        (lambda: hl.Model(0.3, relaxation=hl.FractionalDrop), "relaxation"),
        (lambda: hl.Model(0.3, thresholds=0.0), "thresholds"),
        (lambda: hl.Model(0.3, thresholds=hl.Redrawn), "thresholds"),
        (lambda: hl.Model(0.3, yielding="fast"), "yielding"),
        (lambda: hl.FractionalDrop(0.0), "fraction"),
        (lambda: hl.FractionalDrop(1.1), "fraction"),
        (lambda: hl.ResidualStress(-0.1), "residual"),
        (lambda: hl.GaussianLanding(0.0, 0.1), "drop"),
        (lambda: hl.GaussianLanding(0.3, 0.0), "std"),
        (lambda: hl.GaussianLanding(0.3, 0.1).quadrature(0), "n"),
        (lambda: hl.Landing([0.1], [0.5, 0.5]), "points"),
        (lambda: hl.Landing([0.1, 0.2], [0.5, 0.6]), "weights"),
        (lambda: hl.Landing([0.1, np.nan], [0.5, 0.5]), "points"),
        (lambda: hl.Landing([0.1], [1.0], relative="yes"), "relative"),
        (lambda: hl.PowerRate(-0.5), "eta"),
        (lambda: hl.Redrawn(3.0), "law"),
        (lambda: hl.Redrawn("norm"), "law"),
        (lambda: hl.Redrawn([]), "law"),
        (lambda: hl.Quenched([1.0, -1.0]), "samples"),
        (lambda: hl.Quenched([1.0, np.nan]), "samples"),
        (lambda: hl.Redrawn(scipy.stats.norm(-100.0, 1.0)), "law"),
        (lambda: hl.Redrawn(NORM).nodes(0.0), "rtol"),
        (lambda: hl.Scales(1.0, 0.0, 1.0), "threshold"),
        (lambda: hl.Scales(np.inf, 1.0, 1.0), "shear_modulus"),
        (lambda: hl.Scales(1.0, 1.0, "s"), "plastic_time"),
        (lambda: hl.Estimate(np.nan, 0.1), "value"),
        (lambda: hl.Estimate(1.0, -0.1), "stderr"),
        (lambda: hl.Estimate(1.0, 0.1, n=0), "n"),
    ],
)
def test_bad_arguments_are_named(make, names):
    with pytest.raises(ValueError, match=rf"^{names} (must|of law|and weights must)"):
        make()


def test_unknown_keywords_are_refused():
    with pytest.raises(TypeError, match="relaxatoin"):
        hl.Model(0.3, relaxatoin=hl.ResidualStress(0.1))  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        hl.Model(0.3, hl.ResidualStress(0.1))  # type: ignore[misc]


@given(
    st.sampled_from(RELAXATIONS),
    st.floats(-3, 3).filter(lambda s: abs(s) > 1e-6),
    st.floats(0.01, 0.99),
)
def test_landing_is_mirror_symmetric(relaxation, s, q):
    assert relaxation.land(-s, 1.0 - q) == pytest.approx(-relaxation.land(s, q), abs=1e-12)


@pytest.mark.parametrize("relaxation", RELAXATIONS, ids=repr)
def test_quadrature_and_quantiles_say_the_same_law(relaxation):
    """First two moments of the lines against those of many quantiles (midpoint: error ~ 1/n)."""
    s, n = 1.3, 100_001
    lines = relaxation.quadrature(16)
    image = lines.scale * s + lines.offset
    assert lines.weight.sum() == pytest.approx(1.0, abs=1e-14)
    sampled = relaxation.land(np.full(n, s), (np.arange(n) + 0.5) / n)
    for power in (1, 2):
        assert lines.weight @ image**power == pytest.approx(np.mean(sampled**power), abs=2e-5)
    mirrored = relaxation.land(np.full(n, -s), (np.arange(n) + 0.5) / n)
    assert mirrored.mean() == pytest.approx(-(lines.weight @ image), abs=2e-5)


def test_fixed_points_are_told():
    fixed = [relaxation.fixed_points is not None for relaxation in RELAXATIONS]
    assert fixed == [True, False, True, False, False, True]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.dist.name)
@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-9])
def test_threshold_nodes_reach_their_tolerance(law, rtol):
    """Means over the conditioned law, by scipy's adaptive quadrature, at rtol times 10: the panels
    that are kept are less accurate than the halves that judged them, and the tail is cut."""
    values, weights = hl.Redrawn(law).nodes(rtol)
    assert np.all(np.diff(values) > 0)
    assert np.all(weights > 0)
    assert values[0] > 0
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    above = law.sf(0.0)
    for f in (lambda c: c, lambda c: c * c, lambda c: np.exp(-c), lambda c: 1 / (0.2 + c * c)):
        exact = law.expect(f, lb=0.0, epsabs=0, epsrel=1e-12, limit=200) / above
        assert weights @ f(values) == pytest.approx(exact, rel=10 * rtol)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.dist.name)
def test_threshold_quantiles_are_conditioned(law):
    q = np.array([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6])
    c = hl.Quenched(law).ppf(q)
    assert np.all(c > 0)
    assert (law.cdf(c) - law.cdf(0.0)) / law.sf(0.0) == pytest.approx(q, abs=1e-12)


def test_samples_are_their_own_quadrature():
    law = hl.Redrawn([1.0, 2.0, 1.0, 0.5])
    values, weights = law.nodes()
    assert values.tolist() == [0.5, 1.0, 2.0]
    assert weights.tolist() == [0.25, 0.5, 0.25]
    assert law.ppf([0.1, 0.3, 0.6, 0.99]).tolist() == [0.5, 1.0, 1.0, 2.0]


def test_yield_rates():
    over = np.array([-1.0, 0.0, 0.25, 4.0])
    assert hl.ConstantRate().rate(over).tolist() == [0, 0, 1, 1]
    assert hl.PowerRate(0.5).rate(over).tolist() == [0, 0, 0.5, 2]


def test_couplings():
    assert hl.ActivityNoise(0.3).diffusion(2.0, 5.0) == pytest.approx(0.6)
    assert hl.DropNoise(0.3).diffusion(2.0, 5.0) == pytest.approx(1.5)
    assert hl.FixedNoise(0.3).diffusion(2.0, 5.0) == 0.3


def test_scales_are_consistent():
    scales = hl.Scales(shear_modulus=19.0, threshold=3.4, plastic_time=1.2)
    assert scales.stress == scales.shear_modulus * scales.strain
    assert scales.shear_rate * scales.time == pytest.approx(scales.strain, rel=1e-15)
    assert scales.diffusion * scales.time == pytest.approx(scales.stress**2, rel=1e-15)
    assert scales.viscosity * scales.shear_rate == pytest.approx(scales.stress, rel=1e-15)
    assert scales.activity * scales.time == pytest.approx(1.0, rel=1e-15)


def test_estimates_read_well():
    assert str(hl.Estimate(0.69123, 0.0123)) == "0.691 ± 0.012"
    assert str(hl.Estimate(1234.5, 67.0)) == "1234 ± 67"
    assert str(hl.Estimate(0.5, 0.0)) == "0.5"
    assert eval(repr(hl.Estimate(1.0, 0.1, 3, "x")), {"Estimate": hl.Estimate}) == hl.Estimate(
        1.0, 0.1, 3, "x"
    )
