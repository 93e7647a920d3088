"""Profile-likelihood intervals and joint confidence regions."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hebraud._typing import Floats
from hebraud.inference.fitted import Fitted, Interval
from hebraud.inference.problem import minimise

__all__ = ["allowed_rise", "covariance_interval", "ellipse", "interval", "region"]


def allowed_rise(fit: Fitted, level: float, parameters: int) -> float:
    """Return the rise of chi_square that a level allows for so many parameters together."""
    from scipy.stats import chi2, f

    if not fit.problem.scaled:
        return float(chi2.ppf(level, parameters))
    quantile = float(f.ppf(level, parameters, fit.degrees_of_freedom)) * parameters
    return fit.chi_square * quantile / fit.degrees_of_freedom


def interval(fit: Fitted, name: str, level: float) -> Interval:
    """Return the interval whose ends raise the profile of chi_square by what the level allows."""
    i = fit.names.index(name)
    spread = math.sqrt(fit.log_covariance[fit.free.index(name), fit.free.index(name)])
    step = spread if 0.0 < spread < 1.0 else 1.0
    rise = allowed_rise(fit, level, 1)
    key = f"log_{name}"
    ends = [
        _end(fit, {key: sign}, step * math.sqrt(max(rise / _unit(fit), 1e-2)), rise)
        for sign in (-1.0, 1.0)
    ]
    low, high = (
        None if end is None else math.exp(fit.log_values[i] + sign * end)
        for sign, end in zip((-1.0, 1.0), ends, strict=True)
    )
    return Interval(0.0 if low is None else low, math.inf if high is None else high)


def covariance_interval(fit: Fitted, name: str, level: float) -> Interval:
    """Return the interval that the covariance of the logarithms gives."""
    i = fit.free.index(name)
    reach = math.sqrt(allowed_rise(fit, level, 1) / _unit(fit) * fit.log_covariance[i, i])
    centre = fit.log_values[fit.names.index(name)]
    if reach > 700.0:
        return Interval(0.0, math.inf)
    return Interval(math.exp(centre - reach), math.exp(centre + reach))


def region(
    fit: Fitted, first: str, second: str, level: float, directions: int = 30
) -> Floats | None:
    """Return the joint profile-likelihood region of two parameters, (directions + 1, 2), closed.

    The boundary is found along rays from the best fit, spaced evenly on the ellipse of the
    covariance. None where a ray meets no boundary.
    """
    pair = [fit.free.index(first), fit.free.index(second)]
    covariance = fit.log_covariance[np.ix_(pair, pair)]
    if not np.all(np.isfinite(covariance)):
        return None
    rise = allowed_rise(fit, level, 2)
    root = np.linalg.cholesky(covariance)
    centre = fit.log_values[[fit.names.index(first), fit.names.index(second)]]
    points = []
    for angle in np.linspace(0.0, 2.0 * math.pi, directions, endpoint=False):
        ray = root @ np.array([math.cos(angle), math.sin(angle)])
        names = (f"log_{first}", f"log_{second}")
        step = math.sqrt(rise / _unit(fit))
        end = _end(fit, dict(zip(names, ray, strict=True)), step, rise, accuracy=1e-2)
        if end is None:
            return None
        points.append(np.exp(centre + end * ray))
    return np.array([*points, points[0]])


def ellipse(fit: Fitted, first: str, second: str, level: float, points: int = 100) -> Floats:
    """Return the joint region of two parameters by the covariance alone, (points, 2), closed."""
    pair = [fit.free.index(first), fit.free.index(second)]
    root = np.linalg.cholesky(fit.log_covariance[np.ix_(pair, pair)])
    centre = fit.log_values[[fit.names.index(first), fit.names.index(second)]]
    angle = np.linspace(0.0, 2.0 * math.pi, points)
    radius = math.sqrt(allowed_rise(fit, level, 2) / _unit(fit))
    circle = radius * np.stack([np.cos(angle), np.sin(angle)])
    return np.asarray(np.exp(centre + (root @ circle).T))


def _unit(fit: Fitted) -> float:
    """Return the rise of chi_square at one standard error."""
    return fit.reduced_chi_square if fit.problem.scaled else 1.0


def _end(
    fit: Fitted, ray: Mapping[str, float], guess: float, rise: float, accuracy: float = 1e-4
) -> float | None:
    """Return the distance along the ray at which chi_square has risen by ``rise``, or None."""
    from scipy.optimize import brentq

    best = {key: float(fit.result.params[key].value) for key in ray}
    parameters = fit.problem.parameters()
    for name, value in zip(fit.names, fit.log_values, strict=True):
        parameters[f"log_{name}"].value = value
    longest = min(
        (
            (bound - best[key]) / slope
            for key, slope in ray.items()
            for bound in (parameters[key].min, parameters[key].max)
            if slope != 0.0 and (bound - best[key]) / slope > 0.0
        ),
        default=math.inf,
    )

    # the root of the rise is nearly linear in the distance
    known = {0.0: -math.sqrt(rise)}

    def excess(distance: float) -> float:
        if distance in known:
            return known[distance]
        for key, slope in ray.items():
            parameters[key].set(value=best[key] + slope * distance, vary=False)
        found = minimise(fit.minimizer, parameters)
        for name in fit.free:
            # the next point starts where this one ended, but off a bound, where nothing moves
            key = parameters[f"log_{name}"]
            if key.vary:
                key.value = min(max(found.params[key.name].value, key.min + 0.1), key.max - 0.1)
        risen = float(found.chisqr) - fit.chi_square
        known[distance] = math.copysign(math.sqrt(abs(risen)), risen) - math.sqrt(rise)
        return known[distance]

    inner, outer = 0.0, min(guess, longest)
    while excess(outer) < 0.0:
        if outer >= longest:
            return None
        inner, outer = outer, min(2.0 * outer, longest)
    return float(brentq(excess, inner, outer, xtol=accuracy * guess, rtol=accuracy))
