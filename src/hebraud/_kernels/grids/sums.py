"""Sums over cells and classes: mass, stress, activity, noise, yields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel
from hebraud._kernels.grids.elimination import occupation

__all__ = [
    "crest",
    "displaced",
    "dot",
    "functionals",
    "pool",
    "side_yields",
    "tally",
    "weigh",
    "yields",
]

Floats = NDArray[np.float64]


@kernel(error_model="numpy", fastmath={"reassoc"})
def dot(a: Floats, b: Floats) -> float:
    """Return the sum of products, in whatever order is fast."""
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@kernel(error_model="numpy")
def functionals(
    mass: Floats, rates: Floats, centres: Floats, noise: Floats, release: Floats
) -> tuple[float, float, float, float, float]:
    """Return total mass, mean stress, activity, noise (D without its constant), released stress."""
    n, classes = mass.shape
    total = stress = activity = diffusion = released = 0.0
    for i in range(n):
        here = out = 0.0
        for j in range(classes):
            here += mass[i, j]
            out += rates[i, j] * mass[i, j]
        total += here
        stress += centres[i] * here
        activity += out
        diffusion += noise[i] * out
        released += release[i] * out
    return total, stress, activity, diffusion, released


@kernel(error_model="numpy")
def displaced(mass: Floats, other: Floats, middle: int) -> float:
    """Return the most mass that two states of one total have on different sides of a face.

    By classes, added up; counted from both ends towards the middle.
    """
    n, classes = mass.shape
    out = 0.0
    for j in range(classes):
        most = across = 0.0
        for i in range(middle):
            across += mass[i, j] - other[i, j]
            most = max(most, abs(across))
        across = 0.0
        for i in range(n - 1, middle - 1, -1):
            across += mass[i, j] - other[i, j]
            most = max(most, abs(across))
        out += most
    return out


@kernel(error_model="numpy")
def crest(mass: Floats, widths: Floats) -> float:
    """Return the largest density of all classes together."""
    n, classes = mass.shape
    out = 0.0
    for i in range(n):
        here = 0.0
        for j in range(classes):
            here += mass[i, j]
        out = max(out, here / widths[i])
    return out


@kernel(error_model="numpy")
def _tally_one(sink: Floats, mass: Floats, middle: int) -> tuple[float, float, float]:
    """Do as :func:`tally` for one class, (cells,), both ends at a time."""
    n = mass.size
    left = right = gone_left = gone_right = 0.0
    both = min(middle, n - middle)
    for k in range(both):
        a, b = mass[k], mass[n - 1 - k]
        left, right = left + a, right + b
        gone_left, gone_right = gone_left + sink[k] * a, gone_right + sink[n - 1 - k] * b
    for k in range(both, middle):
        left, gone_left = left + mass[k], gone_left + sink[k] * mass[k]
    for k in range(both, n - middle):
        right, gone_right = right + mass[n - 1 - k], gone_right + sink[n - 1 - k] * mass[n - 1 - k]
    return gone_left, gone_right, left + right


@kernel(error_model="numpy")
def tally(
    sink: Floats, mass: Floats, middle: int, right: Floats, pooled: bool, out: Floats
) -> None:
    """Fill, (3, classes), the rates of yielding on the left and on the right, and the mass."""
    n, classes = mass.shape
    if right.shape[0] > 0:
        out[:, :] = 0.0
        for i in range(n):
            for j in range(classes):
                gone = sink[i, j] * mass[i, j]
                out[0, j] += (1.0 - right[i, j]) * gone
                out[1, j] += right[i, j] * gone
                out[2, j] += mass[i, j]
        for j in range(1, classes if pooled else 0):
            for k in range(3):
                out[k, 0] += out[k, j]
        return
    if classes == 1:
        out[0, 0], out[1, 0], out[2, 0] = _tally_one(sink.reshape(n), mass.reshape(n), middle)
        return
    out[:, :] = 0.0
    both = np.zeros((2, classes))
    for i in range(middle):
        for j in range(classes):
            out[0, j] += sink[i, j] * mass[i, j]
            both[0, j] += mass[i, j]
    for i in range(n - 1, middle - 1, -1):
        for j in range(classes):
            out[1, j] += sink[i, j] * mass[i, j]
            both[1, j] += mass[i, j]
    for j in range(classes):
        out[2, j] = both[0, j] + both[1, j]
    if pooled:
        for j in range(1, classes):
            for k in range(3):
                out[k, 0] += out[k, j]


@kernel()
def yields(sink: Floats, mass: Floats, out: Floats) -> None:
    """Fill the yield of every cell, class by class, or all classes together: (cells, 1)."""
    n, classes = mass.shape
    if out.shape[1] == classes:
        for i in range(n):
            for j in range(classes):
                out[i, j] = sink[i, j] * mass[i, j]
    else:
        for i in range(n):
            total = 0.0
            for j in range(classes):
                total += sink[i, j] * mass[i, j]
            out[i, 0] = total


@kernel()
def side_yields(sink: Floats, mass: Floats, first_right: int) -> Floats:
    """Return the yield on the left and on the right of zero stress, (2, classes)."""
    n, classes = mass.shape
    total = np.zeros((2, classes))
    for i in range(first_right):
        for j in range(classes):
            total[0, j] += sink[i, j] * mass[i, j]
    for i in range(n - 1, first_right - 1, -1):
        for j in range(classes):
            total[1, j] += sink[i, j] * mass[i, j]
    return total


@kernel()
def weigh(sink: Floats, mass: Floats, scale: Floats, occupied: Floats, yielded: Floats) -> None:
    """Scale every class; fill the mass and the yield of every cell, all classes together."""
    n, classes = mass.shape
    for i in range(n):
        total, out = 0.0, 0.0
        for j in range(classes):
            mass[i, j] *= scale[j]
            total += mass[i, j]
            out += sink[i, j] * mass[i, j]
        occupied[i], yielded[i] = total, out


@kernel()
def pool(
    up: Floats,
    down: Floats,
    inverse: Floats,
    leak: Floats,
    middle: int,
    source: Floats,
    shares: Floats,
    sink: Floats,
    mass: Floats,
    yielded: Floats,
    rate: Floats,
) -> None:
    """Fill the yield of all classes together and their mean rate of yielding, (cells, 1) both.

    Block by block of classes, so that what a block occupies stays in the cache: ``sink`` and
    ``inverse`` are (blocks, cells, classes of a block), ``leak`` and ``shares`` accordingly, and
    ``mass`` is room for one block. Where there is no mass the rate is that of the first class.
    """
    n, together = mass.shape
    yielded[:] = 0.0
    rate[:] = 0.0
    for block in range(sink.shape[0]):
        occupation(up, down, inverse[block], leak[block], middle, source, shares[block], mass)
        for i in range(n):
            total, out = 0.0, 0.0
            for j in range(together):
                total += mass[i, j]
                out += sink[block, i, j] * mass[i, j]
            rate[i, 0] += total
            yielded[i, 0] += out
    for i in range(n):
        rate[i, 0] = yielded[i, 0] / rate[i, 0] if rate[i, 0] > 0.0 else sink[0, i, 0]
