"""When a grid of a run moves with the shear, and how far one grid must serve."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hebraud.solvers.chain.grid import Grid

__all__ = ["AT_REST", "Way", "extent_of", "way_of"]

Floats = NDArray[np.float64]

_FAST = 4.0
"""Grids move where the shear rate is above this many times what it has to beat ..."""
_SLOW = 2.0
"""... and rest again where it is below this many times that. The gap keeps them from switching."""
_AHEAD = 0.2
"""Strain for which a moving grid is fine ahead, in units of the length over which P varies."""
_FREE = 0.1
"""Shortest way to the next threshold, in its units, for which a grid moves where nothing yields."""
_TAIL = 1e-17
"""Mass beyond which a grid need not reach on either side: below round-off of the total."""


def extent_of(grid: Grid, mass: Floats) -> tuple[float, float]:
    """Return the stresses beyond which less than 1e-17 of the mass lies."""
    cells = mass.sum(axis=1)
    low = int(np.searchsorted(np.cumsum(cells), _TAIL))
    high = cells.size - int(np.searchsorted(np.cumsum(cells[::-1]), _TAIL))
    return float(grid.faces[low]), float(grid.faces[max(high, low + 1)])


class Way(NamedTuple):
    """How far the cells of a grid are carried along.

    ``strain`` is 0 on a grid at rest; ``ahead`` is that part of it for which they must be fine
    beforehand where they will meet a threshold or a landing point; ``scale`` is the length over
    which P varies.
    """

    strain: float
    ahead: float
    scale: float

    @property
    def moves(self) -> bool:
        """True where the grid moves with the shear."""
        return self.strain != 0.0


AT_REST = Way(0.0, 0.0, 1.0)
"""The way of a grid that does not move; its scale is not used."""


def way_of(
    grid: Grid,
    mass: Floats,
    flow: tuple[float, float, float],
    lowest: float,
    mean: float,
    carried: bool,
) -> Way:
    """Return whether a grid is to move with the shear, and how far it must serve.

    It pays where shear loads a block in a small part of tau, where diffusion does not reach as far
    meanwhile, and while there is something narrow that is carried along: in a stationary state no
    more than Gamma can pass any stress, rate P <= Gamma. It pays also while nothing yields at all:
    then up to where the first blocks reach a threshold. ``flow`` is D, the shear rate and Gamma;
    ``lowest`` and ``mean`` are those of the thresholds.
    """
    from hebraud._kernels.grids.sums import crest

    D, rate, activity = flow
    low, high = extent_of(grid, mass)
    free = lowest - max(high, -low)
    if rate != 0.0 and D == 0.0 and free > _FREE * lowest:
        return Way(math.copysign(0.9 * free, rate), 0.0, lowest)
    times, surplus = (_SLOW, 1.2) if carried else (_FAST, 2.0)
    passing = abs(rate) * crest(mass, grid.widths)
    fast = max(abs(rate) / mean, passing) > times
    if fast and times**2 * D < rate * rate and passing > surplus * activity:
        # the way of a block in tau, or the extent of P while no block has gone so far
        width = 0.5 * (abs(rate) + math.sqrt(rate * rate + 4.0 * D))
        scale = min(width, max(abs(low), abs(high), lowest))
        strain = math.copysign(_AHEAD * scale, rate)
        return Way(strain, strain, scale)
    return AT_REST
