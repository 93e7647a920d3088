"""The generator of the equation on a grid: transport, yielding, landing.

The masses m of the cells, class by class of thresholds, obey dm/dt = A m with the columns of A
summing to zero and no negative entry off its diagonal: a Markov chain of cells. Its three parts
are kept apart as plain arrays, which is what a solver in O(cells) wants.

Transport is a chain of hops between neighbours. Its two rates are fixed by two moments: the mean
drift of every cell is the shear rate exactly, and the mean square of its hops is 2 D exactly,
wherever both hops are positive by that (|g| h < 2 D); elsewhere the hop against the drift is zero,
the least diffusion that positive hops with the right drift can have, and what it has in excess is
taken back where stationary states are made (:mod:`hebraud.solvers.steady.null_vector`). With a
landing that keeps the first moment, the stress that yielding releases then balances the stress that
shear loads to round-off, on every grid. Exponential fitting (Scharfetter and Gummel's flux) with
the same drift was measured against it: it is exact for exp(g s/D) but has a mean square of
2 D (p/2) coth(p/2), p = g h/D. On 1600 cells its larger error of stress and D was 30 to 100 that of
this one at alpha = 0.1 and small rates, 3 times at alpha = 0.3, and a third to a half of it above.

A mass sits at the centre of its cell. The two neighbours of a threshold have equal distances
from it to second order in the cell size, so that a jump of the rate there costs second order too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hebraud.model.model import Model
from hebraud.model.yielding import Yielding
from hebraud.solvers.chain.grid import Grid, landing_lines

__all__ = ["Generator", "JumpProcess", "Jumps", "Lines", "cell_rates", "landing"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
"""Golden ratio: its multiples spread evenly over (0, 1), so that neighbours differ most."""
_DRAWN = 2
"""Times that landing lines are contracted about their mean; the error falls by cell size/std."""
_GAUSS = np.polynomial.legendre.leggauss(5)
"""Quadrature of the yield rate over a cell away from the threshold: nu is smooth there."""
_GAUSS_FIRST = np.polynomial.legendre.leggauss(12)
"""Quadrature over the cell at the threshold, in powers of the fourth root: good to 1e-10."""


class Jumps(Protocol):
    """Where the blocks of each cell go when they jump: along lines, or by a kernel."""

    @property
    def release(self) -> Floats:
        """The mean stress that a block of each cell loses in a jump, (cells,)."""
        ...

    @property
    def release_square(self) -> Floats:
        """Its mean square, (cells,)."""
        ...

    def land(self, leaving: Floats) -> Floats:
        """Return the mass that arrives in every cell; ``leaving`` is (cells, columns)."""
        ...

    def matrix(self) -> Any:
        """Return the same as a sparse matrix (cells, cells) whose columns sum to one."""
        ...


@dataclass(frozen=True, eq=False)
class Lines:
    """Jumps along the lines of a landing rule; what lands between two centres goes to both.

    Attributes
    ----------
    lower : ndarray of int, (cells, lines)
        The lower of the two cells on which a block of this cell lands by each landing line.
    below, above : ndarray, (cells, lines)
        Probabilities to land on the lower and on the upper cell: mass and first moment are kept.
    release, release_square : ndarray, (cells,)
        Mean and mean square of the stress that a block of this cell releases.
    """

    lower: Integers
    below: Floats
    above: Floats
    release: Floats
    release_square: Floats

    def land(self, leaving: Floats) -> Floats:
        """Return the mass that lands in every cell; ``leaving`` is (cells, columns)."""
        from hebraud._kernels.grids.landing import deposit

        landed = np.empty_like(leaving)
        deposit(leaving, self.lower, self.below, self.above, landed)
        return landed

    def matrix(self) -> Any:
        """Return the probabilities to land in cell i from cell j as a sparse matrix (CSC)."""
        from scipy.sparse import coo_array

        cells, lines = self.lower.shape
        column = np.repeat(np.arange(cells), lines)
        row = np.concatenate([self.lower.ravel(), self.lower.ravel() + 1])
        chance = np.concatenate([self.below.ravel(), self.above.ravel()])
        at = (row, np.concatenate([column, column]))
        return coo_array((chance, at), shape=(cells, cells)).tocsc()


Kind = TypeVar("Kind", bound=Jumps, covariant=True)


@dataclass(frozen=True, eq=False)
class JumpProcess(Generic[Kind]):
    """One reason for blocks to jump.

    Attributes
    ----------
    rates : ndarray, (cells, classes)
        How often a block of each cell and class jumps, in 1/tau.
    jumps : Lines, or any other Jumps
        Where it goes.
    redraws : bool
        True where a block that jumps draws a new class; else it keeps its own.
    """

    rates: Floats
    jumps: Kind
    redraws: bool


@dataclass(frozen=True, eq=False)
class Generator:
    """One model on one grid.

    Attributes
    ----------
    grid : Grid
    thresholds, weights : ndarray, (classes,)
        Threshold of every class, and the probability of drawing it.
    yielding : JumpProcess
        Yielding: cell averages of nu, exact at constant rate, and the landing rule.
    others : tuple of JumpProcess
        Why blocks jump besides. No slot of a model says any yet. The matrix is that of all
        processes; the solvers know yielding alone, and refuse others.
    """

    grid: Grid
    thresholds: Floats
    weights: Floats
    yielding: JumpProcess[Lines]
    others: tuple[JumpProcess[Jumps], ...] = ()

    @classmethod
    def of(
        cls, model: Model, grid: Grid, values: Floats, weights: Floats, lines: int = 64
    ) -> Generator:
        """Return the generator of a model on a grid.

        ``lines`` is how many landing lines stand for a continuous landing law.
        """
        lands = landing(model, grid, lines)
        rates = cell_rates(model.yielding, grid, values)
        yielding = JumpProcess(rates, lands, model.thresholds.redraws)
        return cls(grid, values, weights, yielding)

    def transport(self, diffusion: float, shear_rate: float) -> tuple[Floats, Floats]:
        """Return the rates of the hops upwards and downwards from every cell, in 1/tau."""
        from hebraud._kernels.grids.hops import hop_rates

        up, down = np.empty_like(self.grid.centres), np.empty_like(self.grid.centres)
        hop_rates(self.grid.centres, diffusion, shear_rate, up, down)
        return up, down

    def excess(self, diffusion: float, shear_rate: float) -> Floats:
        """Return, for every face, the fraction of the spreading by those hops beyond that of D."""
        from hebraud._kernels.grids.hops import excess

        share = np.empty(self.grid.centres.size + 1)
        excess(self.grid.centres, diffusion, shear_rate, share)
        return share

    @property
    def processes(self) -> tuple[JumpProcess[Jumps], ...]:
        """All reasons for blocks to jump, yielding first."""
        return self.yielding, *self.others

    @property
    def rates(self) -> Floats:
        """How often blocks yield, in 1/tau, (cells, classes)."""
        return self.yielding.rates

    @property
    def redraws(self) -> bool:
        """True where a block that yields draws a new class; else it keeps its own."""
        return self.yielding.redraws

    @property
    def landing(self) -> Lines:
        """Where blocks land that yield."""
        return self.yielding.jumps

    def matrix(self, diffusion: float, shear_rate: float) -> Any:
        """Return the whole generator as a sparse matrix (CSC), cell i of class j at j*cells + i.

        For tests and for looking at; the solvers never build it.
        """
        from scipy.sparse import block_diag, csc_array, diags_array, kron

        up, down = self.transport(diffusion, shear_rate)
        hops = diags_array([up[:-1], down[1:], -up - down], offsets=[-1, 1, 0])
        classes = self.thresholds.size
        whole = block_diag([hops] * classes)
        for process in self.processes:
            keep = np.eye(classes)
            drawn = np.outer(self.weights, np.ones(classes)) if process.redraws else keep
            leaves = diags_array(process.rates.T.ravel())
            whole = whole - leaves + kron(drawn, process.jumps.matrix()) @ leaves
        return csc_array(whole)


def cell_rates(law: Yielding, grid: Grid, values: Floats) -> Floats:
    """Return the average of nu over every cell, (cells, classes); thresholds lie on faces.

    Gauss-Legendre quadrature of the difference from the rate at mid-cell, so that a constant
    rate is exact; in the cell at the threshold in powers of the fourth root, so that a power
    law is right to about 1e-10 there whatever its exponent.
    """
    edges = np.abs(grid.faces)
    near = np.minimum(edges[1:], edges[:-1])[:, None] - values
    over = near >= 0.0
    rates = np.where(over, law.rate(near + 0.5 * grid.widths[:, None]), 0.0)
    if np.array_equal(rates, rates.max() * over):
        return rates
    cell, group = np.nonzero(over)
    start, width, middle = near[cell, group], grid.widths[cell], rates[cell, group]
    first = np.flatnonzero(start == 0.0)
    average = middle.copy()
    nodes, weights = _GAUSS
    for x, w in zip(0.5 * (1.0 + nodes), 0.5 * weights, strict=True):
        average += w * (law.rate(start + x * width) - middle)
    nodes, weights = _GAUSS_FIRST
    u = 0.5 * (1.0 + nodes[:, None])
    inner = law.rate(u**4 * width[first]) - middle[first]
    average[first] = middle[first] + (0.5 * weights) @ (4.0 * u**3 * inner)
    rates[cell, group] = average
    return rates


def landing(model: Model, grid: Grid, lines: int) -> Lines:
    """Return where blocks land that yield, each landing shared out to two cells.

    A block that lands between two centres is shared out to both: that keeps its mean stress and
    adds to its mean square the product of its distances from them. Where the law is continuous,
    neighbouring cells have lines at other places, which leaves no comb in what lands, and the lines
    of every cell are drawn together about their mean until the mean square is right too.
    """
    s, shifted = grid.centres[:, None], model.shifted
    if shifted is not None:
        outwards = np.arange(s.size) - grid.first_right
        outwards = np.where(outwards < 0, -1 - outwards, outwards)
        phase = np.asarray(_GOLDEN * outwards % 1.0 - 0.5, dtype=np.float64)
        scale, offset, weight = shifted(lines, phase)
    else:
        scale, offset, weight = landing_lines(model, lines)
    image = scale * s + offset * np.sign(s)
    lower, share, added = _between(grid, image)
    if shifted is not None:
        mean = (weight * image).sum(axis=1, keepdims=True)
        aside = image - mean
        square = (weight * aside**2).sum(axis=1)
        for _ in range(_DRAWN):
            part = np.sqrt(np.maximum(1.0 - (weight * added).sum(axis=1) / square, 0.0))
            lower, share, added = _between(grid, mean + part[:, None] * aside)
    drop = s - image
    below = weight * share
    mean, square = (weight * drop).sum(axis=1), (weight * drop**2).sum(axis=1)
    return Lines(lower, below, weight - below, mean, square)


def _between(grid: Grid, image: Floats) -> tuple[Integers, Floats, Floats]:
    """Return the lower cell, its fraction, and the mean square that the two cells add."""
    lower = np.searchsorted(grid.centres, image) - 1
    lower = np.minimum(np.maximum(lower, 0), grid.centres.size - 2)
    below, above = grid.centres[lower], grid.centres[lower + 1]
    share = (above - image) / (above - below)
    if share.min() < 0.0 or share.max() > 1.0:
        far = float(image[(share < 0.0) | (share > 1.0)][0])
        raise ValueError(
            f"the grid must hold every landing: a block lands at {far:g}, outside "
            f"[{grid.centres[0]:g}, {grid.centres[-1]:g}]; build the grid from the model's layout"
        )
    return lower, share, (above - image) * (image - below)
