"""Measures of fits of flow curves: part of ``make bench``.

Wall time of the fit; the posterior's is of the processor, all threads, because a run of many
seconds on a shared machine never goes without a break.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.bench import Row, fastest
from hebraud.inference import fit_flow_curve, sample_posterior
from validation.claims import fit_recovery


def fits() -> list[Row]:
    """Fit a 30-point curve with covariance and warnings, and two of its intervals."""
    _, rate, stress = fit_recovery.synthetic(0)
    error = fit_recovery.NOISE * stress

    def fit() -> object:
        found = fit_flow_curve(rate, stress, error)
        return found.estimates, found.warnings

    fit()
    found = fit_flow_curve(rate, stress, error)
    return [
        Row(
            "fit of a 30-point flow curve, covariance and warnings",
            1e3 * fastest(fit, 40),
            "ms",
            100.0,
            "warm; start from nothing, three free parameters",
        ),
        Row(
            "profile-likelihood interval of alpha",
            1e3 * fastest(lambda: found.interval("alpha", 0.95), 10),
            "ms",
            None,
            "95 %, both ends to 1e-4 of a standard error",
        ),
    ]


def posterior() -> list[Row]:
    """Sample 1e5 evaluations of 30 rates through lmfit and emcee."""
    _, rate, stress = fit_recovery.synthetic(0)
    found = fit_flow_curve(rate, stress, fit_recovery.NOISE * stress)
    start = time.process_time()
    sampled = sample_posterior(found, steps=2000, walkers=50)
    seconds = time.process_time() - start
    widths = [
        float(np.diff(sampled.interval(name))[0] / np.diff(found.interval(name))[0])
        for name in found.free
    ]
    assert sampled.converged
    assert max(abs(width - 1.0) for width in widths) < 0.1, widths
    return [
        Row(
            "posterior, 1e5 evaluations of 30 rates",
            seconds,
            "s",
            30.0,
            f"processor time; {sampled.correlation_time:.0f} steps of correlation, widths of the "
            "95 % intervals within 10 % of the profile's",
        )
    ]


GROUPS = (fits, posterior)

if __name__ == "__main__":
    for group in GROUPS:
        for row in group():
            print(f"{row.what}: {row.value:.3g} {row.unit} (limit {row.limit}); {row.how}")
