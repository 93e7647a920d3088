"""Fig. 4 of Puosi, Olivier and Martens (2015): plastic activity, and how block stresses diffuse.

(a) Stress of the box and fraction of active particles in steady flow, at the slowest rate that has
settled; (b) the particles active at one moment of that kind (`active_particles`). (c) Mean-square
difference of the block stresses at the rate at which parameters are measured, all densities, with
the lines D_sigma t over the linear windows; (d) the same at every rate of one density, over rate.
(e) D_sigma, the paper's convention, against density, and (f) against the plastic activity.
The mean increment of steady flow is subtracted (docs/measurements.md says why). Data: the shipped
campaign.

``python -m validation.figures.fig4`` writes figures/fig4.png and .pdf; ``--run DIR`` draws a run's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from validation.particles import active_particles
from validation.particles import campaign
from validation.particles.active_particles import Moment
from hebraud.md.results.reduction import CampaignResults, DensityResults
from validation.drawing import COLUMN, Look, make, panels
from hebraud import Estimate
from hebraud.errors import ConvergenceError
from hebraud.md.measure.diffusion import StressDifferences, StressDiffusion
from hebraud.md.measure.plastic import merge_records
from hebraud.md.observers import PLASTIC
from hebraud.plot import COLOURS, MARKERS
from hebraud.plot.particles import stress_strain

Floats = NDArray[np.float64]
PIECE = 0.3  # of strain, drawn in (a)
SHADES = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "0.3", "0.6")


@dataclass(frozen=True, eq=False)
class Result:
    """Data of the figure.

    ``differences`` and ``fits`` are by (density, rate); a fit is a sentence where there is none.
    ``falling`` is the correlation coefficient, by density, of the fraction of active particles with
    the fall of the stress over their window, at the slowest rate.
    """

    particles: CampaignResults
    moment: Moment
    differences: dict[tuple[float, float], StressDifferences]
    fits: dict[tuple[float, float], StressDiffusion | str]
    falling: dict[float, float]


def compute(particles: CampaignResults | None = None) -> Result:
    """Fit every mean-square difference that there is."""
    particles = particles or campaign.load()
    differences = {
        (density, rate): seen.blocks.differences
        for density, at in particles.at.items()
        for rate, seen in sorted(at.data.items())
        if not isinstance(seen.blocks, str)
    }
    falling = {density: _falling(at) for density, at in particles.at.items() if at.data}
    fits = {key: _fit(one) for key, one in differences.items()}
    return Result(particles, active_particles.read(), differences, fits, falling)


def _fit(differences: StressDifferences) -> StressDiffusion | str:
    try:
        return differences.diffusion()
    except (ValueError, ConvergenceError) as error:
        return str(error)


def _slowest(at: DensityResults) -> float | None:
    return min(at.data, default=None)


def _falling(at: DensityResults) -> float:
    """Return the correlation of active particles with the stress lost in their windows."""
    seen = at.data[min(at.data)]
    record = merge_records(seen.records[PLASTIC][:1])
    lag = float(record["lag"][0]) * seen.shear_rate
    strain = np.abs(record["strain"])
    stress = np.interp([strain, strain + lag], seen.strain, seen.stress[0])
    return float(np.corrcoef(record["active"], stress[0] - stress[1])[0, 1])


def _known(result: Result) -> dict[tuple[float, float], StressDiffusion]:
    return {key: fit for key, fit in result.fits.items() if isinstance(fit, StressDiffusion)}


def check(result: Result) -> None:
    """Assert what these data can decide; claims of which nothing is there are not made."""
    active_particles.check(result.moment)
    # stress falls where particles are active
    for density, correlation in result.falling.items():
        assert correlation > 0.2, (density, correlation)
    known = _known(result)
    for key, fit in known.items():
        # over its window <ds^2> grows as t^1; the rule allows local exponents of 1 +- 0.1
        assert abs(fit.exponent.value - 1.0) < 0.1, (key, fit.exponent)
        # but differences are not Gaussian: few large jumps make them, fewer at lower rates
        assert fit.excess_kurtosis.value > 0.0, (key, fit.excess_kurtosis)
    for density, at in result.particles.at.items():
        found = {
            rate: known[density, rate].D_sigma for rate in at.data if (density, rate) in known
        }
        # D_sigma is proportional to the rate within a factor 2 from one end to the other
        ratio = [D.value / rate for rate, D in found.items()]
        assert not ratio or max(ratio) < 2.0 * min(ratio), (density, ratio)
    for lower, upper in pairwise(result.particles.at):
        for rate in result.particles.plan.shear_rates:
            pair = [known[at, rate] for at in (lower, upper) if (at, rate) in known]
            if len(pair) == 2:  # stress scales grow with the density
                assert pair[0].D_sigma.value < pair[1].D_sigma.value, (rate, lower, upper)


def draw(result: Result, ax: Axes) -> None:
    """Draw the six panels."""
    at = panels(ax, "AB\nCD\nEF")
    look = dict(zip(result.particles.at, zip(COLOURS, MARKERS, strict=False), strict=False))
    density = result.particles.plan.densities[0] if DENSITY not in look else DENSITY
    _steady_flow(result, density, at["A"])
    _map(result.moment, at["B"])
    _by_density(result, look, at["C"])
    _by_rate(result, density, at["D"])
    _against_density(result, at["E"])
    _against_activity(result, look, at["F"])
    for letter, panel in at.items():
        panel.set_title(f"({letter.lower()})", loc="left", fontsize=8, pad=2)
    at["A"].figure.suptitle(campaign.caption(result.particles), fontsize=5.5)


DENSITY = active_particles.DENSITY


def _steady_flow(result: Result, density: float, ax: Axes) -> None:
    one = result.particles.at[density]
    rate = _slowest(one)
    if rate is None:
        ax.text(0.5, 0.5, "no chain has settled yet", ha="center", transform=ax.transAxes)
        return
    seen = one.data[rate]
    assert not isinstance(one.measured, str), one.measured
    stress_strain(seen, one.measured, ax)
    piece = (seen.strain > seen.settled) & (seen.strain < seen.settled + PIECE)
    stress = seen.stress[0, piece]
    span = np.ptp(stress)
    ax.set_xlim(seen.settled, seen.settled + PIECE)
    ax.set_ylim(stress.min() - 0.9 * span, stress.max() + 0.1 * span)
    for line in ax.lines:
        line.set_linewidth(0.8)
    ticks = MaxNLocator(4).tick_values(stress.min(), stress.max())
    ax.set_yticks([tick for tick in ticks if stress.min() < tick < stress.max()])
    ax.set_title(rf"$\rho={density:g}$, $\dot\gamma={rate:g}$", fontsize=7, pad=3)
    if rate == result.moment.shear_rate:
        ax.axvline(result.moment.strain, color="0.5", lw=0.6, ls=":")


def _map(moment: Moment, ax: Axes) -> None:
    """Draw where the active particles are in the box at that moment."""
    tilt = moment.side * (np.remainder(moment.strain + 0.5, 1.0) - 0.5)
    active = moment.is_active
    size = 3.0
    x, y = moment.position.T
    ax.scatter(x[~active], y[~active], s=0.3 * size, color="0.8", lw=0, rasterized=True)
    order = np.argsort(moment.d2min[active])
    seen = ax.scatter(
        x[active][order],
        y[active][order],
        c=np.log10(moment.d2min[active][order]),
        s=size,
        cmap="viridis_r",
        vmin=-1.0,
        vmax=1.0,
        lw=0,
        rasterized=True,
    )
    corners = np.array([(0, 0), (moment.side, 0), (moment.side + tilt, moment.side)])
    corners = np.vstack([corners, (tilt, moment.side), (0, 0)])
    ax.plot(*corners.T, color="0.3", lw=0.6)
    ax.set_aspect("equal")
    ax.set_xlabel(r"$x$ ($\sigma$)")
    ax.set_ylabel(r"$y$ ($\sigma$)")
    bar = ax.figure.colorbar(seen, ax=ax, fraction=0.05, pad=0.02)
    bar.set_label(r"$\log_{10} D^2_{\min}$ ($\sigma^2$)", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    said = rf"$\rho={DENSITY:g}$, $\dot\gamma={moment.shear_rate:g}$, $\gamma={moment.strain:.3f}$"
    ax.set_title(f"{said}: {active.sum()}/{len(active)}", fontsize=5.8, pad=3, loc="right")


def _square(ax: Axes, label: str) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"lag $t$ ($\tau_0$)")
    ax.set_ylabel(label)
    ax.legend(fontsize=6, handlelength=1.2)


def _one_square(
    ax: Axes,
    differences: StressDifferences,
    fit: StressDiffusion | str,
    scale: float,
    look: tuple[str, str],
    label: str,
) -> None:
    """Draw one mean-square difference, and its line where it has one."""
    colour, marker = look
    ax.plot(
        differences.lag,
        differences.mean_square / scale,
        marker,
        color=colour,
        ms=2.2,
        mew=0.5,
        mfc=colour if isinstance(fit, StressDiffusion) else "none",
        label=label,
    )
    if isinstance(fit, StressDiffusion):
        lag = np.array(fit.window)
        ax.plot(lag, fit.D_sigma.value * lag / scale, "k-", lw=1.0, zorder=3)


def _by_density(result: Result, look: Look, ax: Axes) -> None:
    shared = [
        rate
        for rate in result.particles.plan.shear_rates
        if all((density, rate) in result.differences for density in result.particles.at)
    ]
    rate = min(shared, default=None)
    for (density, own), differences in result.differences.items():
        if own == (rate or _slowest(result.particles.at[density])):
            fit = result.fits[density, own]
            label = rf"$\rho={density:g}$" + ("" if rate else rf", $\dot\gamma={own:g}$")
            _one_square(ax, differences, fit, 1.0, look[density], label)
    _square(ax, r"$\langle\Delta\sigma^2\rangle$ ($\varepsilon^2/\sigma^4$)")
    ax.text(
        0.97,
        0.05,
        rf"$\dot\gamma={rate:g}$" if rate else "",
        ha="right",
        fontsize=7,
        transform=ax.transAxes,
    )


def _by_rate(result: Result, density: float, ax: Axes) -> None:
    own = {rate: one for (d, rate), one in result.differences.items() if d == density}
    for (rate, differences), colour, marker in zip(
        own.items(), SHADES, MARKERS + MARKERS, strict=False
    ):
        fit = result.fits[density, rate]
        _one_square(ax, differences, fit, rate, (colour, marker), rf"$\dot\gamma={rate:g}$")
    _square(ax, r"$\langle\Delta\sigma^2\rangle/\dot\gamma$ ($\varepsilon^2\tau_0/\sigma^4$)")
    ax.text(0.97, 0.05, rf"$\rho={density:g}$", ha="right", fontsize=7, transform=ax.transAxes)


def _against_density(result: Result, ax: Axes) -> None:
    known = _known(result)
    rates = sorted({rate for _, rate in known})
    for rate, colour, marker in zip(rates, SHADES, MARKERS + MARKERS, strict=False):
        density = [d for d, own in known if own == rate]
        found = [known[d, rate].D_sigma for d in density]
        ax.errorbar(
            density,
            [D.value / rate for D in found],
            [D.stderr / rate for D in found],
            color=colour,
            marker=marker,
            ms=3.5,
            lw=0.7,
            label=rf"$\dot\gamma={rate:g}$",
        )
    ax.set_yscale("log")
    ax.set_xlabel(r"density $\rho$ ($\sigma^{-2}$)")
    ax.set_ylabel(r"$D_\sigma/\dot\gamma$ ($\varepsilon^2/\sigma^4$)")
    ax.legend(fontsize=6)


def _against_activity(result: Result, look: Look, ax: Axes) -> None:
    """Draw D_sigma against both counts of events; lines of slope 1 through the slowest rates."""
    for density, at in result.particles.at.items():
        colour, marker = look[density]
        for name, face in (("Gamma", colour), ("onsets", "none")):
            both = [
                (getattr(one, name), one.D_sigma)
                for one in at.rates
                if isinstance(getattr(one, name), Estimate) and isinstance(one.D_sigma, Estimate)
            ]
            if not both:
                continue
            (x, dx), (y, dy) = (
                np.array([(pair[k].value, pair[k].stderr) for pair in both]).T for k in (0, 1)
            )
            style: dict[str, Any] = {"color": colour, "marker": marker, "mfc": face}
            ax.errorbar(x, y, dy, dx, ls="none", ms=3.5, elinewidth=0.6, mew=0.7, **style)
            if name == "Gamma":
                line = x[0] * np.array([0.03, 3.0])
                ax.plot(line, y[0] / x[0] * line, ":", color=colour, lw=0.7)
    for face, label in (("0.3", "new clusters"), ("none", "onsets in blocks")):
        ax.plot([], [], "o", color="0.3", mfc=face, ms=3.5, label=label)
    ax.plot([], [], ":", color="0.3", lw=0.7, label=r"$D_\sigma\propto\Gamma$")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"plastic activity $\Gamma$ of a block ($1/\tau_0$)")
    ax.set_ylabel(r"$D_\sigma$ ($\varepsilon^2/\sigma^4\tau_0$)")
    ax.legend(fontsize=6)


if __name__ == "__main__":
    name, particles = campaign.chosen("fig4", __doc__)
    make(name, lambda: compute(particles), check, draw, size=(2.1 * COLUMN, 2.3 * COLUMN))
