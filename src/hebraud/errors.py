"""Exceptions, and the checks of arguments that raise them.

Every message says which argument, which value came, and what is allowed.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = [
    "ConvergenceError",
    "HebraudError",
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
"""Letters of a value that a message quotes: more than two lines of it help nobody."""


class HebraudError(Exception):
    """Base of every exception that hebraud raises on its own account.

    It can be pickled and copied, so that it comes back from another process, whatever arguments
    the constructor of a subclass takes: what is kept is the message and the attributes.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again without its constructor."""
        return _made_again, (type(self), self.args), self.__dict__


def _made_again(kind: type[HebraudError], args: tuple[Any, ...]) -> HebraudError:
    """Return an exception of a class with its ``args``; the attributes are set by who unpickles."""
    error = kind.__new__(kind, *args)
    # ImportError and OSError keep their message where only their own constructor puts it
    builtin: Any = next(cls for cls in kind.__mro__ if cls.__module__ == "builtins")
    builtin.__init__(error, *args)
    return error


class NoStationaryState(HebraudError, ValueError):
    """The model has no stationary state at the shear rate asked for; the message says why."""


class ConvergenceError(HebraudError, RuntimeError):
    """An iteration did not reach its tolerance; the message says how far it came."""


class MissingDependency(HebraudError, ImportError):
    """An optional package is not installed; the message says what to install."""


def allowed_number(
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    kind: str = "finite",
) -> str:
    """Return in words which numbers are allowed: ``a finite number > 0``."""
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
    """Say what was being computed where numbers leave the range of floats: ``ConvergenceError``."""
    try:
        yield
    except ArithmeticError as error:
        raise ConvergenceError(
            f"{what} was not found: numbers leave the range of floats on the way ({error}); choose "
            "units in which rates, couplings and thresholds are nearer to 1"
        ) from error


def shown(value: Any) -> str:
    """Return a value for a message: its repr in one line, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a repr may fail in any way, and must not hide what is being said
        return f"an object of class {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _float(value: Any) -> float:
    """Return what says of itself that it is a real number; NaN for all else."""
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
    value: Any,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    hint: str = "",
) -> float:
    """Return ``value`` as a float, or raise ``ValueError`` naming it and what is allowed.

    Whatever is a real number is taken: of numpy, a fraction, a decimal, an array of no dimension.
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
    name: str, value: Any, *, at_least: int = 0, at_most: float = math.inf, hint: str = ""
) -> int:
    """Return ``value`` as an int, or raise ``ValueError`` naming it and what is allowed."""
    number = check_number(name, value, at_least=at_least, at_most=at_most, hint=hint)
    if number != int(number):
        allowed = allowed_number(at_least=at_least, at_most=at_most, kind="whole")
        raise ValueError(f"{name} must be {allowed}, got {shown(value)}")
    # an integer keeps the digits that a float has no room for
    return operator.index(value) if hasattr(type(value), "__index__") else int(number)


def instead_of(**hints: str) -> Callable[[type[T]], type[T]]:
    """Return a class decorator: keywords that one might guess raise a ``TypeError`` with a hint.

    ``@instead_of(omega="angular_frequency, in 1/tau")`` says what to write for ``omega=``.
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
