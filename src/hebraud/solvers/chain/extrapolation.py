"""Limits of what is measured on nested grids of N, 2 N, 4 N ... cells.

Every grid cuts the cells of the first into equal numbers along one smooth map, so that errors are a
series in one over the cells, cleanly, which begins with the square.
"""

from __future__ import annotations

import numpy as np

from hebraud._typing import Array, Ints

__all__ = ["Extrapolation"]


class Extrapolation:
    """Numbers that are measured on one grid after the other, and their limits so far.

    From two grids the square is taken out, from three the cube too. The estimated error is twice
    what that moved by, or a tenth of the last correction where that is more: once in a while what
    moved is small by chance.

    Attributes
    ----------
    values : ndarray, (n,)
        The limits, in the kind of number that is measured; NaN at first.
    errors : ndarray, (n,)
        Their estimated errors; infinite until there are three grids.
    """

    def __init__(self, size: int, kind: type = float) -> None:
        self.values: Array = np.full(size, np.nan, dtype=kind)
        self._last, self._squared = self.values.copy(), self.values.copy()
        self.errors = np.full(size, np.inf)

    def add(self, new: Array, which: Ints | slice = slice(None)) -> None:
        """Take what was measured on the next grid, or on it of ``which`` numbers."""
        square = (new - self._last[which]) / 3.0
        cube = (new + square - self._squared[which]) / 7.0
        two = np.isnan(cube)
        correction, better = np.where(two, square, cube), new + square + np.where(two, 0.0, cube)
        moved = np.maximum(2.0 * np.abs(better - self.values[which]), 0.1 * np.abs(correction))
        self.errors[which] = np.where(np.isnan(moved), np.inf, moved)
        self._last[which], self._squared[which], self.values[which] = new, new + square, better
