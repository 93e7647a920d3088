"""The numbers of a fit: estimates, covariance, residuals, criteria."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import check_array
from hebraud.inference.problem import Problem
from hebraud.rheology.estimate import Estimate

if TYPE_CHECKING:
    from lmfit import Minimizer
    from lmfit.minimizer import MinimizerResult

__all__ = ["Fitted", "Interval"]


class Interval(NamedTuple):
    """Low and high end of a confidence interval; 0 or infinite where the data give no bound."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """Fitted parameters of a law as plain numbers; users get a ``Fit``, which derives from this.

    ``Fit`` documents the attributes.
    """

    abscissa: Floats
    problem: Problem
    result: MinimizerResult
    axes: tuple[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, held ones too."""
        return self.problem.law.names

    @cached_property
    def minimizer(self) -> Minimizer:
        """lmfit's Minimizer of the problem, for lmfit's own tools."""
        return self.problem.minimizer()

    @property
    def free(self) -> tuple[str, ...]:
        """The parameters that were fitted."""
        return tuple(self.names[i] for i in self.problem.free)

    @cached_property
    def log_values(self) -> Floats:
        """Logarithms of the parameters, (p,)."""
        return self.problem.log(self.result.params)

    @cached_property
    def log_covariance(self) -> Floats:
        """Covariance of the logarithms of ``free``; infinite where the data do not bound them.

        From the derivatives at the optimum; scaled by the scatter where no errors were given.
        """
        jacobian = self.problem.jacobian(self.result.params)
        size = np.linalg.norm(jacobian, axis=0)
        if not np.all(size > 0.0) or np.linalg.cond(jacobian / size) > 1e7:
            return np.full((len(self.free),) * 2, math.inf)
        root = np.linalg.inv(np.linalg.qr(jacobian / size, mode="r")) / size[:, None]
        return np.asarray(root @ root.T * (self.reduced_chi_square if self.problem.scaled else 1.0))

    @cached_property
    def condition_number(self) -> float:
        """Largest over smallest axis of the confidence ellipsoid, for log parameters.

        1e2 and more: a combination of parameters is left open.
        """
        return float(np.linalg.cond(self.problem.jacobian(self.result.params)))

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Every parameter with its standard error (a held one has 0)."""
        return {name: self.estimate(name) for name in self.names}

    def estimate(self, name: str) -> Estimate:
        """Return a parameter; its standard error is the value times that of its logarithm.

        Where the data do not bound the parameter, the error is as large as the value or larger, up
        to 1e300, and a warning of the fit says so.
        """
        value = math.exp(self.log_values[self.names.index(name)])
        if name not in self.free:
            return Estimate(value, 0.0, self.abscissa.size, "held fixed")
        i = self.free.index(name)
        spread = math.sqrt(self.log_covariance[i, i])
        note = "errors from the scatter" if self.problem.scaled else "errors from the error bars"
        return Estimate(value, min(value * spread, 1e300), self.abscissa.size, note)

    @cached_property
    def fitted(self) -> Floats:
        """The law at the data, (n,)."""
        return self.problem.law.values(self.log_values)

    @cached_property
    def residuals(self) -> Floats:
        """Residuals over their standard error, (n,); of order one where the law holds."""
        raw = self.problem.residual(self.result.params)
        return raw / math.sqrt(self.reduced_chi_square) if self.problem.scaled else raw

    @property
    def chi_square(self) -> float:
        """Sum of the squared residuals (in units of the errors, where they were given)."""
        return float(self.result.chisqr)

    @property
    def degrees_of_freedom(self) -> int:
        """Points less free parameters."""
        return int(self.abscissa.size - len(self.free))

    @property
    def reduced_chi_square(self) -> float:
        """chi_square over the degrees of freedom; without given errors, their square."""
        return self.chi_square / self.degrees_of_freedom

    @property
    def deviance(self) -> float:
        """-2 ln(likelihood), up to a constant of the data."""
        n = self.abscissa.size
        return n * math.log(self.chi_square / n) if self.problem.scaled else self.chi_square

    @property
    def aic(self) -> float:
        """Akaike's criterion, deviance + 2 k, up to a constant of the data."""
        return self.deviance + 2.0 * len(self.free)

    @property
    def bic(self) -> float:
        """The Bayesian criterion, deviance + k ln n, up to a constant of the data."""
        return self.deviance + len(self.free) * math.log(self.abscissa.size)

    def predict(self, abscissa: ArrayLike) -> Floats:
        """Return the fitted law at abscissae > 0, in the units of the data.

        Raises
        ------
        ValueError
            If one is not > 0; the message names it.
        """
        at = check_array(self.axes[0], abscissa, above=0.0)
        return self.problem.law.at(at).values(self.log_values)

    @property
    def advice(self) -> str:
        """Advice for data that bound the parameters too little."""
        return "give points over a wider window, or hold a parameter that is known otherwise"
