"""Non-affine displacement about every particle of a sheared periodic box."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["nonaffine"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Bins across one cutoff; more make shorter searches with more overhead.
_FINE = 2


@kernel()
def _bin(value: float, edge: float, bins: int) -> int:
    return min(int(value * (bins / edge)), bins - 1)


@kernel()
def _images(
    position: Floats, lx: float, ly: float, tilt: float, columns: int, rows: int
) -> tuple[Floats, Ints, Ints]:
    """Return the particles in the box and their images in a margin of ``_FINE`` bins around it.

    Three arrays: places (n, 2), particle (n,) and bin (n,); bins count along x, then y, margin
    included. The box is taken upright: its image above is shifted by the tilt.
    """
    size = position.shape[0]
    # Enough for the margins in all but very uneven systems; grown where it is not.
    room = size + 64
    place = np.empty((room, 2))
    owner = np.empty(room, np.int64)
    cell = np.empty(room, np.int64)
    n = 0
    width = columns + 2 * _FINE
    for i in range(size):
        turns = math.floor(position[i, 1] / ly)
        y0 = position[i, 1] - turns * ly
        x0 = position[i, 0] - turns * tilt
        row0 = _bin(y0, ly, rows)
        for up in range(-1, 2):
            row = row0 + up * rows + _FINE
            if row < 0 or row >= rows + 2 * _FINE:
                continue
            y = y0 + up * ly
            x1 = x0 + up * tilt
            x1 -= math.floor(x1 / lx) * lx
            column1 = _bin(x1, lx, columns)
            for right in range(-1, 2):
                column = column1 + right * columns + _FINE
                if column < 0 or column >= width:
                    continue
                if n == room:
                    room *= 2
                    place = np.concatenate((place, np.empty_like(place)))
                    owner = np.concatenate((owner, np.empty_like(owner)))
                    cell = np.concatenate((cell, np.empty_like(cell)))
                place[n, 0] = x1 + right * lx
                place[n, 1] = y
                owner[n] = i
                cell[n] = row * width + column
                n += 1
    return place[:n], owner[:n], cell[:n]


@kernel()
def _sorted_by_cell(
    place: Floats, owner: Ints, cell: Ints, cells: int, moved: Floats
) -> tuple[Floats, Floats, Floats, Floats, Ints, Ints]:
    """Return x, y, u_x, u_y and particle in the order of cells, and where each cell starts."""
    n = len(cell)
    start = np.zeros(cells + 1, np.int64)
    for i in range(n):
        start[cell[i] + 1] += 1
    for c in range(cells):
        start[c + 1] += start[c]
    free = start[:-1].copy()
    x, y, ux, uy = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    particle = np.empty(n, np.int64)
    for i in range(n):
        at = free[cell[i]]
        free[cell[i]] += 1
        x[at], y[at] = place[i, 0], place[i, 1]
        particle[at] = owner[i]
        ux[at], uy[at] = moved[owner[i], 0], moved[owner[i], 1]
    return x, y, ux, uy, particle, start


@kernel(fastmath={"reassoc", "contract"})
def _residual(n: int, rx: Floats, ry: Floats, ux: Floats, uy: Floats, flat: float) -> float:
    """Return min over E of sum |u - E r|^2 over the first n entries, or -1 if E is not unique.

    The residual is summed once E is known, so that it is never a difference of large sums.
    """
    xx, xy, yy = 0.0, 0.0, 0.0
    ax, ay, bx, by = 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        xx += rx[k] * rx[k]
        xy += rx[k] * ry[k]
        yy += ry[k] * ry[k]
        ax += ux[k] * rx[k]
        ay += ux[k] * ry[k]
        bx += uy[k] * rx[k]
        by += uy[k] * ry[k]
    determinant = xx * yy - xy * xy
    if not determinant > flat * (xx + yy) ** 2:
        return -1.0
    exx = (ax * yy - ay * xy) / determinant
    exy = (ay * xx - ax * xy) / determinant
    eyx = (bx * yy - by * xy) / determinant
    eyy = (by * xx - bx * xy) / determinant
    total = 0.0
    for k in range(n):
        px = ux[k] - exx * rx[k] - exy * ry[k]
        py = uy[k] - eyx * rx[k] - eyy * ry[k]
        total += px * px + py * py
    return total


@kernel()
def nonaffine(
    position: Floats,
    moved: Floats,
    lx: float,
    ly: float,
    tilt: float,
    cutoff: float,
    flat: float,
    out: Floats,
) -> int:
    """Fill ``out`` with min over E of sum_j |u_ij - E r_ij|^2, neighbours within ``cutoff``.

    ``position`` (N, 2) may lie anywhere in the lattice (lx, 0), (tilt, ly); ``moved`` (N, 2) is
    what each particle moved, less any affine motion, so that it is periodic. Returns the first
    particle whose neighbours lie on a line, determinant <= flat (trace)^2 of sum r r^T, or -1.
    """
    columns = max(1, int(_FINE * lx / cutoff))
    rows = max(1, int(_FINE * ly / cutoff))
    place, owner, cell = _images(position, lx, ly, tilt, columns, rows)
    width = columns + 2 * _FINE
    x, y, ux, uy, particle, start = _sorted_by_cell(
        place, owner, cell, width * (rows + 2 * _FINE), moved
    )
    reach = 2 * _FINE + 1
    most = 0
    for row in range(rows):
        for column in range(columns):
            near = 0
            for line in range(reach):
                first = (row + line) * width + column
                near += start[first + reach] - start[first]
            most = max(most, near)
    rx, ry, vx, vy = np.empty(most + 1), np.empty(most + 1), np.empty(most + 1), np.empty(most + 1)
    square = cutoff * cutoff
    for row in range(rows):
        for column in range(columns):
            home = (row + _FINE) * width + column + _FINE
            for i in range(start[home], start[home + 1]):
                n = 0
                for line in range(reach):
                    first = (row + line) * width + column
                    for j in range(start[first], start[first + reach]):
                        dx = x[j] - x[i]
                        dy = y[j] - y[i]
                        rx[n] = dx
                        ry[n] = dy
                        vx[n] = ux[j] - ux[i]
                        vy[n] = uy[j] - uy[i]
                        n += dx * dx + dy * dy <= square
                found = _residual(n, rx, ry, vx, vy, flat)
                if found < 0.0:
                    return int(particle[i])
                out[particle[i]] = found
    return -1
