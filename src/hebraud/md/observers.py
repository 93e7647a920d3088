"""Observers: what the snapshots of a segment are reduced to before they are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

from hebraud._typing import Arrays
from hebraud.errors import check_number
from hebraud.md.glass.trajectory import Frames

__all__ = ["PLASTIC", "Observer", "Plastic", "merged"]


#: The name of the observer that the parameters of the model are measured with.
PLASTIC = "plastic"


class Observer(Protocol):
    """Reduces snapshots to a few arrays: a frozen dataclass whose fields say what it measures.

    Its fields become part of a chain's files, so that results of other settings are never mixed.
    Every step of a campaign is a process, so that its class must be in a module to import.

    An optional method ``merge(records)`` returns one record of consecutive segments. Without it,
    each array is joined along its first axis, and single numbers become arrays.
    """

    @property
    def name(self) -> str:
        """Return its name, letters and digits; arrays are stored as ``<name>_<array>``."""

    def frames_before(self, spacing: float) -> int:
        """Return how many frames, ``spacing`` apart, it needs from before a segment."""

    def reduce(self, frames: Frames, before: Frames | None) -> Arrays:
        """Return the arrays of numbers that a segment is reduced to.

        Parameters
        ----------
        frames : Frames
            The snapshots of the segment, without velocities.
        before : Frames or None
            Those that precede them, as many as asked for; None at the start.
        """


@dataclass(frozen=True)
class Plastic:
    """Active particles, clusters and events, by `hebraud.md.measure.plastic.plastic_record`.

    A window that begins in one segment and ends in the next is counted once, in the next. The
    parameters are those of `plastic_record`; a second observer needs another name.
    """

    lag: float = 4.0
    cutoff: float = 2.0
    threshold: float = 0.1
    block_width: float = 2.0
    mesoblock_width: float = 6.0
    corners: bool = False
    correlation_time: float = 20.0
    name: str = PLASTIC

    def __post_init__(self) -> None:
        for name in ("lag", "cutoff", "threshold", "block_width", "mesoblock_width"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), above=0.0))

    def frames_before(self, spacing: float) -> int:
        """Return the number of frames in one lag."""
        return round(self.lag / spacing)

    def reduce(self, frames: Frames, before: Frames | None) -> Arrays:
        """Return the record of the windows that begin in ``before`` or ``frames`` and end here."""
        from hebraud.md.measure.plastic import plastic_record

        seen = frames if before is None else Frames.join([before, frames])
        choices = {key: value for key, value in asdict(self).items() if key != "name"}
        return plastic_record(seen, **choices)

    def merge(self, records: Sequence[Arrays]) -> Arrays:
        """Return one record of consecutive ones (`merge_records`)."""
        from hebraud.md.measure.plastic import merge_records

        return merge_records(records)


def merged(observer: Observer, records: Sequence[Arrays]) -> Arrays:
    """Return one record of what an observer made of consecutive segments, by its own ``merge``."""
    own = getattr(observer, "merge", None)
    if own is not None:
        found: Arrays = own(records)
        return found
    return {
        name: np.concatenate([np.atleast_1d(record[name]) for record in records])
        for name in records[0]
    }
