"""The steps of a campaign and their cost; each is one command from files to one file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.state_point import StatePoint
from hebraud.md.glass.preparation import Preparation

__all__ = ["CAMPAIGN", "PARAMETERS", "Step", "campaign_steps", "receipt", "reduced_receipt"]

CAMPAIGN = "campaign.json"
"""The campaign's file in its folder, with every setting."""
PARAMETERS = "parameters.csv"
"""The last file of the last step."""

# Measured on one core of an AMD EPYC of 2026, N = 1000 to 16 000; costs are estimates.
_SPEED = 9.0e6  # particle-steps per second
_OBSERVER = 0.05  # fraction of that time for each observer
_START = 2.0  # seconds until a step begins
_FROZEN_BLOCK = 0.03  # seconds to shear one block in its frozen surroundings
_REDUCED_SEGMENT = 0.03  # seconds to reduce a segment of a hundred blocks


@dataclass(frozen=True)
class Step:
    """One command, which does only what is not done yet.

    Parameters
    ----------
    command : tuple of str
        The words after ``hebraud md``; paths are relative to the campaign's folder.
    inputs : tuple of str
        Files that must exist.
    output : str
        File that exists when all is done.
    seconds : float
        Estimate of the processor time.
    """

    command: tuple[str, ...]
    inputs: tuple[str, ...]
    output: str
    seconds: float

    @property
    def kind(self) -> str:
        """Return the name of the command."""
        return self.command[0]

    @property
    def arguments(self) -> list[str]:
        """Return the whole command."""
        return [sys.executable, "-m", "hebraud", "md", *self.command]


def receipt(kind: str, point: StatePoint, segments: int, folder: Path) -> Path:
    """Return the file that says that a step on a chain is done."""
    return point.folder(folder) / f"{kind}{segments:06d}.json"


def reduced_receipt(plan: Campaign, density: float, folder: Path) -> Path:
    """Return the file that says that all chains of a density are reduced."""
    chains = plan.at(density).chains
    place = next(iter(chains)).glass.folder(folder).parent
    return place / f"measure{sum(chains.values()):06d}.json"


def _preparation_time(history: Preparation) -> float:
    cooling = history.equilibrium_temperature / history.quench_rate
    return history.melt_time + history.equilibrium_time + cooling + history.rest_time


def campaign_steps(plan: Campaign) -> tuple[Step, ...]:
    """Return all steps of a campaign, in the order of work."""
    return tuple(_steps(plan))


def _steps(plan: Campaign) -> Iterator[Step]:
    here = Path()
    step_time = plan.particles / _SPEED  # seconds a time step
    observers = 0 if plan.recording is None else len(plan.recording.observers)
    glasses: set[str] = set()
    reached: dict[StatePoint, int] = {}
    for point, segments in plan.stages:
        sample, chain = point.glass.folder(here), str(point.folder(here))
        glass = str(sample / "glass.h5")
        if glass not in glasses:
            glasses.add(glass)
            steps = _preparation_time(plan.preparation) / plan.mixture.timestep
            yield Step(("prepare", str(sample)), (), glass, _START + steps * step_time)
        before = reached.get(point, 0)
        work = (segments - before) * plan.segment_steps * step_time * (1 + _OBSERVER * observers)
        yield Step(
            ("shear", chain, "--segments", str(segments)),
            (str(receipt("shear", point, before, here)),) if before else (glass,),
            str(receipt("shear", point, segments, here)),
            _START + work,
        )
        reached[point] = segments
    results = [CAMPAIGN]
    measured = set(plan.measured_points)
    for point, segments in plan.chains.items():
        chain = str(point.folder(here))
        sheared = (str(receipt("shear", point, segments, here)),)
        if point in measured:
            kept = sum(point.keeps(number) for number in range(1, segments + 1))
            work = kept * _blocks(plan, point) * _FROZEN_BLOCK
            results.append(str(receipt("frozen-matrix", point, segments, here)))
            yield Step(("frozen-matrix", chain), sheared, results[-1], _START + work)
    for density in plan.densities:
        chains = plan.at(density).chains
        results.append(str(reduced_receipt(plan, density, here)))
        yield Step(
            ("measure", *(str(point.folder(here)) for point in chains)),
            tuple(str(receipt("shear", point, n, here)) for point, n in chains.items()),
            results[-1],
            _START + _REDUCED_SEGMENT * sum(chains.values()),
        )
    yield Step(("aggregate", "."), tuple(results), PARAMETERS, _START + 5.0 * len(plan.densities))


def _blocks(plan: Campaign, point: StatePoint) -> int:
    from hebraud.md.measure.block_stress import block_count

    assert plan.recording is not None
    side = plan.mixture.box(plan.particles, point.glass.density)
    return block_count(side, plan.recording.block_width) ** 2
