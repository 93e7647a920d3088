"""Transport rates between neighbouring cells and the tridiagonal systems they make.

The elimination is a sum of positive terms: no subtraction, so that every mass comes out with a
small relative error of its own, however small it is beside the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = [
    "excess",
    "factor",
    "hop_rates",
    "occupation",
    "pool",
    "sharpen",
    "side_yields",
    "weigh",
    "yields",
]

Floats = NDArray[np.float64]


@kernel()
def hop_rates(centres: Floats, diffusion: float, rate: float, up: Floats, down: Floats) -> None:
    """Fill the rates of the hops i -> i+1 (``up``) and i -> i-1 (``down``).

    The mean drift of every cell is exactly ``rate`` and the mean square of its hops exactly
    2 ``diffusion``, on uneven grids too, wherever a hop against the drift is not negative by
    that; elsewhere it is zero, which is the least diffusion that any positive hops have. No hop
    leaves the ends.
    """
    n = centres.size
    below = centres[1] - centres[0]
    for i in range(n):
        above = centres[i + 1] - centres[i] if i < n - 1 else below
        span = above + below
        if rate * above >= 2.0 * diffusion:
            up[i], down[i] = rate / above, 0.0
        elif -rate * below >= 2.0 * diffusion:
            up[i], down[i] = 0.0, -rate / below
        else:
            up[i] = (2.0 * diffusion + rate * below) / (above * span)
            down[i] = (2.0 * diffusion - rate * above) / (below * span)
        below = above
    down[0] = 0.0
    up[n - 1] = 0.0


@kernel()
def excess(centres: Floats, diffusion: float, rate: float, share: Floats) -> None:
    """Fill, for every face, the share of the spreading of `hop_rates` there that is in excess.

    With spacing d it is 1 - 2 ``diffusion``/(``rate`` d) between two cells that have no hop against
    the drift, and zero at all other faces. ``share`` is (cells + 1,).
    """
    n = centres.size
    share[:] = 0.0
    forward = 1 if rate > 0.0 else 0
    for i in range(2, n):
        near, far = centres[i - 1] - centres[i - 2], centres[i] - centres[i - 1]
        if abs(rate) * min(near, far) >= 2.0 * diffusion:
            share[i - forward] = 1.0 - 4.0 * diffusion / (abs(rate) * (near + far))


@kernel()
def sharpen(mass: Floats, share: Floats, rate: float, speed: Floats) -> float:
    """Fill the factors by which blocks must leave every cell faster, so as to spread no more.

    ``share`` is that of `excess`. Of the masses m, m' on both sides of a face let

        H = m m'/(m + m') (1 - x^2/8),      x = (m - m')/(m + m').

    By the drift leaves a cell what `hop_rates` would have leave m + (share H)(ahead) -
    (share H)(behind). That is at least m/8, because H is at most 7/8 of either mass; its mean
    drift is the shear rate still, because every H is added once and subtracted once; and the
    excess is gone to second order, because H is (m + m')/4 to second order, with which this is
    Fromm's scheme. Returns by how much the factors change, as a mean over the masses.
    """
    n, classes = mass.shape
    ahead = 1 if rate > 0.0 else -1
    change, total = 0.0, 0.0
    for i in range(n):
        for j in range(classes):
            here, new = mass[i, j], 1.0
            for side in (-1, 1):
                taken = share[i + (side + 1) // 2]
                if taken > 0.0:
                    pair = here + mass[i + side, j]
                    if pair > 0.0:
                        other = mass[i + side, j] / pair
                        uneven = 1.0 - 0.125 * (2.0 * other - 1.0) ** 2
                        new += side * ahead * taken * uneven * other
            change += here * abs(new - speed[i, j])
            total += here
            speed[i, j] = new
    return change / total


@kernel()
def factor(
    up: Floats, down: Floats, sink: Floats, middle: int, inverse: Floats, leak: Floats
) -> None:
    """Eliminate the cells from both ends towards the face between ``middle`` - 1 and ``middle``.

    Fills the inverse pivots, (cells, classes) as ``sink``, and the ``leak`` of the two cells where
    the eliminations meet, (2, classes). A pivot is the rate at which a block leaves a cell
    towards the middle or by yielding there or farther out: the elimination of Grassmann, Taksar
    and Heyman, which subtracts nothing. From both ends, so that a mirrored problem is solved by
    the mirrored arithmetic.
    """
    n, classes = sink.shape
    for j in range(classes):
        leak[0, j] = sink[0, j]
        leak[1, j] = sink[n - 1, j]
    for i in range(1, middle):
        for j in range(classes):
            inverse[i - 1, j] = 1.0 / (leak[0, j] + up[i - 1])
            leak[0, j] = sink[i, j] + down[i] * (leak[0, j] * inverse[i - 1, j])
    for i in range(n - 2, middle - 1, -1):
        for j in range(classes):
            inverse[i + 1, j] = 1.0 / (leak[1, j] + down[i + 1])
            leak[1, j] = sink[i, j] + up[i] * (leak[1, j] * inverse[i + 1, j])


@kernel()
def occupation(
    up: Floats,
    down: Floats,
    inverse: Floats,
    leak: Floats,
    middle: int,
    source: Floats,
    shares: Floats,
    mass: Floats,
) -> None:
    """Fill the mean mass that a steady ``source`` of blocks keeps in every cell and class.

    ``source`` is (cells, classes), or (cells, 1): then class j gets the share ``shares[j]``.
    """
    n, classes = mass.shape
    shared = source.shape[1] == 1
    for i in range(n):
        for j in range(classes):
            mass[i, j] = source[i, 0] * shares[j] if shared else source[i, j]
    for i in range(1, middle):
        for j in range(classes):
            mass[i - 1, j] *= inverse[i - 1, j]
            mass[i, j] += up[i - 1] * mass[i - 1, j]
    for i in range(n - 2, middle - 1, -1):
        for j in range(classes):
            mass[i + 1, j] *= inverse[i + 1, j]
            mass[i, j] += down[i + 1] * mass[i + 1, j]
    to_right, to_left = up[middle - 1], down[middle]
    for j in range(classes):
        left, right = mass[middle - 1, j], mass[middle, j]
        lost = leak[0, j] * leak[1, j] + leak[0, j] * to_left + leak[1, j] * to_right
        mass[middle - 1, j] = (leak[1, j] * left + to_left * (left + right)) / lost
        mass[middle, j] = (leak[0, j] * right + to_right * (left + right)) / lost
    for i in range(middle - 2, -1, -1):
        for j in range(classes):
            mass[i, j] += down[i + 1] * inverse[i, j] * mass[i + 1, j]
    for i in range(middle + 1, n):
        for j in range(classes):
            mass[i, j] += up[i - 1] * inverse[i, j] * mass[i - 1, j]


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
