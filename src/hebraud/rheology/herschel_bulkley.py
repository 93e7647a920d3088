"""Herschel-Bulkley law and its fit to a flow curve (lmfit)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import check_array, check_row
from hebraud.errors import MeasurementError, check_number
from hebraud.rheology.estimate import Estimate

__all__ = ["HerschelBulkley", "fit_herschel_bulkley"]


@dataclass(frozen=True)
class HerschelBulkley:
    """Sigma = yield_stress + prefactor rate^exponent, each an :class:`Estimate`.

    Units are those of the curve that was fitted. The errors are standard errors. Where the
    curve had error bars they are propagated as given (absolute). Where it had none they come from
    the scatter about the fit: they measure how well the law fits, not how noisy the data are.
    ``reduced_chi_square`` is NaN where there are as many parameters as points.
    """

    yield_stress: Estimate
    prefactor: Estimate
    exponent: Estimate
    reduced_chi_square: float = float("nan")

    def stress(self, shear_rate: ArrayLike) -> Floats:
        """Return the law's stress at ``shear_rate`` (any shape, >= 0, the curve's unit)."""
        rate = check_array("shear_rate", shear_rate, at_least=0.0)
        return np.asarray(
            self.yield_stress.value + self.prefactor.value * rate**self.exponent.value
        )

    def __str__(self) -> str:
        return (
            f"yield stress {self.yield_stress}, prefactor {self.prefactor}, "
            f"exponent {self.exponent}"
        )


def fit_herschel_bulkley(
    shear_rate: ArrayLike,
    stress: ArrayLike,
    stress_err: ArrayLike | None = None,
    exponent: float | None = 0.5,
) -> HerschelBulkley:
    """Fit Sigma = Sigma_Y + A rate^n by weighted least squares.

    Parameters
    ----------
    shear_rate, stress : array_like, shape (n,)
        The curve, any consistent units; rates > 0.
    stress_err : array_like, shape (n,), optional
        Standard errors of the stress; the residuals are divided by them.
    exponent : float or None
        n held at this value (0 < n; the model's own is 1/2 below the critical coupling), or
        None to fit it too (between 0.01 and 5).

    Raises
    ------
    ValueError
        If a rate is not > 0.
    MeasurementError
        If there are fewer points than free parameters, the fit does not converge or its errors
        cannot be estimated.

    Notes
    -----
    The law is asymptotic: over a window of finite rates the fitted yield stress lies off the
    true one by more than its standard error wherever the curve bends otherwise.
    """
    rate = check_row("shear_rate", shear_rate)
    sigma = check_row("stress", stress, length=rate.size)
    error = None
    if stress_err is not None:
        error = check_row("stress_err", stress_err, length=rate.size, above=0.0)
    free = 2 if exponent is not None else 3
    if not np.all(rate > 0.0):
        where = int(np.flatnonzero(~(rate > 0.0))[0])
        raise ValueError(
            f"a Herschel-Bulkley fit needs shear rates > 0, got shear_rate[{where}] = "
            f"{rate[where]}; fit the other points"
        )
    if rate.size < free or np.unique(rate).size < free:
        raise MeasurementError(
            f"a Herschel-Bulkley fit with {free} free parameters needs at least {free} different "
            f"shear rates, got {np.unique(rate).size}"
        )
    import lmfit

    weight = np.ones_like(sigma) if error is None else 1.0 / error
    fixed = 0.5 if exponent is None else check_number("exponent", exponent, above=0.0)
    # Variables of order one whatever the units: rates by their geometric mean.
    unit = float(np.exp(np.log(rate).mean()))
    x = rate / unit

    def linear(n: float) -> tuple[float, float]:
        design = np.stack([np.ones_like(x), x**n], axis=1) * weight[:, None]
        solution = np.linalg.lstsq(design, sigma * weight, rcond=None)[0]
        return float(solution[0]), float(solution[1])

    start = linear(fixed)
    size = float(np.abs(sigma).max()) or 1.0
    parameters = lmfit.Parameters()
    parameters.add("yield_stress", value=start[0] / size)
    parameters.add("prefactor", value=start[1] / size)
    parameters.add("exponent", value=fixed, vary=exponent is None, min=0.01, max=5.0)

    def residual(p: lmfit.Parameters) -> Floats:
        law = p["yield_stress"].value + p["prefactor"].value * x ** p["exponent"].value
        return np.asarray((sigma - size * law) * weight)

    has_errors = stress_err is not None
    fit = lmfit.minimize(
        residual, parameters, scale_covar=not has_errors, xtol=1e-12, ftol=1e-12, gtol=1e-12
    )
    # Points that lie on the law to round-off have no scatter to estimate errors from: 0 is right.
    exact = not has_errors and float(np.abs(fit.residual).max()) < 1e-10 * size
    if not fit.success or (not fit.errorbars and not exact):
        raise MeasurementError(
            f"the Herschel-Bulkley fit did not converge: {fit.message}; "
            "give more points over a wider window of rates, or hold the exponent"
        )
    n = fit.params["exponent"]
    factor = size * unit ** -float(n.value)
    # A = factor(n) a: the error of a free exponent enters A through the unit of rate.
    a, a_err = float(fit.params["prefactor"].value), float(fit.params["prefactor"].stderr or 0.0)
    variance = a_err**2
    if exponent is None and n.stderr:
        shift = a * np.log(unit) * float(n.stderr)
        correlation = fit.params["prefactor"].correl["exponent"]
        variance = (a_err - correlation * shift) ** 2 + (1.0 - correlation**2) * shift**2
    freedom = rate.size - free
    note = "errors from the error bars" if has_errors else "errors from the scatter about the fit"
    return HerschelBulkley(
        Estimate(
            size * fit.params["yield_stress"].value,
            size * (fit.params["yield_stress"].stderr or 0.0),
            rate.size,
            note,
        ),
        Estimate(factor * a, abs(factor) * float(np.sqrt(variance)), rate.size, note),
        Estimate(
            float(n.value),
            float(n.stderr or 0.0),
            rate.size,
            note if exponent is None else "held fixed",
        ),
        float(fit.redchi) if freedom > 0 else float("nan"),
    )
