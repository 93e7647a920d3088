"""Stationary states and flow curves: which solver, and the one door to both.

``Exact()`` is for ``ConstantRate`` with fixed landings: round-off accuracy, under 1 µs a point for
the classical model and some ms for the others. ``FiniteVolume(rtol=...)`` is for every model, takes
ms and more, and reaches ``rtol`` by its own estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hebraud.analytic import exact
from hebraud.checks import check_row, check_signed
from hebraud.errors import (
    NoStationaryState,
    check_number,
    check_whole_number,
    floats_hold,
    shown,
)
from hebraud.model.model import Model, check_model
from hebraud.rheology.flow_curve import FlowCurve
from hebraud.solvers.chain.distributions import ExactStart
from hebraud.solvers.steady.state import SteadyState

__all__ = ["Exact", "FiniteVolume", "choose_solver", "flow_curve", "rest", "steady_state"]


_MOST_CELLS = 1_000_000
"""Cells of a fixed grid: a state of one threshold takes 2 s and 0.2 GB on so many."""


@dataclass(frozen=True)
class Exact:
    """The closed-form stationary state; the model needs ``ConstantRate`` and fixed landings."""

    def steady_state(self, model: Model, shear_rate: float) -> SteadyState:
        """Return the exact stationary state; see :func:`hebraud.analytic.exact.stationary`."""
        with floats_hold(f"the state of {model!r} at shear rate {shear_rate:g}"):
            found = exact.stationary(model, shear_rate)
        landing = model.relaxation.fixed_points
        assert landing is not None
        values, weights = model.thresholds.nodes(breaks=np.abs(landing.offset))
        return SteadyState(
            model,
            shear_rate,
            found.stress,
            found.activity,
            found.diffusion,
            self,
            found.error_estimate,
            found.other_roots,
            ExactStart(found, values, weights),
        )


@dataclass(frozen=True)
class FiniteVolume:
    """Conservative second-order finite volumes on a graded grid, for every model.

    Parameters
    ----------
    rtol : float
        Relative tolerance on stress and D, between 1e-12 and 0.1. The grid is refined until the
        estimated error is below it.
    cells : int, optional
        Fixes the number of cells instead (32 ... 1e6, fewer where thresholds are many or landings
        scatter; ``rtol`` is then not used): for studies of the order of convergence.

    Notes
    -----
    A continuous law of thresholds becomes as many of them as the tolerance asks for. Where
    thresholds are redrawn and landings are spread out (a drop in part, or scattered), every pair of
    thresholds makes a kink, and their number is found by trial: 16 to 60 at ``rtol`` 1e-4, 50 to
    120 at 1e-6, where a state takes 1 to 5 s and with ``GaussianLanding`` 5 to 40 s.
    """

    rtol: float = 1e-6
    cells: int | None = None

    def __post_init__(self) -> None:
        rtol = check_number("rtol", self.rtol, at_least=1e-12, at_most=0.1)
        object.__setattr__(self, "rtol", rtol)
        if self.cells is not None:
            cells = check_whole_number("cells", self.cells, at_least=32, at_most=_MOST_CELLS)
            object.__setattr__(self, "cells", cells)

    def steady_state(self, model: Model, shear_rate: float) -> SteadyState:
        """Return the stationary state on a grid."""
        from hebraud.solvers.steady import finite_volume

        with floats_hold(f"the state of {model!r} at shear rate {shear_rate:g}"):
            return finite_volume.solve(
                model, shear_rate, rtol=self.rtol, cells=self.cells, solver=self
            )


def choose_solver(model: Model, solver: object) -> Exact | FiniteVolume:
    """Return the solver asked for, or the best for a model where that is None."""
    if solver is None:
        return Exact() if exact.applies(model) else FiniteVolume()
    if not isinstance(solver, (Exact, FiniteVolume)):
        raise ValueError(
            f"solver must be None, hebraud.Exact() or hebraud.FiniteVolume(...), got "
            f"{shown(solver)}"
        )
    return solver


def steady_state(
    model: Model, shear_rate: float, solver: Exact | FiniteVolume | None = None
) -> SteadyState:
    """Return the stationary state of a model at a shear rate.

    Parameters
    ----------
    model : Model
    shear_rate : float
        g in sigma_c/(G0 tau), any sign. 0 gives the state of rest above the critical coupling.
    solver : Exact or FiniteVolume, optional
        None chooses: exact where that applies, finite volumes elsewhere.

    Returns
    -------
    SteadyState
        In reduced units.

    Raises
    ------
    ValueError
        If an argument is not of its kind, or ``Exact()`` does not apply.
    NoStationaryState
        If g = 0 at or below the critical coupling, or the noise feeds itself without bound.
    ConvergenceError
        If the solver cannot reach its tolerance.

    Examples
    --------
    >>> import hebraud as hl
    >>> hl.steady_state(hl.Model(0.3), 1e-3).stress  # doctest: +ELLIPSIS
    0.2333...
    """
    check_model(model)
    several = np.ndim(shear_rate) if isinstance(shear_rate, (list, tuple, np.ndarray)) else 0
    hint = "for several rates use flow_curve(model, rates)" if several else ""
    rate = check_signed("shear_rate", shear_rate, hint)
    return choose_solver(model, solver).steady_state(model, rate)


def flow_curve(
    model: Model, shear_rate: ArrayLike, solver: Exact | FiniteVolume | None = None
) -> FlowCurve:
    """Return stress, activity and D over shear rates, in reduced units.

    Parameters
    ----------
    model : Model
    shear_rate : array_like, shape (n,)
        Shear rates in sigma_c/(G0 tau), any sign and order.
    solver : Exact or FiniteVolume, optional
        As in :func:`steady_state`. The exact classical curve is one call of a compiled kernel.

    Raises
    ------
    ValueError, NoStationaryState, ConvergenceError
        As :func:`steady_state`.
    """
    check_model(model)
    chosen = choose_solver(model, solver)
    rates = check_row("shear_rate", shear_rate)
    check_signed("shear_rate", rates[np.argmax(np.abs(rates))])
    if model.classical and isinstance(chosen, Exact):
        curve = exact.classical_curve(model.noise.alpha, rates)
        return FlowCurve(rates, curve.stress, None, curve.activity, curve.diffusion, model=model)
    states = [chosen.steady_state(model, float(rate)) for rate in rates]
    return FlowCurve(
        rates,
        [state.stress for state in states],  # type: ignore[arg-type]
        None,
        [state.activity for state in states],  # type: ignore[arg-type]
        [state.diffusion for state in states],  # type: ignore[arg-type]
        model=model,
    )


def rest(model: Model) -> SteadyState:
    """Return the one state of rest with D > 0, which exists above the critical coupling.

    Parameters
    ----------
    model : Model

    Returns
    -------
    SteadyState
        At shear rate 0; a start.

    Raises
    ------
    NoStationaryState
        At or below the critical coupling, where every P within the threshold is at rest.
    """
    check_model(model)
    try:
        return steady_state(model, 0.0)
    except NoStationaryState as error:
        raise NoStationaryState(
            f"{error}; to start a run from rest, say which: gaussian(std), density(function), or "
            "the final of an evolve(model, Cessation(), ...)"
        ) from None
