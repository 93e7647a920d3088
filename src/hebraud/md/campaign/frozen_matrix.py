"""Local yield stresses in the kept configurations of a chain, one file for each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from hebraud._typing import Arrays
from hebraud.errors import MeasurementError
from hebraud.md.campaign.chain import read_segment
from hebraud.md.campaign.files import read_arrays, write_arrays
from hebraud.md.campaign.state_point import StatePoint
from hebraud.md.glass.configuration import Configuration
from hebraud.md.measure.local_yield import DROPS, block_grid, local_yield

__all__ = ["kept_segments", "snapshot_yields", "yields_file"]


def kept_segments(point: StatePoint, segments: int) -> list[int]:
    """Return the segments of a chain whose configuration is kept."""
    return [number for number in range(1, segments + 1) if point.keeps(number)]


def yields_file(point: StatePoint, folder: Path, number: int) -> Path:
    """Return the file of the local yield stresses after segment ``number``."""
    return point.folder(folder) / f"yields{number:06d}.h5"


def snapshot_yields(point: StatePoint, folder: Path, number: int) -> Arrays:
    """Return the local yield stresses in the configuration after segment ``number``.

    Read from their file, or measured and stored: ``strain``, ``threshold`` and the drops by
    definition (`DROPS`), one entry a block, NaN where a block has not yielded. Blocks are sheared
    in the sense of the flow.

    Raises
    ------
    MeasurementError
        If the configuration is not kept or was not exported, or as `local_yield` does.
    CorruptCheckpoint
        If the segment is damaged.
    """
    path, about = yields_file(point, folder, number), {**asdict(point), "segment": number}
    if not path.exists():
        if point.recording is None or not point.keeps(number):
            raise MeasurementError(f"the configuration after segment {number} is not kept")
        if not point.segment_file(folder, number).exists():
            raise MeasurementError(
                f"the local yield stresses after segment {number} of {point.folder(Path())} have "
                "not been measured, and the segment is not there; where it is, hebraud md "
                "aggregate --so-far measures them, and hebraud md export takes them along"
            )
        snapshot = Configuration.from_arrays(read_segment(point, folder, number))
        sense = 1 if point.shear_rate > 0.0 else -1
        grid = block_grid(snapshot, point.recording.block_width)
        found = local_yield(snapshot, point.glass.mixture, *grid, sense)
        drops = {name: found.drop[name] for name in DROPS}
        arrays = {"strain": np.array(snapshot.strain), "threshold": found.threshold, **drops}
        write_arrays(path, arrays, about)
    return read_arrays(path, about)
