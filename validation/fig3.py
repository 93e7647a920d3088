"""Fig. 3 of Puosi, Olivier and Martens (2015): the prefactor A against the yield stress.

Main panel: the parametric curve of the matched expansion, and Herschel-Bulkley fits (n = 1/2) of
exact flow curves over three windows of finite rates: how far a fit over a real window lies from
the asymptotic curve. The grey band is where Table 1's alpha_flow puts the particles; their A
values exist only in the paper's figure, so no point is drawn for them.
(b) A flow curve of our own particles with its fit, in the units of the simulation.
(c) Zoom: the bands of the four densities, sigma_Y/sigma_c(alpha_flow) with Table 1's errors.

``python validation/fig3.py`` writes figures/fig3.png and figures/fig3.pdf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import hebraud as hl
import particle_flow_curve
from figures import COLUMN, make
from hebraud.plot import COLOURS, MARKERS
from table1 import ALPHA_FLOW

# Reduced shear rates. The paper's own window, 1e-6 to some 1e-2 in Lennard-Jones units, is about
# five times that in units of sigma_c/(G0 tau).
WINDOWS = ((1e-6, 1e-4), (1e-4, 1e-2), (1e-3, 1e-1))
ALPHAS = (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)


@dataclass(frozen=True)
class Result:
    """What is drawn, in units of sigma_c and (G0 sigma_c tau)^(1/2)."""

    yield_stress: NDArray[np.float64]
    prefactor: NDArray[np.float64]
    fits: dict[tuple[float, float], list[hl.HerschelBulkley]]
    bands: dict[float, tuple[float, float]]
    particles: particle_flow_curve.Result


def compute() -> Result:
    """Return the curve, the fits, the bands of Table 1 and the stored particle flow curve."""
    u = np.geomspace(1e-2, 1e4, 2001)
    fits = {
        window: [
            hl.flow_curve(hl.Model(alpha), np.geomspace(*window, 30)).herschel_bulkley()
            for alpha in ALPHAS
        ]
        for window in WINDOWS
    }
    bands = {
        density: tuple(
            sorted(
                float(hl.closed_form.yield_stress_of_alpha(alpha.value + sign * alpha.stderr))
                for sign in (1.0, -1.0)
            )
        )
        for density, alpha in ALPHA_FLOW.items()
    }
    return Result(
        hl.closed_form.yield_stress(u),
        hl.closed_form.prefactor(u),
        fits,
        bands,
        particle_flow_curve.compute(),
    )


def _distance(fit: hl.HerschelBulkley, alpha: float) -> tuple[float, float]:
    """Relative distance of a fit's (sigma_Y, A) from the asymptotic ones."""
    closed = hl.closed_form
    return (
        abs(fit.yield_stress.value / float(closed.yield_stress_of_alpha(alpha)) - 1.0),
        abs(fit.prefactor.value / float(closed.prefactor_of_alpha(alpha)) - 1.0),
    )


def check(result: Result) -> None:
    """Assert what the figure claims."""
    # 1. sigma_Y rises and A falls along the curve from alpha = 1/2 to alpha = 0.
    assert np.all(np.diff(result.yield_stress) > 0.0)
    assert np.all(np.diff(result.prefactor) < 0.0)
    # 2. Fits come closer to the curve as the window slides to smaller rates: always in sigma_Y, and
    #    at 1e-6 ... 1e-4 they are on it (0.1 % in sigma_Y, 2 % in A for alpha <= 0.4). A window of
    #    1e-3 ... 1e-1, by contrast, misses A by more than 15 % for alpha <= 0.35.
    for i, alpha in enumerate(ALPHAS):
        in_yield_stress, in_prefactor = zip(
            *(_distance(result.fits[window][i], alpha) for window in WINDOWS), strict=True
        )
        assert list(in_yield_stress) == sorted(in_yield_stress), (alpha, in_yield_stress)
        assert in_yield_stress[0] < 1e-3, (alpha, in_yield_stress)
        if alpha <= 0.4:
            assert in_prefactor[0] < 0.02, (alpha, in_prefactor)
        if alpha <= 0.35:
            assert in_prefactor[2] > 0.15, (alpha, in_prefactor)
    # 3. The four densities fall on one stretch of the curve: their bands have a point in common.
    lows, highs = zip(*result.bands.values(), strict=True)
    assert max(lows) < min(highs), result.bands
    # 4. The particles' own flow curve passes its own checks.
    particle_flow_curve.check(result.particles)


def draw(result: Result, ax: Axes) -> None:
    """Draw the three panels into ``ax``."""
    ax.plot(result.yield_stress, result.prefactor, "k-", lw=1.3, zorder=2, label="HL, rate → 0")
    low = min(band[0] for band in result.bands.values())
    high = max(band[1] for band in result.bands.values())
    ax.axvspan(low, high, color="0.85", lw=0, zorder=0, label=r"Table 1, $\alpha_{\rm flow}$")
    for (window, fits), colour, marker in zip(result.fits.items(), COLOURS, MARKERS, strict=False):
        exponents = [round(float(np.log10(edge))) for edge in window]
        ax.plot(
            [fit.yield_stress.value for fit in fits],
            [fit.prefactor.value for fit in fits],
            marker,
            color=colour,
            mfc="none",
            ls="none",
            zorder=3,
            label=rf"fit $10^{{{exponents[0]}}}$–$10^{{{exponents[1]}}}$",
        )
    ax.set_xlim(0.0, 0.5)
    ax.set_ylim(0.0, 2.6)
    ax.set_xlabel(r"yield stress $\sigma_Y/\sigma_c$")
    ax.set_ylabel(r"prefactor $A/\sqrt{G_0\sigma_c\tau}$")
    ax.legend(loc="lower left", handlelength=1.4, borderaxespad=0.3)
    ax.text(0.02, 0.97, "(a)", transform=ax.transAxes, va="top", weight="bold")

    flow = ax.inset_axes((0.54, 0.66, 0.44, 0.32))
    particle_flow_curve.draw(result.particles, flow)
    _small(flow, "(b)")

    zoom = ax.inset_axes((0.54, 0.26, 0.44, 0.29))
    zoom.plot(result.yield_stress, result.prefactor, "k-", lw=1.0)
    for i, (density, band) in enumerate(result.bands.items()):
        y = 0.305 - 0.035 * i
        zoom.fill_betweenx([y - 0.012, y + 0.012], *band, color=COLOURS[i], lw=0)
        zoom.text(band[1] + 0.002, y, rf"$\rho={density}$", fontsize=5.5, va="center")
    zoom.text(0.152, 0.19, "Table 1:\nrange of $\\sigma_Y$,\n$A$ unknown", fontsize=5)
    zoom.set_xlim(0.15, 0.27)
    zoom.set_ylim(0.17, 0.62)
    _small(zoom, "(c)")


def _small(ax: Axes, name: str) -> None:
    ax.tick_params(labelsize=5.5, pad=1.5, length=2)
    ax.xaxis.label.set_size(5.5)
    ax.yaxis.label.set_size(5.5)
    ax.xaxis.labelpad = ax.yaxis.labelpad = 1
    ax.text(0.03, 0.95, name, transform=ax.transAxes, va="top", fontsize=6.5, weight="bold")


if __name__ == "__main__":
    make("fig3", compute, check, draw, size=(1.6 * COLUMN, 1.28 * COLUMN))
