"""Names and units of the columns of results, and results as tables of pandas and xarray."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hebraud.errors import MissingDependency

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["COLUMNS", "Column", "to_dataframe", "to_xarray"]


class Column(NamedTuple):
    """Symbol, reduced and physical unit, and description of one quantity.

    Physical units are in terms of [threshold] and [plastic_time], the units of the ``Scales``.
    """

    symbol: str
    reduced: str
    physical: str
    description: str

    def unit(self, physical: bool) -> str:
        """Return the unit of a reduced or a physical column."""
        return self.physical if physical else self.reduced


def _dimensionless(symbol: str, description: str) -> Column:
    return Column(symbol, "1", "1", description)


_DIFFUSION_UNITS = "sigma_c^2/tau", "[threshold]^2/[plastic_time]"

COLUMNS: Mapping[str, Column] = {
    "time": Column("t", "tau", "[plastic_time]", "time"),
    "frozen_at": Column("t", "tau", "[plastic_time]", "time from which nothing moves"),
    "strain": Column("gamma", "sigma_c/G0", "1", "strain, 0 at the start"),
    "shear_rate": Column("g", "sigma_c/(G0 tau)", "1/[plastic_time]", "shear rate"),
    "stress": Column("Sigma", "sigma_c", "[threshold]", "macroscopic stress"),
    "stress_err": Column("Sigma_err", "sigma_c", "[threshold]", "standard error of the stress"),
    "activity": Column("Gamma", "1/tau", "1/[plastic_time]", "plastic activity"),
    "diffusion": Column(
        "D", *_DIFFUSION_UNITS, "stress diffusion coefficient; multiplies d2P/ds2: <ds^2> = 2 D t"
    ),
    "other_roots": Column("D", *_DIFFUSION_UNITS, "other D that satisfy the coupling"),
    "mass_error": _dimensionless("int P ds - 1", "total probability minus one"),
    "strain_err": Column("gamma_err", "sigma_c/G0", "1", "standard error of the strain"),
    "fitted": Column("", "", "that of the data", "the fitted law at the data"),
    "residual": _dimensionless("", "residual over its standard error"),
    "error_estimate": _dimensionless("", "estimated relative error of stress and D"),
}


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"this table needs {name}, which is not installed: pip install {name}"
        ) from error


def _about(described: Mapping[str, object]) -> dict[str, int | float | str]:
    from hebraud import __version__

    said = {name: value for name, value in described.items() if value is not None}
    return {"hebraud_version": __version__} | {
        name: value if isinstance(value, (int, float, str)) else repr(value)
        for name, value in said.items()
    }


def to_dataframe(
    columns: Mapping[str, ArrayLike | None],
    described: Mapping[str, object],
    physical: bool = False,
) -> pd.DataFrame:
    """Return a ``pandas.DataFrame``; its ``attrs`` hold the units and the descriptions.

    Columns and descriptions that are None are left out.

    Raises
    ------
    MissingDependency
        If pandas is not installed.
    """
    present = {name: values for name, values in columns.items() if values is not None}
    frame = _imported("pandas").DataFrame(present)
    units = {name: COLUMNS[name].unit(physical) for name in present}
    frame.attrs.update(_about(described) | {"units": units})
    return frame


def to_xarray(
    columns: Mapping[str, ArrayLike | None],
    described: Mapping[str, object],
    coordinate: str,
    physical: bool = False,
) -> xr.Dataset:
    """Return an ``xarray.Dataset`` along one of the columns, or of single numbers.

    Every variable has the attributes ``units``, ``symbol`` and ``long_name``.

    Raises
    ------
    MissingDependency
        If xarray is not installed.
    """
    xarray = _imported("xarray")
    variables = {}
    for name, values in columns.items():
        if values is not None:
            column = COLUMNS[name]
            about = {
                "units": column.unit(physical),
                "symbol": column.symbol,
                "long_name": column.description,
            }
            dimensions = (coordinate,) if np.ndim(values) else ()
            variables[name] = xarray.Variable(dimensions, values, about)
    along = {coordinate: variables.pop(coordinate)}
    return xarray.Dataset(variables, along, _about(described))
