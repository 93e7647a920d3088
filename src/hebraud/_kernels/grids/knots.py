"""The landing of yielded mass by a normal law, in two stages of a few terms a cell.

What yields is shared out to the six nearest of a row of even knots, by B-splines, and what the
knots have goes to the cells by a normal law about each. All terms are positive.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel
from hebraud._kernels.grids.sums import dot

__all__ = ["fill_bands", "land_on_knots"]

Floats = NDArray[np.float64]

_NARROW = 1e-3
"""Distance of two cells, in standard deviations, below which a normal law is a straight line
between them, to 1e-9 of what makes it one ..."""
_TILT = 1.0 / 12.0
"""... which moves the mean by this much of its slope."""
_PEAK = 1.0 / 480.0
"""Term of the fourth Hermite polynomial, in (distance of knots/std)^4, that makes up for the
fourth cumulant of a B-spline of fifth order, -1/20 in distances of knots."""


@kernel(error_model="numpy")
def _beyond(z: float) -> float:
    """Return the probability of a normal law on the far side of z, < 0 where that is above."""
    far = 0.5 * math.erfc(abs(z) / math.sqrt(2.0))
    return far if z < 0.0 else -far


@kernel(error_model="numpy")
def fill_bands(
    centres: Floats, places: Floats, distance: float, std: Floats, low: NDArray[np.int64],
    high: NDArray[np.int64], bands: NDArray[np.int64], taken: Floats, square: Floats,
) -> None:  # fmt: skip
    """Fill the part of each knot that each cell takes, and the mean square of the way there.

    What of the law about a knot lies between two centres goes to both, as its mean there says: that
    keeps the mean. Knot k gives to the cells ``low[k] ... high[k]``, the tails to the outermost, so
    that it gives one.
    """
    for k in range(places.size):
        peak = _PEAK * (distance / std[k]) ** 4
        z = (centres[low[k]] - places[k]) / std[k]
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        cubic = z * (z * z - 3.0)
        beyond = _beyond(z) - peak * cubic * density
        mean = -density * (1.0 + peak * (z * cubic + z * z - 1.0))
        # what lies below the first centre
        here = beyond if z < 0.0 else 1.0 + beyond
        square[k] = 0.0
        for i in range(low[k], high[k]):
            next_z = (centres[i + 1] - places[k]) / std[k]
            next_density = math.exp(-0.5 * next_z * next_z) / math.sqrt(2.0 * math.pi)
            next_cubic = next_z * (next_z * next_z - 3.0)
            next_beyond = _beyond(next_z) - peak * next_cubic * next_density
            next_mean = -next_density * (1.0 + peak * (next_z * next_cubic + next_z * next_z - 1.0))
            between = next_beyond - beyond + (1.0 if z < 0.0 <= next_z else 0.0)
            width = next_z - z
            if width < _NARROW:
                above = between * (0.5 - _TILT * width * (z + 0.5 * width))
            else:
                above = (next_mean - mean - z * between) / width
            here += between - above
            taken[bands[i, 1] + k - bands[i, 0]] = here
            square[k] += here * (centres[i] - places[k]) ** 2
            here = above
            z, beyond, mean = next_z, next_beyond, next_mean
        here += -beyond if z >= 0.0 else 1.0 - beyond
        taken[bands[high[k], 1] + k - bands[high[k], 0]] = here
        square[k] += here * (centres[high[k]] - places[k]) ** 2


@kernel(error_model="numpy")
def land_on_knots(
    sink: Floats, dt: float, lower: NDArray[np.int64], given: Floats, bands: NDArray[np.int64],
    taken: Floats, mass: Floats, heap: Floats, landed: Floats,
) -> None:  # fmt: skip
    """Fill the landed mass, (cells, 1) where classes are drawn anew, else (cells, classes).

    An image of cell i, (cells, images), gives to six knots from ``lower`` on the shares ``given``.
    A cell takes of the knots from ``bands[i, 0]`` on the shares ``taken`` from ``bands[i, 1]`` on.
    ``heap``, (the columns of ``landed``, knots), comes back as what the knots have had.
    """
    n, columns = landed.shape
    heap[:, :] = 0.0
    for i in range(n):
        out = dot(sink[i], mass[i])
        for j in range(columns if out > 0.0 else 0):
            share = dt * (out if columns == 1 else sink[i, j] * mass[i, j])
            if share > 0.0:
                for m in range(lower.shape[1]):
                    at = lower[i, m]
                    for q in range(6):
                        heap[j, at + q] += given[i, 6 * m + q] * share
    for i in range(n):
        band = taken[bands[i, 1] : bands[i + 1, 1]]  # no index into a slice may be negative
        for j in range(columns):
            landed[i, j] = dot(band, heap[j, bands[i, 0] : bands[i, 0] + band.size])
