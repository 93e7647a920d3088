"""Fits of models to measured curves: parameters, their intervals, comparison of models."""

from hebraud.inference.cautions import FitWarning
from hebraud.inference.comparison import Comparison, compare_flow_curves
from hebraud.inference.fit import Fit
from hebraud.inference.fitted import Interval
from hebraud.inference.flow_curves import FlowCurveFit, fit_flow_curve
from hebraud.inference.herschel_bulkley import HerschelBulkleyFit, fit_herschel_bulkley_law
from hebraud.inference.posterior import Posterior, sample_posterior
from hebraud.inference.tables import Table, read_flow_curve
from hebraud.inference.transients import TransientFit, fit_creep, fit_startup

__all__ = [
    "Comparison",
    "Fit",
    "FitWarning",
    "FlowCurveFit",
    "HerschelBulkleyFit",
    "Interval",
    "Posterior",
    "Table",
    "TransientFit",
    "compare_flow_curves",
    "fit_creep",
    "fit_flow_curve",
    "fit_herschel_bulkley_law",
    "fit_startup",
    "read_flow_curve",
    "sample_posterior",
]
