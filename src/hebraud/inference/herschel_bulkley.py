"""Fit the Herschel-Bulkley law with the residuals of the model fits, for comparison with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.inference.fit import Fit
from hebraud.inference.problem import Problem, check_enough, check_positive, held_values, solve
from hebraud.rheology.estimate import Estimate

if TYPE_CHECKING:
    from lmfit.minimizer import MinimizerResult

__all__ = ["HerschelBulkleyFit", "HerschelBulkleyLaw", "fit_herschel_bulkley_law"]


@dataclass(frozen=True)
class HerschelBulkleyLaw:
    """stress = yield_stress + prefactor rate^exponent."""

    shear_rate: Floats
    names: tuple[str, ...] = ("yield_stress", "prefactor", "exponent")
    quick: bool = True

    def values(self, log: Floats) -> Floats:
        """Return the stress."""
        yield_stress, prefactor, exponent = np.exp(log)
        return np.asarray(yield_stress + prefactor * self.shear_rate**exponent)

    def slopes(self, log: Floats) -> tuple[Floats, Floats]:
        """Return the stress and its derivatives."""
        yield_stress, prefactor, exponent = np.exp(log)
        rise = prefactor * self.shear_rate**exponent
        columns = [
            np.full_like(rise, yield_stress), rise, rise * exponent * np.log(self.shear_rate)
        ]  # fmt: skip
        return yield_stress + rise, np.stack(columns, axis=1)

    def at(self, abscissa: Floats) -> Self:
        """Return the law at other shear rates."""
        return replace(self, shear_rate=abscissa)


@dataclass(frozen=True, eq=False)
class HerschelBulkleyFit(Fit):
    """Yield stress, prefactor and exponent of Sigma = Sigma_Y + A rate^n."""

    @classmethod
    def of(
        cls,
        abscissa: Floats,
        data: Floats,
        error: Floats | None,
        start: Mapping[str, float],
        held: Iterable[str],
        result: MinimizerResult | None = None,
    ) -> Self:
        """Return the fit of checked data: solved, or with the result that is known."""
        bounds = {
            "yield_stress": (np.log(data.min()) - 25.0, np.log(data.max()) + 1.0),
            "exponent": (np.log(0.01), np.log(5.0)),
        }
        law = HerschelBulkleyLaw(abscissa)
        problem = Problem(law, data, error, True, start, frozenset(held), bounds)
        return cls(abscissa, problem, result or solve(problem), ("shear_rate", "stress"))

    @property
    def yield_stress(self) -> Estimate:
        """Sigma_Y, in the unit of the stress."""
        return self.estimate("yield_stress")

    @property
    def prefactor(self) -> Estimate:
        """A, in the unit of stress over that of the rate to the n."""
        return self.estimate("prefactor")

    @property
    def exponent(self) -> Estimate:
        """The exponent n."""
        return self.estimate("exponent")

    def stress(self, shear_rate: ArrayLike) -> Floats:
        """Return the law's stress at rates > 0, in the units of the data."""
        return self.predict(shear_rate)


def fit_herschel_bulkley_law(
    shear_rate: ArrayLike,
    stress: ArrayLike,
    stress_err: ArrayLike | None = None,
    *,
    exponent: float | None = None,
) -> HerschelBulkleyFit:
    """Fit the Herschel-Bulkley law with the arguments, errors and checks of ``fit_flow_curve``.

    ``FlowCurve.herschel_bulkley`` is the unweighted or weighted fit in linear parameters, which
    allows a negative yield stress; here all parameters are positive and unknown errors are
    relative, as the model's fits have them, so that their criteria can be compared.

    Raises
    ------
    ValueError, ConvergenceError
        As ``fit_flow_curve``.
    """
    rate = check_positive("shear_rate", shear_rate)
    data = check_positive("stress", stress, rate.size)
    error = None if stress_err is None else check_positive("stress_err", stress_err, rate.size)
    held = held_values({"exponent": exponent})
    free = [name for name in HerschelBulkleyLaw.names if name not in held]
    check_enough(np.unique(rate).size, free)
    start = _start(rate, data, held.get("exponent"))
    return HerschelBulkleyFit.of(rate, data, error, start, held)


def _start(rate: Floats, data: Floats, exponent: float | None) -> dict[str, float]:
    """Return the best of many exponents, each with its non-negative least squares."""
    from scipy.optimize import nnls

    found = []
    for n in (exponent,) if exponent is not None else np.linspace(0.2, 1.2, 11):
        design = np.stack([np.ones_like(rate), rate**n], axis=1) / data[:, None]
        (level, slope), miss = nnls(design, np.ones_like(data))
        found.append((float(miss), float(level), float(slope), float(n)))
    _, level, slope, n = min(found)
    smallest = 1e-6 * float(data.min())
    return {
        "yield_stress": max(level, smallest),
        "prefactor": max(slope, smallest / float(rate.max()) ** n),
        "exponent": n,
    }
