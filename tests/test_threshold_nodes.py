"""Thresholds that stand for a continuous law where every pair of them makes a kink.

States against references made of other, denser nodes; nodes against scipy's quadrature of kinks.

Birth of the references: D of `FiniteVolume(rtol=3e-7)` with the law given as samples with weights,
104 ... 200 Gauss points in panels cut evenly, or evenly by the cube root or the square root of the
density; they agree to 3e-7 among each other (2026-11-22). Reproduced for one case in
`test_reference_is_that_of_other_nodes`.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.solvers.steady.threshold_nodes import nodes_for_runs

CASES = {
    "norm": (scipy.stats.norm(1.0, 0.3), 0.2, 0.3, 0.01, 0.0320934481),
    "weibull": (scipy.stats.weibull_min(2.0), 0.2, 0.2, 1e-3, 0.00124172275),
    "exponential": (scipy.stats.expon(), 0.5, 0.3, 0.01, 0.00496197112),
}
KNOWN = 5e-7
"""Relative accuracy of the references."""


def model_of(case: str) -> tuple[hl.Model, float, float]:
    law, drop, alpha, rate, diffusion = CASES[case]
    model = hl.Model(alpha, relaxation=hl.FractionalDrop(drop), thresholds=hl.Redrawn(law))
    return model, rate, diffusion


@pytest.mark.parametrize("rtol", [1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("case", CASES)
def test_estimate_holds_the_error_of_the_thresholds(case, rtol):
    model, rate, diffusion = model_of(case)
    state = hl.steady_state(model, rate, hl.FiniteVolume(rtol=rtol))
    assert state.error_estimate <= rtol
    assert state.diffusion == pytest.approx(diffusion, rel=state.error_estimate + KNOWN)


@pytest.mark.parametrize("case", ["norm", "weibull"])
def test_default_tolerance_is_met(case):
    model, rate, diffusion = model_of(case)
    state = hl.steady_state(model, rate)
    assert state.diffusion == pytest.approx(diffusion, rel=1e-6 + KNOWN)


def test_reference_is_that_of_other_nodes():
    """Even panels, where the house's have equal shares times squared widths."""
    law, _, _, rate, diffusion = CASES["norm"]
    x, w = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(1e-6, 2.7, 14)
    c = (0.5 * (edges[1:] + edges[:-1])[:, None] + 0.5 * np.diff(edges)[:, None] * x).ravel()
    weights = np.tile(w, 13) * law.pdf(c)
    even = hl.Redrawn(hl.ThresholdLaw(c, weights / weights.sum()))
    model = hl.Model(0.3, relaxation=hl.FractionalDrop(0.2), thresholds=even)
    state = hl.steady_state(model, rate, hl.FiniteVolume(rtol=3e-7))
    assert state.diffusion == pytest.approx(diffusion, rel=3e-7 + KNOWN)


@pytest.mark.slow
def test_a_run_comes_to_the_state():
    """Ten times the tolerance, as its slope at the root is a tenth; the 16 nodes of old: 1.2e-3."""
    model, rate, _ = model_of("weibull")
    run = hl.evolve(model, hl.Startup(rate), hl.gaussian(0.3), until=8.0 / rate, rtol=3e-5)
    state = hl.steady_state(model, rate, hl.FiniteVolume(rtol=1e-5))
    assert run.stress[-1] == pytest.approx(state.stress, rel=6e-4)


def test_linear_response_has_nodes_for_its_tolerance():
    """G' at high frequency minus one is a mean over P: two tolerances agree to the looser."""
    model = model_of("norm")[0]
    loose, tight = (hl.complex_modulus(model, [0.1, 10.0], 0.01, rtol=r) for r in (1e-3, 1e-5))
    size = np.minimum(np.abs(tight), np.abs(1.0 - tight))
    assert np.all(np.abs(loose - tight) <= 1.1e-3 * size)


# -- the nodes themselves --------------------------------------------------------------------------
LAWS = [
    scipy.stats.norm(1.0, 0.3),
    scipy.stats.expon(),
    scipy.stats.weibull_min(2.0),
    scipy.stats.gamma(1.5),
    scipy.stats.uniform(0.2, 1.5),
]


