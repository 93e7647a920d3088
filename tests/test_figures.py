"""The figure scripts: what they compute, their own checks, and that they draw."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from matplotlib.figure import Figure

import hebraud as hl
from validation.figures import fig3, model_flow_curves


@cache
def computed(script):
    return script.compute()


@pytest.mark.parametrize(
    "script",
    [pytest.param(model_flow_curves, marks=pytest.mark.slow), fig3],
    ids=lambda s: s.__name__,
)
def test_figure_holds_and_draws(script, tmp_path):
    result = computed(script)
    script.check(result)
    with hl.plot.style():
        figure = Figure(figsize=(5.4, 4.3), layout="constrained")
        script.draw(result, figure.subplots())
        figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 20_000


def test_a_yield_stress_off_by_3_percent_does_not_pass():
    three = computed(fig3)
    fits = {
        window: [
            replace(fit, yield_stress=hl.Estimate(1.03 * fit.yield_stress.value, 0.0))
            for fit in row
        ]
        for window, row in three.fits.items()
    }
    with pytest.raises(AssertionError):
        fig3.check(replace(three, fits=fits))
    with pytest.raises(AssertionError):
        fig3.check(replace(three, bands={1.0: (0.1, 0.2), 1.1: (0.3, 0.4)}))


@pytest.mark.slow
def test_an_asymptote_with_a_wrong_prefactor_does_not_pass():
    two = computed(model_flow_curves)
    with pytest.raises(AssertionError):
        model_flow_curves.check(
            replace(two, asymptotes={a: 1.01 * y for a, y in two.asymptotes.items()})
        )


def test_plots_refuse_what_they_cannot_draw():
    ax = Figure().subplots()
    with pytest.raises(ValueError, match="logarithmic"):
        hl.plot.flow_curve(hl.FlowCurve([-1.0, 1.0], [1.0, 2.0]), ax)
    physical = hl.FlowCurve([1.0, 2.0], [1.0, 2.0], [0.1, 0.1], scales=hl.Scales(1, 1, 1))
    hl.plot.flow_curve(physical, ax)
    hl.plot.density(hl.steady_state(hl.Model(0.3), 0.1), ax)
    drawn = ax.lines[-1].get_xydata()
    assert np.trapezoid(drawn[:, 1], drawn[:, 0]) == pytest.approx(1.0, abs=1e-3)
