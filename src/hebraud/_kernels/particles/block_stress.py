"""Pair sums over a sheared periodic box, gathered by block."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["add_pair_virials"]

Floats = NDArray[np.float64]


@kernel()
def add_pair_virials(
    fraction: Floats,
    species: NDArray[np.int64],
    block: NDArray[np.int64],
    edges: Floats,
    energy: Floats,
    diameter: Floats,
    cutoff: float,
    total: Floats,
) -> None:
    """Add V'(r) x y / r of every pair to ``total``, half of it to the block of either particle.

    The box has edges (edges[0], 0) and (edges[2], edges[1]); ``fraction`` (N, 2), in [0, 1), are
    places along them. ``energy`` and ``diameter`` (2, 2) go by species, 0 or 1. Cells are no
    narrower than the cutoff, and neighbouring cells are visited with the lattice vector that
    brings them near, so that a small box meets its own images.
    """
    n = fraction.shape[0]
    lx, ly, tilt = edges[0], edges[1], edges[2]
    columns = max(1, int(lx / math.sqrt(1.0 + (tilt / ly) ** 2) / cutoff))
    rows = max(1, int(ly / cutoff))

    cell = np.empty(n, dtype=np.int64)
    first = np.zeros(columns * rows + 1, dtype=np.int64)
    for i in range(n):
        column = min(int(fraction[i, 0] * columns), columns - 1)
        row = min(int(fraction[i, 1] * rows), rows - 1)
        cell[i] = column * rows + row
        first[cell[i] + 1] += 1
    for c in range(columns * rows):
        first[c + 1] += first[c]
    nextfree = first[:-1].copy()
    who = np.empty(n, dtype=np.int64)
    x = np.empty(n)
    y = np.empty(n)
    for i in range(n):
        k = nextfree[cell[i]]
        nextfree[cell[i]] += 1
        who[k] = i
        x[k] = fraction[i, 0] * lx + fraction[i, 1] * tilt
        y[k] = fraction[i, 1] * ly

    # as far as cells reach: one neighbour where they are as wide as the cutoff, more in boxes
    # that are narrower than the cutoff themselves
    reach_x = math.ceil(cutoff * columns * math.sqrt(1.0 + (tilt / ly) ** 2) / lx)
    reach_y = math.ceil(cutoff * rows / ly)
    for column in range(columns):
        for row in range(rows):
            here = column * rows + row
            for step_x in range(-reach_x, reach_x + 1):
                for step_y in range(reach_y + 1):
                    if step_y == 0 and step_x < 0:
                        continue  # the half of the neighbours that is left
                    turn_x = (column + step_x) // columns
                    turn_y = (row + step_y) // rows
                    there = (column + step_x - turn_x * columns) * rows + (
                        row + step_y - turn_y * rows
                    )
                    same = step_x == 0 and step_y == 0
                    shift_x = turn_x * lx + turn_y * tilt
                    shift_y = turn_y * ly
                    for a in range(first[here], first[here + 1]):
                        i = who[a]
                        for b in range(a + 1 if same else first[there], first[there + 1]):
                            dx = x[b] + shift_x - x[a]
                            dy = y[b] + shift_y - y[a]
                            square = dx * dx + dy * dy
                            if square >= cutoff * cutoff:
                                continue
                            j = who[b]
                            d = diameter[species[i], species[j]]
                            s6 = (d * d / square) ** 3
                            slope = -24.0 * energy[species[i], species[j]] * (2.0 * s6 * s6 - s6)
                            half = 0.5 * slope * dx * dy / square
                            total[block[i]] += half
                            total[block[j]] += half
