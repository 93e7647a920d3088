"""What a stationary solver returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud.model.model import Model

__all__ = ["SteadyState"]


@dataclass(frozen=True)
class SteadyState:
    """A stationary state in reduced units.

    Attributes
    ----------
    model : Model
    shear_rate : float
        g in sigma_c/(G0 tau).
    stress : float
        Mean stress <s> in sigma_c (eq. 4).
    activity : float
        Plastic activity Gamma in 1/tau (eq. 2).
    diffusion : float
        D in sigma_c^2/tau; it multiplies d2P/ds2.
    solver : Exact or FiniteVolume
        What computed it.
    error_estimate : float
        Estimated relative error, the largest of those of stress and D. For the exact solver:
        round-off times the conditioning of D in the coupling. For finite volumes: the
        difference between the last two grids, extrapolated.
    other_roots : tuple of float
        Other values of D that satisfy the coupling at this shear rate (empty in the classical
        model, whose stationary state is unique). The state is that of the largest D at which
        coupling(D)/D falls through 1; where it rises, a little more noise would make still more.
    """

    model: Model
    shear_rate: float
    stress: float
    activity: float
    diffusion: float
    solver: Any
    error_estimate: float
    other_roots: tuple[float, ...]
    _density: Callable[[NDArray[np.float64]], NDArray[np.float64]] = field(
        repr=False, compare=False
    )
    def density(self, stress: ArrayLike) -> NDArray[np.float64]:
        """Return P(s), all thresholds together, in 1/sigma_c; any shape of ``stress``.

        The exact state's density is exact. The finite-volume state's is the cell average of
        the cell that holds s, and 0 beyond the grid.
        """
        s = np.asarray(stress, dtype=np.float64)
        return self._density(s)


@dataclass(frozen=True, eq=False)
class Classes:
    """Threshold classes as they are, where a solver has chosen its nodes."""

    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    redraws: bool

    def nodes(self, rtol: float = 1e-9) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the classes and their weights."""
        return self.values, self.weights

    def ppf(self, quantile: ArrayLike) -> NDArray[np.float64]:
        """Return the class at each quantile."""
        return self.values[np.searchsorted(np.cumsum(self.weights)[:-1], quantile)]


@dataclass(frozen=True, eq=False)
class CellStart:
    """A state on a grid as a start: masses (classes, cells) of a joint density."""

    grid: Any
    masses: NDArray[np.float64]
    values: NDArray[np.float64]
    weights: NDArray[np.float64]

    def mass(self, faces: NDArray[np.float64], thresholds: Any) -> NDArray[np.float64]:
        """Return masses on other faces (conservative, positive)."""
        from hebraud._kernels.remap import remap

        out = np.empty((self.values.size, faces.size - 1))
        for j in range(self.values.size):
            remap(self.grid.faces, np.ascontiguousarray(self.masses[j]), 0.0, faces, out[j])
        return out

    @property
    def extent(self) -> tuple[float, float]:
        """The ends of the grid."""
        return float(self.grid.faces[0]), float(self.grid.faces[-1])

    @property
    def nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The classes."""
        return self.values, self.weights
