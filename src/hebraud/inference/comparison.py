"""Compare the fits of several models to one set of data: AIC, BIC and residuals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import shown
from hebraud.inference.drawing import draw_fits
from hebraud.inference.fit import Fit
from hebraud.inference.flow_curves import fit_flow_curve
from hebraud.inference.herschel_bulkley import fit_herschel_bulkley_law
from hebraud.model.model import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

__all__ = ["Comparison", "Row", "compare_flow_curves"]


@dataclass(frozen=True)
class Row:
    """One candidate; ``delta_aic`` and ``delta_bic`` count from the best of the comparison.

    ``weight`` is exp(-delta_aic/2), normalised over the candidates.
    """

    name: str
    parameters: int
    reduced_chi_square: float
    delta_aic: float
    delta_bic: float
    weight: float


def _given(fit: Fit) -> tuple[Floats, ...]:
    error = fit.problem.error
    flags = np.array([fit.problem.relative, error is None], dtype=np.float64)
    return fit.abscissa, fit.problem.data, np.empty(0) if error is None else error, flags


@dataclass(frozen=True)
class Comparison:
    """Fits of several laws to the same data, with the same errors.

    Raises
    ------
    ValueError
        If there are fewer than two fits, or they are not of the same data with the same errors.
    """

    fits: Mapping[str, Fit]

    def __post_init__(self) -> None:
        if len(self.fits) < 2:
            raise ValueError(f"a comparison needs at least two fits, got {list(self.fits)}")
        (first, one), *others = self.fits.items()
        for name, fit in others:
            if not all(map(np.array_equal, _given(one), _given(fit))):
                raise ValueError(
                    f"fits to compare must be of the same data and errors: {first!r} and {name!r} "
                    "are not"
                )

    @property
    def best(self) -> str:
        """The candidate of the smallest AIC."""
        return min(self.fits, key=lambda name: self.fits[name].aic)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The candidates, the smallest AIC first."""
        least_aic = min(fit.aic for fit in self.fits.values())
        least_bic = min(fit.bic for fit in self.fits.values())
        total = sum(np.exp(-0.5 * (fit.aic - least_aic)) for fit in self.fits.values())
        rows = [
            Row(
                name,
                len(fit.free),
                fit.reduced_chi_square,
                fit.aic - least_aic,
                fit.bic - least_bic,
                float(np.exp(-0.5 * (fit.aic - least_aic)) / total),
            )
            for name, fit in self.fits.items()
        ]
        return tuple(sorted(rows, key=lambda row: row.delta_aic))

    def report(self) -> str:
        """Return the rows as a table."""
        width = max(len(name) for name in self.fits)
        head = f"{'':{width}}  parameters  chi2/dof   dAIC    dBIC    weight"
        return "\n".join(
            [
                head,
                *(
                    f"{row.name:{width}}  {row.parameters:10d}  {row.reduced_chi_square:8.3g}  "
                    f"{row.delta_aic:6.1f}  {row.delta_bic:6.1f}  {row.weight:6.3f}"
                    for row in self.rows
                ),
            ]
        )

    def plot(
        self, figure: Figure | SubFigure | None = None, units: Mapping[str, str] | None = None
    ) -> Any:  # the Figure made, or the one given
        """Draw data and fits, and the residuals of each; arguments as :meth:`Fit.plot`."""
        rows = self.rows
        fits = {row.name: self.fits[row.name] for row in rows}
        titles = [rf"{row.name}, $\Delta$AIC = {row.delta_aic:.1f}" for row in rows]
        return draw_fits(fits, titles, figure, units or {})


def compare_flow_curves(
    shear_rate: ArrayLike,
    stress: ArrayLike,
    stress_err: ArrayLike | None = None,
    *,
    models: Mapping[str, Model],
) -> Comparison:
    """Fit several models and the Herschel-Bulkley law to one flow curve.

    Parameters
    ----------
    shear_rate, stress, stress_err : array_like
        As ``fit_flow_curve``.
    models : mapping of str to Model
        The candidates by name, for instance ``{"classical": Model(0.3), "partial relaxation":
        Model(0.3, relaxation=FractionalDrop(0.5)), "thresholds": Model(0.3,
        thresholds=Redrawn(norm(1.0, 0.3)))}``. Numbers in slots other than the coupling are held:
        where several were tried and the best kept, add 2 to its AIC and ln n to its BIC for each.

    Returns
    -------
    Comparison
        With the fit of "Herschel-Bulkley" beside those of ``models``.
    """
    if not isinstance(models, Mapping):
        raise ValueError(
            f"models must map names to models, such as {{'classical': Model(0.3)}}, got "
            f"{shown(models)}"
        )
    fits: dict[str, Fit] = {
        name: fit_flow_curve(shear_rate, stress, stress_err, model)
        for name, model in models.items()
    }
    fits["Herschel-Bulkley"] = fit_herschel_bulkley_law(shear_rate, stress, stress_err)
    return Comparison(fits)
