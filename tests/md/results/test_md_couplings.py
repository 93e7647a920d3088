"""Couplings, their errors and what the model says with them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import hebraud as hl
from hebraud import closed_form
from hebraud.errors import ConvergenceError, MeasurementError
from hebraud.md.measure.local_stress import counted_density
from hebraud.md.measure.resampling import bootstrap_weights, resampled_ratio, spread
from hebraud.md.results.couplings import alpha_of_prefactor, noise_alpha, scaling_exponent
from hebraud.md.results.parameters import BlockParameters, flow_curve_replicates
from hebraud.md.results.predictions import predicted_density, predicted_start_up
from hebraud.md.results.sensitivity import sensitivity
from validation.particles.demo_measures import sensitivity_table

E = hl.Estimate


def parameters(**changes):
    """Round numbers near the paper's glass; not measured ones."""
    values = {
        "density": 1.2,
        "shear_rate": 1e-4,
        "block_width": 6.0,
        "G0": E(18.0, 0.5),
        "sigma_c": E(3.4, 0.1),
        "sigma_c_std": E(1.0, 0.05),
        "drop": E(0.68, 0.03),
        "tau_p": E(1.0, 0.05),
        "Gamma": E(2e-3, 1e-4),
        "D_sigma": E(2.4e-4, 1e-5),
        "l_pl": E(6.0, 0.5),
        "sigma_Y": E(0.69, 0.01),
        "A": E(3.0, 0.08),
    }
    return BlockParameters(**{**values, **changes})


# -- the formulas


@given(st.floats(1e-3, 0.4999))
def test_alpha_of_prefactor_inverts_the_closed_form(alpha):
    A = closed_form.prefactor_of_alpha(alpha)
    assert alpha_of_prefactor(A) == pytest.approx(alpha, rel=1e-11)


def test_the_prefactor_rises_with_the_coupling_everywhere():
    u = np.geomspace(1e-7, 1e9, 20_001)
    # so that every prefactor has one coupling and no more: none is left out and none is chosen
    assert np.all(np.diff(closed_form.prefactor(u=u)) < 0.0)
    assert np.all(np.diff(closed_form.alpha(u=u)) <= 0.0)
    assert alpha_of_prefactor([0.1, 1.0]).shape == (2,)
    with pytest.raises(ValueError, match="prefactor must be"):
        alpha_of_prefactor(0.0)


def test_couplings_by_hand():
    p = parameters()
    assert p.alpha_micro.paper.value == pytest.approx(2.4e-4 / (0.68**2 * 2e-3), rel=1e-14)
    assert p.alpha_HL.paper.value == pytest.approx(2.4e-4 / (3.4**2 * 2e-3), rel=1e-14)
    for both in (p.alpha_micro, p.alpha_HL):
        assert both.equation.value == both.paper.value / 2.0
        assert "paper" in both.paper.note
        assert "equation" in both.equation.note
    assert closed_form.yield_stress_of_alpha(p.alpha_flow.value) == pytest.approx(0.69 / 3.4)
    assert closed_form.prefactor_of_alpha(p.alpha_flow_prefactor.value) == pytest.approx(
        3.0 / np.sqrt(18.0 * 3.4 * 1.0)
    )
    with pytest.raises(ValueError, match="activity must be > 0, got 0"):
        noise_alpha(1.0, 1.0, 0.0)


def test_the_paper_own_row():
    """Table 1, density 1.189: alpha_flow 0.330 belongs to sigma_Y/sigma_c of 0.197."""
    p = parameters(sigma_Y=E(0.197 * 3.4, 0.0))
    assert p.alpha_flow.value == pytest.approx(0.330, abs=5e-4)


# -- errors


def test_linear_errors_of_small_ones():
    p = parameters()
    exact = np.sqrt((1 / 24.0) ** 2 + (2 * 3 / 68.0) ** 2 + (1 / 20.0) ** 2)
    found = p.alpha_micro.paper
    # second order of 9 % errors, and 2000 replicates: 1/sqrt(2 * 2000) * 1.3
    assert found.stderr / found.value == pytest.approx(exact, rel=0.08)


