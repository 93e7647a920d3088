"""Sums over the increments of many series at many lags."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["increment_sums"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@kernel(fastmath={"reassoc", "contract"})
def increment_sums(
    series: Floats, epoch: Integers, lags: Integers, drift: float, parts: int
) -> tuple[Integers, Floats]:
    """Return the number of increments (parts, lags) and the sums of their powers (.., 4).

    The increment of column m from row i over a lag of k rows is series[i + k, m] - series[i, m] -
    drift k; it counts if rows i and i + k have the same epoch, for the part i parts // rows.
    """
    rows, columns = series.shape
    count = np.zeros((parts, lags.size), dtype=np.int64)
    sums = np.zeros((parts, lags.size, 4))
    for q in range(lags.size):
        lag = lags[q]
        shift = drift * lag
        for i in range(rows - lag):
            if epoch[i] != epoch[i + lag]:
                continue
            one = two = three = four = 0.0
            for m in range(columns):
                x = series[i + lag, m] - series[i, m] - shift
                square = x * x
                one += x
                two += square
                three += square * x
                four += square * square
            part = i * parts // rows
            count[part, q] += columns
            sums[part, q, 0] += one
            sums[part, q, 1] += two
            sums[part, q, 2] += three
            sums[part, q, 3] += four
    return count, sums
