"""Arrays as arguments: one place that says what an array of numbers is.

Text, booleans, complex numbers, dates and None are no real numbers, and a masked entry is none at
all: numpy turns all of these into floats, or leaves the mask behind, without a word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import allowed_number, check_number, shown

__all__ = ["as_floats", "check_array", "check_row"]

Floats = NDArray[np.float64]

_KINDS = {
    "b": "booleans", "c": "complex numbers", "U": "text", "S": "text", "T": "text", "M": "dates",
    "m": "spans of time",
}  # fmt: skip
_PLAIN = {float, int, np.float64, np.float32, np.int64}
"""Types that numpy turns into floats without loss of meaning (bool is another type)."""
_NO_SEQUENCES = (str, bytes, bytearray, memoryview, type)
"""What can be iterated over and is no sequence of numbers."""
_DEEPEST = 32
"""Dimensions of the deepest nested sequence: numpy's arrays have no more."""


def _refusal(name: str, what: str, values: Any) -> ValueError:
    return ValueError(
        f"{name} must be a finite number or a sequence of them, got {what}: {shown(values)}"
    )


def _of_array(name: str, array: NDArray[Any], values: Any) -> Floats:
    if array.dtype.kind in "iuf":
        with np.errstate(over="ignore"):  # a long double beyond the floats is infinite, as checked
            return np.array(array, dtype=np.float64)
    if array.dtype.kind == "O":
        entries = [
            check_number(f"{name}{list(at)}" if at else name, array[at])
            for at in np.ndindex(array.shape)
        ]
        return np.array(entries, dtype=np.float64).reshape(array.shape)
    raise _refusal(name, _KINDS.get(array.dtype.kind, f"dtype {array.dtype}"), values)


def _refuse_masked(name: str, values: Any) -> None:
    if isinstance(values, np.ma.MaskedArray) and np.any(np.ma.getmaskarray(values)):
        count = int(np.ma.getmaskarray(values).sum())
        raise ValueError(
            f"{name} must have no masked entries, got {count} of {values.size}: leave them out "
            "(values.compressed()) or fill them in (values.filled(number))"
        )


def as_floats(name: str, values: Any, depth: int = 0) -> Floats:
    """Return numbers as a fresh array of floats, of any shape; they may be NaN or infinite.

    Taken are numbers, arrays (of pandas and xarray too), and sequences and iterators of these.

    Raises
    ------
    ValueError
        If there are masked entries, text, booleans, complex numbers, dates, None, other objects,
        or rows of several lengths; the message names the argument.
    """
    _refuse_masked(name, values)
    if type(values) is float:
        return np.array(values)
    if isinstance(values, _NO_SEQUENCES) or not isinstance(values, Iterable):
        if hasattr(values, "__array__") and not isinstance(values, type):
            return _of_array(name, np.asarray(values), values)
        return np.array(check_number(name, values))
    if hasattr(values, "__array__"):
        return _of_array(name, np.asarray(values), values)
    if isinstance(values, (Mapping, Set)):
        raise _refusal(name, "what has no order", values)
    items = values if isinstance(values, (list, tuple)) else list(values)
    if depth >= _DEEPEST:
        raise _refusal(name, f"more than {_DEEPEST} levels", values)
    if set(map(type, items)) <= _PLAIN:
        try:
            return np.array(items, dtype=np.float64)
        except OverflowError:  # an integer beyond the floats: found and named below
            pass
    parts = [as_floats(f"{name}[{i}]", item, depth + 1) for i, item in enumerate(items)]
    if len({part.shape for part in parts}) > 1:
        raise _refusal(name, "rows of several lengths", values)
    return np.array(parts, dtype=np.float64)


def check_array(
    name: str,
    values: Any,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    hint: str = "",
) -> Floats:
    """Return finite numbers within limits as a fresh array of floats, of any shape.

    Raises
    ------
    ValueError
        As :func:`as_floats`, and naming the first number that is not allowed.
    """
    array = as_floats(name, values)
    good = np.isfinite(array) & (above < array) & (array < below)
    for at in np.argwhere(~(good & (at_least <= array) & (array <= at_most)))[:1]:
        allowed = allowed_number(above, at_least, at_most, below)
        which = f"{name}[{', '.join(map(str, at))}] = " if at.size else ""
        raise ValueError(
            f"{name} must be {allowed}, got {which}{float(array[tuple(at)])!r}"
            + (f"; {hint}" if hint else "")
        )
    return array


def check_row(
    name: str,
    values: Any,
    *,
    length: int | None = None,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    hint: str = "",
) -> Floats:
    """Return a row of finite numbers within limits, of a length where one is given.

    Raises
    ------
    ValueError
        As :func:`check_array`, and for another shape.
    """
    array = check_array(
        name, values, above=above, at_least=at_least, at_most=at_most, below=below, hint=hint
    )
    if array.ndim != 1 or array.size == 0 or array.size != (length or array.size):
        wanted = "at least one number" if length is None else f"{length} numbers, as the others"
        raise ValueError(f"{name} must be one row of {wanted}, got shape {array.shape}")
    return array
