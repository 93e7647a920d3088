"""Grids that follow a run: where its cells must be small now, and the move from grid to grid.

The wanted cell size is the least of those of the layers (at every threshold and landing point, of
the widths that D and the shear rate give them now), of the curvature of P itself, and of a share of
the whole extent; its growth is limited, and it is scaled to the number of cells asked for. Moving
is conservative and positive (monotone cubic cumulative law), nothing is clipped or renormalised.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud.model.model import Model
from hebraud.solvers.grid import Grid, landing_lines, no_finite_grid

__all__ = [
    "breaks_of",
    "extent_of",
    "feedback",
    "holding_landings",
    "moved",
    "rezoned",
    "wanted_sizes",
]

Floats = NDArray[np.float64]

_GROWTH = 0.25
_CONE = 0.15
_GROUP = 4
_FINEST = 2e-4
_FEEDBACK = 6.0
_TAIL = 1e-17
_FLIP = 0.99
"""Largest part of its stress that a block may keep on the other side: the last cells are not the
same on both sides, and what yields in one must land short of the middle of the other."""
_DEPTH = 38.0


def breaks_of(model: Model, values: Floats) -> Floats:
    """Return the stresses that must be faces: 0, thresholds and fixed landings, mirrored."""
    fixed = model.relaxation.fixed_points
    points = np.concatenate([[0.0], values, [] if fixed is None else np.abs(fixed.offset)])
    points = np.unique(points)
    near = np.append(np.inf, np.diff(points)) > 1e-9 * values[-1]
    points = points[near]
    return np.concatenate([-points[:0:-1], points])


def extent_of(grid: Grid, mass: Floats) -> tuple[float, float]:
    """Return the stresses beyond which less than 1e-17 of the mass lies."""
    cells = mass.sum(axis=1)
    low = int(np.searchsorted(np.cumsum(cells), _TAIL))
    high = cells.size - int(np.searchsorted(np.cumsum(cells[::-1]), _TAIL))
    return float(grid.faces[low]), float(grid.faces[max(high, low + 1)])


def _ends(
    model: Model, D: float, rate: float, values: Floats, low: float, high: float
) -> tuple[float, float]:
    """Return ends that hold the mass there is, the tails to come, and every landing."""
    x = np.logspace(-8.0, 8.0, 161) * max(abs(rate) + math.sqrt(D), 1e-12)
    nu = model.yielding.rate(x)
    root = np.sqrt(rate * rate + 4.0 * D * nu)
    ends = []
    for sign in (1.0, -1.0):
        drift = sign * rate
        if drift <= 0.0 and D < 1e-280:  # nothing diffuses upstream, and 1/D would overflow
            ends.append(0.0)
            continue
        decay = 2.0 * nu / (drift + root) if drift >= 0.0 else (root - drift) / (2.0 * D)
        depth = np.concatenate(
            [
                [decay[0] * x[0]],
                decay[0] * x[0] + np.cumsum(0.5 * (decay[1:] + decay[:-1]) * np.diff(x)),
            ]
        )
        ends.append(float(np.interp(_DEPTH, depth, x)))
    top = float(values[-1])
    right = max(top + ends[0], high, 1.02 * top)
    left = max(top + ends[1], -low, 1.02 * top)
    return holding_landings(model, left, right)


def holding_landings(model: Model, left: float, right: float) -> tuple[float, float]:
    """Return distances of the ends from zero, moved out until nothing inside lands outside."""
    lines = landing_lines(model, 64)
    room = np.tile(0.8 + 0.2 * np.minimum(np.abs(lines.scale), 1.0), 4)
    # blocks that change sides push both ends: beyond the room that is asked, each by less in turn
    flip = float(-lines.scale.min())
    growth = 1.3 if 1.3 * flip < 1.0 else 0.5 * (1.0 / (0.8 + 0.2 * flip) + 1.0 / flip)
    for _ in range(200 if flip <= _FLIP else 0):
        images = np.concatenate(
            [
                lines.scale * right + lines.offset,
                -lines.scale * left - lines.offset,
                lines.offset,
                -lines.offset,
            ]
        )
        if np.all(images <= room * right) and np.all(-images <= room * left):
            return left, right
        right = max(right, growth * float(images.max()))
        left = max(left, -growth * float(images.min()))
    raise no_finite_grid(model, lines)


def feedback(noise: float, crest: float) -> float:
    """Return by how much errors of P must be smaller, >= 1, where D may feed itself.

    A small D yields D |dP/ds| per tau where it moves P over a threshold, which makes alpha |dP/ds|
    times as much D: it grows as exp((alpha |dP/ds| - 1) t), and errors of it as well. In a Gaussian
    |dP/ds| reaches 1.5 times the square of its largest density, ``crest``, which unlike the slope
    of P is finite at jumps. The factor, four times that, is measured. ``noise``: what one event
    adds to D where blocks first yield, alpha in the classical model.
    """
    return max(_FEEDBACK * noise * crest * crest, 1.0)


def wanted_sizes(
    model: Model,
    grid: Grid,
    mass: Floats,
    D: float,
    rate: float,
    noise: float,
    values: Floats,
    weights: Floats,
) -> tuple[Floats, Floats, float, float]:
    """Return points, the relative cell size wanted at each, and the ends of the grid.

    ``noise`` is what one event adds to D, as in :func:`feedback`.
    """
    from hebraud._kernels.remap import graded

    low, high = extent_of(grid, mass)
    left, right = _ends(model, D, rate, values, low, high)
    width = 0.5 * (abs(rate) + math.sqrt(rate * rate + 4.0 * D))
    floor = 1e-9 * float(values[-1])
    outer = max(width, floor)
    # inside, P bends over D/width, by D/width^2 of itself: nothing to resolve where that is small
    inner = max(D / width if width > 0.0 else 0.0, 0.05 * width, floor)
    breaks = breaks_of(model, values)
    span, finest = right + left, min(inner, outer)
    count = max(round(8.0 * math.log10(span / finest)), 8)
    reach = np.geomspace(0.3 * finest, span, count)
    near = np.concatenate([reach, -reach]) + breaks[:, None]
    points = np.concatenate([grid.faces, near.ravel(), breaks, [-left, right]])
    points = np.unique(points[(points >= -left) & (points <= right)])
    # curvature of P: error of second order per cell ~ h^3 |P''|; equal shares of it
    # (over groups of cells: what limiters leave of steps from cell to cell is not curvature)
    middle, cells = grid.first_right, grid.centres.size
    outward = np.arange(middle, cells, _GROUP), np.arange(middle - _GROUP, 0, -_GROUP)[::-1]
    groups = np.unique(np.concatenate([[0], outward[1], outward[0]]))
    edges = grid.faces[np.append(groups, cells)]
    centre = 0.5 * (edges[1:] + edges[:-1])
    P = np.add.reduceat(mass.sum(axis=1), groups) / np.diff(edges)
    slope = np.diff(P) / np.diff(centre)
    curvature = np.abs(np.diff(slope) / (0.5 * (centre[2:] - centre[:-2])))
    smooth = np.maximum(np.maximum(curvature[1:-1], curvature[2:]), curvature[:-2])
    level = np.interp(points, centre[2:-2], smooth, left=0.0, right=0.0)
    level *= feedback(noise, float(P.max()))
    bend = np.maximum(0.03 * (level + 1e-30) ** (-1.0 / 3.0), _FINEST * span)
    size = np.minimum(0.12 * span, bend)
    held = np.maximum(weights, mass.sum(axis=0))  # what is not drawn may still be there
    for c, w in zip(values[held > 0.0], held[held > 0.0], strict=True):
        for sign in (1.0, -1.0):
            x = np.abs(points - sign * c)
            layer = 0.7 * np.where(sign * points > c, outer, inner) * w ** (-1.0 / 3.0)
            size = np.minimum(size, layer + _CONE * x)
    fixed = model.relaxation.fixed_points
    landings = np.zeros(1) if fixed is None else np.abs(fixed.offset)
    kink = 0.25 * max(min(D / abs(rate) if rate != 0.0 else 1.0, 1.0), 0.02) * float(values[-1])
    for p in np.unique(np.concatenate([landings, -landings])):
        size = np.minimum(size, kink + 0.3 * np.abs(points - p))
    graded(points, size, _GROWTH)
    return points, size, -left, right


def rezoned(
    model: Model,
    points: Floats,
    size: Floats,
    low: float,
    high: float,
    values: Floats,
    fineness: float,
    cells: int | None,
) -> Grid:
    """Return the grid whose cells are ``fineness`` times smaller than those wanted.

    ``cells`` fixes their number (nearly) instead, for studies of order.
    """
    breaks = breaks_of(model, values)
    breaks = np.concatenate([[low], breaks[(breaks > low) & (breaks < high)], [high]])
    density = 1.0 / size
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(points)
    number = np.concatenate([[0.0], np.cumsum(steps)])
    number *= fineness if cells is None else cells / number[-1]
    at = np.interp(breaks, points, number)
    faces = [breaks[:1]]
    for a, b, end in zip(at[:-1], at[1:], breaks[1:], strict=True):
        count = max(round(b - a), 2)
        inside = np.interp(np.linspace(a, b, count + 1)[1:-1], number, points)
        faces += [inside, np.array([end])]
    return Grid.from_faces(np.concatenate(faces))


def moved(old: Grid, mass: Floats, shift: float, new: Grid) -> tuple[Floats, float]:
    """Return masses (cells, classes) on a new grid after a shift, and what fell outside."""
    from hebraud._kernels.remap import remap

    out = np.empty((new.centres.size, mass.shape[1]))
    outside = 0.0
    for j in range(mass.shape[1]):
        column = np.empty(new.centres.size)
        outside += remap(old.faces, np.ascontiguousarray(mass[:, j]), shift, new.faces, column)
        out[:, j] = column
    return out, outside
