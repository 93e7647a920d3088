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
from hebraud.md.campaign.reduced_chain import condense, condensed_file
from hebraud.md.errors import CorruptCheckpoint
from hebraud.md.results.aggregate import complete_parts

STAGES = (Runs(1e-2, 2.0, (1,)), Runs(1e-3, 1.4, (1, 2)), Runs(1e-3, 2.6, (1, 2)))
STATES = ((9, 3), (14, 9), (19, 14), (26, 21), (26, 26))


def shear_by_hand(folder, state, before=(0, 0)):
    for seed, done, there in zip((1, 2), state, before, strict=True):
        plan, _ = handmade(folder, done, STAGES, seed=seed, first=there + 1, columns=4)
    if before == (0, 0):
        handmade(folder, 2, STAGES, rate=1e-2, columns=4)
    return plan


def forms_so_far(plan, folder):
    """What tables made so far rest on: the condensed chains of the runs that are complete."""
    (part,) = complete_parts(plan, folder)
    for point in part.chains:
        condense(part, point, folder)
    files = [condensed_file(part, point, folder) for point in part.chains]
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
        wanted = forms_so_far(plan, plain)  # from all of the segments
        assert len(wanted) == (1 if state[1] < 14 else 3)
        assert forms_so_far(plan, there) == wanted, state
        here, before = there, state
    assert not list(here.rglob("segment*"))


def test_of_finished_rates_only_the_whole_travels(tmp_path):
    for state, forms in (((26, 21), 5), ((26, 26), 3)):
        folder, packed = tmp_path / f"{state[1]}", tmp_path / f"packed{state[1]}"
        export_run(folder, packed, shear_by_hand(folder, state))
        assert len(list(packed.rglob("condensed*.xz"))) == forms


@pytest.mark.parametrize(
    ("done", "strain", "seeds"),
    [((14, 14, 3), 1.4, (1, 2)), ((26, 14, 14), 1.4, (1, 2, 3)), ((26, 26, 14), 2.6, (1, 2))],
)
def test_so_far_all_seeds_of_a_rate_have_one_strain(tmp_path, done, strain, seeds):
    """(26, 26, 14): two seeds with 2.4 after the transient are more than three with 1.2."""
    runs = tuple(
        Runs(1e-3, strain, seeds)
        for seeds, strain in (((1, 2), 1.4), ((3,), 1.4), ((1, 2), 2.6), ((3,), 2.6))
    )
    for seed, segments in enumerate(done, start=1):
        plan, _ = handmade(tmp_path, segments, runs, seed=seed)
    (part,) = complete_parts(plan, tmp_path)
    assert part.runs == (Runs(1e-3, strain, seeds),)


def test_local_yields_that_were_left_behind_are_said(tmp_path):
    _, point = handmade(tmp_path, 3)
    kept = dataclasses.replace(point, recording=Recording(keep_from=0.0))
    with pytest.raises(ValueError, match=r"segment 5 of density\S+ have not been measured"):
        snapshot_yields(kept, tmp_path, 5)


def test_a_chain_that_is_sheared_meanwhile_is_exported_with_its_checkpoint(tmp_path, monkeypatch):
    """Three segments more, and the pruning that goes with them, after the files are listed."""
    plan, point = handmade(tmp_path, 11)
    listed = archive._form_files

    def list_then_shear(*of):
        found = listed(*of)
        if segments_done(point, tmp_path) == 11:
            handmade(tmp_path, 14, first=10)  # 12 and before are pruned
        return found

    monkeypatch.setattr(archive, "_form_files", list_then_shear)
    export_run(tmp_path, tmp_path / "packed", plan)
    import_run(tmp_path / "packed", tmp_path / "there")
    assert segments_done(point, tmp_path / "there") == 14
    assert holds_checkpoint(point, tmp_path / "there", 14)


def test_forms_read_at_different_moments_leave_no_gap(tmp_path, monkeypatch):
    """Two segments more between the form of the first stage and that of the whole."""
    runs = (Runs(1e-3, 1.4, (1,)), Runs(1e-3, 2.6, (1,)))
    plan, point = handmade(tmp_path, 11, runs)
    listed = archive._form_files

    def list_then_shear(*of):
        found = listed(*of)
        if segments_done(point, tmp_path) == 11:
            handmade(tmp_path, 13, runs, first=12)
        return found

    monkeypatch.setattr(archive, "_form_files", list_then_shear)
    export_run(tmp_path, tmp_path / "packed", plan)
    import_run(tmp_path / "packed", tmp_path / "there")
    assert segments_done(point, tmp_path / "there") == 13
    assert len(list((tmp_path / "there").rglob("segment*"))) == 1


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
    condense(plan, point, tmp_path)
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
    condense(plan, point, tmp_path)
    for number in range(1, 12):
        point.segment_file(tmp_path, number).unlink()
    read = []
    whole = chain.read_arrays
    monkeypatch.setattr(chain, "read_arrays", lambda *of: read.append(of[0]) or whole(*of))
    assert [segments_done(point, tmp_path) for _ in range(3)] == [11, 11, 11]
    assert len(read) == 1
    handmade(tmp_path, 14)
    condense(plan, point, tmp_path)
    for number in range(1, 15):
        point.segment_file(tmp_path, number).unlink()
    assert segments_done(point, tmp_path) == 14
    assert len(read) > 1
