"""One step in time that keeps every mass positive and all of it: modified Patankar, second order.

The masses of the cells obey dm/dt = A(m) m, a Markov chain of cells whose rates depend on m
through D. A step is two backward-Euler solves. The first, with the rates of its own end (D is
solved together with the masses), gives n. In the second, every rate r of leaving a cell is

    (r(n) + r(m) m_i/n_i) / 2,

so that the flux out of cell i is the trapezoidal one, times the new mass over n_i: positive and
conservative whatever the step, of second order, with the damping 1/(1 - z + z^2/2) of stiff modes,
and exact where the state is stationary (Burchard, Deleersnijder and Meister 2003, in the form of
an implicit scheme).

Arrays are (cells, classes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel
from hebraud._kernels.grids.hops import hops
from hebraud._kernels.grids.implicit import RATES, STAGE, STARTS, YIELDS, Cells, aim, implicit
from hebraud._kernels.grids.sums import crest, displaced, functionals

__all__ = ["doubled", "doubled_at_rest"]

Floats = NDArray[np.float64]

MAX_ITERATIONS = 60
"""The most Newton corrections of D and the shear rate in one stage."""
APART = 1e-4
"""Relative change of D and of the shear rate by which their derivatives are made."""
TINY = 1e-290
"""D below which digits are lost by underflow; nothing depends on them."""


@kernel(error_model="numpy", inline="always")
def _first(
    start: Floats, dt: float, D: float, g: float, carried: float, imposed: bool, cells: Cells,
    stage: Floats, work: Floats,
) -> tuple[int, float, float]:  # fmt: skip
    """Solve backward Euler for given D and g; return what :func:`implicit` does, and residuals.

    These are D, and where stress is ``imposed`` g, less what the solution makes of them.
    """
    up, down = work[RATES], work[RATES + 1]
    hops(cells.spacing, cells.widths, dt * D, dt * (g - carried), start, up, down)
    aim(D, g, cells)
    sweeps = implicit(up, down, cells.sink, dt, cells, start, stage, work)
    total, _, _, made, released = functionals(
        stage, cells.rates, cells.centres, cells.noise, cells.release
    )
    return sweeps, D - cells.constant - made, g - released / total if imposed else 0.0


@kernel(error_model="numpy")
def step(
    start: Floats,
    dt: float,
    D1: float,
    g1: float,
    carried: float,
    close: float,
    renew: bool,
    jacobian: Floats,
    imposed: bool,
    target: float,
    cells: Cells,
    end: Floats,
    work: Floats,
) -> tuple[int, float, float, int]:
    """Take one step from ``start`` to ``end``; ``work[STARTS:]`` holds the hops from the start, in
    ``dt``.

    D1 is a guess of D at the end, g1 the shear rate of the step, or a guess of that at its end
    where stress is ``imposed`` at ``target``; the grid moves at the rate ``carried``; ``close`` is
    the relative correction of D of the first stage that is the last: the stage is off by that, and
    what comes of it in the step by the step squared times that. ``jacobian`` is a first guess of
    four derivatives, and of the stress by the shear rate over dt; it comes back as found, where
    ``renew`` by differences of solves made for it. Returns a status (0 done; 1 the stage's D, or D
    and g, did not converge; 2 the landing did not; 3 the imposed stress was not reached), D of the
    first stage, the shear rate at the end, and the number of implicit solves.
    """
    n, classes = start.shape
    up, down, sink, stage = work[RATES], work[RATES + 1], work[YIELDS], work[STAGE]
    up0, down0 = work[STARTS], work[STARTS + 1]
    solves = 0
    # -- first stage: backward Euler, with D (and g) of its own end; Broyden in one or two unknowns
    D_low, D_high = 0.0, np.inf
    # of residual = unknown - functional, as the last step of this kind left it
    J00, J01, J10, J11 = jacobian[0], jacobian[1], jacobian[2], jacobian[3]
    rD = rg = 0.0
    dD = dg = 0.0
    done = False
    for iteration in range(MAX_ITERATIONS):
        sweeps, new_rD, new_rg = _first(start, dt, D1, g1, carried, imposed, cells, stage, work)
        solves += 1
        if sweeps == 0:
            return 2, D1, g1, solves
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
        elif renew and D1 > TINY:
            by = APART * D1
            _, rD, rg = _first(start, dt, D1 + by, g1, carried, imposed, cells, end, work)
            J00, J10 = (rD - new_rD) / by, (rg - new_rg) / by
            if imposed:
                by = APART * (g1 + D1 if g1 >= 0.0 else g1 - D1)  # mirrored where the run is
                _, rD, rg = _first(start, dt, D1, g1 + by, carried, imposed, cells, end, work)
                J01, J11 = (rD - new_rD) / by, (rg - new_rg) / by
            solves += 2 if imposed else 1
        rD, rg = new_rD, new_rg
        determinant = J00 * J11 - J01 * J10
        if determinant == 0.0 or iteration == 20:
            J00, J01, J10, J11, determinant = 1.0, 0.0, 0.0, 1.0, 1.0
        dD = -(J11 * rD - J01 * rg) / determinant
        dg = -(J00 * rg - J10 * rD) / determinant
        new_D = D1 + dD
        if not imposed and not D_low <= new_D <= D_high:
            new_D = 0.5 * (D_low + D_high) if D_high < np.inf else D1 - rD
        if new_D < 0.0:
            new_D = 0.5 * D1
        dD = new_D - D1
        done = abs(dD) <= close * D1 + TINY and abs(dg) <= close * (abs(g1) + D1)
        D1, g1 = new_D, g1 + dg
        if done:
            jacobian[0], jacobian[1], jacobian[2], jacobian[3] = J00, J01, J10, J11
            break
    if not done:
        return 1, D1, g1, solves
    # -- second stage: trapezoidal rates of leaving, Patankar weights
    last_g, last_miss = g1, 0.0
    size = n * classes
    flat_up, flat_down, flat_sink = up.reshape(size), down.reshape(size), sink.reshape(size)
    flat_up0, flat_down0 = up0.reshape(size), down0.reshape(size)
    before, after, nu = start.reshape(size), stage.reshape(size), cells.sink.reshape(size)
    for iteration in range(MAX_ITERATIONS):
        hops(cells.spacing, cells.widths, dt * D1, dt * (g1 - carried), stage, up, down)
        aim(D1, g1, cells)
        for k in range(size):
            ratio = before[k] / after[k] if after[k] > 0.0 else 1.0
            flat_up[k] = 0.5 * (flat_up[k] + ratio * flat_up0[k])
            flat_down[k] = 0.5 * (flat_down[k] + ratio * flat_down0[k])
            flat_sink[k] = 0.5 * nu[k] * (1.0 + ratio)
        if not implicit(up, down, sink, dt, cells, start, end, work):
            return 2, D1, g1, solves
        solves += 1
        if not imposed:
            return 0, D1, g1, solves
        total, stress, _, _, _ = functionals(
            end, cells.rates, cells.centres, cells.noise, cells.release
        )
        miss = stress / total - target
        if iteration > 0 and g1 != last_g:
            jacobian[4] = (miss - last_miss) / (g1 - last_g) / dt
        if abs(miss) <= 2e-14 * (1.0 + abs(target)):
            return 0, D1, g1, solves
        last_g, last_miss = g1, miss
        g1 -= miss / (jacobian[4] * dt)
        if g1 == last_g:
            return 0, D1, g1, solves
    return 3, D1, g1, solves


@kernel(error_model="numpy", inline="always")
def _measure(mass: Floats, cells: Cells, out: Floats) -> None:
    """Fill total mass, stress, activity, D and released stress."""
    total, stress, activity, made, released = functionals(
        mass, cells.rates, cells.centres, cells.noise, cells.release
    )
    out[0], out[1], out[2], out[4] = total, stress, activity, released
    out[3] = cells.constant + made


@kernel(error_model="numpy")
def doubled(
    start: Floats,
    h: float,
    D: tuple[float, float, float],
    g: tuple[float, float, float],
    carried: tuple[float, float, float],
    close: float,
    renew: bool,
    jacobians: Floats,
    imposed: bool,
    target: float,
    whole: Cells,
    first: Cells,
    second: Cells,
    ends: Floats,
    means: Floats,
    work: Floats,
) -> tuple[int, int, float, float, float, float, float, float]:
    """Take one step of 2 h, and two of h.

    D: at the start, and guesses for the middle and for the first stage of the whole step. g: for
    the whole step and the two halves, the mean shear rate of each; where stress is imposed, that at
    the start, and guesses for the middle and the end. ``carried``: the rates at which the grid
    moves in the three steps. Fills ``ends`` and their ``means``, (3, ...): after the first half,
    after both, after the whole. Returns status and number of solves as :func:`step`, D of the first
    stage of the whole step, where stress is imposed the shear rates in the middle, at the end, and
    at the end of the whole step, the mass that the whole step displaced against the halves, and the
    largest density after these.
    """
    apart = top = 0.0
    up, down = work[STARTS], work[STARTS + 1]
    D_start, D_middle, D_end = D
    g_whole, g_first, g_second = g[0], g[1], g[2]
    g_start = g_whole
    if imposed:
        g_whole = g_second
    slip = g_start - carried[0]
    hops(whole.spacing, whole.widths, 2.0 * h * D_start, 2.0 * h * slip, start, up, down)
    status, D_whole, g_whole, solves = step(
        start, 2.0 * h, D_end, g_whole, carried[0], close, renew, jacobians[0], imposed, target,
        whole, ends[2], work,
    )  # fmt: skip
    if status != 0:
        return status, solves, D_whole, g_first, g_second, g_whole, apart, top
    _measure(ends[2], whole, means[2])
    if imposed:
        g_first = 0.5 * (g_start + g_whole)
    slip = (g_start if imposed else g_first) - carried[1]
    hops(first.spacing, first.widths, h * D_start, h * slip, start, up, down)
    # backward Euler is off by the step squared: a quarter in the halves
    D_guess = D_middle + 0.25 * (D_whole - means[2, 3])
    status, D_first, _, more = step(
        start, h, D_guess if D_guess > 0.0 else D_middle, g_first, carried[1], close, renew,
        jacobians[1], imposed, target, first, ends[0], work,
    )  # fmt: skip
    solves += more
    if status != 0:
        return status, solves, D_whole, g_first, g_second, g_whole, apart, top
    _measure(ends[0], first, means[0])
    g_begin = g_second
    if imposed:
        g_first, g_second = means[0, 4] / means[0, 0], g_whole
        g_begin = g_first
    slip = g_begin - carried[2]
    hops(second.spacing, second.widths, h * means[0, 3], h * slip, ends[0], up, down)
    D_guess = means[2, 3] + D_first - means[0, 3]
    status, _, g_second, more = step(
        ends[0], h, D_guess if D_guess > 0.0 else means[2, 3], g_second, carried[2], close, renew,
        jacobians[1], imposed, target, second, ends[1], work,
    )  # fmt: skip
    solves += more
    if status == 0:
        _measure(ends[1], second, means[1])
        if imposed:
            g_second = means[1, 4] / means[1, 0]
        apart, top = displaced(ends[1], ends[2], second.middle), crest(ends[1], second.widths)
    return status, solves, D_whole, g_first, g_second, g_whole, apart, top


@kernel(error_model="numpy")
def doubled_at_rest(
    start: Floats,
    h: float,
    D: tuple[float, float, float],
    g: tuple[float, float, float],
    close: float,
    renew: bool,
    jacobians: Floats,
    imposed: bool,
    target: float,
    cells: Cells,
    ends: Floats,
    means: Floats,
    work: Floats,
) -> tuple[int, int, float, float, float, float, float, float]:
    """Do as :func:`doubled` on a grid that does not move, whose cells are those of all steps.

    To unpack a tuple of twenty arrays costs as much as solving a hundred cells: it is done once.
    """
    return doubled(
        start, h, D, g, (0.0, 0.0, 0.0), close, renew, jacobians, imposed, target,
        cells, cells, cells, ends, means, work,
    )  # fmt: skip
