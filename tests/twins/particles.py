"""Slow twins of the measures on particles: all images, one particle at a time."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.spatial import cKDTree


def d2min(position, later, strain, later_strain, box, cutoff):
    """D2min by a k-d tree of nine images and least squares for each particle (eq. 5)."""
    lx, ly = box
    tilt = strain * ly - round(strain * ly / lx) * lx
    up = np.floor(position[:, 1] / ly)
    place = position - up[:, None] * [tilt, ly]
    place[:, 0] -= np.floor((place[:, 0] - tilt * place[:, 1] / ly) / lx) * lx
    # which lattice vector, in the edges of continuous strain, leads from where it is to its image
    images, ends = [], []
    for across in (-2, -1, 0, 1, 2):
        for above in (-1, 0, 1):
            images.append(place + np.array([across * lx + above * tilt, above * ly]))
            moved = images[-1] - position
            rows = np.round(moved[:, 1] / ly)
            columns = np.round((moved[:, 0] - rows * strain * ly) / lx)
            ends.append(
                later + columns[:, None] * [lx, 0] + rows[:, None] * [later_strain * ly, ly]
            )
    images, ends = np.concatenate(images), np.concatenate(ends)
    itself = 7 * len(position)  # the image across = above = 0
    found = []
    for i, near in enumerate(cKDTree(images).query_ball_point(place, cutoff)):
        near = [j for j in near if j != itself + i]
        before = images[near] - place[i]
        after = ends[near] - ends[itself + i]
        best = np.linalg.lstsq(before, after, rcond=None)[0]
        found.append(((after - before @ best) ** 2).sum())
    return np.array(found)


def label(active, corners):
    """Periodic clusters by spreading from each block in turn."""
    rows, columns = active.shape
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)] + [
        (a, b) for a in (-1, 1) for b in (-1, 1)
    ] * corners
    labels, count = np.zeros(active.shape, int), 0
    for start in np.ndindex(active.shape):
        if active[start] and not labels[start]:
            count += 1
            labels[start], queue = count, deque([start])
            while queue:
                row, column = queue.popleft()
                for a, b in steps:
                    beside = (row + a) % rows, (column + b) % columns
                    if active[beside] and not labels[beside]:
                        labels[beside] = count
                        queue.append(beside)
    return labels, count
