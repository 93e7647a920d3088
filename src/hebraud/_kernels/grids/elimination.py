"""Masses that a steady source keeps where blocks hop between neighbouring cells, and leave.

Both parts, elimination and substitution, are sums of positive terms: nothing is subtracted, so that
every mass comes out with a small relative error of its own, however small it is beside the others
(Grassmann, Taksar and Heyman). They work from both ends towards a face in the middle, so that a
mirrored problem is solved by mirrored arithmetic.

The rates of hops are (cells,) or (cells, classes); all else is (cells, classes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["factor", "occupation", "substitute"]

Floats = NDArray[np.float64]


@kernel(error_model="numpy")
def _of(rates: Floats, cell: int, of: int) -> float:
    """Return the rate of a hop; the branch is chosen when it is compiled."""
    if rates.ndim == 1:
        return float(rates[cell])
    return float(rates[cell, of])


@kernel(error_model="numpy")
def _factor_one(
    up: Floats, down: Floats, sink: Floats, middle: int, inverse: Floats
) -> tuple[float, float]:
    """Do as :func:`factor` for one class, (cells,), both ends at a time; return the leaks."""
    n = sink.size
    left, right = sink[0], sink[n - 1]
    both = min(middle - 1, n - 1 - middle)
    for k in range(1, both + 1):
        i, o = k, n - 1 - k
        a, b = down[i] * left, up[o] * right
        inverse[i - 1] = 1.0 / (left + up[i - 1])
        inverse[o + 1] = 1.0 / (right + down[o + 1])
        left = sink[i] + a * inverse[i - 1]
        right = sink[o] + b * inverse[o + 1]
    for i in range(both + 1, middle):
        inverse[i - 1] = 1.0 / (left + up[i - 1])
        left = sink[i] + down[i] * left * inverse[i - 1]
    for o in range(n - 2 - both, middle - 1, -1):
        inverse[o + 1] = 1.0 / (right + down[o + 1])
        right = sink[o] + up[o] * right * inverse[o + 1]
    return left, right


@kernel(error_model="numpy")
def factor(
    up: Floats, down: Floats, sink: Floats, middle: int, inverse: Floats, leak: Floats
) -> None:
    """Eliminate the cells from both ends towards the face between ``middle`` - 1 and ``middle``.

    Fills the inverse pivots, as ``sink``, and the ``leak`` of the two cells where the eliminations
    meet, (2, classes). A pivot is the rate at which a block leaves a cell towards the middle, or by
    ``sink`` there or farther out.
    """
    n, classes = sink.shape
    if classes == 1:
        leak[0, 0], leak[1, 0] = _factor_one(
            up.reshape(n), down.reshape(n), sink.reshape(n), middle, inverse.reshape(n)
        )
        return
    for j in range(classes):
        leak[0, j] = sink[0, j]
        leak[1, j] = sink[n - 1, j]
    for i in range(1, middle):
        for j in range(classes):
            inverse[i - 1, j] = 1.0 / (leak[0, j] + _of(up, i - 1, j))
            leak[0, j] = sink[i, j] + _of(down, i, j) * leak[0, j] * inverse[i - 1, j]
    for i in range(n - 2, middle - 1, -1):
        for j in range(classes):
            inverse[i + 1, j] = 1.0 / (leak[1, j] + _of(down, i + 1, j))
            leak[1, j] = sink[i, j] + _of(up, i, j) * leak[1, j] * inverse[i + 1, j]


@kernel(error_model="numpy")
def _substitute_one(
    up: Floats, down: Floats, inverse: Floats, leak: Floats, middle: int, low: int, high: int,
    mass: Floats,
) -> None:  # fmt: skip
    """Do as :func:`substitute` for one class, (cells,), both ends at a time."""
    n = mass.size
    both = min(middle - 1 - low, high - middle)
    left, right = mass[low], mass[high]
    for k in range(both):
        i, o = low + k, high - k
        a, b = left * inverse[i], right * inverse[o]
        left = mass[i + 1] + (up[i] * inverse[i]) * left
        right = mass[o - 1] + (down[o] * inverse[o]) * right
        mass[i], mass[o] = a, b
    for i in range(low + both, middle - 1):
        mass[i], left = left * inverse[i], mass[i + 1] + (up[i] * inverse[i]) * left
    for o in range(high - both, middle, -1):
        mass[o], right = right * inverse[o], mass[o - 1] + (down[o] * inverse[o]) * right
    rise, fall = up[middle - 1], down[middle]
    lost = leak[0, 0] * leak[1, 0] + leak[0, 0] * fall + leak[1, 0] * rise
    a = (leak[1, 0] * left + fall * (left + right)) / lost
    b = (leak[0, 0] * right + rise * (left + right)) / lost
    mass[middle - 1], mass[middle] = a, b
    both = min(middle - 1, n - 1 - middle)
    for k in range(1, both + 1):
        i, o = middle - 1 - k, middle + k
        a = mass[i] + (down[i + 1] * inverse[i]) * a
        b = mass[o] + (up[o - 1] * inverse[o]) * b
        mass[i], mass[o] = a, b
    for i in range(middle - 2 - both, -1, -1):
        a = mass[i] + (down[i + 1] * inverse[i]) * a
        mass[i] = a
    for o in range(middle + 1 + both, n):
        b = mass[o] + (up[o - 1] * inverse[o]) * b
        mass[o] = b


@kernel(error_model="numpy")
def substitute(
    up: Floats, down: Floats, inverse: Floats, leak: Floats, middle: int, low: int, high: int,
    mass: Floats,
) -> None:  # fmt: skip
    """Turn a source, in place, into the mean mass that it keeps: (sink - hops) mass = source.

    The source is zero below cell ``low`` <= middle - 1 and above cell ``high`` >= middle.
    """
    n, classes = mass.shape
    if classes == 1:
        _substitute_one(
            up.reshape(n), down.reshape(n), inverse.reshape(n), leak, middle, low, high,
            mass.reshape(n),
        )  # fmt: skip
        return
    for i in range(low + 1, middle):
        for j in range(classes):
            mass[i - 1, j] *= inverse[i - 1, j]
            mass[i, j] += _of(up, i - 1, j) * mass[i - 1, j]
    for i in range(high - 1, middle - 1, -1):
        for j in range(classes):
            mass[i + 1, j] *= inverse[i + 1, j]
            mass[i, j] += _of(down, i + 1, j) * mass[i + 1, j]
    for j in range(classes):
        left, right = mass[middle - 1, j], mass[middle, j]
        rise, fall = _of(up, middle - 1, j), _of(down, middle, j)
        lost = leak[0, j] * leak[1, j] + leak[0, j] * fall + leak[1, j] * rise
        mass[middle - 1, j] = (leak[1, j] * left + fall * (left + right)) / lost
        mass[middle, j] = (leak[0, j] * right + rise * (left + right)) / lost
    for i in range(middle - 2, -1, -1):
        for j in range(classes):
            mass[i, j] += _of(down, i + 1, j) * inverse[i, j] * mass[i + 1, j]
    for i in range(middle + 1, n):
        for j in range(classes):
            mass[i, j] += _of(up, i - 1, j) * inverse[i, j] * mass[i - 1, j]


@kernel(error_model="numpy")
def occupation(
    up: Floats, down: Floats, inverse: Floats, leak: Floats, middle: int, source: Floats,
    shares: Floats, mass: Floats,
) -> None:  # fmt: skip
    """Fill the mean mass that a steady ``source`` of blocks keeps in every cell and class.

    ``source`` is (cells, classes), or (cells, 1): then class j gets the share ``shares[j]``.
    """
    n, classes = mass.shape
    shared = source.shape[1] == 1
    for i in range(n):
        for j in range(classes):
            mass[i, j] = source[i, 0] * shares[j] if shared else source[i, j]
    substitute(up, down, inverse, leak, middle, int(np.int64(0)), n - 1, mass)
