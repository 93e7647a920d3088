"""The landing of yielded mass on two neighbouring cells."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["deposit"]

Floats = NDArray[np.float64]


@njit(cache=True)
def deposit(
    yielded: Floats, lower: NDArray[np.int64], share: Floats, weight: Floats, out: Floats
) -> None:
    """Add up what lands in every cell; ``yielded`` and ``out`` are (cells, classes).

    A block of cell i follows line q with probability ``weight[q]``, and falls to cell
    ``lower[i, q]`` with probability ``share[i, q]`` or to the next one above it.
    """
    n, classes = yielded.shape
    out[:, :] = 0.0
    for i in range(n):
        for q in range(weight.size):
            below = weight[q] * share[i, q]
            above = weight[q] * (1.0 - share[i, q])
            cell = lower[i, q]
            for j in range(classes):
                out[cell, j] += below * yielded[i, j]
                out[cell + 1, j] += above * yielded[i, j]
