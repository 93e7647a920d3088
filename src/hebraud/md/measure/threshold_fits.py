"""The law p(sigma_c) of local yield stresses: moments, Gaussian and Weibull fits, their quality.

The law of a snapshot is not that of fresh thresholds: blocks with high ones live longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import MeasurementError, check_whole_number
from hebraud.md.measure.resampling import bootstrap_weights
from hebraud.rheology.estimate import Estimate

__all__ = ["FittedLaw", "ThresholdFits", "fit_thresholds"]

_FEWEST = 8  # as for every bootstrap of md


@dataclass(frozen=True)
class FittedLaw:
    """A law fitted by maximum likelihood.

    Parameters
    ----------
    parameters : dict of Estimate
        ``mean`` and ``std`` of the Gaussian; ``shape`` k and ``scale`` of the Weibull law
        1 - exp(-(c/scale)^k). Errors by bootstrap.
    distance : float
        Kolmogorov-Smirnov distance between the samples and the fit.
    p_value : float
        Fraction of samples drawn from the fit, and fitted again, that lie at least as far off. For
        independent samples; too small where those of one snapshot are correlated.
    law : frozen scipy.stats law
    """

    parameters: dict[str, Estimate]
    distance: float
    p_value: float
    law: Any


@dataclass(frozen=True, eq=False)
class ThresholdFits:
    """Moments and fits of a sample of thresholds, in the unit of the samples.

    Parameters
    ----------
    mean, std : Estimate
        <sigma_c> and the standard deviation (with n - 1), errors by bootstrap.
    gaussian : FittedLaw
    weibull : FittedLaw or None
        None where a sample is <= 0, which a Weibull law cannot give.
    samples : array
        The thresholds, ascending.
    unyielded : int
        Blocks that had not yielded (NaN), not in ``samples``: many make all moments too low.
    """

    mean: Estimate
    std: Estimate
    gaussian: FittedLaw
    weibull: FittedLaw | None
    samples: Floats
    unyielded: int


def _fit_gaussian(samples: Floats) -> Floats:
    return np.array([samples.mean(axis=-1), samples.std(axis=-1)])


def _fit_weibull(samples: Floats) -> Floats:
    """Return (shape, scale), each for every row: sum x^k ln x/sum x^k - 1/k = mean ln x."""
    logs = np.log(samples)
    logs = logs - (top := logs.max(axis=-1, keepdims=True))
    mean = logs.mean(axis=-1)
    shape = 1.2 / logs.std(axis=-1)
    for _ in range(100):
        weight = np.exp(shape[..., None] * logs)
        total = weight.sum(axis=-1)
        first = (weight * logs).sum(axis=-1) / total
        second = (weight * logs**2).sum(axis=-1) / total
        miss = first - 1.0 / shape - mean
        step = miss / (second - first**2 + 1.0 / shape**2)
        shape = np.maximum(shape - step, 0.5 * shape)
        if np.all(np.abs(step) <= 1e-10 * shape):
            weight = np.exp(shape[..., None] * logs)
            return np.array([shape, np.exp(top[..., 0]) * weight.mean(axis=-1) ** (1.0 / shape)])
    raise MeasurementError(
        f"the Weibull shape has not settled after 100 Newton steps (last step {np.abs(step).max()})"
    )


def _gaussian(fit: Floats) -> Any:
    from scipy import stats

    return stats.norm(fit[0][..., None], fit[1][..., None])


def _weibull(fit: Floats) -> Any:
    from scipy import stats

    return stats.weibull_min(fit[0][..., None], scale=fit[1][..., None])


def _distance(samples: Floats, law: Any) -> Floats:
    """Return the Kolmogorov-Smirnov distance of each row."""
    n = samples.shape[-1]
    below = law.cdf(np.sort(samples, axis=-1))
    steps = np.arange(n) / n
    gap = np.maximum(below - steps, steps + 1.0 / n - below)
    return np.asarray(gap.max(axis=-1), dtype=np.float64)


def _fitted(
    names: tuple[str, str],
    fit: Callable[[Floats], Floats],
    law_of: Callable[[Floats], Any],
    samples: Floats,
    resampled: list[Floats],
    rng: np.random.Generator,
) -> FittedLaw:
    best = fit(samples)
    errors = np.std([fit(again) for again in resampled], axis=0, ddof=1)
    law = law_of(best)
    distance = float(_distance(samples, law))
    drawn = law.rvs(size=(len(resampled), samples.size), random_state=rng)
    as_far = _distance(drawn, law_of(fit(drawn))) >= distance
    return FittedLaw(
        parameters={
            name: Estimate(float(value), float(error), n=samples.size, note="bootstrap")
            for name, value, error in zip(names, best, errors, strict=True)
        },
        distance=distance,
        p_value=float((1 + as_far.sum()) / (1 + as_far.size)),
        law=_scalar(law),
    )


def _scalar(law: Any) -> Any:
    """Return the law with plain numbers for parameters."""
    return law.dist(
        *(float(value[0]) for value in law.args),
        **{name: float(value[0]) for name, value in law.kwds.items()},
    )


def fit_thresholds(
    samples: ArrayLike,
    snapshots: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> ThresholdFits:
    """Return the moments and fits of a sample of local yield stresses.

    Parameters
    ----------
    samples : (n,) array_like
        Thresholds; NaN for blocks that have not yielded: counted, and left out.
    snapshots : (n,) array_like, optional
        A label for each sample; the bootstrap then draws whole snapshots, because blocks of one
        snapshot may be correlated.
    resamples : int
        Of the bootstrap, and samples drawn from each fit for its p-value; >= 100.
    seed : int
        Of the bootstrap and of the samples drawn.

    Raises ``ValueError`` for an infinite threshold or labels of another shape, and
    ``MeasurementError`` with fewer than 8 thresholds or snapshots, or all of them equal.
    """
    resamples = check_whole_number("resamples", resamples, at_least=100)
    rng = np.random.default_rng(check_whole_number("seed", seed))
    given = np.asarray(samples, dtype=np.float64)
    labels = np.arange(given.size) if snapshots is None else np.asarray(snapshots)
    if given.ndim != 1 or labels.shape != given.shape:
        raise ValueError(
            f"samples and snapshots must be of one shape (n,), got {given.shape}, {labels.shape}"
        )
    if np.isinf(given).any():
        raise ValueError("samples must be finite, or NaN for a block that has not yielded")
    kept = ~np.isnan(given)
    values, labels = given[kept], labels[kept]
    unit = np.unique(labels, return_inverse=True)[1]
    units = int(unit.max(initial=-1)) + 1
    if units < _FEWEST or values.min() == values.max():
        raise MeasurementError(
            f"{values.size} thresholds in {units} independent group(s) are too few for a law with "
            f"errors, or all equal; at least {_FEWEST} different ones are needed"
        )
    drawn = bootstrap_weights(units, resamples, seed).astype(np.int64)
    resampled = [np.repeat(values, times[unit]) for times in drawn]
    moments = [(again.mean(), again.std(ddof=1)) for again in resampled]
    error = np.std(moments, axis=0, ddof=1)
    note = f"{units} independent groups, bootstrap"
    positive = bool(values.min() > 0.0)
    return ThresholdFits(
        mean=Estimate(float(values.mean()), float(error[0]), n=units, note=note),
        std=Estimate(float(values.std(ddof=1)), float(error[1]), n=units, note=note),
        gaussian=_fitted(("mean", "std"), _fit_gaussian, _gaussian, values, resampled, rng),
        weibull=_fitted(("shape", "scale"), _fit_weibull, _weibull, values, resampled, rng)
        if positive
        else None,
        samples=np.sort(values),
        unyielded=int(np.sum(~kept)),
    )
