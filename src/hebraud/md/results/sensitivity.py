"""How each coupling changes with each choice that the definitions leave open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hebraud.md.measure.diffusion import StressDifferences
from hebraud.md.measure.duration import event_duration
from hebraud.md.measure.plastic import EventRecord, plastic_activity
from hebraud.md.observers import PLASTIC
from hebraud.md.results.measures import Measured
from hebraud.md.results.parameters import BlockParameters
from hebraud.md.results.reduced_data import BlockStresses, ReducedData
from hebraud.rheology.estimate import Estimate, Missing, or_missing

__all__ = ["SensitivityRow", "alternatives", "sensitivity"]

#: Other readings that are measured along: of which parameter.
_BESIDE = {
    "Gamma onsets": "Gamma",
    "Gamma area": "Gamma",
    "drop one_step": "drop",
    "drop to_minimum": "drop",
    "tau_p late": "tau_p",
    "tau_p apparent": "tau_p",
    "G0 branches": "G0",
    "D_sigma eq. (7)": "D_sigma",
}
_D2MIN = ("lag", "cutoff", "threshold", "corners")


@dataclass(frozen=True)
class SensitivityRow:
    """The couplings under one choice.

    Attributes
    ----------
    choice : str
        The choice, and the parameters that it gives; "as defined" for the reference.
    couplings : dict of str to Estimate or Missing
        See ``BlockParameters.couplings``.
    change : dict of str to float or None
        Value over the reference's, minus one; None where either is missing.
    """

    choice: str
    couplings: dict[str, Estimate | Missing]
    change: dict[str, float | None]


def sensitivity(
    reference: BlockParameters, alternatives: Mapping[str, Mapping[str, Estimate]]
) -> list[SensitivityRow]:
    """Return one row of couplings for the reference and one for each alternative.

    Parameters
    ----------
    reference : BlockParameters
        Measured with the definitions as fixed.
    alternatives : mapping of str to mapping of str to Estimate
        By choice, the parameters that it changes: ``{"relaxed": {"drop": Estimate(.9, .1)}}``.
    """
    standard = reference.couplings
    rows = [SensitivityRow("as defined", standard, _change(standard, standard))]
    for choice, estimates in alternatives.items():
        couplings = reference.changed(**estimates).couplings
        said = ", ".join(f"{symbol} = {estimate}" for symbol, estimate in estimates.items())
        rows.append(SensitivityRow(f"{choice}: {said}", couplings, _change(couplings, standard)))
    return rows


def alternatives(
    seen: ReducedData, found: Measured
) -> tuple[dict[str, dict[str, Estimate]], dict[str, str]]:
    """Return the parameters under other choices, and the choices that give nothing, and why.

    Other readings (`symbols.BESIDE`); other settings of D2min, as far as other observers recorded
    with them; other rules for the linear window of eq. (7).
    """
    values: dict[str, dict[str, Estimate]] = {}
    failed: dict[str, str] = {}

    def attempt(choice: str, read: Callable[[], dict[str, Estimate]]) -> None:
        found = or_missing(read)
        if isinstance(found, Missing):
            failed[choice] = found.reason
        else:
            values[choice] = found

    for choice, symbol in _BESIDE.items():
        estimate = found.estimates.get(choice, Missing("not measured"))
        if isinstance(estimate, Missing):
            failed[choice] = estimate.reason
        else:
            values[choice] = {symbol: estimate}
    for observer, records in seen.records.items():
        if observer != PLASTIC:
            name = _settings(records[0], seen.events[0])
            attempt(name, lambda records=records: _events(records))  # type: ignore[misc]
    if isinstance(seen.blocks, BlockStresses):
        differences = seen.blocks.differences
        for tolerance in (0.05, 0.2):
            attempt(
                f"log-slope within {tolerance:g}",
                lambda tolerance=tolerance: _diffusion(differences, tolerance=tolerance),  # type: ignore[misc]
            )
        attempt("with an offset", lambda: _diffusion(differences, shortest=1.0, offset=True))
    return values, failed


def _settings(record: EventRecord, reference: EventRecord) -> str:
    other = [
        f"{name} {record[name].item():g}"
        for name in _D2MIN
        if record[name].item() != reference[name].item()
    ]
    return "D2min " + ", ".join(other).replace("corners 1", "clusters by corners too")


def _events(records: Sequence[EventRecord]) -> dict[str, Estimate]:
    plastic = plastic_activity(records)
    events = {"Gamma": plastic.activity, "l_pl": plastic.plastic_length}
    return {**events, "tau_p": event_duration(records)}


def _diffusion(differences: StressDifferences, **rule: Any) -> dict[str, Estimate]:
    return {"D_sigma": differences.diffusion(**rule).D_sigma}


def _change(
    couplings: Mapping[str, Estimate | Missing], standard: Mapping[str, Estimate | Missing]
) -> dict[str, float | None]:
    change: dict[str, float | None] = {}
    for name, here in couplings.items():
        there = standard[name]
        both = isinstance(here, Estimate) and isinstance(there, Estimate)
        change[name] = here.value / there.value - 1.0 if both else None  # type: ignore[union-attr]
    return change
