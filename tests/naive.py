"""Slow twins: the plainest way to compute what the library computes fast."""

from __future__ import annotations

import numpy as np


def generator(centres, rates, lines, weights, redraws, diffusion, shear_rate):
    """Dense generator, cell i of class j at j*cells + i, entry by entry."""
    n, classes = rates.shape
    matrix = np.zeros((n * classes, n * classes))
    for j in range(classes):
        for i, x in enumerate(centres):
            column = matrix[:, j * n + i]
            b = x - centres[i - 1] if i > 0 else centres[1] - centres[0]
            a = centres[i + 1] - x if i < n - 1 else b
            noise = max(2.0 * diffusion, shear_rate * a, -shear_rate * b)
            for step, hop in ((1, noise + shear_rate * b), (-1, noise - shear_rate * a)):
                if 0 <= i + step < n:
                    column[j * n + i + step] += hop / ((a if step > 0 else b) * (a + b))
            for m in range(classes):
                drawn = weights[m] if redraws else float(m == j)
                for scale, offset, weight in zip(*lines, strict=True):
                    for cell, part in two_cells(centres, scale * x + offset * np.sign(x)):
                        column[m * n + cell] += rates[i, j] * drawn * weight * part
            column[j * n + i] -= column.sum()
    return matrix


def two_cells(centres, stress):
    """The two neighbouring cells that share a mass at ``stress``, with their parts."""
    for low in range(len(centres) - 1):
        if low == len(centres) - 2 or stress < centres[low + 1]:
            part = (centres[low + 1] - stress) / (centres[low + 1] - centres[low])
            return [(low, part), (low + 1, 1.0 - part)]
    raise AssertionError
