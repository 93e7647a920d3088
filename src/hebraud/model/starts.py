"""The state at t = 0: a distribution of local stresses, with thresholds where that matters.

A start is anything with the methods of :class:`Start`: :func:`gaussian`, :func:`density`, a
``SteadyState``, the ``final`` of a run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import as_floats, check_function, check_row, check_size
from hebraud.errors import shown
from hebraud.model.thresholds import Quenched, Single, Thresholds

__all__ = ["OwnThresholds", "Start", "check_start", "density", "gaussian"]


@runtime_checkable
class Start(Protocol):
    """The methods of every start."""

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return the probability in every cell, (classes, cells).

        Parameters
        ----------
        faces : ndarray, (cells + 1,)
            Ascending stresses in sigma_c; what lies beyond them is not counted.
        thresholds : Thresholds
            Its ``nodes()`` are the classes.
        """
        ...

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return n stresses, and the threshold of each where the start knows it (else None)."""
        ...

    @property
    def extent(self) -> tuple[float, float]:
        """The stresses beyond which there is less than 1e-17 of the mass."""
        ...

    @property
    def nodes(self) -> tuple[Floats, Floats] | None:
        """Threshold classes (values, weights) that the start is made of, None where any will do."""
        ...


def check_start(start: object) -> Start:
    """Return a start as it is, or raise ``ValueError`` saying what one is."""
    if isinstance(start, type) or not isinstance(start, Start):
        raise ValueError(f"start must be a start such as gaussian(0.3), got {shown(start)}")
    return start


@runtime_checkable
class OwnThresholds(Start, Protocol):
    """A start that can be told in any classes, and may have a threshold law of its own."""

    @property
    def thresholds(self) -> Thresholds | None:
        """The thresholds that blocks have at t = 0, whatever their stress; None: the model's."""
        ...


def _own_law(thresholds: object) -> Thresholds | None:
    """Return what says the thresholds at t = 0; whether events redraw them is the model's."""
    if thresholds is None:
        return None
    if isinstance(thresholds, Thresholds) and not isinstance(thresholds, type):
        return thresholds
    if isinstance(thresholds, (int, float, np.number)):
        return Single(thresholds)  # type: ignore[arg-type]
    return Quenched(thresholds)


def _drawn(thresholds: Thresholds | None, n: int, rng: np.random.Generator) -> Floats | None:
    """Return n thresholds of a law, None where there is none."""
    if thresholds is None:
        return None
    # neither 0 nor 1, where a law may have no quantile
    return np.asarray(thresholds.ppf((rng.integers(0, 1 << 52, n) + 0.5) * 2.0**-52))


@dataclass(frozen=True)
class Gaussian:
    """See :func:`gaussian`."""

    std: float
    thresholds: Thresholds | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", check_size("std", self.std))
        object.__setattr__(self, "thresholds", _own_law(self.thresholds))

    def __repr__(self) -> str:
        own = "" if self.thresholds is None else f", thresholds={self.thresholds!r}"
        return f"gaussian({self.std!r}{own})"

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return the probability in every cell, with full relative accuracy in both tails."""
        from scipy.special import ndtr

        x = np.asarray(faces, dtype=np.float64) / self.std
        below, above = ndtr(x), ndtr(-x)
        cells = np.where(x[:-1] >= 0.0, above[:-1] - above[1:], below[1:] - below[:-1])
        return np.outer(thresholds.nodes()[1], cells)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return n normal stresses; thresholds do not depend on them."""
        return self.std * rng.standard_normal(n), _drawn(self.thresholds, n, rng)

    @property
    def extent(self) -> tuple[float, float]:
        """8.6 standard deviations on either side."""
        return -8.6 * self.std, 8.6 * self.std

    @property
    def nodes(self) -> None:
        """None: any classes will do."""
        return None


