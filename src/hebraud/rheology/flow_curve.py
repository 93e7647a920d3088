"""Flow curves of the theory, of particles and of rheometers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import check_row
from hebraud.model.model import Model, check_model
from hebraud.model.scales import Scales, check_scales
from hebraud.rheology import columns
from hebraud.rheology.herschel_bulkley import HerschelBulkley, fit_herschel_bulkley

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["FlowCurve"]


def _column(name: str, values: ArrayLike, length: int | None) -> Floats:
    column = check_row(name, values, length=length)
    column.flags.writeable = False
    return column


@dataclass(frozen=True, eq=False)
class FlowCurve:
    """Steady stress against shear rate.

    All columns are reduced (``scales=None``: stress in sigma_c, shear rate in sigma_c/(G0 tau),
    activity in 1/tau, diffusion in sigma_c^2/tau), or all are physical, in the units of ``scales``.

    Parameters
    ----------
    shear_rate, stress : sequence of float, shape (n,)
        The curve.
    stress_err : sequence of float, shape (n,), optional
        Standard error of the stress, > 0.
    activity, diffusion : sequence of float, shape (n,), optional
        Plastic activity Gamma and stress diffusion coefficient D where they are known; D is
        the one that multiplies the second derivative of P (<ds^2> = 2 D t).
    scales : Scales, optional
        Units of the columns where they are physical.
    model : Model, optional
        The model that the curve was computed from; None for a measured curve.

    Raises
    ------
    ValueError
        If a column is not a row of finite numbers of the common length; the message names it.
    """

    shear_rate: Floats
    stress: Floats
    stress_err: Floats | None = None
    activity: Floats | None = None
    diffusion: Floats | None = None
    scales: Scales | None = None
    model: Model | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shear_rate", _column("shear_rate", self.shear_rate, None))
        for name in ("stress", "stress_err", "activity", "diffusion"):
            values = getattr(self, name)
            if name == "stress" or values is not None:
                object.__setattr__(self, name, _column(name, values, self.shear_rate.size))
        if self.stress_err is not None and not np.all(self.stress_err > 0.0):
            where = int(np.flatnonzero(~(self.stress_err > 0.0))[0])
            raise ValueError(
                f"stress_err must be > 0, got stress_err[{where}] = {self.stress_err[where]}; "
                "leave it out where there is none"
            )
        if self.scales is not None:
            check_scales(self.scales)
        if self.model is not None:
            check_model(self.model)

    def __len__(self) -> int:
        return int(self.shear_rate.size)

    def __eq__(self, other: object) -> bool:
        """Equal where all columns and the scales are."""
        if not isinstance(other, FlowCurve):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name))
            if isinstance(getattr(self, f.name), np.ndarray)
            else getattr(self, f.name) is getattr(other, f.name)
            or getattr(self, f.name) == getattr(other, f.name)
            for f in fields(self)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = []
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None:
                text = repr(value.tolist()) if isinstance(value, np.ndarray) else repr(value)
                shown.append(f"{f.name}={text}")
        return f"FlowCurve({', '.join(shown)})"

    def _times(self, unit: dict[str, float], scales: Scales | None) -> FlowCurve:
        times = {
            name: None if (values := getattr(self, name)) is None else values * factor
            for name, factor in unit.items()
        }
        return FlowCurve(scales=scales, model=self.model, **times)  # type: ignore[arg-type]

    def physical(self, scales: Scales) -> FlowCurve:
        """Return the curve in physical units.

        Raises
        ------
        ValueError
            If the curve is physical already.
        """
        check_scales(scales)
        if self.scales is not None:
            raise ValueError(f"the flow curve is physical already, with {self.scales!r}")
        return self._times(_units(scales), scales)

    def reduced(self, scales: Scales | None = None) -> FlowCurve:
        """Return the curve in reduced units, by its own scales or by those given.

        Give ``scales`` for a curve that was built from data in physical units without them.

        Raises
        ------
        ValueError
            If neither the curve nor the call has scales, or both have and they differ.
        """
        if scales is not None:
            check_scales(scales)
        own = self.scales if self.scales is not None else scales
        if own is None or (scales is not None and scales != own):
            raise ValueError(
                "reduced() needs the curve's own scales or those given, one of them: the curve "
                f"has {self.scales!r}, the call {scales!r}"
            )
        return self._times({name: 1.0 / u for name, u in _units(own).items()}, None)

    def herschel_bulkley(self, exponent: float | None = 0.5) -> HerschelBulkley:
        """Fit Sigma = Sigma_Y + A rate^n to the curve; see :func:`fit_herschel_bulkley`."""
        return fit_herschel_bulkley(self.shear_rate, self.stress, self.stress_err, exponent)

    @property
    def _columns(self) -> dict[str, Floats | None]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in columns.COLUMNS}

    def to_dataframe(self) -> pd.DataFrame:
        """Return a ``pandas.DataFrame``, one row a shear rate; units are in its ``attrs``.

        Raises
        ------
        MissingDependency
            If pandas is not installed.
        """
        described = {"model": self.model, "scales": self.scales}
        return columns.to_dataframe(self._columns, described, self.scales is not None)

    def to_xarray(self) -> xr.Dataset:
        """Return an ``xarray.Dataset`` along the shear rate; each variable has its unit.

        Raises
        ------
        MissingDependency
            If xarray is not installed.
        """
        described = {"model": self.model, "scales": self.scales}
        return columns.to_xarray(
            self._columns, described, "shear_rate", physical=self.scales is not None
        )


def _units(scales: Scales) -> dict[str, float]:
    return {
        "shear_rate": scales.shear_rate,
        "stress": scales.stress,
        "stress_err": scales.stress,
        "activity": scales.activity,
        "diffusion": scales.diffusion,
    }
