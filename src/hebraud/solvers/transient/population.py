"""The threshold classes of a run: those that its blocks have at t = 0, and those that events draw.

A start has its own thresholds, or none; the law that events draw from is the model's. Where events
redraw, a run has the classes of both: those of the start hold the blocks at t = 0, those of the
model have the weights of the draw. They are the same classes where the start was made by the same
draw. Where nothing is redrawn a block keeps its threshold for ever, and the start's law must be the
model's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud._typing import Bools, Floats
from hebraud.model.model import Model
from hebraud.model.starts import OwnThresholds, Start
from hebraud.solvers.block_thresholds import check_sample
from hebraud.solvers.chain.distributions import Classes
from hebraud.solvers.steady.threshold_nodes import (
    landings,
    nodes_for_runs,
    nodes_of_past,
)

__all__ = ["Population", "populated"]

Nodes = tuple[Floats, Floats]

_LOOK = 2000
"""Cells on which the width of a start and the masses of its classes are measured."""
_EMPTY = 1e-17
"""Fraction of blocks, at round-off of their sum, below which a class exists only if drawn."""
_APART = 2e-9
"""Thresholds nearer than this, in units of the largest, have one face and are one class."""
_QUADRATURE = 1e-5
"""Error allowed for the sum of the fractions of blocks that are found class by class."""
_ALIKE = 3.0
"""Difference allowed between two quadratures of one law, in units of their tolerance."""
_STATES = 1e-5
"""Tolerance that is enough for the classes of a state, however tight that of the run."""
_BLOCKS = 100_000
"""Blocks that are drawn from a start which is a sample itself."""
_GROUPS = 64
"""Classes for the thresholds of blocks: what they average over is below the noise of the sample."""
_PLACES = 33
"""Thresholds at which two laws are compared."""


@dataclass(frozen=True, eq=False)
class Population:
    """A start expressed in the classes of a run.

    Attributes
    ----------
    start : Start
    values : ndarray, (classes,)
        Thresholds in sigma_c, ascending.
    weights : ndarray, (classes,)
        Probability that an event draws the class, 0 for one that only the start has; where nothing
        is redrawn the part of the blocks that are in it.
    told : Classes
        The classes that the start is asked for.
    kept, rows : ndarray
        Which of these exist in the run, and as which of its classes.
    """

    start: Start
    values: Floats
    weights: Floats
    told: Classes
    kept: Bools
    rows: NDArray[np.intp]

    def mass(self, faces: Floats) -> Floats:
        """Return the probability in every cell, (classes, cells)."""
        out = np.zeros((self.values.size, faces.size - 1))
        out[self.rows] = self.start.mass(faces, self.told)[self.kept]
        return out

    @property
    def extent(self) -> tuple[float, float]:
        """The stresses beyond which there is less than 1e-17 of the mass."""
        return self.start.extent


def populated(model: Model, start: Start, rtol: float, fastest: float = math.inf) -> Population:
    """Return a start in the classes of a run, and these.

    ``fastest`` is the largest shear rate that is to come, as far as it is known.

    Raises
    ------
    ValueError
        If the model redraws nothing and the start's thresholds are not its own: if <c>, <c^2>, or
        the part of the blocks below any threshold (seen through a normal law as wide as theirs),
        differ by more than 3 ``rtol``, and more than 3e-5.
    """
    points, redraws = landings(model)[0], model.thresholds.redraws
    own, drawn = start.nodes, np.zeros(0, dtype=bool)
    if own is not None:
        # a state keeps the classes of its own solver, however narrow its P is
        wanted, drawn = nodes_for_runs(model, math.inf, rtol, fastest), own[1] > 0.0
    else:
        width = _width(start, _ONE)
        wanted = nodes_for_runs(model, width, rtol, fastest)
        own = _past(model, start, width, rtol)
        if own is None or _misfit(own, wanted, points) <= _ALIKE * rtol:
            every = np.arange(wanted[0].size)
            told = Classes(*wanted, redraws)
            return Population(start, *wanted, told, np.ones(every.size, dtype=bool), every)
    told, values = Classes(*own, redraws), own[0]
    mine = redraws and bool(drawn.any())
    mine = mine and _misfit((values[drawn], own[1][drawn]), wanted, points) <= _ALIKE * rtol
    if mine and drawn.all():
        return Population(start, *own, told, drawn, np.arange(values.size))
    part = _parts(start, told, points)
    if not redraws and np.abs(part - own[1]).sum() <= _QUADRATURE:
        part = own[1]  # a state with quenched thresholds has the fractions more accurately
    kept = drawn | (part > _EMPTY) if mine else part > (_EMPTY if redraws else 0.0)
    if mine or not redraws:
        weights = own[1][kept] if mine else part[kept]
        if not redraws:
            law = nodes_for_runs(model, math.inf, min(rtol, 0.1 * _STATES))
            _refuse_others(model, (values[kept], weights), law, points, rtol)
        return Population(start, values[kept], weights, told, kept, np.arange(weights.size))
    return _joined(start, told, kept, nodes_for_runs(model, _width(start, told), rtol, fastest))


def _past(model: Model, start: Start, width: float, rtol: float) -> Nodes | None:
    """Return classes for the thresholds that a start knows though it names no classes.

    None where any will do: where it knows none, and where its blocks are a sample of the law that
    they keep for ever.
    """
    if isinstance(start, OwnThresholds):
        return None if start.thresholds is None else nodes_of_past(start.thresholds, width, rtol)
    sampled = _sampled(start)
    if sampled is None:
        return None
    if model.thresholds.redraws:
        return _grouped(sampled[1])
    check_sample(model, *sampled)
    return None


_ONE = Classes(np.ones(1), np.ones(1), False)
"""A single class, for the width of a start that knows no thresholds."""


def _sampled(start: Start) -> tuple[Floats, Floats] | None:
    """Return blocks drawn from a start that knows their thresholds and names no classes."""
    rng = np.random.default_rng(0)
    if start.sample(2, rng)[1] is None:
        return None
    stresses, thresholds = start.sample(_BLOCKS, rng)
    assert thresholds is not None
    return np.asarray(stresses), np.asarray(thresholds)


def _grouped(thresholds: Floats) -> Nodes:
    """Return classes for blocks: every threshold, or the means of groups where there are many."""
    values, counts = np.unique(thresholds, return_counts=True)
    if values.size > _GROUPS:
        parts = np.array_split(np.sort(thresholds), _GROUPS)
        means, sizes = np.array([p.mean() for p in parts]), np.array([p.size for p in parts])
        values, which = np.unique(means, return_inverse=True)
        counts = np.bincount(which, sizes)
    return values, counts / counts.sum()


def _joined(start: Start, told: Classes, kept: Bools, wanted: Nodes) -> Population:
    """Return a start with classes of its own, and those of a draw that it does not know."""
    own = told.values[kept]
    drawn, weights = wanted
    nearest = np.abs(own[:, None] - drawn).argmin(axis=1)
    same = np.abs(own - drawn[nearest]) <= _APART * max(own[-1], drawn[-1])
    values = np.sort(np.concatenate([drawn, own[~same]]))
    all_weights = np.zeros(values.size)
    all_weights[np.searchsorted(values, drawn)] = weights
    rows = np.searchsorted(values, np.where(same, drawn[nearest], own))
    return Population(start, values, all_weights, told, kept, rows)


def _width(start: Start, told: Classes) -> float:
    """Return the width of a start: the std of the normal law whose density rises as high."""
    faces = np.linspace(*start.extent, _LOOK + 1)
    density = start.mass(faces, told).sum(axis=0) / np.diff(faces)
    return float(1.0 / (math.sqrt(2.0 * math.pi) * density.max()))


def _parts(start: Start, told: Classes, points: Floats) -> Floats:
    """Return the part of the blocks in every class of a start."""
    # the densities of states have kinks at the thresholds and where blocks land
    kinks = np.concatenate([told.values, points])
    low, high = start.extent
    least = 0.01 * float(told.values @ told.weights)
    even = np.linspace(math.asinh(low / least), math.asinh(high / least), _LOOK + 1)
    faces = np.concatenate([least * np.sinh(even), [low, high], kinks, -kinks])
    masses = start.mass(np.unique(faces), told).sum(axis=1)
    return np.asarray(masses / masses.sum())


def _misfit(ours: Nodes, wanted: Nodes, points: Floats) -> float:
    """Return by how much two laws differ, as quadratures of what may be one law.

    Compared are <c>, <c^2> and the probability of c < x, seen through a normal law as wide as the
    law itself; at the points, where both break if they are of one law, that probability as it is.
    """
    from scipy.special import ndtr

    (a, v), (b, w) = ours, wanted
    if a.size == b.size and np.allclose(a, b, rtol=1e-9, atol=0.0):
        return float(np.abs(v - w).sum())
    if min(a.size, b.size) == 1:
        return 1.0
    sums = np.cumsum(w)
    low, high = (float(np.interp(q, sums, b)) for q in (0.25, 0.75))
    width = np.asarray((high - low) / 1.35 if high > low else float(b[-1] - b[0]))
    x = b[np.linspace(0, b.size - 1, _PLACES).astype(np.int64)][:, None]
    # in the tail the distance of two nodes is as large as the threshold itself
    width = np.where(x > 2.0 * np.interp(0.5, sums, b), np.maximum(x, width), width)
    misfits = [ndtr((x - a) / width) @ v - ndtr((x - b) / width) @ w]
    misfits += [[float(a**n @ v / (b**n @ w)) - 1.0] for n in (1, 2)]
    inside = points[(points > b[0]) & (points < b[-1])]
    misfits += [[float(v[a < p].sum() - w[b < p].sum())] for p in inside]
    return float(np.max(np.abs(np.concatenate(misfits))))


def _refuse_others(model: Model, ours: Nodes, wanted: Nodes, points: Floats, rtol: float) -> None:
    """Raise ``ValueError`` where blocks that keep their thresholds do not have the model's."""
    misfit, allowed = _misfit(ours, wanted, points), _ALIKE * max(rtol, _STATES)
    if misfit <= allowed:
        return
    said = [f"<c> = {float(c @ w):.6g}, <c^2> = {float(c * c @ w):.6g}" for c, w in (ours, wanted)]
    raise ValueError(
        f"start must have the thresholds of the model, which keeps them for ever: its own have "
        f"{said[0]}, those of {model!r} {said[1]}, and the two laws differ by {misfit:.2g} where "
        f"{allowed:.2g} is allowed; give the model that the start came from (or a start of a "
        "tighter rtol), a start that does not know thresholds, such as gaussian(std), or "
        "thresholds=Redrawn(law), which forgets the start's"
    )
