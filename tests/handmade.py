"""Particle data by hand: segments of a chain from random numbers, a crystal with given jumps."""

import dataclasses

import numpy as np

from hebraud.md import PRESETS, BlockStress, Recording, Runs, Series
from hebraud.md.campaign.files import write_arrays
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.plastic import plastic_record
from hebraud.md.observers import Plastic

POINT_RUNS = (Runs(1e-3, 1.9, (1,)),)


def handmade(folder, segments, runs=POINT_RUNS, rate=1e-3, seed=1, first=1, columns=25):
    """Segments of a chain as LAMMPS would have left them, from random numbers."""
    plan = dataclasses.replace(
        PRESETS["demo"],
        runs=runs,
        recording=Recording(observers=(Plastic(),), keep_from=100.0),
    )
    point = plan.point(rate, seed)
    for number in range(first, segments + 1):
        rng = np.random.default_rng([seed, number])
        time_ = 100.0 * (number - 1) + 0.2 * np.arange(1, 501)
        strain = rate * time_
        series = Series(strain, *rng.normal(size=(3, 500)))
        blocks = BlockStress(
            time_, strain, np.round(strain).astype(int), rng.normal(size=(500, columns))
        )
        record = {"time": time_[4::5], "count": rng.integers(0, 300, 3), "lag": np.array([4.0])}
        record["area"] = rng.integers(1, 9, rng.integers(1, 5)) * 4.0
        record["product"] = rng.normal(size=21)
        arrays = {f"plastic_{name}": array for name, array in record.items()}
        arrays |= {**series.arrays(), **blocks.arrays()}
        if number > segments - 2:  # the last two hold a checkpoint
            arrays["position"] = rng.normal(size=(4, 2))
        about = {**dataclasses.asdict(point), "segment": number}
        write_arrays(point.segment_file(folder, number), arrays, about)
    return plan, point


def crystal(jumps, frames=61, strain=0.0, spacing=0.5, columns=26):
    """Particles at rest (or in affine flow) on a jittered lattice, some jumping: [(frame, i)]."""
    rng = np.random.default_rng(4)
    lattice = np.stack(np.meshgrid(np.arange(columns), np.arange(columns)), -1).reshape(-1, 2)
    rest = lattice * 0.92 + rng.uniform(-0.1, 0.1, lattice.shape)
    time = np.arange(frames) * spacing
    position = np.repeat(rest[None], frames, axis=0)
    for frame, particle in jumps:
        position[frame:, particle] += [0.35, 0.2]
    strains = strain * time
    position[..., 0] += strains[:, None] * position[..., 1]
    box = np.array([1.0, 1.0]) * columns * 0.92
    return Frames(time, strains, position, np.ones(len(rest), int), box)


def record_of(frames, **more):
    return plastic_record(frames, lag=4.0, cutoff=1.5, correlation_time=10.0, **more)
