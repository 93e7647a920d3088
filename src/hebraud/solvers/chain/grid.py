"""The stress grid: where its cells must be small, and how far it must reach.

A *layout* says, for one model, one shear rate and one guess of D, where the faces that must be
there lie (0, every threshold and every fixed landing, on both sides, and the two ends) and how
small the cells must be at each of them. A *grid* of any number of cells is then cut from it.
Cells grow linearly with the distance from the nearest of those places, so that layers of any
width beside intervals of any length cost a logarithm of their ratio, and the grids of one
layout are samples of one smooth map: errors fall with the square of the number of cells.

The widths that matter. Let w be the overstress at which a block has had time to yield,
nu(w) = g/w + D/w^2 (at constant rate w = 1/l_right), and k = |g|/D. The error of the generator is
made where both the density and the expected future of a block curve, and their product falls
over a threshold as exp(-(k + 2/w) x), on either side, at any rate. Inside, where the generator is
exact for quadratics, there is little to resolve but the landing points, to a fraction of 1/k.

A grid for g < 0 is the mirror image of that for |g|, face by face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.model.relaxation import LandingLines

__all__ = [
    "DEPTH",
    "Grid",
    "Layout",
    "cycle_time",
    "landing_lines",
    "layout",
    "no_finite_grid",
    "whole_numbers",
]

Floats = NDArray[np.float64]

DEPTH = 40.0
"""The density at the ends of the grid is about exp(-DEPTH) of that at the last threshold."""

_GROWTH = 0.4
"""Growth of the wanted cell size with the distance from a layer (divided by the fineness)."""
_GAP_GROWTH = 0.3
"""Growth of a cell beside its neighbour where narrow gaps between faces ask for small cells."""
_LANDING_SIZE = 0.06
"""Wanted cell size at a landing point, in units of the length scale there."""
_THRESHOLD_SIZE = 0.7
"""Wanted cell size at a threshold, in units of the width of the layer there ..."""
_SPREAD_SIZE = 0.5
"""... and where landings are spread out."""
_TAIL_SIZE = 0.8
"""Largest cell of a tail in units of its decay length: beyond, mass leaks to the ends."""
_SCALES = np.logspace(-8.0, 8.0, 321)
"""Overstresses, in units of g + sqrt(D), at which the tails are integrated: 20 a decade."""
_SMALLEST_WEIGHT = 1e-20
"""Landing lines below this part of the largest weight are left out: less than round-off."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of stress, plain arrays.

    Attributes
    ----------
    faces, centres, widths : ndarray
        Ascending, in sigma_c; ``centres`` lie midway between the faces.
    """

    faces: Floats
    centres: Floats
    widths: Floats

    @classmethod
    def from_faces(cls, faces: Floats) -> Grid:
        """Return the grid of the given faces; raise where floats cannot tell two of them apart."""
        widths = np.diff(faces)
        if not np.all(widths > 0.0):
            raise ConvergenceError(
                f"a grid of {widths.size} cells between stresses {faces[0]:.6g} and "
                f"{faces[-1]:.6g} has cells without width: floats cannot tell its faces apart, so "
                "far from zero; choose smaller stresses, strains or rates"
            )
        return cls(faces, 0.5 * (faces[1:] + faces[:-1]), widths)

    @property
    def first_right(self) -> int:
        """Index of the first cell to the right of zero stress."""
        return int(np.searchsorted(self.centres, 0.0))

    def locate(self, stress: Floats) -> NDArray[np.int64]:
        """Return the index of the cell that holds each stress, -1 where none does."""
        s = np.asarray(stress, dtype=np.float64)
        cell = np.searchsorted(self.faces, s, side="right") - 1
        cell = np.where(s == self.faces[-1], self.centres.size - 1, cell)
        return np.where((cell >= 0) & (cell < self.centres.size), cell, -1)


@dataclass(frozen=True, eq=False)
class Layout:
    """The common map of all grids of one family, for a shear rate >= 0.

    Attributes
    ----------
    breaks : ndarray
        Faces that every grid has, ascending, the ends included.
    lines : ndarray, (segments, 8)
        The wanted cell size in each segment as the least of four lines (value and slope each):
        from the left break by the layers, by the gaps between breaks, and the same from the
        right break.
    mirrored : bool
        True where the shear rate is negative: the grids are then mirror images.
    """

    breaks: Floats
    lines: Floats
    mirrored: bool

    def grid(self, cells: int, parts: int = 1) -> Grid:
        """Return the grid of exactly so many cells, each cut into ``parts`` along the same map.

        Raises
        ------
        ValueError
            If there are too few cells for the faces that must be there.
        """
        from hebraud._kernels.grids.placement import cell_numbers, place

        lengths = np.diff(self.breaks)
        fewest = self.fewest_cells()
        if cells < fewest:
            raise ValueError(
                f"cells must be a whole number >= {fewest} for this model at this shear rate (its "
                f"thresholds and landing points must lie on faces), got {cells}"
            )
        # secant: the wanted number is a concave, rising function of the fineness
        fineness, before, count_before = 0.1 * cells, 0.0, float(fewest - 1)
        for _ in range(100):
            wanted = cell_numbers(lengths, self.lines, fineness)
            count = float(wanted.sum())
            if abs(count - cells) <= 1e-11 * cells:
                break
            slope = (count - count_before) / (fineness - before)
            new = fineness + (cells - count) / slope if slope > 0.0 else 2.0 * fineness
            before, count_before = fineness, count
            fineness = min(max(new, 0.3 * fineness), 4.0 * fineness)
        whole = whole_numbers(wanted, cells)
        faces = place(self.breaks, self.lines, fineness, whole, parts)
        return Grid.from_faces(-faces[::-1] if self.mirrored else faces)

    def fewest_cells(self) -> int:
        """Return the smallest number of cells that a grid of this layout can have."""
        from hebraud._kernels.grids.placement import cell_numbers

        return int(np.ceil(cell_numbers(np.diff(self.breaks), self.lines, 1e-3).sum())) + 1


def whole_numbers(wanted: Floats, cells: int) -> NDArray[np.int64]:
    """Return whole numbers of cells near the wanted ones, with the sum asked for.

    Mirrored segments that want nearly the same get the same: at small shear rates the stress is
    a small difference of two sides, and a cell more on one of them would show. What is left over
    goes to the tails, where nothing depends on it.
    """
    mirror = wanted[::-1]
    alike = np.where(np.abs(wanted - mirror) < 1.0, 0.5 * (wanted + mirror), wanted)
    for rounded in (np.floor(alike + 0.5), np.floor(alike)):
        whole = np.maximum(rounded.astype(np.int64), 1)
        left_over = cells - int(whole.sum())
        whole[0] += left_over // 2
        whole[-1] += left_over - left_over // 2
        if whole[0] > 0.6 * wanted[0] and whole[-1] > 0.6 * wanted[-1]:
            return whole
    raise ValueError(
        f"cells must be a larger whole number for this model at this shear rate (its thresholds "
        f"and landing points must lie on faces), got {cells}"
    )


def landing_lines(model: Model, number: int) -> LandingLines:
    """Return the landing rule as lines, without those whose weight is below round-off."""
    lines = model.relaxation.quadrature(number)
    kept = lines.weight > _SMALLEST_WEIGHT * lines.weight.max()
    return LandingLines(lines.scale[kept], lines.offset[kept], lines.weight[kept])


def _depths(
    model: Model, diffusion: float, rate: float, right_depth: float, left_depth: float
) -> tuple[float, ...]:
    """Return the yield width w and the overstresses at which the right and left tails end.

    The local decay rates are those of the constant rate nu(x): l = 2 nu/(g + sqrt(g^2 + 4 D nu))
    on the right and that plus k on the left. A tail ends where their integral is its depth. At
    constant rate this is exact.
    """
    x = (rate + math.sqrt(diffusion)) * _SCALES
    nu = model.yielding.rate(x)
    right = 2.0 * nu / (rate + np.sqrt(rate * rate + 4.0 * diffusion * nu))
    ends = []
    for decay, depth in ((right, right_depth), (right + rate / diffusion, left_depth)):
        pieces = decay * x
        pieces[1:] = 0.5 * (decay[1:] + decay[:-1]) * (x[1:] - x[:-1])
        total = np.cumsum(pieces)
        if not total[-1] > depth:
            raise ConvergenceError(
                f"the tail of the stress distribution does not end: nu falls to {nu[-1]:g} at "
                f"overstress {x[-1]:g}; a yield law must not vanish far above the threshold"
            )
        ends.append(float(np.interp(depth, total, x)))
    slow = nu * x * x < rate * x + diffusion
    last = int(np.count_nonzero(slow)) - 1
    balance = np.log(nu[last : last + 2] * x[last : last + 2] ** 2) - np.log(
        rate * x[last : last + 2] + diffusion
    )
    part = -balance[0] / (balance[1] - balance[0])
    width = float(x[last] * (x[last + 1] / x[last]) ** part)
    return width, ends[0], ends[1]


def _reach(model: Model, lines: LandingLines, right: float, left: float) -> tuple[float, float]:
    """Return the ends, moved out until nothing that yields inside lands outside.

    The ends are held to it at 0.8 of their distance, so that the centre of a wide last cell is
    held to it too.
    """
    right, left = 0.8 * right, 0.8 * left
    # blocks that change sides push both ends, each by less in turn
    flip = float(-lines.scale.min())
    growth = 1.01 if 1.01 * flip < 1.0 else 0.5 * (1.0 + 1.0 / flip)
    for _ in range(200 if flip < 1.0 else 0):
        images = [lines.scale * right + lines.offset, -lines.scale * left - lines.offset]
        images += [lines.offset, -lines.offset]
        high = max(float(a.max()) for a in images)
        low = max(float((-a).max()) for a in images)
        if high <= right and low <= left:
            return 1.25 * right, 1.25 * left
        # only the end that is too near: what lands just inside would move the other out for ever
        right = growth * high if high > right else right
        left = growth * low if low > left else left
    raise no_finite_grid(model, lines)


def no_finite_grid(model: Model, lines: LandingLines) -> ConvergenceError:
    """Return the error to raise where blocks do not land nearer to zero than where they yield."""
    bad = float(lines.scale[np.argmax(np.abs(lines.scale))])
    how = "takes blocks ever farther from zero" if abs(bad) > 1.0 else "hardly moves them to zero"
    return ConvergenceError(
        f"no finite grid holds the landings of {model!r}: s' = {bad:g} s {how}; use landing points "
        "of size < 1 (in runs, no less than -0.99), or simulate_blocks"
    )


def cycle_time(
    c: Floats | float, shear_rate: float, diffusion: float, landing: float = 0.0
) -> Floats:
    """Return an estimate of the mean time from landing to yield at a threshold c."""
    width = _width(shear_rate, diffusion)
    way = _exit_time(np.maximum(c, landing) + width, shear_rate, diffusion)
    if landing != 0.0:
        way = way - _exit_time(landing, shear_rate, diffusion)
    return way + 0.5 * diffusion / width**2


def _width(shear_rate: float, diffusion: float) -> float:
    g = abs(shear_rate)
    return 0.5 * (g + math.sqrt(g * g + 4.0 * diffusion))


def _exit_time(x: Floats | float, shear_rate: float, diffusion: float) -> Floats:
    """Return the mean time from zero to +-x."""
    g = abs(shear_rate)
    if g * g < 1e-10 * diffusion:
        return np.asarray(0.5 * x * x / diffusion)
    return np.asarray(x * np.tanh(0.5 * g * x / diffusion) / g)


def layout(
    model: Model,
    diffusion: float,
    shear_rate: float,
    values: Floats,
    weights: Floats,
    depth: float = DEPTH,
) -> Layout:
    """Return the layout for a guess of D.

    Parameters
    ----------
    model : Model
    diffusion : float
        Guess of D, > 0; only the grading depends on it, and only smoothly.
    shear_rate : float
    values, weights : ndarray
        Threshold nodes and their weights.
    depth : float
        How many factors of e the tails fall before the grid ends.
    """
    rate = abs(shear_rate)
    k = rate / diffusion
    lines = landing_lines(model, 64)
    fixed = model.relaxation.fixed_points
    points = np.unique(np.abs(fixed.offset)) if fixed is not None else np.zeros(1)
    # a point this near to zero or a threshold needs no faces of its own
    near = np.abs(points[:, None] - np.append(values, 0.0)).min(axis=1)
    points = points[near > 1e-9 * max(values[-1], points[-1])]
    # repeated landings above the threshold pile up a larger tail of the same decay rate
    steepest = float(np.max(np.abs(lines.scale)))
    pile = math.pi**2 / 6.0 * steepest / max(1.0 - steepest, 0.01)
    keeps_side = bool(np.all(lines.scale >= 0.0) and np.all(lines.offset >= 0.0))
    # blocks that never land on the left reach its last threshold with probability exp(-k c)
    left_depth = max(1.0, depth - k * float(values[-1])) if keeps_side else depth
    width, right, left = _depths(model, diffusion, rate, depth + pile, left_depth + pile)
    top = max(float(values[-1]), float(points[-1]) if points.size else 0.0)
    right, left = _reach(model, lines, top + right, top + left)
    coarsest = [
        _TAIL_SIZE * (end - top) / (own + pile) for end, own in ((left, left_depth), (right, depth))
    ]

    layer = 1.0 / (k + 2.0 / width)
    share, typical = weights, float(values @ weights)
    if not model.thresholds.redraws:
        # the activity is that of the classes which yield often, the stress that of all
        often = weights / cycle_time(values, rate, diffusion)
        often /= often.sum()
        share, typical = np.maximum(weights, often), min(typical, float(values @ often))
    size = _SPREAD_SIZE if fixed is None else _THRESHOLD_SIZE
    at_threshold = size * layer * share ** (-1.0 / 3.0)
    rare = np.exp(np.minimum(k * values / 3.0, 15.0)) if keeps_side else np.ones_like(values)
    # where D is far above c^2 the layer is wider than all that is inside
    middle = _LANDING_SIZE / (k + 1.0 / min(typical + width, 4.0 * typical))
    at_point = np.where(points < values[-1], middle, np.minimum(middle, layer))
    sources = np.concatenate([-values, values, -points, points, [0.0]])
    sizes = np.concatenate([at_threshold * rare, at_threshold, at_point, at_point, [middle]])
    breaks = np.unique(np.concatenate([[-left], sources, [right]]))

    by_layer = np.min(sizes + _GROWTH * np.abs(breaks[:, None] - sources), axis=1)
    gaps = np.diff(breaks)
    narrow = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf)) / 3.0
    by_gap = np.min(narrow + _GAP_GROWTH * np.abs(breaks[:, None] - breaks), axis=1)
    table = np.empty((gaps.size, 8))
    table[:, 0], table[:, 4] = by_layer[:-1], by_layer[1:]
    table[:, 2], table[:, 6] = by_gap[:-1], by_gap[1:]
    table[:, 1::4], table[:, 3::4] = _GROWTH, _GAP_GROWTH
    table[0, 2:4] = coarsest[0], 0.0
    table[-1, 6:8] = coarsest[1], 0.0
    return Layout(breaks, table, shear_rate < 0.0)
