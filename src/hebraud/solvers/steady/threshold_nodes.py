"""Threshold nodes of a continuous law: as many as the tolerance asks for.

The future of a block has a kink where its threshold meets the stress at which it lands. Where
landings are fixed the quadrature breaks there, and means over it are those of smooth functions.
Where thresholds are redrawn and landings are spread out, every pair of thresholds, the one that was
left and the one that is drawn, makes a kink of its own, and no quadrature breaks at all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.model.model import Model
from hebraud.model.relaxation import Relaxation
from hebraud.model.thresholds import Thresholds, continuous
from hebraud.solvers.chain.extrapolation import Extrapolation
from hebraud.solvers.chain.grid import cycle_time
from hebraud.solvers.steady.roots import Family, log_excess

__all__ = ["kinks_for", "landings", "nodes_for_runs", "nodes_of_past", "threshold_nodes"]

Floats = NDArray[np.float64]
Nodes = tuple[Floats, Floats]

_LOOSEST = 1e-3
"""Tolerance of the nodes of a run beyond which they would be too few to stand for a law."""
_LINES = 64
"""Landing lines from which the standard deviation of landings is computed."""
_CAUTION = 0.25
"""The thinnest layer of a run, in units of what keeps itself going."""
_FINEST = 0.01
"""The narrowest pulse that is looked for, in units of the median threshold."""
_SHARE = 0.25
"""Part of the tolerance that the thresholds may be off by where kinks are everywhere."""
_KINKS = 0.1
"""Relative error of a mean by a single kink in the first quadrature with kinks ..."""
_HALVED = 0.125
"""... and the factor by which it falls when every panel is halved."""
_BLUR = 0.3
"""Accuracy of the means that are compared, in units of the difference allowed."""
_ASSUMED = 1e-4
"""Error of a mean by all kinks, in units of that of one. Measured values are a few times less."""
_LOOK = 0.1
"""Residual of the null vectors, in units of the accuracy of the means compared."""


def kinks_for(relaxation: Relaxation, redraws: bool, rtol: float) -> float:
    """Return the error allowed by a kink, where there is no state yet to compare nodes by."""
    return rtol / _ASSUMED if _everywhere(relaxation, redraws) else math.inf


def _everywhere(relaxation: Relaxation, redraws: bool) -> bool:
    """Return True where kinks may be anywhere in the law."""
    return redraws and relaxation.fixed_points is None


def landings(model: Model) -> tuple[Floats, Floats]:
    """Return fixed landing stresses and their fractions; zero where blocks land anywhere."""
    fixed = model.relaxation.fixed_points
    if fixed is None:
        return np.zeros(1), np.ones(1)
    return np.abs(fixed.offset), fixed.weight


def nodes_for_runs(model: Model, width: float, rtol: float, fastest: float = math.inf) -> Nodes:
    """Return threshold nodes for a run, where D and P are not known yet, and g as its largest.

    What a run makes of a threshold has a layer where the threshold meets a landing, as wide as
    what a block moves in a tau: no less than what the noise does that keeps itself going. It also
    changes wherever a pulse of P comes to it, over the width of the pulse: no less than ``width``,
    that of P at the start, and what the noise of a burst of yields makes of what has landed; and of
    this no less than what the noise that is always there makes of it on the way to the threshold,
    which takes as long as the ``fastest`` shear rate lets it.
    """
    law, points = model.thresholds, landings(model)[0]
    kinks = kinks_for(model.relaxation, law.redraws, rtol)
    tolerance = min(_LOOSEST, rtol)
    graded = continuous(law)
    if graded is None:
        return law.nodes(tolerance, points, kinks)
    if model.scatters:  # the spread of the landings smooths the kinks
        width, kinks = min(width, _scatter(model)), math.inf
    burst = math.sqrt(model.noise.diffusion(1.0, float(law.ppf(0.5)) ** 2))
    layer = _CAUTION * _step_in_a_tau(model)
    widths = _on_the_way(model, width, fastest, _widths(law, width, burst))
    return graded.resolved(tolerance, points, kinks, layer, widths)


def _on_the_way(
    model: Model, width: float, fastest: float, widths: Callable[[Floats], Floats]
) -> Callable[[Floats], Floats]:
    """Return the widths of pulses at thresholds, given those that they land with.

    A pulse that has come a distance has spread by the constant noise meanwhile; that of the start,
    of the given width, may have been near.
    """
    lines, noise = model.relaxation.quadrature(_LINES), model.noise.constant
    kept, farthest = float(np.abs(lines.scale).max()), float(np.abs(lines.offset).max())
    if noise == 0.0 or fastest == math.inf:
        return widths

    def grown(c: Floats) -> Floats:
        way, landed = np.maximum((1.0 - kept) * c - farthest, 0.0), widths(c)
        if fastest > 0.0:
            spread = np.hypot(landed, np.sqrt(2.0 * noise * way / fastest))
        else:  # nothing is moved but by noise
            spread = np.where(way > 0.0, width, landed)
        return np.minimum(spread, np.maximum(width, landed))

    return grown


def _scatter(model: Model) -> float:
    """Return the standard deviation of where blocks land that yield at the median threshold."""
    lines = model.relaxation.quadrature(_LINES)
    image = lines.scale * float(model.thresholds.ppf(0.5)) + lines.offset
    return math.sqrt(float(lines.weight @ (image - lines.weight @ image) ** 2))


def nodes_of_past(law: Thresholds, width: float, rtol: float) -> Nodes:
    """Return threshold nodes for a law that blocks have at t = 0 and that no event draws.

    No block lands on them: all that is sharp is a P of the given width that comes to them.
    """
    tolerance = min(_LOOSEST, rtol)
    graded = continuous(law)
    if graded is None:
        return law.nodes(tolerance)
    return graded.resolved(tolerance, (), math.inf, math.inf, _widths(law, width, width))


def _widths(law: Thresholds, width: float, burst: float) -> Callable[[Floats], Floats]:
    """Return the width of the narrowest pulse that may come to a threshold.

    Beyond twice the median half of the blocks have yielded before anything comes there, so that it
    has spread as sqrt(c), by the noise of an event a block each median.
    """
    median = float(law.ppf(0.5))
    finest = max(min(width, burst), _FINEST * median)

    def widths(c: Floats) -> Floats:
        return np.where(
            c > 2.0 * median, np.maximum(burst * np.sqrt(0.5 * c / median), finest), finest
        )

    return widths


def _step_in_a_tau(model: Model) -> float:
    """Return sqrt(D) of the noise that those blocks alone make that land near their thresholds.

    Those are the blocks with thresholds up to sqrt(D) above the landing. Zero where they cannot
    keep each other going.
    """
    points, shares = landings(model)
    quantile = np.geomspace(1e-12, 1.0, 400, endpoint=False)
    c = model.thresholds.ppf(quantile)
    largest = 0.0
    for point, share in zip(points, shares, strict=True):
        noise = np.zeros_like(c) + model.noise.diffusion(share * quantile, share * quantile * c * c)
        kept = noise >= np.maximum(c - point, 0.0) ** 2
        if kept.any():
            largest = max(largest, math.sqrt(float(noise[kept].max())))
    return largest


def threshold_nodes(
    model: Model, shear_rate: float, diffusion: float, rtol: float
) -> tuple[Nodes, float]:
    """Return threshold nodes, and the relative error of a mean over them.

    Raises
    ------
    ConvergenceError
        If so many thresholds are needed that no grid is fine enough for them.
    """
    law = model.thresholds
    points, shares = landings(model)
    if model.spread.discrete:
        return law.nodes(), 0.0
    nodes, tolerance, error = _between_kinks(model, shear_rate, diffusion, rtol, points, shares)
    if _everywhere(model.relaxation, law.redraws):
        nodes, added = _among_kinks(model, shear_rate, diffusion, rtol, tolerance, nodes)
        error += added
    return nodes, error


def _between_kinks(
    model: Model,
    shear_rate: float,
    diffusion: float,
    rtol: float,
    points: Floats,
    shares: Floats,
) -> tuple[Nodes, float, float]:
    """Return nodes, the tolerance of their quadrature, and the error of a mean of smooth functions.

    The means looked at are those that matter at this D: of the cycle time where thresholds are
    redrawn, of its inverse where they are quenched; and, in flow, of about what stress is left:
    c/2 far out, and g c^2/(12 D) where shear hardly shows.
    """
    law = model.thresholds
    power = 1.0 if law.redraws else -1.0

    def means(values: Floats, weights: Floats) -> Floats:
        times = shares @ np.stack(
            [cycle_time(values, shear_rate, diffusion, float(x)) for x in points]
        )
        tilt = abs(shear_rate) * values / diffusion
        stress = values * tilt / (12.0 + 2.0 * tilt) * (times if law.redraws else 1.0)
        rows = [times**power, stress] if shear_rate != 0.0 else [times**power]
        return np.stack(rows) @ weights

    tolerance = 0.1 * rtol
    while True:
        nodes, finer = law.nodes(tolerance, points), law.nodes(0.01 * tolerance, points)
        exact = means(*finer)
        error = float(np.max(np.abs(means(*nodes) - exact) / exact))
        if error <= 0.05 * rtol or tolerance < 1e-11:
            return nodes, tolerance, error
        tolerance *= 0.1


def _among_kinks(
    model: Model, shear_rate: float, diffusion: float, rtol: float, tolerance: float, nodes: Nodes
) -> tuple[Nodes, float]:
    """Return nodes dense enough for kinks everywhere, and their error.

    Nodes are compared with others of half the distance by what they make of one D. The kinks of
    the many pairs lie at all distances from the nodes and cancel in part, so that errors fall with
    the square or faster: of the difference, four thirds are of the one and a third of the other.
    """
    kinks, aim = _KINKS, _SHARE * rtol
    means = _means(model, shear_rate, diffusion, nodes, _BLUR * aim)
    while True:
        denser = model.thresholds.nodes(tolerance, 0.0, kinks)
        before, means = means, _means(model, shear_rate, diffusion, denser, _BLUR * aim)
        change = float(np.max(np.abs(means - before)))
        if 4.0 * change <= 3.0 * aim:
            return nodes, 4.0 / 3.0 * change
        if change <= 3.0 * aim:
            return denser, change / 3.0
        nodes, kinks = denser, _HALVED * kinks


def _means(
    model: Model, shear_rate: float, diffusion: float, nodes: Nodes, accuracy: float
) -> Floats:
    """Return the logs of coupling(D)/D, activity and stress at a given D, the grid's error out."""
    family, parts = Family.around(model, shear_rate, diffusion, nodes), 1
    number, limit = family.first_cells(), Extrapolation(3)
    while np.max(limit.errors) > accuracy:
        if number * parts > family.most_cells():
            raise ConvergenceError(
                f"the threshold law of {model!r} at shear rate {shear_rate:g} becomes "
                f"{nodes[0].size} thresholds or more, and what they make of D is not known to "
                f"{accuracy:.1e} on {family.most_cells()} cells; loosen rtol, or give samples of "
                "the law"
            )
        found = family.chain(number, parts).occupation(diffusion, _LOOK * accuracy)
        excess = log_excess(model, found, math.log(diffusion))
        stress = math.log(abs(found.stress)) if shear_rate != 0.0 else 0.0
        limit.add(np.array([excess, math.log(found.activity), stress]))
        parts *= 2
    return limit.values
