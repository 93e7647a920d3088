"""What is imposed on the material: shear, strain steps, stress, in segments.

Every protocol is a constructor of :class:`Segment`; a solver knows nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hebraud.errors import check_number

__all__ = [
    "Cessation",
    "Creep",
    "Imposed",
    "Oscillation",
    "Segment",
    "Sequence",
    "ShearRate",
    "Startup",
    "StrainStep",
]


@dataclass(frozen=True)
class Segment:
    """A stretch of time in which one thing is imposed, smoothly between its breakpoints.

    Parameters
    ----------
    duration : float
        In tau, > 0.
    shear_rate : callable, optional
        g(t) in sigma_c/(G0 tau), t counted from the segment's start. None where stress is imposed.
    stress : float, optional
        Imposed stress in sigma_c: an affine jump to it at the start, then whatever rate holds it.
    strain_step : float
        Strain in sigma_c/G0 imposed at once at the start: an affine shift of all stresses.
    breakpoints : tuple of float
        Times within the segment at which g(t) jumps or kinks.
    """

    duration: float
    shear_rate: Callable[[float], float] | None = None
    stress: float | None = None
    strain_step: float = 0.0
    breakpoints: tuple[float, ...] = ()


@runtime_checkable
class Imposed(Protocol):
    """What every protocol says."""

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return the segments that make up ``duration`` (in tau)."""
        ...


def _last(duration: float | None) -> float:
    if duration is None:
        raise ValueError("until must be given for this protocol: a finite number > 0, in tau")
    return check_number("until", duration, above=0.0)


@dataclass(frozen=True)
class _Constant:
    rate: float

    def __call__(self, time: float) -> float:
        return self.rate


@dataclass(frozen=True)
class Startup:
    """A constant shear rate from t = 0 on.

    Parameters
    ----------
    rate : float
        g in sigma_c/(G0 tau), any sign.
    """

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", check_number("rate", self.rate))

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of constant rate."""
        return (Segment(_last(duration), _Constant(self.rate)),)


@dataclass(frozen=True)
class Cessation:
    """No shear: relaxation and ageing."""

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of rate 0."""
        return (Segment(_last(duration), _Constant(0.0)),)


@dataclass(frozen=True)
class StrainStep:
    """A strain imposed at once at t = 0, then none: an affine shift of all stresses.

    Parameters
    ----------
    amplitude : float
        Strain in sigma_c/G0, any sign.
    """

    amplitude: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "amplitude", check_number("amplitude", self.amplitude))

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of rate 0 that begins with the step."""
        return (Segment(_last(duration), _Constant(0.0), strain_step=self.amplitude),)


@dataclass(frozen=True)
class Oscillation:
    """Strain amplitude sin(angular_frequency t).

    Parameters
    ----------
    amplitude : float
        Strain amplitude gamma0 in sigma_c/G0, any sign.
    angular_frequency : float
        omega in 1/tau, > 0.
    """

    amplitude: float
    angular_frequency: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "amplitude", check_number("amplitude", self.amplitude))
        omega = check_number("angular_frequency", self.angular_frequency, above=0.0)
        object.__setattr__(self, "angular_frequency", omega)

    def shear_rate(self, time: float) -> float:
        """Return gamma0 omega cos(omega t)."""
        return self.amplitude * self.angular_frequency * math.cos(self.angular_frequency * time)

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment."""
        return (Segment(_last(duration), self.shear_rate),)


@dataclass(frozen=True)
class ShearRate:
    """Any shear rate as a function of time.

    Parameters
    ----------
    rate : callable
        g(t) in sigma_c/(G0 tau) for t >= 0 in tau; smooth between breakpoints.
    breakpoints : iterable of float
        Times > 0, ascending, at which g jumps or kinks; steps end there.
    """

    rate: Callable[[float], float]
    breakpoints: Iterable[float] = ()

    def __post_init__(self) -> None:
        if not callable(self.rate):
            raise ValueError(
                f"rate must be a function of time, got {self.rate!r}; for a constant rate use "
                "Startup(rate)"
            )
        points = tuple(check_number("breakpoints", t, above=0.0) for t in self.breakpoints)
        if list(points) != sorted(set(points)):
            raise ValueError(f"breakpoints must ascend, got {points!r}")
        object.__setattr__(self, "breakpoints", points)

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment with the breakpoints that lie in it."""
        end = _last(duration)
        inside = tuple(t for t in self.breakpoints if t < end)
        return (Segment(end, self.rate, breakpoints=inside),)


@dataclass(frozen=True)
class Creep:
    """A constant stress from t = 0 on: an affine jump to it at t = 0+, then whatever rate holds it.

    Parameters
    ----------
    stress : float
        In sigma_c, any sign.
    """

    stress: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "stress", check_number("stress", self.stress))

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of imposed stress."""
        return (Segment(_last(duration), stress=self.stress),)


@dataclass(frozen=True)
class Sequence:
    """One protocol after another, each in its own time; takes no ``until``.

    Parameters
    ----------
    parts : iterable of (protocol, duration)
        Durations in tau, > 0.
    """

    parts: Iterable[tuple[Any, float]]

    def __post_init__(self) -> None:
        parts = tuple(self.parts)
        for part in parts:
            pair = isinstance(part, tuple) and len(part) == 2
            if not pair or isinstance(part[0], type) or not isinstance(part[0], Imposed):
                raise ValueError(
                    "parts must be pairs (protocol, duration) such as (Startup(0.1), 20.0), got "
                    f"{part!r}"
                )
            check_number("duration", part[1], above=0.0)
        if not parts:
            raise ValueError("parts must hold at least one pair (protocol, duration), got none")
        object.__setattr__(self, "parts", parts)

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return the segments of all parts.

        Raises
        ------
        ValueError
            If a duration is given: the parts have their own.
        """
        if duration is not None:
            raise ValueError(
                f"until must be left out for a Sequence, whose parts have durations; got {duration}"
            )
        return tuple(
            segment for protocol, length in self.parts for segment in protocol.segments(length)
        )
