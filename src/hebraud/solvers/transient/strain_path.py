"""The strain under an imposed shear rate: its integral, to its own tolerance.

A step in time takes the shear rate from the strain at its two ends, so that a pulse within it is
neither lost nor counted twice. Where the protocol does not state its strain, the rate is integrated
on panels of 15 points (Gauss and Kronrod). A panel is halved where the two rules differ, once a run
comes to it.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.protocols import Segment

__all__ = ["StrainPath"]

Floats = NDArray[np.float64]

_PANELS = 256
"""Panels of a piece before any is halved: 3840 points, less than 1/1000 of the piece apart."""
_MOST = 100_000
"""Panels in one piece beyond which the rate is no piecewise smooth function."""
_NARROWEST = 1e-13
"""Width of a panel, in units of the piece, at which even a jump makes no relevant strain."""
_SHARE = 0.1
"""Error allowed for the strain, in units of the tolerance of the run."""

_HALF = np.array([
    0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
    0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
    0.586087235467691130294144838743300, 0.405845151377397166906606412076961,
    0.207784955007898467600689403773245,
])  # fmt: skip
_NODES = np.concatenate([-_HALF, [0.0], _HALF[::-1]])
"""Kronrod's fifteen abscissae; every second one is one of Gauss's seven."""
_FIT = np.linalg.inv(legendre.legvander(_NODES, 14))
"""From values at the nodes to the Legendre coefficients of the polynomial through them."""
_KRONROD = 2.0 * _FIT[0]
"""Weights of the fifteen-point rule."""
_GAUSS = legendre.leggauss(7)[1]
"""Weights of the seven-point rule within it; the difference is the error estimate."""


class _Panel:
    """The rate between two times, and its integral."""

    def __init__(self, rate: Callable[[float], float], begin: float, end: float) -> None:
        self.begin, self.end = begin, end
        self.half = 0.5 * (end - begin)
        middle = 0.5 * (begin + end)
        self.values = np.array([rate(float(t)) for t in middle + self.half * _NODES])
        self.strain = self.half * float(_KRONROD @ self.values)
        self.way = self.half * float(_KRONROD @ np.abs(self.values))
        self.doubt = abs(self.strain - self.half * float(_GAUSS @ self.values[1::2]))
        self.settled = False

    def until(self, time: float) -> float:
        """Return the strain from the panel's begin to a time within it."""
        x = min(max((time - self.begin) / self.half - 1.0, -1.0), 1.0)
        integral = legendre.legint(_FIT @ self.values, lbnd=-1.0)
        return self.half * float(legendre.legval(x, integral))


class StrainPath:
    """The strain in one piece of a segment, between two breakpoints of its shear rate.

    Parameters
    ----------
    segment : Segment
    zero : float
        When the segment begins; its own times count from there.
    begin, end : float
        The piece.
    rtol : float
        The strain is right to a tenth of ``rtol`` of the range that it has in the piece.
    widest : float
        No panel is wider: 15 times are looked at in each.

    Notes
    -----
    A pulse of the rate that is narrower than about 1/1000 of the piece, or than ``widest``/4, may
    lie between the times at which the rate is looked at, and cannot be seen.
    """

    def __init__(
        self, segment: Segment, zero: float, begin: float, end: float, rtol: float, widest: float
    ) -> None:
        self.segment, self.zero, self.rtol = segment, zero, rtol
        self.begin, self.end, self.span = begin, end, end - begin
        self.first, self.last = math.nextafter(begin, end), math.nextafter(end, begin)
        self.panels: list[_Panel] = []
        self.constant: float | None = None
        if segment.constant:
            self.constant = self.rate(begin)
        self.varies = False
        """True where the rate is a function of time that is not the same everywhere."""
        if segment.strain is not None:
            ends = np.linspace(begin - zero, end - zero, _PANELS + 1).tolist()
            steps = [segment.strain(a, b) for a, b in itertools.pairwise(ends)]
            self.range = float(np.ptp(np.cumsum([0.0, *steps])))
            return
        count = max(_PANELS, math.ceil(min(self.span / widest, _MOST)))
        edges = np.linspace(begin, end, count + 1).tolist()
        self.panels = [_Panel(self.rate, a, b) for a, b in itertools.pairwise(edges)]
        self.varies = np.ptp(np.concatenate([panel.values for panel in self.panels])) > 0.0
        self.begins = edges[:-1]
        self.range = float(np.ptp(np.cumsum([0.0, *(panel.strain for panel in self.panels)])))

    def rate(self, time: float) -> float:
        """Return the shear rate, one-sided at the ends of the piece."""
        if self.constant is not None:
            return self.constant
        inside = min(max(time, self.first), self.last)
        assert self.segment.shear_rate is not None
        return self.segment.shear_rate(inside - self.zero)

    def _settled(self, panel: _Panel) -> bool:
        if not panel.settled:
            share = 2.0 * panel.half / self.span
            allowed = _SHARE * self.rtol * max(self.range, panel.way) * max(share, 1e-3)
            panel.settled = panel.doubt <= max(allowed, 1e-14 * panel.way)
            if not panel.settled and (share < _NARROWEST or len(self.panels) > 2 * _MOST):
                raise ConvergenceError(
                    "the strain, the integral of the shear rate, does not settle near t = "
                    f"{panel.begin:.9g}: the rate must be a smooth function of time between its "
                    "breakpoints, and integrable; give breakpoints where it jumps"
                )
        return panel.settled

    def _settle(self, begin: float, end: float) -> range:
        """Return the panels between two times, cut until both of their rules agree."""
        first = index = max(bisect.bisect_right(self.begins, begin) - 1, 0)
        while index < len(self.panels) and (index == first or self.panels[index].begin < end):
            panel = self.panels[index]
            if self._settled(panel):
                # the halving may have put panels before the begin
                first += index == first and panel.end <= begin and index + 1 < len(self.panels)
                index += 1
                continue
            middle = panel.begin + panel.half
            self.panels[index : index + 1] = [
                _Panel(self.rate, panel.begin, middle),
                _Panel(self.rate, middle, panel.end),
            ]
            self.begins.insert(index + 1, middle)
        return range(first, index)

    def between(self, begin: float, end: float) -> float:
        """Return the strain from one time to a later one.

        Raises
        ------
        ConvergenceError
            If the rate is no piecewise smooth, integrable function of time.
        """
        if self.segment.strain is not None:
            return self.segment.strain(begin - self.zero, end - self.zero)
        total = 0.0
        for index in self._settle(begin, end):
            panel = self.panels[index]
            whole = begin <= panel.begin and panel.end <= end
            total += panel.strain if whole else panel.until(end) - panel.until(begin)
        return total

    def straight(self, time: float, dt: float, allowed: float) -> float:
        """Return a step, at most ``dt``, in which the strain is straight but for ``allowed``."""
        if self.segment.constant:
            return dt
        while self.bend(time, time + dt) > allowed and dt > 1e-12 * (1.0 + time):
            dt *= 0.5
        return dt

    def bend(self, begin: float, end: float) -> float:
        """Return how far the strain strays from the straight line between two times."""
        inside = [begin + (end - begin) * x for x in (0.29, 0.63)]  # no two halves: they mirror
        if self.segment.strain is None:
            own = [self.panels[index].begin for index in self._settle(begin, end)][1:]
            inside = sorted([*inside, *own])
        mean = self.between(begin, end) / (end - begin)
        here, strain, most = begin, 0.0, 0.0
        for time in inside:
            strain += self.between(here, time)
            here = time
            most = max(most, abs(strain - mean * (time - begin)))
        return most
