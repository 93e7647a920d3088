"""Exceptions, and the checks of arguments that raise them.

Every message says which argument, which value came, and what is allowed.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = [
    "ConvergenceError",
    "HebraudError",
    "MissingDependency",
    "NoStationaryState",
    "check_number",
    "check_whole_number",
]


class HebraudError(Exception):
    """Base of every exception that hebraud raises on its own account."""


class NoStationaryState(HebraudError, ValueError):
    """The model has no stationary state at the shear rate asked for; the message says why."""


class ConvergenceError(HebraudError, RuntimeError):
    """An iteration did not reach its tolerance; the message says how far it came."""


class MissingDependency(HebraudError, ImportError):
    """An optional package is not installed; the message says what to install."""


def _allowed(above: float, at_least: float, at_most: float, below: float) -> str:
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
    return " and ".join(bounds)


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

    NaN, infinities, booleans, complex numbers, strings and arrays are refused.
    """
    try:
        if isinstance(value, (bool, str, bytes, complex)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isfinite(number) and above < number < below and at_least <= number <= at_most:
        return number
    limits = _allowed(above, at_least, at_most, below)
    allowed = f"a finite number {limits}".rstrip()
    raise ValueError(f"{name} must be {allowed}, got {value!r}" + (f"; {hint}" if hint else ""))


def check_whole_number(name: str, value: Any, *, at_least: int = 0) -> int:
    """Return ``value`` as an int, or raise ``ValueError`` naming it and what is allowed."""
    number = check_number(name, value, at_least=at_least)
    if number != int(number):
        raise ValueError(f"{name} must be a whole number >= {at_least}, got {value!r}")
    return int(number)