def gaussian(std: float, thresholds: object = None) -> Gaussian:
    """Return the start P(s) = exp(-s^2/(2 std^2))/(std sqrt(2 pi)): a quench from far above.

    Parameters
    ----------
    std : float
        Standard deviation in sigma_c, > 0.
    thresholds : law, optional
        The law of the thresholds at t = 0, whatever the stress: a frozen law of ``scipy.stats``,
        samples, a ``ThresholdLaw``, a number in sigma_c, or a rule such as ``Redrawn(law)``. What
        events draw is the model's law, so that where that is ``Redrawn`` a start of another law
        is another past: one that was annealed. A model that redraws nothing keeps its thresholds
        for ever, and the law must be its own. Left out, thresholds are drawn from the model's law.

    Raises
    ------
    ValueError
        If an argument is not of its kind.
    """
    return Gaussian(std, _own_law(thresholds))


_PROBES = np.geomspace(1e-4, 1e4, 1601)
"""Stresses, on either side of zero, at which a density is looked at: in steps of 1.2 % ..."""
_CLOSE = np.linspace(-10.0, 10.0, 400_001)
"""... and where its integral is not 1 on these, in even steps of 5e-5."""
_ZOOM = 2001
"""Points at which what was found in a few of these steps is looked at again."""
_GAUSS = np.polynomial.legendre.leggauss(8)
"""Quadrature of a density over a panel, and over its halves."""
_RESOLVED = 1e-12
"""By how much of the whole the halves of a panel may differ from it before it is cut in two."""
_HALVINGS = 60
"""How often a panel is cut: a jump is then known to the last digit."""
_INTEGRAL = 1e-3
"""By how much the integral of a density may miss 1."""
_SAMPLED = 20_001
"""Quantiles between which what is drawn from a density is spread evenly."""


