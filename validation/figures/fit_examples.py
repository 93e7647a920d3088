"""Fits of measured flow curves: a published emulsion and microgel, and our own particles.

The published curves (data/flow_curves, with their provenance) are digitised and have no error bars;
ours has them. Each is fitted with the classical model and with the Herschel-Bulkley law.

``python -m validation.figures.fit_examples`` writes figures/fit_examples.png and .pdf, and prints the
reports.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

import hebraud as hl
from validation import DATA
from validation.drawing import COLUMN, make
from hebraud.inference import Comparison, FlowCurveFit, compare_flow_curves, read_flow_curve
from hebraud.plot import COLOURS, MARKERS

CURVES = {
    "emulsion": DATA / "flow_curves" / "emulsion_paredes2013.csv",
    "microgel": DATA / "flow_curves" / "microgel_seth2011.csv",
    "particles": DATA / "particles_demo" / "flow_curve.csv",
}


@dataclass(frozen=True)
class Result:
    """A comparison of the classical model with the Herschel-Bulkley law for every curve."""

    comparisons: dict[str, Comparison]

    def model(self, name: str) -> FlowCurveFit:
        """Return the classical fit of a curve."""
        fit = self.comparisons[name].fits["classical"]
        assert isinstance(fit, FlowCurveFit)
        return fit


def compute() -> Result:
    """Read and fit."""
    comparisons = {}
    for name, path in CURVES.items():
        table = read_flow_curve(path)
        comparisons[name] = compare_flow_curves(
            table.shear_rate, table.stress, table.stress_err, models={"classical": hl.Model(0.3)}
        )
    return Result(comparisons)


def check(result: Result) -> None:
    """Assert what the documentation says of these fits."""
    for name in CURVES:
        fit = result.model(name)
        # Below the critical coupling, all three: there is a yield stress, and it lies within 10 %
        # of the Herschel-Bulkley one (the laws differ in how they come down to it).
        assert fit.alpha.value < 0.5, (name, fit.alpha)
        assert fit.yield_stress is not None
        plain = result.comparisons[name].fits["Herschel-Bulkley"].estimates["yield_stress"]
        assert abs(fit.yield_stress.value / plain.value - 1.0) < 0.1, (name, plain)
    # The stress of the published curves is described within 3 %, the Herschel-Bulkley law does it
    # within 2 % with as many parameters, and AIC prefers it.
    for name in ("emulsion", "microgel"):
        comparison = result.comparisons[name]
        assert np.sqrt(result.model(name).reduced_chi_square) < 0.03
        assert np.sqrt(comparison.fits["Herschel-Bulkley"].reduced_chi_square) < 0.02
        assert comparison.best == "Herschel-Bulkley"
        assert "trend" in {warning.kind for warning in result.model(name).warnings}
    # Our five rates do not reach the bend: what is left open is said.
    assert "degenerate" in {warning.kind for warning in result.model("particles").warnings}
    # The stored Herschel-Bulkley fit of the particles, by other code in linear parameters.
    stored = json.loads((DATA / "particles_demo" / "herschel_bulkley.json").read_text())
    free = result.comparisons["particles"].fits["Herschel-Bulkley"].estimates
    for name in ("yield_stress", "exponent"):
        other = stored["exponent_free"][name]["value"]
        assert abs(free[name].value / other - 1.0) < 1e-4, (name, free[name], other)


def draw(result: Result, ax: Axes) -> None:
    """Draw stress over the classical yield stress against rate in sigma_c/(G0 tau)."""
    for i, name in enumerate(CURVES):
        fit = result.model(name)
        assert fit.yield_stress is not None
        unit, size = fit.threshold.value / fit.modulus_time.value, fit.yield_stress.value
        error = None if fit.problem.error is None else fit.problem.error / size
        ax.errorbar(
            fit.abscissa / unit, fit.problem.data / size, error, fmt=MARKERS[i], ms=3, mfc="none",
            color=COLOURS[i], label=rf"{name}, $\alpha={fit.alpha.value:.2f}$",
        )  # fmt: skip
        fine = np.geomspace(fit.abscissa.min(), fit.abscissa.max(), 200)
        ax.plot(fine / unit, fit.stress(fine) / size, color=COLOURS[i])
        plain = result.comparisons[name].fits["Herschel-Bulkley"]
        ax.plot(fine / unit, plain.stress(fine) / size, ":", color="0.3", lw=1.0)  # type: ignore[attr-defined]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    ax.set_yticks([], minor=True)
    ax.set_xlabel(r"shear rate $\dot\gamma\,G_0\tau/\sigma_c$")
    ax.set_ylabel(r"stress $\sigma/\sigma_Y$")
    ax.plot([], [], ":", color="0.3", lw=1.0, label="Herschel-Bulkley")
    ax.legend(loc="upper left")


if __name__ == "__main__":
    for name, comparison in compute().comparisons.items():
        print(name, comparison.fits["classical"].report(), comparison.report(), sep="\n")
    make("fit_examples", compute, check, draw, size=(COLUMN, 0.9 * COLUMN))
