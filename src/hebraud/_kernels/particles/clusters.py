"""Clusters on a periodic square lattice (Hoshen and Kopelman, Phys. Rev. B 14, 3438 (1976))."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["label_periodic"]


@kernel()
def label_periodic(active: NDArray[np.bool_], corners: bool) -> tuple[NDArray[np.int64], int]:
    """Return labels 1, 2, ... (0 where not active) in the order of first appearance, and how many.

    Sites are joined across edges, and across corners too if ``corners``; both directions are
    periodic. One raster pass joins each site with the two (four) that are behind it modulo the
    edges, in a forest whose roots are the first sites; a second pass numbers the roots.
    """
    rows, columns = active.shape
    parent = np.arange(rows * columns)
    behind = ((-1, 0), (0, -1), (-1, -1), (-1, 1))
    directions = 4 if corners else 2
    for row in range(rows):
        for column in range(columns):
            if not active[row, column]:
                continue
            for k in range(directions):
                above = (row + behind[k][0]) % rows
                beside = (column + behind[k][1]) % columns
                if not active[above, beside]:
                    continue
                one, other = row * columns + column, above * columns + beside
                while parent[one] != one:
                    parent[one] = parent[parent[one]]
                    one = parent[one]
                while parent[other] != other:
                    parent[other] = parent[parent[other]]
                    other = parent[other]
                parent[max(one, other)] = min(one, other)
    labels = np.zeros((rows, columns), np.int64)
    count = 0
    for row in range(rows):
        for column in range(columns):
            if not active[row, column]:
                continue
            root = row * columns + column
            while parent[root] != root:
                root = parent[root]
            if root == row * columns + column:
                count += 1
                labels[row, column] = count
            else:
                labels[row, column] = labels[root // columns, root % columns]
    return labels, count
