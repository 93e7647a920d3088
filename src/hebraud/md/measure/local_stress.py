"""The distribution of block stresses in steady flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.md.measure.resampling import bootstrap_weights, resampled_ratio, spread
from hebraud.rheology.estimate import Estimate

__all__ = [
    "StressDensity",
    "block_stress_law",
    "counted_density",
    "time_block_moments",
]


@dataclass(frozen=True, eq=False)
class StressDensity:
    """P(sigma) of block stresses, averaged over bins.

    Attributes
    ----------
    edges : (K + 1,) array
        Of the bins, in the unit of the stress.
    density : (K,) array
        Fraction of all block stresses in each bin, over its width.
    stderr : (K,) array
        Its standard error, from time blocks.
    outside : float
        Fraction of the block stresses outside all bins.
    """

    edges: Floats
    density: Floats
    stderr: Floats
    outside: float

    @property
    def middle(self) -> Floats:
        """Return the middles of the bins."""
        return np.asarray(0.5 * (self.edges[1:] + self.edges[:-1]))


def counted_density(number: ArrayLike, total: ArrayLike, edges: ArrayLike) -> StressDensity:
    """Return P(sigma) from the counts in every time block.

    Parameters
    ----------
    number : (U, K) array
        Block stresses in each bin.
    total : (U,) array
        All of them, those outside the bins too.
    edges : (K + 1,) array

    Raises ``MeasurementError`` if there are fewer than eight time blocks.
    """
    counts, totals = np.asarray(number, dtype=np.float64), np.asarray(total, dtype=np.float64)
    bins = np.asarray(edges, dtype=np.float64)
    rows = bootstrap_weights(len(totals))
    drawn = resampled_ratio(rows, counts, np.outer(totals, np.diff(bins)))
    return StressDensity(
        edges=bins,
        density=counts.sum(axis=0) / (totals.sum() * np.diff(bins)),
        stderr=np.array([spread(column) for column in drawn.T]),
        outside=1.0 - float(counts.sum() / totals.sum()),
    )


def time_block_moments(stress: Sequence[ArrayLike], time_blocks: int = 8) -> Floats:
    """Return number, sum and sum of squares of the block stresses in every time block, (U, 3)."""
    pieces = [piece for run in stress for piece in np.array_split(np.asarray(run), time_blocks)]
    return np.array([[one.size, one.sum(), np.square(one).sum()] for one in pieces])


def block_stress_law(moments: ArrayLike) -> dict[str, Estimate]:
    """Return mean (``block stress``) and standard deviation (``block stress std``).

    Parameters
    ----------
    moments : (U, 3) array
        From `time_block_moments`.

    Raises ``MeasurementError`` if there are fewer than eight time blocks.
    """
    number, total, square = np.asarray(moments, dtype=np.float64).T

    def law(rows: Floats) -> tuple[Floats, Floats]:
        mean = resampled_ratio(rows, total, number)
        return mean, np.sqrt(resampled_ratio(rows, square, number) - mean**2)

    best, drawn = law(np.ones((1, len(number)))), law(bootstrap_weights(len(number)))
    names = ("block stress", "block stress std")
    return {
        name: Estimate(float(value[0]), spread(draws), len(number), "bootstrap of time blocks")
        for name, value, draws in zip(names, best, drawn, strict=True)
    }
