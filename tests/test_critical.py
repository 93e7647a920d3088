"""Critical couplings: known formulas, and the onset of rest with D > 0 in the exact solver."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import hebraud as hl
from hebraud.analytic.chain import Chain
from names import without_address

UNIFORM = scipy.stats.uniform(0.5, 1.0)  # on (0.5, 1.5)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (hl.Model(0.3), 0.5),
        (hl.Model(0.3, thresholds=2.0), 2.0),
        (hl.Model(0.3, relaxation=hl.ResidualStress(0.5)), 0.375),
        (hl.Model(0.3, relaxation=hl.FractionalDrop(0.2)), (1 - 0.64) / 2),
        (hl.Model(0.3, relaxation=hl.Landing([0.5, -0.5], [0.5, 0.5])), 0.375),
        (hl.Model(hl.DropNoise(0.3)), 0.5),
        (hl.Model(hl.DropNoise(0.3), relaxation=hl.FractionalDrop(0.2)), 1.8 / 0.4),
        (hl.Model(0.3, thresholds=hl.Redrawn(scipy.stats.expon())), 1.0),  # <c^2>/2
        (hl.Model(0.3, thresholds=hl.Redrawn(UNIFORM)), (1 + 1 / 12) / 2),
        (hl.Model(0.3, thresholds=hl.Quenched(UNIFORM)), 0.375),  # <c^-2> = 4/3
        (hl.Model(0.3, thresholds=hl.Quenched([0.5, 2.0])), 1 / (4 + 0.25)),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.expon())), 0.0),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.norm(1.0, 0.3))), 0.0),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.weibull_min(2.0))), 0.0),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.weibull_min(1.5))), 0.0),
    ],
    ids=str,
)
def test_known_values(model, expected):
    # 1e-7: the quadrature of a threshold law
    assert hl.critical_coupling(model) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    "slots",
    [
        {},
        {"relaxation": hl.ResidualStress(0.5)},
        {"thresholds": hl.Redrawn([0.4, 1.0, 1.7]), "relaxation": hl.ResidualStress(0.6)},
        {"thresholds": hl.Quenched([0.4, 1.0, 1.7]), "relaxation": hl.ResidualStress(0.1)},
    ],
    ids=repr,
)
def test_rest_begins_at_the_critical_coupling(slots):
    """D at rest rises as the square of the distance: 1e-3 above there is one, 1e-3 below none."""
    critical = hl.critical_coupling(hl.Model(1.0, **slots))
    above = hl.steady_state(hl.Model(1.001 * critical, **slots), 0.0)
    assert 0 < above.diffusion < 1e-4
    with pytest.raises(hl.NoStationaryState):
        hl.steady_state(hl.Model(0.999 * critical, **slots), 0.0)


def test_value_of_the_coupling_does_not_matter():
    for coupling in (hl.ActivityNoise, hl.DropNoise):
        values = {
            hl.critical_coupling(hl.Model(coupling(a), relaxation=hl.FractionalDrop(0.5)))
            for a in (0.25, 0.5, 4.0)
        }
        assert len(values) == 1


def test_what_is_not_known_is_said():
    with pytest.raises(ValueError, match="needs a coupling with feedback"):
        hl.critical_coupling(hl.Model(hl.FixedNoise(0.1)))
    rising = hl.Landing([1.1, 0.1], [0.5, 0.5])
    with pytest.raises(NotImplementedError, match="without bound"):
        hl.critical_coupling(hl.Model(0.3, relaxation=rising))
    wide = hl.GaussianLanding(0.7, 0.6)
    with pytest.raises(NotImplementedError, match=r"five times the lowest threshold, 0\.1"):
        hl.critical_coupling(hl.Model(0.3, relaxation=wide, thresholds=hl.Quenched([0.1, 1.0])))


# -- blocks that land over their threshold ---------------------------------------------------------
def mean_square_of_yields(law, fraction):
    """<s^2> of s -> max(c', (1 - f) s): P(s < t) is the product of P(c < t/(1 - f)^k), k >= 0."""

    def below(t):
        product = 1.0
        for k in range(1000):
            factor = (law.cdf(t * (1 - fraction) ** -k) - law.cdf(0.0)) / law.sf(0.0)
            product *= factor
            if factor > 1.0 - 1e-14 or product < 1e-30:
                break
        return product

    return scipy.integrate.quad(lambda t: 2 * t * (1 - below(t)), 0.0, law.isf(1e-15), limit=300)[0]


@pytest.mark.parametrize(
    ("law", "fraction"),
    [
        (scipy.stats.norm(1.0, 0.3), 0.2),
        (scipy.stats.uniform(0.1, 2.0), 0.5),
        (scipy.stats.expon(), 0.5),
    ],
    ids=without_address(str),
)
def test_redrawn_thresholds_with_partial_relaxation(law, fraction):
    """Against a product of distribution functions; 1e-5 is the chain's grid (the tail of expon)."""
    slots = {"relaxation": hl.FractionalDrop(fraction), "thresholds": hl.Redrawn(law)}
    kept = (1 - fraction) ** 2
    expected = 0.5 * (1 - kept) * mean_square_of_yields(law, fraction)
    assert hl.critical_coupling(hl.Model(0.3, **slots)) == pytest.approx(expected, rel=1e-5)
    # <s^2 - y^2> = (1 - (1 - f)^2) <s^2> and <(s - y)^2> = f^2 <s^2>: no law matters
    drops = hl.critical_coupling(hl.Model(hl.DropNoise(0.3), **slots))
    assert drops == pytest.approx((2 - fraction) / (2 * fraction), rel=1e-12)


@pytest.mark.parametrize(
    ("law", "fraction"),
    [
        (scipy.stats.pareto(2.2), 0.2),
        (scipy.stats.pareto(3.5), 0.2),
        (scipy.stats.lognorm(2.5), 0.6),
    ],
    ids=lambda x: f"{x.dist.name}{x.args}" if hasattr(x, "dist") else str(x),
)
def test_heavy_tails_with_partial_relaxation(law, fraction):
    """Sums over ln t of that product; cut at a quantile of 1 - 1e-13 <c^2> was short by 7 %."""
    kept = 1 - fraction
    x = np.linspace(-18.0, 140.0, 40_001)  # to where 1e-12 of a mean square is beyond
    t = law.median() * np.exp(x)
    log_below = np.zeros_like(t)
    for k in range(1000):
        above = law.sf(t / kept**k)
        with np.errstate(divide="ignore"):
            log_below += np.log1p(-above)
        if above.max() < 1e-19:
            break
    square = scipy.integrate.trapezoid(-2 * t**2 * np.expm1(log_below), x)
    slots = {"relaxation": hl.FractionalDrop(fraction), "thresholds": hl.Redrawn(law)}
    expected = 0.5 * (1 - kept**2) * square
    assert hl.critical_coupling(hl.Model(0.3, **slots)) == pytest.approx(expected, rel=1e-5)
    drops = hl.critical_coupling(hl.Model(hl.DropNoise(0.3), **slots))
    assert drops == pytest.approx((2 - fraction) / (2 * fraction), rel=1e-12)


def test_landings_that_scatter():
    """Against an integral equation on 40 Gauss points: yields per rest, and time per rest."""
    drop, std = 0.7, 0.5
    keep, top = 1 - drop, 1 + 12 * std
    x, w = np.polynomial.legendre.leggauss(40)
    s, w = 0.5 * (top + 1) + 0.5 * (top - 1) * x, 0.5 * (top - 1) * w

    def density(y, s):
        law = scipy.stats.norm(keep * s, std)
        return law.pdf(y) + law.pdf(-y)

    y, v = 0.5 + 0.5 * x, 0.5 * np.polynomial.legendre.leggauss(40)[1]  # landings that rest
    at = np.append(1.0, s)  # the first is a yield from the threshold itself
    again = np.hstack([np.zeros((41, 1)), w * density(s, at[:, None])])
    rest = (v * (1 - y**2) * density(y, at[:, None])).sum(1)
    released = drop**2 * at**2 + std**2
    sums = [np.linalg.solve(np.eye(41) - again, b)[0] for b in (np.ones(41), released, rest)]
    slots = {"relaxation": hl.GaussianLanding(drop, std)}
    # 1e-5: 801 lines and a grid of 600 points
    found = hl.critical_coupling(hl.Model(0.3, **slots))
    assert found == pytest.approx(0.5 * sums[2] / sums[0], rel=1e-5)
    found = hl.critical_coupling(hl.Model(hl.DropNoise(0.3), **slots))
    assert found == pytest.approx(0.5 * sums[2] / sums[1], rel=1e-5)


@pytest.mark.parametrize(
    "slots",
    [
        {"thresholds": hl.Redrawn([0.5, 1.0]), "relaxation": hl.FractionalDrop(0.2)},
        {"thresholds": hl.Redrawn([0.5, 1.0]), "relaxation": hl.Landing([0.9, -0.1], [0.5, 0.5])},
        {"thresholds": hl.Redrawn([0.5, 1.5]), "relaxation": hl.GaussianLanding(0.7, 0.5)},
    ],
    ids=repr,
)
def test_against_finite_volumes_at_vanishing_noise(slots):
    """D/Gamma at rest, extrapolated in sqrt(D): 5e-4 is the third power left, and the lines."""
    noise = np.array([1e-6, 4e-6, 1.6e-5])
    states = [
        hl.steady_state(hl.Model(hl.FixedNoise(D), **slots), 0.0, hl.FiniteVolume(rtol=1e-5))
        for D in noise
    ]
    ratio = [state.diffusion / state.activity for state in states]
    limit = np.linalg.solve(np.vander(np.sqrt(noise), increasing=True), ratio)[0]
    assert hl.critical_coupling(hl.Model(0.3, **slots)) == pytest.approx(limit, rel=5e-4)


@pytest.mark.parametrize(
    ("residual", "thresholds"),
    [
        (0.6, hl.Redrawn([0.4, 1.0, 1.7])),
        (0.6, hl.Quenched([0.4, 1.0, 1.7])),  # the first class lands over its threshold for ever
        (1.3, 1.0),  # and here all do
    ],
    ids=repr,
)
def test_noise_of_drops_that_vanish_with_it(residual, thresholds):
    """Against D/(released square) of the exact chain at D -> 0: 1e-5 is sqrt(D), or round-off."""
    slots = {"relaxation": hl.ResidualStress(residual), "thresholds": thresholds}
    model = hl.Model(hl.DropNoise(0.3), **slots)
    ratio = 1e-11 / float(Chain.of(model).means(1e-11, 0.0).released_square)
    assert hl.critical_coupling(model) == pytest.approx(ratio, rel=2e-5)


def test_weak_quenched_blocks_do_not_matter_where_drops_count():
    """Their drops vanish with their thresholds: no <c^-2>, and a finite critical coupling."""
    for fraction in (1.0, 0.2):
        slots = {"relaxation": hl.FractionalDrop(fraction)}
        slots["thresholds"] = hl.Quenched(scipy.stats.expon())
        assert hl.critical_coupling(hl.Model(0.3, **slots)) == 0.0
        found = hl.critical_coupling(hl.Model(hl.DropNoise(0.3), **slots))
        assert found == pytest.approx((2 - fraction) / (2 * fraction), rel=1e-9)
    scattered = {"relaxation": hl.GaussianLanding(1.0, 0.1), "thresholds": slots["thresholds"]}
    assert hl.critical_coupling(hl.Model(hl.DropNoise(0.3), **scattered)) == 0.0


def test_landing_over_the_threshold_for_ever():
    for residual, drops in ((1.0, np.inf), (1.3, 0.5)):
        slots = {"relaxation": hl.ResidualStress(residual)}
        assert hl.critical_coupling(hl.Model(0.3, **slots)) == 0.0
        assert hl.critical_coupling(hl.Model(hl.DropNoise(0.3), **slots)) == drops
