"""From the evidence of a run to the model's parameters: which measure gives which, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.md.measure.resampling import bootstrap_weights
from hebraud.md.observers import PLASTIC
from hebraud.md.results.parameters import BlockParameters, flow_curve_replicates
from hebraud.md.results.reduced_data import Evidence
from hebraud.md.results.symbols import DROP_SYMBOLS, ROWS, quantity_rows
from hebraud.rheology.estimate import Estimate

__all__ = ["MEASURES", "Found", "Measured", "measure"]

Floats = NDArray[np.float64]
Found = tuple[dict[str, Estimate], dict[str, Floats]]  # by symbol: estimates, replicates
_REPLICATES = 1000


@dataclass(frozen=True, eq=False)
class Measured:
    """What a run says of the model's parameters.

    Parameters
    ----------
    shear_rate : float
        At which they were measured, in 1/tau_0.
    estimates : mapping
        By symbol (`symbols.ROWS`), in Lennard-Jones units; a sentence where one cannot be measured.
    parameters : BlockParameters or None
        All of the model's, and the couplings that follow; None where one is missing.
    """

    shear_rate: float
    estimates: Mapping[str, Estimate | str]
    parameters: BlockParameters | None

    @property
    def couplings(self) -> dict[str, Estimate | str]:
        """The couplings by name; none where a parameter is missing."""
        return {} if self.parameters is None else self.parameters.couplings

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (symbol, value or why there is none, unit, meaning), to print."""
        derived = [(name, str(value), "1", "coupling") for name, value in self.couplings.items()]
        return [*quantity_rows(self.estimates), *derived]


def _weights(seen: Evidence) -> Floats:
    return bootstrap_weights(len(seen.records[PLASTIC]), _REPLICATES)


def _flow_curve(seen: Evidence) -> Found:
    law = seen.curve.herschel_bulkley(exponent=0.5)
    replicates = flow_curve_replicates(seen.curve, _REPLICATES)
    return {"sigma_Y": law.yield_stress, "A": law.prefactor}, replicates


def _modulus(seen: Evidence) -> Found:
    from hebraud.md.measure.modulus import pooled_start_up_modulus, slow_start_ups

    return {"G0": pooled_start_up_modulus(slow_start_ups(seen.start_ups))}, {}


def _branches(seen: Evidence) -> Found:
    from hebraud.md.measure.modulus import branch_modulus

    steady = seen.strain > seen.settled
    return {"G0 branches": branch_modulus(seen.strain[steady], seen.stress[:, steady])}, {}


def _thresholds(seen: Evidence) -> Found:
    from hebraud.md.measure.yield_means import yield_means

    probed = seen.known_yields
    drops = {DROP_SYMBOLS[name]: drop for name, drop in probed.drops.items()}
    return yield_means(probed.threshold, drops, _REPLICATES)


def _activity(seen: Evidence) -> Found:
    from hebraud.md.measure.plastic import plastic_activity

    plastic = plastic_activity(seen.records[PLASTIC], _weights(seen))
    estimates = {
        "Gamma": plastic.activity,
        "l_pl": plastic.plastic_length,
        "Gamma onsets": plastic.onset_activity,
        "Gamma area": plastic.area_activity,
        "active": plastic.active,
    }
    return estimates, {"Gamma": plastic.replicates}


def _duration(seen: Evidence) -> Found:
    from hebraud.md.measure.duration import event_duration

    return {"tau_p": event_duration(seen.records[PLASTIC])}, {}


def _late_duration(seen: Evidence) -> Found:
    from hebraud.md.measure.duration import late_event_duration

    return {"tau_p late": late_event_duration(seen.records[PLASTIC])}, {}


def _apparent_duration(seen: Evidence) -> Found:
    from hebraud.md.measure.duration import apparent_event_duration

    return {"tau_p apparent": apparent_event_duration(seen.records[PLASTIC])}, {}


def _diffusion(seen: Evidence) -> Found:
    found = seen.known_blocks.differences.diffusion(weights=_weights(seen))
    estimates = {
        "D_sigma": found.D_sigma,
        "exponent": found.exponent,
        "excess kurtosis": found.excess_kurtosis,
    }
    return estimates, {"D_sigma": found.replicates}


def _diffusion_to_the_letter(seen: Evidence) -> Found:
    rate = _modulus(seen)[0]["G0"].value * seen.shear_rate
    found = seen.known_blocks.differences.less(rate).diffusion(weights=_weights(seen))
    return {"D_sigma eq. (7)": found.D_sigma}, {}


def _block_stress(seen: Evidence) -> Found:
    from hebraud.md.measure.local_stress import block_stress_law

    return block_stress_law(seen.known_blocks.moments), {}


#: The symbols that a measure gives, and the measure.
MEASURES: tuple[tuple[tuple[str, ...], Callable[[Evidence], Found]], ...] = (
    (("sigma_Y", "A"), _flow_curve),
    (("G0",), _modulus),
    (("sigma_c", "sigma_c_std", "drop"), _thresholds),
    (("Gamma", "l_pl"), _activity),
    (("tau_p",), _duration),
    (("D_sigma",), _diffusion),
    (("G0 branches",), _branches),
    (("tau_p late",), _late_duration),
    (("tau_p apparent",), _apparent_duration),
    (("D_sigma eq. (7)",), _diffusion_to_the_letter),
    (("block stress", "block stress std"), _block_stress),
)


def measure(seen: Evidence) -> Measured:
    """Return the model's parameters as this evidence has them, and what stands beside them.

    docs/measurements.md defines each. One that cannot be measured is a sentence that says why.
    """
    from hebraud.md.measure.plastic import balance_ratio

    estimates: dict[str, Estimate] = {}
    replicates: dict[str, Floats] = {}
    missing: dict[str, str] = {}
    for symbols, read in MEASURES:
        try:
            found, drawn = read(seen)
        except (ValueError, ConvergenceError) as error:
            missing |= dict.fromkeys(symbols, f"none: {error}")
        else:
            estimates |= found
            replicates |= drawn
    if {"Gamma", "G0", "drop"} <= set(estimates):
        estimates["Gamma drop/(G0 rate)"] = balance_ratio(
            estimates["Gamma"], estimates["G0"], seen.shear_rate, estimates["drop"]
        )
    parameters = None
    if set(ROWS) <= set(estimates):
        parameters = BlockParameters(
            density=seen.density,
            shear_rate=seen.shear_rate,
            block_width=seen.block_width,
            replicates={name: drawn for name, drawn in replicates.items() if name in ROWS},
            **{name: estimates[name] for name in ROWS},
        )
    return Measured(seen.shear_rate, {**estimates, **missing}, parameters)
