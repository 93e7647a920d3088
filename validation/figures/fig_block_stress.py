"""Distribution P(sigma) of block stresses in steady flow: particles and both models.

Every density at the slowest rate that has settled: the histogram of the block stresses, and, where
all parameters are measured, the stationary P(sigma) of the classical model at the coupling of the
yield stress, and of the model with the measured drops and thresholds. Claim: no block comes near
the local yield stress of the frozen matrix, and no coupling repairs the models: in the classical
one stresses spread three times as far as in the particles, in the other they accumulate below the
thresholds. Data: the shipped campaign; if no density has all parameters, the stored demo (density
1.189, N = 1000) is drawn beside it.

``python -m validation.figures.fig_block_stress`` writes figures/fig_block_stress.png and .pdf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from validation.particles import campaign
from validation.particles import reduced
from hebraud.md.results.reduction import CampaignResults, DensityResults
from validation.drawing import COLUMN, make, panels
from hebraud import Estimate
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.predictions import predicted_density
from hebraud.md.results.reduced_data import ReducedData
from hebraud.plot import COLOURS
from hebraud.plot.particles import block_stress

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Panel:
    """One density: reduced data at one rate and the values measured on them.

    ``mean`` and ``std`` are those of the block stresses, ``predicted_std`` those of the models, by
    name; empty where the parameters are not all there.
    """

    density: float
    seen: ReducedData
    found: Measured
    mean: Estimate
    std: Estimate
    predicted_std: dict[str, float]


@dataclass(frozen=True, eq=False)
class Result:
    """Data of the figure; ``stands_in`` is the demo if no density has all parameters."""

    particles: CampaignResults
    panels: list[Panel]
    stands_in: Panel | None


def compute(particles: CampaignResults | None = None) -> Result:
    """Take each density at the rate of its parameters, or the slowest that has settled."""
    particles = particles or campaign.load()
    found = [_slowest(density, at) for density, at in particles.at.items()]
    known = [panel for panel in found if panel is not None]
    stands_in = None
    if not any(panel.predicted_std for panel in known):
        seen = reduced.demo_data()
        stands_in = _panel(seen.density, seen, reduced.demo()[1])
    return Result(particles, known, stands_in)


def _slowest(density: float, at: DensityResults) -> Panel | None:
    """Take the rate of the parameters, or else the slowest whose block stresses have errors."""
    if not isinstance(at.measured, str) and at.parameters is not None:
        return _panel(density, at.data[at.measured.shear_rate], at.measured)
    for _, seen in sorted(at.data.items()):
        found = measure(seen)
        if isinstance(found.estimates["block stress"], Estimate):
            return _panel(density, seen, found)
    return None


def _panel(density: float, seen: ReducedData, found: Measured) -> Panel:
    mean, std = (found.estimates[name] for name in ("block stress", "block stress std"))
    assert isinstance(mean, Estimate), mean
    assert isinstance(std, Estimate), std
    return Panel(density, seen, found, mean, std, _predicted(seen, found))


def _predicted(seen: ReducedData, found: Measured) -> dict[str, float]:
    parameters = found.parameters
    if parameters is None:
        return {}
    models = {
        "classical": parameters.model(parameters.alpha_flow),
        "modified": parameters.modified_model(),
    }
    reach = 3.0 * parameters.sigma_c.value
    stress = np.linspace(-reach, reach, 4001)
    spread = {}
    for name, model in models.items():
        density = predicted_density(parameters, model, seen.shear_rate, stress)
        weight = density / density.sum()
        spread[name] = float(np.sqrt(weight @ stress**2 - (weight @ stress) ** 2))
    return spread


def check(result: Result) -> None:
    """Assert what these data can decide; claims of which nothing is there are not made."""
    drawn = [*result.panels, *([] if result.stands_in is None else [result.stands_in])]
    assert drawn, "nothing has settled"
    for panel in drawn:
        law = panel.seen.known_blocks.density
        # normalised, and of the mean of the flow curve within errors
        total = float(np.sum(law.density * np.diff(law.edges)))
        assert abs(total + law.outside - 1.0) < 1e-9, (panel.density, total)
        curve = panel.seen.curve
        at = int(np.argmin(np.abs(curve.shear_rate - panel.seen.shear_rate)))
        assert curve.stress_err is not None, "every rate of a campaign has an error bar"
        error = np.hypot(panel.mean.stderr, curve.stress_err[at])
        # blocks count from strain `settled` on, the flow curve from the end of the transient
        assert abs(panel.mean.value - curve.stress[at]) < 4.0 * error + 0.02 * curve.stress[at]
        if panel.predicted_std:
            threshold = reduced.complete(panel.found).sigma_c.value
            held = np.flatnonzero(law.density > 0.0)
            assert law.edges[held[-1] + 1] < 1.2 * threshold, panel.density
            assert panel.predicted_std["classical"] > 2.0 * panel.std.value, panel.density
    slow = [panel for panel in result.panels if panel.seen.shear_rate <= 1e-3]
    for panel in slow:  # in units of their mean, all densities have the same P(sigma)
        assert abs(panel.std.value / panel.mean.value - 0.5) < 0.1, (panel.density, panel.std)


def draw(result: Result, ax: Axes) -> None:
    """Draw a panel for each density, and all of them in units of their mean."""
    shown = list(result.panels)
    if result.stands_in is not None:
        shown.append(result.stands_in)
    letters = "ABCDEF"[: len(shown) + 1]
    letters += "." * (len(letters) % 2)
    rows = [letters[k : k + 2] for k in range(0, len(letters), 2)]
    at = panels(ax, "\n".join(rows))
    for panel, letter in zip(shown, letters, strict=False):
        _one(panel, at[letter], demo=panel is result.stands_in)
    last = at[letters[len(shown)]]
    for panel, colour in zip(result.panels, COLOURS, strict=False):
        law = panel.seen.known_blocks.density
        scale = panel.mean.value
        last.step(
            law.middle / scale,
            law.density * scale,
            where="mid",
            color=colour,
            lw=0.8,
            label=rf"$\rho={panel.density:g}$, std {panel.std.value / scale:.2f}",
        )
    last.set_xlim(-1.5, 3.5)
    last.set_xlabel(r"$\sigma/\langle\sigma\rangle$")
    last.set_ylabel(r"$\langle\sigma\rangle P$")
    last.set_ylim(top=1.5 * last.get_ylim()[1])
    last.legend(
        fontsize=6,
        title=", ".join({rf"$\dot\gamma={p.seen.shear_rate:g}$" for p in result.panels}),
        title_fontsize=6,
    )
    for letter, place in at.items():
        place.set_title(f"({letter.lower()})", loc="left", fontsize=8, pad=2)
    last.figure.suptitle(campaign.caption(result.particles), fontsize=5.5)


def _one(panel: Panel, ax: Axes, demo: bool) -> None:
    said = rf"$\rho={panel.density:g}$, $\dot\gamma={panel.seen.shear_rate:g}$"
    if panel.predicted_std:
        block_stress(panel.seen, panel.found, ax)
    else:
        law = panel.seen.known_blocks.density
        ax.errorbar(law.middle, law.density, law.stderr, fmt="o", ms=2.0, lw=0.8, label="blocks")
        ax.set_xlabel(r"local stress $\sigma$ ($\varepsilon/\sigma^2$)")
        ax.set_ylabel(r"$P(\sigma)$ ($\sigma^2/\varepsilon$)")
        ax.text(
            0.97,
            0.85,
            "no models: parameters\nare not all there yet",
            ha="right",
            fontsize=6,
            transform=ax.transAxes,
        )
    ax.set_title(said + (", demo, $N=1000$" if demo else ""), fontsize=7, pad=3)


if __name__ == "__main__":
    name, particles = campaign.chosen("fig_block_stress", __doc__)
    make(name, lambda: compute(particles), check, draw, size=(2.1 * COLUMN, 2.3 * COLUMN))
