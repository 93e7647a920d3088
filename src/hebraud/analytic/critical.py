r"""The critical coupling: above it the model flows at rest, below it there is a yield stress.

At vanishing shear rate and vanishing D a block lands at y and draws its threshold c'. Where
|y| < c' it rests, diffuses for a mean time (c'^2 - y^2)/(2D), and yields at c'. Where not, it
yields at once, at y: a delay of the order of tau counts for nothing. So the stresses of successive
yields, taken positive by symmetry, are a Markov chain,

    s -> max(c', |y|),    y = scale s + offset, with the weights of the landing rule,

and D = alpha (a Gamma + b int nu (s - s')^2 P ds), a + b = 1, has a solution with D -> 0 at

    1/alpha_c = 2 E_class[ E (a + b (s - y)^2) / E(c'^2 - y^2)+ ]

(a = 1 for ``ActivityNoise``, b = 1 for ``DropNoise``) in the chain's stationary law, with one class
where thresholds are redrawn and one class a threshold where they are quenched. Blocks that land
over their threshold for ever make noise at D = 0, hence alpha_c = 0; unless it is the drops that
count and these vanish with D: such blocks yield where they landed, give or take
<(s - y)^2> = 2D tau, and count 2 in the sum.

Where quenched thresholds come close to 0 the sum diverges if P(c < e) falls no faster than e^2,
because the weakest blocks then yield at a rate that does not vanish with D: alpha_c = 0 again.
Drops that vanish with the threshold (``DropNoise`` and landings proportional to s) undo that.
"""

from __future__ import annotations

import math

import numpy as np

from hebraud._typing import Floats
from hebraud.analytic.moments import has_moment
from hebraud.model.model import Model, check_model
from hebraud.model.relaxation import LandingLines
from hebraud.model.thresholds import Thresholds

__all__ = ["critical_coupling", "rest_nodes", "weight_exponent"]

_POINTS = 600
"""Of the chain's grid, beside the thresholds, where most of them are; errors fall as its square."""
_LONG = 20.0
"""Where the grid goes on evenly in ln s, in medians ..."""
_STEP = 0.1
"""... at this distance."""
_TURNS = 60
"""Of the chain, by which its law is known to the order of magnitude everywhere."""
_NEVER = 1e-250
"""Chances that only states have to which no turn leads back."""
_MOMENTS = 1e-9
"""Accuracy of the moments of the thresholds of the chain ..."""
_KINK = 1e-3
"""... and what a kink may do to one of them: errors are below 1e-4 of it, as kinks cancel."""
_LINES = 801
"""For a continuous landing rule: so close that kinks at the threshold do not matter."""


def weight_exponent(thresholds: Thresholds) -> float:
    """Return e of P(c < x) ~ x^e at small thresholds x; infinite for a law that does not reach 0.

    Where a rule does not state it (``exponent_at_zero``) it is read off the lowest quantiles.
    """
    stated = getattr(thresholds, "exponent_at_zero", None)
    if stated is not None:
        return float(stated)
    # low enough that the next power counts for 1e-5, high enough that floats resolve 1 - q
    above, below = thresholds.ppf(np.array([1e-10, 1e-11]))
    return 1.0 / math.log10(above / below) if above > below else math.inf


def rest_nodes(thresholds: Thresholds, breaks: Floats | float) -> tuple[Floats, Floats]:
    """Return nodes of quenched thresholds for means of rates at rest, which go as c^-2.

    A rule without ``weak_nodes`` gives its usual nodes.
    """
    weak = getattr(thresholds, "weak_nodes", None)
    nodes: tuple[Floats, Floats] = (
        thresholds.nodes(breaks=breaks) if weak is None else weak(breaks=breaks)
    )
    return nodes