def test_joint_replicates_keep_their_correlation():
    rng = np.random.default_rng(1)
    common = 1.0 + 0.1 * rng.standard_normal(4000)
    p = parameters(replicates={"D_sigma": 2.4e-4 * common, "Gamma": 2e-3 * common})
    found = p.changed(drop=E(0.68, 0.0)).alpha_micro.paper
    assert found.stderr < 1e-12 * found.value
    apart = parameters(D_sigma=E(2.4e-4, 2.4e-5), Gamma=E(2e-3, 2e-4), drop=E(0.68, 0.0))
    assert apart.alpha_micro.paper.stderr / found.value == pytest.approx(0.1414, rel=0.1)
    # what is changed loses its replicates
    assert set(p.changed(Gamma=E(1.0, 0.1)).replicates) == {"D_sigma"}


def test_errors_of_correlated_measures_cover():
    """Events and spread of the same time blocks rise and fall together; so do their errors."""
    rng = np.random.default_rng(7)
    units, inside, naive_inside = 40, 0, 0
    for _ in range(150):
        vigour = rng.gamma(4.0, 0.25, units)  # mean 1
        events = vigour * (1.0 + 0.1 * rng.standard_normal(units))
        spreads = 0.3 * vigour * (1.0 + 0.1 * rng.standard_normal(units))
        rows = bootstrap_weights(units, 500)
        one = np.ones(units)
        D, Gamma = resampled_ratio(rows, spreads, one), resampled_ratio(rows, events, one)
        measured = {
            "D_sigma": E(spreads.mean(), spread(D)),
            "Gamma": E(events.mean(), spread(Gamma)),
            "drop": E(1.0, 0.0),
        }
        joint = parameters(**measured, replicates={"D_sigma": D, "Gamma": Gamma})
        alone = parameters(**measured)
        for p, add in ((joint, 1), (alone, 0)):
            hit = abs(p.alpha_micro.paper.value - 0.3) < p.alpha_micro.paper.stderr
            inside, naive_inside = inside + hit * add, naive_inside + hit * (1 - add)
    # 68.3 % of 150, three binomial standard deviations of 3.8 %
    assert 0.683 - 0.115 < inside / 150 < 0.683 + 0.115
    assert naive_inside / 150 > 0.95  # independent errors are far too wide here


def test_flow_curve_replicates_are_the_fit():
    rate = np.array([1e-4, 1e-3, 1e-2, 3e-2])
    curve = hl.FlowCurve(rate, 0.69 + 3.0 * np.sqrt(rate), np.array([0.02, 0.01, 0.005, 0.005]))
    drawn = flow_curve_replicates(curve)
    law = curve.herschel_bulkley()
    for name, fitted in (("sigma_Y", law.yield_stress), ("A", law.prefactor)):
        assert drawn[name].mean() == pytest.approx(fitted.value, abs=4 * fitted.stderr / 2000**0.5)
        assert drawn[name].std() == pytest.approx(fitted.stderr, rel=0.07)
    assert np.corrcoef(drawn["sigma_Y"], drawn["A"])[0, 1] < -0.5
    with pytest.raises(ValueError, match="curve must have error bars"):
        flow_curve_replicates(hl.FlowCurve(rate, rate))


def test_where_no_coupling_exists_it_says_so():
    stiff = parameters(sigma_Y=E(1.8, 0.01))
    with pytest.raises(ValueError, match="between 0 and 1/2"):
        _ = stiff.alpha_flow
    assert stiff.couplings["alpha_flow from sigma_Y"].startswith("none: sigma_Y/sigma_c must lie")
    vague = parameters(sigma_Y=E(1.5, 0.5))
    with pytest.raises(ConvergenceError, match=r"3\d % of the replicates of sigma_Y, sigma_c"):
        _ = vague.alpha_flow
    edge = parameters(sigma_Y=E(1.5, 0.1))
    assert "% of the replicates have none" in edge.alpha_flow.note
    with pytest.raises(ValueError, match="no noise of other blocks"):
        _ = parameters(D_sigma=E(1e-6, 1e-8)).D_noise


