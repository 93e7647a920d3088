"""Fig. 2 of Puosi, Olivier and Martens (2015): flow curves of the particles, rescaled and raw.

Main panel: stress over the measured sigma_c against rate times G0 tau_p/sigma_c, all densities
together; the line is the exact classical model at the coupling that the yield stresses require
(alpha_flow, mean over the densities). Inset: the same in the units of the simulation, with
Herschel-Bulkley fits (n = 1/2). Data: the shipped campaign. A density without sigma_c, G0 or tau_p is
in the inset only. If no density has them, the stored demo (density 1.189, N = 1000) is drawn
instead.

``python -m validation.figures.fig2`` writes figures/fig2.png and .pdf; ``--run DIR`` draws a run's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from validation.particles import campaign
import hebraud as hl
from validation.particles import reduced
from hebraud.md.results.reduction import CampaignResults, DensityResults, ROUGH
from validation.drawing import COLUMN, make
from hebraud.plot import COLOURS, MARKERS

#: Reduced rate at which densities are compared: about 3e-3/tau_0, in the middle of the rates.
COMMON = 0.02


@dataclass(frozen=True, eq=False)
class Result:
    """Data of the figure.

    ``rescaled`` holds the densities that have their units, ``units`` says what the others lack;
    ``alpha`` is the mean alpha_flow of those that have one, ``model`` its exact flow curve.
    ``stands_in`` says that these are the demo's, because no density has its units.
    """

    particles: CampaignResults
    rescaled: dict[float, hl.FlowCurve]
    units: dict[float, str]
    alpha: hl.Estimate
    model: hl.FlowCurve
    stands_in: bool


def compute(particles: CampaignResults | None = None) -> Result:
    """Return rescaled flow curves and the model's at the coupling of the yield stresses."""
    particles = particles or campaign.load()
    rescaled, units, measured = {}, {}, {}
    for density, at in particles.at.items():
        own = reduced.scales(at)
        if isinstance(own, str):
            units[density] = own
        elif isinstance(at.curve, hl.FlowCurve) and at.parameters is not None:
            rescaled[density], measured[density] = at.curve.reduced(own), at.parameters
    stands_in = not rescaled
    if stands_in:
        curve, found = reduced.demo()
        known = reduced.complete(found)
        measured = {reduced.DEMO: known}
        rescaled = {reduced.DEMO: curve.reduced(known.scales)}
    alpha = reduced.mean([one.alpha_flow for one in measured.values()])
    assert alpha is not None, "there is one flow curve at least"
    rates = np.concatenate([curve.shear_rate for curve in rescaled.values()])
    range_drawn = np.geomspace(rates.min() / 2, rates.max() * 2, 60)
    model = hl.flow_curve(hl.Model(alpha.value), range_drawn)
    return Result(particles, rescaled, units, alpha, model, stands_in)


def check(result: Result) -> None:
    """Assert what these data can decide; claims of which nothing is there are not made."""
    for density, at in result.particles.at.items():
        if isinstance(at.curve, str) or len(at.curve) < 2:
            continue
        stress, error = at.curve.stress, at.curve.stress_err
        assert error is not None, "every rate of a campaign has an error bar"
        # the stress rises with the rate: no step down by more than two standard errors
        steps, noise = np.diff(stress), np.hypot(error[1:], error[:-1])
        assert np.all(steps > -2.0 * noise), (density, steps / noise)
        # one law for all rates: where there are three or more, the root law misses none of them by
        # more than 6 % (fast rates bend upwards from it)
        if len(at.curve) > 2 and isinstance(at.fit, hl.HerschelBulkley):
            missed = np.abs(at.fit.stress(at.curve.shear_rate) / stress - 1.0)
            assert missed.max() < 0.06, (density, missed)
    # stress at one rate rises with the density
    curves = [at.curve for at in result.particles.at.values()]
    for lower, upper in pairwise(curves):
        if isinstance(lower, hl.FlowCurve) and isinstance(upper, hl.FlowCurve):
            _, i, j = np.intersect1d(lower.shear_rate, upper.shear_rate, return_indices=True)
            assert np.all(lower.stress[i] < upper.stress[j]), "stress falls with the density"
    # the collapse: units take away three quarters of what densities differ by, and leave less than
    # the 20 % that the paper gives as its error
    laws = [one.herschel_bulkley(0.5) for one in result.rescaled.values() if len(one) > 1]
    if len(laws) > 1:
        common = [float(law.stress(COMMON)) for law in laws]
        fits = [result.particles.at[density].fit for density in result.rescaled]
        raw = [float(fit.stress(3e-3)) for fit in fits if not isinstance(fit, str)]
        left = np.log(max(common) / min(common))
        assert left < np.log(1.2), f"no collapse: {common}"
        assert left < 0.25 * np.log(max(raw) / min(raw)), f"no collapse: {common} of {raw}"
    # the classical model at alpha_flow: its yield stress is the particles', so that it lies within
    # 10 % of them at slow rates; it bends upwards more than they do, by up to 30 % at the fastest
    for density, curve in result.rescaled.items():
        line = np.interp(curve.shear_rate, result.model.shear_rate, result.model.stress)
        away = np.abs(curve.stress / line - 1.0)
        assert away.max() < 0.30, f"off the line at {density}: {away}"
        assert np.all(away[curve.shear_rate <= COMMON] < 0.10), f"off the line at {density}: {away}"


