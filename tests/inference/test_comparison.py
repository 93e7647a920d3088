"""Comparison of models, their figures, and the worked examples."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest

import hebraud as hl
from hebraud.inference import (
    Comparison,
    compare_flow_curves,
    fit_flow_curve,
    fit_herschel_bulkley_law,
)
from measured_curve import RATES, STRESS
from validation.figures import fit_examples


def test_comparison_prefers_the_law_that_made_the_data():
    comparison = compare_flow_curves(
        RATES, STRESS, 0.02 * STRESS, models={"classical": hl.Model(0.3)}
    )
    assert comparison.best == "classical"
    first, second = comparison.rows
    assert first.delta_aic == 0.0
    assert second.delta_aic == pytest.approx(second.delta_bic)  # as many parameters
    assert first.weight + second.weight == pytest.approx(1.0)
    assert "Herschel-Bulkley" in comparison.report()
    law = 12.0 + 20.0 * RATES**0.8
    other = compare_flow_curves(RATES, law, 0.02 * law, models={"classical": hl.Model(0.3)})
    assert other.best == "Herschel-Bulkley"
    with pytest.raises(ValueError, match="same data and errors"):
        Comparison(
            {
                "a": fit_flow_curve(RATES, STRESS),
                "b": fit_herschel_bulkley_law(RATES, STRESS, 0.02 * STRESS),
            }
        )
    with pytest.raises(ValueError, match="at least two"):
        Comparison({"a": fit_flow_curve(RATES, STRESS)})


def test_criteria_are_likelihoods():
    """AIC without given errors is that of a normal law of ln(stress), up to a constant."""
    one, two = fit_flow_curve(RATES, STRESS), fit_flow_curve(RATES, STRESS, threshold=60.0)

    def aic(fit):
        variance = fit.chi_square / 30
        logs = -0.5 * 30 * (np.log(2 * np.pi * variance) + 1.0)
        return -2.0 * logs + 2.0 * len(fit.free)

    assert two.aic - one.aic == pytest.approx(aic(two) - aic(one), rel=1e-10)
    assert one.bic - one.aic == pytest.approx(3 * (np.log(30) - 2.0))


def test_figures_show_what_they_should():
    fit = fit_flow_curve(RATES, STRESS)
    figure = fit.plot(units={"stress": "Pa", "shear_rate": "1/s", "modulus_time": "Pa s"})
    assert isinstance(figure, matplotlib.figure.Figure)
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels[:2] == ["stress (Pa)", "residual/error"]
    assert "modulus time\n(Pa s)" in labels
    assert len(figure.axes) == 5
    assert len(fit_flow_curve(RATES, STRESS, threshold=50.0, alpha=0.3).plot().axes) == 2
    comparison = Comparison({"a": fit, "b": fit_herschel_bulkley_law(RATES, STRESS)})
    assert len(comparison.plot().axes) == 3


def test_the_worked_examples_hold():
    fit_examples.check(fit_examples.compute())


def test_example_data_are_what_their_certificate_says():
    import hashlib

    folder = Path(fit_examples.DATA) / "flow_curves"
    certificate = json.loads((folder / "provenance.json").read_text())
    for name, curve in certificate["curves"].items():
        stored = (folder / name).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == curve["sha256 of the file here"]
        assert len(stored.splitlines()) == curve["points"] + 1
    assert "MIT" in (folder / "LICENSE").read_text()