def test_noise_is_left_from_a_known_diffusion_on():
    """(2 - f) D_sigma > 2 f P, with f = 0.2 and exact numbers."""
    power = 18.0 * 1e-4 * (0.69 + 3.0 * 1e-2)
    least = 0.4 * power / 1.8
    numbers = {"G0": 18.0, "sigma_c": 3.4, "drop": 0.68, "sigma_Y": 0.69, "A": 3.0}
    exact = {name: E(value, 0.0) for name, value in numbers.items()}
    above = parameters(**exact, D_sigma=E(1.01 * least, 0.0))
    assert above.D_noise.value == pytest.approx(0.01 * 0.4 * power / 4.0, rel=1e-9)
    with pytest.raises(MeasurementError, match="no noise of other blocks"):
        _ = parameters(**exact, D_sigma=E(0.99 * least, 0.0)).D_noise


def test_own_events_are_taken_out():
    p = parameters(drop=E(3.4, 0.0))
    power = 18.0 * 1e-4 * (0.69 + 3.0 * 1e-2)
    big = p.changed(D_sigma=E(4.0 * 1e-3 + 2.0 * power, 1e-6))
    # drop fraction 1 up to its error: half of the replicates would lie above; hold it fixed
    exact = big.changed(sigma_c=E(3.4, 0.0))
    assert exact.D_noise.value == pytest.approx(1e-3, rel=1e-12)
    assert exact.alpha_drop_noise.value == pytest.approx(1e-3 / (2e-3 + 2.0 * power), rel=1e-12)
    with pytest.raises(ConvergenceError, match="of the replicates"):
        _ = big.D_noise
    bound = parameters(D_sigma=E(power, 0.0)).largest_drop_fraction
    assert bound.value == pytest.approx(2.0 / 3.0, rel=1e-12)
    assert 0.0 < bound.stderr < 0.05  # of G0 and the stress: 3 % of 2 P, times 4/9


# -- scaling with the activity


def pairs(rng, power, k=0.3, error=0.03):
    activity = np.geomspace(1e-4, 1e-2, 6)
    noise = 1.0 + error * rng.standard_normal((2, 6))
    return (
        [E(d, error * d) for d in k * activity**power * noise[0]],
        [E(a, error * a) for a in activity * noise[1]],
    )


def test_the_exponent_tells_proportionality_from_another_power():
    pulls = []
    for seed in range(100):
        found = scaling_exponent(*pairs(np.random.default_rng(seed), 1.0))
        pulls.append((found.value - 1.0) / found.stderr)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.25)
    bent = scaling_exponent(*pairs(np.random.default_rng(0), 0.8))
    assert bent.value == pytest.approx(0.8, abs=0.05)
    with pytest.raises(MeasurementError, match="at least 3 shear rates, got 2 and 2"):
        scaling_exponent([E(1, 1)] * 2, [E(1, 1)] * 2)
    with pytest.raises(MeasurementError, match="all the same"):
        scaling_exponent([E(1, 0.1)] * 3, [E(1, 0.1)] * 3)
    with pytest.raises(MeasurementError, match=r"activity\[1\] must have a value and an error > 0"):
        scaling_exponent([E(1, 0.1)] * 3, [E(1, 0.1), E(2, 0.0), E(3, 0.1)])


# -- models and predictions


def test_models_are_of_the_equations_convention():
    p = parameters()
    assert p.model() == hl.Model(p.alpha_micro.equation.value)
    assert p.model(p.alpha_flow) == hl.Model(p.alpha_flow.value)
    soft = p.modified_model()
    assert soft.coupling == hl.DropNoise(p.alpha_micro.equation.value)
    assert soft.relaxation == hl.FractionalDrop(p.drop.value / p.sigma_c.value)
    assert soft.thresholds.ppf(0.5) == pytest.approx(1.0, abs=1e-3)
    assert p.scales == hl.Scales(18.0, 3.4, 1.0)


