"""States that can start a run: on a grid, and exact ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.analytic.exact import ExactState
from hebraud.model.thresholds import Thresholds
from hebraud.solvers.chain.grid import Grid

__all__ = ["CellStart", "Classes", "ExactStart"]

_CELLS = 4096
"""Cells from which blocks of an exact state are drawn: finer than what 1e6 blocks can tell."""
_GAUSS = np.polynomial.legendre.leggauss(6)
"""Quadrature of an exact density over a cell."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The threshold classes of a solver, which has chosen its nodes already."""

    values: Floats
    weights: Floats
    redraws: bool

    def nodes(
        self, rtol: float = 1e-9, breaks: ArrayLike = (), kinks: float = math.inf
    ) -> tuple[Floats, Floats]:
        """Return the classes and their weights."""
        return self.values, self.weights

    def ppf(self, quantile: ArrayLike) -> Floats:
        """Return the class at each quantile."""
        return self.values[np.searchsorted(np.cumsum(self.weights)[:-1], quantile)]


def _check_classes(own: Floats, thresholds: Thresholds) -> None:
    asked = thresholds.nodes()[0]
    if asked.shape != own.shape or not np.allclose(asked, own, rtol=1e-12):
        raise ValueError(
            f"this start is made of {own.size} threshold classes ({own.min():.4g} ... "
            f"{own.max():.4g}) and cannot be told in {asked.size} others; use the model of the run "
            "that it came from, or a start that does not know thresholds, such as gaussian(std)"
        )


def _drawn(
    faces: Floats, masses: Floats, values: Floats, n: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return stresses and thresholds of blocks drawn from masses (classes, cells)."""
    law = np.cumsum(masses.ravel())
    at = np.searchsorted(law, rng.random(n) * law[-1], side="right")
    group, cell = np.divmod(at, faces.size - 1)
    return faces[cell] + rng.random(n) * (faces[cell + 1] - faces[cell]), values[group]


@dataclass(frozen=True, eq=False)
class CellStart:
    """A state on a grid.

    Attributes
    ----------
    grid : Grid
    masses : ndarray, (classes, cells)
        Mass of every cell of every threshold class; all together sum to one.
    values, weights : ndarray, (classes,)
        Threshold of every class, and the probability of drawing it (not the mass found in it).
    """

    grid: Grid
    masses: Floats
    values: Floats
    weights: Floats

    @property
    def joint(self) -> Floats:
        """P(s, class) as cell averages, (classes, cells), in 1/sigma_c."""
        return self.masses / self.grid.widths

    def density(self, stress: Floats) -> Floats:
        """Return P(s), all classes together: the average of the cell that holds s, 0 outside."""
        cell = self.grid.locate(stress)
        return np.where(cell >= 0, self.joint.sum(axis=0)[cell], 0.0)

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return masses on other faces, conservative and positive (monotone cubic law)."""
        from hebraud._kernels.grids.remap import remap

        _check_classes(self.values, thresholds)
        out = np.empty((self.values.size, faces.size - 1))
        for j in range(self.values.size):
            remap(self.grid.faces, np.ascontiguousarray(self.masses[j]), 0.0, faces, out[j])
        return out

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return stresses and thresholds, even within a cell."""
        return _drawn(self.grid.faces, self.masses, self.values, n, rng)

    @property
    def extent(self) -> tuple[float, float]:
        """The ends of the grid."""
        return float(self.grid.faces[0]), float(self.grid.faces[-1])

    @property
    def nodes(self) -> tuple[Floats, Floats]:
        """The classes and their draw weights."""
        return self.values, self.weights


@dataclass(frozen=True, eq=False)
class ExactStart:
    """An exact state, with its threshold classes and their draw weights."""

    state: ExactState
    values: Floats
    weights: Floats

    def density(self, stress: Floats) -> Floats:
        """Return the exact P(s), all classes together."""
        return self.state.density(stress)

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return masses of the cells (six-point Gauss quadrature in each)."""
        _check_classes(self.values, thresholds)
        nodes, weights = _GAUSS
        middle, half = 0.5 * (faces[1:] + faces[:-1]), 0.5 * np.diff(faces)
        points = middle[:, None] + half[:, None] * nodes
        values = self.state.densities(points.ravel()).reshape(-1, *points.shape)
        return np.asarray(half * (values @ weights))

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Return stresses and thresholds, from 4096 cells."""
        faces = np.linspace(*self.extent, _CELLS + 1)
        masses = self.mass(faces, Classes(self.values, self.weights, False))
        return _drawn(faces, masses, self.values, n, rng)

    @property
    def extent(self) -> tuple[float, float]:
        """The stresses beyond which there is less than 1e-17 of the mass."""
        return self.state.extent

    @property
    def nodes(self) -> tuple[Floats, Floats]:
        """The classes and their draw weights."""
        return self.values, self.weights
