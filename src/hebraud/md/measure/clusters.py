"""Blocks with an active particle, and the clusters that they form."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Bools, Ints
from hebraud.md.measure.block_stress import cells

__all__ = ["active_blocks", "cluster_sizes", "label_clusters"]


def active_blocks(
    position: ArrayLike, strain: float, box: ArrayLike, blocks: tuple[int, int]
) -> Bools:
    """Return which blocks (`cells`) hold at least one of the particles, shape (along x, along y).

    Parameters
    ----------
    position : (n, 2) array
        The active particles, in sigma_AA, anywhere in the lattice.
    strain : float
        Shear strain, continuous across flips.
    box : (2,) array
        Edges lx, ly, in sigma_AA.
    blocks : (int, int)
        Number of blocks along x and y.
    """
    edges = np.asarray(box, dtype=np.float64)
    _, cell = cells(np.asarray(position, dtype=np.float64).reshape(-1, 2), strain, edges, blocks)
    active = np.zeros(blocks, dtype=np.bool_)
    active[cell[:, 0], cell[:, 1]] = True
    return active


def label_clusters(active: ArrayLike, corners: bool = False) -> tuple[Ints, int]:
    """Return the cluster of every block, 1, 2, ... or 0 where not active, and their number.

    Hoshen and Kopelman's algorithm on a periodic lattice. Active blocks belong together if they
    share an edge, or, with ``corners``, an edge or a corner. The paper does not say which; edges
    are the lattice of the algorithm's paper.

    Raises ``ValueError`` if ``active`` is not a two-dimensional array of bool.
    """
    from hebraud._kernels.particles.clusters import label_periodic

    array = np.ascontiguousarray(active)
    if array.ndim != 2 or array.dtype != np.bool_ or array.size == 0:
        raise ValueError(
            "active must be a two-dimensional array of bool, got "
            f"{array.dtype} of shape {array.shape}"
        )
    labels, count = label_periodic(array, corners)
    return labels, int(count)


def cluster_sizes(labels: Ints, count: int) -> Ints:
    """Return the number of blocks of clusters 1 ... ``count``, shape (count,)."""
    return np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.int64)
