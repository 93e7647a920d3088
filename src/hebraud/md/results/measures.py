"""The model's parameters from reduced data: which measure gives which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hebraud._typing import Floats
from hebraud.md.measure.diffusion import StressDiffusion
from hebraud.md.measure.duration import (
    apparent_event_duration,
    event_duration,
    late_event_duration,
)
from hebraud.md.measure.local_stress import block_stress_law
from hebraud.md.measure.modulus import branch_modulus, pooled_start_up_modulus, slow_start_ups
from hebraud.md.measure.plastic import PlasticActivity, balance_ratio, plastic_activity
from hebraud.md.measure.resampling import bootstrap_weights
from hebraud.md.measure.yield_means import yield_means
from hebraud.md.results.parameters import BlockParameters, flow_curve_replicates
from hebraud.md.results.reduced_data import ReducedData
from hebraud.md.results.symbols import DROP_SYMBOLS, ROWS, quantity_rows
from hebraud.rheology.estimate import Estimate, Missing, or_missing

__all__ = [
    "MEASURES",
    "Found",
    "Measured",
    "balance",
    "diffusion_estimates",
    "event_estimates",
    "measure",
]

Found = tuple[dict[str, Estimate], dict[str, Floats]]  # by symbol: estimates, replicates
_REPLICATES = 1000  # bootstrap draws, shared by all measures on the same time blocks


@dataclass(frozen=True, eq=False)
class Measured:
    """The model's parameters as measured at one shear rate.

    Parameters
    ----------
    shear_rate : float
        In 1/tau_0.
    estimates : mapping
        By symbol (`symbols.ROWS`), in Lennard-Jones units.
    parameters : BlockParameters or None
        All parameters, and the couplings that follow; None where one is missing or not > 0.
    """

    shear_rate: float
    estimates: Mapping[str, Estimate | Missing]
    parameters: BlockParameters | None

    @property
    def known(self) -> int:
        """Return how many of the model's parameters could be measured."""
        return sum(isinstance(self.estimates.get(symbol), Estimate) for symbol in ROWS)

    @property
    def couplings(self) -> dict[str, Estimate | Missing]:
        """Return the couplings by name; none where a parameter is missing."""
        return {} if self.parameters is None else self.parameters.couplings

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (symbol, value or why it is missing, unit, meaning), to print."""
        derived = [(name, str(value), "1", "coupling") for name, value in self.couplings.items()]
        return [*quantity_rows(self.estimates), *derived]


def _weights(units: int) -> Floats:
    """Return bootstrap draws of time blocks; the same rows for all measures on one campaign."""
    return bootstrap_weights(units, _REPLICATES)


def _flow_curve(seen: ReducedData) -> Found:
    law = seen.curve.herschel_bulkley(exponent=0.5)
    replicates = flow_curve_replicates(seen.curve, _REPLICATES)
    return {"sigma_Y": law.yield_stress, "A": law.prefactor}, replicates


def _modulus(seen: ReducedData) -> Found:
    return {"G0": pooled_start_up_modulus(slow_start_ups(seen.start_ups))}, {}


def _branches(seen: ReducedData) -> Found:
    steady = seen.strain > seen.settled
    return {"G0 branches": branch_modulus(seen.strain[steady], seen.stress[:, steady])}, {}


def _thresholds(seen: ReducedData) -> Found:
    probed = seen.known_yields
    drops = {DROP_SYMBOLS[name]: drop for name, drop in probed.drops.items()}
    return yield_means(probed.threshold, drops, _REPLICATES)


def event_estimates(plastic: PlasticActivity) -> dict[str, Estimate]:
    """Return the estimates of plastic activity by symbol."""
    return {
        "Gamma": plastic.activity,
        "l_pl": plastic.plastic_length,
        "Gamma onsets": plastic.onset_activity,
        "Gamma area": plastic.area_activity,
        "active": plastic.active,
    }


def diffusion_estimates(found: StressDiffusion) -> dict[str, Estimate]:
    """Return the estimates of stress diffusion by symbol."""
    return {
        "D_sigma": found.D_sigma,
        "exponent": found.exponent,
        "excess kurtosis": found.excess_kurtosis,
    }


def _activity(seen: ReducedData) -> Found:
    plastic = plastic_activity(seen.events, _weights(len(seen.events)))
    return event_estimates(plastic), {"Gamma": plastic.replicates}


def _duration(seen: ReducedData) -> Found:
    return {"tau_p": event_duration(seen.events)}, {}


def _late_duration(seen: ReducedData) -> Found:
    return {"tau_p late": late_event_duration(seen.events)}, {}


def _apparent_duration(seen: ReducedData) -> Found:
    return {"tau_p apparent": apparent_event_duration(seen.events)}, {}


def _diffusion(seen: ReducedData) -> Found:
    differences = seen.known_blocks.differences
    found = differences.diffusion(weights=_weights(len(differences.count)))
    return diffusion_estimates(found), {"D_sigma": found.replicates}


def _diffusion_to_the_letter(seen: ReducedData) -> Found:
    rate = _modulus(seen)[0]["G0"].value * seen.shear_rate
    differences = seen.known_blocks.differences.less(rate)
    found = differences.diffusion(weights=_weights(len(differences.count)))
    return {"D_sigma eq. (7)": found.D_sigma}, {}


def _block_stress(seen: ReducedData) -> Found:
    return block_stress_law(seen.known_blocks.moments), {}


#: The symbols that a measure gives, and the measure.
MEASURES: tuple[tuple[tuple[str, ...], Callable[[ReducedData], Found]], ...] = (
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


def balance(
    estimates: Mapping[str, Estimate | Missing], shear_rate: float
) -> dict[str, Estimate | Missing]:
    """Return Gamma drop/(G0 rate), if all three are measured."""
    Gamma, G0, drop = (estimates.get(name) for name in ("Gamma", "G0", "drop"))
    if not isinstance(Gamma, Estimate) or not isinstance(G0, Estimate):
        return {}
    if not isinstance(drop, Estimate):
        return {}
    if not (G0.value > 0.0 and drop.value > 0.0):
        return {"Gamma drop/(G0 rate)": Missing("needs G0 and drop > 0")}
    return {"Gamma drop/(G0 rate)": balance_ratio(Gamma, G0, shear_rate, drop)}


def measure(seen: ReducedData) -> Measured:
    """Return the model's parameters from reduced data, and other readings of them.

    docs/measurements.md defines each. What the data do not give is `Missing`.
    """
    estimates: dict[str, Estimate | Missing] = {}
    missing: dict[str, Estimate | Missing] = {}
    replicates: dict[str, Floats] = {}
    for symbols, read in MEASURES:
        found = or_missing(lambda read=read: read(seen))  # type: ignore[misc]
        if isinstance(found, Missing):
            missing |= dict.fromkeys(symbols, found)
        else:
            estimates |= found[0]
            replicates |= found[1]
    estimates |= balance(estimates, seen.shear_rate)
    values = {name: estimates.get(name) for name in ROWS}
    known = {name: one for name, one in values.items() if isinstance(one, Estimate)}
    parameters = None
    if len(known) == len(ROWS) and all(one.value > 0.0 for one in known.values()):
        parameters = BlockParameters(
            density=seen.density,
            shear_rate=seen.shear_rate,
            block_width=seen.block_width,
            replicates={name: drawn for name, drawn in replicates.items() if name in ROWS},
            **known,
        )
    return Measured(seen.shear_rate, {**estimates, **missing}, parameters)
