"""Fig. 3 of Puosi, Olivier and Martens (2015): the prefactor A against the yield stress.

Main panel: the parametric curve of the matched expansion; Herschel-Bulkley fits (n = 1/2) to exact
flow curves over three windows of rates, which show how far such fits lie from the asymptotic curve;
our particles, each density with its errors. The grey band is where Table 1's alpha_flow puts the
paper's particles: their A values exist only in the paper's figure.
(b) The same points in the units of the simulation. (c) Zoom: our points, and Table 1's range of
sigma_Y/sigma_c(alpha_flow) with its errors for each density.

The particles are those of the shipped campaign. If no density has all parameters, the stored demo
(density 1.189, N = 1000) is drawn instead, and the figure says so.

``python -m validation.figures.fig3`` writes figures/fig3.png and .pdf; ``--run DIR`` draws the particles of
a run's folder, to figures/fig3_NAME.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from validation.particles import campaign
import hebraud as hl
from validation.particles import reduced
from hebraud.md.results.reduction import CampaignResults
from validation.drawing import COLUMN, make
from hebraud.md.measure.resampling import spread
from hebraud.plot import COLOURS, MARKERS
from validation.particles.reduced import Point
from validation.claims.table1 import ALPHA_FLOW

# Reduced shear rates. The paper's own window, 1e-6 to some 1e-2 in Lennard-Jones units, is about
# five times that in units of sigma_c/(G0 tau).
WINDOWS = ((1e-6, 1e-4), (1e-4, 1e-2), (1e-3, 1e-1))
GREYS = ("0.2", "0.45", "0.65")  # of the fits; colours are the particles'
ALPHAS = (0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)


@dataclass(frozen=True)
class Result:
    """Data of the figure, in units of sigma_c and (G0 sigma_c tau)^(1/2)."""

    yield_stress: NDArray[np.float64]
    prefactor: NDArray[np.float64]
    fits: dict[tuple[float, float], list[hl.HerschelBulkley]]
    bands: dict[float, tuple[float, float]]
    particles: CampaignResults
    points: dict[float, Point]
    stands_in: bool


def compute(particles: CampaignResults | None = None) -> Result:
    """Return the curve, the fits, the bands of Table 1 and the particles' points."""
    particles = particles or campaign.load()
    known = {d: at.parameters for d, at in particles.at.items() if at.parameters is not None}
    found = {density: reduced.point_or_why(one) for density, one in known.items()}
    for density, one in found.items():
        if isinstance(one, str):
            print(f"density {density:g} is not drawn: {one}")
    points = {density: one for density, one in found.items() if not isinstance(one, str)}
    stands_in = not points
    if stands_in:
        points = {reduced.DEMO: reduced.point(reduced.complete(reduced.demo()[1]))}
    u = np.geomspace(1e-2, 1e4, 2001)
    fits = {
        window: [
            hl.flow_curve(hl.Model(alpha), np.geomspace(*window, 30)).herschel_bulkley()
            for alpha in ALPHAS
        ]
        for window in WINDOWS
    }
    bands = {
        density: (
            float(hl.closed_form.yield_stress_of_alpha(alpha.value + alpha.stderr)),
            float(hl.closed_form.yield_stress_of_alpha(alpha.value - alpha.stderr)),
        )
        for density, alpha in ALPHA_FLOW.items()
    }
    return Result(
        np.asarray(hl.closed_form.yield_stress(u=u)),
        np.asarray(hl.closed_form.prefactor(u=u)),
        fits,
        bands,
        particles,
        points,
        stands_in,
    )


def _distance(fit: hl.HerschelBulkley, alpha: float) -> tuple[float, float]:
    """Return the relative distance of a fit's (sigma_Y, A) from the asymptotic values."""
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
    # 4. The particles yield at a fifth of the local yield stress: all of them on the stretch
    #    0.15 ... 0.25, as the paper's do.
    for density, at in result.points.items():
        assert 0.15 < at.yield_stress.value < 0.25, (density, at.yield_stress)
        # 5. They lie on the curve or below it: none is above it by more than two standard errors
        #    (fits of the model itself over a window like theirs are, by 15 % and more).
        off = off_curve(at)
        assert off.value < 2.0 * off.stderr, (density, off)
    # 6. All densities have roughly one yield stress: within the 20 % that the paper gives as its
    #    error.
    shares = [at.yield_stress.value for at in result.points.values()]
    assert max(shares) < 1.2 * min(shares), shares


def off_curve(at: Point) -> hl.Estimate:
    """Return how far A lies above the curve at its yield stress, relative to the curve."""
    closed = hl.closed_form

    def away(yield_stress: Any, prefactor: Any) -> Any:
        alpha = closed.alpha_of_yield_stress(yield_stress)
        return prefactor / closed.prefactor_of_alpha(alpha) - 1.0

    error = spread(away(*at.draws))
    return hl.Estimate(float(away(at.yield_stress.value, at.prefactor.value)), error)


