"""Thresholds and landing points that pass through the cells of a grid that moves.

The cells keep their blocks; in a step in which they move by ``by`` from the faces given, a
threshold passes through some of them, and a landing point sweeps over others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["over_thresholds", "swept"]

Floats = NDArray[np.float64]


@kernel(error_model="numpy")
def _rise(x: float, width: float) -> float:
    """Return the mean of max(y, 0) for y evenly between x - width and x."""
    if x <= 0.0:
        return 0.0
    if x < width:
        return 0.5 * x * x / width
    return x - 0.5 * width


@kernel(error_model="numpy")
def over_thresholds(
    faces: Floats, by: float, thresholds: Floats, left: Floats, right: Floats
) -> None:
    """Fill, (cells, classes), the mean fractions of a cell that are below -c and above c.

    Over the cell and over the step: an integral over a product of two intervals, exact. The cell is
    even inside, and moves evenly.
    """
    n, classes = left.shape
    way = abs(by)
    for i in range(n):
        a, b = faces[i], faces[i + 1]
        low, high = min(a, a + by), max(b, b + by)
        short, long = min(b - a, way), max(b - a, way)
        for j in range(classes):
            c = thresholds[j]
            if low >= c:
                right[i, j] = 1.0
            elif high <= c:
                right[i, j] = 0.0
            else:
                x = high - c
                right[i, j] = min((_rise(x, short) - _rise(x - long, short)) / long, 1.0)
            if high <= -c:
                left[i, j] = 1.0
            elif low >= -c:
                left[i, j] = 0.0
            else:
                x = -c - low
                left[i, j] = min((_rise(x, short) - _rise(x - long, short)) / long, 1.0)


@kernel(error_model="numpy")
def swept(centres: Floats, begin: float, end: float, weight: float, out: Floats) -> None:
    """Add a weight that is spread evenly between two places, each part shared by two cells.

    What lies between two centres is shared out so that its mean is kept (linear hats).
    """
    low, high = min(begin, end), max(begin, end)
    i = max(int(np.searchsorted(centres, low)) - 1, 0)
    way = high - low
    if way == 0.0:
        part = (centres[i + 1] - low) / (centres[i + 1] - centres[i])
        out[i] += weight * part
        out[i + 1] += weight * (1.0 - part)
        return
    here = low
    while here < high and i + 1 < centres.size:
        there = min(high, centres[i + 1])
        piece = weight * (there - here) / way
        part = (centres[i + 1] - 0.5 * (here + there)) / (centres[i + 1] - centres[i])
        out[i] += piece * part
        out[i + 1] += piece * (1.0 - part)
        here = there
        i += 1
