"""Errors of ratios of sums, by a bootstrap of time blocks.

Chains are cut into time blocks (units); each gives a numerator and a denominator, and a measure is
a ratio of their sums. A replicate draws as many units as there are, with replacement: a row of
multiplicities. Measures with the same rows stay correlated, so that their ratio's error is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import MeasurementError, check_whole_number

__all__ = ["bootstrap_weights", "resampled_ratio", "spread"]


#: Below this the bootstrap's error is too small by more than sqrt(7/8), 6 %, and itself noisy.
_FEWEST_UNITS = 8
_ONE_SIGMA = (0.15865525393145707, 0.8413447460685429)  # of a normal law, -1 and 1


def bootstrap_weights(units: int, replicates: int = 1000, seed: int = 0) -> Floats:
    """Return how often each unit is drawn in each replicate, shape (replicates, units).

    Units are time blocks of all chains together, in a fixed order, each much longer than the
    correlation. The same arguments give the same rows.

    Raises ``ValueError`` if ``replicates`` < 100 or ``units`` < 1, ``MeasurementError`` for fewer
    than 8 units.
    """
    units = check_whole_number("units", units, at_least=1)
    replicates = check_whole_number("replicates", replicates, at_least=100)
    if units < _FEWEST_UNITS:
        raise MeasurementError(
            f"{units} time blocks are too few for an error bar (at least {_FEWEST_UNITS} in all "
            "chains together); cut the chains into more blocks, shear longer or add seeds"
        )
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1.0 / units), size=replicates).astype(np.float64)


def resampled_ratio(weights: ArrayLike, numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """Return sum(numerator)/sum(denominator) in every replicate, shape (R,) or (R, K).

    ``weights`` (R, U) are of `bootstrap_weights`; numerator and denominator are (U,) or (U, K).
    Raises ``MeasurementError`` if a denominator is 0: too few units hold any data.
    """
    rows = np.asarray(weights, dtype=np.float64)
    below = rows @ np.asarray(denominator, dtype=np.float64)
    if np.any(below == 0.0):
        raise MeasurementError(
            "some replicates hold no data: too few time blocks contribute; take longer blocks or "
            "shorter lags"
        )
    return np.asarray(rows @ np.asarray(numerator, dtype=np.float64) / below)


def spread(replicates: ArrayLike) -> float:
    """Return the standard error: half the width of the central 68.3 % of the replicates.

    For a normal law it is the standard deviation; it also exists where a denominator comes near
    zero.
    """
    low, high = np.quantile(np.asarray(replicates, dtype=np.float64), _ONE_SIGMA)
    return float(high - low) / 2.0
