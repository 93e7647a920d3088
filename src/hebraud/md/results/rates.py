"""Whether stress diffusion is proportional to the plastic activity: both at every rate of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np

from hebraud.errors import ConvergenceError
from hebraud.md.campaign.plan import Preset
from hebraud.md.campaign.reduced_chain import Condensed, condense, joined_differences
from hebraud.md.observers import PLASTIC
from hebraud.rheology.estimate import Estimate

__all__ = ["AtRate", "activity_exponent", "at_rate", "at_rates"]

Found = Estimate | str
T = TypeVar("T")


@dataclass(frozen=True)
class AtRate:
    """Activity and stress diffusion at one shear rate; a sentence where one cannot be measured.

    Parameters
    ----------
    shear_rate : float
        In 1/tau_0.
    Gamma, onsets : Estimate or str
        Plastic activity of a block, from new clusters and from onsets, in 1/tau_0.
    D_sigma : Estimate or str
        <ds^2>/t about the mean increment (paper's convention), in (eps_AA/sigma_AA^2)^2/tau_0.
    D_over_Gamma, D_over_rate : Estimate or str
        D_sigma/Gamma, with the draws that both share, and D_sigma/shear_rate, in
        (eps_AA/sigma_AA^2)^2.
    """

    shear_rate: float
    Gamma: Found
    onsets: Found
    D_sigma: Found
    D_over_Gamma: Found
    D_over_rate: Found

    @property
    def measured(self) -> dict[str, Found]:
        """All but the rate, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)[1:]}


def at_rates(plan: Preset, folder: Path) -> tuple[AtRate, ...]:
    """Return activity and stress diffusion at every rate of a preset, in rising order.

    After the strain ``plan.settled``, from chains that are complete; none where plastic activity
    is not recorded. Raises what `condense` raises.
    """
    observers = () if plan.recording is None else plan.recording.observers
    if PLASTIC not in [one.name for one in observers]:
        return ()
    return tuple(
        at_rate(
            rate, [condense(plan, plan.point(rate, seed), folder) for seed in plan.seeds_at(rate)]
        )
        for rate in sorted(plan.shear_rates)
    )


def at_rate(shear_rate: float, chains: Sequence[Condensed]) -> AtRate:
    """Return activity and stress diffusion of chains at one rate."""
    from hebraud.md.measure.diffusion import StressDiffusion
    from hebraud.md.measure.plastic import PlasticActivity, merge_records, plastic_activity
    from hebraud.md.measure.resampling import bootstrap_weights, spread

    units = sum(chain.time_blocks for chain in chains)
    if not units:
        return AtRate(shear_rate, *["none: the runs end before the flow has settled"] * 5)

    def activity() -> PlasticActivity:
        records = [merge_records(part) for chain in chains for part in chain.records(PLASTIC)]
        return plastic_activity(records, bootstrap_weights(units))

    def diffusion() -> StressDiffusion:
        return joined_differences(chains).diffusion(weights=bootstrap_weights(units))

    plastic, spreading = _or_why(activity), _or_why(diffusion)
    Gamma, onsets = (
        (plastic, plastic)
        if isinstance(plastic, str)
        else (plastic.activity, plastic.onset_activity)
    )
    if isinstance(spreading, str):
        return AtRate(shear_rate, Gamma, onsets, spreading, *["none: needs D_sigma"] * 2)
    D_sigma = spreading.D_sigma
    over_rate = Estimate(D_sigma.value / shear_rate, D_sigma.stderr / shear_rate, units)
    over_Gamma: Found = "none: needs Gamma > 0"
    if not isinstance(plastic, str) and np.all(plastic.replicates > 0.0):
        error = spread(spreading.replicates / plastic.replicates)
        over_Gamma = Estimate(D_sigma.value / plastic.activity.value, error, units)
    return AtRate(shear_rate, Gamma, onsets, D_sigma, over_Gamma, over_rate)


def _or_why(measure: Callable[[], T]) -> T | str:
    try:
        return measure()
    except (ValueError, ConvergenceError) as error:
        return f"none: {error}"


def activity_exponent(rates: Sequence[AtRate]) -> Found:
    """Return p of D_sigma = k Gamma^p over the rates that give both (`couplings.scaling`).

    A rate at which no event is counted gives none.
    """
    from hebraud.md.results.couplings import scaling

    both = [
        (one.D_sigma, one.Gamma)
        for one in rates
        if isinstance(one.D_sigma, Estimate)
        and isinstance(one.Gamma, Estimate)
        and one.Gamma.value > 0.0
    ]
    try:
        return scaling([D for D, _ in both], [Gamma for _, Gamma in both]).exponent
    except ValueError as error:
        return f"none: {error}"
