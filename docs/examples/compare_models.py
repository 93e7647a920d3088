"""Which model for an emulsion? Five laws, as many parameters each, ranked by AIC, with residuals.

The data are those of fit_emulsion.py. Takes a minute: all but the classical model and the
Herschel-Bulkley law are computed as they are fitted.

``python docs/examples/compare_models.py`` writes compare_models.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats

import hebraud as hl

DATA = Path(__file__).parents[2] / "validation/data/flow_curves/emulsion_paredes2013.csv"
MODELS = {
    "classical": hl.Model(0.3),
    "half released": hl.Model(0.2, relaxation=hl.FractionalDrop(0.5)),
    "residual stress 1/2": hl.Model(0.2, relaxation=hl.ResidualStress(0.5)),
    "redrawn, normal 1 ± 0.3": hl.Model(0.3, thresholds=hl.Redrawn(scipy.stats.norm(1.0, 0.3))),
}


def compute():
    """Read and fit."""
    table = hl.read_flow_curve(DATA)
    return hl.compare_flow_curves(table.shear_rate, table.stress, models=MODELS)


def check(comparison):
    """Assert what the figure shows."""
    assert comparison.best == "Herschel-Bulkley"
    # every variant of the model is far behind, and all agree on the stress of the plateau
    assert all(row.delta_aic > 20.0 for row in comparison.rows[1:])
    assert comparison.rows[1].name == "residual stress 1/2"
    for fit in comparison.fits.values():
        assert abs(fit.stress([2e-4])[0] / 38.6 - 1.0) < 0.015
        assert np.sqrt(fit.reduced_chi_square) < 0.035


def draw(comparison, ax):
    """Draw in the whole figure of ``ax``."""
    figure = ax.get_figure()
    ax.remove()
    comparison.plot(figure, {"shear_rate": "1/s", "stress": "Pa"})


if __name__ == "__main__":
    result = compute()
    print(result.report())
    check(result)
    with hl.plot.style():
        whole, axes = plt.subplots(figsize=(3.4, 6.0), layout="constrained")
        draw(result, axes)
        whole.savefig("compare_models.png")
