"""Protocols: the shear rate, strain steps or stress imposed, in segments.

Every protocol is a constructor of :class:`Segment`; a solver knows nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from hebraud.checks import check_array, check_function, check_signed, check_size
from hebraud.errors import check_number, instead_of, shown

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
    "fastest",
    "segments_of",
]


@dataclass(frozen=True)
class _Checked:
    """A shear rate whose values are looked at: what a solver calls."""

    rate: Callable[[float], object]

    def __call__(self, time: float) -> float:
        """Return g(time) as a float, or raise ``ValueError`` naming the time."""
        value = self.rate(time)
        if type(value) is float and math.isfinite(value):
            return value
        try:
            return check_number("shear rate", value)
        except ValueError as error:
            raise ValueError(
                f"{error} at t = {time:g}: the function imposed must return one for every time of "
                "its run or part"
            ) from None


@dataclass(frozen=True)
class Segment:
    """A stretch of time in which one thing is imposed, smoothly between its breakpoints.

    Parameters
    ----------
    duration : float
        In tau, 1e-100 ... 1e100.
    shear_rate : callable, optional
        g(t) in sigma_c/(G0 tau), t counted from the segment's start. None where stress is imposed.
        As an attribute it raises ``ValueError`` where g is no finite number, and what g raises
        comes through.
    stress : float, optional
        Imposed stress in sigma_c: an affine jump to it at the start, then whatever rate holds it.
    strain_step : float
        Strain in sigma_c/G0 imposed at once at the start: an affine shift of all stresses.
    breakpoints : tuple of float
        Times within the segment at which g(t) jumps or kinks, ascending.
    strain : callable, optional
        The strain from one time to another, where the protocol knows it; else g(t) is integrated.
    constant : bool
        True where g is the same throughout; at g = 0 nothing is to come that could end a rest.

    Raises
    ------
    ValueError
        If an argument is not of its kind, or not exactly one of rate and stress is given.
    """

    duration: float
    shear_rate: Callable[[float], float] | None = None
    stress: float | None = None
    strain_step: float = 0.0
    breakpoints: tuple[float, ...] = ()
    strain: Callable[[float, float], float] | None = field(default=None, compare=False)
    constant: bool = False

    def __post_init__(self) -> None:
        check_size("duration", self.duration)
        check_number("strain_step", self.strain_step)
        if (self.shear_rate is None) == (self.stress is None):
            raise ValueError("a segment has either a shear_rate or a stress, got both or neither")
        if self.stress is not None:
            check_number("stress", self.stress)
        elif self.shear_rate is not None and not isinstance(self.shear_rate, _Checked):
            check_function("shear_rate", self.shear_rate, "time")
            object.__setattr__(self, "shear_rate", _Checked(self.shear_rate))
        if type(self.breakpoints) is tuple and not self.breakpoints:
            return
        inside = _breakpoints(self.breakpoints)
        if inside and inside[-1] >= self.duration:
            raise ValueError(
                f"breakpoints must lie before the end, {self.duration:g}, got {inside[-1]!r}"
            )
        object.__setattr__(self, "breakpoints", inside)


@runtime_checkable
class Imposed(Protocol):
    """The method of every protocol."""

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return the segments that make up ``duration`` (in tau)."""
        ...


def fastest(segments: tuple[Segment, ...]) -> float:
    """Return the largest shear rate that blocks meet, in sigma_c/(G0 tau), without its sign.

    Infinite where segments do not tell it: where stress is imposed, or a function of time, and
    where a step of strain moves blocks at once.
    """
    largest = 0.0
    for part in segments:
        if part.shear_rate is None or not part.constant or part.strain_step != 0.0:
            return math.inf
        largest = max(largest, abs(part.shear_rate(0.0)))
    return largest


def segments_of(protocol: object, until: float | None) -> tuple[Segment, ...]:
    """Return the segments of what is to be a protocol, over ``until``.

    Raises
    ------
    ValueError
        If it is none, its segments are none, or ``until`` does not suit it.
    """
    if isinstance(protocol, type) or not isinstance(protocol, Imposed):
        raise ValueError(f"protocol must be a protocol such as Startup(0.1), got {shown(protocol)}")
    segments = protocol.segments(until)
    good = isinstance(segments, tuple) and all(isinstance(part, Segment) for part in segments)
    if not good or not segments:
        raise ValueError(
            f"segments of {shown(protocol)} must be a tuple of at least one Segment, got "
            f"{shown(segments)}"
        )
    return segments


def _breakpoints(times: object) -> tuple[float, ...]:
    points = check_array("breakpoints", times, above=0.0)
    if points.ndim != 1:
        raise ValueError(f"breakpoints must be a row of times such as [1.0], got {shown(times)}")
    if (points[1:] <= points[:-1]).any():
        raise ValueError(f"breakpoints must ascend, got {shown(points.tolist())}")
    return tuple(points.tolist())


