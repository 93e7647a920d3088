"""Measures of D2min: part of ``make bench``.

Times are of the processor, all threads: runs of many milliseconds on a shared machine seldom go
without a break.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmarks.bench import Row
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.nonaffine import d2min
from validation import ROOT

DATA = ROOT / "tests" / "data"
CUTOFF = 2.5


def processor_time(call: Callable[[], object], repetitions: int) -> float:
    """Return the least processor time of a call, in seconds."""
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def copies(across: int, up: int) -> tuple[tuple[Any, ...], NDArray[np.intp]]:
    """Return what ``d2min`` takes: a stored pair of frames, copied periodically, in random order.

    400 particles times across x up; also which stored particle each is a copy of.
    """
    frames = Frames.from_arrays(dict(np.load(DATA / "frames_N400.npz")))
    lx, ly = frames.box
    i, j = (n.ravel() for n in np.meshgrid(np.arange(across), np.arange(up)))
    places = []
    for k in (2, 6):
        shift = np.column_stack((i * lx + j * frames.strain[k] * ly, j * ly))
        places.append((frames.position[k] + shift[:, None]).reshape(-1, 2))
    order = np.random.default_rng(0).permutation(len(places[0]))
    strains = float(frames.strain[2]), float(frames.strain[6])
    box = np.array([across * lx, up * ly])
    return (places[0][order], places[1][order], *strains, box), order % frames.particles


def by_tree(
    position: NDArray[np.float64],
    later: NDArray[np.float64],
    strain: float,
    later_strain: float,
    box: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return D2min by scipy's k-d tree: images in a margin, all pairs at once, normal equations."""
    lx, ly = box
    tilt = strain * ly
    moved = later - position
    moved[:, 0] -= (later_strain - strain) * position[:, 1]
    up = position[:, 1] / ly
    fraction = np.column_stack(((position[:, 0] - tilt * up) / lx, up)) % 1.0
    margin = CUTOFF * np.hypot(1.0, strain) / box
    images, owner = [fraction], [np.arange(len(position))]
    for axis in (0, 1):
        joined, owners = np.concatenate(images), np.concatenate(owner)
        for step in (-1.0, 1.0):
            shifted = joined.copy()
            shifted[:, axis] += step
            near = (shifted[:, axis] > -margin[axis]) & (shifted[:, axis] < 1 + margin[axis])
            images.append(shifted[near])
            owner.append(owners[near])
    whole, owners = np.concatenate(images), np.concatenate(owner)
    place = whole @ np.array([[lx, 0.0], [tilt, ly]])
    pairs = cKDTree(place).query_pairs(CUTOFF, output_type="ndarray")
    pairs = pairs[pairs.min(axis=1) < len(position)]
    i, j = np.concatenate((pairs, pairs[:, ::-1])).T
    inside = i < len(position)
    i, j = i[inside], j[inside]
    r, u = place[j] - place[i], moved[owners[j]] - moved[i]

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(i, values, minlength=len(position)).astype(float)

    xx, xy, yy = total(r[:, 0] ** 2), total(r[:, 0] * r[:, 1]), total(r[:, 1] ** 2)
    determinant = xx * yy - xy * xy
    found = np.zeros(len(position))
    for axis in (0, 1):
        x, y = total(u[:, axis] * r[:, 0]), total(u[:, axis] * r[:, 1])
        first, second = (x * yy - y * xy) / determinant, (y * xx - x * xy) / determinant
        found += total((u[:, axis] - first[i] * r[:, 0] - second[i] * r[:, 1]) ** 2)
    return found


def against_others() -> list[Row]:
    """Time 16,000 particles: hebraud, a k-d tree, and OVITO if it is installed."""
    given, original = copies(8, 5)
    ours, tree = d2min(*given), by_tree(*given)
    spent = 1e3 * processor_time(lambda: d2min(*given), 40)
    slow = 1e3 * processor_time(lambda: by_tree(*given), 5)
    small = d2min(*copies(1, 1)[0])[np.argsort(copies(1, 1)[1])]
    rows = [
        Row("D2min of one frame of 16,000 particles", spent, "ms", 12.0, "cutoff 2.5, one core"),
        Row(
            "its time over that of scipy's k-d tree",
            spent / slow,
            "times",
            1.0,
            f"k-d tree, all pairs in numpy: {slow:.0f} ms; values differ by "
            f"{np.abs(ours - tree).max():.1g}",
        ),
        Row(
            "its largest difference from 400 particles, copied 40 times",
            float(np.abs(ours - small[original]).max()),
            "sigma_AA^2",
            1e-10,
            "the same frames, so the same D2min",
        ),
    ]
    if find_spec("ovito") is None:
        return rows
    sys.path.insert(0, str(DATA))
    from d2min_ovito import pipeline

    before, after, *strains, box = given
    built = pipeline(np.array([before, after]), strains, box, CUTOFF)
    theirs = np.array(built.compute(1).particles["Nonaffine Squared Displacement"])

    def again() -> None:
        built.modifiers[0].cutoff += 1e-12  # or it would answer from its cache
        built.compute(1)

    ovito = 1e3 * processor_time(again, 20)
    rows.append(
        Row(
            "its time over that of OVITO",
            spent / ovito,
            "times",
            1.0,
            f"AtomicStrainModifier: {ovito:.0f} ms; values differ by "
            f"{np.abs(ours - theirs).max():.1g}",
        )
    )
    return rows


def linearity() -> list[Row]:
    """Measure how the time grows with the number of particles."""
    tiles = ((2, 2), (4, 3), (6, 5), (11, 7), (16, 12))
    given = [copies(across, up)[0] for across, up in tiles]
    times = np.full(len(tiles), np.inf)
    for _ in range(30):  # in turn, so that a busy machine slows all of them alike
        times = np.minimum(times, [processor_time(partial(d2min, *one), 1) for one in given])
    sizes = [400 * across * up for across, up in tiles]
    slope = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    text = f"{sizes[0]:,} … {sizes[-1]:,} particles"
    return [Row("D2min, time against particles: slope", slope, "", 1.1, text, 0.9)]


GROUPS = (against_others, linearity)
