"""Measures on particle data: pure functions of arrays that return estimates with errors."""

from hebraud.md.measure.stress import blocking_errors, mean_of_correlated, steady_stress

__all__ = ["blocking_errors", "mean_of_correlated", "steady_stress"]