@settings(max_examples=40, deadline=None)
@given(
    law=st.sampled_from(LAWS),
    kind=st.sampled_from([hl.Redrawn, hl.Quenched]),
    quantile=st.floats(0.02, 0.98),
    log_kinks=st.floats(-3.0, 0.0),
)
def test_a_kink_anywhere_costs_what_was_asked_for(law, kind, quantile, log_kinks):
    """|c - x| in units of the median: eight Gauss points a panel leave a tenth of share x width."""
    kinks = 10.0**log_kinks
    values, weights = kind(law).nodes(1e-6, kinks=kinks)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    median, above = float(kind(law).ppf(0.5)), law.sf(0.0)
    x = float(kind(law).ppf(quantile))
    high = float(law.isf(1e-14))
    exact = sum(
        scipy.integrate.quad(lambda c: abs(c - x) * law.pdf(c), a, b, epsabs=1e-12, limit=200)[0]
        for a, b in ((max(law.support()[0], 0.0), x), (x, high))
    )
    error = abs(np.abs(values - x) @ weights - exact / above) / median
    # a panel of share m and width h errs by at most m h/30 of a kink, and m h^2 <= kinks
    assert error <= 0.05 * kinks ** (2.0 / 3.0) * max(1.0, law.pdf(x) * median) + 1e-5


@pytest.mark.parametrize("law", LAWS[:4], ids=lambda law: law.dist.name)
def test_nodes_grow_as_the_cube_root(law):
    """Halving every panel where kinks fall by eight: not more than that, nor much less."""
    numbers = [hl.Redrawn(law).nodes(1e-6, kinks=k)[0].size for k in (8e-3, 1e-3, 1.25e-4)]
    assert 1.5 <= numbers[1] / numbers[0] <= 2.2
    assert 1.5 <= numbers[2] / numbers[1] <= 2.2


def test_samples_stay_what_they_are():
    law = hl.Redrawn([0.5, 1.0, 1.5])
    assert law.nodes(kinks=1e-9)[0].tolist() == [0.5, 1.0, 1.5]
    assert hl.Model(0.3).thresholds.nodes(kinks=1e-9)[0].tolist() == [1.0]


# -- in runs ---------------------------------------------------------------------------------------
def even_panels(law, edges, points: int) -> hl.ThresholdLaw:
    """Gauss points in given panels: nodes that the house does not choose."""
    x, w = np.polynomial.legendre.leggauss(points)
    half = 0.5 * np.diff(edges)[:, None]
    c = (0.5 * np.add(edges[1:], edges[:-1])[:, None] + half * x).ravel()
    weights = (half * w).ravel() * law.pdf(c)
    return hl.ThresholdLaw(c, weights / weights.sum())


RUNS = {
    # the panel that holds the landing had no break there: D 30 times rtol off, the stress 4 times
    "landing redrawn": (hl.Redrawn, hl.ResidualStress(0.8), 0.2, 0.3, 0.3, 10.0, 2e-5),
    "landing quenched": (hl.Quenched, hl.ResidualStress(0.8), 0.2, 0.3, 0.3, 10.0, 2e-5),
    "two landings": (hl.Quenched, hl.Landing([0.7, 1.1], [0.5, 0.5], relative=False),
                     0.2, 0.3, 0.3, 6.0, 2e-5),
    # a narrow P comes to the thresholds one by one: sixteen nodes were too few
    "pulse redrawn": (hl.Redrawn, hl.FractionalDrop(1.0), 0.005, 0.04, 0.1, 14.0, 3e-4),
    "pulse quenched": (hl.Quenched, hl.FractionalDrop(1.0), 0.005, 0.04, 0.1, 14.0, 3e-4),
    # an ordinary start, and weak noise: what comes to a high threshold is not as smooth as the law
    "weak noise": (hl.Quenched, hl.FractionalDrop(1.0), 0.02, 0.3, 0.2, 30.0, 3e-4),
}  # fmt: skip


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] if "quenched" in c else []) for c in RUNS]
)
def test_thresholds_of_a_run_are_as_right_as_the_run(case):
    kind, relaxation, alpha, std, rate, until, rtol = RUNS[case]
    law, edges = scipy.stats.norm(1.0, 0.3), [1e-9, 0.4, 0.7, 0.8, 1.1, 1.5, 2.0, 2.8]
    if case == "weak noise":
        law, edges = scipy.stats.expon(), [0.0, 0.02, 0.1, 0.4, 0.8, 1.4, 2, 3, 4.5, 6.5, 9, 13, 20]
    dense = even_panels(law, edges, 9 if std > 0.1 else 14)

    def run(thresholds):
        model = hl.Model(alpha, relaxation=relaxation, thresholds=kind(thresholds))
        return hl.evolve(
            model, hl.Startup(rate), hl.gaussian(std), until, np.linspace(0.0, until, 81), rtol
        )

    ours, reference = run(law), run(dense)
    assert np.max(np.abs(ours.stress - reference.stress)) < rtol * reference.stress.max()
    # cells and steps of the two are not the same, and D is what answers to those
    most = 3.0 * rtol * reference.diffusion.max()
    assert np.max(np.abs(ours.diffusion - reference.diffusion)) < most


