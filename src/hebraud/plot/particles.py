"""Draw one figure for each measurement on particles.

Every page shows the evidence of a run and the parameters measured on it, in Lennard-Jones units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from os import PathLike
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hebraud.errors import HebraudError, MeasurementError
from hebraud.md.measure.duration import plastic_correlation, seen_event
from hebraud.md.measure.modulus import elastic_branches, slow_start_ups
from hebraud.md.measure.plastic import EventRecord, merge_records
from hebraud.md.measure.threshold_fits import fit_thresholds
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.predictions import predicted_density, predicted_start_up
from hebraud.md.results.reduced_data import ReducedData
from hebraud.md.results.report import EVIDENCE
from hebraud.model.model import Model
from hebraud.plot import results
from hebraud.plot.style import COLOURS, style
from hebraud.rheology.estimate import Estimate, Missing

__all__ = ["PAGES", "first_sample", "write_figures"]

STRESS = r"($\varepsilon/\sigma^2$)"
"""Unit of stress as axes show it."""
_COLUMN = 3.39
"""Width of a column of a journal in inches, 86 mm."""
_PROBE = 0.005
"""Strain over which G0 is measured."""
_LINE = 1e-3
"""Relative tolerance of a drawn line: a tenth of its width."""


def write_figures(directory: str | PathLike[str]) -> dict[str, Path | Missing]:
    """Draw every page of a finished run into ``figures/`` there, as PNG.

    Parameters
    ----------
    directory : path
        Of `hebraud.md.run`; it must hold ``evidence.npz``.

    Returns
    -------
    dict
        The file of every page (`PAGES`), or a sentence with the reason why there is none.

    Raises
    ------
    OSError
        If there is no evidence, or a file cannot be written.
    """
    folder = Path(directory)
    seen = ReducedData.read(folder / EVIDENCE)
    found = measure(seen)
    (folder / "figures").mkdir(exist_ok=True)
    written: dict[str, Path | Missing] = {}
    for name, draw in PAGES.items():
        with style():
            figure = Figure(figsize=(_COLUMN, 0.8 * _COLUMN), layout="constrained")
            try:
                draw(seen, found, figure.subplots())
            except HebraudError as error:
                written[name] = Missing(str(error))
                continue
            path = folder / "figures" / f"{name}.png"
            figure.savefig(path)
            written[name] = path
    return written


def _value(found: Measured, symbol: str) -> Estimate:
    estimate = found.estimates.get(symbol, Missing(f"{symbol} was not measured"))
    if isinstance(estimate, Missing):
        raise MeasurementError(estimate.reason)
    return estimate


def _models(found: Measured) -> dict[str, Model]:
    if found.parameters is None:
        raise MeasurementError("the models need all parameters, and not all were measured")
    return {
        r"classical, $\alpha$ of $\sigma_Y$": found.parameters.model(found.parameters.alpha_flow),
        "measured drops and thresholds": found.parameters.modified_model(),
    }


def first_sample(records: Sequence[EventRecord]) -> Sequence[EventRecord]:
    """Return the records of the first sample, up to where the strain falls back."""
    ends = [float(np.abs(record["strain"]).max()) for record in records]
    back = [k for k in range(1, len(ends)) if ends[k] <= ends[k - 1]]
    return records[: back[0]] if back else records


def stress_strain(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw the stress of the first sample, and below it the fraction of active particles."""
    ax.plot(seen.strain, seen.stress[0], color=COLOURS[0], lw=0.5)
    ax.axhline(_value(found, "block stress").value, color="0.35", lw=0.8, ls="--")
    ax.set_xlabel(r"strain $\gamma$")
    ax.set_ylabel(rf"shear stress $\sigma_{{xy}}$ {STRESS}", color=COLOURS[0])
    top = float(seen.stress[0].max())
    ax.set_ylim(-1.0 * top, 1.1 * top)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0.0 <= tick <= 1.1 * top])
    below = ax.twinx()
    first = merge_records(first_sample(seen.events))
    active = 100.0 * first["active"] / float(first["particles"][0])
    below.plot(np.abs(first["strain"]), active, color=COLOURS[1], lw=0.5)
    below.set_ylim(0.0, 2.2 * float(active.max()))
    below.set_yticks([tick for tick in below.get_yticks() if tick <= 1.1 * float(active.max())])
    below.set_ylabel("active particles (%)", color=COLOURS[1])


