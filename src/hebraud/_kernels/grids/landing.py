"""The landing of yielded mass: on two neighbouring cells, and in a march from the tails inwards.

Where every landing is on the side of the yield and nearer to zero, a stationary chain is solved
without iteration. Between two neighbouring cells the hops inwards balance those outwards less what
yields beyond and lands within, and all that yields beyond is known when one comes from the tail:
one pass over the cells, in which every term is positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["deposit", "march"]

Floats = NDArray[np.float64]

_TOGETHER = 16
"""Classes that march side by side: as many as stay in the cache."""
_LARGE = 1e200
"""Where a mass grows beyond this in a march, all of its class are made smaller by it."""


@kernel()
def deposit(
    yielded: Floats, lower: NDArray[np.int64], below: Floats, above: Floats, out: Floats
) -> None:
    """Add up what lands in every cell; ``yielded`` and ``out`` are (cells, classes).

    A block of cell i falls by line q to cell ``lower[i, q]`` with probability ``below[i, q]`` and
    to the next one above it with ``above[i, q]``.
    """
    n, classes = yielded.shape
    out[:, :] = 0.0
    for i in range(n):
        for q in range(lower.shape[1]):
            cell, low, high = lower[i, q], below[i, q], above[i, q]
            for j in range(classes):
                out[cell, j] += low * yielded[i, j]
                out[cell + 1, j] += high * yielded[i, j]


@kernel()
def march(
    up: Floats,
    down: Floats,
    sink: Floats,
    lower: NDArray[np.int64],
    below: Floats,
    above: Floats,
    middle: int,
    amounts: Floats,
    mass: Floats,
    occupied: Floats,
    yielded: Floats,
) -> None:
    """Fill the stationary masses, (cells, classes), of which each class has its ``amounts``.

    Every class keeps to itself. A block must land on the side of zero on which it yielded, between
    there and zero, or in the two cells that meet at zero; ``middle`` is the first cell to the
    right of zero. ``occupied`` and ``yielded`` are the mass and the yield of every cell, all
    classes together. Other arguments as in :func:`deposit` and ``elimination.factor``.
    """
    n, classes = sink.shape
    left = int(np.int64(0))  # a literal 0 would make a second copy of the march
    blocks = -(-classes // _TOGETHER)
    few = -(-classes // blocks)
    rate, found = np.zeros((n, few)), np.empty((n, few))
    landed = np.empty((lower.shape[1], n, few))
    to_right, to_left, total = np.empty(few), np.empty(few), np.empty(few)
    occupied[:] = 0.0
    yielded[:] = 0.0
    for begin in range(0, classes, few):
        count = min(few, classes - begin)
        for i in range(n):
            for j in range(count):
                rate[i, j] = sink[i, begin + j]
        _march_side(up, down, rate, lower, below, above, left, middle - 1, found, landed, to_right)
        _march_side(down, up, rate, lower, below, above, n - 1, middle, found, landed, to_left)
        # as much crosses zero to the right as to the left
        for j in range(few):
            both = to_left[j] + to_right[j]
            to_left[j] /= both
            to_right[j] /= both
            total[j] = 0.0
        for i in range(n):
            side = to_left if i < middle else to_right
            for j in range(count):
                total[j] += found[i, j] * side[j]
        for j in range(count):
            to_left[j] *= amounts[begin + j] / total[j]
            to_right[j] *= amounts[begin + j] / total[j]
        for i in range(n):
            side = to_left if i < middle else to_right
            held, out = 0.0, 0.0
            for j in range(count):
                here = found[i, j] * side[j]
                mass[i, begin + j] = here
                held += here
                out += rate[i, j] * here
            occupied[i] += held
            yielded[i] += out


@kernel()
def _march_side(
    inwards: Floats,
    outwards: Floats,
    sink: Floats,
    lower: NDArray[np.int64],
    below: Floats,
    above: Floats,
    first: int,
    last: int,
    mass: Floats,
    landed: Floats,
    crossing: Floats,
) -> None:
    """March from cell ``first`` to ``last`` of one side; fill what crosses zero by hop or landing.

    What has landed ahead of a cell is the sum over a window that moves on with the cell. It is
    taken without subtraction: ``nearer`` adds up all that lands ahead of a checkpoint, from which
    backwards ``landed`` holds running sums; a window that has come to the checkpoint sets another.
    """
    count, lines = sink.shape[1], lower.shape[1]
    step = 1 if last >= first else -1
    landed[:] = 0.0
    nearer = np.zeros((lines, count))
    checkpoint = np.full(lines, first)
    ahead, out = np.empty(count), np.empty(count)
    mass[first] = 1.0
    i = first
    while True:
        yielding = 0.0
        for j in range(count):
            ahead[j] = 0.0
            out[j] = sink[i, j] * mass[i, j]
            yielding += out[j]
        for q in range(lines):
            low = lower[i, q]
            if yielding > 0.0:
                for j in range(count):
                    landed[q, low, j] += below[i, q] * out[j]
                    landed[q, low + 1, j] += above[i, q] * out[j]
            inner = low + 1 if step > 0 else low
            if (inner - i) * step <= 2:
                checkpoint[q] = i
                for m in range(i + step, inner + step, step):
                    for j in range(count):
                        ahead[j] += landed[q, m, j]
                continue
            if (checkpoint[q] - i) * step <= 0:
                checkpoint[q] = inner - 2 * step
                for j in range(count):
                    nearer[q, j] = landed[q, inner, j] + landed[q, inner - step, j]
                for m in range(inner - 3 * step, i, -step):
                    for j in range(count):
                        landed[q, m, j] += landed[q, m + step, j]
            else:
                for j in range(count):
                    nearer[q, j] += (below[i, q] + above[i, q]) * out[j]
            for j in range(count):
                ahead[j] += nearer[q, j] + landed[q, i + step, j]
        for j in range(count):
            crossing[j] = inwards[i] * mass[i, j] + ahead[j]
        if i == last:
            return
        i += step
        if outwards[i] > 0.0:
            largest = 0.0
            for j in range(count):
                found = crossing[j] / outwards[i]
                mass[i, j] = found
                largest = max(largest, found)
            if largest > _LARGE:
                for j in range(count):
                    if mass[i, j] > _LARGE:
                        mass[first : i + step : step, j] /= _LARGE
                        landed[:, :, j] /= _LARGE
                        nearer[:, j] /= _LARGE
        else:
            # no hop leads back out: nothing is left beyond
            mass[first : i + step : step] = 0.0
            mass[i] = 1.0
            landed[:] = 0.0
            nearer[:] = 0.0
