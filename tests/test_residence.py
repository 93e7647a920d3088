"""The thresholds found at an instant and those drawn: one into the other, and both held to T(c)."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import hebraud as hl
from hebraud.model.laws.threshold_law import ThresholdLaw
from hebraud.solvers.steady.residence import redraw_law, snapshot_law

NORMAL = scipy.stats.norm(1.0, 0.3)
couplings = st.builds(hl.ActivityNoise, st.floats(0.05, 0.9)) | st.builds(
    hl.DropNoise, st.floats(0.05, 0.4)
)
landings = st.builds(hl.ResidualStress, st.floats(0.0, 0.6))
samples = st.lists(st.floats(0.3, 2.0), min_size=2, max_size=6, unique=True)


def with_thresholds(model, thresholds):
    return hl.Model(
        model.coupling,
        relaxation=model.relaxation,
        thresholds=thresholds,
        yielding=model.yielding,
    )


# -- the residence time itself
@pytest.mark.parametrize("D", [1e-4, 0.1, 5.0])
def test_at_rest_the_bias_is_the_exit_time(D):
    """From 0 to a yield over +-c by noise D alone takes 1 + c/sqrt(D) + c^2/(2D): by hand."""
    model = hl.Model(hl.FixedNoise(D), thresholds=hl.Redrawn(NORMAL))
    values, weights = model.thresholds.nodes()
    time = 1.0 + values / np.sqrt(D) + values**2 / (2.0 * D)
    found = snapshot_law(model, 0.0)
    np.testing.assert_allclose(found.weights, weights * time / (weights @ time), rtol=1e-12)
    drawn = redraw_law(NORMAL, model, 0.0)
    values, weights = hl.Quenched(NORMAL).nodes()
    rate = 1.0 / (1.0 + values / np.sqrt(D) + values**2 / (2.0 * D))
    np.testing.assert_allclose(drawn.weights, weights * rate / (weights @ rate), rtol=1e-10)


@pytest.mark.parametrize("solver", [hl.Exact(), hl.FiniteVolume(rtol=1e-5)])
def test_at_large_rates_the_bias_is_the_travel_time(solver):
    """Drift alone: c/g + 1 from 0. Noise D = 0.3/(1 + 1.1) makes it err by D/g^2 and D/(c g)."""
    g = 50.0
    model = hl.Model(0.3, thresholds=hl.Redrawn([0.7, 1.0, 1.6]))
    found = snapshot_law(model, g, solver)
    time = found.values / g + 1.0
    np.testing.assert_allclose(found.weights, time / time.sum(), rtol=2e-4)


def test_the_two_solvers_find_the_same():
    model = hl.Model(0.3, relaxation=hl.ResidualStress(0.2), thresholds=hl.Redrawn([0.7, 1.0, 1.6]))
    for g in (1e-4, -0.1, 3.0):
        exact = snapshot_law(model, g)
        cells = snapshot_law(model, g, hl.FiniteVolume(rtol=1e-7))
        assert cells.error_estimate <= 1e-7
        # the estimate is for stress and D, not for every class: a factor 10 between them
        np.testing.assert_allclose(cells.weights, exact.weights, rtol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        hl.Model(0.3, thresholds=hl.Redrawn(NORMAL)),
        hl.Model(
            hl.DropNoise(0.3),
            relaxation=hl.FractionalDrop(0.3),
            thresholds=hl.Redrawn([0.6, 1.0, 1.5]),
            yielding=hl.PowerRate(1.0),
        ),
    ],
    ids=["full drop", "partial drop"],
)
def test_blocks_find_the_snapshot(model):
    """From thresholds as drawn, six strains on: means of c and c^2 within 4 standard errors."""
    n = 30_000
    run = hl.simulate_blocks(
        model, hl.Startup(0.2), hl.gaussian(0.5), 30.0, blocks=n, step=0.05, t_eval=[30.0], seed=2
    )
    c = run.final.threshold
    law = snapshot_law(model, 0.2)
    drawn = model.thresholds.nodes()
    for power in (1, 2):
        error = np.std(c**power) / np.sqrt(n)
        assert abs(np.mean(c**power) - law.weights @ law.values**power) < 4.0 * error
        # and the law drawn from is told apart
        assert abs(np.mean(c**power) - drawn[1] @ drawn[0] ** power) > 8.0 * error


# -- there and back
@settings(max_examples=10)
@given(couplings, landings, samples, st.floats(-6.0, 1.0), st.booleans())
def test_there_and_back(coupling, landing, values, log_rate, forward):
    g = 10.0**log_rate if forward else -(10.0**log_rate)
    model = hl.Model(coupling, relaxation=landing, thresholds=hl.Redrawn(values))
    try:
        found = snapshot_law(model, g)
    except hl.NoStationaryState:
        assert isinstance(coupling, hl.DropNoise)  # ran away
        return
    drawn = redraw_law(found, model, g)
    again = snapshot_law(with_thresholds(model, hl.Redrawn(drawn)), g)
    np.testing.assert_allclose(again.weights, found.weights, rtol=1e-8)
    if not hl.steady_state(model, g).other_roots:
        np.testing.assert_allclose(drawn.weights, model.thresholds.nodes()[1], rtol=1e-7)


@pytest.mark.parametrize(
    "relaxation", [hl.FractionalDrop(0.2), hl.GaussianLanding(0.5, 0.2)], ids=repr
)
def test_there_and_back_on_grids(relaxation):
    """Residuals are 10 rtol, and the grids of the two states differ by as much again."""
    model = hl.Model(
        hl.DropNoise(0.2), relaxation=relaxation, thresholds=hl.Redrawn([0.7, 1.0, 1.2])
    )
    solver = hl.FiniteVolume(rtol=1e-5)
    found = snapshot_law(model, 0.05, solver)
    drawn = redraw_law(found, model, 0.05, solver)
    np.testing.assert_allclose(drawn.weights, 1.0 / 3.0, rtol=3e-4)


@pytest.mark.parametrize("g", [1e-5, 0.1, -2.0])
def test_with_full_relaxation_the_instant_is_that_of_the_quenched_model(g):
    """Landings at 0 do not depend on c, so that D, Gamma, stress and P(s, c) are the same."""
    classes = [0.5, 0.9, 1.0, 1.7]
    drawn = redraw_law(classes, hl.Model(0.3), g)
    redrawn = hl.steady_state(hl.Model(0.3, thresholds=hl.Redrawn(drawn)), g)
    quenched = hl.steady_state(hl.Model(0.3, thresholds=hl.Quenched(classes)), g)
    for name in ("stress", "activity", "diffusion"):
        assert getattr(redrawn, name) == pytest.approx(getattr(quenched, name), rel=1e-10)
    s = np.linspace(-2.0, 2.0, 41)
    np.testing.assert_allclose(redrawn.density(s), quenched.density(s), rtol=1e-9)


def test_measured_samples():
    """Each sample's weight is 1/(n T): T from the state of the answer, as mass per birth."""
    measured = NORMAL.rvs(40, random_state=1)
    model = hl.Model(0.3)
    drawn = redraw_law(measured, model, 1e-2)
    np.testing.assert_array_equal(drawn.values, np.sort(measured))
    assert drawn.mean() < measured.mean()  # small thresholds are drawn more often than found
    again = snapshot_law(with_thresholds(model, hl.Redrawn(drawn)), 1e-2)
    np.testing.assert_allclose(again.weights, 1.0 / 40.0, rtol=1e-8)


