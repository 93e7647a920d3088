"""Runs cut off anywhere, exported, imported: summed up and going on as if nothing had happened."""

import dataclasses

import pytest
from handmade import handmade

from hebraud.md import Recording, Runs
from hebraud.md.campaign import complete_parts
from hebraud.md.condensed import condense, condensed_file
from hebraud.md.frozen_matrix import snapshot_yields
from hebraud.md.portable import export_run, import_run

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
