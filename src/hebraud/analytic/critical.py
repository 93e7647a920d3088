r"""The critical coupling: above it the model flows at rest, below it there is a yield stress.

At vanishing shear rate and vanishing D a block yields at its threshold c and lands at x, and the
time to diffuse from x to the threshold c' of its next cycle is (c'^2 - x^2)/(2D), or of the order
of tau where |x| >= c'. So D = coupling(Gamma) has a solution with D -> 0 at

    ActivityNoise   1/alpha_c = 2 E_class[ 1/E(c'^2 - x^2)+ ]
    DropNoise       1/alpha_c = 2 E_class[ E (s - x)^2 / E(c'^2 - x^2)+ ]

with one class where thresholds are redrawn and one class a threshold where they are quenched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hebraud.model.coupling import ActivityNoise, FixedNoise
from hebraud.model.model import Model

__all__ = ["critical_coupling"]


def _inverse_square_diverges(law: Any) -> bool:
    """True where the law of c has no <c^-2>: P(c < e) falls no faster than e^2 as e -> 0."""
    if isinstance(law, tuple):
        return False
    if float(law.cdf(0.0)) > 0.0:
        return float(law.pdf(0.0)) > 0.0
    near = float(law.median()) * np.array([1e-6, 1e-7])
    below = np.asarray(law.cdf(near), dtype=np.float64)
    if np.any(below == 0.0):
        return False
    exponent = float(np.log10(below[0] / below[1]))
    return exponent <= 2.0 + 1e-4


def critical_coupling(model: Model) -> float:
    """Return the critical coupling, in the unit of the model's own coupling.

    For ``ActivityNoise`` it is measured in D/Gamma (1/2 in the classical model), for ``DropNoise``
    in D over the released square (1/2 too for full relaxation; the two differ elsewhere and must
    not be compared).

    Parameters
    ----------
    model : Model
        Any coupling but ``FixedNoise``; its value does not matter. Every landing must lie below
        every threshold, or be a fixed point.

    Returns
    -------
    float
        0.0 for quenched thresholds whose <c^-2> diverges (any law with weight at c = 0; Weibull of
        shape <= 2): the weakest blocks are never at rest.

    Raises
    ------
    ValueError
        For ``FixedNoise``, which has no feedback.
    NotImplementedError
        Where a block can land over its threshold at a stress that depends on where it yielded.
    """
    coupling = model.coupling
    if isinstance(coupling, FixedNoise):
        raise ValueError(f"critical_coupling needs a coupling with feedback, got {coupling!r}")
    alpha: float = coupling.alpha  # type: ignore[attr-defined]
    c, weight = model.thresholds.nodes()
    lines = model.relaxation.quadrature(64)
    # x[j, q]: where a block of threshold c[j] lands when it yields at +c[j]
    x = lines.scale * c[:, None] + lines.offset
    only_counts = isinstance(coupling, ActivityNoise) and model.relaxation.fixed_points is not None
    if not only_counts and np.abs(x).max() >= c.min():
        raise NotImplementedError(
            f"blocks of {model!r} can land over a threshold (landing up to {np.abs(x).max():.3g}, "
            f"thresholds from {c.min():.3g}), where no formula for the critical coupling is known "
            "here; find it from steady_state(model, 0.0), which raises at and below it"
        )
    drop = (c[:, None] - x) ** 2 @ lines.weight
    if model.thresholds.redraws:
        # the next threshold, m, is drawn without regard to the landing (j, q)
        rest = np.maximum(c[:, None, None] ** 2 - x**2, 0.0)
        time = np.einsum("m,j,q,mjq->", weight, weight, lines.weight, rest)
        classes, time, drop = np.ones(1), np.array([time]), np.array([weight @ drop])
    else:
        if _inverse_square_diverges(getattr(model.thresholds, "law", ())):
            return 0.0
        classes, time = weight, np.maximum(c[:, None] ** 2 - x**2, 0.0) @ lines.weight
    if np.any(time == 0.0):
        return 0.0  # some blocks land over their threshold for ever
    rate = 2.0 / time
    return alpha / float(coupling.diffusion(float(classes @ rate), float(classes @ (rate * drop))))
