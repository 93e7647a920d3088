"""Objects of the house as HDF5 groups, and back; nothing in a file is ever executed.

An object is a group with the attribute ``class`` and one member a field. Numbers, texts, arrays and
rows of numbers are datasets, None is a null dataset. What two objects share in memory is shared in
the file, by a hard link. Only the classes listed here are written and only they are made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MethodType
from typing import Any

import numpy as np

from hebraud.analytic.exact import ExactState
from hebraud.errors import HebraudError
from hebraud.inference.fit import Fit
from hebraud.inference.flow_curves import FlowCurveFit
from hebraud.inference.flow_curves import _FlowCurveLaw as FlowCurveLaw
from hebraud.inference.herschel_bulkley import HerschelBulkleyFit
from hebraud.inference.herschel_bulkley import _Law as HerschelBulkleyLaw
from hebraud.inference.problem import Problem
from hebraud.inference.reduced import Classical, Tabulated
from hebraud.inference.transients import _CREEP, _STARTUP, TransientFit
from hebraud.inference.transients import _LatticeLaw as LatticeLaw
from hebraud.inference.transients import _TransientLaw as TransientLaw
from hebraud.io.lmfit_records import lmfit_members, lmfit_result
from hebraud.model.coupling import ActivityNoise, DropNoise, FixedNoise, NoiseTerms
from hebraud.model.model import Model
from hebraud.model.relaxation import FractionalDrop, GaussianLanding, Landing, ResidualStress
from hebraud.model.scales import Scales
from hebraud.model.starts import _Gaussian as Gaussian
from hebraud.model.threshold_law import Conditioned, ThresholdLaw
from hebraud.model.thresholds import Quenched, Redrawn, Single
from hebraud.model.yielding import PowerRate
from hebraud.rheology.columns import COLUMNS, Column
from hebraud.rheology.estimate import Estimate
from hebraud.rheology.flow_curve import FlowCurve
from hebraud.solvers.finite_volume import CellDensity
from hebraud.solvers.grid import Grid
from hebraud.solvers.history import History
from hebraud.solvers.residence import _Reweighted as Reweighted
from hebraud.solvers.sample import Sample
from hebraud.solvers.starts import CellStart, ClassStart
from hebraud.solvers.state import SteadyState
from hebraud.solvers.steady import Exact, FiniteVolume

__all__ = ["RESULTS", "UnreadableFile", "get", "put"]


class UnreadableFile(HebraudError, ValueError):
    """A file that holds no result, a damaged one, or one of another format; the message says."""


RESULTS: tuple[type, ...] = (
    *(FlowCurve, SteadyState, History),
    *(FlowCurveFit, HerschelBulkleyFit, TransientFit),
)
"""What a file may hold."""

_PARTS: tuple[type, ...] = (
    *(Model, ActivityNoise, DropNoise, FixedNoise),
    *(FractionalDrop, ResidualStress, GaussianLanding, Landing),
    *(Single, Redrawn, Quenched, ThresholdLaw, Conditioned, Reweighted, PowerRate),
    *(Scales, Estimate, Exact, FiniteVolume),
    *(ExactState, CellDensity, Grid, CellStart, ClassStart, Sample),
    *(Problem, FlowCurveLaw, TransientLaw, LatticeLaw, Classical, Tabulated, Gaussian),
)
_CLASSES: dict[str, type] = {
    **{cls.__name__.lstrip("_"): cls for cls in (*RESULTS, *_PARTS)},
    "HerschelBulkleyLaw": HerschelBulkleyLaw,
}
_NAMES = {cls: name for name, cls in _CLASSES.items()}
_TRANSIENTS = {kind.measured: kind for kind in (_STARTUP, _CREEP)}
_REMADE = ("minimizer", "rows")
"""Fields that are not stored: a fit's lmfit Minimizer, and what tabulated laws have tabulated."""
_METHODS = {(ExactState, "density"), (ExactState, "densities")}
"""Methods that an object may hold in the place of a function."""
_LATER = {"History": {"settings"}, "Gaussian": {"thresholds"}}
"""Fields that files of older versions do not have; their classes have defaults."""

