"""The state at t = 0: a distribution of local stresses, with thresholds where that matters.

A start is anything with the methods of :class:`Start`: :func:`gaussian`, :func:`density`, a
``SteadyState``, the ``final`` of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import check_number, shown
from hebraud.model.thresholds import Thresholds

__all__ = ["Start", "check_start", "density", "gaussian"]

Floats = NDArray[np.float64]


@runtime_checkable
class Start(Protocol):
    """What every start says."""

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


def check_start(start: Any) -> Start:
    """Return a start as it is, or raise ``ValueError`` saying what one is."""
    if isinstance(start, type) or not isinstance(start, Start):
        raise ValueError(f"start must be a start such as gaussian(0.3), got {shown(start)}")
    return start


@dataclass(frozen=True)
class _Gaussian:
    """See :func:`gaussian`."""

    std: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", check_number("std", self.std, above=0.0))

    def __repr__(self) -> str:
        return f"gaussian({self.std!r})"

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return the probability in every cell, with full relative accuracy in both tails."""
        from scipy.special import ndtr

        x = np.asarray(faces, dtype=np.float64) / self.std
        below, above = ndtr(x), ndtr(-x)
        cells = np.where(x[:-1] >= 0.0, above[:-1] - above[1:], below[1:] - below[:-1])
        return np.outer(thresholds.nodes()[1], cells)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return n normal stresses; thresholds do not depend on them."""
        return self.std * rng.standard_normal(n), None

    @property
    def extent(self) -> tuple[float, float]:
        """8.6 standard deviations on either side."""
        return -8.6 * self.std, 8.6 * self.std

    @property
    def nodes(self) -> None:
        """None: any classes will do."""
        return None


def gaussian(std: float) -> _Gaussian:
    """Return the start P(s) = exp(-s^2/(2 std^2))/(std sqrt(2 pi)): a quench from far above.

    Parameters
    ----------
    std : float
        Standard deviation in sigma_c, > 0. Thresholds are drawn from the model's law whatever the
        stress.
    """
    return _Gaussian(std)


_PROBES = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 1601)])
_GAUSS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True)
class _Density:
    """See :func:`density`."""

    function: Callable[[Floats], Floats]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ValueError(f"function must be callable, got {self.function!r}")
        low, high = self.extent
        edges = np.linspace(low, high, 20_001)
        total = float(self._cells(edges).sum())
        if not abs(total - 1.0) < 1e-3:
            raise ValueError(
                f"function must integrate to 1, got {total!r} between {low:.3g} and {high:.3g}; "
                "divide it by its integral"
            )

    def _cells(self, faces: Floats) -> Floats:
        nodes, weights = _GAUSS
        middle, half = 0.5 * (faces[1:] + faces[:-1]), 0.5 * np.diff(faces)
        s = middle[:, None] + half[:, None] * nodes
        values = np.asarray(self.function(s), dtype=np.float64)
        if values.shape != s.shape or not np.all(np.isfinite(values) & (values >= 0.0)):
            raise ValueError(
                "function must return finite numbers >= 0, one for each stress of an array, got "
                f"{'shape ' + str(values.shape) if values.shape != s.shape else values.min()}"
            )
        return np.asarray(half * (values @ weights))

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return the probability in every cell (eight-point Gauss quadrature)."""
        return np.outer(thresholds.nodes()[1], self._cells(np.asarray(faces)))

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return n stresses by the inverse of the cumulative law on 20,000 cells."""
        faces = np.linspace(*self.extent, 20_001)
        law = np.concatenate([[0.0], np.cumsum(self._cells(faces))])
        return np.interp(rng.random(n) * law[-1], law, faces), None

    @property
    def extent(self) -> tuple[float, float]:
        """Where the function falls below 1e-18 of its largest value for good."""
        s = np.concatenate([-_PROBES[:0:-1], _PROBES])
        values = np.asarray(self.function(s), dtype=np.float64)
        inside = np.flatnonzero(values > 1e-18 * np.nanmax(values))
        if inside.size == 0:
            raise ValueError("function must be > 0 somewhere between -1e4 and 1e4, and is not")
        low, high = max(inside[0] - 1, 0), min(inside[-1] + 1, s.size - 1)
        return float(s[low]), float(s[high])

    @property
    def nodes(self) -> None:
        """None: any classes will do."""
        return None


def density(function: Callable[[Floats], Floats]) -> _Density:
    """Return the start P(s) = function(s).

    Parameters
    ----------
    function : callable
        Takes an array of stresses in sigma_c and returns P >= 0 for each; integrates to 1 (checked
        to 1e-3: the total mass of a run is what the function makes it, and is reported).

    Raises
    ------
    ValueError
        If it is not callable, not finite, negative somewhere, or does not integrate to 1.
    """
    return _Density(function)
