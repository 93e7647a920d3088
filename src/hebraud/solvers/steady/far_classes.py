"""Replacement of thresholds that are too large for any grid by two that give the same means.

A grid has faces at the thresholds, and beside each of them cells that are much smaller than the
layer there. At thresholds beyond some 1e9 layer widths floats cannot hold such cells. But so far
out all means over a cycle are simple. In flow a block reaches its threshold by shear, and never
yields against it: where thresholds are redrawn what is averaged over them is a polynomial of degree
two in c, and where they are quenched a sum of c, 1 and 1/c, all up to exp(-40). At rest it is a
polynomial of degree two, exactly, or constant up to c^-2. Two thresholds with the right moments
give the same means.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud.analytic import exact
from hebraud.errors import ConvergenceError
from hebraud.model.model import Model

__all__ = ["instead", "resolvable"]

Floats = NDArray[np.float64]
Nodes = tuple[Floats, Floats]

_RESOLVED = 5e9
"""Largest threshold, in units of the layer's width, at which floats resolve its cells."""
_LONG = 1e6
"""A law that ends below this many medians is kept as it is."""
_KEPT = 1e-4
"""Thresholds below this fraction of the largest that a grid resolves are kept: densities are read
off there."""
_FAR = {True: 40.0, False: 1e3}
"""Thresholds from which on means are simple, in units of D/g plus the layer's width: where they are
redrawn, and where they are kept."""


def instead(model: Model) -> str:
    """Return advice for a law that is too wide for a grid."""
    if exact.applies(model):
        return "use Exact(), which has no grid"
    return "cut the law off, or give samples of it: no other solver takes this model"


def resolvable(model: Model, shear_rate: float, diffusion: float, nodes: Nodes) -> Nodes:
    """Return nodes that a grid can hold: the same ones, or two for all that are too far out.

    Raises
    ------
    ConvergenceError
        If thresholds are too large for a grid where means over them are not simple yet.
    """
    values, weights = nodes
    g, redraws, fixed = abs(shear_rate), model.thresholds.redraws, model.relaxation.fixed_points
    width = 0.5 * (g + math.hypot(g, 2.0 * math.sqrt(diffusion)))
    most = _RESOLVED * width
    if values[-1] <= max(most, _LONG * float(model.thresholds.ppf(0.5))):
        return nodes
    simple = math.inf if fixed is None else 2.0 * float(np.abs(fixed.offset).max())
    simple = max(simple, _FAR[redraws] * (width + (diffusion / g if g > 0.0 else 0.0)))
    start = max(simple, _KEPT * most)
    far = values > start
    if np.count_nonzero(far) <= 2 or start > most:
        raise ConvergenceError(
            f"the thresholds of {model!r} reach to {values[-1]:.3g}, and at shear rate "
            f"{shear_rate:g} no grid holds the layers of width {width:.2g} beside those beyond "
            f"{most:.2g}; {instead(model)}"
        )
    c, w = values[far], weights[far]
    power = 0 if redraws else -1
    low = float(c[0])
    rising = [float(w @ (c ** (power + n) * (c - low))) for n in (0, 1)]
    high = rising[1] / rising[0]
    # moments power, power + 1 and power + 2 of the two are those of all
    on_high = rising[0] / (high - low)
    on_low = float(w @ c**power) - on_high
    two = np.array([on_low, on_high]) * np.array([low, high]) ** -power
    return np.append(values[~far], [low, high]), np.append(weights[~far], two)
