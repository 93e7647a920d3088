"""Snapshots and block stress of a LAMMPS run, which stays undisturbed.

Both are dumped inside one ``run``: splitting it would change the trajectory, dumping does not. The
dumps go to unlinked temporary files (in TMPDIR; best one in memory), of which nothing is left
however the process ends but the directory of links by which LAMMPS found them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from hebraud._typing import Floats
from hebraud.md.errors import UnstableRun
from hebraud.md.glass.configuration import Configuration, unwrap
from hebraud.md.glass.trajectory import Frames
from hebraud.md.lammps.engine import command_all, no_room
from hebraud.md.lammps.mpi import Engine
from hebraud.md.lammps.recording import BlockStress, Record, Recording
from hebraud.md.measure.block_stress import block_count, cells_at

__all__ = ["watching"]


@dataclass(frozen=True)
class _Course:
    """A segment of steady shear as it was told to LAMMPS."""

    start: Configuration
    timestep: float
    strain_step: float


@dataclass(frozen=True)
class _Dump:
    """A binary dump of LAMMPS (revision 2): for each time a header and rows of doubles by rank."""

    stream: IO[bytes]
    columns: str
    every: int

    def commands(self, name: str, folder: Path) -> list[str]:
        """Return LAMMPS commands that begin the dump; a link in ``folder`` leads to the stream."""
        link = folder / f"{name}.bin"  # LAMMPS writes binary where the name ends so
        link.symlink_to(f"/dev/fd/{self.stream.fileno()}")
        return [f"dump {name} all custom {self.every} {link} {self.columns}"]

    def read(self, steps: int, particles: int) -> Iterator[tuple[int, float, Floats]]:
        """Yield (step, tilt, rows) for each time but the first, which is the start itself.

        Raises ``OSError`` if times are missing, ``UnstableRun`` if it is not such a dump.
        """
        head = np.dtype(
            [
                ("minus_magic", "i8"),
                ("magic", "S10"),
                ("endian_revision", "i4", 2),
                ("step", "i8"),
                ("particles", "i8"),
                ("triclinic_boundary", "i4", 7),
                ("bounds", "f8", 6),
                ("tilts", "f8", 3),
                ("columns_units", "i4", 2),
                ("with_time", "i1"),
                ("names_size", "i4"),
                ("names", f"S{len(self.columns)}"),
                ("parts", "i4"),
            ]
        )
        times, columns = steps // self.every, len(self.columns.split())
        first = np.fromfile(self.stream, dtype=head, count=1)
        parts = int(first["parts"][0]) if first.size else 1  # one of each rank
        size = head.itemsize + 4 * parts + 8 * particles * columns
        if os.fstat(self.stream.fileno()).st_size != (times + 1) * size:
            raise no_room(f"it takes {(times + 1) * size / 1e6:.0f} MB")
        self.stream.seek(size)
        for number in range(1, times + 1):
            seen = np.fromfile(self.stream, dtype=head, count=1)[0]
            told = (seen["magic"], seen["names"], seen["step"], seen["particles"])
            if told != (b"DUMPCUSTOM", self.columns.encode(), number * self.every, particles):
                raise UnstableRun(
                    f"LAMMPS dumped {told} where ({self.columns}) of {particles} particles at step "
                    f"{number * self.every} was due; use the version that hebraud[md] brings"
                )
            values = [self._part() for _ in range(parts)]
            rows = np.concatenate(values).reshape(particles, columns)
            yield int(seen["step"]), float(seen["tilts"][0]), rows

    def _part(self) -> Floats:
        """Return the values that one rank has dumped."""
        values = int(np.fromfile(self.stream, dtype="i4", count=1)[0])
        return np.fromfile(self.stream, dtype="f8", count=values)


@contextmanager
def watching(
    engine: Engine,
    start: Configuration,
    timestep: float,
    shear_rate: float,
    steps: int,
    recording: Recording,
) -> Iterator[Callable[[], Record]]:
    """Have a run of ``steps`` recorded; what is yielded reads the record after the run.

    Raises
    ------
    OSError
        If the temporary files find no room.
    UnstableRun
        If LAMMPS did not dump what it was asked for.
    """
    course = _Course(start, timestep, shear_rate * timestep)
    with (
        tempfile.TemporaryDirectory(prefix="hebraud-") as folder,
        tempfile.TemporaryFile() as first,
        tempfile.TemporaryFile() as second,
    ):
        frames = _Dump(first, "id x y vx vy ix iy", recording.frame_every)
        stresses = _Dump(second, "x y c_stress[4]", recording.stress_every)
        command_all(
            engine,
            [
                "compute stress all stress/atom NULL",
                *frames.commands("frames", Path(folder)),
                *stresses.commands("stresses", Path(folder)),
            ],
        )

        def read() -> Record:
            command_all(engine, ["undump frames", "undump stresses"])
            blocks = block_count(start.side, recording.block_width)
            return Record(
                _frames(course, frames, steps), _block_stress(course, stresses, steps, blocks)
            )

        yield read


def _frames(course: _Course, dump: _Dump, steps: int) -> Frames:
    start = course.start
    position = np.empty((steps // dump.every, start.particles, 2))
    velocity = np.empty_like(position)
    for k, (step, tilt, rows) in enumerate(dump.read(steps, start.particles)):
        sorted_rows = rows[np.argsort(rows[:, 0])]
        flips = start.flips(course.strain_step * step, tilt)
        image = start.image_after(sorted_rows[:, 5:7].astype(np.int64), flips)
        position[k] = unwrap(sorted_rows[:, 1:3], image, start.side, tilt)
        velocity[k] = sorted_rows[:, 3:5]
    done = dump.every * np.arange(1, len(position) + 1, dtype=np.float64)
    return Frames(
        time=course.timestep * (start.steps + done),
        strain=start.strain_after(course.strain_step, done),
        position=position,
        species=start.species,
        box=np.array([start.side, start.side]),
        velocity=velocity,
    )


def _block_stress(course: _Course, dump: _Dump, steps: int, blocks: int) -> BlockStress:
    """Add up per-particle stress times volume, kinetic and virial, over the blocks."""
    start, box = course.start, np.full(2, course.start.side)
    area = start.side**2 / blocks**2
    done = dump.every * np.arange(1, steps // dump.every + 1, dtype=np.float64)
    strain = start.strain_after(course.strain_step, done)
    stress, tilts = np.empty((len(done), blocks**2)), np.empty(len(done))
    for k, (_, tilt, rows) in enumerate(dump.read(steps, start.particles)):
        _, cell = cells_at(rows[:, :2], tilt, box, (blocks, blocks))
        block = cell[:, 0] * blocks + cell[:, 1]
        stress[k] = np.bincount(block, rows[:, 2], minlength=blocks**2) / area
        tilts[k] = tilt
    return BlockStress(
        time=course.timestep * (start.steps + done),
        strain=strain,
        epoch=np.round(strain - tilts / start.side).astype(np.int64),
        stress=stress,
    )
