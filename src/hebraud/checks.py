"""Checks of arrays, functions and paths as arguments.

Text, booleans, complex numbers, dates, None and masked entries are not real numbers. numpy turns
all of these into floats, or drops the mask, without a warning; here they are errors.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Set
from os import PathLike
from pathlib import Path
from typing import Unpack

import numpy as np

from hebraud._typing import Array, Floats
from hebraud.errors import Limits, allowed_number, check_number, shown

__all__ = [
    "LARGEST",
    "SMALLEST",
    "as_floats",
    "check_array",
    "check_function",
    "check_path",
    "check_row",
    "check_signed",
    "check_size",
]

SMALLEST, LARGEST = 1e-100, 1e100
"""Sizes and rates beyond these are refused: their squares and cubes leave the range of floats."""
_KINDS = {
    "b": "booleans", "c": "complex numbers", "U": "text", "S": "text", "T": "text", "M": "dates",
    "m": "spans of time",
}  # fmt: skip
_PLAIN = {float, int, np.float64, np.float32, np.int64}
"""Types that numpy turns into floats without loss of meaning (bool is another type)."""
_NO_SEQUENCES = (str, bytes, bytearray, memoryview, type)
"""Types that can be iterated over but are not sequences of numbers."""
_DEEPEST = 32
"""Deepest nesting of sequences that is read; a deeper one is an error."""


def _place(name: str, at: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, at))}]" if at else name


class _Conversion:
    """Conversion of an argument into floats; it tracks the place in the argument for messages."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    def refusal(self, at: tuple[int, ...], value: object, why: str = "") -> ValueError:
        which = f"{_place(self.name, at)} = " if at else ""
        return ValueError(f"{self.name} must be {self.kind}, got {which}{shown(value)}{why}")

    def number(self, value: object, at: tuple[int, ...]) -> float:
        try:
            return value if type(value) is float else check_number(self.name, value)
        except ValueError:
            raise self.refusal(at, value) from None

    def unmasked(self, values: object, at: tuple[int, ...]) -> None:
        if isinstance(values, np.ma.MaskedArray) and np.any(np.ma.getmaskarray(values)):
            count = int(np.ma.getmaskarray(values).sum())
            raise ValueError(
                f"{_place(self.name, at)} must have no masked entries, got {count} of "
                f"{values.size}: leave them out (values.compressed()) or fill them in "
                "(values.filled(number))"
            )

    def array(self, array: Array, at: tuple[int, ...]) -> Floats:
        if array.dtype.kind in "iuf":
            with np.errstate(over="ignore"):  # a long double beyond the floats: infinite, as seen
                return np.array(array, dtype=np.float64)
        if array.dtype.kind == "O":
            entries = [self.number(array[i], (*at, *i)) for i in np.ndindex(array.shape)]
            return np.array(entries, dtype=np.float64).reshape(array.shape)
        what = _KINDS.get(array.dtype.kind, f"of dtype {array.dtype}")
        raise self.refusal(at, array, f", which is {what}")

    def floats(self, values: object, at: tuple[int, ...] = ()) -> Floats:
        self.unmasked(values, at)
        if hasattr(values, "__array__") and not isinstance(values, type):
            return self.array(np.asarray(values), at)
        if isinstance(values, _NO_SEQUENCES) or not isinstance(values, Iterable):
            return np.array(self.number(values, at))
        if isinstance(values, (Mapping, Set)):
            raise self.refusal(at, values, ", which has no order")
        items = values if isinstance(values, (list, tuple)) else list(values)
        if len(at) >= _DEEPEST:
            raise self.refusal(at[:1], values, f", more than {_DEEPEST} levels deep")
        if set(map(type, items)) <= _PLAIN:
            try:
                return np.array(items, dtype=np.float64)
            except OverflowError:  # an integer beyond the floats: found and named below
                pass
        parts = [self.floats(item, (*at, i)) for i, item in enumerate(items)]
        if len({part.shape for part in parts}) > 1:
            raise self.refusal(at, values, ", rows of several lengths")
        return np.array(parts, dtype=np.float64)


