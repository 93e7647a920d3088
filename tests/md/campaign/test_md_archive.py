"""Runs cut off anywhere, exported, imported: summed up and going on as if nothing had happened."""

import dataclasses

import pytest

from handmade import handmade
from hebraud.md import Recording, Runs
from hebraud.md.campaign import archive, chain
from hebraud.md.campaign.archive import export_run, import_run
from hebraud.md.campaign.chain import advance, holds_checkpoint, segments_done
from hebraud.md.campaign.cost import time_left
from hebraud.md.campaign.frozen_matrix import snapshot_yields
from hebraud.md.campaign.reduced_chain import reduce_chain, reduced_file
from hebraud.md.errors import CorruptCheckpoint

STAGES = (Runs(1e-2, 2.0, (1,)), Runs(1e-3, 1.4, (1, 2)), Runs(1e-3, 2.6, (1, 2)))
STATES = ((9, 3), (14, 9), (19, 14), (26, 21), (26, 26))


def shear_by_hand(folder, state, before=(0, 0)):
    for seed, done, there in zip((1, 2), state, before, strict=True):
        plan, _ = handmade(folder, done, STAGES, seed=seed, first=there + 1, columns=4)
    if before == (0, 0):
        handmade(folder, 2, STAGES, rate=1e-2, columns=4)
    return plan


def reduced_so_far(plan, folder):
    """What tables rest on: the reduced data of every chain, as far as it has come."""
    for point in plan.chains:
        reduce_chain(plan, point, folder)
    files = [reduced_file(plan, point, folder) for point in plan.chains]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_exported_half_done_it_is_summed_up_and_goes_on(tmp_path):
    """From state to state, each in another folder that the one before was exported to."""
    plain, here, before = tmp_path / "plain", tmp_path / "0", (0, 0)
    for hop, state in enumerate(STATES, start=1):
        plan = shear_by_hand(plain, state, before)
        shear_by_hand(here, state, before)
        packed, there = tmp_path / f"packed{hop}", tmp_path / f"{hop}"
        export_run(here, packed, plan)
        import_run(packed, there)
        wanted = reduced_so_far(plan, plain)  # from all of the segments
        assert reduced_so_far(plan, there) == wanted, state
        here, before = there, state
    assert not list(here.rglob("segment*"))


def test_local_yields_that_were_left_behind_are_said(tmp_path):
    _, point = handmade(tmp_path, 3)
    kept = dataclasses.replace(point, recording=Recording(keep_from=0.0))
    with pytest.raises(ValueError, match=r"segment 5 of density\S+ have not been measured"):
        snapshot_yields(kept, tmp_path, 5)


def test_a_chain_that_is_sheared_meanwhile_is_exported_with_its_checkpoint(tmp_path, monkeypatch):
    """Three segments more, and the pruning that goes with them, after the files are listed."""
    plan, point = handmade(tmp_path, 11)
    listed = archive._files

    def list_then_shear(*of):
        found = listed(*of)
        if segments_done(point, tmp_path) == 11:
            handmade(tmp_path, 14, first=10)  # 12 and before are pruned
        return found

    monkeypatch.setattr(archive, "_files", list_then_shear)
    export_run(tmp_path, tmp_path / "packed", plan)
    import_run(tmp_path / "packed", tmp_path / "there")
    assert segments_done(point, tmp_path / "there") == 14
    assert holds_checkpoint(point, tmp_path / "there", 14)


def test_a_chain_that_could_not_go_on_is_not_exported(tmp_path):
    """Its last segments deleted: those before have no checkpoint any more."""
    plan, point = handmade(tmp_path, 14)
    for number in (13, 14):
        point.segment_file(tmp_path, number).unlink()
    with pytest.raises(CorruptCheckpoint, match=r"segment000012\.h5 is the last segment but holds"):
        export_run(tmp_path, tmp_path / "packed", plan)
    assert not (tmp_path / "packed" / "index.json").exists()


def test_an_imported_chain_without_a_checkpoint_says_what_to_delete(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "lammps_version", lambda: None)  # segments made by hand have none
    plan, point = handmade(tmp_path, 14)
    reduce_chain(plan, point, tmp_path)
    for number in (*range(1, 12), 13, 14):
        point.segment_file(tmp_path, number).unlink()
    assert segments_done(point, tmp_path) == 12
    with pytest.raises(CorruptCheckpoint, match=r"Delete \S+/rate0\.001: the chain was imported"):
        advance(point, tmp_path)


def test_an_imported_chain_needs_no_glass_behind_its_first_stage(tmp_path):
    """Seed 1 has 14 of 14 segments and goes on to 26; seed 2 has 11, and Snakemake asks for its
    glass although the chain does not."""
    runs = (Runs(1e-3, 1.4, (1, 2)), Runs(1e-3, 2.6, (1, 2)))
    for seed, done in ((1, 14), (2, 11)):
        plan, _ = handmade(tmp_path, done, runs, seed=seed)
    export_run(tmp_path, tmp_path / "packed", plan)
    import_run(tmp_path / "packed", tmp_path / "there")
    left = [step.command[:2] for step, _ in time_left(plan, tmp_path / "there")]
    assert [chain for kind, chain in left if kind == "prepare"] == ["density1.189-N1000/seed2"]
    assert len([chain for kind, chain in left if kind == "shear"]) == 3


def test_looking_how_far_a_run_is_reads_no_file_twice(tmp_path, monkeypatch):
    """The front door looks at every chain each second; imported ones stay as they are."""
    plan, point = handmade(tmp_path, 11)
    reduce_chain(plan, point, tmp_path)
    for number in range(1, 12):
        point.segment_file(tmp_path, number).unlink()
    read = []
    whole = chain.read_arrays
    monkeypatch.setattr(chain, "read_arrays", lambda *of: read.append(of[0]) or whole(*of))
    assert [segments_done(point, tmp_path) for _ in range(3)] == [11, 11, 11]
    assert len(read) == 1
    handmade(tmp_path, 14)
    reduce_chain(plan, point, tmp_path)
    for number in range(1, 15):
        point.segment_file(tmp_path, number).unlink()
    assert segments_done(point, tmp_path) == 14
    assert len(read) > 1
