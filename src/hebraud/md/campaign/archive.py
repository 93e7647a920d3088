"""Export and import of campaigns: reduced chains, and what unfinished chains need to go on."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

from hebraud._files import sha256, write_whole
from hebraud.md.campaign.chain import holds_checkpoint, segments_done
from hebraud.md.campaign.frozen_matrix import kept_segments, snapshot_yields, yields_file
from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.plan_file import campaign_json, campaign_named, read_campaign
from hebraud.md.campaign.reduced_chain import reduce_chain, reduced_file
from hebraud.md.campaign.state_point import StatePoint
from hebraud.md.campaign.workflow.steps import CAMPAIGN, receipt
from hebraud.md.errors import CorruptCheckpoint

__all__ = ["export_run", "import_run"]

_INDEX = "index.json"  # SHA-256 of every file, as it was before packing
_PACKED = ".xz"  # ending of packed files


def export_run(
    folder: Path, destination: Path, preset: str | Campaign | None = None, tier: int = 1
) -> str:
    """Write to ``destination`` what the tables of a campaign need, and what it needs to go on.

    Of every chain: its reduced data, and its local yield stresses; at the rate of the parameters
    missing ones are measured now. Of unfinished chains: the segments of the open time block, and
    the last segment with its checkpoint. Equal files are skipped. The campaign may go on meanwhile.

    Return a sentence on what was written. Raise ``CorruptCheckpoint`` if a file is damaged or an
    unfinished chain has no checkpoint, and ``ValueError`` if the folder does not say its campaign.
    """
    if preset is None and not (folder / CAMPAIGN).exists():
        raise ValueError(f"there is no {folder / CAMPAIGN}; say which campaign it is (--preset)")
    plan = (
        read_campaign(folder / CAMPAIGN) if preset is None else campaign_named(preset).up_to(tier)
    )
    measured = set(plan.measured_points)
    index: dict[str, str] = {}
    finished = 0
    for point, need in plan.chains.items():
        if not segments_done(point, folder):
            continue
        done, found = _content(plan, point, folder)
        finished += done == need
        if point in measured:
            for number in kept_segments(point, done):
                snapshot_yields(point, folder, number)
        for path in sorted(point.folder(folder).glob("yields*.h5")):
            found[path] = path.read_bytes()
        for path, content in found.items():
            name = str(path.relative_to(folder))
            index[name] = _pack(content, destination / f"{name}{_PACKED}")
    for path in destination.rglob(f"*{_PACKED}"):
        if str(path.relative_to(destination)).removesuffix(_PACKED) not in index:
            path.unlink()
    write_whole(destination / CAMPAIGN, campaign_json(plan))
    write_whole(destination / _INDEX, json.dumps(index, indent=1, sort_keys=True) + "\n")
    size = sum(path.stat().st_size for path in destination.rglob("*") if path.is_file())
    return (
        f"{len(index)} files, {size / 2**20:.2f} MiB in {destination}: {finished} of "
        f"{len(plan.chains)} chains finished"
    )


def _content(plan: Campaign, point: StatePoint, folder: Path) -> tuple[int, dict[Path, bytes]]:
    """Return how many segments a chain has, and its files as they are then.

    A chain that is being sheared soon drops its last checkpoint; it is then read again.
    """
    while True:
        done, paths = _files(plan, point, folder)
        found = {path: path.read_bytes() for path in paths}
        # checkpoints only go: one that is there now was there when its file was read
        if done == plan.chains[point] or holds_checkpoint(point, folder, done):
            return done, found
        if segments_done(point, folder) == done:
            raise CorruptCheckpoint(
                f"{point.segment_file(folder, done)} is the last segment but holds no checkpoint, "
                "so that the chain could not go on from what is exported; delete the segments "
                f"after the last one that does, or {point.folder(folder)} to begin it again"
            )


def _files(plan: Campaign, point: StatePoint, folder: Path) -> tuple[int, list[Path]]:
    """Return how many segments a chain has, and the files to export."""
    short = reduce_chain(plan, point, folder)
    files, done = [reduced_file(plan, point, folder)], short.segments
    if done < plan.chains[point]:
        settled, each, _ = plan.time_blocks(point)
        closed = settled + short.time_blocks * each
        first = min(done, closed + 1 if done > settled else done)
        files += [point.segment_file(folder, number) for number in range(first, done + 1)]
    return done, [path for path in files if path.exists()]


def _pack(content: bytes, place: Path) -> str:
    packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    if not place.exists() or place.read_bytes() != packed:
        write_whole(place, packed)
    return sha256(content)


def import_run(source: Path, folder: Path) -> str:
    """Unpack to ``folder`` what `export_run` wrote; ``hebraud md run`` then goes on from there.

    Files that exist are kept. Return a sentence on what was unpacked. Raise ``ValueError`` if a
    file is not the one that was exported.
    """
    plan = read_campaign(source / CAMPAIGN)
    index: dict[str, str] = json.loads((source / _INDEX).read_text(encoding="utf-8"))
    new = 0
    for name, checksum in index.items():
        content = lzma.decompress((source / f"{name}{_PACKED}").read_bytes())
        if sha256(content) != checksum:
            raise ValueError(f"{source / name}{_PACKED} is not the file that was exported")
        if not (folder / name).exists():
            write_whole(folder / name, content)
            new += 1
    if not (folder / CAMPAIGN).exists():
        write_whole(folder / CAMPAIGN, campaign_json(plan))
    _write_receipts(plan, folder)
    return f"{new} files unpacked to {folder}; {len(index) - new} were there"


def _write_receipts(plan: Campaign, folder: Path) -> None:
    """Write the receipts of the steps whose results are there."""
    for point, segments in plan.stages:
        if segments_done(point, folder) >= segments:
            _write_receipt(receipt("shear", point, segments, folder))
    for point in plan.measured_points:
        segments = plan.chains[point]
        kept = kept_segments(point, segments)
        if kept and all(yields_file(point, folder, number).exists() for number in kept):
            _write_receipt(receipt("frozen-matrix", point, segments, folder))


def _write_receipt(path: Path) -> None:
    if not path.exists():
        write_whole(path, json.dumps({"imported": True}) + "\n")
