"""The shear modulus G0: from start-up, and from elastic branches in steady flow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import MeasurementError, check_number
from hebraud.md.measure.resampling import bootstrap_weights, resampled_ratio, spread
from hebraud.rheology.estimate import Estimate

__all__ = [
    "Branches",
    "ChainStart",
    "branch_modulus",
    "elastic_branches",
    "pooled_start_up_modulus",
    "slow_rates",
    "slow_start_ups",
    "start_up_modulus",
]

_FEWEST_POINTS = 5  # of a line with an error that means something
_WINDOW = (0.0, 0.005)  # strain: elastic, before the first events of a fast quench
_RESPONSE = 5.0  # tau_0 that the window must take: the glass responds within about one


def _series(strain: ArrayLike, stress: ArrayLike) -> tuple[Floats, Floats]:
    gamma = np.asarray(strain, dtype=np.float64)
    sigma = np.atleast_2d(np.asarray(stress, dtype=np.float64))
    if gamma.ndim != 1 or sigma.ndim != 2 or sigma.shape[1] != gamma.size:
        raise ValueError(
            "strain must have shape (n,) and stress (n,) or (chains, n), got shapes "
            f"{gamma.shape} and {np.shape(stress)}"
        )
    if not (np.isfinite(gamma).all() and np.isfinite(sigma).all()):
        raise ValueError("strain and stress must be finite, got NaN or infinity")
    if gamma.size < 2 or not np.all(np.diff(gamma) > 0.0):
        raise ValueError(
            "strain must rise from sample to sample; give -strain, -stress if it falls"
        )
    return gamma, sigma


def _slope(x: Floats, y: Floats) -> Floats:
    """Return least-squares slopes along the last axis."""
    away = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(np.sum(away * y, axis=-1) / np.sum(away**2, axis=-1))


@dataclass(frozen=True, eq=False)
class ChainStart:
    """The beginning of chains at one shear rate, from the quench on.

    Parameters
    ----------
    shear_rate : float
        In 1/tau_0.
    seeds : tuple of int
        Of the k samples; a seed at two rates is the same glass.
    strain : (n,) array
    stress : (k, n) array
    """

    shear_rate: float
    seeds: tuple[int, ...]
    strain: Floats
    stress: Floats


def slow_rates(
    shear_rates: Iterable[float], window: tuple[float, float] = _WINDOW
) -> tuple[float, ...]:
    """Return, rising, the rates at which the window takes five tau_0 or more: 1e-3 and less.

    The slowest rate, where none is as slow as that.
    """
    rising = sorted(shear_rates, key=abs)
    wide = window[1] - window[0]
    slow = [rate for rate in rising if wide >= (1.0 - 1e-9) * _RESPONSE * abs(rate)]
    return tuple(slow or rising[:1])


def slow_start_ups(
    start_ups: Iterable[ChainStart], window: tuple[float, float] = _WINDOW
) -> tuple[ChainStart, ...]:
    """Return the start-ups at slow rates (`slow_rates`) that were recorded through the window.

    At 1e-5 a first segment of 100 tau_0 ends at strain 1e-3, and its slope is mostly noise. Where
    none goes through the window, all at slow rates: `pooled_start_up_modulus` then says why not.
    """
    given = tuple(start_ups)
    rates = slow_rates((one.shear_rate for one in given), window)
    slow = tuple(one for one in given if one.shear_rate in rates)
    return tuple(one for one in slow if not _lacks(one.strain, window)) or slow


def _lacks(strain: Floats, window: tuple[float, float]) -> str:
    """Return why a series gives no slope in the window, or nothing."""
    points = np.count_nonzero((strain >= window[0]) & (strain <= window[1]))
    if strain[-1] < window[1] * (1.0 - 1e-9):
        return f"window = {window} is left open by strains up to {strain[-1]:g}: shear further"
    if points < _FEWEST_POINTS:
        return (
            f"window = {window} holds {points} strains, at least {_FEWEST_POINTS} are needed: "
            "widen it or record more often"
        )
    return ""


def pooled_start_up_modulus(
    start_ups: Sequence[ChainStart], window: tuple[float, float] = _WINDOW
) -> Estimate:
    """Return G0 as the slope of the stress in start-ups at several rates together.

    Slopes as in `start_up_modulus`. Slopes of one sample at several rates are averaged first; the
    value is the mean over samples, the standard error that of their scatter. Early events change
    the slope of a single start-up by as much as itself: a few start-ups are not enough.

    Raises as `start_up_modulus` does, or if no start-up is given.
    """
    by_sample: dict[int, list[float]] = {}
    for one in start_ups:
        slopes = _start_slopes(one.strain, one.stress, window)
        for seed, slope in zip(one.seeds, slopes.tolist(), strict=True):
            by_sample.setdefault(seed, []).append(slope)
    rates = ", ".join(f"{one.shear_rate:g}" for one in start_ups)
    samples = np.array([np.mean(slopes) for slopes in by_sample.values()])
    return _over_samples(samples, window, f", rate{'s' * (len(start_ups) > 1)} {rates}")


def start_up_modulus(
    strain: ArrayLike, stress: ArrayLike, window: tuple[float, float] = _WINDOW
) -> Estimate:
    """Return G0 as the slope of the stress in start-up, mean and scatter over samples.

    A straight line with a free level (a quenched glass has some stress) is fitted to each sample
    over the strains in ``window``. Invalid at rates that cross the window before the glass responds
    (about a tau_0), and where the window reaches the plastic bend: compare windows.

    Parameters
    ----------
    strain : (n,) array
        Strain since the quench, rising.
    stress : (k, n) array
        Stress of k >= 2 independent samples.
    window : (float, float)
        First and last strain, both included.

    Raises ``MeasurementError`` for fewer than two samples or five strains in the window, or if the
    strain does not reach its end.
    """
    return _over_samples(_start_slopes(strain, stress, window), window)


def _start_slopes(strain: ArrayLike, stress: ArrayLike, window: tuple[float, float]) -> Floats:
    """Return the slope of each sample within the window."""
    gamma, sigma = _series(strain, stress)
    if lacks := _lacks(gamma, window):
        raise MeasurementError(lacks)
    inside = (gamma >= window[0]) & (gamma <= window[1])
    return _slope(gamma[inside], sigma[:, inside])


def _over_samples(slopes: Floats, window: tuple[float, float], rates: str = "") -> Estimate:
    if slopes.size < 2:
        raise MeasurementError(
            f"stress holds {'one sample' if slopes.size else 'no sample'}, and the error of the "
            "modulus is its scatter over samples: at least 2 are needed"
        )
    return Estimate(
        float(slopes.mean()),
        float(slopes.std(ddof=1)) / math.sqrt(slopes.size),
        slopes.size,
        f"start-up slope, strain {window[0]:g} to {window[1]:g}{rates}",
    )


@dataclass(frozen=True, eq=False)
class Branches:
    """Elastic branches: stretches of a chain in which the stress rises between two drops.

    Attributes
    ----------
    start, end : (b,) arrays
        Strain at the minimum and at the maximum.
    slope : (b,) array
        Least-squares slope of the stress between them.
    """

    start: Floats
    end: Floats
    slope: Floats


def elastic_branches(
    strain: ArrayLike, stress: ArrayLike, fall: float, shortest: float
) -> Branches:
    """Return the elastic branches of one chain.

    A branch runs from a minimum of the stress to the next maximum; they count if the stress rises
    or falls by more than ``fall`` before the next one. Branches shorter than ``shortest`` in strain
    or of fewer than five samples are left out, and so are the unfinished ones at both ends.
    """
    gamma, (sigma,) = _series(strain, np.asarray(stress, dtype=np.float64)[None])
    fall = check_number("fall", fall, above=0.0)
    shortest = check_number("shortest", shortest, at_least=0.0)
    found = [
        (gamma[i], gamma[j], float(_slope(gamma[i : j + 1], sigma[i : j + 1])))
        for i, j in _rises(sigma, fall)
        if j - i + 1 >= _FEWEST_POINTS and gamma[j] - gamma[i] >= shortest
    ]
    start, end, slope = np.array(found, dtype=np.float64).reshape(-1, 3).T
    return Branches(start=start, end=end, slope=slope)


def _rises(stress: Floats, fall: float) -> list[tuple[int, int]]:
    """Return index pairs (minimum, next maximum) between turns by more than ``fall``."""
    rises: list[tuple[int, int]] = []
    lowest = highest = 0
    began: int | None = None  # the minimum that a rise under way started from
    rising = True
    for k, value in enumerate(stress):
        if rising:
            highest = k if value > stress[highest] else highest
            if value < stress[highest] - fall:
                if began is not None:
                    rises.append((began, highest))
                rising, lowest = False, k
        else:
            lowest = k if value < stress[lowest] else lowest
            if value > stress[lowest] + fall:
                rising, began, highest = True, lowest, k
    return rises


def branch_modulus(
    strain: ArrayLike, stress: ArrayLike, fall: float = 0.1, shortest: float = 2e-3
) -> Estimate:
    """Return G0 as the mean slope of the elastic branches in steady flow.

    Branches (`elastic_branches`) of all chains count with their lengths in strain; the standard
    error comes from drawing branches anew. Small events within a branch make it flatter, so that
    this is a lower bound where drops overlap: compare with start-up.

    Parameters
    ----------
    strain : (n,) array
        Of the steady part of the chains.
    stress : (n,) or (k, n) array
    fall : float
        What counts as a drop, in standard deviations of the stress about its mean.
    shortest : float
        Strain that a branch must last.

    Raises ``MeasurementError`` if there are fewer than eight branches.
    """
    gamma, sigma = _series(strain, stress)
    level = check_number("fall", fall, above=0.0) * float(sigma.std())
    if level == 0.0:
        raise MeasurementError("the stress is constant: there are no elastic branches")
    runs = [elastic_branches(gamma, run, level, shortest) for run in sigma]
    slope = np.concatenate([run.slope for run in runs])
    length = np.concatenate([run.end - run.start for run in runs])
    if slope.size < 8:
        raise MeasurementError(
            f"{slope.size} elastic branches last a strain of {shortest:g}, at least 8 are needed: "
            "take a shorter `shortest`, a lower shear rate or more strain"
        )
    drawn = resampled_ratio(bootstrap_weights(slope.size), slope * length, length)
    return Estimate(
        float(np.average(slope, weights=length)),
        spread(drawn),
        slope.size,
        f"elastic branches, fall {fall:g} std, strain >= {shortest:g}",
    )
