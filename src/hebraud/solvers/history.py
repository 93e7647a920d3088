"""What a run in time returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hebraud.model.model import Model
from hebraud.rheology import columns

__all__ = ["History"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class History:
    """A run in time, in reduced units; the columns have one entry a time of output.

    Attributes
    ----------
    model : Model
    time : ndarray, (n,)
        In tau.
    strain : ndarray, (n,)
        In sigma_c/G0, 0 at the start.
    shear_rate : ndarray, (n,)
        g in sigma_c/(G0 tau).
    stress : ndarray, (n,)
        Mean stress in sigma_c.
    activity : ndarray, (n,)
        Gamma in 1/tau.
    diffusion : ndarray, (n,)
        D in sigma_c^2/tau; it multiplies d2P/ds2.
    mass_error : ndarray, (n,)
        Total probability minus one.
    final : Start
        The state at the end, with thresholds: a start for another run.
    frozen_at : float or None
        Since when nothing moves: no block is over its threshold and there is no shear. The state
        is kept exactly from then on.
    stress_err : ndarray, (n,), or None
        Standard error of the stress where the run is a sample (Monte Carlo).
    """

    model: Model
    time: Floats
    strain: Floats
    shear_rate: Floats
    stress: Floats
    activity: Floats
    diffusion: Floats
    mass_error: Floats
    final: Any
    frozen_at: float | None
    stress_err: Floats | None = None
    statistics: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"History({self.model!r}, {self.time.size} times from {self.time[0]:g} to "
            f"{self.time[-1]:g}, stress {self.stress[0]:.4g} to {self.stress[-1]:.4g})"
        )

    @property
    def _columns(self) -> dict[str, Floats | None]:
        names = ("time", "strain", "shear_rate", "stress", "stress_err", "activity", "diffusion")
        return {name: getattr(self, name) for name in (*names, "mass_error")}

    @property
    def _described(self) -> dict[str, Any]:
        return {"model": self.model, "frozen_at": self.frozen_at, **self.statistics}

    def to_dataframe(self) -> Any:
        """Return a ``pandas.DataFrame``, one row a time; units and statistics are in its ``attrs``.

        Raises
        ------
        MissingDependency
            If pandas is not installed.
        """
        return columns.to_dataframe(self._columns, self._described)

    def to_xarray(self) -> Any:
        """Return an ``xarray.Dataset`` along time; each variable has its unit.

        At a jump of strain or stress both sides are there, and the time twice.

        Raises
        ------
        MissingDependency
            If xarray is not installed.
        """
        return columns.to_xarray(self._columns, self._described, "time")
