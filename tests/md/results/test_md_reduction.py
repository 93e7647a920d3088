"""From chains to the model's parameters: known ones are found again."""

import dataclasses
import json

import numpy as np
import pytest
from rich.console import Console

from handmade import handmade
from hebraud.md import Campaign, Recording, Series
from hebraud.md.campaign.files import write_arrays
from hebraud.md.campaign.frozen_matrix import yields_file
from hebraud.md.campaign.plan import Runs
from hebraud.md.campaign.reduced_chain import STRESS_EDGES, ReducedChain
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.diffusion import log_lags, stress_differences
from hebraud.md.measure.local_stress import time_block_moments
from hebraud.md.measure.plastic import plastic_record
from hebraud.md.results import reduction, report
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.rates import AtRate, activity_exponent, at_rate
from hebraud.md.results.reduced_data import ReducedData
from hebraud.md.results.reduction import DensityResults, SteadyStress
from hebraud.rheology.estimate import Estimate, Missing
from hebraud.rheology.flow_curve import FlowCurve

RATE, MODULUS, D_SIGMA, THRESHOLD, DROP = 1e-3, 17.0, 3e-3, 3.4, 0.7
RUNS = (Runs(RATE, 1.9, (1, 2)), Runs(1e-2, 2.0, (1, 2)))
PLAN = Campaign("synthetic", 1000, 1.189, RUNS, recording=Recording())
SEGMENTS = 19
CURVE = FlowCurve(np.array([1e-3, 1e-2, 1e-1]), 0.7 + 3.0 * np.sqrt([1e-3, 1e-2, 1e-1]), [1e-3] * 3)