def draw(result: Result, ax: Axes) -> None:
    """Draw the three panels into ``ax``."""
    ax.plot(result.yield_stress, result.prefactor, "k-", lw=1.3, zorder=2, label="HL, rate → 0")
    low = min(band[0] for band in result.bands.values())
    high = max(band[1] for band in result.bands.values())
    ax.axvspan(
        low, high, 0, 0.42, color="0.85", lw=0, zorder=0, label=r"Table 1, $\alpha_{\rm flow}$"
    )
    for (window, fits), colour, marker in zip(result.fits.items(), GREYS, MARKERS, strict=False):
        exponents = [round(float(np.log10(edge))) for edge in window]
        ax.plot(
            [fit.yield_stress.value for fit in fits],
            [fit.prefactor.value for fit in fits],
            marker,
            color=colour,
            mfc="none",
            ms=3.5,
            ls="none",
            zorder=3,
            label=rf"fit $10^{{{exponents[0]}}}$–$10^{{{exponents[1]}}}$",
        )
    look = _look(result)
    for density, at in result.points.items():
        name = rf"$\rho={density:g}$" + (", demo, $N=1000$" if result.stands_in else "")
        _error_bars(ax, at.yield_stress, at.prefactor, look[density], label=name)
    ax.set_xlim(0.0, 0.5)
    ax.set_ylim(0.0, 2.6)
    ax.set_xlabel(r"yield stress $\sigma_Y/\sigma_c$")
    ax.set_ylabel(r"prefactor $A/\sqrt{G_0\sigma_c\tau_p}$")
    ax.legend(loc="upper left", bbox_to_anchor=(0.19, 1.0), handlelength=1.4, borderaxespad=0.3)
    ax.text(0.02, 0.97, "(a)", transform=ax.transAxes, va="top", weight="bold")
    said = campaign.caption(result.particles)
    lacks = [f"{at.density:g}" for at in result.particles.at.values() if at.parameters is None]
    if lacks:
        said += f"\nnot all parameters yet at density {', '.join(lacks)}"
    ax.set_title(said, fontsize=5.5)
    _draw_raw(result, ax.inset_axes((0.56, 0.68, 0.42, 0.30)))
    _draw_zoom(result, ax.inset_axes((0.56, 0.27, 0.42, 0.30)))


Look = tuple[str, str]  # colour, marker


def _look(result: Result, points: bool = True) -> dict[float, Look]:
    looks = dict(zip(result.particles.at, zip(COLOURS, MARKERS, strict=False), strict=False))
    return {**looks, reduced.DEMO: ("0.4", "*")} if points and result.stands_in else looks


def _error_bars(ax: Axes, x: hl.Estimate, y: hl.Estimate, look: Look, **line: Any) -> None:
    colour, marker = look
    style: dict[str, Any] = {"color": colour, "marker": marker, "ls": "none", "ms": 4, "lw": 0.8, "zorder": 4}
    ax.errorbar(x.value, y.value, y.stderr, x.stderr, **style, **line)


def _draw_raw(result: Result, ax: Axes) -> None:
    """Draw A against sigma_Y before rescaling, of the densities with two rates or more."""
    look = _look(result, points=False)
    for density, at in result.particles.at.items():
        if isinstance(at.fit, hl.HerschelBulkley):
            _error_bars(ax, at.fit.yield_stress, at.fit.prefactor, look[density])
            place = (at.fit.yield_stress.value, at.fit.prefactor.value)
            ax.annotate(f"   {density:g}", place, fontsize=5, va="top", color=look[density][0])
    ax.set_xlabel(r"$\sigma_Y$ ($\varepsilon/\sigma^2$)")
    ax.set_ylabel(r"$A$ ($\varepsilon\,\tau_0^{1/2}/\sigma^2$)")
    ax.margins(0.25)
    _small(ax, "(b)")


def _draw_zoom(result: Result, ax: Axes) -> None:
    """Draw the points' stretch of the curve, and the paper's bands below it."""
    ax.plot(result.yield_stress, result.prefactor, "k-", lw=1.0)
    look = _look(result)
    for density, at in result.points.items():
        _error_bars(ax, at.yield_stress, at.prefactor, look[density])
    for i, (density, band) in enumerate(result.bands.items()):
        y = 0.18 - 0.043 * i
        ax.fill_betweenx([y - 0.01, y + 0.01], *band, color=COLOURS[i], lw=0)
        ax.text(0.217, y, f"{density:g}", fontsize=4.5, va="center")
    ax.text(0.152, 0.04, "Table 1:\n$\\sigma_Y$ only", fontsize=4.5)
    ax.set_xlim(0.15, 0.27)
    ax.set_ylim(0.02, 0.62)
    _small(ax, "(c)")


def _small(ax: Axes, name: str) -> None:
    ax.tick_params(labelsize=5.5, pad=1.5, length=2)
    ax.xaxis.label.set_fontsize(5.5)
    ax.yaxis.label.set_fontsize(5.5)
    ax.xaxis.labelpad = ax.yaxis.labelpad = 1
    ax.text(0.03, 0.95, name, transform=ax.transAxes, va="top", fontsize=6.5, weight="bold")


if __name__ == "__main__":
    name, found = campaign.chosen("fig3", __doc__)
    make(name, lambda: compute(found), check, draw, size=(1.6 * COLUMN, 1.28 * COLUMN))
