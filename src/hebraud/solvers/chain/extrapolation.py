"""Limits of numbers computed on nested grids of N, 2 N, 4 N ... cells.

Each grid cuts every cell of the first into the same number of cells along one smooth map. Errors
are then a clean power series in 1/N that begins with the square.
"""

from __future__ import annotations

import numpy as np

from hebraud._typing import Array, Ints

__all__ = ["Extrapolation"]


class Extrapolation:
    """Limits of numbers that are computed on one grid after the other.

    Two grids remove the error of second order, three that of third order too. The estimated error
    is twice the last change of the limit, or a tenth of the last correction where that is more,
    because a change can be small by chance.

    Attributes
    ----------
    values : ndarray, (n,)
        The limits, real or complex; NaN at first.
    errors : ndarray, (n,)
        Their estimated errors; infinite until there are three grids.
    """

    def __init__(self, size: int, kind: type = float) -> None:
        self.values: Array = np.full(size, np.nan, dtype=kind)
        self._last, self._squared = self.values.copy(), self.values.copy()
        self.errors = np.full(size, np.inf)

    def add(self, new: Array, which: Ints | slice = slice(None)) -> None:
        """Add the numbers of the next grid, all of them or those at ``which`` places."""
        square = (new - self._last[which]) / 3.0
        cube = (new + square - self._squared[which]) / 7.0
        two = np.isnan(cube)
        correction, better = np.where(two, square, cube), new + square + np.where(two, 0.0, cube)
        moved = np.maximum(2.0 * np.abs(better - self.values[which]), 0.1 * np.abs(correction))
        self.errors[which] = np.where(np.isnan(moved), np.inf, moved)
        self._last[which], self._squared[which], self.values[which] = new, new + square, better
