"""Stress diffusion: the mean square difference of block stresses, eq. (7), and its D."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats, Ints
from hebraud.errors import MeasurementError, check_number, check_whole_number
from hebraud.md.measure.resampling import bootstrap_weights, resampled_ratio, spread
from hebraud.rheology.estimate import Estimate

__all__ = ["StressDifferences", "StressDiffusion", "log_lags", "stress_differences"]

_POINTS = 5  # of the least-squares line that gives a local log-slope


def log_lags(longest: int, per_decade: int = 10) -> Ints:
    """Return whole numbers 1 ... longest, evenly spaced in their logarithm where they can be."""
    longest = check_whole_number("longest", longest, at_least=1)
    per_decade = check_whole_number("per_decade", per_decade, at_least=2)
    steps = math.ceil(per_decade * math.log10(longest)) + 1
    return np.unique(np.round(np.geomspace(1, longest, max(steps, 1))).astype(np.int64))


@dataclass(frozen=True, eq=False)
class StressDifferences:
    """Moments of ds = s(t0 + t) - s(t0) - G0 rate t over blocks and t0, by time block.

    Parameters
    ----------
    lag : (K,) array
        t, in the time unit of the series.
    count : (U, K) array
        Number of differences in each time block of each chain.
    sums : (U, K, 4) array
        Sums of ds, ds^2, ds^3, ds^4.
    """

    lag: Floats
    count: Ints
    sums: Floats

    def moments(self, weights: Floats | None = None) -> Floats:
        """Return <ds>, ..., <ds^4> with shape (K, 4); with weights (R, U), of each replicate."""
        rows = np.ones((1, len(self.count))) if weights is None else weights
        orders = [resampled_ratio(rows, self.sums[..., p], self.count) for p in range(4)]
        moments = np.stack(orders, axis=-1)
        return moments[0] if weights is None else moments

    def less(self, rate: float) -> StressDifferences:
        """Return the differences with ``rate`` t subtracted from each, in stress/time.

        ``rate`` = G0 shear_rate turns differences taken without it into those of eq. (7).
        """
        shift = -rate * self.lag
        powers = [self.count, *np.moveaxis(self.sums, -1, 0)]
        sums = [
            sum(math.comb(p, q) * shift ** (p - q) * powers[q] for q in range(p + 1))
            for p in range(1, 5)
        ]
        return StressDifferences(self.lag, self.count, np.stack(sums, axis=-1))

    @property
    def mean(self) -> Floats:
        """Return <ds>, shape (K,): -G0 rate t in steady flow."""
        return np.asarray(self.moments()[:, 0])

    @property
    def mean_square(self) -> Floats:
        """Return <ds^2>, shape (K,): eq. (7) of the paper."""
        return np.asarray(self.moments()[:, 1])

    @property
    def excess_kurtosis(self) -> Floats:
        """Return <(ds - <ds>)^4>/<(ds - <ds>)^2>^2 - 3, shape (K,)."""
        return _excess_kurtosis(self.moments())

    @property
    def local_exponent(self) -> tuple[Floats, Floats]:
        """Return lags, and d log<ds^2>/d log t there over five neighbouring lags."""
        middle = np.lib.stride_tricks.sliding_window_view(np.log(self.lag), _POINTS).mean(axis=1)
        return np.exp(middle), _slopes(np.log(self.lag), np.log(self.mean_square))

    def diffusion(
        self,
        tolerance: float = 0.1,
        shortest: float = 0.5,
        offset: bool = False,
        weights: Floats | None = None,
    ) -> StressDiffusion:
        """Return D_sigma of <ds^2> = a + D_sigma t, fitted over the lags where it is linear.

        The linear window is the longest stretch of lags (in log t; the earliest of equals) in which
        every local log-slope of <ds^2> - a lies within 1 +- tolerance. D_sigma is the mean of
        <ds^2>/t at its (log-spaced) lags if a = 0, else the least-squares line of <ds^2>/t in 1/t.
        With a = 0, <ds^2>/t changes by up to a factor 10^tolerance a decade within the window; that
        is part of the definition, not of the standard error.

        Parameters
        ----------
        tolerance : float
            0 < tolerance < 1.
        shortest : float
            Least length of the window in decades, > 0.
        offset : bool
            True fits a, the part of fast vibrations; False holds a = 0, as the paper does.
        weights : (R, U) array, optional
            Bootstrap draws that other measures on these chains share; None draws 1000.

        Raises
        ------
        ValueError
            For arguments outside their range.
        MeasurementError
            If there is no linear window, or too few time blocks for an error.
        """
        tolerance = check_number("tolerance", tolerance, above=0.0, below=1.0)
        shortest = check_number("shortest", shortest, above=0.0)
        rows = bootstrap_weights(len(self.count)) if weights is None else np.asarray(weights)
        window = self._linear_window(tolerance, shortest, offset)
        lag = self.lag[window]
        drawn = self.moments(rows)[:, window]
        best = self.moments()[window]
        slope, level = _line(lag, best[:, 1], offset)
        slopes, levels = _line(lag, drawn[..., 1], offset)
        log_lag = np.log(lag)
        exponent, exponents = (
            np.polynomial.polynomial.polyfit(log_lag, np.log(m).T, 1)[1]
            for m in (best[:, 1], drawn[..., 1])
        )
        middle = int(np.argmin(np.abs(log_lag - 0.5 * (log_lag[0] + log_lag[-1]))))
        kurtosis = float(_excess_kurtosis(best)[middle])
        kurtoses = _excess_kurtosis(drawn)[:, middle]
        units = len(self.count)
        return StressDiffusion(
            D_sigma=Estimate(float(slope), spread(slopes), units, "<ds^2>/t (the paper's D)"),
            window=(float(lag[0]), float(lag[-1])),
            exponent=Estimate(float(exponent), spread(exponents), units, "log-slope of <ds^2>"),
            excess_kurtosis=Estimate(
                kurtosis, spread(kurtoses), units, f"of the differences over t = {lag[middle]:g}"
            ),
            offset=Estimate(float(level), spread(levels) if offset else 0.0, units),
            replicates=slopes,
        )

    def _linear_window(self, tolerance: float, shortest: float, offset: bool) -> slice:
        log_lag, square = np.log(self.lag), self.mean_square
        if np.any(square <= 0.0):
            raise MeasurementError("the stress does not change: <ds^2> = 0 at some lags")
        n = self.lag.size
        stretches = [
            (log_lag[j] - log_lag[i], i, j + 1)
            for i in range(n)
            for j in range(i + _POINTS - 1, n)
            if log_lag[j] - log_lag[i] >= shortest * math.log(10.0) * (1.0 - 1e-12)
        ]
        for _, i, j in sorted(stretches, key=lambda stretch: (-stretch[0], stretch[1])):
            _, level = _line(self.lag[i:j], square[i:j], offset)
            rest = square[i:j] - level
            if np.all(rest > 0.0) and np.all(
                np.abs(_slopes(log_lag[i:j], np.log(rest)) - 1.0) <= tolerance
            ):
                return slice(i, j)
        local = zip(*self.local_exponent, strict=True) if n >= _POINTS else ()
        seen = ", ".join(f"{slope:.2f} at {lag:.3g}" for lag, slope in list(local)[::3])
        raise MeasurementError(
            f"no {shortest:g} decades of lags in which the log-slope of <ds^2> stays within "
            f"1 +- {tolerance:g}: it is {seen or 'unknown (too few lags)'}. The stress does not "
            "diffuse normally on these lags; look at mean_square, take other lags or more data, "
            "or choose another tolerance"
        )


@dataclass(frozen=True, eq=False)
class StressDiffusion:
    """A stress diffusion coefficient, in both conventions, and whether diffusion is normal.

    Attributes
    ----------
    D_sigma : Estimate
        The paper's coefficient <ds^2>/t, in stress^2/time.
    window : (float, float)
        First and last lag of the linear window.
    exponent : Estimate
        Log-slope of <ds^2> (a included) over the window; 1 for normal diffusion.
    excess_kurtosis : Estimate
        Of the differences over the window's middle lag; 0 for Gaussian ones.
    offset : Estimate
        a of <ds^2> = a + D_sigma t; 0 with error 0 where it was held.
    replicates : (R,) array
        Bootstrap replicates of D_sigma.
    """

    D_sigma: Estimate
    window: tuple[float, float]
    exponent: Estimate
    excess_kurtosis: Estimate
    offset: Estimate
    replicates: Floats = field(repr=False)

    @property
    def D(self) -> Estimate:
        """Return D of the equation, <ds^2> = 2 D t: half of D_sigma."""
        half, note = self.D_sigma, "<ds^2>/(2 t) (the equation's D)"
        return Estimate(half.value / 2.0, half.stderr / 2.0, half.n, note)


def _slopes(x: Floats, y: Floats) -> Floats:
    """Return slopes of the least-squares lines through every five neighbouring points."""
    x5, y5 = (np.lib.stride_tricks.sliding_window_view(values, _POINTS) for values in (x, y))
    away = x5 - x5.mean(axis=1, keepdims=True)
    return np.asarray(np.sum(away * y5, axis=1) / np.sum(away**2, axis=1))


def _line(lag: Floats, square: Floats, offset: bool) -> tuple[Floats, Floats]:
    """Return slope and level of square = level + slope lag; the last axis is lags."""
    ratio = square / lag
    slope = ratio.mean(axis=-1)
    if not offset:
        return slope, np.zeros_like(slope)
    away = 1.0 / lag - np.mean(1.0 / lag)
    level = ratio @ away / (away @ away)
    return slope - level * np.mean(1.0 / lag), level


def _excess_kurtosis(moments: Floats) -> Floats:
    one, two, three, four = np.moveaxis(moments, -1, 0)
    variance = two - one**2
    return np.asarray((four - 4 * one * three + 6 * one**2 * two - 3 * one**4) / variance**2 - 3.0)


def _rows(name: str, run: ArrayLike) -> Floats:
    array = np.ascontiguousarray(run, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 1:
        raise ValueError(f"{name} must have shape (times, blocks), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return array


def stress_differences(
    stress: Sequence[ArrayLike],
    interval: float,
    elastic_rate: float,
    epoch: Sequence[ArrayLike] | None = None,
    lags: ArrayLike | None = None,
    time_blocks: int = 8,
) -> StressDifferences:
    """Return the moments of the stress differences of eq. (7) of the paper,

        <ds^2>(t) = <(s_m(t0 + t) - s_m(t0) - G0 rate t)^2>,

    over blocks m and times t0 of steady flow. No difference spans a flip of the box. Eq. (7) sees a
    block's own plastic events beside the noise of the others (`couplings.noise_diffusion`).

    Parameters
    ----------
    stress : sequence of (T, M^2) arrays
        Block stresses of each chain, evenly spaced in time, after the transient.
    interval : float
        Time between two rows, > 0.
    elastic_rate : float
        G0 rate, the rate at which elastic blocks are loaded, in stress/time.
    epoch : sequence of (T,) arrays of int, optional
        Number of flips so far (`epochs`); None: the boxes did not flip.
    lags : array of int, optional
        Lags in rows; None takes 10 a decade up to half a time block.
    time_blocks : int
        Time blocks of each chain for the errors; a difference belongs to that of its t0.

    Raises
    ------
    ValueError
        If shapes do not match, values are not finite, or a lag is longer than a time block.
    MeasurementError
        If no two rows of one epoch are a lag apart.
    """
    from hebraud._kernels.particles.increments import increment_sums

    runs = [_rows(f"stress[{i}]", run) for i, run in enumerate(stress)]
    interval = check_number("interval", interval, above=0.0)
    elastic_rate = check_number("elastic_rate", elastic_rate)
    time_blocks = check_whole_number("time_blocks", time_blocks, at_least=1)
    if not runs:
        raise ValueError("stress must hold at least one chain, got none")
    flips = [np.zeros(len(run), dtype=np.int64) for run in runs]
    if epoch is not None:
        flips = [np.asarray(ids, dtype=np.int64) for ids in epoch]
    if [ids.shape for ids in flips] != [(len(run),) for run in runs]:
        raise ValueError(
            "epoch must give one number to each row of each chain: shapes "
            f"{[ids.shape for ids in flips]} do not match stress {[run.shape for run in runs]}"
        )
    block_rows = min(len(run) for run in runs) // time_blocks
    if block_rows < 1:
        raise MeasurementError(f"a chain has fewer rows than {time_blocks} time blocks need")
    chosen = log_lags(max(1, block_rows // 2)) if lags is None else np.unique(np.asarray(lags))
    if (
        chosen.size == 0
        or chosen.dtype.kind not in "iu"
        or chosen[0] < 1
        or chosen[-1] > block_rows
    ):
        raise ValueError(
            f"lags must be whole numbers from 1 to {block_rows} (the rows of a time block), got "
            f"{chosen.tolist()}; take fewer time_blocks or shorter lags"
        )
    sums = [
        increment_sums(run, ids, chosen.astype(np.int64), elastic_rate * interval, time_blocks)
        for run, ids in zip(runs, flips, strict=True)
    ]
    count = np.concatenate([one for one, _ in sums])
    empty = chosen[count.sum(axis=0) == 0]
    if empty.size:
        raise MeasurementError(
            f"no two rows of one epoch are {empty[0]} rows apart: the box flips too often for "
            "lags that long; take shorter lags"
        )
    return StressDifferences(
        lag=np.asarray(chosen * interval, dtype=np.float64),
        count=count,
        sums=np.concatenate([one for _, one in sums]),
    )
