"""A measured or fitted number with its standard error, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hebraud.errors import MeasurementError, check_number, check_whole_number

__all__ = ["Estimate", "Missing", "or_missing"]

T = TypeVar("T")


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Parameters
    ----------
    value : float
        The estimate, in the unit its owner states.
    stderr : float
        Its standard error (one standard deviation, same unit), >= 0. 0 marks a number that was
        held fixed, not one that is known exactly by measurement.
    n : int, optional
        Number of independent samples behind it, where that means something.
    note : str
        How it was obtained, in a few words.

    Raises
    ------
    ValueError
        If ``value`` or ``stderr`` is not finite, ``stderr < 0`` or ``n < 1``.
    """

    value: float
    stderr: float
    n: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", check_number("value", self.value))
        object.__setattr__(self, "stderr", check_number("stderr", self.stderr, at_least=0.0))
        if self.n is not None:
            object.__setattr__(self, "n", check_whole_number("n", self.n, at_least=1))

    def __str__(self) -> str:
        """``0.69 ± 0.01``: the error with two significant digits, the value to the same place."""
        if self.stderr == 0.0:
            return f"{self.value:g}"
        places = 1 - math.floor(math.log10(self.stderr))
        if -4 < places < 12:
            places = max(places, 0)
            return f"{self.value:.{places}f} ± {self.stderr:.{places}f}"
        return f"{self.value:.4g} ± {self.stderr:.2g}"


class Missing(str):
    """A sentence that stands where a number cannot be given: ``none: 6 time blocks are too few``.

    Parameters
    ----------
    reason : str
        Why there is none.
    """

    __slots__ = ()

    def __new__(cls, reason: str) -> Missing:
        """Return the sentence; a reason that has the prefix already keeps one."""
        return super().__new__(cls, f"none: {reason.removeprefix('none: ')}")

    @property
    def reason(self) -> str:
        """Why there is none."""
        return self.removeprefix("none: ")


def or_missing(measure: Callable[[], T]) -> T | Missing:
    """Return the estimate of a measure, or why the data do not give it.

    Only ``MeasurementError`` makes a quantity missing; any other exception is a fault in the
    program or its arguments, and is raised.
    """
    try:
        return measure()
    except MeasurementError as error:
        return Missing(str(error))
