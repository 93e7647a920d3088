r"""The threshold law in a snapshot of steady flow, and the law that events draw from.

Where every event redraws the threshold from p(c), a block that drew c keeps it for the mean time
T(c) from its landing to its next yield. A snapshot of steady flow has the law

    p_snap(c) = p(c) T(c)/<T>,    <T> = int p T dc = 1/Gamma,

and a measurement on a configuration of particles samples p_snap, not p. T(c) is that of the model
at its own D and shear rate, from where its blocks land, and includes the time over the threshold.
In a finite-volume state it is the mass of a class over Gamma p, the rate at which blocks enter it;
in an exact state it is the sum of the mean cycle times over the landings.

The inverse is p(c) = p_snap(c)/(Gamma T(c)), where D and the landings in T are those of the answer.
With landings at zero, D and T are those of ``Quenched(snapshot)``, class by class. Otherwise p is
multiplied by the ratio of wanted and found masses until they agree (Broyden's method). The result
has the snapshot in the state that ``steady_state`` chooses. It is not proved to be the only such
law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hebraud._typing import Floats
from hebraud.analytic import exact
from hebraud.checks import check_signed
from hebraud.errors import ConvergenceError
from hebraud.model.laws.threshold_law import ThresholdLaw
from hebraud.model.model import Model, check_model
from hebraud.model.thresholds import Quenched, Redrawn
from hebraud.solvers.steady.steady_state import (
    Exact,
    FiniteVolume,
    choose_solver,
    steady_state,
)
from hebraud.solvers.steady.threshold_nodes import kinks_for

__all__ = ["redraw_law", "snapshot_law"]

_EXACT_MISFIT = 1e-11
"""Relative misfit of the masses at which a law of the exact solver is found."""
_ITERATIONS = 60
"""The most iterations of Broyden's method."""


@dataclass(frozen=True, eq=False)
class Reweighted:
    """A density times a smooth factor that is known at nodes (cubic spline of its logarithm)."""

    base: Callable[[Floats], Floats]
    values: Floats
    factor: Floats

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Reweighted)
            and self.base == other.base
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.factor, other.factor)
        )

    def __hash__(self) -> int:
        return hash((self.values.tobytes(), self.factor.tobytes()))

    def __call__(self, threshold: Floats) -> Floats:
        from scipy.interpolate import CubicSpline

        spline = CubicSpline(self.values, np.log(self.factor))
        inside = np.clip(threshold, self.values[0], self.values[-1])
        return np.asarray(self.base(threshold) * np.exp(spline(inside)))


def _reweighted(
    rule: object, values: Floats, weights: Floats, new: Floats, error: float
) -> ThresholdLaw:
    density = getattr(rule, "density", None)  # optional
    if density is not None and values.size > 1:
        density = Reweighted(density, values, new / weights)
    return ThresholdLaw(values, new, density, error)


def _kinks(model: Model) -> Floats:
    """Return the thresholds at which T has a kink: the fixed landings."""
    fixed = model.relaxation.fixed_points
    return np.empty(0) if fixed is None else np.abs(fixed.offset)


def _found(
    model: Model, shear_rate: float, solver: Exact | FiniteVolume | None
) -> tuple[Floats, Floats, Floats, float]:
    """Return the values, draw weights and masses of the classes, and the relative error."""
    if exact.applies(model) and not isinstance(solver, FiniteVolume):
        state = exact.stationary(model, shear_rate)
        return *model.thresholds.nodes(breaks=_kinks(model)), state.masses, state.error_estimate
    found = steady_state(model, shear_rate, solver)
    assert found.nodes is not None
    values, weights = found.nodes
    whole = np.array(found.extent)
    masses = found.mass(whole, Redrawn(ThresholdLaw(values, weights)))
    return values, weights, masses.sum(axis=1), found.error_estimate


def snapshot_law(
    model: Model, shear_rate: float, solver: Exact | FiniteVolume | None = None
) -> ThresholdLaw:
    """Return the law of the thresholds that an instant of the steady flow finds.

    Parameters
    ----------
    model : Model
        Where thresholds are redrawn the law drawn from is biased by the time a block keeps what
        it drew; where they are quenched, or all the same, it is the law itself.
    shear_rate : float
        g in sigma_c/(G0 tau), any sign; 0 for the state of rest above the critical coupling.
    solver : Exact or FiniteVolume, optional
        As in :func:`hebraud.steady_state`.

    Returns
    -------
    ThresholdLaw
        At the nodes of the model's own law, with a density where that has one; a law for
        ``Redrawn`` and ``Quenched``. Its ``error_estimate`` is that of the state.

    Raises
    ------
    ValueError, NoStationaryState, ConvergenceError
        As :func:`hebraud.steady_state`.
    """
    choose_solver(check_model(model), solver)
    g = check_signed("shear_rate", shear_rate)
    if not model.thresholds.redraws:
        density = getattr(model.thresholds, "density", None)
        return ThresholdLaw(*model.thresholds.nodes(breaks=_kinks(model)), density)
    values, weights, masses, error = _found(model, g, solver)
    return _reweighted(model.thresholds, values, weights, masses / masses.sum(), error)


