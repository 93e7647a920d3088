"""The steps of a campaign; a step that is done already does nothing."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from hebraud._files import write_whole
from hebraud.errors import check_whole_number
from hebraud.md.campaign.chain import advance, ensure_glass, segments_done
from hebraud.md.campaign.frozen_matrix import kept_segments, snapshot_yields
from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.plan_file import read_campaign
from hebraud.md.campaign.reduced_chain import reduce_chain
from hebraud.md.campaign.state_point import Glass, StatePoint
from hebraud.md.campaign.workflow.steps import CAMPAIGN, receipt, reduced_receipt
from hebraud.md.lammps.mpi import leading
from hebraud.rheology.estimate import Missing, or_missing

__all__ = [
    "FRONT",
    "follow_front",
    "freeze_chain",
    "measure_chains",
    "prepare_sample",
    "shear_chain",
]

T = TypeVar("T")
#: The environment variable that names the lock of the run that started a step, and what is in it.
FRONT = "HEBRAUD_MD_FRONT"


def follow_front(every: float = 0.5) -> None:
    """End this process when the command that started it is gone; files stay whole."""
    said = os.environ.get(FRONT)
    if said is None:
        return
    name, _, token = said.rpartition(":")

    def gone() -> bool:
        try:
            with open(name) as lock:
                if lock.read() != token:
                    return True
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True
        return True

    def follow() -> None:
        while not gone():
            time.sleep(every)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _plan_above(path: Path, levels: int) -> tuple[Campaign, Path]:
    place = path.resolve()
    folder = place.parents[levels - 1] if len(place.parents) >= levels else place
    if not (folder / CAMPAIGN).exists():
        raise ValueError(
            f"{path} does not belong to a campaign: there is no {folder / CAMPAIGN}; "
            "hebraud md run writes it"
        )
    return read_campaign(folder / CAMPAIGN), folder


def _named(path: Path, folder: Path, places: dict[Path, T]) -> T:
    place = path.resolve().relative_to(folder)
    if place not in places:
        raise ValueError(
            f"{place} is not part of the campaign in {folder}; it has "
            f"{', '.join(str(one) for one in list(places)[:3])}, ..."
        )
    return places[place]


def chain_at(path: Path) -> tuple[Campaign, Path, StatePoint]:
    """Return the campaign of a chain's folder, the campaign's folder, and the state point.

    Raises ``ValueError`` if there is no campaign three levels up, or it has no such chain.
    """
    plan, folder = _plan_above(path, 3)
    return plan, folder, _named(path, folder, {p.folder(Path()): p for p in plan.chains})


def _write_receipt(path: Path, **about: object) -> None:
    write_whole(path, json.dumps(about) + "\n")


def prepare_sample(path: Path) -> None:
    """Prepare the glass of a sample's folder, if it is missing."""
    plan, folder = _plan_above(path, 2)
    places: dict[Path, Glass] = {p.glass.folder(Path()): p.glass for p in plan.chains}
    with leading() as ranks:
        glass = _named(path, folder, places)
        ensure_glass(glass, folder)
        _write_receipt(glass.folder(folder) / "prepare.json", ranks=ranks)


def shear_chain(path: Path, segments: int) -> None:
    """Shear a chain until it has so many segments, on all MPI ranks."""
    with leading() as ranks:
        _, folder, point = chain_at(path)
        wanted = check_whole_number("segments", segments, at_least=1)
        before = done = segments_done(point, folder)
        while done < wanted:
            done = advance(point, folder)
        path = receipt("shear", point, wanted, folder)
        _write_receipt(path, segments=done - before, ranks=ranks)


def measure_chains(paths: Sequence[Path]) -> None:
    """Reduce chains; a receipt says when all chains of a density are reduced."""
    chains = [chain_at(path) for path in paths]
    plan, folder, first = chains[0]
    for plan, folder, point in chains:
        reduce_chain(plan, point, folder)
    density = first.glass.density
    if {point for _, _, point in chains} == set(plan.at(density).chains):
        _write_receipt(reduced_receipt(plan, density, folder))


def freeze_chain(path: Path) -> None:
    """Measure the local yield stresses in all kept configurations of a chain.

    What cannot be measured is named in the receipt, and again in the tables.
    """
    plan, folder, point = chain_at(path)
    segments = plan.chains[point]

    def freeze() -> dict[str, str]:
        for number in kept_segments(point, segments):
            snapshot_yields(point, folder, number)
        return {}

    done = or_missing(freeze)
    about = {"failed": done.reason} if isinstance(done, Missing) else done
    _write_receipt(receipt("frozen-matrix", point, segments, folder), **about)