@dataclass(frozen=True)
class _Density:
    """See :func:`density`."""

    function: Callable[[Floats], ArrayLike]
    within: InitVar[ArrayLike | None]
    thresholds: Thresholds | None = None
    extent: tuple[float, float] = field(init=False, repr=False, compare=False)
    _edges: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self, within: ArrayLike | None) -> None:
        check_function("function", self.function, "stresses")
        object.__setattr__(self, "thresholds", _own_law(self.thresholds))
        if within is not None:
            ends = check_row("extent", within, length=2)
            if not ends[0] < ends[1]:
                raise ValueError(f"extent must be (low, high), ascending, got {shown(within)}")
            looks = [np.linspace(float(ends[0]), float(ends[1]), _ZOOM)]
        else:
            probes = np.concatenate([-_PROBES[::-1], [0.0], _PROBES])
            looks = [probes, np.union1d(probes, _CLOSE)]
        total, low, high = 0.0, -math.inf, math.inf
        for points in looks:
            seen = points if within is not None else self._seen(points)
            if seen.size == 0:
                continue
            edges = self._resolved(seen)
            total, low, high = float(self._cells(edges).sum()), float(seen[0]), float(seen[-1])
            if abs(total - 1.0) < _INTEGRAL:
                object.__setattr__(self, "extent", (low, high))
                object.__setattr__(self, "_edges", edges)
                return
        where = "wherever it was looked at" if total == 0.0 else f"between {low:.3g} and {high:.3g}"
        raise ValueError(
            f"function must integrate to 1, got {total:.6g} {where}; divide it by its integral, or "
            "say where it is, density(function, extent=(low, high)), if parts of it are narrower "
            "than what is looked at: every 5e-5 up to 10, then in steps of 1.2 % up to 1e4"
        )

    def _seen(self, points: Floats) -> Floats:
        """Return points over what is seen of the function, down to 1e-18 of its largest value."""
        while True:
            values = self._values(points)
            inside = np.flatnonzero(values > 1e-18 * values.max(initial=0.0))
            if inside.size == 0:
                return points[:0]
            first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, points.size - 1)
            # few points resolve it: the largest value was missed, and the peak is narrower still
            if last - first > 30 or points[last] - points[first] < 1e-13 * abs(points[last]):
                return points[first : last + 1]
            points = np.linspace(points[first], points[last], _ZOOM)

    def _values(self, stress: Floats) -> Floats:
        values = as_floats("what function returns", self.function(stress))
        if values.shape != stress.shape:
            raise ValueError(
                f"function must return one number for each stress, got shape {values.shape} for "
                f"{stress.shape}"
            )
        finite = np.isfinite(values)
        worst = int(np.argmin(values if finite.all() else finite))
        if not values[worst] >= 0.0 or not finite[worst]:
            raise ValueError(
                f"function must return finite numbers >= 0, got {values[worst]:.6g} at stress "
                f"{stress[worst]:.6g}"
            )
        return values

    def _integrals(self, low: Floats, high: Floats) -> Floats:
        """Return the integral from each ``low`` to each ``high`` (eight-point Gauss)."""
        nodes, weights = _GAUSS
        middle, half = 0.5 * (high + low), 0.5 * (high - low)
        values = self._values((middle[:, None] + half[:, None] * nodes).ravel())
        return np.asarray(half * (values.reshape(-1, nodes.size) @ weights))

    def _cells(self, faces: Floats) -> Floats:
        return self._integrals(faces[:-1], faces[1:])

    def _resolved(self, edges: Floats) -> Floats:
        """Return the edges with more between them, so close that the integrals are right."""
        low, high, found = edges[:-1], edges[1:], [edges]
        whole = self._integrals(low, high)
        allowed = _RESOLVED * float(whole.sum())
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            left, right = self._integrals(low, middle), self._integrals(middle, high)
            off = np.abs(left + right - whole) > allowed
            off &= (low < middle) & (middle < high)
            if not off.any():
                break
            found.append(middle[off])
            low, high = np.append(low[off], middle[off]), np.append(middle[off], high[off])
            whole = np.append(left[off], right[off])
        return np.unique(np.concatenate(found))

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return the probability in every cell, to 1e-10 of the whole."""
        faces = np.asarray(faces, dtype=np.float64)
        inner = self._edges[(self._edges > faces[0]) & (self._edges < faces[-1])]
        cuts = np.union1d(faces, inner)
        cells = np.add.reduceat(self._cells(cuts), np.searchsorted(cuts, faces[:-1]))
        return np.outer(thresholds.nodes()[1], cells)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return n stresses by the inverse of the cumulative law."""
        law = np.concatenate([[0.0], np.cumsum(self._cells(self._edges))])
        even = np.interp(np.linspace(0.0, law[-1], _SAMPLED), law, self._edges)
        faces = np.union1d(self._edges, even)
        law = np.concatenate([[0.0], np.cumsum(self._cells(faces))])
        stresses = np.interp(rng.random(n) * law[-1], law, faces)
        return stresses, _drawn(self.thresholds, n, rng)

    @property
    def nodes(self) -> None:
        """None: any classes will do."""
        return None


def density(
    function: Callable[[Floats], ArrayLike],
    extent: tuple[float, float] | None = None,
    thresholds: object = None,
) -> _Density:
    """Return the start P(s) = function(s).

    Parameters
    ----------
    function : callable
        Takes an array of stresses in sigma_c and returns P >= 0 for each; integrates to 1 (checked
        to 1e-3: the total mass of a run is what the function makes it, and is reported).
    extent : (float, float), optional
        The stresses in sigma_c between which all of it lies. None finds them, for all that shows at
        stresses 1.2 % apart up to 1e4, or 5e-5 apart up to 10; a part that is narrower has to be
        told, and is not lost in silence, as the integral is then not 1.
    thresholds : law, optional
        The law of the thresholds at t = 0, as in :func:`gaussian`.

    Raises
    ------
    ValueError
        If it is not callable, not finite, negative somewhere, or does not integrate to 1.
    """
    return _Density(function, extent, _own_law(thresholds))
