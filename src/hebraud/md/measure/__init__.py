"""Measures on particle data: pure functions of arrays that return estimates with errors.

`block_stress` and `local_yield` are imported from the modules of their names.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hebraud.md.measure.block_stress import atom_block_stress, block_count, epochs
    from hebraud.md.measure.diffusion import StressDifferences, StressDiffusion, stress_differences
    from hebraud.md.measure.duration import (
        apparent_event_duration,
        event_duration,
        jump_duration,
        late_event_duration,
        plastic_correlation,
        seen_event,
    )
    from hebraud.md.measure.local_stress import StressDensity, stress_density
    from hebraud.md.measure.local_yield import DROPS, BlockYield, block_grid
    from hebraud.md.measure.modulus import (
        Branches,
        StartUp,
        branch_modulus,
        elastic_branches,
        modal_modulus,
        pooled_start_up_modulus,
        slow_rates,
        slow_start_ups,
        start_up_modulus,
    )
    from hebraud.md.measure.nonaffine import d2min, d2min_series
    from hebraud.md.measure.plastic import (
        PlasticActivity,
        balance_ratio,
        merge_records,
        plastic_activity,
        plastic_record,
    )
    from hebraud.md.measure.stress import blocking_errors, mean_of_correlated, steady_stress
    from hebraud.md.measure.threshold_fits import FittedLaw, ThresholdFits, fit_thresholds

_NAMES = {
    "block_stress": ("atom_block_stress", "block_count", "epochs"),
    "diffusion": ("StressDifferences", "StressDiffusion", "stress_differences"),
    "duration": (
        "apparent_event_duration",
        "event_duration",
        "jump_duration",
        "late_event_duration",
        "plastic_correlation",
        "seen_event",
    ),
    "local_stress": ("StressDensity", "stress_density"),
    "local_yield": ("DROPS", "BlockYield", "block_grid"),
    "modulus": (
        "Branches",
        "StartUp",
        "branch_modulus",
        "elastic_branches",
        "modal_modulus",
        "pooled_start_up_modulus",
        "slow_rates",
        "slow_start_ups",
        "start_up_modulus",
    ),
    "nonaffine": ("d2min", "d2min_series"),
    "plastic": (
        "PlasticActivity",
        "balance_ratio",
        "merge_records",
        "plastic_activity",
        "plastic_record",
    ),
    "stress": ("blocking_errors", "mean_of_correlated", "steady_stress"),
    "threshold_fits": ("FittedLaw", "ThresholdFits", "fit_thresholds"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "DROPS",
    "BlockYield",
    "Branches",
    "FittedLaw",
    "PlasticActivity",
    "StartUp",
    "StressDensity",
    "StressDifferences",
    "StressDiffusion",
    "ThresholdFits",
    "apparent_event_duration",
    "atom_block_stress",
    "balance_ratio",
    "block_count",
    "block_grid",
    "blocking_errors",
    "branch_modulus",
    "d2min",
    "d2min_series",
    "elastic_branches",
    "epochs",
    "event_duration",
    "fit_thresholds",
    "jump_duration",
    "late_event_duration",
    "mean_of_correlated",
    "merge_records",
    "modal_modulus",
    "plastic_activity",
    "plastic_correlation",
    "plastic_record",
    "pooled_start_up_modulus",
    "seen_event",
    "slow_rates",
    "slow_start_ups",
    "start_up_modulus",
    "steady_stress",
    "stress_density",
    "stress_differences",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"hebraud.md.measure.{_HOME[name]}"), name)
    raise AttributeError(f"module 'hebraud.md.measure' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