def critical_coupling(model: Model) -> float:
    """Return the critical coupling, in the unit of the model's own coupling.

    For ``ActivityNoise`` it is measured in D/Gamma (1/2 in the classical model), for ``DropNoise``
    in D over the released square (1/2 too for full relaxation; the two differ elsewhere and must
    not be compared). For a coupling with both it is the sum of the two numbers that it states,
    ``per_event + per_square``, where both are scaled alike.

    Parameters
    ----------
    model : Model
        Any coupling without constant noise; its value does not matter. Accurate to 1e-9, or to what
        the quadrature of the threshold law gives; where blocks can land over a threshold at a
        stress that depends on where they yielded, to 1e-4.

    Returns
    -------
    float
        0.0 where blocks make noise even at rest: quenched thresholds whose <c^-2> diverges (any law
        with weight at c = 0; Weibull of shape <= 2), or blocks that land over their threshold for
        ever. Infinite where no coupling keeps the noise alive: every block lands on its threshold,
        or thresholds are redrawn from a law whose <c^2> diverges, so that blocks rest for ever.

    Raises
    ------
    ValueError
        For ``FixedNoise`` and any coupling with a constant part: there is a state of rest whatever
        the feedback.
    NotImplementedError
        Where events can raise a stress over the threshold without bound, and where landings of
        ``GaussianLanding`` scatter by more than five times the lowest threshold.
    """
    constant, per_event, per_square = check_model(model).noise
    if constant:
        raise ValueError(
            "critical_coupling needs a coupling with feedback and without constant noise, got "
            f"{model.coupling!r}: D = {constant:g} without events keeps a state of rest at every "
            "coupling"
        )
    event, square = per_event / model.noise.alpha, per_square / model.noise.alpha
    lines = model.relaxation.quadrature(_LINES)
    landings = np.abs(lines.offset[lines.scale == 0.0])

    def noise(c: Floats, weight: Floats) -> float:
        """Return the noise over alpha D of blocks that draw their thresholds from c."""
        rest, drop = _means(model, c, weight, lines)
        made = event + square * drop
        if rest == 0.0:
            return math.inf if made > 0.0 else 2.0 * bool(landings.max() > c.max())
        return 2.0 * made / rest

    if model.thresholds.redraws:
        if not has_moment(model, 2):
            return math.inf
        c, weight = model.thresholds.nodes(breaks=landings)
        if _depends(c, lines):
            c, weight = _fine(model)
        total = noise(c, weight)
    else:
        if weight_exponent(model.thresholds) <= 2.0 + 1e-4:
            # does what weak blocks make fall with the square of their threshold, as their times do?
            median = float(model.thresholds.ppf(np.array([0.5]))[0])
            weak, usual = (
                event + square * _means(model, np.array([c]), np.ones(1), lines)[1]
                for c in (1e-6 * median, median)
            )
            if weak > 1e-9 * usual:
                return 0.0
        thresholds = rest_nodes(model.thresholds, landings)
        variance = lines.weight @ lines.offset**2 - (lines.weight @ lines.offset) ** 2
        if model.scatters and math.sqrt(variance) > 5.0 * thresholds[0][0]:
            raise NotImplementedError(
                f"the critical coupling of {model!r} is not known: landings scatter by more than "
                f"five times the lowest threshold, {thresholds[0][0]:.3g}; find it from "
                "steady_state(model, 0.0), which raises at and below it"
            )
        classes = zip(*thresholds, strict=True)
        total = float(sum(w * noise(np.array([c]), np.ones(1)) for c, w in classes))
    return 1.0 / total if total > 0.0 else math.inf


def _depends(c: Floats, lines: LandingLines) -> bool:
    """Return True where a landing over a threshold depends on the stress of the yield."""
    landing = np.abs(lines.scale * c[:, None] + lines.offset)
    return bool(np.any(lines.scale) and landing.max() >= c.min())


