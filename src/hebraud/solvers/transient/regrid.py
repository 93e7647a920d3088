"""New grids for a run, and the move of its masses to them.

Moving is conservative and positive (monotone cubic cumulative law): nothing is clipped, nothing is
renormalised.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.solvers.chain.grid import Grid
from hebraud.solvers.transient.cell_sizes import (
    CellSizes,
    breaks_of,
    holding_landings,
    wanted_sizes,
)
from hebraud.solvers.transient.grid_motion import AT_REST, Way

__all__ = ["GridMaker", "moved"]

Floats = NDArray[np.float64]

_CELLS = 4e6
"""Cells times classes of a grid: each takes some 200 bytes."""


class GridMaker:
    """Makes the grids of one run: one model, one list of threshold classes, one fineness.

    Parameters
    ----------
    model : Model
    values, weights : ndarray, (classes,)
        Threshold of every class, and the probability of drawing it.
    fineness : float
        Number of cells, in units of that of the coarsest grid.
    cells : int or None
        Fixes the number of cells (nearly) instead, for studies of order.
    """

    def __init__(
        self, model: Model, values: Floats, weights: Floats, fineness: float, cells: int | None
    ) -> None:
        self.model, self.values, self.weights = model, values, weights
        self.fineness, self.cells = fineness, cells
        self.breaks = breaks_of(model, values)

    def first(self, extent: tuple[float, float], shift: float) -> Grid:
        """Return a grid on which a start is looked at, its stresses shifted."""
        return _first_grid(self.model, self.breaks, extent, shift)

    def fitted(
        self,
        grid: Grid,
        mass: Floats,
        D: float,
        rate: float,
        noise: float,
        way: Way = AT_REST,
        finer: float = 1.0,
    ) -> Grid:
        """Return the grid that masses (cells, classes) on another grid want.

        ``noise`` is what one event adds to D, as in :func:`cell_sizes.feedback`; the cells are
        ``finer`` times smaller than the fineness of the run says.
        """
        wanted = wanted_sizes(
            self.model, grid, mass, D, rate, noise, self.values, self.weights, self.breaks, way
        )
        # thresholds and landing points pass through the cells of a grid that moves
        breaks = np.empty(0) if way.moves else self.breaks
        return _made(wanted, breaks, self.fineness * finer, self.cells, self.values.size)


def _first_grid(model: Model, breaks: Floats, extent: tuple[float, float], shift: float) -> Grid:
    """Return a grid on which a start is looked at, its stresses shifted."""
    low, high = extent
    left, right = max(-low - shift, -1.05 * breaks[0]), max(high + shift, 1.05 * breaks[-1])
    left, right = holding_landings(model, left, right)
    # from zero outwards, and nothing next to a break: a symmetric start has a symmetric grid
    own = np.linspace(low, high, 1001)
    if low < 0.0 < high:
        own = np.append(np.linspace(low, 0.0, 501)[:-1], -np.linspace(-high, 0.0, 501)[::-1])
    wide = 0.002 * (high - low)
    far = np.cumsum(wide * 1.2 ** np.arange(max(math.log((left + right) / wide) / 0.18, 1.0)))
    places = np.concatenate([low - far[::-1], own, high + far]) + shift
    places = places[(places > -left) & (places < right)]
    apart = np.abs(places[:, None] - breaks).min(axis=1) > 1e-9 * (high - low)
    faces = np.concatenate([[-left], places[apart], breaks, [right]])
    return Grid.from_faces(np.unique(faces))


def _made(
    wanted: CellSizes, breaks: Floats, fineness: float, cells: int | None, classes: int
) -> Grid:
    """Return the grid whose cells are ``fineness`` times smaller than those wanted.

    ``cells`` fixes their number (nearly) instead. At the ``breaks`` are faces.
    """
    points, size, low, high = wanted
    breaks = np.concatenate([[low], breaks[(breaks > low) & (breaks < high)], [high]])
    density = 1.0 / size
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(points)
    number = np.concatenate([[0.0], np.cumsum(steps)])
    number *= fineness if cells is None else cells / number[-1]
    at = np.interp(breaks, points, number)
    if not number[-1] * classes <= _CELLS:
        raise ConvergenceError(
            f"P between {low:.3g} and {high:.3g} asks for {number[-1]:.3g} cells, in {classes} "
            f"classes of thresholds; at most {_CELLS:.0e} in all fit; loosen rtol"
        )
    faces = [breaks[:1]]
    for a, b, end in zip(at[:-1], at[1:], breaks[1:], strict=True):
        count = max(round(b - a), 2)
        inside = np.interp(np.linspace(a, b, count + 1)[1:-1], number, points)
        faces += [inside, np.array([end])]
    return Grid.from_faces(np.concatenate(faces))


def moved(old: Grid, mass: Floats, shift: float, new: Grid) -> tuple[Floats, float]:
    """Return masses (cells, classes) on a new grid after a shift, and what fell outside."""
    from hebraud._kernels.grids.remap import remap

    out = np.empty((new.centres.size, mass.shape[1]))
    outside = 0.0
    for j in range(mass.shape[1]):
        column = np.empty(new.centres.size)
        outside += remap(old.faces, np.ascontiguousarray(mass[:, j]), shift, new.faces, column)
        out[:, j] = column
    return out, outside
