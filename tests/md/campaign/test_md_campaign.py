"""Campaigns: files, steps, one front door; killed or exported, they end with the same tables."""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import user_observers
from typer.testing import CliRunner
from user_observers import Heights, Wandering

from handmade import handmade
from hebraud.cli import app
from hebraud.errors import HebraudError
from hebraud.md import PRESETS, CorruptCheckpoint, Runs, run
from hebraud.md.campaign.archive import export_run, import_run
from hebraud.md.campaign.chain import advance, read_chain, segments_done
from hebraud.md.campaign.cost import time_left
from hebraud.md.campaign.frozen_matrix import yields_file
from hebraud.md.campaign.launch import alone, step_environment
from hebraud.md.campaign.plan_file import campaign_json, campaign_named, read_campaign
from hebraud.md.campaign.reduced_chain import STRESS_EDGES, reduce_chain, reduced_file
from hebraud.md.campaign.workflow.steps import CAMPAIGN, campaign_steps
from hebraud.md.observers import Plastic
from hebraud.md.results.reduced_data import ReducedData
from hebraud.md.results.reduction import reduce_campaign

RUNNER = CliRunner()


def killed_campaign():
    from validation.claims import killed_campaign as script

    return script


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The campaign of validation/claims/killed_campaign.py with half of its chains."""
    path = tmp_path_factory.mktemp("campaign") / "tiny.toml"
    path.write_text(killed_campaign().TINY.replace("seeds = [1, 2]", "seeds = [1]"))
    return path


# -- the file
@pytest.mark.parametrize("name", ["demo", "laptop", "paper"])
def test_presets_come_through_their_file(name, tmp_path):
    preset = PRESETS[name]
    path = tmp_path / CAMPAIGN
    path.write_text(campaign_json(preset))
    assert read_campaign(path) == preset == campaign_named(name)


def test_laptop_is_what_was_asked_for():
    plan = PRESETS["laptop"].up_to(1)
    assert plan.particles == 4000
    assert plan.densities == (1.149, 1.189, 1.253, 1.322)
    assert sorted(plan.shear_rates) == [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    seeds = {rate: len(plan.seeds_at(rate)) for rate in plan.shear_rates}
    assert seeds == {1e-2: 5, 1e-3: 5, 3e-2: 2, 3e-3: 2, 3e-4: 2, 1e-4: 2}
    first = [point.shear_rate for point, _ in plan.stages[:16]]
    assert first == 8 * [1e-2] + 8 * [1e-3]
    at_lowest = [n for point, n in plan.stages if point.shear_rate == 1e-4]
    assert at_lowest == 8 * [50] + 8 * [150]  # all densities to 0.5 first
    hours = sum(step.seconds for step in campaign_steps(plan)) / 3600
    assert 2 < hours / 2 < 4
    assert min(PRESETS["paper"].shear_rates) == 1e-6
    assert {3e-5, 1e-5} <= set(PRESETS["laptop"].shear_rates)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("particles = 400", "partikles = 400"), r"has no partikles; it may have name"),
        (("strain = 1.2", "strein = 1.2"), r"\[\[runs\]\] has no strein"),
        (("lag = 1.0", 'kind = "no.such:Thing"'), r"kind of an observer .* got 'no.such:Thing'"),
        (("densities = [1.189]", ""), r"must say densities"),
        (("particles = 400", "particles = "), r"cannot be read"),
        (("seeds = [1]", "seeds = []"), r"seeds must be one or more"),
    ],
)
def test_a_bad_campaign_file_is_named(tiny, tmp_path, change, said):
    path = tmp_path / "bad.toml"
    path.write_text(tiny.read_text().replace(*change))
    with pytest.raises(ValueError, match=said):
        read_campaign(path)


def test_steps_follow_each_other(tiny):
    plan = read_campaign(tiny)
    steps = campaign_steps(plan)
    there = {CAMPAIGN}
    for step in steps:
        assert set(step.inputs) <= there, step
        assert step.output not in there
        there.add(step.output)
    kinds = [step.kind for step in steps]
    assert kinds[:2] == ["prepare", "shear"]
    assert kinds[-2:] == ["measure", "aggregate"]
    assert {kind: kinds.count(kind) for kind in kinds}["shear"] == 3  # one chain in two stages


# -- the condensed chain, on segments made by hand
def test_a_condensed_chain_holds_the_sums_of_its_segments(tmp_path):
    plan, point = handmade(tmp_path, 19)
    assert plan.time_blocks(point) == (10, 1, 9)
    found, whole = reduce_chain(plan, point, tmp_path), read_chain(point, tmp_path)
    assert found.segments == 19
    mean = whole.series.stress.reshape(-1, 5).mean(axis=1)
    assert found.series.stress == pytest.approx(mean, abs=1e-6)
    middle = whole.series.strain.reshape(-1, 5).mean(axis=1)
    assert found.series.strain == pytest.approx(middle, rel=1e-12)
    assert found.start[:, 0] == pytest.approx(whole.series.strain[:500], rel=1e-12)
    assert found.start[:, 1] == pytest.approx(whole.series.stress[:500], rel=1e-6)
    for block in range(9):
        rows = slice(500 * (10 + block), 500 * (11 + block))
        stress = whole.block_stress.stress[rows].astype(float)
        epoch = whole.block_stress.epoch[rows]
        for k, lag in enumerate(np.round(found.lag / 0.2).astype(int)):
            apart = (stress[lag:] - stress[:-lag])[epoch[lag:] == epoch[:-lag]]
            sums = [np.sum(apart**p) for p in range(1, 5)]
            assert found.count[block, k] == apart.size
            assert found.sums[block, k] == pytest.approx(sums, rel=1e-9, abs=1e-9)
        law = [stress.size, stress.sum(), np.square(stress).sum()]
        assert found.moments[block] == pytest.approx(law, rel=1e-12)
        assert np.array_equal(found.histogram[block], np.histogram(stress, STRESS_EDGES)[0])
        (record,) = found.records("plastic")[block]
        for name, array in whole.observed["plastic"][10 + block].items():
            assert record[name] == pytest.approx(array, rel=1e-6), name


@pytest.mark.parametrize("stops", [(3, 12, 19), (11, 13, 18, 19)])
def test_a_chain_condensed_in_goes_gives_the_same_bytes(tmp_path, stops):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    plan, point = handmade(whole, 19)
    reduce_chain(plan, point, whole)
    for stop in stops:
        handmade(parts, stop)
        kept = reduce_chain(plan, point, parts)
        closed = 10 + kept.time_blocks if stop > 10 else stop
        for number in range(1, closed + 1):  # as in an imported run
            point.segment_file(parts, number).unlink(missing_ok=True)
        assert segments_done(point, parts) == stop
        for number in range(1, closed + 1):
            assert not point.segment_file(parts, number).exists()
    # handmade writes all segments again: what was condensed must be taken from the file as well
    for number in range(1, 20):
        point.segment_file(parts, number).unlink(missing_ok=True)
    file = reduced_file(plan, point, parts)
    assert file.read_bytes() == reduced_file(plan, point, whole).read_bytes()
    assert reduce_chain(plan, point, parts).segments == 19


def test_missing_segments_are_reported(tmp_path):
    plan, point = handmade(tmp_path, 12)
    point.segment_file(tmp_path, 1).unlink()
    with pytest.raises(CorruptCheckpoint, match=r"segment000001\.h5 is missing"):
        reduce_chain(plan, point, tmp_path)


# -- the whole
@pytest.fixture(scope="module")
def whole(lammps, tiny, tmp_path_factory):
    pytest.importorskip("snakemake")
    folder = tmp_path_factory.mktemp("whole")
    curves = run(str(tiny), folder, processes=2, progress=False)
    return folder, curves


@pytest.mark.slow
@pytest.mark.md
def test_a_campaign_ends_with_its_tables(whole, tiny):
    folder, curves = whole
    assert list(curves) == [1.189]
    assert curves[1.189].shear_rate.tolist() == [0.05, 0.1]
    with open(folder / "flow_curves.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [(row["density"], row["shear_rate"], row["seed"]) for row in rows] == [
        ("1.189", "0.05", "1"),
        ("1.189", "0.1", "1"),
    ]
    work = [float(row["dissipation"]) + float(row["storage"]) for row in rows]
    assert [float(row["stress"]) for row in rows] == pytest.approx(work, rel=0.02)
    with open(folder / "parameters.csv", newline="") as table:
        symbols = {row["symbol"] for row in csv.DictReader(table)}
    assert {"G0", "sigma_c", "drop", "Gamma", "tau_p", "D_sigma", "sigma_Y"} <= symbols
    plan = read_campaign(tiny)
    assert time_left(plan, folder) == []
    assert reduce_campaign(plan, folder).missing == ""


@pytest.mark.slow
@pytest.mark.md
def test_killed_at_random_it_ends_with_the_same_bytes(whole, tiny, tmp_path):
    script = killed_campaign()
    for attempt in range(5):  # a quick machine may be done before it is killed
        folder = tmp_path / f"killed{attempt}"
        said = script.kill_one(str(tiny), folder, 2, random.uniform(2.0, 6.0))
        assert script.wait_until_gone(folder) == [], said
        if script.tables(folder) != script.tables(whole[0]):
            break
    else:
        pytest.fail(f"five runs were done before they were killed; the last: {said}")
    (folder / ".flow_curves.csv.1.part").write_text("half a table")
    run(str(tiny), folder, processes=2, progress=False)
    assert script.tables(folder) == script.tables(whole[0]), said


@pytest.mark.slow
@pytest.mark.md
def test_an_exported_run_goes_on_elsewhere(whole, tiny, tmp_path):
    """From a run cut off in the middle of a chain; the tables come from what was exported."""
    script = killed_campaign()
    plan = read_campaign(tiny)
    cut, there = tmp_path / "cut", tmp_path / "there"
    point = plan.point(0.05, 1)
    while advance(point, cut) < 17:
        pass
    with pytest.raises(ValueError, match="say which campaign it is"):
        export_run(cut, tmp_path / "packed")
    said = export_run(cut, tmp_path / "packed", plan)
    assert "0 of 2 chains finished" in said
    import_run(tmp_path / "packed", there)
    assert segments_done(point, there) == 17
    assert not point.segment_file(there, 1).exists()
    assert yields_file(point, there, 5).exists()
    (cut / CAMPAIGN).write_text(campaign_json(plan))
    for folder in (cut, there):
        result = RUNNER.invoke(app, ["md", "aggregate", "--so-far", str(folder)])
        assert result.exit_code == 0, result.output
        said = " ".join(result.output.split())
        assert "left out: density 1.189, rate 0.1: none" not in said
        assert "left out: density 1.189, rate 0.1: not run beyond the transient" in said
        refused = RUNNER.invoke(app, ["md", "aggregate", str(folder)])
        assert "2 of 2 chains are unfinished" in " ".join(refused.output.split())
    assert script.tables(there) == script.tables(cut)
    advance(point, there)
    assert segments_done(point, there) == 18
    advance(point, cut)
    file = point.segment_file(cut, 18)
    assert point.segment_file(there, 18).read_bytes() == file.read_bytes()
    # a finished run needs no segment at all for its tables
    export_run(whole[0], tmp_path / "finished")
    size = sum(f.stat().st_size for f in (tmp_path / "finished").rglob("*"))
    again = tmp_path / "again"
    import_run(tmp_path / "finished", again)
    assert not list(again.rglob("segment*"))
    assert size < 60_000
    result = RUNNER.invoke(app, ["md", "aggregate", str(again)])
    assert result.exit_code == 0, result.output
    assert script.tables(again) == script.tables(whole[0])
    broken = next((tmp_path / "finished").rglob("condensed*.xz"))
    broken.write_bytes(next((tmp_path / "finished").rglob("yields*.xz")).read_bytes())
    with pytest.raises(ValueError, match="is not the file that was exported"):
        import_run(tmp_path / "finished", tmp_path / "third")


@pytest.mark.md
def test_a_user_s_observers_reach_the_end_of_their_campaign(lammps, tiny, tmp_path):
    """One that adds up what it found in each segment, and one that leaves the joining to us."""
    plan = read_campaign(tiny)
    observers = (Plastic(lag=1.0, correlation_time=3.0), Wandering(), Heights())
    runs = (Runs(0.05, 2.6, (1,)),)  # 13 segments, eight of them time blocks
    plan = replace(plan, runs=runs, recording=replace(plan.recording, observers=observers))
    (tmp_path / CAMPAIGN).write_text(campaign_json(plan))
    assert read_campaign(tmp_path / CAMPAIGN) == plan
    (point,) = plan.chains
    chain = str(point.folder(tmp_path))
    for step in (
        ["prepare", str(point.glass.folder(tmp_path))], ["shear", chain, "--segments", "13"],
        ["measure", chain], ["aggregate", str(tmp_path)],
    ):  # fmt: skip
        result = RUNNER.invoke(app, ["md", *step])
        assert result.exit_code == 0, result.output
    data = ReducedData.read(tmp_path / "density1.189-N400" / "evidence.npz")
    assert list(data.records) == ["plastic"]
    stored = read_chain(point, tmp_path).observed
    for unit, record in enumerate(data.observed["wandering"]):
        assert record["sum"] == pytest.approx(stored["wandering"][5 + unit]["sum"], rel=1e-6)
        assert record["count"] == [800 * 20]  # 20 windows of 400 particles, x and y
    assert len(data.observed["heights"]) == 8
    assert data.observed["heights"][0]["frames"].tolist() == [20]
    assert data.observed["heights"][0]["height"].shape == (20,)
    places = step_environment(plan)["PYTHONPATH"].split(os.pathsep)
    assert str(Path(user_observers.__file__).parent) in places


@dataclass(frozen=True)
class Moody:
    """Returns other names, or other axes, from the second segment on."""

    second: tuple
    name: str = "moody"

    def frames_before(self, spacing):
        return 0

    def reduce(self, frames, before):
        name, shape = self.second if frames.time[0] > 4.1 else ("a", (3, 2))
        return {name: np.zeros(shape)}


@pytest.mark.md
@pytest.mark.parametrize(
    ("second", "said"), [(("b", (3, 2)), "{'b': (2,)} after {'a': (2,)}"), (("a", (3, 5)), None)]
)
def test_observers_that_could_not_be_joined_are_named_at_once(lammps, tiny, tmp_path, second, said):
    """In the second segment, not after days of LAMMPS."""
    plan = read_campaign(tiny)
    plan = replace(plan, recording=replace(plan.recording, observers=(Moody(second),)))
    point = plan.point(0.05, 1)
    assert advance(point, tmp_path) == 1
    with pytest.raises(ValueError, match="the observer 'moody' must return the same") as caught:
        advance(point, tmp_path)
    assert said is None or said in str(caught.value)
    fine = replace(plan, recording=replace(plan.recording, observers=(Moody(("a", (9, 2))),)))
    shutil.rmtree(tmp_path / "density1.189-N400" / "seed1" / "rate0.05")
    assert [advance(fine.point(0.05, 1), tmp_path) for _ in range(2)] == [1, 2]


def test_an_observer_that_no_step_could_import_is_refused(tiny):
    @dataclass(frozen=True)
    class Local(Heights):
        pass

    plan = read_campaign(tiny)
    plan = replace(plan, recording=replace(plan.recording, observers=(Local(),)))
    with pytest.raises(ValueError, match="'heights' must be a class of a module"):
        campaign_json(plan)


@pytest.mark.md
def test_ctrl_c_ends_everything_at_once(lammps, tiny, tmp_path):
    pytest.importorskip("snakemake")
    script, folder = killed_campaign(), tmp_path / "run"
    process = subprocess.Popen(
        script.command(str(tiny), folder, 2),
        stderr=subprocess.PIPE,
        # a job in the background of a shell ignores Ctrl-C, and hands that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end = time.monotonic() + 60.0
    while not list(folder.rglob("glass.h5")) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30.0)[1].decode()
    assert process.returncode in (130, -signal.SIGINT)
    assert process.returncode != 130 or "the same command goes on" in said
    assert script.wait_until_gone(folder) == []


# -- the front door
def test_two_runs_in_one_directory_are_refused(tmp_path):
    again = pytest.raises(HebraudError, match="another hebraud md run works")
    with alone(tmp_path), again, alone(tmp_path):
        pass


def test_a_step_ends_when_its_run_is_gone(tmp_path):
    step = "import time; from hebraud.md.campaign.workflow.work import follow_front as f; f(0.05); "
    lines = [sys.executable, "-c", step + "print('on', flush=True); time.sleep(60)"]
    with alone(tmp_path) as token:
        env = {**os.environ, "HEBRAUD_MD_FRONT": f"{tmp_path / '.lock'}:{token}"}
        process = subprocess.Popen(lines, env=env, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"on\n"
        time.sleep(0.3)
        assert process.poll() is None
    assert process.wait(timeout=20.0) == 1
    process.stdout.close()
    with alone(tmp_path):  # another run holds the lock: not the one that it follows
        process = subprocess.Popen(lines, env=env, stdout=subprocess.PIPE)
        assert process.wait(timeout=20.0) == 1
        process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--preset", "laptop", "--dry-run"], r"h on 2 cores"),
        (["run", "--preset", "glas", "--dry-run"], r"preset must be one of demo, laptop, paper"),
        (["shear", "nowhere", "--segments", "3"], r"does not belong to a campaign"),
        (["measure", "x.dump", "--type-map", "1-2"], r"--type-map must be pairs such as 2:1,1:2"),
    ],
)
def test_commands_say_what_they_do(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    more = ["--processes", "2"] if arguments[0] == "run" else []
    result = RUNNER.invoke(app, ["md", *arguments, *more])
    assert said in " ".join(result.output.split()), result.output
    assert not list(tmp_path.rglob("*"))


def test_a_step_of_another_chain_is_refused(tiny, tmp_path):
    (tmp_path / CAMPAIGN).write_text(campaign_json(read_campaign(tiny)))
    chain = tmp_path / "density1.189-N400" / "seed7" / "rate0.1"
    result = RUNNER.invoke(app, ["md", "shear", str(chain), "--segments", "1"])
    assert result.exit_code == 2
    assert "is not part of the campaign" in result.output
