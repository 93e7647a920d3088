"""Slot 4, yielding: the rate at which a block over its threshold yields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import check_number

__all__ = ["ConstantRate", "PowerRate", "Yielding"]


@runtime_checkable
class Yielding(Protocol):
    """The method of every yield law: a rate from an overstress."""

    def rate(self, overstress: ArrayLike) -> Floats:
        """Return nu(|s| - c) in units of 1/tau: one float64 for each overstress of an array.

        Zero where the overstress is <= 0, finite and > 0 (but for underflow) where it is not; the
        same each time, whatever else is in the array.
        """
        ...


@dataclass(frozen=True)
class PowerRate:
    """nu = ((|s| - c)/sigma_c)^eta / tau above the threshold, zero below.

    Parameters
    ----------
    eta : float
        Exponent, >= 0. ``PowerRate(0)`` is the constant rate of the classical model.
    """

    eta: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", check_number("eta", self.eta, at_least=0.0))

    def __repr__(self) -> str:
        return "ConstantRate()" if self.eta == 0.0 else f"PowerRate({self.eta!r})"

    def rate(self, overstress: ArrayLike) -> Floats:
        """Return nu in units of 1/tau for overstress = |s| - c in units of sigma_c, any shape."""
        over = np.asarray(overstress, dtype=np.float64)
        if self.eta == 0.0:
            return np.asarray(over > 0.0, dtype=np.float64)
        return np.asarray(np.maximum(over, 0.0) ** self.eta)


def ConstantRate() -> PowerRate:
    """Return the law nu = 1/tau above the threshold (eq. 1), which is ``PowerRate(0)``."""
    return PowerRate(0.0)