def flow_curve(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw the steady stresses and both Herschel-Bulkley fits."""
    curve = seen.curve
    rate = np.geomspace(0.5 * curve.shear_rate.min(), 2.0 * curve.shear_rate.max(), 200)
    for exponent, line in ((0.5, "-"), (None, "--")):
        law = curve.herschel_bulkley(exponent=exponent)
        label = "$n = 1/2$" if exponent else f"$n$ = {law.exponent}"
        label += rf", $\sigma_Y$ = {law.yield_stress}"
        ax.plot(rate, law.stress(rate), line, color="0.4", lw=1.0, label=label)
    results.flow_curve(curve, ax, fmt="o", ms=3.0, capsize=2.0, color=COLOURS[0])
    ax.set_xlabel(r"shear rate $\dot\gamma$ ($1/\tau_0$)")
    ax.set_ylabel(rf"shear stress $\sigma_{{xy}}$ {STRESS}")
    ax.legend()


def modulus(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw the start of every sample, a colour a rate, and the slope that is taken for G0."""
    G0 = _value(found, "G0")
    begun = slow_start_ups(seen.start_ups)
    for one, colour in zip(begun, cycle(COLOURS), strict=False):
        first = one.strain <= 4.0 * _PROBE
        strain, stress = one.strain[first], one.stress[:, first]
        probed = strain <= _PROBE
        for number, run in enumerate(stress):
            level = np.polyfit(strain[probed], run[probed], 1)[1]
            label = rf"$\dot\gamma\tau_0$ = {one.shear_rate:g}" if number == 0 else None
            ax.plot(strain, run - level, lw=0.8, color=colour, label=label)
    strain = np.array([0.0, 4.0 * _PROBE])
    ax.axvspan(0.0, _PROBE, color="0.9", lw=0)
    ax.plot(strain, G0.value * strain, color="0.2", ls="--", label=f"$G_0$ = {G0}")
    ax.set_xlabel(r"strain $\gamma$")
    ax.set_ylabel(rf"stress above the fitted level {STRESS}")
    ax.set_ylim(top=0.75 * G0.value * float(strain[-1]))
    ax.legend()


def branches(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw a piece of the steady flow with its elastic branches thick."""
    piece = (seen.strain > seen.settled) & (seen.strain < seen.settled + 0.2)
    strain, stress = seen.strain[piece], seen.stress[0, piece]
    steady = float(seen.stress[:, seen.strain > seen.settled].std())
    ax.plot(strain, stress, color="0.6", lw=0.6)
    rising = elastic_branches(strain, stress, 0.1 * steady, 2e-3)
    for start, end in zip(rising.start, rising.end, strict=True):
        on = (strain >= start) & (strain <= end)
        ax.plot(strain[on], stress[on], color=COLOURS[0], lw=1.4)
    ax.set_title(f"mean slope {_value(found, 'G0 branches')}", fontsize=8)
    ax.set_xlabel(r"strain $\gamma$")
    ax.set_ylabel(rf"shear stress $\sigma_{{xy}}$ {STRESS}")


def stress_diffusion(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw eq. (7), the linear window and the line; on the right its log-slope."""
    differences = seen.known_blocks.differences
    fit = differences.diffusion()
    lag = differences.lag
    ax.axvspan(*fit.window, color="0.9", lw=0)
    load = _value(found, "G0").value * seen.shear_rate
    ax.loglog(lag, differences.mean_square, "o", ms=2.5, label=r"$\langle\Delta\sigma^2\rangle$")
    ax.loglog(
        lag, differences.less(load).mean_square, ":", color="0.4", label="eq. (7) to the letter"
    )
    label = rf"$D_\sigma t$, $D_\sigma$ = {fit.D_sigma}"
    ax.loglog(lag, fit.D_sigma.value * lag, "-", color=COLOURS[1], lw=1.0, label=label)
    ax.set_xlabel(r"lag $t$ ($\tau_0$)")
    ax.set_ylabel(r"$\langle\Delta\sigma^2\rangle$ ($\varepsilon^2/\sigma^4$)")
    ax.legend(loc="upper left")
    right = ax.twinx()
    right.plot(*differences.local_exponent, "s-", ms=1.5, lw=0.6, color=COLOURS[2])
    right.axhline(1.0, color=COLOURS[2], lw=0.5, ls="--")
    right.set_ylim(0.0, 4.0)
    right.set_yticks([0.0, 1.0, 2.0])
    right.set_ylabel("log-slope", color=COLOURS[2], loc="bottom")


def event_duration(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw C_p, the exponential event behind its window, the window alone, a plain exponential."""
    merged = merge_records(seen.events)
    time, correlation, plateau = plastic_correlation(merged)
    lag, tau = float(merged["lag"][0]), _value(found, "tau_p")
    fine = np.linspace(0.0, time[-1], 400)
    beside = plateau + (1.0 - plateau) * seen_event(fine, tau.value, lag)
    window = plateau + (1.0 - plateau) * np.maximum(0.0, 1.0 - fine / lag)
    apparent = _value(found, "tau_p apparent")
    ax.semilogy(time, correlation, "o", ms=3.0, label="active particles")
    ax.semilogy(fine, beside, "-", color=COLOURS[1], label=rf"event, $\tau_p$ = {tau}")
    ax.semilogy(fine, window, ":", color="0.4", label="sudden jump")
    plain = np.exp(-fine / apparent.value)
    ax.semilogy(fine, plain, "--", color="0.4", lw=0.8, label=rf"$e^{{-t/{apparent.value:.2f}}}$")
    ax.axhline(plateau, color="0.7", lw=0.8)
    ax.set_ylim(0.3 * plateau, 1.3)
    ax.set_xlabel(r"time $t$ ($\tau_0$)")
    ax.set_ylabel(r"$C_p(t)$ of $D^2_{\mathrm{min}}$")
    ax.legend()


def cluster_areas(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw the distribution of cluster areas, and where l_pl squared lies in it."""
    area = np.asarray(merge_records(seen.events)["area"], dtype=np.float64)
    unit = float(area.min())  # one block
    edges = unit * (np.unique(np.round(np.geomspace(1, area.max() / unit + 1, 25))) - 0.5)
    counts = np.histogram(area, edges)[0]
    kept = counts > 0
    middle = np.sqrt(edges[1:] * edges[:-1])
    density = counts / (np.diff(edges) * area.size)
    error = density / np.sqrt(np.maximum(counts, 1))
    ax.errorbar(middle[kept], density[kept], error[kept], fmt="o", ms=3.0, capsize=1.5)
    length = _value(found, "l_pl")
    ax.axvline(length.value**2, color="0.35", ls="--", label=rf"$l_{{pl}}$ = {length}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(r"area of a cluster $A$ ($\sigma^2$)")
    ax.set_ylabel(r"$p(A)$ ($1/\sigma^2$)")
    ax.legend()


def local_yield(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw p(sigma_c) with the Gaussian and the Weibull law that fit it best."""
    values = seen.known_yields.threshold
    sample = np.repeat(np.arange(len(values)), values.shape[1])
    fits = fit_thresholds(values.ravel(), sample)
    edges = np.linspace(0.0, 1.05 * fits.samples[-1], 26)
    counts = np.histogram(fits.samples, edges)[0]
    scale = 1.0 / (fits.samples.size * np.diff(edges))
    middle = 0.5 * (edges[1:] + edges[:-1])
    ax.errorbar(middle, counts * scale, np.sqrt(counts) * scale, fmt="o", ms=3.0, capsize=1.5)
    stress = np.linspace(0.0, edges[-1], 300)
    for name, law, line in (("Gauss", fits.gaussian, "-"), ("Weibull", fits.weibull, "--")):
        if law is not None:
            label = f"{name}, $p$ = {law.p_value:.2g}"
            ax.plot(stress, law.law.pdf(stress), line, label=label)
    ax.set_xlabel(rf"local yield stress $\sigma_c$ {STRESS}")
    ax.set_ylabel(r"$p(\sigma_c)$ ($\sigma^2/\varepsilon$)")
    ax.set_ylim(0.0, 1.5 * float((counts * scale).max()))
    ax.set_title(rf"$\sigma_c$ = {fits.mean}, std {fits.std}", fontsize=8)
    ax.legend()


def drops(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw the distribution of the stress drop by each definition, and the means."""
    probed = seen.known_yields
    largest = max(float(np.nanmax(drop)) for drop in probed.drops.values())
    edges = np.linspace(0.0, 1.02 * largest, 26)
    for (name, drop), colour in zip(probed.drops.items(), COLOURS, strict=False):
        values = drop[np.isfinite(drop)]
        fraction = float(values.mean()) / _value(found, "sigma_c").value
        label = rf"{name.replace('_', ' ')}: {fraction:.3f} $\sigma_c$"
        ax.hist(values, edges.tolist(), density=True, histtype="step", color=colour, label=label)
        ax.axvline(float(values.mean()), color=colour, lw=0.8, ls="--")
    ax.set_xlabel(rf"stress drop of an event {STRESS}")
    ax.set_ylabel(r"density ($\sigma^2/\varepsilon$)")
    ax.legend()


def block_stress(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw P(sigma) of the blocks, and of the models with the measured parameters."""
    law = seen.known_blocks.density
    ax.errorbar(law.middle, law.density, law.stderr, fmt="o", ms=2.0, lw=0.8, label="blocks")
    stress = np.linspace(law.edges[0] - 3.0, law.edges[-1] + 3.0, 600)
    for (name, model), line in zip(_models(found).items(), ("-", "--"), strict=True):
        assert found.parameters is not None
        predicted = predicted_density(found.parameters, model, seen.shear_rate, stress)
        ax.plot(stress, predicted, line, label=name)
    ax.set_xlabel(rf"local stress $\sigma$ {STRESS}")
    ax.set_ylabel(r"$P(\sigma)$ ($\sigma^2/\varepsilon$)")
    ax.set_ylim(0.0, 1.4 * float(law.density.max()))
    ax.legend()


def start_up(seen: ReducedData, found: Measured, ax: Axes) -> None:
    """Draw the stress of every sample from rest, and that of the models beside their mean.

    Samples as means over 0.01 of strain; the models start from the spread of the block stresses in
    steady flow, since that of the glass at rest is not in the evidence.
    """
    first = seen.strain < min(seen.settled, 0.6)
    width = max(1, round(0.01 / float(seen.strain[1] - seen.strain[0])))
    whole = int(np.count_nonzero(first)) // width * width
    strain = seen.strain[:whole].reshape(-1, width).mean(axis=1)
    stress = seen.stress[:, :whole].reshape(len(seen.stress), -1, width).mean(axis=2)
    ax.plot(strain, stress.T, color="0.7", lw=0.5)
    ax.plot(strain, stress.mean(axis=0), color=COLOURS[0], label="particles, mean")
    spread = _value(found, "block stress std").value
    line = np.linspace(0.0, float(strain[-1]), 400)
    for (name, model), dash, colour in zip(
        _models(found).items(), ("-", "--"), COLOURS[1:], strict=False
    ):
        assert found.parameters is not None
        predicted = predicted_start_up(
            found.parameters, model, seen.shear_rate, line, spread, rtol=_LINE
        )
        ax.plot(line, predicted, dash, color=colour, label=name)
    ax.set_xlabel(r"strain $\gamma$")
    ax.set_ylabel(rf"shear stress $\sigma_{{xy}}$ {STRESS}")
    ax.set_ylim(top=1.5 * ax.get_ylim()[1])
    ax.legend()


PAGES: Mapping[str, Callable[[ReducedData, Measured, Axes], None]] = {
    "stress_strain": stress_strain,
    "flow_curve": flow_curve,
    "modulus": modulus,
    "branches": branches,
    "stress_diffusion": stress_diffusion,
    "event_duration": event_duration,
    "cluster_areas": cluster_areas,
    "local_yield": local_yield,
    "drops": drops,
    "block_stress": block_stress,
    "start_up": start_up,
}
"""Pages by the name of the file, each with the function that draws it."""