def redraw_law(
    snapshot: object,
    model: Model,
    shear_rate: float,
    solver: Exact | FiniteVolume | None = None,
) -> ThresholdLaw:
    """Return the law that events must draw from for an instant of the flow to find ``snapshot``.

    Parameters
    ----------
    snapshot : ThresholdLaw, frozen scipy.stats law, or sequence of float
        The law found, or measured samples of it, in sigma_c; conditioned on c > 0.
    model : Model
        Its coupling, relaxation and yielding count; its thresholds do not.
    shear_rate : float
        g at which the snapshot is taken, in sigma_c/(G0 tau), any sign.
    solver : Exact or FiniteVolume, optional
        As in :func:`hebraud.steady_state`.

    Returns
    -------
    ThresholdLaw
        At the nodes of the snapshot's quadrature, or at its samples. Small thresholds are kept
        for a short time only, so that the law is heavier there than the snapshot, and the weaker
        the noise the more. ``error_estimate``: of the state, and of the quadrature of 1/T.

    Raises
    ------
    ValueError
        If an argument is not of its kind.
    NoStationaryState
        If a law on the way has no stationary state.
    ConvergenceError
        If no law is found whose state finds the snapshot.
    """
    choose_solver(check_model(model), solver)
    from scipy.optimize import NoConvergence, broyden1

    g = check_signed("shear_rate", shear_rate)
    rule = Quenched(snapshot)  # 1/T is averaged over it, and its nodes are made for rates
    finite = isinstance(solver, FiniteVolume) or not exact.applies(model)
    rtol = (solver if isinstance(solver, FiniteVolume) else FiniteVolume()).rtol
    precision = 0.1 * rtol if finite else 1e-9
    dense = kinks_for(model.relaxation, True, rtol)
    values, wanted = rule.nodes(precision, _kinks(model), dense)
    if values.size == 1:
        return ThresholdLaw(values, wanted)
    tolerance = 10.0 * rtol if finite else _EXACT_MISFIT

    def state(log_weights: Floats) -> tuple[Floats, Floats, float]:
        weights = np.exp(log_weights)
        drawn = Model(
            model.coupling,
            relaxation=model.relaxation,
            thresholds=Redrawn(ThresholdLaw(values, weights / weights.sum())),
            yielding=model.yielding,
        )
        return _found(drawn, g, solver)[1:]

    def misfit(log_weights: Floats) -> Floats:
        _, masses, _ = state(log_weights)
        step = np.log(wanted / masses)
        return step - np.log(wanted @ np.exp(step))

    start = np.log(wanted)
    try:
        answer = broyden1(
            misfit, start, alpha=1.0, line_search=None, f_tol=tolerance, maxiter=_ITERATIONS
        )
    except NoConvergence as failure:
        worst = float(np.abs(misfit(failure.args[0])).max())
        raise ConvergenceError(
            f"no redraw law was found whose steady state at shear_rate = {g!r} finds the snapshot "
            f"{rule.law!r}: the masses of {model!r} still differ by a factor exp({worst:.2g}) "
            f"after {_ITERATIONS} iterations; two states may compete there, so try another rate"
        ) from None
    weights, masses, error = state(answer)
    coarse = rule.nodes(100.0 * precision, _kinks(model), 100.0 * dense)
    error += _change(coarse, values, weights / masses, wanted)
    error += getattr(snapshot, "error_estimate", 0.0)
    return _reweighted(rule, values, wanted, weights, error)


def _change(
    coarse: tuple[Floats, Floats], values: Floats, inverse_time: Floats, weights: Floats
) -> float:
    """Return the change of the mean of 1/T over the snapshot on coarser nodes."""
    from scipy.interpolate import CubicSpline

    if coarse[0].size == values.size:
        return 0.0
    inside = np.clip(coarse[0], values[0], values[-1])
    mean = coarse[1] @ np.exp(CubicSpline(values, np.log(inverse_time))(inside))
    return abs(float(mean / (weights @ inverse_time)) - 1.0)