def test_predicted_density_against_blocks_drawn_from_the_model():
    p = parameters()
    model = p.model(p.alpha_flow)
    rate = 1e-2
    state = hl.steady_state(model, rate / p.scales.shear_rate)
    rng = np.random.default_rng(2)
    drawn = 3.4 * state.sample(40_000, rng)[0].reshape(20, 2000)
    edges = np.linspace(-4.0, 5.0, 46)
    counts = [np.histogram(part, edges)[0] for part in drawn]
    seen = counted_density(counts, np.full(20, 2000), edges)
    fine = np.linspace(-4.0, 5.0, 45 * 40 + 1)
    theory = predicted_density(p, model, rate, 0.5 * (fine[1:] + fine[:-1])).reshape(45, 40).mean(1)
    pull = (seen.density - theory)[theory > 0.01] / seen.stderr[theory > 0.01]
    assert np.std(pull) == pytest.approx(1.0, abs=0.35)
    assert np.sum(seen.density) * 0.2 == pytest.approx(1.0 - seen.outside, rel=1e-12)
    assert seen.outside < 0.01
    assert seen.middle[0] == pytest.approx(-3.9)


def test_predicted_start_up_is_elastic_then_steady():
    p = parameters()
    model = p.model(p.alpha_flow)
    strain = np.array([0.0, 0.005, 0.01, 1.5])
    stress = predicted_start_up(p, model, 1e-2, strain, start_std=0.6)
    # blocks of spread 0.6 around 0.2 stay below 3.4: elastic but for noise that starts at 0
    assert stress[:3] == pytest.approx(18.0 * strain[:3], abs=1e-3)
    steady = 3.4 * hl.steady_state(model, 1e-2 / p.scales.shear_rate).stress
    assert stress[3] == pytest.approx(steady, rel=2e-3)


# -- tables


def test_sensitivity_moves_what_it_should():
    p = parameters()
    rows = sensitivity(
        p, {"drop: relaxed": {"drop": E(1.36, 0.05)}, "stiffer": {"sigma_Y": E(2.0, 0.1)}}
    )
    said = [row.choice for row in rows]
    assert said == [
        "as defined",
        "drop: relaxed: drop = 1.360 ± 0.050",
        "stiffer: sigma_Y = 2.00 ± 0.10",
    ]
    assert rows[1].change["alpha_micro, paper's D"] == pytest.approx(-0.75)
    assert rows[1].change["alpha_HL, paper's D"] == 0.0
    assert rows[2].change["alpha_flow from sigma_Y"] is None
    table = sensitivity_table(rows).splitlines()
    assert len(table) == 5
    assert "(-75 %)" in table[3]
    assert "| none |" in table[4]


def test_rows_name_everything():
    rows = parameters().rows()
    names = [row[0] for row in rows]
    measured = {f.name for f in dataclasses.fields(BlockParameters)}
    assert measured - {"density", "shear_rate", "block_width", "replicates"} <= set(names)
    assert sum("paper's D" in name for name in names) == 2
    assert sum("equation's D" in name for name in names) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"G0": 18.0}, "G0 must be an Estimate"),
        ({"drop": E(-1.0, 0.1)}, "drop.value must be"),
        ({"density": 0.0}, "density must be"),
        ({"replicates": {"zeta": np.ones(200)}}, "got zeta"),
        ({"replicates": {"A": np.ones(200), "G0": np.ones(300)}}, "rows of one length"),
    ],
)
def test_bad_parameters_are_named(change, said):
    with pytest.raises(ValueError, match=said):
        parameters(**change)


def test_bad_resampling_is_named():
    with pytest.raises(ValueError, match="replicates must be"):
        bootstrap_weights(10, 10)
    with pytest.raises(ConvergenceError, match="7 time blocks are too few"):
        bootstrap_weights(7)
    with pytest.raises(ConvergenceError, match="hold no data"):
        resampled_ratio(bootstrap_weights(8), np.ones(8), np.eye(8)[0])


def test_spread_is_the_standard_deviation_of_a_normal_law():
    assert spread(norm.ppf((np.arange(10_000) + 0.5) / 10_000)) == pytest.approx(1.0, rel=1e-3)
