"""Test whether intervals of flow-curve fits contain the true values as often as stated.

200 synthetic curves (seeds 0 ... 199): alpha uniform in 0.1 ... 0.45, 30 rates over four decades,
2 % noise on every stress. Threshold 50 Pa and G0 tau 20 Pa s; the four decades begin somewhere in
0.3e-3 ... 1e-3 of sigma_c/(G0 tau), so that the plateau and the bend are both in them. Every curve
is fitted twice: with its errors given, and with none given (estimated from the scatter).

``python -m validation.claims.fit_recovery`` writes figures/fit_recovery.png and .pdf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import hebraud as hl
from hebraud.inference import fit_flow_curve
from validation.drawing import make

LEVELS = (0.68, 0.95)
NAMES = ("alpha", "threshold", "modulus_time")
THRESHOLD, MODULUS_TIME, NOISE = 50.0, 20.0, 0.02


@dataclass(frozen=True)
class Result:
    """Data of the figure; axes: data sets, errors given or not, parameters, levels."""

    alpha: NDArray[np.float64]
    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    truth: NDArray[np.float64]

    @property
    def coverage(self) -> NDArray[np.float64]:
        """Return the fraction of intervals with the true value: (errors, parameters, levels)."""
        truth = self.truth[:, None, :, None]
        return ((self.low <= truth) & (truth <= self.high)).mean(axis=0)


def synthetic(seed: int) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return alpha, shear rates in 1/s and noisy stresses in Pa."""
    rng = np.random.default_rng(seed)
    alpha = float(rng.uniform(0.1, 0.45))
    lowest = 10.0 ** rng.uniform(-3.5, -3.0)
    reduced = np.geomspace(lowest, 1e4 * lowest, 30)
    stress = THRESHOLD * hl.flow_curve(hl.Model(alpha), reduced).stress
    noisy = stress * (1.0 + NOISE * rng.standard_normal(30))
    return alpha, reduced * THRESHOLD / MODULUS_TIME, noisy


def compute(data_sets: int = 200) -> Result:
    """Fit every data set both ways and return the intervals."""
    shape = (data_sets, 2, len(NAMES), len(LEVELS))
    low, high = np.empty(shape), np.empty(shape)
    estimate, truth = np.empty(shape[:3]), np.empty((data_sets, len(NAMES)))
    for seed in range(data_sets):
        alpha, rate, stress = synthetic(seed)
        truth[seed] = alpha, THRESHOLD, MODULUS_TIME
        for i, error in enumerate((NOISE * stress, None)):
            fit = fit_flow_curve(rate, stress, error)
            for j, name in enumerate(NAMES):
                estimate[seed, i, j] = fit.estimates[name].value
                for k, level in enumerate(LEVELS):
                    low[seed, i, j, k], high[seed, i, j, k] = fit.interval(name, level)
    return Result(truth[:, 0], estimate, low, high, truth)


def check(result: Result) -> None:
    """Assert what the figure claims."""
    # Binomial standard errors of 200: 3.3 % at 68 %, 1.5 % at 95 %. The limits are twice that and
    # more.
    for coverage in result.coverage.reshape(-1, len(LEVELS)):
        assert abs(coverage[0] - 0.68) <= 0.07, result.coverage
        assert abs(coverage[1] - 0.95) <= 0.04, result.coverage
    # Every interval holds its own estimate, and has two ends.
    assert np.all(result.low < result.estimate[..., None])
    assert np.all(result.high > result.estimate[..., None])
    assert np.all(np.isfinite(result.high))


def draw(result: Result, ax: Axes) -> None:
    """Draw alpha fitted against alpha true, with 95 % intervals."""
    low, high = result.low[:, 0, 0, 1], result.high[:, 0, 0, 1]
    missed = (result.alpha < low) | (result.alpha > high)
    value = result.estimate[:, 0, 0]
    bars = np.stack([value - low, high - value])
    for shown, colour, label in ((~missed, "C0", "holds α"), (missed, "C1", "misses α")):
        ax.errorbar(
            result.alpha[shown], value[shown] - result.alpha[shown], bars[:, shown],
            fmt="o", ms=1.5, lw=0.5, color=colour,
            label=f"{label}: {100 * shown.mean():.1f} %",
        )  # fmt: skip
    ax.axhline(0.0, color="k", lw=0.8)
    ax.set_xlabel(r"true coupling $\alpha$")
    ax.set_ylabel(r"fitted $-$ true $\alpha$, 95 % interval")
    ax.set_ylim(-0.055, 0.065)
    ax.legend(loc="upper center", handlelength=1.2, ncols=2)


if __name__ == "__main__":
    make("fit_recovery", compute, check, draw)
