"""Passes over a sample of blocks: one move of all, where a path was between its ends, the sums.

No random numbers are made here: they come in as arrays.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["bridge", "move", "survey", "weigh"]

Floats = NDArray[np.float64]


@kernel(fastmath={"contract"})
def move(first: Floats, second: Floats, normals: Floats, shift: float, spread: float) -> None:
    """Add shift + spread z to ``first`` and shift - spread z to ``second``, in place.

    ``second`` is as long as ``first`` or shorter.
    """
    for i in range(second.size):
        kick = spread * normals[i]
        first[i] += shift + kick
        second[i] += shift - kick
    for i in range(second.size, first.size):
        first[i] += shift + spread * normals[i]


@kernel()
def bridge(
    begin: Floats,
    end: Floats,
    since: Floats,
    at: Floats,
    step: float,
    diffusion: float,
    normals: Floats,
) -> Floats:
    """Return the positions at times ``at`` of Brownian paths with both ends given.

    A path is at ``begin`` at the time ``since`` and at ``end`` at the time ``step``; its drift is
    constant, and then the law between the ends does not depend on it.
    """
    position = np.empty(begin.size)
    for i in range(begin.size):
        whole = step - since[i]
        part = at[i] - since[i]
        spread = math.sqrt(2.0 * diffusion * part * (step - at[i]) / whole)
        position[i] = begin[i] + (end[i] - begin[i]) * (part / whole) + spread * normals[i]
    return position


@kernel(fastmath={"reassoc", "contract"})
def survey(
    stress: Floats, thresholds: Floats, shift: float, excess: Floats, over: Floats
) -> tuple[int, float, float, float]:
    """Shift all stresses by ``shift``, take their sums, and gather the blocks over threshold.

    Fills the first entries of ``excess`` with overstresses |s| - c > 0 and those of ``over`` with
    the s that go with them. Returns their number, the largest |s| - c of all blocks, the mean of
    s, and the variance of that mean from the scatter of the pairs (i, i + n/2) that move with
    opposite noise (an odd block is a pair by itself).
    """
    n = stress.size
    count = 0
    highest = -math.inf
    total = 0.0
    for i in range(n):
        s = stress[i] + shift
        stress[i] = s
        total += s
        above = abs(s) - thresholds[i]
        excess[count] = above
        over[count] = s
        count += above > 0.0
        highest = max(highest, above)
    mean = total / n
    half = n - n // 2
    square = 0.0
    for i in range(n // 2):
        square += (stress[i] + stress[i + half] - 2.0 * mean) ** 2
    if half > n // 2:
        square += (stress[half - 1] - mean) ** 2
    return count, highest, mean, square / (n * n)


@kernel(fastmath={"reassoc", "contract"})
def weigh(
    rates: Floats,
    stress: Floats,
    drop: float,
    offset: float,
    square: float,
    cross: float,
    constant: float,
) -> tuple[float, float, float]:
    """Return the sums over blocks of nu, of nu E[s - s'] and of nu E[(s - s')^2].

    E[s - s'] = drop s + offset sign(s);  E[(s - s')^2] = square s^2 + cross |s| + constant.
    """
    activity = 0.0
    release = 0.0
    released_square = 0.0
    for i in range(rates.size):
        s, nu = stress[i], rates[i]
        activity += nu
        release += nu * (drop * s + offset * math.copysign(1.0, s))
        released_square += nu * (square * s * s + cross * abs(s) + constant)
    return activity, release, released_square
