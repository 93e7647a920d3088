"""Landing by a normal law on a grid, in a few terms a cell: from cells to even knots, and back.

The image of a cell that yields is shared out to six knots by the B-splines of fifth order. Their
weights are positive, sum to one and have moments that do not depend on where the image lies between
the knots, up to the fifth: no skewness, a variance of half the square of the distance of knots and
a fourth cumulant of -1/20 of its fourth power. From there it goes to the cells by the law with that
much less variance and as much more of the fourth cumulant. What is left is of sixth order. With x
wave number times distance, the characteristic function is off by x^6/30240, the sixth cumulant, and
x^6/30764, an alias that goes up and down from one image to the next: a peak density by up to 1e-3
times the sixth power of distance over standard deviation.

Between two centres mass goes to both by its mean, so that means are exact; what that adds to the
mean square is taken out of the variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.relaxation import NormalScatter

__all__ = ["LINES", "KnotRow", "run_knots"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_COARSE = 4.0
"""Knots in a standard deviation: the peak density is right to 2e-7 ..."""
_FINE = 1.3
"""... and of finer grids, with the cube root of the fineness: errors are of sixth order, as cells'
are of second; 2e-7 at rtol 1e-6."""
_DEGREE = 5
_VARIANCE = (_DEGREE + 1) / 12.0
"""Variance that the sharing of images adds, in squares of the distance of knots."""
_REACH = 8.3
"""Standard deviations beyond which a normal law has less than 1e-16 of its weight."""
_TURNS = 4
"""Turns in which variances are made right; each gains a factor (cell size/std)^2 ..."""
_RIGHT = 4e-5
"""... and there is no use in another where they are off by this times the sixth power of the
distance of knots."""
_NARROWEST = 0.25
"""Least part of the variance that is left, where cells are wider than the law: the knots are
then half a standard deviation apart, and all weights still positive."""
_MOST = 4
"""Knots for each cell above which the law is narrower than most cells, and lines are as good."""


def run_knots(fineness: float) -> float:
    """Return how many knots a standard deviation has in a run.

    ``fineness`` is the number of cells, in units of that of the coarsest grid.
    """
    return max(_COARSE, _FINE * float(fineness ** (1.0 / 3.0)))


LINES = np.zeros((1, 2), dtype=np.int64), np.zeros(0)
"""Bands, and what is taken, where blocks land by lines."""


@dataclass(frozen=True, eq=False)
class KnotRow:
    """The knots of one law on one grid.

    Attributes
    ----------
    distance : float
        Of two knots, of which one would be at zero stress.
    lowest : int
        The place of the first, in distances.
    bands, taken : ndarray
        What cells take of the knots, as in :func:`hebraud._kernels.grids.knots.land_on_knots`.
    images : tuple
        The least and the largest that the cells hold the landings of.
    """

    distance: float
    lowest: int
    bands: Integers
    taken: Floats
    images: tuple[float, float]

    @classmethod
    def of(
        cls, law: NormalScatter, centres: Floats, low: float, high: float, number: float
    ) -> KnotRow | None:
        """Return the row for images between ``low`` and ``high``, None where lines are as good.

        ``number`` is how many knots a standard deviation has.
        """
        distance = law.std / number
        if not (high - low) / distance < _MOST * centres.size:
            return None
        from hebraud._kernels.grids.knots import fill_bands

        lowest = math.floor(low / distance) - 2
        places = distance * np.arange(lowest, math.floor(high / distance) + 5, dtype=np.float64)
        variance = law.std**2 - _VARIANCE * distance**2
        reach = _REACH * law.std
        last = centres.size - 1
        bottom = np.maximum(np.searchsorted(centres, places - reach) - 1, 0)
        top = np.minimum(np.searchsorted(centres, places + reach), last)
        bottom = np.minimum(bottom, last)
        cells = np.arange(centres.size)
        first = np.searchsorted(top, cells)
        begin = np.cumsum(np.searchsorted(bottom, cells, side="right") - first)
        bands = np.stack([np.append(first, places.size), np.append(0, begin)], axis=1)
        taken, square = np.empty(begin[-1]), np.empty(places.size)
        left: Floats = np.full(places.size, variance)
        for _ in range(_TURNS):
            std = np.sqrt(left)
            fill_bands(centres, places, distance, std, bottom, top, bands, taken, square)
            before, left = left, np.maximum(left + (variance - square), _NARROWEST * variance)
            if np.max(np.abs(left - before)) <= _RIGHT * variance / number**6:
                break
        held = max(low, centres[0] + reach), min(high, centres[-1] - reach)
        return cls(distance, lowest, bands, taken, held)

    def given(self, image: Floats, weight: Floats) -> tuple[Integers, Floats]:
        """Return the first of the six knots of every image, (cells, images), and all shares.

        ``weight`` is the part of a cell that has each image.
        """
        low, high = float(image.min()), float(image.max())
        if low < self.images[0] or high > self.images[1]:
            raise ConvergenceError(
                f"a block lands about {low if low < self.images[0] else high:g}, outside the "
                f"stresses {self.images[0]:g} to {self.images[1]:g} that the grid has room for"
            )
        lower, share = self.shares(image)
        return lower, (weight[..., None] * share).reshape(len(image), -1)

    def shares(self, image: Floats) -> tuple[Integers, Floats]:
        """Return the first of the six knots of every image, and the share of each, (..., 6)."""
        place = image / self.distance
        whole = np.floor(place)
        u = place - whole
        share = np.ones((*image.shape, 1))
        for d in range(1, _DEGREE + 1):
            wider = np.zeros((*image.shape, d + 1))
            j = np.arange(d)
            wider[..., 1:] = (u[..., None] + (d - 1 - j)) * share
            wider[..., :-1] += (j + 1 - u[..., None]) * share
            share = wider / d
        return whole.astype(np.int64) - 2 - self.lowest, share
