"""The coupling alpha from what particles show: three readings of one number.

In the equation D multiplies d2P/ds2 and a block's stress spreads as <ds^2> = 2 D t; the paper
measures D_sigma = <ds^2>/t = 2 D. A coupling made from D_sigma ("paper's convention") is twice that
of the equation; the couplings from the flow curve are of the equation's convention, because the
closed forms are.

Pure functions of numbers or of arrays of equal shape, in any consistent units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.analytic import closed_form
from hebraud.errors import MeasurementError, check_number
from hebraud.rheology.estimate import Estimate

__all__ = [
    "alpha_of_prefactor",
    "drop_noise_alpha",
    "largest_drop_fraction",
    "noise_alpha",
    "noise_diffusion",
    "scaling_exponent",
]

_HALVINGS = 50  # of 42 in log u: 4e-14


def noise_alpha(diffusion: ArrayLike, stress: ArrayLike, activity: ArrayLike) -> Any:
    """Return diffusion/(stress^2 activity).

    With the local yield stress for ``stress`` this is alpha_HL, eq. (3) of the paper; with the
    stress drop of an event it is alpha_micro, eq. (8). D_sigma for ``diffusion`` gives the paper's
    convention, D = D_sigma/2 the equation's.

    Raises ``ValueError`` if a stress or an activity is not > 0.
    """
    for name, values in (("stress", stress), ("activity", activity)):
        if not np.all(np.asarray(values) > 0.0):
            raise ValueError(f"{name} must be > 0, got {np.min(values):g}")
    return (np.asarray(diffusion) / (np.square(stress) * np.asarray(activity)))[()]


def noise_diffusion(D_sigma: ArrayLike, drop_fraction: ArrayLike, power: ArrayLike) -> Any:
    """Return the equation's D that eq. (7) means, a block's own events taken out.

    Eq. (7) averages over all blocks, yielding ones included. In the steady state of the model it
    therefore rises as

        D_sigma = 2 D + Gamma <(s - s')^2>,

    s' being where a block of stress s lands. If an event releases the share f of the stress,
    s' = (1 - f) s, the stationary moment 2 G0 rate Sigma + 2 D = Gamma <s^2 - s'^2> turns this into

        D = [(2 - f) D_sigma - 2 f G0 rate Sigma] / 4,

    without Gamma, sigma_c or a drop in it. For f = 1 (the classical model)
    D_sigma = 4 D + 2 G0 rate Sigma; for f -> 0 D_sigma = 2 D.

    Parameters
    ----------
    D_sigma : float or array
        <ds^2>/t of eq. (7), the paper's convention.
    drop_fraction : float or array
        f, 0 < f <= 1.
    power : float or array
        G0 rate Sigma, with the steady macroscopic stress Sigma.

    Raises
    ------
    ValueError
        If f is out of range, or if nothing is left: the own events alone would make more than
        the D_sigma measured, and these numbers do not fit the model.
    """
    f = np.asarray(drop_fraction, dtype=np.float64)
    if not (np.all(f > 0.0) and np.all(f <= 1.0)):
        raise ValueError(f"drop_fraction must be > 0 and <= 1, got {drop_fraction!r}")
    left = ((2.0 - f) * np.asarray(D_sigma) - 2.0 * f * np.asarray(power)) / 4.0
    if not np.all(left > 0.0):
        raise ValueError(
            f"no noise of other blocks is left: D = {np.min(left):.3g} after a block's own events; "
            "D_sigma, the drop and the stress do not fit one model"
        )
    return left[()]


def largest_drop_fraction(D_sigma: ArrayLike, power: ArrayLike) -> Any:
    """Return the largest share of its stress that an event can release, given eq. (7).

    f = 2 D_sigma/(D_sigma + 2 P), P = G0 rate Sigma: beyond it the own events alone would make more
    than D_sigma (:func:`noise_diffusion`). Below 1 it excludes the classical model's full
    relaxation, whatever its coupling; from 1 on (D_sigma >= 2 P) it excludes nothing.
    """
    spread = np.asarray(D_sigma, dtype=np.float64)
    return (2.0 * spread / (spread + 2.0 * np.asarray(power)))[()]


def drop_noise_alpha(D_sigma: ArrayLike, drop_fraction: ArrayLike, power: ArrayLike) -> Any:
    """Return alpha of D = alpha Gamma <(s - s')^2> that eq. (7) means, by itself.

    The ratio of the D of :func:`noise_diffusion` to the rest, D_sigma - 2 D = Gamma <(s - s')^2>:

        alpha = [(2 - f) D_sigma - 2 f P] / [2 f (D_sigma + 2 P)],   P = G0 rate Sigma.

    It is the coupling of ``DropNoise``, in the equation's convention, and needs neither an
    activity nor a drop but for f. Arguments and errors as for :func:`noise_diffusion`.
    """
    diffusion = noise_diffusion(D_sigma, drop_fraction, power)
    return diffusion / (np.asarray(drop_fraction) * (np.asarray(D_sigma) / 2.0 + np.asarray(power)))


def alpha_of_prefactor(prefactor: ArrayLike) -> Any:
    """Return the coupling whose prefactor A is this, in units of sqrt(G0 sigma_c tau).

    The inverse of :func:`hebraud.closed_form.prefactor_of_alpha`. A(alpha) rises from 0 at
    alpha -> 0 without bound at alpha -> 1/2, so that every A > 0 has exactly one coupling.
    Dimensionless, of the equation's convention; accurate to 1e-12.

    Raises ``ValueError`` for A outside 1e-6 ... 1e6.
    """
    given = np.asarray(prefactor, dtype=np.float64)
    for value in given.ravel()[~((given >= 1e-6) & (given <= 1e6)).ravel()][:1]:
        check_number("prefactor", float(value), at_least=1e-6, at_most=1e6)
    low, high = np.full_like(given, -12.0), np.full_like(given, 30.0)  # log u: A = 7e7 ... 1.5e-7
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        too_large = closed_form.prefactor(u=np.exp(middle)) > given
        low, high = np.where(too_large, middle, low), np.where(too_large, high, middle)
    return closed_form.alpha(u=np.exp(0.5 * (low + high)))


def scaling_exponent(diffusion: Sequence[Estimate], activity: Sequence[Estimate]) -> Estimate:
    """Return p of D = k Gamma^p, fitted through one pair of estimates for each shear rate.

    Least squares of log D against log Gamma; the weights hold the errors of both, those of Gamma
    times p. Both conventions of D have the same exponent.

    Raises
    ------
    MeasurementError
        If there are fewer than three pairs, a value or an error is not > 0, or the activities
        are all the same.
    """
    if len(diffusion) != len(activity) or len(diffusion) < 3:
        raise MeasurementError(
            "diffusion and activity must be one estimate for each of at least 3 shear rates, got "
            f"{len(diffusion)} and {len(activity)}"
        )
    for name, estimates in (("diffusion", diffusion), ("activity", activity)):
        for i, estimate in enumerate(estimates):
            if not (estimate.value > 0.0 and estimate.stderr > 0.0):
                raise MeasurementError(
                    f"{name}[{i}] must have a value and an error > 0, got {estimate}"
                )
    y, y_err = _logs(diffusion)
    x, x_err = _logs(activity)
    if np.ptp(x) == 0.0:
        raise MeasurementError("the activities are all the same: no exponent can be fitted")
    slope, error = 1.0, math.inf
    for _ in range(20):  # the weights depend on the slope, weakly
        weight = 1.0 / (y_err**2 + (slope * x_err) ** 2)
        away = x - np.average(x, weights=weight)
        slope = float(np.sum(weight * away * y) / np.sum(weight * away**2))
        error = float(np.sum(weight * away**2) ** -0.5)
    return Estimate(slope, error, len(y), "log D against log Gamma")


def _logs(estimates: Sequence[Estimate]) -> tuple[Floats, Floats]:
    values = np.array([estimate.value for estimate in estimates])
    return np.log(values), np.array([estimate.stderr for estimate in estimates]) / values
