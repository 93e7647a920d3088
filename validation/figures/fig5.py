"""Fig. 5 of Puosi, Olivier and Martens (2015): how long events last, and local yield stresses.

(a) Autocorrelation C_p of D2min of active particles, all densities at the slowest rate that they
share, with the fitted exponential event as the window shows it; (b) tau_p against density, corrected
for the window (full) and not (open: the plain exponential of the paper).
(c) p(sigma_c) with Gaussian (full) and Weibull (dashed) fits; (d) its mean and variance, and (e)
the mean stress drop of an event by three definitions, against density; (f) drops over sigma_c.
Data: the shipped campaign; if it has no local yield stresses, the stored demo (density 1.189,
N = 1000).

``python -m validation.figures.fig5`` writes figures/fig5.png and .pdf; ``--run DIR`` draws a run's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from validation.particles import campaign
from validation.particles import reduced
from hebraud.md.results.reduction import CampaignResults
from hebraud.rheology.estimate import or_missing
from validation.drawing import COLUMN, Look, make, panels
from hebraud import Estimate
from hebraud.errors import ConvergenceError
from hebraud.md.measure.duration import (
    apparent_event_duration,
    event_duration,
    plastic_correlation,
    seen_event,
)
from hebraud.md.measure.plastic import merge_records
from hebraud.md.measure.threshold_fits import ThresholdFits, fit_thresholds
from hebraud.md.measure.yield_means import yield_means
from hebraud.md.observers import PLASTIC
from hebraud.md.results.reduced_data import ReducedData, LocalYields
from hebraud.plot import COLOURS, MARKERS

Floats = NDArray[np.float64]
Found = Estimate | str
#: The definitions of a drop, and how they are drawn.
DROPS = {
    "at_fixed_strain": ("at fixed strain", "-"),
    "one_step": ("largest in one step", "--"),
    "to_minimum": ("to the next minimum", ":"),
}


@dataclass(frozen=True, eq=False)
class Duration:
    """C_p of one density and rate, its plateau, and the times fitted to it."""

    time: Floats
    correlation: Floats
    plateau: float
    lag: float
    tau: Found
    apparent: Found


@dataclass(frozen=True, eq=False)
class Yields:
    """Thresholds of one density: fits, means of the drops, and the rate of the flow."""

    shear_rate: float
    fits: ThresholdFits | str
    means: Mapping[str, Estimate]
    blocks: int


@dataclass(frozen=True, eq=False)
class Result:
    """Data of the figure: durations by (density, rate), thresholds by density.

    ``stands_in`` says that the thresholds are the demo's, because no density has any.
    """

    particles: CampaignResults
    durations: dict[tuple[float, float], Duration]
    yields: dict[float, Yields]
    stands_in: bool

    @property
    def shared_rate(self) -> float:
        """Return the slowest rate at which every settled density is known."""
        densities = {density for density, _ in self.durations}
        rates = {rate for _, rate in self.durations}
        shared = [r for r in rates if all((d, r) in self.durations for d in densities)]
        return min(shared or rates)


def compute(particles: CampaignResults | None = None) -> Result:
    """Measure durations at every rate that has settled, and thresholds where there are any."""
    particles = particles or campaign.load()
    durations, yields = {}, {}
    for density, at in particles.at.items():
        for rate, seen in sorted(at.data.items()):
            durations[density, rate] = _duration(seen)
            if density not in yields and not isinstance(seen.yields, str):
                found = _yields(rate, seen.yields)
                if isinstance(found.fits, ThresholdFits) or found.means:
                    yields[density] = found
    stands_in = not yields
    if stands_in:
        seen = reduced.demo_data()
        yields = {seen.density: _yields(seen.shear_rate, seen.known_yields)}
    return Result(particles, durations, yields, stands_in)


def _duration(seen: ReducedData) -> Duration:
    records = seen.records[PLASTIC]
    merged = merge_records(records)
    return Duration(
        *plastic_correlation(merged),
        lag=float(merged["lag"][0]),
        tau=or_missing(lambda: event_duration(records)),
        apparent=or_missing(lambda: apparent_event_duration(records)),
    )


def _yields(rate: float, found: LocalYields) -> Yields:
    snapshot = np.repeat(np.arange(len(found.threshold)), found.threshold.shape[1])
    fits = or_missing(lambda: fit_thresholds(found.threshold.ravel(), snapshot))
    means = or_missing(lambda: yield_means(found.threshold, found.drops)[0])
    return Yields(rate, fits, {} if isinstance(means, str) else means, found.threshold.size)


def check(result: Result) -> None:
    """Assert what these data can decide; claims of which nothing is there are not made."""
    slow = {key: one for key, one in result.durations.items() if key[1] <= 1e-3}
    for key, one in slow.items():
        if isinstance(one.tau, str) or isinstance(one.apparent, str):
            continue
        # at slow rates an event lasts about 1/zeta = 1; a plain exponential shows the window
        assert 0.5 < one.tau.value < 1.6, (key, one.tau)
        assert one.apparent.value > 1.5 * one.tau.value, (key, one.apparent)
        shape = seen_event(one.time, one.tau.value, one.lag)
        missed = one.correlation - one.plateau - (1.0 - one.plateau) * shape
        assert np.abs(missed).max() < 0.06, (key, np.abs(missed).max())
    taus = [one.tau.value for key, one in slow.items() if isinstance(one.tau, Estimate)]
    # it depends weakly on density: by less than a factor 1.5, while stresses change threefold
    assert not taus or max(taus) < 1.5 * min(taus), taus
    for density, law in result.yields.items():
        if isinstance(law.fits, ThresholdFits):
            # distributed, by a fifth to a third of their mean, and all blocks have yielded
            assert 0.18 < law.fits.std.value / law.fits.mean.value < 0.36, density
            assert law.fits.unyielded < 0.01 * law.blocks, density
        if law.means:
            share = {name: law.means[name].value / law.means["sigma_c"].value for name in DROPS}
            assert 0.15 < share["at_fixed_strain"] < 0.25, (density, share)
            assert share["at_fixed_strain"] < share["to_minimum"], (density, share)
    known = [one.fits.mean.value for one in result.yields.values() if not isinstance(one.fits, str)]
    assert np.all(np.diff(known) > 0.0), known  # local yield stresses grow with the density


def draw(result: Result, ax: Axes) -> None:
    """Draw the six panels."""
    at = panels(ax, "AB\nCD\nEF")
    look = dict(zip(result.particles.at, zip(COLOURS, MARKERS, strict=False), strict=False))
    if result.durations:
        _correlations(result, look, at["A"])
        _times(result, at["B"])
    _laws(result, look, at["C"])
    _moments(result, at["D"])
    _drops(result, at["E"], at["F"])
    for letter, panel in at.items():
        panel.set_title(f"({letter.lower()})", loc="left", fontsize=8, pad=2)
    said = campaign.caption(result.particles)
    if result.stands_in:
        said += "; no local yield stresses yet: (c) to (f) show the demo, N = 1000"
    at["A"].figure.suptitle(said, fontsize=5.5)


def _correlations(result: Result, look: Look, ax: Axes) -> None:
    rate = result.shared_rate
    for (density, own), one in result.durations.items():
        if own != rate:
            continue
        colour, marker = look[density]
        ax.plot(
            one.time, one.correlation, marker, color=colour, ms=2.5, label=rf"$\rho={density:g}$"
        )
        ax.axhline(one.plateau, color=colour, lw=0.4, ls="--")
        if isinstance(one.tau, Estimate):
            fine = np.linspace(0.0, one.time[-1], 300)
            shape = seen_event(fine, one.tau.value, one.lag)
            ax.plot(fine, one.plateau + (1.0 - one.plateau) * shape, color=colour, lw=0.8)
    ax.set_yscale("log")
    ax.set_title(rf"$\dot\gamma={rate:g}$; dashed: unrelated values", fontsize=7, pad=3)
    ax.set_xlabel(r"time $t$ ($\tau_0$)")
    ax.set_ylabel(r"$C_p(t)$ of $D^2_{\mathrm{min}}$")
    ax.legend(fontsize=6)


def _times(result: Result, ax: Axes) -> None:
    rates = sorted({rate for _, rate in result.durations})
    for rate, colour, marker in zip(rates, COLOURS, MARKERS, strict=False):
        here = {density: one for (density, own), one in result.durations.items() if own == rate}
        style = {"color": colour, "marker": marker, "ms": 3.5, "lw": 0.7}
        tau = {density: one.tau for density, one in here.items()}
        _with_errors(ax, tau, label=rf"$\dot\gamma={rate:g}$", **style)
        if rate == result.shared_rate:
            apparent = {density: one.apparent for density, one in here.items()}
            _with_errors(ax, apparent, mfc="w", label=r"plain $e^{-t/\tau}$", **style)
    ax.axhline(1.0, color="0.5", lw=0.6, ls=":")
    ax.set_ylim(0.0, 1.35 * ax.get_ylim()[1])
    ax.set_xlabel(r"density $\rho$ ($\sigma^{-2}$)")
    ax.set_ylabel(r"$\tau_p$ ($\tau_0$)")
    ax.legend(fontsize=6, ncols=2)


def _with_errors(ax: Axes, found: Mapping[float, Found], **style: Any) -> None:
    known = {density: one for density, one in found.items() if isinstance(one, Estimate)}
    values = np.array([(density, one.value, one.stderr) for density, one in known.items()])
    if len(values):
        density, value, error = values.T
        ax.errorbar(density, value, error, **style)


def _laws(result: Result, look: Look, ax: Axes) -> None:
    for density, one in result.yields.items():
        if isinstance(one.fits, str):
            continue
        colour, marker = ("0.4", "*") if result.stands_in else look[density]
        samples = one.fits.samples
        edges = np.linspace(0.0, 1.05 * samples[-1], 26)
        counts = np.histogram(samples, edges)[0]
        scale = 1.0 / (samples.size * np.diff(edges))
        middle = 0.5 * (edges[1:] + edges[:-1])
        label = rf"$\rho={density:g}$, $p={one.fits.gaussian.p_value:.2g}$"
        if one.fits.weibull is not None:
            label += f" ({one.fits.weibull.p_value:.2g})"
        points: dict[str, Any] = {"color": colour, "marker": marker, "ls": "none", "ms": 2.5, "elinewidth": 0.6}
        ax.errorbar(middle, counts * scale, np.sqrt(counts) * scale, label=label, **points)
        stress = np.linspace(0.0, edges[-1], 300)
        ax.plot(stress, one.fits.gaussian.law.pdf(stress), "-", color=colour, lw=0.9)
        if one.fits.weibull is not None:
            ax.plot(stress, one.fits.weibull.law.pdf(stress), "--", color=colour, lw=0.7)
    ax.set_ylim(0.0, 1.5 * ax.get_ylim()[1])
    ax.set_xlabel(r"local yield stress $\sigma_c$ ($\varepsilon/\sigma^2$)")
    ax.set_ylabel(r"$p(\sigma_c)$ ($\sigma^2/\varepsilon$)")
    ax.legend(fontsize=6, title="Gauss (Weibull): Kolmogorov-Smirnov", title_fontsize=6)


def _power_guide(ax: Axes, found: Mapping[float, Estimate], **style: Any) -> None:
    """Draw the power law of the density through all values, named by its exponent."""
    if len(found) < 2:
        return
    density, value = (np.array(x) for x in (list(found), [e.value for e in found.values()]))
    exponent, level = np.polyfit(np.log(density), np.log(value), 1)
    fine = np.linspace(density.min(), density.max(), 50)
    label = rf"$\propto\rho^{{{exponent:.0f}}}$"
    ax.plot(fine, np.exp(level) * fine**exponent, lw=0.7, label=label, **style)


def _moments(result: Result, ax: Axes) -> None:
    fits = {d: one.fits for d, one in result.yields.items() if not isinstance(one.fits, str)}
    mean = {density: one.mean for density, one in fits.items()}
    variance = {
        density: Estimate(one.std.value**2, 2.0 * one.std.value * one.std.stderr)
        for density, one in fits.items()
    }
    kinds = (
        (mean, r"mean ($\varepsilon/\sigma^2$)", COLOURS[0], "o"),
        (variance, r"variance ($\varepsilon^2/\sigma^4$)", COLOURS[1], "s"),
    )
    for found, label, colour, marker in kinds:
        _with_errors(ax, found, color=colour, marker=marker, ls="none", ms=3.5, label=label)
        _power_guide(ax, found, color=colour, ls="--")
    ax.set_yscale("log")
    ax.set_xlabel(r"density $\rho$ ($\sigma^{-2}$)")
    ax.set_ylabel(r"local yield stress $\sigma_c$")
    ax.legend(fontsize=6)


def _drops(result: Result, absolute: Axes, relative: Axes) -> None:
    known = {density: one.means for density, one in result.yields.items() if one.means}
    for (name, (label, line)), colour, marker in zip(DROPS.items(), COLOURS, MARKERS, strict=False):
        found = {density: means[name] for density, means in known.items()}
        style = {"color": colour, "marker": marker, "ls": "none", "ms": 3.5}
        _with_errors(absolute, found, label=label, **style)
        _power_guide(absolute, found, color=colour, ls=line)
        share = {
            density: Estimate(
                drop.value / known[density]["sigma_c"].value,
                drop.stderr / known[density]["sigma_c"].value,
            )
            for density, drop in found.items()
        }
        _with_errors(relative, share, label=label, **style)
    relative.axhline(0.2, color="0.5", lw=0.6, ls=":", label="0.2 (paper)")
    absolute.set_yscale("log")
    absolute.set_ylim(top=2.5 * absolute.get_ylim()[1])
    relative.set_ylim(0.0, 0.7)
    absolute.set_ylabel(r"stress drop $\langle\Delta\sigma\rangle$ ($\varepsilon/\sigma^2$)")
    relative.set_ylabel(r"$\langle\Delta\sigma\rangle/\langle\sigma_c\rangle$")
    for ax in (absolute, relative):
        ax.set_xlabel(r"density $\rho$ ($\sigma^{-2}$)")
        ax.legend(fontsize=6, loc="upper left")


if __name__ == "__main__":
    name, particles = campaign.chosen("fig5", __doc__)
    make(name, lambda: compute(particles), check, draw, size=(2.1 * COLUMN, 2.3 * COLUMN))
