"""One implicit step for given rates: masses m with (1 - dt A) m = start, landing included.

Without landing A couples neighbouring cells only. What yields in a step also lands in it: where
that depends on the side of the yield alone, two numbers are unknown beside the masses; else the
landed masses are found by sweeps, accelerated. All terms are positive.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel
from hebraud._kernels.grids.elimination import factor, substitute
from hebraud._kernels.grids.knots import land_on_knots
from hebraud._kernels.grids.sums import dot, tally

__all__ = ["WORK", "Cells", "aim", "implicit"]

Floats = NDArray[np.float64]

MEMORY = 4
"""Sweeps of which the next landed masses are foreseen: more are hardly better, and cost sums."""
RATES, YIELDS, STAGE, STARTS, PIVOTS, LEAVING, STORE = 2, 4, 5, 6, 8, 9, 10
"""Where in ``work``, (WORK, cells, classes), a step keeps what; pulses are in the first two."""
WORK = STORE + 2 * MEMORY


class Cells(NamedTuple):
    """One model on one grid, for one step; arrays are (cells, classes) unless said otherwise.

    ``centres``, ``rates``, ``noise`` and ``release`` are those at the end of the step, ``sink`` the
    yield rate that cells have during it: where the grid moves with the shear they differ.
    """

    centres: Floats  # (cells,)
    spacing: Floats  # see `spacings`
    widths: Floats  # (cells,)
    middle: int  # where elimination from both ends meets; on a grid at rest, the first s > 0
    sink: Floats
    rates: Floats
    constant: float  # D where nothing yields
    noise: Floats  # (cells,), what an event adds to D
    release: Floats  # (cells,), the stress that an event releases
    pulses: Floats  # (cells, 0, 1 or 2), where a unit lands that yields left, right
    swept: bool  # the grid moves, and the pulses are known; else `aim` fills them
    low: int  # landing pulses are in the cells low ... high
    high: int
    lower: NDArray[np.int64]  # (cells, lines), the lower cell of two that a line lands on
    below: Floats  # (cells, lines), the share of it
    above: Floats  # (cells, lines), that of the next
    # where blocks land by a normal law `lower` and `below` say instead, as in `land_on_knots`, what
    # they give to knots; of these, by `bands`, (cells + 1, 2), cells have the shares `taken`
    bands: NDArray[np.int64]  # the last row: the number of knots, and that of shares
    taken: Floats  # empty where blocks land by lines
    right: Floats  # share of the yields that are at s > 0; empty: all beyond `middle`
    weights: Floats  # (classes,), probability that a threshold is drawn
    redraws: bool


@kernel(error_model="numpy")
def aim(D: float, rate: float, cells: Cells) -> None:
    """Fill where a unit lands after a yield on the left and on the right, at fixed points.

    Fixed points lie on faces. Shared between the two cells where diffusion carries it both ways;
    where drift dominates, a source at a face feeds the cell downstream alone. Where the grid moves,
    the pulses are known beforehand.
    """
    lower, below, above = cells.lower, cells.below, cells.above
    spacing, pulses = cells.spacing, cells.pulses
    n, count = pulses.shape
    for p in range(0 if cells.swept else count):
        row = 0 if p == 0 and count == 2 else n - 1
        for q in range(lower.shape[1]):
            pulses[lower[row, q], p] = 0.0
            pulses[lower[row, q] + 1, p] = 0.0
        for q in range(lower.shape[1]):
            cell, whole = lower[row, q], below[row, q] + above[row, q]
            drift = abs(rate) / (4.0 * spacing[1, cell])  # rate h/2
            aimed = 1.0 - D / drift if drift > D else 0.0
            low = below[row, q] * (1.0 - aimed) + (aimed * whole if rate < 0.0 else 0.0)
            pulses[cell, p] += low
            pulses[cell + 1, p] += whole - low


@kernel(error_model="numpy")
def add(factor: float, source: Floats, mass: Floats) -> None:
    """Add a source times a factor."""
    for i in range(mass.size):
        mass[i] += factor * source[i]


@kernel(error_model="numpy")
def land_at_points(
    up: Floats, down: Floats, sink: Floats, dt: float, cells: Cells, inverse: Floats, leak: Floats,
    mass: Floats, work: Floats,
) -> None:  # fmt: skip
    """Add what lands where that depends only on the side of the yield.

    ``mass`` is without landing. Of it y[X] yields on side X; of a unit landed after a yield on side
    Y, a[X, Y] yields on side X and k[Y] is kept. The landed masses R solve R = y + a R, whose
    determinant is a sum of positive terms in k.
    """
    middle, pulses, weights, redraws = cells.middle, cells.pulses, cells.weights, cells.redraws
    n, classes = mass.shape
    count = pulses.shape[1]
    low, high = min(cells.low, middle - 1), max(cells.high, middle)
    start, sums = np.empty((3, classes)), np.empty((count, 3, classes))
    tally(sink, mass, middle, cells.right, redraws, start)
    for p in range(count):
        work[p] = 0.0
        for i in range(low, high + 1):
            for j in range(classes):
                work[p, i, j] = pulses[i, p] * (weights[j] if redraws else 1.0)
        substitute(up, down, inverse, leak, middle, low, high, work[p])
        tally(sink, work[p], middle, cells.right, redraws, sums[p])
    landed = np.zeros((2, classes))
    for j in range(classes):
        o = 0 if redraws else j
        left, right = dt * start[0, o], dt * start[1, o]
        if count == 1:
            landed[0, j] = (left + right) / sums[0, 2, o]
        else:
            cross_up, cross_down = dt * sums[0, 1, o], dt * sums[1, 0, o]
            kept_left, kept_right = sums[0, 2, o], sums[1, 2, o]
            total = cross_up * kept_right + kept_left * (cross_down + kept_right)
            landed[0, j] = (left * (cross_down + kept_right) + cross_down * right) / total
            landed[1, j] = (right * (cross_up + kept_left) + cross_up * left) / total
    for p in range(count):
        if classes == 1:
            add(landed[p, 0], work[p].reshape(n), mass.reshape(n))
        else:
            for i in range(n):
                for j in range(classes):
                    mass[i, j] += landed[p, j] * work[p, i, j]


@kernel(error_model="numpy", fastmath={"reassoc"})
def _change(x: Floats, y: Floats, f: Floats) -> tuple[float, float]:
    """Fill f = y - x; return the sums of abs(f) and of y, in whatever order is fast."""
    change = total = 0.0
    for k in range(x.size):
        f[k] = y[k] - x[k]
        change += abs(f[k])
        total += y[k]
    return change, total


@kernel(error_model="numpy")
def land(
    sink: Floats,
    dt: float,
    lower: NDArray[np.int64],
    below: Floats,
    above: Floats,
    mass: Floats,
    landed: Floats,
) -> None:
    """Fill the landed mass, (cells, 1) where classes are drawn anew, else (cells, classes)."""
    n, classes = mass.shape
    pooled = landed.shape[1] == 1
    landed[:, :] = 0.0
    for i in range(n):
        out = dt * dot(sink[i], mass[i])
        for q in range(lower.shape[1] if out > 0.0 else 0):
            cell, low, high = lower[i, q], below[i, q], above[i, q]
            if pooled:
                landed[cell, 0] += low * out
                landed[cell + 1, 0] += high * out
            else:
                for j in range(classes):
                    landed[cell, j] += low * (dt * sink[i, j] * mass[i, j])
                for j in range(classes):
                    landed[cell + 1, j] += high * (dt * sink[i, j] * mass[i, j])


@kernel(error_model="numpy")
def _foresee(sweep: int, y: Floats, f: Floats, gram: Floats, x: Floats) -> None:
    """Fill the next x of x -> y = x + f, from the last of both, rows ``sweep % MEMORY`` back.

    After Anderson: the sum of y with shares of sum one that make the same sum of f least. Where
    that is not positive x is y.
    """
    new, count = sweep % MEMORY, min(sweep, MEMORY - 1)
    rows, shares = np.full(MEMORY, new), np.zeros(MEMORY)
    a, b = np.empty((count, count)), np.empty(count)
    for m in range(count + 1):
        rows[m] = (sweep - m) % MEMORY
        gram[new, rows[m]] = gram[rows[m], new] = dot(f[new], f[rows[m]])
    least = gram[new, new]
    for m in range(count):
        across = gram[rows[m + 1]]
        b[m] = least - across[new]
        for o in range(count):
            a[m, o] = across[rows[o + 1]] - across[new] - gram[rows[o + 1], new] + least
    for k in range(count):
        if a[k, k] <= 1e-12 * gram[rows[k + 1], rows[k + 1]]:  # says nothing new
            a[k, k] = np.inf
        for m in range(k + 1, count):
            factor = a[m, k] / a[k, k]
            b[m] -= factor * b[k]
            for o in range(k + 1, count):
                a[m, o] -= factor * a[k, o]
    for k in range(count - 1, -1, -1):
        for m in range(k + 1, count):
            b[k] -= a[k, m] * b[m]
        b[k] /= a[k, k]
        shares[k + 1] = b[k]
    shares[0] = 1.0 - shares.sum()
    s0, s1, s2, s3 = shares
    y0, y1, y2, y3 = y[rows[0]], y[rows[1]], y[rows[2]], y[rows[3]]
    for k in range(x.size):
        ahead = s0 * y0[k] + s1 * y1[k] + s2 * y2[k] + s3 * y3[k]
        x[k] = ahead if ahead > 0.0 else y0[k]


@kernel(error_model="numpy")
def land_by_sweeps(
    up: Floats, down: Floats, sink: Floats, dt: float, cells: Cells, inverse: Floats, leak: Floats,
    start: Floats, mass: Floats, work: Floats,
) -> int:  # fmt: skip
    """Find the landed masses x = land(solution for start + x), and the solution.

    Plain sweeps would add a generation of yields each, a geometric series of positive terms; from
    the last ones the next x is foreseen. What is kept is the solution for an x >= 0, and so is
    positive whatever x. Returns the sweeps made; 0 where 500 do not settle x to 1e-13 of the mass.
    """
    middle, lower, below, above = cells.middle, cells.lower, cells.below, cells.above
    weights, redraws, bands, taken = cells.weights, cells.redraws, cells.bands, cells.taken
    n, classes = mass.shape
    columns = 1 if redraws else classes
    size = n * columns
    flat, first = work.reshape(work.size), STORE * mass.size
    x, store = flat[:size], flat[first : first + 2 * MEMORY * size].reshape((2, MEMORY, size))
    y, f = store[0], store[1]
    gram, heap = np.zeros((MEMORY, MEMORY)), np.empty((columns, bands[-1, 0]))
    x[:] = 0.0
    last_change = np.inf
    for sweep in range(500):
        for i in range(n):
            for j in range(classes):
                mass[i, j] = start[i, j] + (x[i] * weights[j] if redraws else x[i * classes + j])
        substitute(up, down, inverse, leak, middle, int(np.int64(0)), n - 1, mass)
        new = sweep % MEMORY
        if taken.size > 0:
            landed = y[new].reshape((n, columns))
            land_on_knots(sink, dt, lower, below, bands, taken, mass, heap, landed)
        else:
            land(sink, dt, lower, below, above, mass, y[new].reshape((n, columns)))
        change, total = _change(x, y[new], f[new])
        if change <= 1e-15 * total or (change <= 1e-13 and change >= last_change):
            return sweep + 1 if change <= 1e-13 else 0
        last_change = change
        _foresee(sweep, y, f, gram, x)
    return 0


@kernel(error_model="numpy", inline="always")
def implicit(
    up: Floats, down: Floats, sink: Floats, dt: float, cells: Cells, start: Floats, mass: Floats,
    work: Floats,
) -> int:  # fmt: skip
    """Solve (1 - dt A) mass = start; return the sweeps, 0 where they fail.

    ``up`` and ``down`` are hops in dt, ``sink`` is a rate.
    """
    middle, fixed = cells.middle, cells.pulses.shape[1] > 0
    inverse, leaving, leak = work[PIVOTS], work[LEAVING], np.empty((2, mass.shape[1]))
    n, size = mass.shape[0], mass.size
    # as if start were a steady source, per dt, which blocks leave after one dt or by yielding
    flat_leaving, flat_sink = leaving.reshape(size), sink.reshape(size)
    flat_mass, flat_start = mass.reshape(size), start.reshape(size)
    for k in range(size):
        flat_leaving[k] = 1.0 + dt * flat_sink[k]
        flat_mass[k] = flat_start[k]
    factor(up, down, leaving, middle, inverse, leak)
    if not fixed:
        return land_by_sweeps(up, down, sink, dt, cells, inverse, leak, start, mass, work)
    substitute(up, down, inverse, leak, middle, int(np.int64(0)), n - 1, mass)
    land_at_points(up, down, sink, dt, cells, inverse, leak, mass, work)
    return 1
