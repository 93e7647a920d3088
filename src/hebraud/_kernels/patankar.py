"""One step in time that keeps every mass positive and all of it: modified Patankar, second order.

The masses of the cells obey dm/dt = A(m) m, a Markov chain of cells whose rates depend on m
through D. A step is two backward-Euler solves. The first, with the rates of its own end (D is
solved together with the masses), gives n. In the second, every rate r of leaving a cell is

    (r(n) + r(m) m_i/n_i) / 2,

so that the flux out of cell i is the trapezoidal one, times the new mass over n_i: positive and
conservative whatever the step, of second order, with the damping 1/(1 - z + z^2/2) of stiff modes,
and exact where the state is stationary (Burchard, Deleersnijder and Meister 2003, in the form of
an implicit scheme).

Where cells are so wide that transport must be upwind, the density at the downstream face comes from
a limited slope, a factor on the rate of the cell, so that pure advection is of second order too.

Arrays are (cells, classes). The elimination adds positive terms only, from both ends towards the
middle, so that a mirrored problem is solved by mirrored arithmetic.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["functionals", "spacings", "step"]

Floats = NDArray[np.float64]

MAX_ITERATIONS = 60


@njit(cache=True, error_model="numpy")
def _at_face(behind: float, ahead: float, reach: float) -> float:
    """Return the density at the downstream face over that of the cell, >= 0.

    ``behind`` and ``ahead`` are the relative slopes to the neighbours, ``reach`` half the cell: the
    central slope, limited by twice either one (van Leer's monotonized central).
    """
    if behind * ahead <= 0.0:
        return 1.0
    slope = min(abs(behind), abs(ahead)) * 2.0
    slope = min(slope, 0.5 * abs(behind + ahead)) * reach
    return 1.0 + slope if ahead > 0.0 else max(1.0 - slope, 0.0)


@njit(cache=True, error_model="numpy")
def hops(
    spacing: Floats, widths: Floats, D: float, rate: float, mass: Floats, up: Floats, down: Floats
) -> None:
    """Fill the rates of hops upwards and downwards, (cells, classes).

    The diffusive flux is exact for a linear density on any grid. Drift is central, with the mean
    drift of every cell ``rate``, as far as that makes no hop against the drift negative (cells up
    to 2 D/rate wide). The rest of the drift, in wider cells, is that of the density at the
    downstream face, from a limited slope: a rate of the cell upstream alone, positive, and of
    second order.
    The rates are continuous in D and in ``rate``, as the search for D needs.
    """
    n, classes = mass.shape
    for i in range(n):
        u = D * spacing[0, i] + rate * spacing[1, i]
        d = D * spacing[2, i] - rate * spacing[3, i]
        for j in range(classes):
            up[i, j], down[i, j] = u, d
    if rate > 0.0:
        for i in range(n - 1):
            if down[i + 1, 0] < 0.0:
                central = 2.0 * D / (rate * widths[i + 1])
                for j in range(classes):
                    face = 1.0
                    if i > 0 and mass[i, j] > 0.0:
                        here = 1.0 / widths[i]
                        behind = here - mass[i - 1, j] / mass[i, j] / widths[i - 1]
                        ahead = mass[i + 1, j] / mass[i, j] / widths[i + 1] - here
                        face = _at_face(
                            2.0 * spacing[3, i] * behind * widths[i],
                            2.0 * spacing[1, i] * ahead * widths[i],
                            0.5 * widths[i],
                        )
                    drift = central * spacing[1, i] + (1.0 - central) * face / widths[i]
                    up[i, j] = D * spacing[0, i] + rate * drift
                    down[i + 1, j] = 0.0
    else:
        for i in range(n - 1, 0, -1):
            if up[i - 1, 0] < 0.0:
                central = -2.0 * D / (rate * widths[i - 1])
                for j in range(classes):
                    face = 1.0
                    if i < n - 1 and mass[i, j] > 0.0:
                        here = 1.0 / widths[i]
                        behind = here - mass[i + 1, j] / mass[i, j] / widths[i + 1]
                        ahead = mass[i - 1, j] / mass[i, j] / widths[i - 1] - here
                        face = _at_face(
                            2.0 * spacing[1, i] * behind * widths[i],
                            2.0 * spacing[3, i] * ahead * widths[i],
                            0.5 * widths[i],
                        )
                    drift = central * spacing[3, i] + (1.0 - central) * face / widths[i]
                    down[i, j] = D * spacing[2, i] - rate * drift
                    up[i - 1, j] = 0.0
    for j in range(classes):
        down[0, j] = 0.0
        up[n - 1, j] = 0.0


@njit(cache=True, error_model="numpy")
def spacings(centres: Floats, widths: Floats) -> Floats:
    """Return what the hop rates need of a grid: 1/(w h) and 1/(2 h), upwards and downwards."""
    n = centres.size
    out = np.empty((4, n))
    for i in range(n):
        above = centres[i + 1] - centres[i] if i < n - 1 else widths[i]
        below = centres[i] - centres[i - 1] if i > 0 else widths[i]
        out[0, i], out[1, i] = 1.0 / (widths[i] * above), 0.5 / above
        out[2, i], out[3, i] = 1.0 / (widths[i] * below), 0.5 / below
    return out


@njit(cache=True, error_model="numpy")
def aim(
    lower: NDArray[np.int64],
    share: Floats,
    line_weight: Floats,
    D: float,
    rate: float,
    spacing: Floats,
    pulses: Floats,
) -> None:
    """Fill where a unit lands after a yield on the left and on the right, at fixed points.

    Fixed points lie on faces. Shared between the two cells where diffusion carries it both ways;
    where drift dominates, a source at a face feeds the cell downstream alone.
    """
    n, count = pulses.shape
    for p in range(count):
        row = 0 if p == 0 and count == 2 else n - 1
        for q in range(line_weight.size):
            pulses[lower[row, q], p] = 0.0
            pulses[lower[row, q] + 1, p] = 0.0
        for q in range(line_weight.size):
            cell = lower[row, q]
            drift = abs(rate) / (4.0 * spacing[1, cell])  # rate h/2
            aimed = 1.0 - D / drift if drift > D else 0.0
            below = share[row, q] * (1.0 - aimed) + (aimed if rate < 0.0 else 0.0)
            pulses[cell, p] += line_weight[q] * below
            pulses[cell + 1, p] += line_weight[q] * (1.0 - below)


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
def eliminate(
    up: Floats, down: Floats, sink: Floats, dt: float, middle: int, inverse: Floats, leak: Floats
) -> None:
    """Fill the inverse pivots of 1 - dt (hops - sink), and the leaks where both ends meet."""
    n, classes = sink.shape
    for j in range(classes):
        leak[0, j] = 1.0 + dt * sink[0, j]
        leak[1, j] = 1.0 + dt * sink[n - 1, j]
    for i in range(1, middle):
        for j in range(classes):
            inverse[i - 1, j] = 1.0 / (leak[0, j] + dt * up[i - 1, j])
            leak[0, j] = 1.0 + dt * (sink[i, j] + down[i, j] * leak[0, j] * inverse[i - 1, j])
    for i in range(n - 2, middle - 1, -1):
        for j in range(classes):
            inverse[i + 1, j] = 1.0 / (leak[1, j] + dt * down[i + 1, j])
            leak[1, j] = 1.0 + dt * (sink[i, j] + up[i, j] * leak[1, j] * inverse[i + 1, j])


@njit(cache=True, error_model="numpy")
def substitute(
    up: Floats, down: Floats, dt: float, middle: int, inverse: Floats, leak: Floats, mass: Floats
) -> None:
    """Turn a source, in place, into the solution of (1 - dt (hops - sink)) mass = source."""
    n, classes = mass.shape
    for i in range(1, middle):
        for j in range(classes):
            mass[i - 1, j] *= inverse[i - 1, j]
            mass[i, j] += dt * up[i - 1, j] * mass[i - 1, j]
    for i in range(n - 2, middle - 1, -1):
        for j in range(classes):
            mass[i + 1, j] *= inverse[i + 1, j]
            mass[i, j] += dt * down[i + 1, j] * mass[i + 1, j]
    for j in range(classes):
        left, right = mass[middle - 1, j], mass[middle, j]
        rise, fall = dt * up[middle - 1, j], dt * down[middle, j]
        lost = leak[0, j] * leak[1, j] + leak[0, j] * fall + leak[1, j] * rise
        mass[middle - 1, j] = (leak[1, j] * left + fall * (left + right)) / lost
        mass[middle, j] = (leak[0, j] * right + rise * (left + right)) / lost
    for i in range(middle - 2, -1, -1):
        for j in range(classes):
            mass[i, j] += dt * down[i + 1, j] * inverse[i, j] * mass[i + 1, j]
    for i in range(middle + 1, n):
        for j in range(classes):
            mass[i, j] += dt * up[i - 1, j] * inverse[i, j] * mass[i - 1, j]


@njit(cache=True, error_model="numpy")
def solve_by_side(
    up: Floats,
    down: Floats,
    sink: Floats,
    dt: float,
    middle: int,
    pulses: Floats,
    weights: Floats,
    redraws: bool,
    start: Floats,
    mass: Floats,
    inverse: Floats,
    work: Floats,
) -> None:
    """Solve (1 - dt A) mass = start where landing depends only on the side of the yield.

    A leak is kept in two parts, what stays and what yields, so that the elimination alone tells
    how much of any source yields on either side: y of the start, a[X, Y] on side X of a unit landed
    after a yield on side Y, and k what is kept of that. The landed masses R solve R = y + a R,
    whose determinant is a sum of positive terms in k; with them known, one back substitution does.
    """
    n, classes = start.shape
    count = pulses.shape[1]
    stay, gone = np.ones((2, classes)), np.empty((2, classes))
    y = np.zeros((2, classes))
    out, kept = np.zeros((2, count, classes)), np.zeros((count, classes))
    # the pulses are zero below cell ``low`` and above cell ``high``, and need no care there
    low, high = middle - 1, middle
    for i in range(n):
        for p in range(count):
            if pulses[i, p] != 0.0:
                low, high = min(low, i), max(high, i)
    for p in range(count):
        for j in range(classes):
            share = weights[j] if redraws else 1.0
            work[p, low, j], work[p, high, j] = pulses[low, p] * share, pulses[high, p] * share
    # forward, from both ends; source p lies in work[p]
    for j in range(classes):
        gone[0, j], gone[1, j] = dt * sink[0, j], dt * sink[n - 1, j]
        mass[0, j], mass[n - 1, j] = start[0, j], start[n - 1, j]
    for i in range(1, middle):
        for j in range(classes):
            pivot = 1.0 / (stay[0, j] + gone[0, j] + dt * up[i - 1, j])
            inverse[i - 1, j] = pivot
            here = mass[i - 1, j] * pivot
            mass[i - 1, j] = here
            y[0, j] += here * gone[0, j]
            rise, fall = dt * up[i - 1, j], dt * down[i, j] * pivot
            mass[i, j] = start[i, j] + rise * here
            for p in range(count if i > low else 0):
                here = work[p, i - 1, j] * pivot
                work[p, i - 1, j] = here
                out[0, p, j] += here * gone[0, j]
                kept[p, j] += here * stay[0, j]
                work[p, i, j] = pulses[i, p] * (weights[j] if redraws else 1.0) + rise * here
            stay[0, j] = 1.0 + fall * stay[0, j]
            gone[0, j] = dt * sink[i, j] + fall * gone[0, j]
    for i in range(n - 2, middle - 1, -1):
        for j in range(classes):
            pivot = 1.0 / (stay[1, j] + gone[1, j] + dt * down[i + 1, j])
            inverse[i + 1, j] = pivot
            here = mass[i + 1, j] * pivot
            mass[i + 1, j] = here
            y[1, j] += here * gone[1, j]
            fall, rise = dt * down[i + 1, j], dt * up[i, j] * pivot
            mass[i, j] = start[i, j] + fall * here
            for p in range(count if i < high else 0):
                here = work[p, i + 1, j] * pivot
                work[p, i + 1, j] = here
                out[1, p, j] += here * gone[1, j]
                kept[p, j] += here * stay[1, j]
                work[p, i, j] = pulses[i, p] * (weights[j] if redraws else 1.0) + fall * here
            stay[1, j] = 1.0 + rise * stay[1, j]
            gone[1, j] = dt * sink[i, j] + rise * gone[1, j]
    # where the two eliminations meet
    for j in range(classes):
        rise, fall = dt * up[middle - 1, j], dt * down[middle, j]
        leak0, leak1 = stay[0, j] + gone[0, j], stay[1, j] + gone[1, j]
        lost = leak0 * leak1 + leak0 * fall + leak1 * rise
        left, right = mass[middle - 1, j], mass[middle, j]
        a = (leak1 * left + fall * (left + right)) / lost
        b = (leak0 * right + rise * (left + right)) / lost
        mass[middle - 1, j], mass[middle, j] = a, b
        y[0, j] += a * gone[0, j]
        y[1, j] += b * gone[1, j]
        for p in range(count):
            left, right = work[p, middle - 1, j], work[p, middle, j]
            a = (leak1 * left + fall * (left + right)) / lost
            b = (leak0 * right + rise * (left + right)) / lost
            work[p, middle - 1, j], work[p, middle, j] = a, b
            out[0, p, j] += a * gone[0, j]
            out[1, p, j] += b * gone[1, j]
            kept[p, j] += a * stay[0, j] + b * stay[1, j]
    if redraws:
        for j in range(1, classes):
            y[:, 0] += y[:, j]
            out[:, :, 0] += out[:, :, j]
            kept[:, 0] += kept[:, j]
    landed = np.zeros((2, classes))
    for j in range(classes):
        o = 0 if redraws else j
        if count == 1:
            landed[0, j] = (y[0, o] + y[1, o]) / kept[0, o]
        else:
            cross_up, cross_down = out[1, 0, o], out[0, 1, o]
            total = cross_up * kept[1, o] + kept[0, o] * (cross_down + kept[1, o])
            landed[0, j] = (y[0, o] * (cross_down + kept[1, o]) + cross_down * y[1, o]) / total
            landed[1, j] = (y[1, o] * (cross_up + kept[0, o]) + cross_up * y[0, o]) / total
    for p in range(count):
        for i in range(low, high + 1):
            for j in range(classes):
                mass[i, j] += landed[p, j] * work[p, i, j]
    for i in range(middle - 2, -1, -1):
        for j in range(classes):
            mass[i, j] += dt * down[i + 1, j] * inverse[i, j] * mass[i + 1, j]
    for i in range(middle + 1, n):
        for j in range(classes):
            mass[i, j] += dt * up[i - 1, j] * inverse[i, j] * mass[i - 1, j]


@njit(cache=True, error_model="numpy")
def land_by_sweeps(
    up: Floats,
    down: Floats,
    sink: Floats,
    dt: float,
    middle: int,
    inverse: Floats,
    leak: Floats,
    lower: NDArray[np.int64],
    share: Floats,
    line_weight: Floats,
    weights: Floats,
    redraws: bool,
    mass: Floats,
    work: Floats,
) -> bool:
    """Add what lands, generation by generation, until a generation is below round-off.

    Each generation is what yields in this step of what the one before it landed: a geometric
    series of positive terms, whose ratio is the chance to yield again within the step. Returns
    False where 500 generations are not enough.
    """
    n, classes = mass.shape
    born, landed = work[0], work[1]
    born[:, :] = mass
    for _ in range(500):
        landed[:, :] = 0.0
        total = 0.0
        for i in range(n):
            pooled = 0.0
            for j in range(classes):
                out = dt * sink[i, j] * born[i, j]
                total += out
                if redraws:
                    pooled += out
                elif out > 0.0:
                    for q in range(line_weight.size):
                        cell, s = lower[i, q], share[i, q]
                        landed[cell, j] += line_weight[q] * s * out
                        landed[cell + 1, j] += line_weight[q] * (1.0 - s) * out
            if pooled > 0.0:
                for q in range(line_weight.size):
                    cell, s = lower[i, q], share[i, q]
                    part = line_weight[q] * pooled
                    for j in range(classes):
                        landed[cell, j] += weights[j] * s * part
                        landed[cell + 1, j] += weights[j] * (1.0 - s) * part
        if total < 1e-18:
            return True
        born[:, :] = landed
        substitute(up, down, dt, middle, inverse, leak, born)
        for i in range(n):
            for j in range(classes):
                mass[i, j] += born[i, j]
    return False


@njit(cache=True, error_model="numpy")
def implicit(
    up: Floats,
    down: Floats,
    sink: Floats,
    dt: float,
    middle: int,
    pulses: Floats,
    lower: NDArray[np.int64],
    share: Floats,
    line_weight: Floats,
    weights: Floats,
    redraws: bool,
    start: Floats,
    mass: Floats,
    inverse: Floats,
    leak: Floats,
    work: Floats,
) -> bool:
    """Solve (1 - dt A) mass = start for given rates."""
    if pulses.shape[1] > 0:
        solve_by_side(
            up, down, sink, dt, middle, pulses, weights, redraws, start, mass, inverse, work
        )
        return True
    eliminate(up, down, sink, dt, middle, inverse, leak)
    mass[:, :] = start
    substitute(up, down, dt, middle, inverse, leak, mass)
    return land_by_sweeps(
        up,
        down,
        sink,
        dt,
        middle,
        inverse,
        leak,
        lower,
        share,
        line_weight,
        weights,
        redraws,
        mass,
        work,
    )


@njit(cache=True, error_model="numpy")
def step(
    start: Floats,
    dt: float,
    D0: float,
    g0: float,
    D1: float,
    g1: float,
    close: float,
    jacobian: Floats,
    imposed: bool,
    target: float,
    centres: Floats,
    spacing: Floats,
    widths: Floats,
    middle: int,
    rates: Floats,
    constant: float,
    noise: Floats,
    release: Floats,
    pulses: Floats,
    lower: NDArray[np.int64],
    share: Floats,
    line_weight: Floats,
    weights: Floats,
    redraws: bool,
    end: Floats,
    work: Floats,
) -> tuple[int, float, float, int]:
    """Take one step from ``start`` to ``end``.

    D0, g0 belong to the start; D1 is a guess of D at the end, g1 the shear rate there, or a guess
    of it where stress is ``imposed`` at ``target``; ``close`` is the relative residual at which D
    of the first stage is found (its error enters the step times the step); ``jacobian`` is a first
    guess of four derivatives, and comes back as found. Returns a status (0 done; 1 the stage's D,
    or D and g, did not converge; 2 the landing did not; 3 the imposed stress was not reached), D
    of the first stage, the shear rate at the end, and the number of implicit solves.
    """
    n, classes = start.shape
    up, down, sink, stage, up0, down0, inverse = (
        work[2],
        work[3],
        work[4],
        work[5],
        work[6],
        work[7],
        work[8],
    )
    leak = np.empty((2, classes))
    solves = 0
    # -- first stage: backward Euler, with D (and g) of its own end; Broyden in one or two unknowns
    D_low, D_high = 0.0, np.inf
    # of residual = unknown - functional, as the last step of this kind left it
    J00, J01, J10, J11 = jacobian[0], jacobian[1], jacobian[2], jacobian[3]
    rD = rg = 0.0
    dD = dg = 0.0
    done = False
    for iteration in range(MAX_ITERATIONS):
        hops(spacing, widths, D1, g1, start, up, down)
        aim(lower, share, line_weight, D1, g1, spacing, pulses)
        if not implicit(
            up,
            down,
            rates,
            dt,
            middle,
            pulses,
            lower,
            share,
            line_weight,
            weights,
            redraws,
            start,
            stage,
            inverse,
            leak,
            work,
        ):
            return 2, D1, g1, solves
        solves += 1
        total, _, _, made, released = functionals(stage, rates, centres, noise, release)
        new_rD = D1 - constant - made
        new_rg = g1 - released / total if imposed else 0.0
        if new_rD > 0.0:
            D_high = min(D_high, D1)
        else:
            D_low = max(D_low, D1)
        if iteration > 0:
            size = dD * dD + dg * dg
            if size > 0.0:
                e0 = new_rD - rD - (J00 * dD + J01 * dg)
                e1 = new_rg - rg - (J10 * dD + J11 * dg)
                J00 += e0 * dD / size
                J01 += e0 * dg / size
                J10 += e1 * dD / size
                J11 += e1 * dg / size
        rD, rg = new_rD, new_rg
        if abs(rD) <= close * D1 and abs(rg) <= close * (abs(g1) + D1):
            done = True
            jacobian[0], jacobian[1], jacobian[2], jacobian[3] = J00, J01, J10, J11
            break
        determinant = J00 * J11 - J01 * J10
        if determinant == 0.0 or iteration == 20:
            J00, J01, J10, J11, determinant = 1.0, 0.0, 0.0, 1.0, 1.0
        dD = -(J11 * rD - J01 * rg) / determinant
        dg = -(J00 * rg - J10 * rD) / determinant
        new_D = D1 + dD
        if not imposed and not D_low <= new_D <= D_high:
            new_D = 0.5 * (D_low + D_high) if D_high < np.inf else constant + made
        if new_D < 0.0:
            new_D = 0.5 * D1
        dD = new_D - D1
        if dD == 0.0 and dg == 0.0:
            done = True
            break
        D1, g1 = new_D, g1 + dg
    if not done:
        return 1, D1, g1, solves
    # -- second stage: trapezoidal rates of leaving, Patankar weights
    hops(spacing, widths, D0, g0, start, up0, down0)
    last_g, last_miss = g1, 0.0
    for iteration in range(MAX_ITERATIONS):
        hops(spacing, widths, D1, g1, stage, up, down)
        aim(lower, share, line_weight, D1, g1, spacing, pulses)
        for i in range(n):
            for j in range(classes):
                ratio = start[i, j] / stage[i, j] if stage[i, j] > 0.0 else 1.0
                up[i, j] = 0.5 * (up[i, j] + ratio * up0[i, j])
                down[i, j] = 0.5 * (down[i, j] + ratio * down0[i, j])
                sink[i, j] = 0.5 * rates[i, j] * (1.0 + ratio)
        if not implicit(
            up,
            down,
            sink,
            dt,
            middle,
            pulses,
            lower,
            share,
            line_weight,
            weights,
            redraws,
            start,
            end,
            inverse,
            leak,
            work,
        ):
            return 2, D1, g1, solves
        solves += 1
        if not imposed:
            return 0, D1, g1, solves
        total, stress, _, _, _ = functionals(end, rates, centres, noise, release)
        miss = stress / total - target
        if abs(miss) <= 2e-14 * (1.0 + abs(target)):
            return 0, D1, g1, solves
        slope = 0.5 * dt if iteration == 0 else (miss - last_miss) / (g1 - last_g)
        last_g, last_miss = g1, miss
        g1 -= miss / slope
        if g1 == last_g:
            return 0, D1, g1, solves
    return 3, D1, g1, solves
