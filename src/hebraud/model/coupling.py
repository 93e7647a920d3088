"""Slot 1, the coupling: how much mechanical noise the plastic events make.

A coupling states three numbers, and no solver asks for more:

    D = constant + per_event Gamma + per_square int nu <(s - s')^2> P ds.

D multiplies the second derivative of P, so that a free block's stress spreads as
<(s - s0)^2> = 2 D t. Where a paper defines D as <(s - s0)^2>/t instead, its D and its
coupling are twice those used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from hebraud.errors import check_number

__all__ = ["ActivityNoise", "Coupling", "DropNoise", "FixedNoise", "NoiseTerms", "Stated"]


class NoiseTerms(NamedTuple):
    """The terms of a coupling: D = constant + per_event Gamma + per_square (released square).

    It is a coupling itself: ``Model(NoiseTerms(0.0, 0.2, 0.1))`` mixes both kinds of noise. A model
    refuses numbers that are not finite and >= 0, and three zeros.

    Attributes
    ----------
    constant : float
        D without events, in sigma_c^2/tau.
    per_event : float
        What the activity Gamma is multiplied with, in sigma_c^2: alpha of :class:`ActivityNoise`.
    per_square : float
        What int nu <(s - s')^2> P ds is multiplied with, dimensionless: alpha of
        :class:`DropNoise`.
    """

    constant: float
    per_event: float
    per_square: float

    @property
    def terms(self) -> NoiseTerms:
        """The three numbers themselves."""
        return self

    @property
    def alpha(self) -> float:
        """The strength of the feedback, per_event + per_square; 0 where noise is only given."""
        return self.per_event + self.per_square

    def diffusion(self, activity: Any, released_square: Any) -> Any:
        """Return D in units of sigma_c^2/tau.

        Parameters
        ----------
        activity : float or ndarray
            Gamma = int nu P ds, in 1/tau (eq. 2).
        released_square : float or ndarray
            int nu <(s - s')^2> P ds, in sigma_c^2/tau; s' is where the block lands.
        """
        # terms that are zero are left out: what they multiply may have overflowed
        parts: list[Any] = [self.constant] if self.constant or not self.alpha else []
        parts += [self.per_event * activity] if self.per_event else []
        parts += [self.per_square * released_square] if self.per_square else []
        return sum(parts[1:], parts[0])

    def of_strength(self, alpha: float) -> Coupling:
        """Return the coupling with its feedback scaled to ``alpha``, its parts in proportion."""
        if self.constant or (self.per_event and self.per_square):
            factor = alpha / self.alpha
            return NoiseTerms(self.constant, factor * self.per_event, factor * self.per_square)
        return ActivityNoise(alpha) if self.per_event else DropNoise(alpha)


@runtime_checkable
class Coupling(Protocol):
    """The property of every coupling: three numbers.

    An object with a method ``diffusion(activity, released_square)`` in their place is asked for
    them when a model is built, and refused where it is not affine in its two arguments.
    """

    @property
    def terms(self) -> NoiseTerms:
        """The constant, and what the activity and the released square are multiplied with."""
        ...


class Stated:
    """A coupling whose ``diffusion`` is made of the terms that it states."""

    @property
    def terms(self) -> NoiseTerms:
        """The three numbers."""
        raise NotImplementedError

    def diffusion(self, activity: Any, released_square: Any) -> Any:
        """Return D in units of sigma_c^2/tau; see :meth:`NoiseTerms.diffusion`."""
        return self.terms.diffusion(activity, released_square)


@dataclass(frozen=True)
class ActivityNoise(Stated):
    """D = alpha sigma_c^2 Gamma: noise set by the rate of events alone (eq. 3).

    Parameters
    ----------
    alpha : float
        Dimensionless coupling, > 0. The classical critical value is 1/2.
    """

    alpha: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", check_number("alpha", self.alpha, above=0.0))

    @property
    def terms(self) -> NoiseTerms:
        """D = alpha Gamma."""
        return NoiseTerms(0.0, self.alpha, 0.0)


@dataclass(frozen=True)
class DropNoise(Stated):
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

    @property
    def terms(self) -> NoiseTerms:
        """D = alpha times the released square."""
        return NoiseTerms(0.0, 0.0, self.alpha)


@dataclass(frozen=True)
class FixedNoise(Stated):
    """D given from outside: the linear Fokker-Planck equation, for tests and for teaching.

    Parameters
    ----------
    D : float
        Diffusion coefficient in units of sigma_c^2/tau, > 0.
    """

    D: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "D", check_number("D", self.D, above=0.0))

    @property
    def terms(self) -> NoiseTerms:
        """D, whatever the activity."""
        return NoiseTerms(self.D, 0.0, 0.0)
