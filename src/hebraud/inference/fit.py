"""Fits as users get them: numbers with intervals, warnings, a report, a figure and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hebraud._typing import Floats
from hebraud.errors import check_number
from hebraud.inference import drawing, profile
from hebraud.inference.cautions import FitWarning, cautions
from hebraud.inference.fitted import Fitted, Interval
from hebraud.inference.reduced import with_coupling
from hebraud.model.model import Model
from hebraud.rheology import columns
from hebraud.rheology.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure, SubFigure

__all__ = ["Fit", "ModelFit"]


@dataclass(frozen=True, eq=False)
class Fit(Fitted):
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
    axes : (str, str)
        Names of the abscissa and of the measured quantity.
    """

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
        return profile.interval(self, *self._asked(name, level))

    def covariance_interval(self, name: str, level: float = 0.95) -> Interval:
        """Return the interval of the covariance: quick, but symmetric in the logarithms.

        Raises
        ------
        ValueError
            As :meth:`interval`.
        """
        return profile.covariance_interval(self, *self._asked(name, level))

    def _asked(self, name: str, level: float) -> tuple[str, float]:
        if name not in self.free:
            raise ValueError(f"name must be a free parameter, one of {self.free}, got {name!r}")
        return name, check_number("level", level, above=0.0, below=1.0)

    @cached_property
    def warnings(self) -> tuple[FitWarning, ...]:
        """Warnings about this fit; empty where nothing was found."""
        return cautions(self)

    def report(self, level: float = 0.95) -> str:
        """Return a report: every parameter with its error and interval, warnings, lmfit's report.

        Intervals are those of the profile; of transients, those of the covariance.
        """
        import lmfit

        # a profile takes hours where every value of the law is a run
        interval = self.interval if self.problem.law.quick else self.covariance_interval
        lines = [self._title()]
        for name, estimate in self.estimates.items():
            if name not in self.free:
                lines.append(f"  {name} = {estimate} (held)")
                continue
            low, high = interval(name, level)
            lines.append(
                f"  {name} = {estimate}, {100 * level:g} % interval {low:.4g} ... {high:.4g}"
            )
        lines += [f"  beware, {warning}" for warning in self.warnings]
        return "\n".join([*lines, lmfit.fit_report(self.result)])

    def _title(self) -> str:
        return f"{self.abscissa.size} points, {len(self.free)} free parameters"

    def plot(
        self, figure: Figure | SubFigure | None = None, units: Mapping[str, str] | None = None
    ) -> Any:  # the Figure made, or the one given
        """Draw data, fit, residuals and the joint confidence regions; return the Figure.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional
            Where to draw; None makes a new one.
        units : mapping, optional
            Units to show, such as ``{"stress": "Pa", "shear_rate": "1/s", "threshold": "Pa"}``.
        """
        return drawing.draw_fit(self, figure, units or {})

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
    def _described(self) -> dict[str, object]:
        return {"chi_square": self.chi_square, **self.estimates}

    def to_dataframe(self) -> pd.DataFrame:
        """Return a ``pandas.DataFrame``: data, fitted law and residuals."""
        return columns.to_dataframe(self._columns, self._described, physical=True)

    def to_xarray(self) -> xr.Dataset:
        """Return an ``xarray.Dataset`` along the abscissa: data, fitted law and residuals."""
        return columns.to_xarray(self._columns, self._described, self.axes[0], physical=True)


@dataclass(frozen=True, eq=False)
class ModelFit(Fit):
    """Parameters of a model; ``template`` is that model with the alpha at which the fit began."""

    template: Model

    @property
    def alpha(self) -> Estimate:
        """The coupling, in the unit of the model's own kind of coupling."""
        return self.estimate("alpha")

    @property
    def threshold(self) -> Estimate:
        """sigma_c, in the unit of the stress."""
        return self.estimate("threshold")

    @property
    def model(self) -> Model:
        """The model with the fitted alpha."""
        return with_coupling(self.template, self.alpha.value)

    @property
    def _described(self) -> dict[str, object]:
        return {"model": self.model, **super()._described}

    def _title(self) -> str:
        shown = with_coupling(self.template, float(f"{self.alpha.value:.6g}"))
        return f"{shown!r}: {super()._title()}"