SMOOTH = [
    scipy.stats.norm(1.0, 0.3),
    scipy.stats.beta(2.0, 5.0),
    scipy.stats.weibull_min(2.0),
    scipy.stats.lognorm(0.3),
    scipy.stats.uniform(0.2, 1.5),
]


@pytest.mark.parametrize("kind", [hl.Redrawn, hl.Quenched])
@pytest.mark.parametrize("residual", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("law", SMOOTH, ids=lambda law: law.dist.name)
def test_a_smooth_law_takes_tens_of_classes(law, residual, kind):
    """Layers down to rtol of the law made 180 of a landing within it; the cost goes with that."""
    model = hl.Model(0.2, relaxation=hl.ResidualStress(residual), thresholds=kind(law))
    assert nodes_for_runs(model, 0.3, 1e-6)[0].size <= 75


@pytest.mark.parametrize("noise", [hl.FixedNoise(0.01), hl.DropNoise(0.1)])
def test_every_coupling_has_nodes(noise):
    """A noise that is given, or made by drops, sets the widths as one made by events does."""
    law = scipy.stats.norm(1.0, 0.3)
    for relaxation in (hl.FractionalDrop(1.0), hl.ResidualStress(0.8)):
        model = hl.Model(noise, relaxation=relaxation, thresholds=hl.Quenched(law))
        values, weights = nodes_for_runs(model, 0.3, 1e-4)
        mean = law.expect(lambda c: c, lb=0.0) / law.sf(0.0)
        assert weights @ values == pytest.approx(mean, rel=1e-4)
        assert values.size <= 60


@pytest.mark.parametrize(("std", "most"), [(0.05, 80), (0.2, 40)])
def test_landings_that_are_spread_out_make_no_kinks(std, most):
    """Every pair of thresholds made a kink, and 70 classes; it is as wide as the landings are."""
    law, until = scipy.stats.norm(1.0, 0.2), 15.0
    dense = even_panels(law, [1e-9, 0.3, 0.55, 0.8, 1.0, 1.2, 1.5, 2.4], 8)

    def run(thresholds):
        model = hl.Model(
            0.2, relaxation=hl.GaussianLanding(0.5, std), thresholds=hl.Redrawn(thresholds)
        )
        times = np.linspace(0.0, until, 61)
        return hl.evolve(model, hl.Startup(0.2), hl.gaussian(0.3), until, times, rtol=1e-4)

    ours, reference = run(law), run(dense)
    assert np.max(np.abs(ours.stress - reference.stress)) < 1e-4 * reference.stress.max()
    model = hl.Model(0.2, relaxation=hl.GaussianLanding(0.5, std), thresholds=hl.Redrawn(law))
    assert nodes_for_runs(model, 0.3, 1e-6)[0].size <= most


@pytest.mark.parametrize("kind", [hl.Redrawn, hl.Quenched])
def test_noise_spreads_a_pulse_on_its_way_to_a_threshold(kind):
    """Where nothing was known of the shear rate D = 1e-4 made 640 classes of an exponential law."""
    law = scipy.stats.expon()
    model = hl.Model(hl.FixedNoise(1e-4), thresholds=kind(law))
    numbers = [nodes_for_runs(model, 0.3, 1e-6, g)[0].size for g in (0.0, 1e-3, 0.1, np.inf)]
    assert numbers == sorted(numbers)
    assert numbers[1] < 100 < numbers[2] < 200 < 600 < numbers[3]
    made_by_events = hl.Model(0.3, thresholds=kind(law))
    assert nodes_for_runs(made_by_events, 0.3, 1e-6, 0.1)[0].size == (
        nodes_for_runs(made_by_events, 0.3, 1e-6)[0].size
    )


@pytest.mark.parametrize("kind", [hl.Redrawn, pytest.param(hl.Quenched, marks=pytest.mark.slow)])
def test_few_classes_of_a_slow_run_are_enough(kind):
    law, times = scipy.stats.norm(1.0, 0.3), np.linspace(0.5, 40.0, 80)
    dense = even_panels(law, np.append(1e-9, np.linspace(0.1, 2.8, 21)), 8)

    def run(thresholds):
        model = hl.Model(hl.FixedNoise(1e-4), thresholds=kind(thresholds))
        return hl.evolve(model, hl.Startup(0.1), hl.gaussian(0.3), 40.0, times, rtol=1e-4)

    ours, reference = run(law), run(dense)
    assert len(ours.final.masses) < 70 < len(reference.final.masses)
    assert np.max(np.abs(ours.stress - reference.stress)) < 1e-4 * reference.stress.max()
    assert np.max(np.abs(ours.activity - reference.activity)) < 1e-4 * reference.activity.max()
