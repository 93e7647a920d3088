"""Moving masses from one grid to another: conservative, positive, third order where smooth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["face_densities", "graded", "remap"]

Floats = NDArray[np.float64]


@kernel()
def face_densities(faces: Floats, mass: Floats, out: Floats) -> None:
    """Fill the density at every face, limited so that the cumulative law stays monotone.

    Between the means of the two cells, weighted by the widths crosswise (exact for a parabola's
    cumulative law to second order), and no more than three times either (Fritsch and Carlson).
    """
    n = mass.size
    out[0] = out[n] = 0.0
    for i in range(1, n):
        left, right = faces[i] - faces[i - 1], faces[i + 1] - faces[i]
        a, b = mass[i - 1] / left, mass[i] / right
        out[i] = min((a * right + b * left) / (left + right), 3.0 * min(a, b))


@kernel()
def remap(faces: Floats, mass: Floats, shift: float, new_faces: Floats, new_mass: Floats) -> float:
    """Fill the masses on new faces of a density shifted by ``shift``; return what lies outside.

    ``mass`` is one class, (cells,). In every old cell the cumulative law is a monotone cubic.
    """
    n, m = mass.size, new_mass.size
    density = np.empty(n + 1)
    face_densities(faces, mass, density)
    new_mass[:] = 0.0
    outside = 0.0
    target = 0
    while target < m and new_faces[target + 1] <= faces[0] + shift:
        target += 1
    for i in range(n):
        if mass[i] == 0.0:
            continue
        a, b = faces[i] + shift, faces[i + 1] + shift
        h = faces[i + 1] - faces[i]
        p, q = density[i] * h, density[i + 1] * h
        done = 0.0
        while target > 0 and new_faces[target] > a:
            target -= 1
        while target < m and new_faces[target + 1] <= a:
            target += 1
        if a < new_faces[0]:
            x = min((new_faces[0] - a) / h, 1.0)
            done = mass[i] if x == 1.0 else min(_cubic(x, mass[i], p, q), mass[i])
            outside += done
        while target < m and new_faces[target] < b:
            x = (new_faces[target + 1] - a) / h
            # the cubic is monotone; its rounding, which need not be, stays between its neighbours
            upto = mass[i] if x >= 1.0 else min(max(_cubic(x, mass[i], p, q), done), mass[i])
            new_mass[target] += upto - done
            done = upto
            if x >= 1.0:
                break
            target += 1
        if done < mass[i]:
            outside += mass[i] - done
    return outside


@kernel()
def _cubic(x: float, mass: float, p: float, q: float) -> float:
    """The cubic from 0 to ``mass`` over (0, 1) with slopes p and q at its ends."""
    return x * (p + x * (3.0 * mass - 2.0 * p - q + x * (p + q - 2.0 * mass)))


@kernel()
def graded(points: Floats, size: Floats, growth: float) -> None:
    """Limit, in place, the growth of a wanted cell size along ascending points."""
    for i in range(1, points.size):
        size[i] = min(size[i], size[i - 1] + growth * (points[i] - points[i - 1]))
    for i in range(points.size - 2, -1, -1):
        size[i] = min(size[i], size[i + 1] + growth * (points[i + 1] - points[i]))