def jumping(number, rng):
    """A hundred frames in which a few particles move away: something for every window."""
    n, side = 200, 13.0
    place = np.array([(i % 15, i // 15) for i in range(n)]) * side / 15 + rng.uniform(
        0, 0.3, (n, 2)
    )
    time = 100.0 * number + np.arange(1.0, 101.0)
    dies_out = np.diff(1.0 - np.exp(-np.arange(101.0) / 3.0))
    begins = (rng.random((100, n)) < 2e-3).astype(float)
    pace = np.apply_along_axis(lambda one: np.convolve(one, dies_out)[:100], 0, begins)
    moved = np.cumsum(pace, axis=0)[:, :, None] * [0.4, 0.6]
    position = place + moved + 1e-3 * rng.normal(size=(100, n, 2))
    return Frames(time, 0.0 * time, position, np.ones(n, int), np.array([side, side]))


def chain_of(seed, records):
    rng = np.random.default_rng(seed)
    time = 0.2 * np.arange(1, 500 * SEGMENTS + 1)
    walk = np.cumsum(np.sqrt(0.2 * D_SIGMA) * rng.normal(size=(len(time), 25)), axis=0)
    strain = RATE * time
    late = np.array_split(walk[10 * 500 :], 9)  # strain 1 is reached after ten segments
    moves = stress_differences(late, 0.2, 0.0, lags=log_lags(250), time_blocks=1)
    return ReducedChain(
        segments=SEGMENTS,
        series=Series(strain[4::5], MODULUS * np.minimum(strain[4::5], 0.05), *np.zeros((2, 1900))),
        start=np.stack([strain[:500], MODULUS * np.minimum(strain[:500], 0.05)], axis=1),
        observed={"plastic": records[10:]},
        block_segments=1,
        lag=moves.lag,
        count=moves.count,
        sums=moves.sums,
        histogram=np.array([np.histogram(one, STRESS_EDGES)[0] for one in late]),
        moments=time_block_moments(late, 1),
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    rng = np.random.default_rng(0)
    records = tuple(plastic_record(jumping(k, rng)) for k in range(SEGMENTS))
    thresholds = {
        "strain": np.array([0.9, 1.1, 1.3, 1.5, 1.7, 1.9]),
        "threshold": THRESHOLD + 0.9 * rng.normal(size=(6, 25)),
        "at_fixed_strain": DROP + 0.1 * rng.normal(size=(6, 25)),
    }
    for name in ("threshold", "at_fixed_strain"):
        thresholds[name][0] = 1e6  # before the flow has settled
        thresholds[name][3, 7] = np.nan
    thresholds["one_step"] = 1.1 * thresholds["at_fixed_strain"]
    thresholds["to_minimum"] = 2.0 * thresholds["at_fixed_strain"]

    folder = tmp_path_factory.mktemp("yields")
    for seed in (1, 2):
        point = PLAN.point(RATE, seed)
        for at, number in enumerate((9, 11, 13, 15, 17, 19)):
            about = {**dataclasses.asdict(point), "segment": number}
            arrays = {name: values[at] for name, values in thresholds.items()}
            write_arrays(yields_file(point, folder, number), arrays, about)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction, "kept_segments", lambda *_: [9, 11, 12, 13, 15, 17, 19])
        yields = reduction.local_yields(PLAN, RATE, folder)
    chains = {seed: chain_of(seed, records) for seed in (1, 2)}
    begun = reduction.start_ups({RATE: chains})
    point = PLAN.point(RATE, 1)
    evidence = reduction.data_of(point, list(chains.values()), 1.0, yields, CURVE, begun)
    return measure(evidence), records, thresholds, evidence


def test_what_is_put_in_comes_out(measured):
    whole, records, thresholds, _ = measured
    found = whole.parameters
    assert found.G0.value == pytest.approx(MODULUS, rel=1e-9)
    assert found.sigma_Y.value == pytest.approx(0.7, abs=1e-6)
    assert abs(found.D_sigma.value / D_SIGMA - 1.0) < 4 * found.D_sigma.stderr / D_SIGMA < 0.5
    late = thresholds["threshold"][1:]
    assert found.sigma_c.value == pytest.approx(np.nanmean(late), rel=1e-12)
    assert found.sigma_c_std.value == pytest.approx(np.nanstd(late), rel=1e-9)
    assert found.drop.value == pytest.approx(
        np.nanmean(thresholds["at_fixed_strain"][1:]), rel=1e-12
    )
    # 248 independent blocks: the error of the mean is that of 250 draws, to the noise of 10 rows
    assert found.sigma_c.stderr == pytest.approx(0.9 / np.sqrt(248), rel=0.6)
    assert "2 not yielded" in found.sigma_c.note
    active = sum(one["area"].sum() for one in records[10:])
    clusters = sum(one["area"].size for one in records[10:])
    assert found.l_pl.value == pytest.approx(np.sqrt(active / clusters), rel=1e-12)
    assert found.Gamma.value > 0.0
    beside = whole.estimates
    assert beside["drop to_minimum"].value == pytest.approx(2.0 * found.drop.value, rel=1e-12)
    assert beside["Gamma drop/(G0 rate)"].value == pytest.approx(
        found.Gamma.value * found.drop.value / (found.G0.value * RATE), rel=1e-12
    )
    assert abs(found.tau_p.value - 1.5) < 0.5  # half of 3, events in one place disturb each other
    assert found.block_width == pytest.approx(np.sqrt(1000 / 1.189) / 5)


def test_parameters_are_printed_and_stored(measured, capsys):
    found, _, _, evidence = measured
    stresses = tuple(
        SteadyStress(rate, (1,), 2.0, 1, Estimate(stress, 1e-3))
        for rate, stress in zip(CURVE.shear_rate, CURVE.stress, strict=True)
    )
    none = Missing("no fit")
    results = DensityResults(PLAN, stresses, CURVE, none, none, {RATE: evidence}, found, ())
    stored = json.loads(json.dumps(report._parameters_dict(found)))
    assert stored["parameters"]["G0"]["value"] == found.estimates["G0"].value
    alpha = found.parameters.alpha_flow.value
    assert stored["couplings"]["alpha_flow from sigma_Y"]["value"] == alpha
    report.print_summary(results)
    said = " ".join(capsys.readouterr().out.split())
    assert "Parameters of the model, at shear rate 0.001/τ0" in said
    for name in ("G0", "sigma_c", "Gamma", "alpha_flow"):
        assert name in said


def test_one_that_fails_leaves_the_others(measured, capsys):
    none = {"blocks": Missing("no blocks here"), "yields": Missing("too narrow")}
    evidence = dataclasses.replace(measured[3], **none)
    left = measure(evidence)
    assert left.parameters is None
    assert left.couplings == {}
    for name in ("D_sigma", "block stress", "D_sigma eq. (7)"):
        assert left.estimates[name] == "none: no blocks here"
    assert left.estimates["sigma_c"] == left.estimates["drop"] == "none: too narrow"
    assert left.estimates["G0"] == measured[0].estimates["G0"]
    report._print_parameters(Console(width=200), left)
    said = " ".join(capsys.readouterr().out.split())
    assert f"G0 │ {left.estimates['G0']} │ ε/σ² │ shear modulus" in said
    assert "D_sigma │ none: no blocks here │ (ε/σ²)²/τ0" in said
    stored = report._parameters_dict(left)["parameters"]
    assert stored["D_sigma"] == {"failed": "none: no blocks here"}


def test_evidence_is_stored_whole(measured, tmp_path):
    """The stress of the box is stored in single precision, all else as it is."""
    evidence = measured[3]
    evidence.write(tmp_path / "one.npz")
    evidence.write(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    again = measure(ReducedData.read(tmp_path / "one.npz"))
    for name, estimate in measured[0].estimates.items():
        if isinstance(estimate, Estimate):
            assert again.estimates[name].value == pytest.approx(estimate.value, rel=1e-6), name
            assert again.estimates[name].stderr == pytest.approx(estimate.stderr, 1e-5, 1e-6), name
    none = {"blocks": Missing("no blocks"), "yields": Missing("no snapshots")}
    bare = dataclasses.replace(evidence, **none)
    bare.write(tmp_path / "bare.npz")
    read = ReducedData.read(tmp_path / "bare.npz")
    assert (read.blocks.reason, read.yields.reason) == ("no blocks", "no snapshots")


def test_the_modulus_is_that_of_all_slow_rates(measured, tmp_path):
    """Slopes 15 to 19 by seed, whatever the rate; the fast rate says 40 and is not asked."""
    _, records, _, evidence = measured

    def begun(rate, slope):
        strain = rate * 0.2 * np.arange(1, 501)
        start = np.stack([strain, 0.2 + slope * strain], axis=1)
        return dataclasses.replace(chain_of(1, records), start=start)

    chains = {
        1e-4: {1: begun(1e-4, 15.0), 2: begun(1e-4, 19.0)},
        1e-3: {2: begun(1e-3, 19.0), 3: begun(1e-3, 17.0), 1: begun(1e-3, 15.0)},
        1e-2: {1: begun(1e-2, 40.0)},
        1e-5: {},
    }
    seen = dataclasses.replace(evidence, start_ups=reduction.start_ups(chains))
    seen.write(tmp_path / "evidence.npz")
    again = ReducedData.read(tmp_path / "evidence.npz")
    for one in (seen, again):
        assert [(s.shear_rate, s.seeds) for s in one.start_ups] == [
            (1e-4, (1, 2)),
            (1e-3, (2, 3, 1)),
            (1e-2, (1,)),
        ]
        G0 = measure(one).estimates["G0"]
        assert G0.value == pytest.approx(17.0, rel=1e-5)
        assert G0.stderr == pytest.approx(2.0 / np.sqrt(3.0), rel=1e-5)
        assert G0.n == 3
    fast = dataclasses.replace(evidence, start_ups=reduction.start_ups({3e-3: chains[1e-3]}))
    assert measure(fast).estimates["G0"].n == 3  # nothing slower there: its note names the rate


def test_what_is_missing_is_said(tmp_path):
    bare = Campaign("bare", 1000, 1.189, (Runs(1e-3, 2.0, (1,)),), recording=None)
    found = reduction.reduce_density(bare, tmp_path)
    assert found.measured.reason.startswith("nothing but the stress was recorded")
    assert found.curve == "none: no rate has run long enough for an error bar"
    assert found.stresses[0].value == "none: not run beyond the transient"
    assert found.parameters is None
    assert found.fit == found.curve
    plan, _ = handmade(tmp_path, 9)
    short = reduction.reduce_density(plan, tmp_path)
    assert isinstance(short.curve, FlowCurve)
    assert short.measured.startswith("none: no chain has settled: all end before strain 1")
    assert short.estimate("Gamma") == short.measured
    assert short.rates[0].D_sigma == "none: the chains end before the flow has settled"


def test_without_events_the_rest_is_measured(measured, tmp_path):
    """A campaign whose only observer is a user's own."""
    own = {"heights": [{"height": np.arange(3.0)}] * 18}
    evidence = dataclasses.replace(measured[3], records={}, observed=own)
    evidence.write(tmp_path / "evidence.npz")
    read = ReducedData.read(tmp_path / "evidence.npz")
    assert len(read.observed["heights"]) == 18
    assert np.array_equal(read.observed["heights"][17]["height"], np.arange(3.0))
    found = measure(read)
    assert found.parameters is None
    for name in ("Gamma", "l_pl", "tau_p"):
        assert found.estimates[name].startswith("none: no Plastic observer named 'plastic'")
    for name in ("D_sigma", "sigma_c", "G0"):
        assert found.estimates[name].value == pytest.approx(measured[0].estimates[name].value, 1e-6)
    assert found.estimates["D_sigma"].stderr == measured[0].estimates["D_sigma"].stderr


def test_a_fault_in_the_program_is_no_missing_measure(measured, monkeypatch):
    """Arrays that numpy cannot broadcast are raised, not printed as physics."""
    broken = dataclasses.replace(measured[3].blocks.differences, lag=np.ones(3))
    blocks = dataclasses.replace(measured[3].blocks, differences=broken)
    with pytest.raises(ValueError, match="broadcast"):
        measure(dataclasses.replace(measured[3], blocks=blocks))


@pytest.mark.parametrize(
    ("complete", "chosen"),
    [((1e-3, 3e-3, 1e-2), 3e-3), ((1e-3, 1e-2), 1e-3), ((1e-2,), 1e-2), ((), 3e-3)],
)
def test_parameters_are_measured_at_the_rate_of_the_campaign(
    measured, monkeypatch, complete, chosen
):
    """Or, where something is missing there, at the lowest other rate that gives everything."""

    def found(data):
        known = {"G0": measured[0].estimates["G0"]}
        whole = measured[0].parameters if data.shear_rate in complete else None
        return Measured(data.shear_rate, known, whole)

    monkeypatch.setattr(reduction, "measure", found)
    rates = (1e-3, 3e-3, 1e-2)
    plan = dataclasses.replace(
        PLAN, runs=tuple(Runs(rate, 1.9, (1,)) for rate in rates), measured_rate=3e-3
    )
    data = {rate: dataclasses.replace(measured[3], shear_rate=rate) for rate in rates}
    assert reduction.measured_of(plan, data, CURVE).shear_rate == chosen


def test_activity_and_diffusion_at_every_rate(measured, capsys):
    whole, records, _, _ = measured
    chains = [chain_of(seed, records) for seed in (1, 2)]
    none = dataclasses.replace(
        chains[0], **{name: getattr(chains[0], name)[:0] for name in ("count", "sums", "moments")}
    )
    few = [
        dataclasses.replace(
            chain,
            **{name: getattr(chain, name)[:3] for name in ("count", "sums", "moments")},
            observed={"plastic": records[10:13]},
        )
        for chain in chains
    ]
    low, high = at_rate(RATE, [*chains, none]), at_rate(1e-2, few)
    for name in ("Gamma", "D_sigma"):  # the same runs, the same draws
        assert low.measured[name] == whole.estimates[name]
    assert low.onsets == whole.estimates["Gamma onsets"]
    ratio, D_sigma, Gamma = low.D_over_Gamma, low.D_sigma, low.Gamma
    assert ratio.value == pytest.approx(D_sigma.value / Gamma.value, rel=1e-12)
    apart = np.hypot(D_sigma.stderr / D_sigma.value, Gamma.stderr / Gamma.value)
    # the two are drawn from independent noise: errors add, to the noise of 18 time blocks
    assert ratio.stderr / ratio.value == pytest.approx(apart, rel=0.4)
    assert low.D_over_rate.value == pytest.approx(D_sigma.value / RATE, rel=1e-12)
    assert high.Gamma.startswith("none: 6 time blocks are too few")
    assert high.D_sigma.startswith("none: 6 time blocks are too few")
    assert high.D_over_rate == "none: needs D_sigma"
    assert at_rate(1.0, [none]).D_sigma == "none: the chains end before the flow has settled"
    stored = json.loads(json.dumps(report._rates_dict((low, high))))
    assert stored["rates"][0]["D_sigma"]["value"] == D_sigma.value
    assert stored["rates"][1]["D_sigma"]["failed"] == high.D_sigma
    assert "at least 3 shear rates" in stored["exponent of D_sigma in Gamma"]["failed"]
    report._print_rates(Console(width=220), (low, high))
    said = capsys.readouterr().out
    assert f"{low.D_over_Gamma}" in said
    assert "6 time blocks" in said


def test_lags_that_flips_of_the_box_leave_empty_are_left_out(measured):
    """In fast flow: the longest lags of some time blocks lie on either side of a flip."""
    _, records, _, evidence = measured
    whole = [chain_of(seed, records) for seed in (1, 2)]
    flipped = dataclasses.replace(whole[1], count=whole[1].count.copy(), sums=whole[1].sums.copy())
    flipped.count[3:5, -2:], flipped.sums[3:5, -2:] = 0, 0.0
    shorter = [
        dataclasses.replace(one, lag=one.lag[:-2], count=one.count[:, :-2], sums=one.sums[:, :-2])
        for one in whole
    ]
    found = at_rate(RATE, [whole[0], flipped])
    assert isinstance(found.D_sigma, Estimate)
    assert found == at_rate(RATE, shorter)
    point = PLAN.point(RATE, 1)
    seen = reduction.data_of(point, [whole[0], flipped], 1.0, evidence.yields, CURVE, ())
    assert np.array_equal(seen.blocks.differences.lag, whole[0].lag[:-2])
    never = dataclasses.replace(flipped, count=0 * flipped.count)
    assert at_rate(RATE, [whole[0], never]).D_sigma.startswith("none: no 0.5 decades of lags")


def test_the_exponent_is_that_of_the_rates_that_give_both():
    def one(rate, Gamma, D_sigma):
        return AtRate(rate, Gamma, "none", D_sigma, "none", "none")

    some = [one(g, Estimate(g, 0.01 * g), Estimate(g**1.3, 0.01 * g)) for g in (0.1, 0.2, 0.4)]
    blind = [one(1.0, "none: merged", Estimate(5.0, 1.0)), one(2.0, Estimate(9.0, 1.0), "none")]
    blind.append(one(3.0, Estimate(0.0, 0.0), Estimate(5.0, 1.0)))
    assert activity_exponent([*some, *blind]).value == pytest.approx(1.3, rel=1e-9)
    assert activity_exponent(some[:2]).startswith("none: ")