_FACES = Column("s", "sigma_c", "", "faces of the cells of local stress, ascending")
_MASS = Column("", "1", "", "probability in every cell, (classes, cells)")
_VALUES = Column("c", "sigma_c", "", "thresholds of the classes")
_WEIGHTS = Column("", "1", "", "probability of drawing each class")
_MEMBERS: dict[type, Mapping[str, Column]] = {
    FlowCurve: COLUMNS,
    SteadyState: COLUMNS,
    History: COLUMNS,
    ExactState: {
        **COLUMNS,
        "mixture": Column("", "", "", "rate of landing in 1/tau, threshold, stress of landing"),
    },
    Grid: {
        "faces": _FACES,
        "centres": _FACES._replace(description="centres of the cells"),
        "widths": _FACES._replace(symbol="ds", description="widths of the cells"),
    },
    CellDensity: {"mass": _MASS, "thresholds": _VALUES, "weights": _WEIGHTS},
    CellStart: {"masses": _MASS, "values": _VALUES, "weights": _WEIGHTS},
    ClassStart: {"values": _VALUES, "weights": _WEIGHTS},
    Sample: {
        "stress": Column("s", "sigma_c", "", "local stress of every block"),
        "threshold": Column("c", "sigma_c", "", "threshold of every block"),
    },
}


# -- to the file ----------------------------------------------------------------------------------
def put(group: Any, value: Any, trail: str, written: dict[int, str]) -> None:
    """Write an object into an empty group.

    Parameters
    ----------
    group : h5py.Group
    value : object
    trail : str
        What the object is called in messages: ``SteadyState.model.relaxation``.
    written : dict
        Where in the file each array and object is already, by its ``id``.

    Raises
    ------
    ValueError
        If it holds something that cannot be saved; the message names it.
    """
    kind, members = _apart(value, trail)
    written[id(value)] = group.name
    group.attrs["class"] = kind
    if isinstance(value, Model):
        group.attrs["repr"] = repr(value)
    physical = getattr(value, "scales", None) is not None
    described = _MEMBERS.get(type(value), {})
    for name, member in members.items():
        _put_member(group, name, member, f"{trail}.{name}", written)
        if name in described and member is not None:
            group[name].attrs["symbol"] = described[name].symbol
            group[name].attrs["unit"] = described[name].unit(physical)
            group[name].attrs["description"] = described[name].description


def _apart(value: Any, trail: str) -> tuple[str, dict[str, Any]]:
    """Return what kind of thing a value is, and its members; ``_made`` is the way back."""
    if type(value) in _NAMES:
        stored = _stored(type(value))
        return _NAMES[type(value)], {field.lstrip("_"): getattr(value, field) for field in stored}
    if isinstance(value, MethodType) and (type(value.__self__), value.__name__) in _METHODS:
        return "method", {"name": value.__name__, "object": value.__self__}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return "mapping", dict(sorted(value.items()))
    if isinstance(value, NoiseTerms):
        return "NoiseTerms", value._asdict()
    if isinstance(value, tuple):
        return "tuple", {str(i): member for i, member in enumerate(value)}
    if isinstance(value, frozenset):
        return "set", {str(i): member for i, member in enumerate(sorted(value))}
    if _is_scipy_law(value):
        return "scipy.stats", {"name": value.dist.name, "args": value.args, "kwds": value.kwds}
    if isinstance(value, type(_STARTUP)):
        return "transient", {"measured": value.measured}
    if type(value).__module__ == "lmfit.minimizer":
        return "lmfit", lmfit_members(value)
    raise ValueError(
        f"{trail} holds {value!r}, which cannot be saved: a file holds numbers, arrays, frozen "
        f"laws of scipy.stats and objects of {', '.join(sorted(_CLASSES))}; a landing law of your "
        "own goes in as Landing(points, weights), thresholds of your own as samples or a "
        "ThresholdLaw"
    )


def _stored(cls: type) -> list[str]:
    return [field.name for field in fields(cls) if field.init and field.name not in _REMADE]


def _put_member(group: Any, name: str, value: Any, trail: str, written: dict[int, str]) -> None:
    import h5py

    if id(value) in written:
        group[name] = group.file[written[id(value)]]
    elif value is None:
        group.create_dataset(name, data=h5py.Empty("f8"), track_times=False)
    elif isinstance(value, (bool, int, float, str, np.bool_, np.integer, np.floating)):
        group.create_dataset(name, data=value, track_times=False)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        columns_first = value.flags.f_contiguous and not value.flags.c_contiguous
        group.create_dataset(name, data=value, track_times=False)
        group[name].attrs["column_major"] = columns_first
        written[id(value)] = group[name].name
    elif isinstance(value, tuple) and not isinstance(value, NoiseTerms) and _is_table(value):
        group.create_dataset(name, data=np.array(value, dtype=np.float64), track_times=False)
        group[name].attrs["class"] = "tuple"
    else:
        put(group.create_group(name), value, trail, written)


