"""Slow twins of a run in time: a dense generator on an even grid, and the glass by characteristics.

Both know nothing of the scheme of ``hl.evolve``; the first shares its landing and its cell rates.
The third is of one linear solve of the scheme, every rate written out.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.integrate import solve_ivp

from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.chain.grid import Grid


def dense(model, rate, start, times, cells, reach=3.0):
    """Rows (stress, Gamma, g) at ``times`` on 2 x ``cells`` even cells; rate(t), or None: creep."""
    grid = Grid.from_faces(np.round(np.linspace(-reach, reach, 2 * cells + 1), 12))
    values, weights = model.thresholds.nodes(1e-4)
    chain = Generator.of(model, grid, values, weights)

    def drive(t, m):
        out = chain.rates.T.ravel() * m
        yielded = out.reshape(values.size, -1).sum(axis=0)
        g = chain.landing.release @ yielded / m.sum() if rate is None else rate(t)
        return model.coupling.diffusion(out.sum(), chain.landing.release_square @ yielded), g

    def slope(t, m):
        return chain.matrix(*drive(t, m)) @ m

    def jacobian(t, m):
        return chain.matrix(*drive(t, m))

    start = start.mass(grid.faces, model.thresholds).ravel()
    run = solve_ivp(
        slope, (0.0, times[-1]), start, "BDF", times, jac=jacobian, rtol=1e-8, atol=1e-12
    )
    stress = [grid.centres @ m.reshape(values.size, -1).sum(axis=0) for m in run.y.T]
    activity = chain.rates.T.ravel() @ run.y
    rates = [drive(t, m)[1] for t, m in zip(run.t, run.y.T, strict=True)]
    return np.array([stress, activity, rates])


def backward_euler(cells, up, down, source, dt):
    """The masses m of (1 - dt A) m = source: A by cells and classes, hops up and down, landing."""
    middle, rates, pulses, weights, redraws = (
        cells.middle, cells.sink, cells.pulses, cells.weights, cells.redraws,
    )  # fmt: skip
    lower, below, above = cells.lower, cells.below, cells.above
    n, classes = source.shape
    A = np.zeros((n, classes, n, classes))
    for i, j in np.ndindex(n, classes):
        A[i, j, i, j] -= up[i, j] + down[i, j] + rates[i, j]
        if i < n - 1:
            A[i + 1, j, i, j] += up[i, j]
        if i > 0:
            A[i - 1, j, i, j] += down[i, j]
        landed = np.zeros(n)
        if cells.taken.size:
            landed = through_knots(lower, below, cells.bands, cells.taken, i)
        else:
            np.add.at(landed, lower[i], below[i])
            np.add.at(landed, lower[i] + 1, above[i])
        if pulses.shape[1]:
            landed = pulses[:, 0 if i < middle else -1]
        A[:, :, i, j] += np.outer(landed * rates[i, j], weights if redraws else np.eye(classes)[j])
    flat = A.reshape(n * classes, -1)
    return np.linalg.solve(np.eye(n * classes) - dt * flat, source.ravel()).reshape(n, classes)


def through_knots(lower, given, bands, taken, cell):
    """What of a yield in one cell lands in each."""
    heap = np.zeros(bands[-1, 0])
    for first, shares in zip(lower[cell], given[cell].reshape(-1, 6), strict=True):
        heap[first : first + 6] += shares
    rows = itertools.pairwise(bands)
    return np.array([taken[a:b] @ heap[k : k + b - a] for (k, a), (_, b) in rows])


def glass(rate, density, times, steps=400):
    """Rows (stress, Gamma) of the classical landing without noise, at shear rate > 0: exact.

    What starts within the threshold, or lands at 0, moves at ``rate`` and crosses 1 with the flux
    J(t) = rate P0(1 - rate t) + B(t - 1/rate). Over threshold are the mass B and its stress S:

        B' = J - B,      S' = J + rate B - S,      (mean stress)' = rate - S.

    A delay equation in 1/rate, by Runge-Kutta of fourth order on a comb that holds the delay.
    """
    h = 1.0 / (rate * steps)  # the delay is `steps` steps
    B = [0.0]

    def past(k):  # B at (k/2 - steps) h by the cubic through its neighbours
        i = k // 2 - steps
        if i < 0:
            return 0.0
        if k % 2 == 0:
            return B[i]
        around = [B[j] if j >= 0 else 0.0 for j in (i - 1, i, i + 1, i + 2)]
        return float(np.dot([-1.0, 9.0, 9.0, -1.0], around)) / 16.0

    def slope(k, y):
        flux = rate * float(density(np.array([1.0 - 0.5 * rate * k * h]))[0]) + past(k)
        return np.array([flux - y[0], flux + rate * y[0] - y[1], rate - y[1]])

    y, rows, n = np.zeros(3), [], 0
    for time in times:
        while n < round(time / h):
            a = slope(2 * n, y)
            b = slope(2 * n + 1, y + 0.5 * h * a)
            c = slope(2 * n + 1, y + 0.5 * h * b)
            y = y + h / 6.0 * (a + 2.0 * b + 2.0 * c + slope(2 * n + 2, y + h * c))
            B.append(y[0])
            n += 1
        rows.append((y[2], y[0]))
    return np.array(rows).T