def _means(model: Model, c: Floats, weight: Floats, lines: LandingLines) -> tuple[float, float]:
    """Return the means of (c'^2 - y^2)+ and of the released square (s - y)^2 over the chain."""
    if _depends(c, lines):
        s, chance = _chain(model, c, weight, lines)
    else:  # the next yield depends on no more than which line was taken
        fixed = np.abs(lines.offset) if not np.any(lines.scale) else np.zeros(lines.weight.size)
        s = np.maximum.outer(c, fixed).ravel()
        chance = np.multiply.outer(weight, lines.weight).ravel()
    y = lines.scale * s[:, None] + lines.offset
    first = np.searchsorted(c, np.abs(y))  # thresholds from here on are at or above |y|
    above = np.append(np.cumsum(weight[::-1])[::-1], 0.0)
    squares = np.append(np.cumsum((weight * c**2)[::-1])[::-1], 0.0)
    rest = np.where(first < c.size, np.maximum(squares[first] - y**2 * above[first], 0.0), 0.0)
    drop = (s[:, None] - y) ** 2
    return float(chance @ rest @ lines.weight), float(chance @ drop @ lines.weight)


def _fine(model: Model) -> tuple[Floats, Floats]:
    """Return nodes of a law so close that the kinks of max(c', y) do not matter.

    They reach as far as the mean square does, in a tail that falls as a power to a Pareto law.
    """
    return model.thresholds.nodes(_MOMENTS, kinks=_KINK)


def _chain(model: Model, c: Floats, weight: Floats, lines: LandingLines) -> tuple[Floats, Floats]:
    """Return stresses at yield and their stationary chances, on a grid that holds every c.

    A landing between two points of the grid is shared between them so that its mean square is kept,
    which is what far tails are looked at for.
    """
    steepest = float(np.abs(lines.scale).max())
    if steepest >= 1.0:
        raise NotImplementedError(
            f"the critical coupling of {model!r} is not known: events can raise the stress of a "
            "block over its threshold without bound; find it from steady_state(model, 0.0)"
        )
    top = max(float(c.max()), float(np.abs(lines.offset).max()) / (1.0 - steepest))
    dense = min(_LONG * float(model.thresholds.ppf(0.5)), top)
    far = np.exp(np.arange(math.log(dense), math.log(top), _STEP))
    s = np.unique(np.concatenate([c, np.linspace(c.min(), dense, _POINTS), far, [top]]))
    landing = np.abs(lines.scale * s[:, None] + lines.offset)
    rows = np.arange(s.size)[:, None]
    move = np.zeros((s.size, s.size))
    # a fresh threshold at or above the landing: the block rests, and yields there
    at = np.searchsorted(c, landing)
    arrived = np.zeros((s.size, c.size + 1))
    np.add.at(arrived, (rows, at), np.broadcast_to(lines.weight, at.shape))
    move[:, np.searchsorted(s, c)] = weight * np.cumsum(arrived, axis=1)[:, :-1]
    # one below it: the block yields where it landed
    again = np.append(0.0, np.cumsum(weight))[at] * lines.weight
    left = np.clip(np.searchsorted(s, landing, side="right") - 1, 0, s.size - 2)
    square = s * s
    rise = square[left + 1] - square[left]
    share = np.where(again > 0.0, (landing**2 - square[left]) / rise, 0.0)
    np.add.at(move, (rows, left), again * (1.0 - share))
    np.add.at(move, (rows, left + 1), again * share)
    return s, _stationary(move)


def _stationary(move: Floats) -> Floats:
    """Return the stationary law of a chain, right in every component however small.

    It is solved for in units of what some turns of the chain make of it: chances of 1e-30 in a tail
    count in a mean square, and are nothing to an elimination beside 1.
    """
    rough = np.full(move.shape[0], 1.0 / move.shape[0])
    for _ in range(_TURNS):
        rough = rough @ move
    kept = np.flatnonzero(rough > _NEVER)
    unit = rough[kept]
    balance = move[np.ix_(kept, kept)].T * unit / unit[:, None] - np.eye(kept.size)
    last = int(unit.argmax())
    balance[last] = unit
    chance = np.zeros_like(rough)
    chance[kept] = unit * np.linalg.solve(balance, np.eye(kept.size)[last])
    return chance
