"""How small the cells of a run must be, stress by stress, and how far its grid must reach.

The size wanted is the least of those of the layers (at every threshold and landing point, of the
widths that D and the shear rate give them now), of the curvature of P itself, and of a part of the
whole extent. From cell to cell it grows by a limited factor.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hebraud.model.model import Model
from hebraud.solvers.chain.grid import Grid, landing_lines, no_finite_grid
from hebraud.solvers.transient.grid_motion import AT_REST, Way, extent_of

__all__ = ["CellSizes", "breaks_of", "feedback", "holding_landings", "wanted_sizes"]

Floats = NDArray[np.float64]

_GROWTH = 0.25
"""Largest growth of the cell size per distance: a cell is at most some 1.25 times its neighbour."""
_CONE = 0.15
"""Growth of the cell size with the distance from a threshold."""
_GROUP = 4
"""Cells over which P is averaged before its curvature is taken: limiters make steps between two."""
_FINEST = 2e-4
"""The smallest cell that a bend of P asks for, in units of the extent ..."""
_PULSE = 10.0
"""... or of this many widths, 1/max(P), of the narrowest pulse."""
_EVEN = 0.05
"""Shear rate over sqrt(D), and mass on either side of any stress, below which grids are even."""
_GAP = 8.0
"""Cells between two points at which sizes are known, beyond which there are more points."""
_CARRIED = 0.03
"""Cell size wanted, on a moving grid, where a threshold or landing point will pass."""
_FEEDBACK = 6.0
"""Factor of :func:`feedback`: four times that of a Gaussian, 1.5, as measured."""
_FLIP = 0.99
"""Largest part of its stress that a block may keep on the other side: the last cells are not the
same on both sides, and what yields in one must land short of the middle of the other."""
_DEPTH = 38.0
"""A tail ends where P has fallen by exp(-38), 3e-17: below round-off of the total."""
_OVER = np.logspace(-8.0, 8.0, 161)
"""Overstresses at which the decay of a tail is looked at, in units of its width."""


class CellSizes(NamedTuple):
    """Cell sizes wanted along a grid.

    Attributes
    ----------
    points, sizes : ndarray
        Stresses, ascending, and the size wanted at each; between them it is interpolated.
    low, high : float
        The ends of the grid.
    """

    points: Floats
    sizes: Floats
    low: float
    high: float


def breaks_of(model: Model, values: Floats) -> Floats:
    """Return the stresses that must be faces: 0, thresholds and fixed landings, mirrored."""
    fixed = model.relaxation.fixed_points
    points = np.concatenate([[0.0], values, [] if fixed is None else np.abs(fixed.offset)])
    points = np.unique(points)
    near = np.append(np.inf, np.diff(points)) > 1e-9 * values[-1]
    points = points[near]
    return np.concatenate([-points[:0:-1], points])


def _ends(
    model: Model, D: float, rate: float, values: Floats, low: float, high: float
) -> tuple[float, float]:
    """Return ends that hold the mass there is, the tails to come, and every landing."""
    x = _OVER * max(abs(rate) + math.sqrt(D), 1e-12)
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
    # blocks that change sides push both ends out in turn, by less each time
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
        above, below = images > room * right, -images > room * left
        if not above.any() and not below.any():
            return left, right
        # only by what lands outside: what lands just inside would move an end out for ever
        right = max(right, growth * float(images.max(initial=0.0, where=above)))
        left = max(left, growth * float((-images).max(initial=0.0, where=below)))
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
    breaks: Floats,
    way: Way = AT_REST,
) -> CellSizes:
    """Return the cell sizes wanted for the present masses, up to a common factor.

    ``noise`` is what one event adds to D, as in :func:`feedback`.
    """
    low, high = extent_of(grid, mass)
    left, right = _ends(model, D, rate, values, low, high)
    carried, ahead = way.moves, way.ahead
    if carried:
        room = abs(way.strain)
        left, right = holding_landings(model, left + room, right + room)
    # a small stress is the odd part of P: an uneven grid would add its own
    even = not carried and _is_even(grid, mass, D, rate)
    if even:
        left = right = max(left, right)
    width = 0.5 * (abs(rate) + math.sqrt(rate * rate + 4.0 * D))
    floor = 1e-9 * float(values[-1])
    outer = max(width, floor)
    # inside, P bends over the length D/width, by a fraction D/width^2: often too little to resolve
    inner = max(D / width if width > 0.0 else 0.0, 0.05 * width, floor)
    kink = 0.25 * max(min(D / abs(rate) if rate != 0.0 else 1.0, 1.0), 0.02) * float(values[-1])
    held = np.maximum(weights, mass.sum(axis=0))  # a class that is not drawn may still hold blocks
    there = held > 0.0
    fine = held[there] ** (-1.0 / 3.0)
    layers = [(0.7 * inner * w, 0.7 * outer * w) for w in fine.tolist()]
    if carried:
        kink = max(_CARRIED * way.scale, floor)
        layers = [(kink, kink)] * fine.size
    finest = min(inner, outer, kink)
    span = right + left
    count = max(round(8.0 * math.log10(span / finest)), 8)
    reach = np.geomspace(0.3 * finest, span, count)
    sources = np.concatenate([breaks, breaks - ahead]) if ahead != 0.0 else breaks
    near = np.concatenate([reach, -reach]) + sources[:, None]
    points = np.concatenate([grid.faces, near.ravel(), sources, [-left, right]])
    points = np.unique(points[(points >= -left) & (points <= right)])
    centre, smooth, crest = _curvature(grid, mass)
    free = carried and ahead == 0.0  # nothing yields, so that there is no noise
    smooth *= feedback(0.0 if free else noise, crest)
    fixed = model.relaxation.fixed_points
    landings = np.zeros(1) if fixed is None else np.abs(fixed.offset)
    landings = np.unique(np.concatenate([landings, -landings]))
    smallest = _FINEST * min(span, _PULSE / crest)

    def sizes(points: Floats) -> Floats:
        level = np.interp(points, centre, smooth, left=0.0, right=0.0)
        bend = np.maximum(0.03 * (level + 1e-30) ** (-1.0 / 3.0), smallest)
        size = np.minimum(0.12 * span, bend)
        for c, (below, above) in zip(values[there], layers, strict=True):
            for sign in (1.0, -1.0):
                x = _apart(points, sign * c, ahead)
                layer = np.where(sign * points > c, above, below)
                size = np.minimum(size, layer + _CONE * x)
        for p in landings:
            size = np.minimum(size, kink + 0.3 * _apart(points, p, ahead))
        graded(points, size, _GROWTH)
        return size

    from hebraud._kernels.grids.remap import graded

    if even:
        points = np.unique(np.concatenate([points, -points]))
    size = sizes(points)
    more = _between(points, size)
    if more.size:
        points = np.unique(np.concatenate([points, more, -more if even else more]))
        size = sizes(points)
    if even:
        size = np.minimum(size, size[::-1])
    return CellSizes(points, size, -left, right)


def _is_even(grid: Grid, mass: Floats, D: float, rate: float) -> bool:
    """Return whether shear is weak beside diffusion and P nearly its own mirror image."""
    below = np.concatenate([[0.0], np.cumsum(mass.sum(axis=1))])
    mirrored = below[-1] - np.interp(-grid.faces, grid.faces, below)
    return rate * rate <= _EVEN**2 * D and bool(np.all(np.abs(below - mirrored) <= _EVEN))


def _apart(points: Floats, place: float, ahead: float) -> Floats:
    """Return distances from what will meet a place within a strain ``ahead``."""
    if ahead == 0.0:
        return np.abs(points - place)
    low, high = min(place, place - ahead), max(place, place - ahead)
    return np.maximum(np.maximum(low - points, points - high), 0.0)


def _curvature(grid: Grid, mass: Floats) -> tuple[Floats, Floats, float]:
    """Return places, abs(d2P/ds2) there, and the largest P.

    The error of second order is ~ h^3 |P''| a cell; every cell should have the same. P is averaged
    over groups of cells, because steps that limiters leave between two cells are not curvature.
    """
    middle, cells = min(max(grid.first_right, 1), grid.centres.size - 1), grid.centres.size
    outward = np.arange(middle, cells, _GROUP), np.arange(middle - _GROUP, 0, -_GROUP)[::-1]
    groups = np.unique(np.concatenate([[0], outward[1], outward[0]]))
    edges = grid.faces[np.append(groups, cells)]
    centre = 0.5 * (edges[1:] + edges[:-1])
    P = np.add.reduceat(mass.sum(axis=1), groups) / np.diff(edges)
    slope = np.diff(P) / np.diff(centre)
    curvature = np.abs(np.diff(slope) / (0.5 * (centre[2:] - centre[:-2])))
    smooth = np.maximum(np.maximum(curvature[1:-1], curvature[2:]), curvature[:-2])
    return centre[2:-2], smooth, float(P.max())


def _between(points: Floats, size: Floats) -> Floats:
    """Return more points, in gaps that are wide beside the cells wanted at their ends."""
    out = []
    gaps = np.diff(points)
    for k in np.flatnonzero(gaps > _GAP * np.minimum(size[1:], size[:-1])):
        for end, sign, begin in ((points[k], 1.0, size[k]), (points[k + 1], -1.0, size[k + 1])):
            count = math.ceil(math.log2(max(0.5 * gaps[k] / begin, 1.0)))
            out.append(end + sign * begin * 2.0 ** np.arange(1, count + 1))
    return np.concatenate(out) if out else np.empty(0)
