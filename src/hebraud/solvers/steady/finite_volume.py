"""Stationary states by finite volumes, for any model of the four slots.

D is the root of coupling(D)/D = 1, where the noise is that of the stationary masses for that D
(:mod:`hebraud.solvers.steady.null_vector`). The grids follow a guess of the root
(:mod:`hebraud.solvers.steady.roots`) and are then kept, so that the states of one model on 2 N and
N cells differ by terms of second order alone. Their difference is the error estimate.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hebraud.analytic.moments import check_moments
from hebraud.checks import check_signed
from hebraud.errors import (
    ConvergenceError,
    NoStationaryState,
    check_number,
    check_whole_number,
)
from hebraud.model.model import Model
from hebraud.solvers.chain.distributions import CellStart
from hebraud.solvers.steady.far_classes import instead, resolvable
from hebraud.solvers.steady.null_vector import Occupation, Stationary
from hebraud.solvers.steady.roots import (
    Family,
    check_resolved,
    log_excess,
    log_range,
    no_root,
    root_guesses,
)
from hebraud.solvers.steady.state import SteadyState
from hebraud.solvers.steady.threshold_nodes import threshold_nodes

__all__ = ["root", "solve"]

Floats = NDArray[np.float64]

_ROOT = 2e-14
"""log(coupling(D)/D) at which D is the root."""
_SETTLED = 3e-13
"""Largest residual of a null vector that went to round-off."""
_FIRST_LOOK = 1e-4
"""Residual of the first null vector in the search for a root."""
_SHARE = 0.01
"""Residual of a null vector on the way, in units of the log excess seen before."""
_LAST = 1e-13
"""Accuracy of the null vector and of log D on the last grid."""
_MARGIN = 1.25
"""Cells asked for over those that the last estimate predicts."""
_DOUBT = 4.0
"""The most cells are tried unless three grids say that so many times as many are needed."""
_IDENTITY = 0.125
"""Part of the misfit of the second moment identity that counts as an error."""
_FIXED = 2
"""Cells allowed on a fixed grid over those of a refined one: some GB of memory at most."""
_ON_THE_WAY = 1e-3
"""Error of D on grids that are not the last, in units of the tolerance."""


def root(
    chain: Stationary, log_d: float, slope: float, accuracy: float = 0.0
) -> tuple[float, Occupation, float]:
    """Return D on a given grid, what it occupies, and the slope at the root.

    ``log_d`` and ``slope`` are guesses: of the root, and of the derivative there of
    log(coupling(D)/D) by log D. A given noise is its own root. ``accuracy`` is that of log D to be
    content with; zero asks for round-off. On the way the null vectors are only as accurate as the
    next step needs.
    """
    model = chain.model
    if not model.noise.alpha:
        return model.noise.constant, chain.occupation(model.noise.constant, accuracy), slope
    look = accuracy if chain.warm else max(accuracy, _FIRST_LOOK)
    found = chain.occupation(math.exp(log_d), look)
    x, f = log_d, log_excess(model, found, log_d)
    bracket: dict[bool, float] = {}
    smallest, share = math.inf, _SHARE
    bottom = log_range(model, chain.shear_rate)[1]
    for _ in range(80):
        if x < bottom and chain.shear_rate == 0.0:
            raise no_root(model, 0.0, x, min(f, 0.0))
        noise = 20.0 * found.residual
        if abs(f) > noise:
            bracket[f > 0.0] = x
        new = x - max(-1.0, min(1.0, f / slope))
        if len(bracket) == 2 and not min(bracket.values()) < new < max(bracket.values()):
            new = 0.5 * (bracket[True] + bracket[False])
        exact = found.residual <= max(accuracy, _SETTLED)
        # the error of the log excess is about the residual
        known = max(_ROOT, accuracy, 3.0 * found.residual)
        settled = abs(f) < known or (abs(f) < 1e-11 and abs(f) >= 0.5 * smallest)
        if exact and (settled or new == x):
            return math.exp(x), found, slope
        if exact:
            smallest = min(smallest, abs(f))
        found = chain.occupation(math.exp(new), max(accuracy, min(look, share * abs(f))))
        value = log_excess(model, found, new)
        if abs(value - f) > max(1e-12, noise) and new != x:
            slope, share = (value - f) / (new - x), _SHARE
        else:
            share *= 0.1  # the slope is smaller than the residuals
        x, f = new, value
    raise ConvergenceError(
        f"D of {model!r} at shear rate {chain.shear_rate:g} was not found: after 80 steps "
        f"D = {math.exp(x):g} with log(coupling(D)/D) = {f:.1e}; two roots may be about to merge, "
        "so try a slightly different coupling or shear rate"
    )


def _difference(fine: SteadyState, coarse: SteadyState) -> float:
    """Return the largest relative difference of stress, activity and D.

    A stress that is zero by symmetry counts against sqrt(D + g^2), a width of the density.
    """
    width = math.sqrt(fine.diffusion + fine.shear_rate**2)
    stress = abs(fine.stress) if fine.shear_rate != 0.0 else width
    return max(
        abs(fine.stress - coarse.stress) / stress,
        abs(fine.activity - coarse.activity) / fine.activity,
        abs(fine.diffusion - coarse.diffusion) / fine.diffusion,
    )


def _misfit(chain: Stationary, state: SteadyState) -> float:
    """Return that of 2 g <s> + 2 D = Gamma <s^2 - s'^2>, relative to the sizes of its terms.

    The scheme does not know of it, and it weighs the tails, of which stress and D may see little.
    """
    generator, found = chain.generator, state.distribution
    assert isinstance(found, CellStart)
    s, loaded = generator.grid.centres, 2.0 * chain.shear_rate * state.stress
    yielded = np.einsum("ij,ji->i", generator.rates, found.masses)
    landing = generator.landing
    released = (2.0 * s * landing.release - landing.release_square) @ yielded
    size = 2.0 * state.diffusion + 2.0 * abs(chain.shear_rate) * (np.abs(s) @ yielded) / (
        state.activity
    )
    return float(abs(loaded + 2.0 * state.diffusion - released) / size)


def solve(
    model: Model,
    shear_rate: float,
    *,
    rtol: float = 1e-6,
    cells: int | None = None,
    solver: object = None,
) -> SteadyState:
    """Return the stationary state of a model on a grid.

    Parameters
    ----------
    model : Model
    shear_rate : float
        g in sigma_c/(G0 tau), any sign. 0 gives the state of rest above the critical coupling.
    rtol : float
        The grid is refined until the estimated relative error of stress, activity and D is below
        this.
    cells : int, optional
        The number of cells, for studies of order; the estimate is then against half as many.
    solver : object, optional
        What to name as the solver in the result.

    Returns
    -------
    SteadyState
        Its ``distribution`` is a :class:`CellStart`.

    Raises
    ------
    NoStationaryState
        If g = 0 at or below the critical coupling, or the noise feeds itself without bound.
    ConvergenceError
        If the tolerance is not reached, or an iteration does not converge.

    Warns
    -----
    UserWarning
        If one of ``other_roots`` misses the tolerance; its value is then that of coarse grids.
    """
    g = check_signed("shear_rate", shear_rate)
    check_resolved(model, g)
    rtol = check_number("rtol", rtol, above=0.0, below=1.0)
    number = None if cells is None else check_whole_number("cells", cells, at_least=2)
    check_moments(model, g)
    first, *others = root_guesses(model, g)
    state = _at(model, g, first, rtol, number, solver)
    return replace(state, other_roots=tuple(_others(model, g, others, rtol, number)))


def _at(
    model: Model, g: float, log_d: float, rtol: float, cells: int | None, solver: object
) -> SteadyState:
    """Return the state whose D is near a guess."""
    nodes, nodes_error = threshold_nodes(model, g, math.exp(log_d), rtol)
    family = Family.around(model, g, math.exp(log_d), resolvable(model, g, math.exp(log_d), nodes))
    if cells is None:
        passing = _ON_THE_WAY * rtol
        chain, state, slope = _begin(family, log_d, solver, passing)
        if nodes_error > 0.25 * rtol * abs(slope):
            log_d = math.log(state.diffusion)
            nodes, nodes_error = threshold_nodes(model, g, state.diffusion, rtol * abs(slope))
            nodes = resolvable(model, g, state.diffusion, nodes)
            family = Family.around(model, g, state.diffusion, nodes)
            chain, state, slope = _begin(family, log_d, solver, passing)
        return _refine(family, chain, state, slope, rtol, nodes_error)
    most = _FIXED * family.most_cells()
    if cells > most:
        raise ValueError(
            f"cells must be at most {most} for {model!r}, for its memory (its thresholds count "
            f"{family.values.size} times, its landing lines too), got {cells}"
        )
    half = max(cells // 2, family.layout.fewest_cells())
    coarse, slope = _state(family.chain(half), log_d, -0.6, solver, _LAST)
    chain = family.chain(cells)
    fine, slope = _state(chain, math.log(coarse.diffusion), slope, solver, _LAST)
    gain = (cells / half) ** 2 - 1.0
    estimate = _difference(fine, coarse) / gain if gain > 0.0 else math.inf
    estimate = max(estimate, _IDENTITY * _misfit(chain, fine)) + nodes_error / abs(slope)
    return replace(fine, error_estimate=estimate)


def _others(
    model: Model, g: float, guesses: list[float], rtol: float, cells: int | None
) -> Iterator[float]:
    """Yield every other D: where it is not reached, its guess, with a warning."""
    for log_d in guesses:
        try:
            yield _at(model, g, log_d, rtol, cells, None).diffusion
        except NoStationaryState:
            continue  # made by the error of a coarse grid
        except ConvergenceError as failure:
            warnings.warn(
                f"another stationary D, {math.exp(log_d):.3g} by coarse grids, misses the "
                f"tolerance: {failure}",
                stacklevel=4,
            )
            yield math.exp(log_d)


def _state(
    chain: Stationary, log_d: float, slope: float, solver: object, accuracy: float = 0.0
) -> tuple[SteadyState, float]:
    diffusion, found, slope = root(chain, log_d, slope, accuracy)
    generator = chain.generator
    state = SteadyState(
        chain.model,
        chain.shear_rate,
        found.stress,
        found.activity,
        diffusion,
        solver,
        math.inf,
        (),
        CellStart(generator.grid, found.mass.T, generator.thresholds, generator.weights),
    )
    return state, slope


def _begin(
    family: Family, log_d: float, solver: object, accuracy: float
) -> tuple[Stationary, SteadyState, float]:
    """Return the chain on the first grid, its state, and the slope at the root."""
    chain = family.chain(family.first_cells())
    return chain, *_state(chain, log_d, -0.6, solver, accuracy)


def _refine(
    family: Family,
    chain: Stationary,
    state: SteadyState,
    slope: float,
    rtol: float,
    nodes_error: float,
) -> SteadyState:
    """Refine until the estimate is below rtol: twice the cells, then as many as it predicts.

    ``nodes_error`` is that of a mean over the thresholds; the slope at the root makes it one of D.
    """
    number, solver = chain.generator.grid.centres.size, state.solver
    passing = _ON_THE_WAY * rtol
    finer, most = 2 * number, family.most_cells()
    earlier: tuple[float, float, float] | None = None
    while True:
        coarse, chain = chain, family.chain(finer)
        chain.follow(coarse)
        fine, slope = _state(chain, math.log(state.diffusion), slope, solver, passing)
        if family.shear_rate == 0.0 and fine.diffusion < 0.25 * state.diffusion:
            # a root made by the error of the grid: it falls as the cells do
            raise no_root(family.model, 0.0, math.log(state.diffusion), 0.0)
        change, ratio = _difference(fine, state), finer / number
        # two grids do not show the order of convergence: accept the first until there are three
        expected = change / (ratio**2 - 1.0)
        estimate = change / (ratio - 1.0) if earlier is None else expected
        if earlier is not None:
            # the ratio of changes shows errors that fall as 1/cells or slower
            before, ratio_before, expected_before = earlier
            second = (1.0 - ratio**-2.0) / (ratio_before**2 - 1.0)
            first = (1.0 - ratio**-1.0) / (ratio_before - 1.0)
            if change > before * math.sqrt(first * second):
                estimate = expected = change / (ratio - 1.0)
            # where they fall faster than the square, that may be chance
            estimate = max(estimate, expected_before / ratio**2)
        fixed = nodes_error / abs(slope)
        identity = _IDENTITY * _misfit(chain, fine)
        estimate, expected = max(estimate, identity), max(expected, identity)
        if fixed > 0.5 * rtol:
            raise ConvergenceError(
                f"the quadrature of the threshold law of {family.model!r} at shear rate "
                f"{family.shear_rate:g} is right to {fixed:.1e} only, not to rtol={rtol:g}; loosen "
                "rtol, or give samples of the law"
            )
        if estimate + fixed <= rtol:
            fine, _ = _state(chain, math.log(fine.diffusion), slope, solver, _LAST)
            return replace(fine, error_estimate=estimate + fixed)
        wanted = _MARGIN * math.sqrt(expected / max(rtol - fixed, 0.1 * rtol))
        number, aim = finer, finer * max(wanted, 1.5)
        hopeless = earlier is not None and aim > _DOUBT * most
        state, earlier = fine, (change, ratio, expected)
        finer = 2 * math.ceil(0.5 * min(aim, 8.0 * number))
        if finer > most >= 1.5 * number:
            finer = most - most % 2
        if hopeless or finer > most:
            raise ConvergenceError(
                f"the relative error of {family.model!r} at shear rate {family.shear_rate:g} is "
                f"estimated at {estimate:.1e} on {number} cells, not below rtol={rtol:g}, and more "
                f"than {most} cells would be needed; loosen rtol, fix cells=, or "
                f"{instead(family.model)}"
            )