# -- laws
def test_thresholds_that_are_not_redrawn():
    assert snapshot_law(hl.Model(0.3), 0.1).values.tolist() == [1.0]
    law = snapshot_law(hl.Model(0.3, thresholds=hl.Quenched(NORMAL)), 0.1)
    at = np.array([0.2, 0.9, 1.4])
    np.testing.assert_allclose(law.pdf(at), NORMAL.pdf(at) / NORMAL.sf(0.0), rtol=1e-14)
    assert redraw_law([0.8, 0.8], hl.Model(0.3), 0.1).values.tolist() == [0.8]


def test_the_density_goes_with_the_weights():
    """1e-5: the spline of T between some forty nodes; 1e-4 in its tail."""
    model = hl.Model(0.3, thresholds=hl.Redrawn(NORMAL))
    found = snapshot_law(model, 0.1)
    for power in range(3):
        moment = quad(lambda c, n=power: c**n * found.pdf(c), 0.0, 3.5, epsabs=1e-10, limit=200)[0]
        assert moment == pytest.approx(found.weights @ found.values**power, rel=1e-5)
    drawn = redraw_law(found, model, 0.1)
    at = np.linspace(0.1, 2.0, 9)
    np.testing.assert_allclose(drawn.pdf(at), NORMAL.pdf(at) / NORMAL.sf(0.0), rtol=1e-4)


def test_a_law_of_values():
    law = ThresholdLaw([0.5, 1.0, 2.0], [0.25, 0.5, 0.25])
    assert (law.mean(), law.median()) == (1.125, 1.0)
    assert law.std() == pytest.approx(np.sqrt(0.25 * 0.25 + 0.5 + 0.25 * 4.0 - 1.125**2))
    np.testing.assert_array_equal(law.cdf([0.4, 0.5, 1.5, 3.0]), [0.0, 0.25, 0.75, 1.0])
    np.testing.assert_array_equal(law.ppf([0.1, 0.3, 0.7, 0.9]), [0.5, 1.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="no density"):
        law.pdf(1.0)
    for rule in (hl.Redrawn(law), hl.Quenched(law)):
        assert rule == type(rule)(law)
        assert "3 values, mean 1.125" in repr(rule)
        np.testing.assert_array_equal(rule.nodes()[1], law.weights)
        np.testing.assert_array_equal(rule.ppf([0.1, 0.9]), [0.5, 2.0])
        same = type(rule)([0.5, 1.0, 1.0, 2.0])
        states = [hl.steady_state(hl.Model(0.3, thresholds=t), 0.1) for t in (rule, same)]
        assert states[0].stress == pytest.approx(states[1].stress, rel=1e-13)


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([1.0, 0.5], [0.5, 0.5], "ascending"),
        ([0.0, 0.5], [0.5, 0.5], "> 0"),
        ([0.5, 1.0], [0.5, 0.6], "sum 1"),
        ([0.5, 1.0], [1.0, 0.0], "> 0 with sum 1"),
        ([0.5, 1.0], [1.0], "one length"),
    ],
)
def test_laws_that_are_refused(values, weights, message):
    with pytest.raises(ValueError, match=message):
        ThresholdLaw(values, weights)


def test_arguments_that_are_refused():
    with pytest.raises(ValueError, match=r"hebraud\.Model"):
        snapshot_law(0.3, 0.1)
    with pytest.raises(ValueError, match=r"hebraud\.Model"):
        redraw_law([1.0, 2.0], 0.3, 0.1)
    with pytest.raises(ValueError, match="shear_rate"):
        redraw_law([1.0, 2.0], hl.Model(0.3), np.nan)
    with pytest.raises(ValueError, match="samples of law"):
        redraw_law([1.0, -2.0], hl.Model(0.3), 0.1)
    with pytest.raises(hl.NoStationaryState):
        redraw_law([1.0, 2.0], hl.Model(0.3), 0.0)