def draw(result: Result, ax: Axes) -> None:
    """Draw the rescaled curves, and the raw ones in an inset."""
    look = dict(zip(result.particles.at, zip(COLOURS, MARKERS, strict=False), strict=False))
    for density, curve in result.rescaled.items():
        colour, marker = look[density]
        label = rf"$\rho={density:g}$"
        if result.stands_in:
            colour, marker, label = "0.4", "*", label + ", demo, $N=1000$"
        hl.plot.flow_curve(curve, ax, color=colour, marker=marker, ls="none", label=label)
    label = rf"HL, $\alpha_{{\rm flow}}={result.alpha.value:.3f}$"
    ax.plot(result.model.shear_rate, result.model.stress, "k-", lw=1.0, zorder=1, label=label)
    ax.set_xlabel(r"shear rate $\dot\gamma\,G_0\tau_p/\sigma_c$")
    ax.set_ylabel(r"stress $\sigma_{xy}/\sigma_c$")
    ax.set_ylim(0.0, 0.9)
    found = [one.measured for d, one in result.particles.at.items() if d in result.rescaled]
    rates = sorted({one.shear_rate for one in found if not isinstance(one, str)})
    rates = [] if result.stands_in else rates
    title = f"units at rate {', '.join(f'{rate:g}' for rate in rates)}" if rates else None
    ax.legend(loc="lower right", handlelength=1.4, title=title, title_fontsize=6)
    if result.units:
        lacks = [f"{density:g}: {why}" for density, why in result.units.items()]
        said = "not rescaled:\n" + "\n".join(lacks)
        ax.text(0.03, 0.03, said, fontsize=5, transform=ax.transAxes)
    ax.set_title(campaign.caption(result.particles), fontsize=5.5)

    raw = ax.inset_axes((0.13, 0.50, 0.50, 0.47))
    for density, at in result.particles.at.items():
        _raw(at, raw, *look[density])
    raw.set_xscale("log")
    raw.set_xlim(right=3.0 * raw.get_xlim()[1])  # room for the names of the densities
    raw.set_xlabel(r"$\dot\gamma\,\tau_0$", fontsize=6, labelpad=0)
    raw.set_ylabel(r"$\sigma_{xy}$ ($\varepsilon/\sigma^2$)", fontsize=6, labelpad=1)
    raw.tick_params(labelsize=5.5, pad=1.5, length=2)


def _raw(at: DensityResults, ax: Axes, colour: str, marker: str) -> None:
    """Draw one density; open symbols where the error is rough."""
    if isinstance(at.curve, str):
        return
    for one in at.stresses:
        if isinstance(one.value, hl.Estimate):
            rough = one.value.note == ROUGH
            ax.errorbar(
                one.shear_rate,
                one.value.value,
                one.value.stderr,
                color=colour,
                marker=marker,
                mfc="none" if rough else colour,
                ms=3,
            )
    if isinstance(at.fit, hl.HerschelBulkley):
        rates = np.geomspace(at.curve.shear_rate[0], at.curve.shear_rate[-1], 60)
        ax.plot(rates, at.fit.stress(rates), "--", color=colour, lw=0.7)
    place = (1.3 * at.curve.shear_rate[-1], at.curve.stress[-1])
    ax.annotate(f"{at.density:g}", place, fontsize=5.5, color=colour, va="center")


if __name__ == "__main__":
    name, particles = campaign.chosen("fig2", __doc__)
    make(name, lambda: compute(particles), check, draw, size=(1.4 * COLUMN, 1.1 * COLUMN))
