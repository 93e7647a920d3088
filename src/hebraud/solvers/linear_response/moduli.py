"""The public functions of linear response: closed forms where they exist, else the generator.

:mod:`hebraud.solvers.linear_response.linearised` says how G*(omega) and G(t) follow from the
generator. The values on nested grids are extrapolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud._typing import Array, Floats
from hebraud.analytic import exact, linear
from hebraud.checks import check_array, check_signed
from hebraud.errors import ConvergenceError, NoStationaryState, check_number, floats_hold
from hebraud.model.model import Model, check_model
from hebraud.solvers.linear_response.linearised import Linearised

__all__ = ["complex_modulus", "relaxation_modulus", "viscosity"]

Complexes = NDArray[np.complex128]

_SOLVED = 1e-5
"""Residual of the iterations on a grid, in units of the tolerance."""
_SLOW = 1e-4
"""Shear rate at which a model without a state of rest is tested for flow."""


def _refine(
    model: Model,
    g: float,
    rtol: float,
    measure: Callable[[Linearised, NDArray[np.intp]], tuple[Array, Floats]],
    size: int,
) -> tuple[Array, Floats]:
    """Return what :func:`_refined` does, or say that numbers leave the range of floats."""
    with floats_hold(f"the linear response of {model!r} at shear rate {g:g}"):
        return _refined(model, g, rtol, measure, size)


def _refined(
    model: Model,
    g: float,
    rtol: float,
    measure: Callable[[Linearised, NDArray[np.intp]], tuple[Array, Floats]],
    size: int,
) -> tuple[Array, Floats]:
    """Return ``measure`` and its estimated error, on grids fine enough for each of its numbers.

    ``measure`` returns values and the sizes against which their errors count.
    """
    from hebraud.solvers.chain.extrapolation import Extrapolation
    from hebraud.solvers.steady.finite_volume import root
    from hebraud.solvers.steady.roots import (
        Family,
        check_resolved,
        no_root,
        root_guesses,
    )
    from hebraud.solvers.steady.threshold_nodes import threshold_nodes

    check_resolved(model, g)
    log_d = root_guesses(model, g)[0]
    nodes, nodes_error = threshold_nodes(model, g, math.exp(log_d), rtol)
    family = Family.around(model, g, math.exp(log_d), nodes)
    slope, before_d = -0.6, 0.0
    if nodes_error > 0.0:
        d, _, slope = root(family.chain(family.first_cells()), log_d, slope, _SOLVED * rtol)
        log_d = math.log(d)
        if nodes_error > 0.25 * rtol * abs(slope):
            nodes, nodes_error = threshold_nodes(model, g, d, rtol * abs(slope))
            family = Family.around(model, g, d, nodes)
    limit = Extrapolation(size, complex)
    errors, todo = np.full(size, np.inf), np.arange(size)
    number, parts = family.first_cells(), 1
    while todo.size:
        chain = family.chain(number, parts)
        d, found, slope = root(chain, log_d, slope, _SOLVED * rtol)
        if g == 0.0 and d < 0.25 * before_d:
            # a root made by the error of the grid: it falls as the cells do
            raise no_root(model, 0.0, math.log(d), 0.0)
        new, scale = measure(Linearised(chain, d, found.mass, _SOLVED * rtol), todo)
        limit.add(new, todo)
        errors[todo] = limit.errors[todo] / scale + nodes_error / abs(slope)
        worst = float(np.max(errors[todo]))
        todo = todo[errors[todo] > rtol]
        if todo.size == 0:
            break
        log_d, before_d, parts = math.log(d), d, 2 * parts
        if nodes_error > rtol * abs(slope):
            raise ConvergenceError(
                f"the quadrature of the threshold law of {model!r} at shear rate {g:g} is right "
                f"to {nodes_error / abs(slope):.1e} only, not to rtol={rtol:g}; loosen rtol, or "
                "give samples of the law"
            )
        if number * parts > family.most_cells():
            raise ConvergenceError(
                f"the linear response of {model!r} at shear rate {g:g} is right to {worst:.1e} "
                f"only on {number * parts // 2} cells, not to rtol={rtol:g}, and finer grids are "
                "not tried; loosen rtol"
            )
    return limit.values, errors


def _check_state(model: Model, shear_rate: float, rtol: float) -> tuple[float, float]:
    check_model(model)
    tolerance = check_number("rtol", rtol, at_least=1e-10, at_most=0.1)
    g = check_signed("shear_rate", shear_rate)
    if g == 0.0 and exact.applies(model) and not model.classical:
        exact.stationary(model, 0.0)  # raises where there is no state of rest
    return g, tolerance


def complex_modulus(
    model: Model, omega: ArrayLike, shear_rate: float = 0.0, rtol: float = 1e-6
) -> Complexes:
    r"""Return G*(omega) = G' + i G'' of the state of rest or of a steady flow, in units of G0.

    A small strain gamma0 exp(i omega t) on top of the stationary state changes the mean stress by
    G* gamma0 exp(i omega t), in the plane and direction of the flow (parallel superposition).

    Parameters
    ----------
    model : Model
        Every model; above its critical coupling where ``shear_rate`` is 0. Of several stationary
        states the one with the largest D is disturbed, as in ``steady_state``.
    omega : array_like
        Angular frequency in 1/tau, > 0, any shape.
    shear_rate : float
        g of the steady flow in sigma_c/(G0 tau), any sign; 0 means the state of rest.
    rtol : float
        Between 1e-10 and 0.1: the grid is refined until the estimated error of every G* is below
        ``rtol`` times the smaller of \|G*\| and \|1 - G*\|. So G'' keeps its accuracy at high
        frequency; at low frequency G', which falls as omega^2, need not. The closed form
        (classical model at rest) is right to 1e-12 whatever ``rtol``.

    Returns
    -------
    ndarray of complex
        Of the shape of ``omega``. Tends to i omega d(stress)/d(shear rate) at low frequency, to 1
        at high.

    Raises
    ------
    NoStationaryState
        If there is no state to disturb: at rest at or below the critical coupling (give
        shear_rate > 0, or raise the coupling).
    ConvergenceError
        If the tolerance is not reached.
    ValueError
        If an argument is not of its kind.

    Examples
    --------
    >>> import hebraud as hl
    >>> float(abs(hl.complex_modulus(hl.Model(0.8), 1.0)))  # doctest: +ELLIPSIS
    0.935...
    """
    w = check_array("omega", omega, above=0.0)
    g, tolerance = _check_state(model, shear_rate, rtol)
    if g == 0.0 and model.classical:
        return linear.complex_modulus(model, w)
    return _modulus(model, w, g, tolerance)[0]


def _modulus(model: Model, w: Floats, g: float, rtol: float) -> tuple[Complexes, Floats]:
    """Return G* by the generator and its estimated relative errors, closed form or not."""
    flat = w.ravel()

    def measure(about: Linearised, todo: NDArray[np.intp]) -> tuple[Array, Floats]:
        values = np.array([about.modulus(float(flat[i])) for i in todo])
        return values, np.minimum(np.abs(values), np.abs(1.0 - values))

    values, errors = _refine(model, g, rtol, measure, flat.size)
    return values.reshape(w.shape), errors.reshape(w.shape)


def relaxation_modulus(
    model: Model, t: ArrayLike, shear_rate: float = 0.0, rtol: float = 1e-6
) -> Floats:
    """Return G(t), the stress that is left of a small strain step at t = 0, per strain and G0.

    The step is made on the state of rest or on a steady flow that goes on. G(0) = 1; the integral
    of G over all times is the viscosity d(stress)/d(shear rate).

    Parameters
    ----------
    model : Model
        Every model; above its critical coupling where ``shear_rate`` is 0.
    t : array_like
        Time since the step in tau, >= 0, any shape.
    shear_rate : float
        g of the steady flow in sigma_c/(G0 tau), any sign; 0 means the state of rest.
    rtol : float
        Between 1e-10 and 0.1: the estimated error of every G(t) is below ``rtol`` times G(0) = 1.
        Where G has fallen below ``rtol``, nothing is said of it. The closed form (classical model
        at rest) is right to 1e-12 of G(0).

    Raises
    ------
    NoStationaryState, ConvergenceError, ValueError
        As :func:`complex_modulus`.

    Examples
    --------
    >>> import hebraud as hl
    >>> hl.relaxation_modulus(hl.Model(0.8), [0.0, 1.0]).round(3)
    array([1.   , 0.693])
    """
    times = check_array("t", t, at_least=0.0)
    g, tolerance = _check_state(model, shear_rate, rtol)
    if g == 0.0 and model.classical:
        return linear.relaxation_modulus(model, times)
    return _relaxation(model, times, g, tolerance)[0]


def _relaxation(model: Model, times: Floats, g: float, rtol: float) -> tuple[Floats, Floats]:
    """Return G(t) by the generator and its estimated errors, closed form or not."""
    distinct, where = np.unique(times, return_inverse=True)
    later = distinct[distinct > 0.0]

    def measure(about: Linearised, todo: NDArray[np.intp]) -> tuple[Array, Floats]:
        return about.relaxation(later[todo], 0.05 * rtol), np.ones(todo.size)

    values, errors = np.ones(distinct.size), np.zeros(distinct.size)
    if later.size:
        found, estimate = _refine(model, g, rtol, measure, later.size)
        values[-later.size :], errors[-later.size :] = found.real, estimate
    return values[where].reshape(times.shape), errors[where].reshape(times.shape)


def viscosity(model: Model, rtol: float = 1e-6) -> float:
    """Return the Newtonian viscosity lim stress/shear_rate of the state of rest, in G0 tau.

    ``inf`` at or below the critical coupling, where there is a yield stress or a power law.

    Parameters
    ----------
    model : Model
        Every model.
    rtol : float
        Relative tolerance where no exact formula applies (the linearised generator at zero
        frequency), between 1e-10 and 0.1.

    Raises
    ------
    NoStationaryState
        If the noise feeds itself without bound, so that no state flows either.
    ConvergenceError
        If the tolerance is not reached.
    ValueError
        If an argument is not of its kind.
    """
    try:
        _, tolerance = _check_state(model, 0.0, rtol)
        if exact.applies(model):
            found = linear.viscosity(model)
            if math.isnan(found):
                raise ConvergenceError(
                    f"the viscosity of {model!r} was not found: numbers leave the range of floats; "
                    "choose units in which couplings and thresholds are nearer to 1"
                )
            return found

        def measure(about: Linearised, todo: NDArray[np.intp]) -> tuple[Array, Floats]:
            value = np.array([about.viscosity()])
            return value, np.abs(value)

        return float(_refine(model, 0.0, tolerance, measure, 1)[0][0].real)
    except NoStationaryState:
        # states that flow: a yield stress. None either: that is the error to raise
        if exact.applies(model):
            exact.stationary(model, _SLOW)
        else:
            from hebraud.solvers.steady.finite_volume import solve

            with floats_hold(f"a flow of {model!r}, which has no state of rest,"):
                solve(model, _SLOW, rtol=1e-3)
        return math.inf
