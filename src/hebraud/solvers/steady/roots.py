"""First guesses of D: the roots of coupling(D)/D = 1 on coarse grids.

Each coarse grid is graded for the D at which it is used. Only the classical model is proved to have
one root. For all others D is scanned in steps of a factor e, from far above the squares of
thresholds and shear rate down to where shear alone drives the blocks and the noise stays above D.
Every change of sign is a root. Two roots within one step are missed.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError, NoStationaryState
from hebraud.model.model import Model
from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.chain.grid import Layout, cycle_time, layout
from hebraud.solvers.steady.far_classes import resolvable
from hebraud.solvers.steady.null_vector import Occupation, Stationary

__all__ = [
    "Family",
    "check_resolved",
    "line_number",
    "log_excess",
    "log_range",
    "no_root",
    "root_guesses",
]

Floats = NDArray[np.float64]

_RATES = 1e-30, 1e15
"""Shear rates, in thresholds a tau, beyond which floats cannot tell the faces of a grid apart."""
_FIRST = 480
"""Cells of the first grid of a model with few thresholds."""
_COARSE = 96
"""Cells of the coarse grids on which D is guessed."""
_LOOK = 1e-3
"""Residual of the null vectors from which D is guessed."""
_MOST = 400_000
"""Cells beyond which the solver gives up ..."""
_MOST_MASSES = 20_000_000
"""... and cells times classes."""
_BEYOND = 3
"""Steps above the largest D that rates and thresholds ask for."""
_CELLS_A_LINE = 32
"""A continuous landing law is cut into one line for so many cells ..."""
_FEWEST_LINES = 64
"""... but into no fewer than this ..."""
_MOST_LINES = 256
"""... and into no more than this."""
_MOST_SCATTERED = 65_536
"""Cells beyond which those lines cost too much."""


@dataclass(frozen=True, eq=False)
class Family:
    """Every grid of one model at one shear rate and one guess of D."""

    model: Model
    shear_rate: float
    values: Floats
    weights: Floats
    layout: Layout

    @classmethod
    def around(
        cls, model: Model, shear_rate: float, diffusion: float, nodes: tuple[Floats, Floats]
    ) -> Family:
        """Return the family of grids graded for a D, with the given threshold nodes."""
        values, weights = nodes
        plan = layout(model, diffusion, shear_rate, values, weights)
        return cls(model, shear_rate, values, weights, plan)

    def chain(self, cells: int, parts: int = 1) -> Stationary:
        """Return the stationary problem on the grid of so many cells, each cut into ``parts``."""
        grid = self.layout.grid(cells, parts)
        lines = line_number(cells * parts)
        generator = Generator.of(self.model, grid, self.values, self.weights, lines)
        return Stationary(self.model, generator, self.shear_rate)

    def first_cells(self) -> int:
        """Return the cells of the first grid to try: more where the model has many thresholds."""
        return max(_FIRST, 2 * self.layout.fewest_cells())

    def most_cells(self) -> int:
        """Return the number of cells beyond which a finer grid is too slow."""
        a, b = (self.model.relaxation.quadrature(n).weight.size for n in (4, 8))
        most = min(_MOST, _MOST_MASSES // self.values.size)
        return most if a == b else min(most, _MOST_SCATTERED)


def check_resolved(model: Model, shear_rate: float) -> None:
    """Raise ``ConvergenceError`` where a grid cannot hold the state: at extremes of the rate."""
    threshold = float(model.thresholds.ppf(0.5))
    slowest, fastest = (rate * threshold for rate in _RATES)
    if shear_rate != 0.0 and not slowest <= abs(shear_rate) <= fastest:
        raise ConvergenceError(
            f"shear rate {shear_rate:g} is out of what finite volumes resolve for {model!r}: 0 and "
            f"{slowest:g} ... {fastest:g}; beyond, floats cannot tell the faces of a grid apart"
        )


def line_number(cells: int) -> int:
    """Return the number of lines of a continuous landing law on a grid of so many cells."""
    return min(max(cells // _CELLS_A_LINE, _FEWEST_LINES), _MOST_LINES)


class _Explorer:
    """log(coupling(D)/D) on coarse grids, each graded for a D near that of the question."""

    def __init__(self, model: Model, shear_rate: float) -> None:
        self.model = model
        self.shear_rate = shear_rate
        self._nodes = model.thresholds.nodes(1e-2)
        self._graded_for = math.inf
        self._chain: Stationary | None = None

    def excess(self, log_d: float, ahead: float = 0.0) -> float:
        """Return log(coupling(D)/D) at log D.

        Where a new grid is needed it is graded for a log D lower by ``ahead``.
        """
        chain = self._chain
        if chain is None or abs(log_d - self._graded_for) > 1.5:
            chain = self._chain = self._build(log_d - ahead)
        return log_excess(self.model, chain.occupation(math.exp(log_d), _LOOK), log_d)

    def _build(self, log_d: float) -> Stationary:
        self._graded_for = log_d
        d = math.exp(log_d)
        nodes = resolvable(self.model, self.shear_rate, d, self._nodes)
        family = Family.around(self.model, self.shear_rate, d, nodes)
        return family.chain(max(_COARSE, math.ceil(1.2 * family.layout.fewest_cells())))


def log_excess(model: Model, found: Occupation, log_d: float) -> float:
    """Return log(coupling(D)/D), zero at a root."""
    return math.log(model.noise.diffusion(found.activity, found.released_square)) - log_d


def _first_guess(model: Model, shear_rate: float) -> float:
    """Return log D of the mean threshold's blocks, landing at zero and yielding at one overstress.

    Good to some per cent in the classical model, an order of magnitude elsewhere.
    """
    values, weights = model.thresholds.nodes(1e-2)
    c, g = float(values @ weights), abs(shear_rate)
    lines = model.relaxation.quadrature(4)
    mean, square = 1.0 - lines.scale, (1.0 - lines.scale) ** 2
    drops = [float(a @ lines.weight) for a in (square, 2.0 * mean * lines.offset, lines.offset**2)]

    def excess(log_d: float) -> float:
        diffusion = math.exp(log_d)
        a = c + 0.5 * (g + math.sqrt(g * g + 4.0 * diffusion))
        activity = 1.0 / float(cycle_time(c, g, diffusion))
        released_square = activity * (drops[0] * a * a - drops[1] * a + drops[2])
        return math.log(model.noise.diffusion(activity, released_square)) - log_d

    scale = 2.0 * math.log(c)
    low, high = scale - 40.0, scale + 2.0 * math.log1p(g / c) + 15.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if excess(middle) > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def no_root(model: Model, shear_rate: float, log_d: float, excess: float) -> NoStationaryState:
    """Return the error to raise where there is no root, with the reason."""
    at = f"at D = {math.exp(log_d):.1e} the events make {math.exp(excess):.6g} D"
    if excess > 0.0:
        return NoStationaryState(
            f"no stationary state of {model!r} at shear rate {shear_rate:g}: the noise feeds "
            f"itself without bound ({at}); lower the coupling"
        )
    return NoStationaryState(
        f"no stationary state at shear rate 0 for {model!r}: at or below the critical coupling "
        f"every P within the threshold is at rest with D = 0, and which one depends on the past "
        f"({at}, and less than D above that); shear it (shear_rate > 0), or raise the coupling"
    )


def root_guesses(model: Model, shear_rate: float) -> list[float]:
    """Return log D near every root that is found, the largest stable one first."""
    if not model.noise.alpha:
        return [math.log(model.noise.constant)]
    explorer = _Explorer(model, shear_rate)
    if model.classical:
        x = _first_guess(model, shear_rate)
        f = explorer.excess(x)
        if abs(f) < 0.3:
            return [x + f]  # near enough to grade a grid
    values, weights = model.thresholds.nodes(1e-2)
    c = float(values @ weights)
    top, bottom = log_range(model, shear_rate)
    driven = math.log(0.05 * abs(shear_rate) * c) if shear_rate != 0.0 else -math.inf
    if model.noise.constant:
        driven = max(driven, math.log(model.noise.constant))
    x = 2.0 * math.log(c + abs(shear_rate)) + 4.0
    points = [(x, explorer.excess(x, 1.0))]
    beyond = _BEYOND
    while points[0][1] > 0.0 and (points[0][0] < top or beyond):
        x, f = points[0]
        if x >= top:  # no root so far: a huge coupling may put it above the range
            x, beyond = x + max(f - 2.0, 0.0), beyond - 1
        x += 3.0
        points.insert(0, (x, explorer.excess(x)))
    while (x := points[-1][0] - 1.0) > bottom:
        points.append((x, explorer.excess(x, 1.0)))
        if points[-1][1] > 0.0 and x < driven:
            break
    crossings = [
        (fa > 0.0, _between(explorer, a, fa, b, fb))
        for (a, fa), (b, fb) in itertools.pairwise(points)
        if (fa > 0.0) != (fb > 0.0)
    ]
    # where coupling(D)/D rises through 1 the state is unstable: such roots come last
    roots = [root for _, root in sorted(crossings, key=lambda crossing: crossing[0])]
    if not roots:
        at = points[0] if points[0][1] > 0.0 else points[-1]
        if shear_rate != 0.0 and at[1] <= 0.0:
            raise ConvergenceError(
                f"D of {model!r} at shear rate {shear_rate:g} is below {math.exp(at[0]):.1e}, "
                "where floats cannot tell the faces of a grid apart; raise the shear rate or the "
                "coupling"
            )
        raise no_root(model, shear_rate, *at)
    return roots


def log_range(model: Model, shear_rate: float) -> tuple[float, float]:
    """Return the largest and the smallest log D that are tried."""
    values, weights = model.thresholds.nodes(1e-2)
    c = float(values @ weights)
    depth = 28.0 if shear_rate == 0.0 else 75.0
    lowest = 2.0 * math.log(c) - depth
    if model.noise.constant:  # D is never below it, and not much above it where events are few
        lowest = min(lowest, math.log(model.noise.constant) - 2.0)
    return 2.0 * math.log(c + abs(shear_rate)) + 35.0, lowest


def _between(explorer: _Explorer, a: float, fa: float, b: float, fb: float) -> float:
    """Return log D of the root between a and b to a few per cent (Illinois)."""
    for _ in range(30):
        x = (a * fb - b * fa) / (fb - fa)
        f = explorer.excess(x)
        if abs(f) < 0.01 or abs(b - a) < 0.02:
            return x
        if (f > 0.0) == (fb > 0.0):
            fa *= 0.5
        else:
            a, fa = b, fb
        b, fb = x, f
    return x
