"""A chain of segments on disk: stop it anywhere, and it goes on with the same bytes.

Every segment starts from a file in a fresh LAMMPS, interrupted or not, so that a chain that was
killed ends with the same files as an undisturbed one.

A segment's file holds the reduced record and a checkpoint: the configuration at its end, and the
last snapshots that observers need. The last two segments keep their checkpoints, and so do those
that the recording keeps; the others lose theirs once two more segments are complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hebraud._typing import Arrays
from hebraud.errors import check_whole_number
from hebraud.md.campaign.files import read_arrays, write_arrays
from hebraud.md.campaign.state_point import Glass, StatePoint
from hebraud.md.errors import CorruptCheckpoint
from hebraud.md.glass.configuration import Configuration
from hebraud.md.glass.trajectory import Frames
from hebraud.md.lammps.engine import lammps_version
from hebraud.md.lammps.quench import prepare
from hebraud.md.lammps.recording import BlockStress, Record
from hebraud.md.lammps.segment import Series, shear

__all__ = [
    "Chain",
    "advance",
    "ensure_glass",
    "holds_checkpoint",
    "observed_in",
    "read_chain",
    "read_segment",
    "read_series",
    "segments_done",
]


def _about(what: Glass | StatePoint, **more: Any) -> Mapping[str, Any]:
    """Return the provenance of a file; with the LAMMPS version where LAMMPS goes on from it."""
    return {**asdict(what), **more}


def _glass_file(glass: Glass, directory: Path) -> Path:
    return glass.folder(directory) / "glass.h5"


def ensure_glass(glass: Glass, directory: Path) -> Configuration:
    """Return the quenched sample from its file; prepare and store it the first time.

    Raises what `prepare` and `read_arrays` raise.
    """
    path, about = _glass_file(glass, directory), _about(glass, lammps=lammps_version())
    if not path.exists():
        made = prepare(glass.mixture, glass.particles, glass.density, glass.seed, glass.preparation)
        write_arrays(path, made.arrays(), about)
    return Configuration.from_arrays(read_arrays(path, about))


def _reduced_segments(point: StatePoint, directory: Path) -> int:
    """Return how many segments of the chain are in its reduced data."""
    files = point.folder(directory).glob("condensed*.h5")
    stands = [(path, path.stat()) for path in files]
    return max((_segments_in(p, point, s.st_mtime_ns, s.st_size) for p, s in stands), default=0)


@lru_cache(maxsize=4096)
def _segments_in(path: Path, point: StatePoint, written: int, size: int) -> int:
    """Return the number of segments in a file of reduced data; read once until it changes."""
    return int(read_arrays(path, asdict(point))["segments"])


def segments_done(point: StatePoint, directory: Path) -> int:
    """Return how many segments the chain has, on disk or in the reduced data of an imported chain.

    Raises ``CorruptCheckpoint`` if a segment is missing between others.
    """
    names = sorted(path.name for path in point.folder(directory).glob("segment*.h5"))
    first = 1
    if point.segment_file(directory, 1).name not in names[:1]:
        reduced = _reduced_segments(point, directory)
        if not names:
            return reduced
        number = int(names[0].removeprefix("segment").removesuffix(".h5"))
        first = number if number <= reduced + 1 else 1
    numbers = range(first, first + len(names))
    wanted = [point.segment_file(directory, number).name for number in numbers]
    if names != wanted:
        hole = next(want for name, want in zip(names, wanted, strict=True) if name != want)
        raise CorruptCheckpoint(
            f"{point.folder(directory) / hole} is missing between its neighbours; delete every "
            "later segment: the chain goes on from the last one that holds a checkpoint"
        )
    return numbers[-1] if names else 0


def _is_checkpoint(arrays: Arrays) -> bool:
    return "position" in arrays


def holds_checkpoint(point: StatePoint, directory: Path, number: int) -> bool:
    """Return whether the chain can go on from the end of segment ``number``.

    Raises what `read_segment` raises.
    """
    return _is_checkpoint(read_segment(point, directory, number))


def _checkpoint(
    point: StatePoint, directory: Path, number: int
) -> tuple[Configuration, Frames | None]:
    """Return the configuration and the last frames after segment ``number`` (0: the glass)."""
    if number == 0:
        return ensure_glass(point.glass, directory), None
    about = _about(point, lammps=lammps_version())
    path = point.segment_file(directory, number)
    arrays = read_arrays(path, {**about, "segment": number})
    if _is_checkpoint(arrays):
        frames = Frames.from_arrays(arrays) if point.frames_before else None
        return Configuration.from_arrays(arrays), frames
    earlier = number - 1
    while (there := point.segment_file(directory, earlier).exists()) and not holds_checkpoint(
        point, directory, earlier
    ):
        earlier -= 1
    way_out = f"the segments after number {earlier} too: the chain goes on from there"
    if earlier and not there:
        way_out = (
            f"{path.parent}: the chain was imported, and nothing before holds one either, so that "
            "it has to begin again from the glass"
        )
    raise CorruptCheckpoint(
        f"{path} is the last segment but holds no checkpoint: later ones have been deleted. "
        f"Delete {way_out}"
    )


def _prune(point: StatePoint, directory: Path, number: int) -> None:
    """Drop the checkpoint of a segment, unless the recording keeps it."""
    path, about = point.segment_file(directory, number), _about(point, segment=number)
    if point.keeps(number) or not path.exists():  # an imported chain has only its last segments
        return
    arrays = read_arrays(path, about)
    if _is_checkpoint(arrays):
        kept = {
            name: array
            for name, array in arrays.items()
            if name not in ("position", "velocity", "species", "image")
            and not name.startswith("frames_")
        }
        write_arrays(path, kept, {**about, "lammps": lammps_version()})


def _reduced(point: StatePoint, record: Record, before: Frames | None) -> Arrays:
    """Return the arrays of a record: block stress, what the observers return, the last frames."""
    assert point.recording is not None
    frames = replace(record.frames, velocity=None)
    arrays = record.block_stress.arrays()
    spacing = point.recording.frame_every * point.glass.mixture.timestep
    for observer in point.recording.observers:
        needed = observer.frames_before(spacing)
        found = observer.reduce(frames, before[-needed:] if before and needed else None)
        arrays |= {f"{observer.name}_{name}": array for name, array in found.items()}
    if point.frames_before:
        arrays |= frames[-point.frames_before :].arrays()
    return arrays


def _check_alike(point: StatePoint, arrays: Arrays, earlier: Arrays) -> None:
    """Raise ``ValueError`` if an observer's arrays could not be joined with those before."""

    def kinds(found: Arrays) -> dict[str, tuple[int, ...]]:
        return {name: np.shape(array)[1:] for name, array in sorted(found.items())}

    for observer in () if point.recording is None else point.recording.observers:
        now, then = (kinds(observed_in(one, observer.name)) for one in (arrays, earlier))
        if now != then:
            raise ValueError(
                f"the observer {observer.name!r} must return the same names for every segment, and "
                "arrays that differ in their first axis only; it returned (name: other axes) "
                f"{now} after {then}"
            )


