"""Three readings of the coupling alpha from measured numbers.

In the equation D multiplies d2P/ds2 and a block's stress spreads as <ds^2> = 2 D t; the paper
measures D_sigma = <ds^2>/t = 2 D. A coupling made from D_sigma ("paper's convention") is twice that
of the equation; couplings of the flow curve are of the equation's convention, as the closed forms.

Arguments are numbers or arrays of equal shape, in any consistent units.
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

_HALVINGS = 50  # of an interval of 42 in log u: to 4e-14


def noise_alpha(diffusion: ArrayLike, stress: ArrayLike, activity: ArrayLike) -> Any:
    """Return diffusion/(stress^2 activity).

    With the local yield stress for ``stress`` this is alpha_HL, eq. (3) of the paper; with the drop
    of an event alpha_micro, eq. (8). D_sigma gives the paper's convention, its half the equation's.

    Raises ``ValueError`` if a stress or an activity is not > 0.
    """
    for name, values in (("stress", stress), ("activity", activity)):
        if not np.all(np.asarray(values) > 0.0):
            raise ValueError(f"{name} must be > 0, got {np.min(values):g}")
    return (np.asarray(diffusion) / (np.square(stress) * np.asarray(activity)))[()]


def noise_diffusion(D_sigma: ArrayLike, drop_fraction: ArrayLike, power: ArrayLike) -> Any:
    """Return the equation's D without a block's own events, from D_sigma of eq. (7).

    Eq. (7) averages over all blocks, yielding ones included. In the steady state of the model

        D_sigma = 2 D + Gamma <(s - s')^2>,

    s' being where a block of stress s lands. If an event releases the fraction f of the stress,
    s' = (1 - f) s, the stationary moment 2 G0 rate Sigma + 2 D = Gamma <s^2 - s'^2> gives

        D = [(2 - f) D_sigma - 2 f G0 rate Sigma] / 4.

    For f = 1 (the classical model) D_sigma = 4 D + 2 G0 rate Sigma; for f -> 0 D_sigma = 2 D.

    Parameters
    ----------
    D_sigma : float or array
        <ds^2>/t of eq. (7), the paper's convention.
    drop_fraction : float or array
        f, 0 < f <= 1.
    power : float or array
        G0 rate Sigma, with the steady macroscopic stress Sigma.

    Raises ``ValueError`` if f is out of range or no noise is left: own events alone would make more
    than D_sigma, and the numbers do not fit the model.
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
    """Return the largest fraction of its stress that an event can release, given eq. (7).

    f = 2 D_sigma/(D_sigma + 2 P), P = G0 rate Sigma: beyond it own events alone would exceed
    D_sigma. Below 1 it excludes the full relaxation of the classical model, whatever its coupling.
    """
    spread = np.asarray(D_sigma, dtype=np.float64)
    return (2.0 * spread / (spread + 2.0 * np.asarray(power)))[()]


def drop_noise_alpha(D_sigma: ArrayLike, drop_fraction: ArrayLike, power: ArrayLike) -> Any:
    """Return alpha of D = alpha Gamma <(s - s')^2> from eq. (7) alone (equation's convention).

    The ratio of D of `noise_diffusion` to Gamma <(s - s')^2> = D_sigma - 2 D:

        alpha = [(2 - f) D_sigma - 2 f P] / [2 f (D_sigma + 2 P)],   P = G0 rate Sigma,

    the coupling of ``DropNoise``. Arguments and errors as for `noise_diffusion`.
    """
    diffusion = noise_diffusion(D_sigma, drop_fraction, power)
    return diffusion / (np.asarray(drop_fraction) * (np.asarray(D_sigma) / 2.0 + np.asarray(power)))


def alpha_of_prefactor(prefactor: ArrayLike) -> Any:
    """Return the coupling whose prefactor is A, in units of sqrt(G0 sigma_c tau), to 1e-12.

    A(alpha) rises from 0 at alpha -> 0 without bound at alpha -> 1/2: every A > 0 has one coupling,
    of the equation's convention. Raises ``ValueError`` for A outside 1e-6 ... 1e6.
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

    Least squares of log D against log Gamma, weighted with the errors of both. Both conventions of
    D have the same exponent. Raises ``MeasurementError`` for fewer than three pairs, a value or an
    error that is not > 0, or equal activities.
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
