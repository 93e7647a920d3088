"""Slot 1, the coupling: how much mechanical noise the plastic events make.

D multiplies the second derivative of P, so that a free block's stress spreads as
<(s - s0)^2> = 2 D t. Where a paper defines D as <(s - s0)^2>/t instead, its D and its
coupling are twice those used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hebraud.errors import check_number

__all__ = ["ActivityNoise", "Coupling", "DropNoise", "FixedNoise"]


@runtime_checkable
class Coupling(Protocol):
    """What every coupling says: D from two numbers that are linear in P."""

    def diffusion(self, activity: float, released_square: float) -> float:
        """Return D in units of sigma_c^2/tau.

        Parameters
        ----------
        activity : float
            Gamma = int nu P ds, in 1/tau (eq. 2).
        released_square : float
            int nu <(s - s')^2> P ds, in sigma_c^2/tau; s' is where the block lands.
        """
        ...


@dataclass(frozen=True)
class ActivityNoise:
    """D = alpha sigma_c^2 Gamma: noise set by the rate of events alone (eq. 3).

    Parameters
    ----------
    alpha : float
        Dimensionless coupling, > 0. The classical critical value is 1/2.
    """

    alpha: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", check_number("alpha", self.alpha, above=0.0))

    def diffusion(self, activity: float, released_square: float) -> float:
        """Return D = alpha Gamma."""
        return self.alpha * activity


@dataclass(frozen=True)
class DropNoise:
    """D = alpha int nu <(s - s')^2> P ds: noise set by the stress that events release.

    This is eq. (8) of the paper with the mean square of the model's own stress drops in the
    place of the measured drop. Its alpha is in units of the drop and cannot be compared with
    that of :class:`ActivityNoise`.

    Parameters
    ----------
    alpha : float
        Dimensionless coupling, > 0.
    """

    alpha: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", check_number("alpha", self.alpha, above=0.0))

    def diffusion(self, activity: float, released_square: float) -> float:
        """Return D = alpha times the released square."""
        return self.alpha * released_square


@dataclass(frozen=True)
class FixedNoise:
    """D given from outside: the linear Fokker-Planck equation, for tests and for teaching.

    Parameters
    ----------
    D : float
        Diffusion coefficient in units of sigma_c^2/tau, > 0.
    """

    D: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "D", check_number("D", self.D, above=0.0))

    def diffusion(self, activity: float, released_square: float) -> float:
        """Return D, whatever the activity."""
        return self.D
