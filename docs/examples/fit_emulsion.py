"""A published flow curve of an emulsion, fitted: residuals, and the joint confidence regions.

Paredes, Michels and Bonn, Phys. Rev. Lett. 111, 015701 (2013), volume fraction 0.80; with the birth
certificate in validation/data/flow_curves. Put your own file in its place.

``python docs/examples/fit_emulsion.py`` writes fit_emulsion.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt

import hebraud as hl

DATA = Path(__file__).parents[2] / "validation/data/flow_curves/emulsion_paredes2013.csv"
UNITS = {"shear_rate": "1/s", "stress": "Pa", "threshold": "Pa", "modulus_time": "Pa s"}


def compute():
    """Read and fit."""
    table = hl.read_flow_curve(DATA)
    return hl.fit_flow_curve(table.shear_rate, table.stress, table.stress_err)


def check(fit):
    """Assert what the page on fits says of this curve."""
    assert abs(fit.alpha.value - 0.461) < 1e-3
    assert abs(fit.yield_stress.value - 38.1) < 0.1
    low, high = fit.interval("alpha", 0.95)
    assert low < fit.alpha.value < high
    assert "trend" in {warning.kind for warning in fit.warnings}


def draw(fit, ax):
    """Draw in the whole figure of ``ax``."""
    figure = ax.get_figure()
    ax.remove()
    fit.plot(figure, UNITS)


if __name__ == "__main__":
    result = compute()
    check(result)
    print(result.report())
    with hl.plot.style():
        whole, axes = plt.subplots(figsize=(6.8, 4.4), layout="constrained")
        draw(result, axes)
        whole.savefig("fit_emulsion.png")
