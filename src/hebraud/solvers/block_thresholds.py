"""Check that the thresholds of blocks can be a sample of the law that they keep for ever."""

from __future__ import annotations

import math

import numpy as np

from hebraud._typing import Floats
from hebraud.model.model import Model

__all__ = ["check_sample"]

_APART = 2e-9
"""Relative distance of two thresholds that count as one: grids do not tell them apart."""
_PLACES = 33
"""Quantiles at which two laws are compared: enough for their bulk, and cheap for any law."""


def check_sample(model: Model, stresses: Floats, thresholds: Floats) -> None:
    """Raise ``ValueError`` where blocks that keep their thresholds cannot be a sample of the law.

    Their distribution function may differ from that of the law by 3/sqrt(n), where n is the number
    of blocks with different stresses. One sample in 3e7 differs by more (Kolmogorov). Where the
    model has one threshold all blocks must have it.
    """
    if model.thresholds.redraws:
        return
    c = np.sort(thresholds)
    values, weights = model.thresholds.nodes(1e-3)
    if values.size == 1:
        misfit, allowed = float(np.abs(c / values[0] - 1.0).max()), _APART
    else:
        quantile = (np.arange(_PLACES) + 0.5) / _PLACES
        x = model.thresholds.ppf(quantile)
        # either side of a value that many blocks share
        below, upto = np.searchsorted(c, x) / c.size, np.searchsorted(c, x, side="right") / c.size
        misfit = float(np.max(np.maximum(below - quantile, quantile - upto)))
        allowed = 3.0 / math.sqrt(np.unique(stresses).size)
        if not model.spread.discrete and _few_classes_of(c, model, allowed):
            allowed += float(np.unique(c, return_counts=True)[1].max()) / c.size
    if misfit > allowed:
        raise ValueError(
            f"start must have the thresholds of the model, which keeps them for ever: {model!r} "
            f"has <c> = {float(values @ weights):.6g}, the blocks of the start {c.mean():.6g} "
            f"({c[0]:.6g} ... {c[-1]:.6g}), and the two laws differ by {misfit:.2g} where "
            f"{allowed:.2g} is allowed; give a model with these thresholds, or another start"
        )


def _few_classes_of(c: Floats, model: Model, allowed: float) -> bool:
    """Return whether thresholds are nodes of a continuous law, drawn by their weights.

    Their distribution function has steps as high as a weight, and that of the law passes through
    each; the mean and the variance of c/(c + median) are those of the law.
    """
    median = float(model.thresholds.ppf(0.5))
    law = model.thresholds.ppf((np.arange(_PLACES) + 0.5) / _PLACES)
    own, wanted = c / (c + median), law / (law + median)
    spread = float(np.var(own)) / float(np.var(wanted))
    mean = abs(float(own.mean() - wanted.mean()))
    # a third: the error of a variance from so few quantiles and classes
    return mean <= 0.5 * allowed and abs(spread - 1.0) < 1.0 / 3.0
