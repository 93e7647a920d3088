"""Convert particle data to the model's units; use the stored demo where the campaign has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

import hebraud as hl
from hebraud import Estimate, FlowCurve
from hebraud.errors import ConvergenceError
from hebraud.md.measure.resampling import spread
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.parameters import BlockParameters
from hebraud.md.results.reduced_data import ReducedData
from hebraud.md.results.reduction import CampaignResults, DensityResults
from hebraud.md.results.report import EVIDENCE
from hebraud.md.results.symbols import ROWS
from validation import DATA

Floats = NDArray[np.float64]
DEMO = 1.189  # the density of the demo


def scales(at: DensityResults) -> hl.Scales | str:
    """Return the units G0, sigma_c, tau_p of one density, or which of them is missing."""
    values = {symbol: at.estimate(symbol) for symbol in ("G0", "sigma_c", "tau_p")}
    missing = [symbol for symbol, value in values.items() if isinstance(value, str)]
    if missing:
        return f"no {', '.join(missing)} yet"
    return hl.Scales(*(value.value for value in values.values() if isinstance(value, Estimate)))


@dataclass(frozen=True, eq=False)
class Point:
    """Yield stress and prefactor in the model's units: sigma_Y/sigma_c, A/sqrt(G0 sigma_c tau).

    ``draws`` are joint replicates of the two, shape (2, R).
    """

    yield_stress: Estimate
    prefactor: Estimate
    draws: Floats


def point(found: BlockParameters) -> Point:
    """Return yield stress and prefactor in the model's units.

    Replicates whose G0, sigma_c or tau_p is not positive are left out, as couplings leave them out.
    Raises ``ConvergenceError`` if those are more than a tenth.
    """

    def reduced(Y: Floats, A: Floats, G0: Floats, threshold: Floats, tau: Floats) -> Floats:
        return np.array([Y / threshold, A / np.sqrt(G0 * threshold * tau)])

    names = ("sigma_Y", "A", "G0", "sigma_c", "tau_p")
    value = reduced(*(getattr(found, name).value for name in names))
    drawn = [found.draws(name) for name in names]
    possible = np.all([row > 0.0 for row in drawn[2:]], axis=0)
    if possible.mean() < 0.9:
        raise ConvergenceError(
            f"{100.0 - 100.0 * possible.mean():.0f} % of the replicates of {', '.join(names[2:])} "
            f"are not positive: the errors are too large for units (G0 = {found.G0}, sigma_c = "
            f"{found.sigma_c}, tau_p = {found.tau_p}); more samples are needed"
        )
    draws = reduced(*(row[possible] for row in drawn))
    Y, A = (Estimate(float(v), spread(row)) for v, row in zip(value, draws, strict=True))
    return Point(Y, A, draws)


def point_or_why(found: BlockParameters) -> Point | str:
    """Return `point`, or a sentence where the errors are too large for it."""
    try:
        return point(found)
    except ConvergenceError as error:
        return f"none: {error}"


def mean(values: Sequence[Estimate]) -> Estimate | None:
    """Return the plain mean, with the error that independent errors give it; None of nothing."""
    if not values:
        return None
    error = float(np.sqrt(np.sum([one.stderr**2 for one in values]))) / len(values)
    return Estimate(float(np.mean([one.value for one in values])), error, len(values))


def complete(found: Measured) -> BlockParameters:
    """Return all parameters of a measurement that is known to give them."""
    assert found.parameters is not None, "the stored demo gives all parameters"
    return found.parameters


@cache
def demo() -> tuple[FlowCurve, Measured]:
    """Return flow curve and parameters of the stored demo (density 1.189, N = 1000).

    It stands in where the campaign has no parameters yet.
    """
    stored = demo_data()
    return stored.curve, measure(stored)


def parameter_rows(particles: CampaignResults) -> dict[str, BlockParameters | str]:
    """Return the parameters of every density, or which are missing, and those of the demo."""
    rows: dict[str, BlockParameters | str] = {}
    for density, at in particles.at.items():
        missing = [symbol for symbol in ROWS if isinstance(at.estimate(symbol), str)]
        rows[f"{density:g}"] = at.parameters or f"not measured yet: {', '.join(missing)}"
    found = complete(demo()[1])
    return {**rows, f"{DEMO:g}, N = 1000": found}


@cache
def demo_data() -> ReducedData:
    """Return what the demo's parameters are measured from."""
    return ReducedData.read(DATA / "particles_demo" / "parameters" / EVIDENCE)