def advance(point: StatePoint, directory: Path) -> int:
    """Run the next segment of the chain, store it, and return how many segments there are now.

    Prepares the sample first if it is missing. Raises what `ensure_glass`, `hebraud.md.shear` and
    the observers raise; what is stored stays valid.
    """
    done = segments_done(point, directory)
    start, before = _checkpoint(point, directory, done)
    if done > 1:
        _prune(point, directory, done - 1)
    rule = (point.glass.mixture, start, point.shear_rate, point.segment_steps, point.sample_every)
    if point.recording is None:
        end, series = shear(*rule)
        arrays: Arrays = {}
    else:
        end, series, record = shear(*rule, recording=point.recording)
        arrays = _reduced(point, record, before)
    if done:
        _check_alike(point, arrays, read_segment(point, directory, done))
    about = _about(point, segment=done + 1, lammps=lammps_version())
    content = {**end.arrays(), **series.arrays(), **arrays}
    write_arrays(point.segment_file(directory, done + 1), content, about)
    return done + 1


def read_segment(point: StatePoint, directory: Path, number: int) -> Arrays:
    """Return all arrays of one segment, checked.

    Raises ``CorruptCheckpoint`` if it is missing, damaged or of another campaign.
    """
    return read_arrays(point.segment_file(directory, number), _about(point, segment=number))


def observed_in(segment: Arrays, observer: str) -> Arrays:
    """Return the arrays of one observer in a segment."""
    mark = f"{observer}_"
    return {k.removeprefix(mark): v for k, v in segment.items() if k.startswith(mark)}


def _segments(point: StatePoint, directory: Path, segments: int | None) -> Iterator[Arrays]:
    done = segments_done(point, directory)
    wanted = done if segments is None else check_whole_number("segments", segments, at_least=1)
    if not 0 < wanted <= done:
        raise ValueError(f"segments = {wanted} asked for, {done} are in {point.folder(directory)}")
    for number in range(1, wanted + 1):
        yield read_segment(point, directory, number)


def read_series(point: StatePoint, directory: Path, segments: int | None = None) -> Series:
    """Return the series of the first ``segments`` segments (None: all).

    Needs no LAMMPS. Raises as `read_chain` does.
    """
    return Series.join([Series.from_arrays(one) for one in _segments(point, directory, segments)])


@dataclass(frozen=True, eq=False)
class Chain:
    """A chain as it is on disk.

    Parameters
    ----------
    series : Series
    block_stress : BlockStress or None
        None where only the series was recorded.
    observed : mapping
        By name of an observer, its arrays of each segment, in order.
    snapshots : tuple of Configuration
        The kept configurations (see `Recording`), in order of strain.
    """

    series: Series
    block_stress: BlockStress | None
    observed: Mapping[str, tuple[Arrays, ...]]
    snapshots: tuple[Configuration, ...]


def read_chain(point: StatePoint, directory: Path, segments: int | None = None) -> Chain:
    """Return the first ``segments`` segments of a chain (None: all). Needs no LAMMPS.

    Raises
    ------
    ValueError
        If there are not that many.
    CorruptCheckpoint
        If a file is damaged or belongs to another campaign.
    """
    series, blocks, snapshots = [], [], []
    names = [] if point.recording is None else [o.name for o in point.recording.observers]
    observed: dict[str, list[Arrays]] = {name: [] for name in names}
    for number, arrays in enumerate(_segments(point, directory, segments), start=1):
        series.append(Series.from_arrays(arrays))
        if point.recording is not None:
            blocks.append(BlockStress.from_arrays(arrays))
        for name, found in observed.items():
            found.append(observed_in(arrays, name))
        if point.keeps(number):
            snapshots.append(Configuration.from_arrays(arrays))
    return Chain(
        series=Series.join(series),
        block_stress=BlockStress.join(blocks) if blocks else None,
        observed={name: tuple(found) for name, found in observed.items()},
        snapshots=tuple(snapshots),
    )
