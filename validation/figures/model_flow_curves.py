"""The classical model's flow curves, below, at and above the critical coupling.

Exact flow curves, each below the critical coupling with its asymptote sigma_Y + A rate^(1/2) from
the matched expansion.

``python -m validation.figures.model_flow_curves`` writes figures/model_flow_curves.png and .pdf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import hebraud as hl
from validation.drawing import COLUMN, make
from hebraud.plot import COLOURS

ALPHAS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
RATES = np.geomspace(1e-6, 10.0, 141)


@dataclass(frozen=True)
class Result:
    """Flow curves and, below the critical coupling, their asymptotes, in reduced units."""

    curves: dict[float, hl.FlowCurve]
    asymptotes: dict[float, NDArray[np.float64]]


def compute() -> Result:
    """Return exact curves and the derived asymptotes."""
    closed = hl.closed_form
    return Result(
        {alpha: hl.flow_curve(hl.Model(alpha), RATES) for alpha in ALPHAS},
        {
            alpha: closed.yield_stress_of_alpha(alpha)
            + closed.prefactor_of_alpha(alpha) * np.sqrt(RATES)
            for alpha in ALPHAS
            if alpha < 0.5
        },
    )


def check(result: Result) -> None:
    """Assert what the figure claims."""
    slow = RATES <= 1e-5
    for alpha, asymptote in result.asymptotes.items():
        # the asymptote misses a term of the order of the rate: 0.3 % covers it below 1e-5
        # for alpha <= 0.4 (the larger alpha, the narrower the asymptotic window)
        error = np.abs(result.curves[alpha].stress / asymptote - 1.0)
        assert error[slow].max() < 3e-3, (alpha, error[slow].max())
    # stress rises with the rate and falls with the coupling
    stresses = np.array([result.curves[alpha].stress for alpha in ALPHAS])
    assert np.all(np.diff(stresses, axis=1) > 0.0)
    assert np.all(np.diff(stresses, axis=0)[:, slow] < 0.0)
    # at the critical coupling the stress is a power 1/5 of the rate, above it Newtonian
    critical, above = result.curves[0.5], result.curves[0.6]
    exponent = np.polyfit(np.log(RATES[slow]), np.log(critical.stress[slow]), 1)[0]
    assert abs(exponent - 0.2) < 0.02, exponent
    newtonian = above.stress[0] / RATES[0] / hl.viscosity(hl.Model(0.6))
    assert abs(newtonian - 1.0) < 1e-4, newtonian


def draw(result: Result, ax: Axes) -> None:
    """Draw curves (solid) and asymptotes (dashed)."""
    for colour, alpha in zip(COLOURS, ALPHAS, strict=False):
        hl.plot.flow_curve(result.curves[alpha], ax, color=colour, label=rf"$\alpha={alpha}$")
        if alpha in result.asymptotes:
            ax.plot(RATES, result.asymptotes[alpha], "--", color=colour, lw=0.8)
    ax.set_yscale("log")
    ax.set_ylim(0.01, 12.0)
    ax.set_xlim(RATES[0], RATES[-1])
    ax.plot([], [], "k--", lw=0.8, label=r"$\sigma_Y + A\dot\gamma^{1/2}$")
    ax.legend(loc="upper left", ncols=2)


if __name__ == "__main__":
    make("model_flow_curves", compute, check, draw, size=(COLUMN, 0.85 * COLUMN))