def _last(duration: float | None) -> float:
    if duration is None:
        raise ValueError("until must be given for this protocol: a finite number > 0, in tau")
    return check_size("until", duration)


@dataclass(frozen=True)
class _Constant:
    rate: float

    def __call__(self, time: float) -> float:
        return self.rate

    def strain(self, begin: float, end: float) -> float:
        """Return the strain from one time to another."""
        return self.rate * (end - begin)

    def segment(self, duration: float | None, strain_step: float = 0.0) -> Segment:
        """Return a segment of this rate."""
        return Segment(
            _last(duration), _Checked(self), strain_step=strain_step, strain=self.strain,
            constant=True,
        )  # fmt: skip


@instead_of(shear_rate="rate, in sigma_c/(G0 tau)")
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
        object.__setattr__(self, "rate", check_signed("rate", self.rate))

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of constant rate."""
        return (_Constant(self.rate).segment(duration),)


@dataclass(frozen=True)
class Cessation:
    """No shear: relaxation and ageing."""

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of rate 0."""
        return (_Constant(0.0).segment(duration),)


@instead_of(strain="amplitude, the strain in sigma_c/G0")
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
        object.__setattr__(self, "amplitude", check_signed("amplitude", self.amplitude))

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of rate 0 that begins with the step."""
        return (_Constant(0.0).segment(duration, self.amplitude),)


@instead_of(
    omega="angular_frequency, in 1/tau",
    frequency="angular_frequency, 2 pi times the frequency, in 1/tau",
    gamma0="amplitude, the strain in sigma_c/G0",
    strain="amplitude, the strain in sigma_c/G0",
)
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
        object.__setattr__(self, "amplitude", check_signed("amplitude", self.amplitude))
        omega = check_size("angular_frequency", self.angular_frequency)
        object.__setattr__(self, "angular_frequency", omega)

    def shear_rate(self, time: float) -> float:
        """Return gamma0 omega cos(omega t)."""
        return self.amplitude * self.angular_frequency * math.cos(self.angular_frequency * time)

    def strain(self, begin: float, end: float) -> float:
        """Return gamma0 (sin(omega end) - sin(omega begin)), without loss for near times."""
        middle, half = 0.5 * (begin + end), 0.5 * (end - begin)
        omega = self.angular_frequency
        return 2.0 * self.amplitude * math.cos(omega * middle) * math.sin(omega * half)

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment."""
        return (Segment(_last(duration), self.shear_rate, strain=self.strain),)


@dataclass(frozen=True)
class ShearRate:
    """A shear rate that is a function of time.

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
        check_function("rate", self.rate, "time", "for a constant rate use Startup(rate)")
        object.__setattr__(self, "breakpoints", _breakpoints(self.breakpoints))

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
        object.__setattr__(self, "stress", check_signed("stress", self.stress))

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return one segment of imposed stress."""
        return (Segment(_last(duration), stress=self.stress),)


@dataclass(frozen=True)
class Sequence:
    """One protocol after another, each in its own time; takes no ``until``.

    Parameters
    ----------
    parts : iterable of (protocol, duration)
        Durations in tau, > 0. A ``Sequence`` among them, which has durations, stands alone, and its
        parts take its place.
    """

    parts: Iterable[tuple[Imposed, float]]

    def __post_init__(self) -> None:
        form = "parts must be pairs (protocol, duration) such as (Startup(0.1), 20.0)"
        try:
            parts = list(self.parts)
        except TypeError:
            raise ValueError(f"{form}, got {shown(self.parts)}") from None
        pairs: list[tuple[Imposed, float]] = []
        for part in parts:
            if isinstance(part, Sequence):
                pairs += part.parts
                continue
            pair = isinstance(part, (tuple, list)) and len(part) == 2
            if not pair or isinstance(part[0], type) or not isinstance(part[0], Imposed):
                raise ValueError(f"{form}, got {shown(part)}")
            if isinstance(part[0], Sequence):
                raise ValueError(
                    "parts must have a Sequence alone and not in a pair, as its parts have "
                    f"durations of their own, got {shown(part)}"
                )
            pairs.append((part[0], check_size("duration", part[1])))
        if not pairs:
            raise ValueError("parts must hold at least one pair (protocol, duration), got none")
        object.__setattr__(self, "parts", tuple(pairs))

    def segments(self, duration: float | None) -> tuple[Segment, ...]:
        """Return the segments of all parts.

        Raises
        ------
        ValueError
            If a duration is given: the parts have their own.
        """
        if duration is not None:
            raise ValueError(
                "until must be left out for a Sequence, whose parts have durations, got "
                f"{shown(duration)}"
            )
        return tuple(
            segment for protocol, length in self.parts for segment in protocol.segments(length)
        )
