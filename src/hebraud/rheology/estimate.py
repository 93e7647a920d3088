"""A measured or fitted number with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hebraud.errors import check_number, check_whole_number

__all__ = ["Estimate"]


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