def _is_table(value: tuple[Any, ...]) -> bool:
    """True for a row of floats, and for rows of one length of them."""
    if all(isinstance(item, float) for item in value):
        return True
    rows = all(isinstance(row, tuple) and row and _is_table(row) for row in value)
    return rows and len({np.shape(row) for row in value}) == 1


def _is_scipy_law(value: Any) -> bool:
    """True for a frozen law of scipy.stats itself, not of a class or support of one's own."""
    if not hasattr(value, "dist"):
        return False
    reference = _scipy_law(getattr(value.dist, "name", None))
    support = [(dist.a, dist.b) for dist in (value.dist, reference) if dist is not None]
    return type(reference) is type(value.dist) and support[0] == support[1]


def _scipy_law(name: Any) -> Any:
    """Return the continuous law of scipy.stats of that name, or None."""
    import scipy.stats

    law = getattr(scipy.stats, name, None) if isinstance(name, str) else None
    return law if isinstance(law, scipy.stats.rv_continuous) else None


# -- from the file --------------------------------------------------------------------------------
def get(node: Any, read: dict[int, Any]) -> Any:
    """Return what a group or a dataset holds.

    Parameters
    ----------
    node : h5py.Group or h5py.Dataset
    read : dict
        What has been read already, by its address in the file.

    Raises
    ------
    UnreadableFile
        If it holds something that this version does not know, lacks something, or holds values
        that its class refuses; the message names the place.
    """
    import h5py

    address = h5py.h5o.get_info(node.id).addr
    if address not in read:
        if isinstance(node, h5py.Group):
            members = {name: get(node[name], read) for name in node}
            try:
                read[address] = _made(str(node.attrs.get("class")), members)
            except (KeyError, TypeError, ValueError) as error:
                raise UnreadableFile(f"{node.name}: {error}") from error
        else:
            read[address] = _get_value(node)
    return read[address]


def _made(kind: str, members: dict[str, Any]) -> Any:
    """Return the object of a kind that has these members."""
    if kind == "mapping":
        return members
    if kind in ("tuple", "set"):
        row = tuple(members[str(i)] for i in range(len(members)))
        return row if kind == "tuple" else frozenset(row)
    if kind == "NoiseTerms":
        _check_members(kind, members, set(NoiseTerms._fields))
        return NoiseTerms(**members)
    if kind == "method":
        _check_members(kind, members, {"object", "name"})
        owner, name = members["object"], members["name"]
        if (type(owner), name) not in _METHODS:
            raise ValueError(f"{name!r} of {owner!r} is no method that this version knows")
        return getattr(owner, name)
    if kind == "scipy.stats":
        _check_members(kind, members, {"name", "args", "kwds"})
        law = _scipy_law(members["name"])
        if law is None:
            raise ValueError(f"scipy.stats has no continuous law {members['name']!r}")
        return law(*members["args"], **members["kwds"])
    if kind == "transient":
        return _TRANSIENTS[members["measured"]]
    if kind == "lmfit":
        return lmfit_result(members)
    if kind not in _CLASSES:
        raise ValueError(f"it holds a {kind!r}, which this version does not know")
    stored = _stored(_CLASSES[kind])
    absent = _LATER.get(kind, set()) - members.keys()
    stored = [field for field in stored if field not in absent]
    _check_members(kind, members, {field.lstrip("_") for field in stored})
    made = {field: members[field.lstrip("_")] for field in stored}
    if issubclass(_CLASSES[kind], Fit):
        made["minimizer"] = members["problem"].minimizer()
    return _CLASSES[kind](**made)


def _check_members(kind: str, members: dict[str, Any], wanted: set[str]) -> None:
    missing, unknown = sorted(wanted - members.keys()), sorted(members.keys() - wanted)
    if missing or unknown:
        what = [f"{' and '.join(missing)} missing"] if missing else []
        what += [f"{' and '.join(unknown)} unknown to this version"] if unknown else []
        raise ValueError(f"this is no whole {kind}: {', '.join(what)}")


def _get_value(node: Any) -> Any:
    import h5py

    value = node[()]
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, bytes):
        return value.decode()
    if node.attrs.get("class") == "tuple":
        rows = value.tolist()
        return tuple(map(tuple, rows)) if value.ndim == 2 else tuple(rows)
    if not isinstance(value, np.ndarray):
        return value.item()
    return np.asfortranarray(value) if node.attrs.get("column_major") else value
