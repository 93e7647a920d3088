"""Measures of the particle runs: part of ``make bench`` where LAMMPS is installed."""

from __future__ import annotations

import time
from dataclasses import replace

from benchmarks.bench import Row
from hebraud.errors import MissingDependency
from hebraud.md import Configuration, Mixture, Preparation, Recording, prepare, shear
from hebraud.md.lammps.engine import box_with, command_all, require_lammps

PARTICLES, STEPS, RATE, REPETITIONS = 4000, 4000, 1e-3, 5
QUICK = Preparation(melt_time=5.0, equilibrium_time=5.0, quench_rate=0.2, rest_time=10.0)


def _bare(start: Configuration) -> float:
    """Return the processor time of LAMMPS' ``run`` alone, nothing recorded, in seconds."""
    mixture = Mixture()
    with box_with(mixture, start) as engine:
        command_all(engine, [*mixture.pair_commands(), *mixture.shear_commands(RATE)])
        begin = time.process_time()
        command_all(engine, [f"run {STEPS}"])
        return time.process_time() - begin


def _recorded(start: Configuration) -> float:
    """Return the processor time of a segment with all observers, from start-up to reduction."""
    begin, recording = time.process_time(), Recording()
    _, _, record = shear(Mixture(), start, RATE, STEPS, recording=recording)
    frames = replace(record.frames, velocity=None)
    for observer in recording.observers:
        observer.reduce(frames, None)
    return time.process_time() - begin


def recording() -> list[Row]:
    """Time the recording and reduction of stress, blocks and snapshots."""
    try:
        require_lammps()
    except MissingDependency:
        return []
    mixture = Mixture()
    start = shear(mixture, prepare(mixture, PARTICLES, 1.189, 1, QUICK), 0.03, 6000)[0]
    _recorded(start)  # compiles, loads
    bare, recorded = zip(
        *((_bare(start), _recorded(start)) for _ in range(REPETITIONS)), strict=True
    )
    speed = PARTICLES * STEPS / min(bare) / 1e6
    return [
        Row(
            "shear with all observers over bare LAMMPS, same deck",
            min(recorded) / min(bare),
            "times",
            1 / 0.85,
            f"N = {PARTICLES}, {STEPS} steps, stress every 40, snapshots every time unit; LAMMPS "
            f"alone {speed:.1f} M particle-steps a second; processor time, in turns",
        )
    ]


GROUPS = (recording,)
