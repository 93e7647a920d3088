"""Means of local yield stresses and stress drops over blocks and snapshots."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hebraud._typing import Floats
from hebraud.md.measure.resampling import bootstrap_weights, resampled_ratio, spread
from hebraud.rheology.estimate import Estimate

__all__ = ["yield_means"]


def yield_means(
    threshold: Floats, drops: Mapping[str, Floats], replicates: int = 1000
) -> tuple[dict[str, Estimate], dict[str, Floats]]:
    """Return the mean and the standard deviation of thresholds, and the mean of every drop.

    Parameters
    ----------
    threshold : (K, B) array
        One row a snapshot, one column a block; NaN where a block has not yielded (left out).
    drops : mapping of (K, B) arrays
    replicates : int
        Bootstrap draws of whole snapshots behind the errors.

    Returns
    -------
    estimates, drawn : dict
        ``sigma_c``, ``sigma_c_std`` and the names of the drops: estimates, and joint replicates.

    Raises ``MeasurementError`` for fewer than 8 snapshots, or if a draw holds no yielded block.
    """

    def mean(values: Floats, draws: Floats) -> Floats:
        known = np.isfinite(values)
        return resampled_ratio(draws, np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))

    def means(draws: Floats) -> dict[str, Floats]:
        first, second = mean(threshold, draws), mean(threshold**2, draws)
        return {
            "sigma_c": first,
            "sigma_c_std": np.sqrt(second - first**2),
            **{name: mean(drop, draws) for name, drop in drops.items()},
        }

    drawn = means(bootstrap_weights(len(threshold), replicates))
    best = means(np.ones((1, len(threshold))))
    left = int(np.count_nonzero(~np.isfinite(threshold)))
    note = f"{threshold.size} blocks of {len(threshold)} snapshots, {left} not yielded"
    estimates = {
        name: Estimate(float(best[name][0]), spread(drawn[name]), len(threshold), note)
        for name in best
    }
    return estimates, drawn
