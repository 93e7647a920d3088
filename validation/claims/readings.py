"""Predict with the modified model and the measured parameters; vary definitions of couplings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import hebraud as hl
from hebraud import Estimate, FlowCurve
from hebraud.errors import HebraudError
from hebraud.md.results.measures import Measured
from hebraud.md.results.parameters import BlockParameters
from hebraud.md.results.reduced_data import ReducedData
from hebraud.md.results.sensitivity import alternatives, sensitivity


@dataclass(frozen=True)
class Prediction:
    """The modified model with one reading of its coupling, fitted over the measured rates.

    ``alpha`` multiplies the mean square drop; ``critical`` is where the yield stress vanishes.
    ``slow`` is the stress at the slowest rate of the particles, ``measured`` theirs; all reduced.
    Errors of predicted values follow from the error of ``alpha``.
    """

    reading: str
    alpha: Estimate
    critical: float
    slow: Estimate
    measured: Estimate
    yield_stress: Estimate
    prefactor: Estimate


@dataclass(frozen=True)
class Range:
    """A coupling as defined, and the smallest and largest value that other choices give."""

    name: str
    value: Estimate
    smallest: tuple[float, str]
    largest: tuple[float, str]


def predictions(found: BlockParameters, curve: FlowCurve | str) -> tuple[Prediction | str, ...]:
    """Return what the modified model says, for each reading of the coupling."""
    if isinstance(curve, str) or len(curve) < 2:
        return ("none: the flow curve has fewer than two rates",)
    said: list[Prediction | str] = []
    for reading, name in (
        ("eq. (8), the equation's D", "alpha_micro, equation's D"),
        ("eq. (8), D_sigma taken for D", "alpha_micro, paper's D"),
        ("eq. (7) alone, own events taken out", "alpha of DropNoise from eq. (7), equation's D"),
    ):
        alpha = found.couplings[name]
        if isinstance(alpha, str):
            said.append(f"{reading}: {alpha}")
            continue
        try:
            said.append(_predicted(found, curve, reading, alpha))
        except (HebraudError, ValueError) as error:
            said.append(f"{reading}, alpha = {alpha}: none: {error}")
    return tuple(said)


def _predicted(
    found: BlockParameters, curve: FlowCurve, reading: str, alpha: Estimate
) -> Prediction:
    measured = curve.reduced(found.scales)
    modified = found.modified_model()

    def numbers(value: float) -> tuple[float, float, float]:
        model = replace(modified, coupling=hl.DropNoise(value))
        stress = hl.flow_curve(model, measured.shear_rate).stress
        # the same rates, weighted as those of the particles are
        weighted = FlowCurve(measured.shear_rate, stress, measured.stress_err)
        law = weighted.herschel_bulkley(exponent=0.5)
        return float(stress[0]), law.yield_stress.value, law.prefactor.value

    middle, low, high = (numbers(alpha.value + sign * alpha.stderr) for sign in (0.0, -1.0, 1.0))
    slow, yield_stress, prefactor = (
        Estimate(value, abs(end - begin) / 2.0)
        for value, begin, end in zip(middle, low, high, strict=True)
    )
    critical = float(hl.critical_coupling(modified))
    assert measured.stress_err is not None, "every rate of a campaign has an error bar"
    theirs = Estimate(float(measured.stress[0]), float(measured.stress_err[0]))
    return Prediction(reading, alpha, critical, slow, theirs, yield_stress, prefactor)


def choices(seen: ReducedData, measured: Measured) -> list[Range]:
    """Return how far one other choice at a time moves each coupling."""
    values, _ = alternatives(seen, measured)
    known = measured.parameters
    assert known is not None, "choices are asked of complete parameters only"
    loaded = known.G0.value * known.shear_rate / known.drop.value  # what is loaded is released
    relative = np.hypot(known.G0.stderr / known.G0.value, known.drop.stderr / known.drop.value)
    values["Gamma that releases what is loaded"] = {"Gamma": Estimate(loaded, loaded * relative)}
    rows = sensitivity(known, values)
    found = []
    for name, value in rows[0].couplings.items():
        if isinstance(value, Estimate):
            others = [(row.couplings[name], row) for row in rows[1:] if row.change[name]]
            moved = [
                (one.value, row.choice.split(":")[0])
                for one, row in others
                if isinstance(one, Estimate)
            ]
            ends = sorted([(value.value, "as defined"), *moved])
            found.append(Range(name, value, ends[0], ends[-1]))
    return found
