"""Activity and stress diffusion at every shear rate, and how one goes with the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from hebraud.md.campaign.reduced_chain import ReducedChain, joined_differences
from hebraud.md.measure.plastic import merge_records, plastic_activity
from hebraud.md.measure.resampling import bootstrap_weights, spread
from hebraud.md.observers import PLASTIC
from hebraud.md.results.couplings import scaling_exponent
from hebraud.rheology.estimate import Estimate, Missing, or_missing

__all__ = ["AtRate", "activity_exponent", "at_rate"]

Found = Estimate | Missing


@dataclass(frozen=True)
class AtRate:
    """Activity and stress diffusion at one shear rate.

    Parameters
    ----------
    shear_rate : float
        In 1/tau_0.
    Gamma, onsets : Estimate or Missing
        Plastic activity of a block, from new clusters and from onsets, in 1/tau_0.
    D_sigma : Estimate or Missing
        <ds^2>/t about the mean increment (paper's convention), in (eps_AA/sigma_AA^2)^2/tau_0.
    D_over_Gamma, D_over_rate : Estimate or Missing
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
        """Return all fields but the rate, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)[1:]}


def at_rate(shear_rate: float, chains: Sequence[ReducedChain]) -> AtRate:
    """Return activity and stress diffusion of chains at one rate, as far as they have settled."""
    settled = [chain for chain in chains if chain.time_blocks]
    if not settled:
        return AtRate(shear_rate, *[Missing("the chains end before the flow has settled")] * 5)
    units = sum(chain.time_blocks for chain in settled)
    records = [merge_records(part) for chain in settled for part in chain.records(PLASTIC)]
    plastic = or_missing(lambda: plastic_activity(records, bootstrap_weights(units)))
    spreading = or_missing(
        lambda: joined_differences(settled).diffusion(weights=bootstrap_weights(units))
    )
    Gamma, onsets = (
        (plastic, plastic)
        if isinstance(plastic, Missing)
        else (plastic.activity, plastic.onset_activity)
    )
    if isinstance(spreading, Missing):
        return AtRate(shear_rate, Gamma, onsets, spreading, *[Missing("needs D_sigma")] * 2)
    D_sigma = spreading.D_sigma
    over_rate = Estimate(D_sigma.value / shear_rate, D_sigma.stderr / shear_rate, units)
    over_Gamma: Found = Missing("needs Gamma > 0")
    if not isinstance(plastic, Missing) and np.all(plastic.replicates > 0.0):
        error = spread(spreading.replicates / plastic.replicates)
        over_Gamma = Estimate(D_sigma.value / plastic.activity.value, error, units)
    return AtRate(shear_rate, Gamma, onsets, D_sigma, over_Gamma, over_rate)


def activity_exponent(rates: Sequence[AtRate]) -> Found:
    """Return p of D_sigma = k Gamma^p over the rates that give both (`scaling_exponent`).

    A rate at which no event is counted gives none.
    """
    both = [
        (one.D_sigma, one.Gamma)
        for one in rates
        if isinstance(one.D_sigma, Estimate)
        and isinstance(one.Gamma, Estimate)
        and one.Gamma.value > 0.0
    ]
    return or_missing(lambda: scaling_exponent([D for D, _ in both], [Gamma for _, Gamma in both]))
