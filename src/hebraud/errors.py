"""Exceptions, and checks of numbers as arguments.

Every message names the argument, quotes its value and says what is allowed.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, SupportsIndex, TypedDict, TypeVar

__all__ = [
    "ConvergenceError",
    "HebraudError",
    "Limits",
    "MeasurementError",
    "MissingDependency",
    "NoStationaryState",
    "allowed_number",
    "check_number",
    "check_whole_number",
    "floats_hold",
    "instead_of",
    "shown",
]

T = TypeVar("T")

_LONGEST = 200
"""Letters of a value that a message quotes: two lines, which is as much as helps."""


class Limits(TypedDict, total=False):
    """Bounds of allowed numbers, as :func:`check_number` takes them."""

    above: float
    at_least: float
    at_most: float
    below: float


class HebraudError(Exception):
    """Base of every exception of hebraud's own.

    It can be pickled and copied whatever arguments the constructor of a subclass takes, so that it
    comes back from another process: the copy has the message and the attributes.
    """

    def __reduce__(self) -> tuple[object, ...]:
        """Return a recipe that does not call the constructor of the class."""
        return _made_again, (type(self), self.args), self.__dict__


def _made_again(kind: type[HebraudError], args: tuple[object, ...]) -> HebraudError:
    """Return an exception of a class with its ``args``; pickle sets the attributes."""
    error = kind.__new__(kind, *args)
    # ImportError and OSError keep their message where only their own constructor puts it
    builtin: Any = next(cls for cls in kind.__mro__ if cls.__module__ == "builtins")
    builtin.__init__(error, *args)
    return error


class NoStationaryState(HebraudError, ValueError):
    """The model has no stationary state at the shear rate asked for; the message says why."""


class ConvergenceError(HebraudError, RuntimeError):
    """An iteration did not reach its tolerance; the message says how close it came."""


class MeasurementError(ConvergenceError, ValueError):
    """The data do not give a quantity; the message says what they lack and what to do."""


class MissingDependency(HebraudError, ImportError):
    """An optional package is not installed; the message says what to install."""


def allowed_number(
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    kind: str = "finite",
) -> str:
    """Return the allowed numbers in words: ``a finite number > 0``."""
    bounds = [
        f"{sign} {bound:g}"
        for sign, bound, open_end in (
            (">", above, -math.inf),
            (">=", at_least, -math.inf),
            ("<=", at_most, math.inf),
            ("<", below, math.inf),
        )
        if bound != open_end
    ]
    return f"a {kind} number {' and '.join(bounds)}".rstrip()


@contextmanager
def floats_hold(what: str) -> Iterator[None]:
    """Turn arithmetic errors into a ``ConvergenceError`` that names the quantity computed."""
    try:
        yield
    except ArithmeticError as error:
        raise ConvergenceError(
            f"{what} was not found: numbers leave the range of floats on the way ({error}); choose "
            "units in which rates, couplings and thresholds are nearer to 1"
        ) from error


def shown(value: object) -> str:
    """Return the repr of a value in one line for a message, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a repr may fail in any way, and must not hide the message
        return f"an object of class {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _float(value: Any) -> float:
    """Return a real number as a float, and NaN for any other object."""
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    alone = getattr(value, "shape", ()) == ()
    real = hasattr(type(value), "__float__") or hasattr(type(value), "__index__")
    if isinstance(value, (bool, str, complex)) or not real or not alone or kind not in "iufO":
        return math.nan
    if bool(getattr(value, "mask", False)):
        return math.nan
    if kind == "O" and value.item() is not value:
        return _float(value.item())
    try:
        return float(value)
    except (TypeError, ValueError, ArithmeticError):
        return math.nan


def check_number(
    name: str,
    value: object,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    hint: str = "",
) -> float:
    """Return ``value`` as a float, or raise ``ValueError`` with its name and the allowed range.

    Real numbers of any type are allowed: numpy's, a fraction, a decimal, an array of no dimension.
    NaN, infinities, numbers beyond the range of floats, booleans, complex numbers, dates, text,
    masked values and arrays are refused.
    """
    number = _float(value)
    if math.isfinite(number) and above < number < below and at_least <= number <= at_most:
        return number
    allowed = allowed_number(above, at_least, at_most, below)
    raise ValueError(
        f"{name} must be {allowed}, got {shown(value)}" + (f"; {hint}" if hint else "")
    )


def check_whole_number(
    name: str, value: object, *, at_least: int = 0, at_most: float = math.inf, hint: str = ""
) -> int:
    """Return ``value`` as an int, or raise ``ValueError`` with its name and the allowed range."""
    number = check_number(name, value, at_least=at_least, at_most=at_most, hint=hint)
    if number != int(number):
        allowed = allowed_number(at_least=at_least, at_most=at_most, kind="whole")
        raise ValueError(f"{name} must be {allowed}, got {shown(value)}")
    # an integer keeps the digits that a float has no room for
    return operator.index(value) if isinstance(value, SupportsIndex) else int(number)


def instead_of(**hints: str) -> Callable[[type[T]], type[T]]:
    """Return a class decorator: a keyword that users guess raises ``TypeError`` with a hint.

    ``@instead_of(omega="angular_frequency, in 1/tau")`` names the keyword to use for ``omega=``.
    """

    def decorate(cls: type[T]) -> type[T]:
        made: Any = cls.__init__

        @functools.wraps(made)
        def __init__(self: T, *args: Any, **kwargs: Any) -> None:
            for name in kwargs.keys() & hints.keys():
                raise TypeError(f"{cls.__name__} has no argument {name}: give {hints[name]}")
            made(self, *args, **kwargs)

        kind: Any = cls
        kind.__init__ = __init__
        return cls

    return decorate
