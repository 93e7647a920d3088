"""A fit: estimates, covariance, intervals, what to beware of, a report, a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import check_number
from hebraud.inference.cautions import FitWarning, cautions
from hebraud.inference.problem import Problem, minimise
from hebraud.rheology import columns
from hebraud.rheology.estimate import Estimate

__all__ = ["Fit", "Interval"]

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """Low and high end of a confidence interval; 0 or infinite where the data set no end."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Fit:
    """Parameters of a law from data.

    All parameters are positive and are fitted by their logarithms, so that intervals stay
    positive. An :class:`Estimate` has the standard error from the covariance;
    :meth:`interval` gives the profile likelihood's, which need not be symmetric.

    Attributes
    ----------
    abscissa : ndarray, (n,)
        Shear rates or times of the data, in the data's unit.
    problem, minimizer, result
        The least-squares problem, and lmfit's Minimizer and MinimizerResult (parameters
        ``log_NAME``, and NAME from them), for lmfit's own tools.
    """

    abscissa: Floats
    problem: Problem
    minimizer: Any
    result: Any
    axes: tuple[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, held ones too."""
        return self.problem.law.names

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
        """Return a parameter: the best value, and that times the standard error of its log.

        Where the data do not bound it the error is given as the value's own size or more, up to
        1e300, and :attr:`warnings` say so.
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

    def interval(self, name: str, level: float = 0.95) -> Interval:
        """Return the profile-likelihood interval of a parameter.

        All others are fitted anew at every value of this one; the ends are where chi_square has
        risen by what the level allows (chi-squared law where errors were given, F where they come
        from the scatter).

        Raises
        ------
        ValueError
            If the parameter is not free, or the level not between 0 and 1.
        """
        from hebraud.inference.profile import interval

        self._check_free(name)
        return interval(self, name, check_number("level", level, above=0.0, below=1.0))

    def covariance_interval(self, name: str, level: float = 0.95) -> Interval:
        """Return the interval by the covariance of the logarithms: at once, but symmetric in them.

        Raises
        ------
        ValueError
            As :meth:`interval`.
        """
        from hebraud.inference.profile import covariance_interval

        self._check_free(name)
        return covariance_interval(self, name, check_number("level", level, above=0.0, below=1.0))

    def _check_free(self, name: str) -> None:
        if name not in self.free:
            raise ValueError(f"name must be a free parameter, one of {self.free}, got {name!r}")

    @cached_property
    def warnings(self) -> tuple[FitWarning, ...]:
        """What to beware of in this fit; empty where nothing was found."""
        return cautions(self)

    def _window(self) -> str:
        return "give points over a wider window, or hold a parameter that is known otherwise"

    def _reported_interval(self, name: str, level: float) -> Interval:
        """The profile's, or the covariance's where every value of the law is a long run."""
        find = self.interval if self.problem.law.quick else self.covariance_interval
        return find(name, level)

    def report(self, level: float = 0.95) -> str:
        """Return a text: every parameter with its error and interval, warnings, lmfit's report.

        Intervals are those of the profile; of transients, those of the covariance.
        """
        import lmfit

        lines = [self._title()]
        for name, estimate in self.estimates.items():
            if name not in self.free:
                lines.append(f"  {name} = {estimate} (held)")
                continue
            low, high = self._reported_interval(name, level)
            lines.append(
                f"  {name} = {estimate}, {100 * level:g} % interval {low:.4g} ... {high:.4g}"
            )
        lines += [f"  beware, {warning}" for warning in self.warnings]
        return "\n".join([*lines, lmfit.fit_report(self.result)])

    def _title(self) -> str:
        return f"{self.abscissa.size} points, {len(self.free)} free parameters"

    def plot(self, figure: Any = None, units: Mapping[str, str] | None = None) -> Any:
        """Draw data, fit, residuals and the joint confidence regions; return the Figure.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional
            Where to draw; None makes a new one.
        units : mapping, optional
            Units to show, such as ``{"stress": "Pa", "shear_rate": "1/s", "threshold": "Pa"}``.
        """
        from hebraud.inference.drawing import draw_fit

        return draw_fit(self, figure, units or {})

    # -- tables
    @property
    def _columns(self) -> dict[str, Floats | None]:
        x, y = self.axes
        return {
            x: self.abscissa,
            y: self.problem.data,
            f"{y}_err": self.problem.error,
            "fitted": self.fitted,
            "residual": self.residuals,
        }

    @property
    def _described(self) -> dict[str, Any]:
        model = getattr(self, "model", None)
        return {"model": model, "chi_square": self.chi_square, **self.estimates}

    def to_dataframe(self) -> Any:
        """Return a ``pandas.DataFrame``: data, fitted law and residuals."""
        return columns.to_dataframe(self._columns, self._described, physical=True)

    def to_xarray(self) -> Any:
        """Return an ``xarray.Dataset`` along the abscissa: data, fitted law and residuals."""
        return columns.to_xarray(self._columns, self._described, self.axes[0], physical=True)


def run(problem: Problem) -> tuple[Any, Any]:
    """Return lmfit's Minimizer and result, with the parameters themselves added to it."""
    minimizer = problem.minimizer()
    result = minimise(minimizer)
    for name in problem.law.names:
        log = result.params[f"log_{name}"]
        result.params.add(name, expr=f"exp(log_{name})")
        if log.stderr is not None:
            result.params[name].stderr = float(result.params[name].value) * float(log.stderr)
    return minimizer, result
