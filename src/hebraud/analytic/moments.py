"""Which moments of the threshold law a stationary state needs, and whether they exist.

A block with a large threshold c lives on it for a time c/g in flow and c^2/(2 D) at rest, and the
mean of s dt over that life is c^2/(2 g), or g c^4/(12 D^2) at small rates. Where events redraw the
threshold, all blocks share one chain: 1/Gamma is the mean of the times and the stress that of
s dt over it. So a flow has an activity where <c> exists and a stress where <c^2> does; a state of
rest needs <c^2>, and its viscosity <c^4>. Where thresholds are quenched, every class has a state of
its own, and what is averaged over the law is its stress, c/2 in flow and g c^2/(6 D) at rest.
"""

from __future__ import annotations

import math

import numpy as np

from hebraud.errors import NoStationaryState
from hebraud.model.model import Model
from hebraud.model.thresholds import Thresholds

__all__ = ["check_moments", "has_moment", "tail_exponent"]

_STEEPER = 1.02
"""By how much the exponent of a power law may rise over two decades of probability at 1e-10; those
of a lognormal or a stretched exponential law rise by 1.1 to 1.3."""


def has_moment(model: Model, power: float) -> bool:
    """Return True where <c^power> of the thresholds exists; ``power`` > 0."""
    return power < tail_exponent(model.thresholds)


def tail_exponent(thresholds: Thresholds) -> float:
    """Return a of P(c > x) ~ x^-a at large thresholds x; infinite where it falls faster.

    A rule that does not state it (``exponent_at_infinity``) is asked for its highest quantiles.
    """
    stated = getattr(thresholds, "exponent_at_infinity", None)
    if stated is not None:
        return float(stated)
    steps = np.diff(thresholds.ppf(1.0 - np.array([1e-6, 1e-8, 1e-10, 1e-12])))
    if not 0.0 < steps[0] < steps[1] < steps[2]:
        return math.inf
    before, last = math.log(100.0) / np.log(steps[1:] / steps[:-1])
    # of a power law the two are the same, wherever it begins; 1 - q is known to 1e-4 of q
    return round(float(last), 3) if last < _STEEPER * before else math.inf


def check_moments(model: Model, shear_rate: float) -> None:
    """Raise where the threshold law lacks a moment without which there is no stationary state.

    Raises
    ------
    NoStationaryState
        Naming the moment that diverges.
    """
    redraws = model.thresholds.redraws
    power = 2 if redraws else 1
    if (shear_rate == 0.0 and not redraws) or has_moment(model, power):
        return
    why = {
        (True, True): "blocks rest on a threshold for a time that goes as its square",
        (True, False): "the stress that a redrawn threshold leaves goes as its square",
        (False, False): "the stress of a block goes as its threshold",
    }[redraws, shear_rate == 0.0]
    if redraws and not has_moment(model, 1):
        power, why = 1, "blocks stay on a threshold for a time that grows with it without bound"
    falls = tail_exponent(model.thresholds)
    mean = "<c>" if power == 1 else f"<c^{power}>"
    raise NoStationaryState(
        f"no stationary state with a mean stress at shear rate {shear_rate:g} for {model!r}: "
        f"{mean} of its threshold law diverges (as far as 1e100 medians P(c > x) falls as "
        f"x^-{falls:.4g}), and {why}; cut the law off at the largest "
        "threshold that is meant, for instance as samples"
    )
