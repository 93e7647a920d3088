"""The steady stress of correlated series, with its error by blocking."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats, Ints
from hebraud.errors import MeasurementError, check_number
from hebraud.rheology.estimate import Estimate

__all__ = ["blocking_errors", "mean_of_correlated", "steady_stress"]

_FEWEST_SAMPLES = 64  # eight blocks of eight samples
_FEWEST_BLOCKS = 8  # the relative uncertainty of the error is then 27 %


def _runs(name: str, values: ArrayLike) -> Floats:
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] < _FEWEST_SAMPLES:
        raise ValueError(
            f"{name} must be one series, or one row for each independent chain, of at least "
            f"{_FEWEST_SAMPLES} samples, got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return array


def blocking_errors(series: ArrayLike) -> tuple[Ints, Floats]:
    """Return block lengths 1, 2, 4, ... and the standard error of the mean from blocks of each.

    With M blocks of length B in all chains together and variance s^2 of their means, the error is
    sqrt(s^2/(M - 1)). It rises with B to a plateau once blocks are longer than the correlation
    (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989)). Blocks never span two chains; an odd
    block at the end is left out.

    Parameters
    ----------
    series : (n,) or (k, n) array
        Equally spaced samples of one chain, or of k independent ones; n >= 64.

    Raises ``ValueError`` if a series is too short or not finite.
    """
    means = _runs("series", series)
    lengths, errors = [], []
    length = 1
    while means.size >= 2:
        lengths.append(length)
        errors.append(math.sqrt(float(np.var(means)) / (means.size - 1)))
        even = means.shape[1] // 2 * 2
        means = 0.5 * (means[:, 0:even:2] + means[:, 1:even:2])
        length *= 2
    return np.array(lengths), np.array(errors)


def mean_of_correlated(series: ArrayLike) -> Estimate:
    """Return the mean of stationary, correlated series with its standard error by blocking.

    The block length B is the shortest with B^3 > 2 n (e_B/e_1)^4, n samples in all (Lee and
    co-workers, Phys. Rev. B 83, 075122 (2011)). ``n`` of the estimate is the number of independent
    samples, variance/error^2; the relative uncertainty of the error is about 1/sqrt(2 (M - 1)).
    Invalid where a series drifts: cut the transient first. Arguments as for `blocking_errors`.

    Raises ``MeasurementError`` if fewer than 8 blocks of that length fit: an error bar would be a
    guess.
    """
    values = _runs("series", series)
    mean, variance = float(values.mean()), float(values.var())
    if variance == 0.0:
        return Estimate(mean, 0.0, n=values.size, note="constant series")
    lengths, errors = blocking_errors(values)
    enough = lengths.astype(float) ** 3 > 2.0 * values.size * (errors / errors[0]) ** 4
    if not enough.any():
        raise MeasurementError(_too_short(values, "no block length is long enough"))
    chosen = int(np.argmax(enough))
    blocks = len(values) * (values.shape[1] // int(lengths[chosen]))
    if blocks < _FEWEST_BLOCKS:
        raise MeasurementError(
            _too_short(values, f"only {blocks} blocks of the {lengths[chosen]} samples it takes")
        )
    error = float(errors[chosen])
    return Estimate(
        mean,
        error,
        n=max(1, round(variance / error**2)),
        note=f"{blocks} blocks of {lengths[chosen]} samples, {len(values)} chain(s)",
    )


def _too_short(values: Floats, why: str) -> str:
    return (
        f"{len(values)} chain(s) of {values.shape[1]} samples are too short for an error bar: "
        f"{why} to be independent (at least {_FEWEST_BLOCKS} are needed); shear to a larger "
        "strain or add seeds"
    )


def steady_stress(strain: ArrayLike, stress: ArrayLike, transient: float = 0.2) -> Estimate:
    """Return the mean stress after the transient, with its standard error by blocking.

    Parameters
    ----------
    strain : (n,) array
        Shear strain of the samples, equally spaced.
    stress : (n,) or (k, n) array
        Of one chain, or of k independent ones; the unit is kept.
    transient : float
        Samples with abs(strain) <= transient are left out, >= 0.

    Raises ``ValueError`` if the arrays do not match, and ``MeasurementError`` if the steady part is
    too short for an error bar.
    """
    gamma, sigma = np.asarray(strain, dtype=np.float64), np.asarray(stress, dtype=np.float64)
    if gamma.ndim != 1 or sigma.ndim not in (1, 2) or sigma.shape[-1] != len(gamma):
        raise ValueError(
            "strain must have shape (n,) and stress (n,) or (chains, n), got shapes "
            f"{gamma.shape} and {sigma.shape}"
        )
    transient = check_number("transient", transient, at_least=0.0)
    steady = np.abs(gamma) > transient
    if np.count_nonzero(steady) < _FEWEST_SAMPLES:
        raise MeasurementError(
            f"transient = {transient:g} leaves {np.count_nonzero(steady)} of {len(gamma)} samples; "
            f"at least {_FEWEST_SAMPLES} are needed: shear to a larger strain"
        )
    return mean_of_correlated(sigma[..., steady])
