"""Where the faces of a graded grid go.

Between two neighbouring breaks the wanted cell size is the least of four straight lines, two
rising from the left break and two from the right one; the number of cells is the integral of
one over the size, taken piece by piece in closed form.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["cell_numbers", "place"]

Floats = NDArray[np.float64]


@kernel()
def _size(x: float, length: float, lines: Floats) -> float:
    y = length - x
    rising = min(lines[0] + lines[1] * x, lines[2] + lines[3] * x)
    falling = min(lines[4] + lines[5] * y, lines[6] + lines[7] * y)
    return float(min(rising, falling))


@kernel()
def _pieces(length: float, lines: Floats, x: Floats, size: Floats, number: Floats) -> int:
    """Fill the knots of the least of the lines and the cell count up to each; return how many."""
    x[0] = 0.0
    count = 1
    for a in range(4):
        for b in range(a + 1, 4):
            # value + slope x of line a against line b; lines 2 and 3 fall with x
            va, sa = lines[2 * a], lines[2 * a + 1]
            vb, sb = lines[2 * b], lines[2 * b + 1]
            if a > 1:
                va, sa = va + sa * length, -sa
            if b > 1:
                vb, sb = vb + sb * length, -sb
            if sa != sb:
                cross = (vb - va) / (sa - sb)
                if 0.0 < cross < length:  # put in its place; np.sort takes a second to compile
                    at = count
                    while x[at - 1] > cross:
                        x[at] = x[at - 1]
                        at -= 1
                    x[at] = cross
                    count += 1
    x[count] = length
    count += 1
    number[0] = 0.0
    size[0] = _size(0.0, length, lines)
    for i in range(1, count):
        size[i] = _size(x[i], length, lines)
        dx = x[i] - x[i - 1]
        growth = (size[i] - size[i - 1]) / size[i - 1]
        ratio = math.log1p(growth) / growth if abs(growth) > 1e-8 else 1.0 - 0.5 * growth
        number[i] = number[i - 1] + dx / size[i - 1] * ratio
    return count


@kernel()
def _refine(lines: Floats, fineness: float, own: Floats) -> None:
    """Fill the lines of a segment, of which 0 and 2 are divided by ``fineness``."""
    for k in range(8):
        own[k] = lines[k] / fineness if k % 4 < 2 else lines[k]


@kernel()
def cell_numbers(lengths: Floats, lines: Floats, fineness: float) -> Floats:
    """Return how many cells each segment wants; lines 0 and 2 are divided by ``fineness``."""
    x, size, number = np.empty(16), np.empty(16), np.empty(16)
    wanted = np.empty(lengths.size)
    own = np.empty(8)
    for s in range(lengths.size):
        _refine(lines[s], fineness, own)
        wanted[s] = number[_pieces(lengths[s], own, x, size, number) - 1]
    return wanted


@kernel()
def place(
    breaks: Floats, lines: Floats, fineness: float, cells: NDArray[np.int64], parts: int
) -> Floats:
    """Return the faces: every break is one, with ``cells[s]`` times ``parts`` cells in segment s.

    The cell count along a segment is stretched to the whole number by a smooth step that leaves
    the density of cells at both breaks as it is, so that neighbours match across a break. Each of
    those cells is cut into ``parts`` along the same smooth map.
    """
    x, size, number = np.empty(16), np.empty(16), np.empty(16)
    own = np.empty(8)
    total_cells = 0
    for s in range(cells.size):
        total_cells += cells[s]
    faces = np.empty(parts * total_cells + 1)
    faces[0] = breaks[0]
    at = 0
    for s in range(cells.size):
        _refine(lines[s], fineness, own)
        count = _pieces(breaks[s + 1] - breaks[s], own, x, size, number)
        total = number[count - 1]
        surplus = cells[s] - total
        low = 0.0
        piece = 1
        for i in range(1, parts * cells[s]):
            high = total
            mark = i / parts
            r = min(max(low, total * mark / cells[s]), high)
            bottom = low
            for _ in range(60):
                t = r / total
                miss = r + surplus * t * t * (3.0 - 2.0 * t) - mark
                if miss > 0.0:
                    high = r
                else:
                    bottom = r
                slope = 1.0 + 6.0 * surplus / total * t * (1.0 - t)
                step = miss / slope if slope > 0.1 else 2.0 * total
                new = r - step
                if not (bottom <= new <= high):
                    new = 0.5 * (bottom + high)
                done = abs(new - r) <= 1e-14 * total
                r = new
                if done:
                    break
            low = r
            while piece < count - 1 and number[piece] < r:
                piece += 1
            dx = x[piece] - x[piece - 1]
            slope = (size[piece] - size[piece - 1]) / dx
            z = (r - number[piece - 1]) * slope
            grown = math.expm1(z) / z if abs(z) > 1e-8 else 1.0 + 0.5 * z
            faces[at + i] = (
                breaks[s] + x[piece - 1] + (size[piece - 1] * (r - number[piece - 1]) * grown)
            )
        at += parts * cells[s]
        faces[at] = breaks[s + 1]
    return faces