def as_floats(name: str, values: object, kind: str = "a finite number") -> Floats:
    """Return numbers as a fresh array of floats, of any shape; they may be NaN or infinite.

    Numbers, arrays (of pandas and xarray too), and sequences and iterators of these are allowed.
    Messages call the allowed values ``kind``.

    Raises
    ------
    ValueError
        If there are masked entries, text, booleans, complex numbers, dates, None, other objects,
        or rows of several lengths; the message names the argument.
    """
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values.copy()
    return _Conversion(name, kind).floats(values)


def _within(name: str, array: Floats, limits: Limits, plural: bool = False, hint: str = "") -> None:
    """Raise and name the first number that is not finite and within the limits."""
    if not limits and np.isfinite(array).all():  # the usual case, and quick
        return
    above, below = limits.get("above", -math.inf), limits.get("below", math.inf)
    low, high = limits.get("at_least", -math.inf), limits.get("at_most", math.inf)
    if array.size:  # most arrays are good, and their ends tell (NaN makes both ends NaN)
        least, most = float(array.min()), float(array.max())
        inside = above < least and most < below and low <= least and most <= high
        if inside and math.isfinite(least) and math.isfinite(most):
            return
    good = np.isfinite(array) & (above < array) & (array < below) & (low <= array) & (array <= high)
    for at in np.argwhere(~good)[:1]:
        allowed = allowed_number(**limits)
        if plural:
            allowed = allowed.replace("a finite number", "one row of finite numbers")
        which = f"{_place(name, tuple(at))} = " if at.size else ""
        raise ValueError(
            f"{name} must be {allowed}, got {which}{float(array[tuple(at)])!r}"
            + (f"; {hint}" if hint else "")
        )


def check_array(name: str, values: object, *, hint: str = "", **limits: Unpack[Limits]) -> Floats:
    """Return finite numbers within limits as a fresh array of floats, of any shape.

    Limits are those of :func:`hebraud.errors.check_number`.

    Raises
    ------
    ValueError
        As :func:`as_floats`, and naming the first number that is not allowed.
    """
    array = as_floats(name, values, allowed_number(**limits))
    _within(name, array, limits, hint=hint)
    return array


def check_row(
    name: str,
    values: object,
    *,
    length: int | None = None,
    hint: str = "",
    **limits: Unpack[Limits],
) -> Floats:
    """Return a row of finite numbers within limits, of a length where one is given.

    Raises
    ------
    ValueError
        As :func:`check_array`, and for another shape or no number at all.
    """
    row = as_floats(name, values, "a sequence of numbers")
    if row.ndim != 1 or row.size == 0 or row.size != (length or row.size):
        wanted = "at least one number" if length is None else f"{length} numbers, as the others"
        got = shown(values) if row.ndim == 0 else f"shape {row.shape}"
        raise ValueError(f"{name} must be one row of {wanted}, got {got}")
    _within(name, row, limits, plural=True, hint=hint)
    return row


def check_size(name: str, value: object) -> float:
    """Return a number > 0 as a float, refused beyond 1e-100 ... 1e100, where squares overflow."""
    number = check_number(name, value, above=0.0)
    return check_number(name, number, at_least=SMALLEST, at_most=LARGEST)


def check_signed(name: str, value: object, hint: str = "") -> float:
    """Return a number of any sign, up to 1e100 in size, as a float: a rate, a strain, a stress."""
    number = check_number(name, value, hint=hint)
    return check_number(name, number, at_least=-LARGEST, at_most=LARGEST)


def check_function(name: str, value: object, of: str, hint: str = "") -> None:
    """Raise ``ValueError`` where a value cannot be called with one argument; ``of`` names it."""
    fits = False
    if callable(value) and not isinstance(value, type):
        try:
            inspect.signature(value).bind(0.0)
            fits = True
        except TypeError:
            pass
        except ValueError:  # a compiled function need not have a signature
            fits = True
    if not fits:
        raise ValueError(
            f"{name} must be a function of {of}, got {shown(value)}" + (f"; {hint}" if hint else "")
        )


def check_path(name: str, value: object) -> Path:
    """Return the path of a file, or raise ``ValueError`` with the name of the argument."""
    if not isinstance(value, (str, PathLike)) or isinstance(value, type):
        raise ValueError(f"{name} must be the path of a file, text or a Path, got {shown(value)}")
    return Path(value)
