"""The campaign's data as figures and verdict read them: loading, choosing, judging, failing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

import hebraud as hl
from hebraud import Estimate
from hebraud.errors import ConvergenceError, MeasurementError
from hebraud.md.campaign.archive import import_run
from hebraud.md.campaign.plan_file import campaign_json, read_campaign
from hebraud.md.campaign.reduced_chain import ReducedChain
from hebraud.md.campaign.workflow.steps import CAMPAIGN
from hebraud.md.lammps.segment import Series
from hebraud.md.results.reduction import ROUGH, mean_stress, steady_state_of
from validation.claims import statements, table1, verdict
from validation.figures import fig2, fig3
from validation.particles import campaign, reduced

DENSITY = 1.189


@pytest.fixture(scope="module")
def one_density(tmp_path_factory):
    """The shipped data of one density."""
    place = tmp_path_factory.mktemp("data")
    plan = read_campaign(campaign.STORED / CAMPAIGN).at(DENSITY)
    (place / CAMPAIGN).write_text(campaign_json(plan))
    index = json.loads((campaign.STORED / "index.json").read_text())
    kept = {name: one for name, one in index.items() if name.startswith(f"density{DENSITY}")}
    (place / "index.json").write_text(json.dumps(kept))
    for name in kept:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(campaign.STORED / f"{name}.xz", place / f"{name}.xz")
    return place


@pytest.fixture(scope="module")
def loaded(one_density, tmp_path_factory):
    return campaign.load(one_density, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def demo():
    return reduced.demo()


# -- loading
def test_steady_stress_is_that_of_the_stored_series(loaded, one_density, tmp_path):
    """Means over the stored bins, read with h5py alone."""
    import_run(one_density, tmp_path)
    at = loaded.at[DENSITY]
    compared = 0
    for one in at.stresses:
        if not isinstance(one.value, Estimate):
            continue
        means = []
        for seed in one.seeds:
            folder = tmp_path / f"density{DENSITY}-N4000" / f"seed{seed}"
            file = max((folder / f"rate{one.shear_rate:g}").glob("condensed*.h5"))  # the longest
            with h5py.File(file) as stored:
                series, segments = (
                    stored["series_stress"][:].astype(float),
                    int(stored["segments"][()]),
                )
            each = series.size // segments
            bins = round(each * one.strain / (one.shear_rate * 100.0))  # a segment is 100 tau_0
            first = round(0.2 / one.shear_rate / 100.0 * each)
            means.append(series[first:bins].mean())
        assert one.value.value == pytest.approx(np.mean(means), rel=1e-3)
        compared += 1
    assert compared >= 2
    assert at.curve.shear_rate.tolist() == sorted(at.curve.shear_rate)


def test_box_flips_do_not_hide_the_diffusion_of_fast_flow(loaded):
    """At 1e-2 every time block has a flip, and its longest lags no difference."""
    at_fast = next(one for one in loaded.at[DENSITY].rates if one.shear_rate == 1e-2)
    assert isinstance(at_fast.D_sigma, Estimate)
    assert 6.0 < at_fast.D_over_rate.value < 8.0  # as at 1e-3 of the demo: 7.0


def test_missing_runs_are_said(loaded):
    plan = loaded.plan
    for one in loaded.at[DENSITY].stresses:
        wanted = max(run.strain for run in plan.runs if run.shear_rate == one.shear_rate)
        complete = len(one.seeds) == one.wanted and one.strain > wanted - 1e-9
        assert complete or f"{one.shear_rate:g}" in loaded.missing
    assert ("not there yet" in campaign.caption(loaded)) == bool(loaded.missing)


def test_second_load_comes_from_the_cache(one_density, tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "_CODE", ())  # someone may be editing it
    monkeypatch.setattr(campaign, "read_run", lambda folder: SimpleNamespace(seen=1))
    assert campaign.load(one_density, tmp_path).seen == 1
    monkeypatch.setattr(campaign, "read_run", lambda folder: 1 / 0)
    assert campaign.load(one_density, tmp_path).seen == 1
    index = one_density / "index.json"
    before = index.read_text()
    try:
        index.write_text(before + "\n")
        with pytest.raises(ZeroDivisionError):  # other data are read anew
            campaign.load(one_density, tmp_path)
    finally:
        index.write_text(before)


def test_refuses_no_data_and_damaged_ones(one_density, tmp_path):
    with pytest.raises(FileNotFoundError, match="hebraud md export"):
        campaign.load(tmp_path / "nothing", tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(one_density, broken)
    first, second = sorted(broken.rglob("condensed*.xz"))[:2]
    shutil.copyfile(second, first)
    with pytest.raises(ValueError, match="not the file that was exported"):
        campaign.load(broken, tmp_path)


# -- choosing among chains
def _chain(plan, rate, segments, stress=None):
    bins = 100 * segments
    each = plan.point(rate, 1).segment_strain
    strain = each / 100.0 * np.arange(1, bins + 1)
    values = np.zeros(bins) if stress is None else stress
    empty = np.empty((0, 0))
    return ReducedChain(
        segments=segments,
        series=Series(strain, values, values, values),
        start=empty,
        observed={},
        block_segments=1,
        lag=np.empty(0),
        count=empty,
        sums=empty,
        histogram=empty,
        moments=empty,
    )


@pytest.mark.parametrize(
    ("segments", "taken", "reached"),
    [((20, 20, 3), (1, 2), 20), ((10, 9), (1, 2), 9), ((20, 5), (1,), 20), ((2, 1), (), 0)],
)
def test_takes_the_chains_with_most_steady_strain(loaded, segments, taken, reached):
    plan = loaded.plan.at(DENSITY)
    chains = {seed: _chain(plan, 1e-3, n) for seed, n in enumerate(segments, start=1)}
    found = steady_state_of(plan, 1e-3, chains)
    assert found.seeds == taken
    assert found.strain == pytest.approx(0.1 * reached)


def test_rough_error_is_that_of_slow_noise():
    """Noise too slow for blocking: eight blocks a chain know its error to 50 %."""
    rng = np.random.default_rng(1)
    strain = 1e-3 * np.arange(1, 2001)
    found, true = [], []
    for _ in range(60):
        noise = rng.standard_normal((1, 2000 + 300))
        kernel = np.exp(-np.arange(300) / 60.0)
        stress = np.array([np.convolve(row, kernel, mode="valid")[:2000] for row in noise])
        one = mean_stress(strain, stress, 0.2)
        if one.note == ROUGH:
            found.append(one.stderr)
            true.append(one.value)
    assert len(found) > 10
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(np.std(true), rel=0.5)
    with pytest.raises(MeasurementError, match="too short for an error bar"):
        mean_stress(strain[:600], np.ones((1, 600)) * strain[:600], 0.2)


# -- judging
@pytest.mark.parametrize(
    ("value", "stderr", "said"),
    [
        (1.0, 0.1, statements.SUPPORTED),
        (1.0, 0.3, statements.UNDECIDED),
        (1.6, 0.1, statements.UNDECIDED),
        (2.0, 0.1, statements.REJECTED),
        (0.0, 0.1, statements.REJECTED),
    ],
)
def test_judges_with_two_standard_errors(value, stderr, said):
    assert statements.judge(Estimate(value, stderr), 0.5, 1.5) == said
    assert statements.judge("none: not run", 0.5, 1.5) == statements.UNDECIDED


def test_one_density_refuses_and_all_must_agree():
    yes, no, unknown = statements.SUPPORTED, statements.REJECTED, statements.UNDECIDED
    assert statements.combine([yes, yes]) == yes
    assert statements.combine([yes, unknown]) == unknown
    assert statements.combine([unknown, no, yes]) == no
    assert statements.combine([]) == unknown


def test_statements_wait_for_the_rates_they_are_about(loaded, demo):
    at = loaded.at[DENSITY]
    size = next(one for one in statements.STATEMENTS if one.name == "size")
    for rate, decided in ((1e-3, False), (1e-4, True)):
        estimates = {"l_pl": Estimate(6.0, 0.1)}
        slow = replace(at, measured=replace(demo[1], shear_rate=rate, estimates=estimates))
        said = verdict._finding(size, {DENSITY: slow}).verdict
        assert (said == statements.SUPPORTED) == decided
    share = next(one for one in statements.STATEMENTS if one.name == "alpha_flow")
    curve = demo[0]
    for rates, decided in ((3, False), (4, True)):
        part = hl.FlowCurve(
            *(c[:rates] for c in (curve.shear_rate, curve.stress, curve.stress_err))
        )
        one = replace(at, curve=part, measured=demo[1])
        assert (verdict._finding(share, {DENSITY: one}).verdict != statements.UNDECIDED) == decided


# -- Table 1 and the figures can fail
def test_conventions_of_table_1(demo):
    found = demo[1].parameters
    table1.check(found)
    couplings = dict(found.couplings)
    for name, wrong in (
        ("alpha_micro, equation's D", couplings["alpha_micro, paper's D"]),
        ("alpha_HL, paper's D", couplings["alpha_HL, equation's D"]),
        ("alpha_flow from A", couplings["alpha_flow from sigma_Y"]),
    ):
        names = {s: getattr(found, s) for s in ("G0", "sigma_c", "drop", "tau_p", "A", "sigma_Y")}
        mixed = SimpleNamespace(couplings={**couplings, name: wrong}, **names)
        with pytest.raises(AssertionError):
            table1.check(mixed)
    text = table1.table({"1.189": found, "1.253": "not measured yet: sigma_c"})
    assert f"{couplings['alpha_flow from sigma_Y']} (0.330 ± 0.019)" in text
    assert "| 1.253 |  | none | none | none (0.227 ± 0.024) |" in text
    assert "- 1.253: not measured yet: sigma_c" in text


def test_figures_refuse_what_contradicts_them(loaded, demo):
    two = fig2.compute(loaded)
    fig2.check(two)
    curve, found = demo[0], demo[1].parameters
    own = curve.reduced(found.scales)
    higher = replace(own, stress=1.4 * own.stress)
    law = curve.herschel_bulkley(0.5)
    weak_law = replace(law, yield_stress=Estimate(0.07, 0.01), prefactor=Estimate(0.3, 0.1))
    at = replace(loaded.at[DENSITY], curve=curve, fit=law)
    weak = replace(at, curve=replace(curve, stress=0.1 * curve.stress), fit=weak_law)
    both = replace(loaded, at={1.149: weak, DENSITY: at})
    fig2.check(replace(two, particles=both, rescaled={1.149: own, DENSITY: own}))
    for name, rescaled in (
        ("collapse", {1.149: replace(own, stress=0.8 * own.stress), DENSITY: own}),
        ("line", {DENSITY: higher}),
    ):
        with pytest.raises(AssertionError, match=name):
            fig2.check(replace(two, particles=both, rescaled=rescaled))
    turned = replace(loaded, at={1.149: at, DENSITY: weak})
    with pytest.raises(AssertionError, match="density"):
        fig2.check(replace(two, particles=turned, rescaled={}))
    three = fig3.compute(loaded)
    fig3.check(three)
    point = reduced.point(found)
    for name, value in (("yield_stress", 0.3), ("prefactor", 0.9)):
        moved = replace(point, **{name: Estimate(value, 0.01)})
        with pytest.raises(AssertionError):
            fig3.check(replace(three, points={DENSITY: moved}))


def test_point_is_the_model_s_own(demo):
    """A flow curve of the model itself, given units, comes back as a point on the curve."""
    alpha = 0.3
    found = demo[1].parameters
    units = found.scales
    A = float(hl.closed_form.prefactor_of_alpha(alpha)) * np.sqrt(
        units.shear_modulus * units.threshold * units.plastic_time
    )
    Y = float(hl.closed_form.yield_stress_of_alpha(alpha)) * units.threshold
    made = found.changed(sigma_Y=Estimate(Y, 0.01), A=Estimate(A, 0.05))
    off = fig3.off_curve(reduced.point(made))
    assert abs(off.value) < 1e-9
    assert 0.01 < off.stderr < 0.2


def test_units_that_may_be_zero_are_refused(demo):
    """A modulus of 2.5 errors has replicates below zero: left out; one of one error is no unit."""
    found = demo[1].parameters
    rough = found.changed(G0=Estimate(12.8, 5.1))
    point = reduced.point(rough)
    left_out = np.count_nonzero(rough.draws("G0") <= 0.0)
    assert 0 < left_out < 20
    assert point.draws.shape == (2, rough.draws("G0").size - left_out)
    assert point.prefactor.stderr > 2.0 * reduced.point(found).prefactor.stderr
    with pytest.raises(ConvergenceError, match=r"1\d % of the replicates of G0, sigma_c, tau_p"):
        reduced.point(found.changed(G0=Estimate(5.0, 5.0)))


def test_stale_pages_are_seen(loaded, demo, tmp_path):
    findings = (verdict._finding(statements.STATEMENTS[0], loaded.at),)
    rows = {"1.189, N = 1000": demo[1].parameters}
    result = verdict.Result(loaded, findings, rows, {}, {})
    page = tmp_path / "verdict.md"
    shutil.copyfile(verdict.PAGE, page)
    verdict.write(result, page)
    verdict.check(result, page)
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(str(rows["1.189, N = 1000"].alpha_HL.paper), "0.0123 ± 0.0001"))
    with pytest.raises(AssertionError, match=r"claims\.verdict --table"):
        verdict.check(result, page)
