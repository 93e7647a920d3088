"""Stationary states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import check_array
from hebraud.model.model import Model
from hebraud.model.starts import Start
from hebraud.model.thresholds import Thresholds
from hebraud.rheology import columns

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Distribution", "SteadyState"]


class Distribution(Start, Protocol):
    """Distribution of local stresses and thresholds: a start that knows its density."""

    def density(self, stress: Floats) -> Floats:
        """Return P(s), all thresholds together, in 1/sigma_c."""
        ...


@dataclass(frozen=True)
class SteadyState:
    """A stationary state in reduced units.

    Attributes
    ----------
    model : Model
    shear_rate : float
        g in sigma_c/(G0 tau).
    stress : float
        Mean stress <s> in sigma_c (eq. 4).
    activity : float
        Plastic activity Gamma in 1/tau (eq. 2).
    diffusion : float
        D in sigma_c^2/tau; it multiplies d2P/ds2.
    solver : Exact or FiniteVolume
        What computed it.
    error_estimate : float
        Estimated relative error, the largest of those of stress, activity and D. For the exact
        solver: round-off times the conditioning of D in the coupling. For finite volumes: the
        difference between the last two grids, extrapolated, the error of the threshold nodes, and
        no less than an eighth of the misfit of 2 g <s> + 2 D = Gamma <s^2 - s'^2> (up to rtol).
    other_roots : tuple of float
        Other values of D that satisfy the coupling at this shear rate (empty in the classical
        model, whose stationary state is unique). The state is that of the largest D at which
        coupling(D)/D falls through 1; where it rises, a little more noise would make still more.
        One that misses the tolerance is there as far as it is known, and a warning says so.
    distribution : ExactStart or CellStart
        P(s, c): exact, or on a grid.
    """

    model: Model
    shear_rate: float
    stress: float
    activity: float
    diffusion: float
    solver: object
    error_estimate: float
    other_roots: tuple[float, ...]
    distribution: Distribution = field(repr=False, compare=False)

    def density(self, stress: ArrayLike) -> Floats:
        """Return P(s), all thresholds together, in 1/sigma_c; any shape of ``stress``.

        The exact state's density is exact. The finite-volume state's is the cell average of
        the cell that holds s, and 0 beyond the grid. Where classes stand for a continuous law of
        thresholds, both have a step at each class: means over P are right, points to a per cent.
        """
        return self.distribution.density(check_array("stress", stress))

    # -- a start for a run in time
    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return the probability in every cell, (classes, cells); see ``Start``."""
        return self.distribution.mass(faces, thresholds)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return n stresses and thresholds drawn from the state; see ``Start``."""
        return self.distribution.sample(n, rng)

    @property
    def extent(self) -> tuple[float, float]:
        """The stresses beyond which there is less than 1e-17 of the mass."""
        return self.distribution.extent

    @property
    def nodes(self) -> tuple[Floats, Floats] | None:
        """Threshold classes (values, weights) that the state is made of."""
        return self.distribution.nodes

    # -- as a table
    @property
    def _columns(self) -> dict[str, float]:
        names = ("shear_rate", "stress", "activity", "diffusion", "error_estimate")
        return {name: getattr(self, name) for name in names}

    def to_dataframe(self) -> pd.DataFrame:
        """Return a ``pandas.DataFrame`` of one row, for ``pandas.concat``.

        Raises
        ------
        MissingDependency
            If pandas is not installed.
        """
        one_row = {name: [value] for name, value in self._columns.items()}
        return columns.to_dataframe(one_row, {"model": self.model, "solver": self.solver})

    def to_xarray(self) -> xr.Dataset:
        """Return an ``xarray.Dataset`` of single numbers, for ``xarray.concat``.

        Raises
        ------
        MissingDependency
            If xarray is not installed.
        """
        described = {"model": self.model, "solver": self.solver}
        return columns.to_xarray(self._columns, described, "shear_rate")
