"""The record of a run in time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import check_row
from hebraud.model.model import Model
from hebraud.model.starts import Start
from hebraud.rheology import columns

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["History", "Settings", "as_made", "output_times"]

Settings = dict[str, str | float]
_LONGEST = 500
"""Letters of a start or protocol that are stored as text; longer ones hold whole arrays."""
_ROUNDING = 1e-9
"""Relative excess of the last output time over the end: a sum of durations is rounded."""


def output_times(t_eval: ArrayLike, end: float) -> Floats:
    """Return checked times of output: ascending, from 0 to the end of the run.

    Raises
    ------
    ValueError
        If they are not; the message says which is the first.
    """
    hint = f"times of output lie between 0 and {end:g}, the end of the run"
    times = check_row("t_eval", t_eval, at_least=0.0, hint=hint)
    falls = np.flatnonzero(np.diff(times) < 0.0)
    if falls.size or times[-1] > end * (1.0 + _ROUNDING):
        wrong = int(falls[0]) + 1 if falls.size else times.size - 1
        before = f" after {times[wrong - 1]:g}" if falls.size else ""
        raise ValueError(
            f"t_eval must be ascending times between 0 and {end:g}, the end of the run, got "
            f"t_eval[{wrong}] = {times[wrong]:g}{before}"
        )
    return np.minimum(times, end)


def as_made(solver: str, protocol: object, start: object, **numbers: float) -> Settings:
    """Return the settings of a run, with protocol and start as Python text.

    Functions keep their names only, and a start that takes more than 500 letters, such as the
    ``final`` of another run, that of its class.
    """
    said = {"protocol": protocol, "start": start}
    texts = {name: re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)) for name, value in said.items()}
    short = {
        name: text if len(text) <= _LONGEST else f"{type(said[name]).__name__}(...)"
        for name, text in texts.items()
    }
    return {"solver": solver, **{k: v.lstrip("_") for k, v in short.items()}, **numbers}


@dataclass
class Row:
    """One line of the record."""

    time: float
    strain: float
    shear_rate: float
    stress: float
    activity: float
    diffusion: float
    total: float
    slope: float


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
    statistics : dict
        What the run took: counts of steps and the like.
    settings : dict
        How it was made: ``solver`` ("evolve" or "simulate_blocks"), ``protocol`` and ``start`` as
        text, ``until``, and ``rtol``, ``atol`` or ``blocks``, ``step``, ``seed``.
    """

    model: Model
    time: Floats
    strain: Floats
    shear_rate: Floats
    stress: Floats
    activity: Floats
    diffusion: Floats
    mass_error: Floats
    final: Start
    frozen_at: float | None
    stress_err: Floats | None = None
    statistics: dict[str, float] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)

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
    def _described(self) -> dict[str, object]:
        return {
            "model": self.model, "frozen_at": self.frozen_at, **self.statistics, **self.settings,
        }  # fmt: skip

    def to_dataframe(self) -> pd.DataFrame:
        """Return a ``pandas.DataFrame``, one row a time; units and statistics are in its ``attrs``.

        Raises
        ------
        MissingDependency
            If pandas is not installed.
        """
        return columns.to_dataframe(self._columns, self._described)

    def to_xarray(self) -> xr.Dataset:
        """Return an ``xarray.Dataset`` along time; each variable has its unit.

        At a jump of strain or stress both sides are there, and the time twice.

        Raises
        ------
        MissingDependency
            If xarray is not installed.
        """
        return columns.to_xarray(self._columns, self._described, "time")
