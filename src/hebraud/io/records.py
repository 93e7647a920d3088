"""Objects as HDF5 groups, and back; nothing in a file is ever executed.

An object is a group with the attribute ``class`` and one member for each of its data
(`hebraud.io.kinds`). Numbers, texts, arrays and rows of numbers are datasets, None is a null
dataset. No class is written or made that `hebraud.io.kinds` does not list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hebraud.errors import HebraudError
from hebraud.io.kinds import KIND_OF, KINDS
from hebraud.io.older import upgraded
from hebraud.io.outcomes import Members, lmfit_members, lmfit_result
from hebraud.model.model import Model
from hebraud.rheology.columns import Column

if TYPE_CHECKING:
    import h5py
    from scipy.stats import rv_continuous

__all__ = ["UnreadableFile", "get", "put"]


class UnreadableFile(HebraudError, ValueError):
    """The file holds no result, is damaged, or has another format; the message says which."""


# -- to the file ----------------------------------------------------------------------------------
def put(group: h5py.Group, value: object, trail: str) -> None:
    """Write an object into an empty group.

    ``trail`` names the object in messages: ``SteadyState.model.relaxation``.

    Raises
    ------
    ValueError
        If it holds something that cannot be saved; the message names it.
    """
    kind, members, columns = _apart(value, trail)
    group.attrs["class"] = kind
    if isinstance(value, Model):
        group.attrs["repr"] = repr(value)
    physical = getattr(value, "scales", None) is not None
    for name, member in members.items():
        _put_member(group, name, member, f"{trail}.{name}")
        if name in columns and member is not None:
            column = columns[name]
            about = {
                "symbol": column.symbol,
                "unit": column.unit(physical),
                "description": column.description,
            }
            group[name].attrs.update(about)


def _apart(value: Any, trail: str) -> tuple[str, dict[str, object], Mapping[str, Column]]:
    """Return the kind of a value, its members, and their descriptions; ``_made`` is the inverse."""
    if type(value) in KIND_OF:
        kind = KIND_OF[type(value)]
        return kind.cls.__name__, kind.apart(value), kind.columns
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return "mapping", dict(sorted(value.items())), {}
    if isinstance(value, tuple):
        return "tuple", {str(i): member for i, member in enumerate(value)}, {}
    if isinstance(value, frozenset):
        return "set", {str(i): member for i, member in enumerate(sorted(value))}, {}
    if _is_scipy_law(value):
        law = {"name": value.dist.name, "args": value.args, "kwds": value.kwds}
        return "scipy.stats", law, {}
    if type(value).__module__ == "lmfit.minimizer":
        return "lmfit", lmfit_members(value), {}
    raise ValueError(
        f"{trail} holds {value!r}, which cannot be saved: a file holds numbers, arrays, frozen "
        f"laws of scipy.stats and objects of {', '.join(sorted(KINDS))}; a landing law of your "
        "own goes in as Landing(points, weights), thresholds of your own as samples or a "
        "ThresholdLaw"
    )


def _put_member(group: h5py.Group, name: str, value: object, trail: str) -> None:
    import h5py

    if value is None:
        group.create_dataset(name, data=h5py.Empty("f8"), track_times=False)
    elif isinstance(value, (bool, int, float, str, np.bool_, np.integer, np.floating)):
        group.create_dataset(name, data=value, track_times=False)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        group.create_dataset(name, data=value, track_times=False)
        columns_first = value.flags.f_contiguous and not value.flags.c_contiguous
        group[name].attrs["column_major"] = columns_first
    elif type(value) is tuple and _is_table(value):
        group.create_dataset(name, data=np.array(value, dtype=np.float64), track_times=False)
        group[name].attrs["class"] = "tuple"
    else:
        put(group.create_group(name), value, trail)


def _is_table(value: tuple[object, ...]) -> bool:
    """True for a row of floats, and for rows of floats of one length."""
    if all(isinstance(item, float) for item in value):
        return True
    rows = [row for row in value if isinstance(row, tuple) and row and _is_table(row)]
    return len(rows) == len(value) and len({np.shape(row) for row in rows}) == 1


def _is_scipy_law(value: object) -> bool:
    """True for a frozen law of scipy.stats itself, not of a class or support of one's own."""
    law = getattr(value, "dist", None)
    own = _scipy_law(getattr(law, "name", None))
    if law is None or own is None or type(own) is not type(law):
        return False
    return (own.a, own.b) == (law.a, law.b)


def _scipy_law(name: object) -> rv_continuous | None:
    """Return the continuous law of scipy.stats of that name, or None."""
    import scipy.stats

    law = getattr(scipy.stats, name, None) if isinstance(name, str) else None
    return law if isinstance(law, scipy.stats.rv_continuous) else None


# -- from the file --------------------------------------------------------------------------------
def get(node: h5py.Group | h5py.Dataset, older: bool) -> Any:
    """Return the object that a group or a dataset holds; ``older``: in format 1 or 2.

    Raises
    ------
    UnreadableFile
        If it holds something that this version does not know, lacks something, or holds values
        that its class refuses; the message names the place.
    """
    import h5py

    if isinstance(node, h5py.Dataset):
        return _get_value(node)
    kind, members = str(node.attrs.get("class")), {name: get(node[name], older) for name in node}
    try:
        return _made(*(upgraded(kind, members) if older else (kind, members)))
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableFile(f"{node.name}: {error}") from error


def _made(kind: str, members: Members) -> object:
    """Return the object of a kind that has these members."""
    if kind == "mapping":
        return members
    if kind in ("tuple", "set"):
        row = tuple(members[str(i)] for i in range(len(members)))
        return row if kind == "tuple" else frozenset(row)
    if kind == "scipy.stats":
        _check_members(kind, members, {"name", "args", "kwds"})
        law = _scipy_law(members["name"])
        if law is None:
            raise ValueError(f"scipy.stats has no continuous law {members['name']!r}")
        return law(*members["args"], **members["kwds"])
    if kind == "lmfit":
        return lmfit_result(members)
    if kind not in KINDS:
        raise ValueError(f"it holds a {kind!r}, which this version does not know")
    _check_members(kind, members, set(KINDS[kind].members))
    return KINDS[kind].make(**members)


def _check_members(kind: str, members: Mapping[str, object], wanted: set[str]) -> None:
    missing, unknown = sorted(wanted - members.keys()), sorted(members.keys() - wanted)
    if missing or unknown:
        what = [f"{' and '.join(missing)} missing"] if missing else []
        what += [f"{' and '.join(unknown)} unknown to this version"] if unknown else []
        raise ValueError(f"this is no whole {kind}: {', '.join(what)}")


def _get_value(node: h5py.Dataset) -> object:
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
