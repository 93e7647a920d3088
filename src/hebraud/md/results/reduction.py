"""The one reduction of a campaign: tables, printed summaries, figures and claims rest on it.

Unfinished chains count as far as they go. What cannot be given is a `Missing` with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hebraud._typing import Arrays, Floats
from hebraud.errors import MeasurementError
from hebraud.md.campaign.chain import segments_done
from hebraud.md.campaign.frozen_matrix import kept_segments, snapshot_yields, yields_file
from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.reduced_chain import (
    STRESS_EDGES,
    ReducedChain,
    joined_differences,
    reduce_chain,
)
from hebraud.md.campaign.state_point import StatePoint
from hebraud.md.measure.block_stress import block_count
from hebraud.md.measure.local_stress import counted_density
from hebraud.md.measure.local_yield import DROPS
from hebraud.md.measure.modulus import ChainStart, slow_rates
from hebraud.md.measure.stress import steady_stress
from hebraud.md.observers import Plastic, merged
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.parameters import BlockParameters
from hebraud.md.results.rates import AtRate, at_rate
from hebraud.md.results.reduced_data import BlockStresses, LocalYields, ReducedData
from hebraud.rheology.estimate import Estimate, Missing, or_missing
from hebraud.rheology.flow_curve import FlowCurve
from hebraud.rheology.herschel_bulkley import HerschelBulkley

__all__ = [
    "ROUGH",
    "CampaignResults",
    "DensityResults",
    "SteadyChain",
    "SteadyStress",
    "data_of",
    "joined_yields",
    "local_yields",
    "mean_stress",
    "measured_of",
    "reduce_campaign",
    "reduce_density",
    "start_ups",
    "steady_state_of",
]


#: The note of a stress whose error rests on eight blocks a chain: too few to show that the blocks
#: are longer than the correlation.
ROUGH = "rough error: eight blocks a chain"
_BLOCKS = 8  # as many as a blocking error needs in all
_SHORTEST_BLOCK = 0.1  # strain: some sigma_Y/G0, in which the stress forgets itself
_BINS = 2  # bins of the stored histogram in one bin of P(sigma)


@dataclass(frozen=True)
class SteadyChain:
    """Means over the steady part of one chain, a row of ``seeds.csv`` (`report.COLUMNS`)."""

    shear_rate: float
    seed: int
    stress: float
    strain: float
    temperature: float
    dissipation: float
    storage: float


@dataclass(frozen=True, eq=False)
class SteadyStress:
    """The steady stress at one shear rate.

    Parameters
    ----------
    shear_rate : float
    seeds : tuple of int
        The samples taken: as many, and as far, as makes the most steady strain in all.
    strain : float
        To which each of them counts, transient included.
    wanted : int
        Samples that the campaign will have in the end.
    value : Estimate or Missing
        Its note is `ROUGH` where the error is.
    chains : tuple of SteadyChain
        One for each seed, in the order of the campaign.
    """

    shear_rate: float
    seeds: tuple[int, ...]
    strain: float
    wanted: int
    value: Estimate | Missing
    chains: tuple[SteadyChain, ...] = ()


@dataclass(frozen=True, eq=False)
class DensityResults:
    """Results at one density, in Lennard-Jones units.

    Attributes
    ----------
    plan : Campaign
        The campaign at this density.
    stresses : tuple of SteadyStress
        At every rate, rising; without seeds where nothing has run.
    curve : FlowCurve or Missing
        The rates that have an error bar.
    fit, free_fit : HerschelBulkley or Missing
        Exponent 1/2, and free.
    data : mapping of float to ReducedData
        By shear rate, where the flow has settled.
    measured : Measured or Missing
        At the campaign's rate, or the lowest other one at which all parameters can be measured, or
        else the one that gives most.
    rates : tuple of AtRate
        At every rate that has run.
    """

    plan: Campaign
    stresses: tuple[SteadyStress, ...]
    curve: FlowCurve | Missing
    fit: HerschelBulkley | Missing
    free_fit: HerschelBulkley | Missing
    data: Mapping[float, ReducedData]
    measured: Measured | Missing
    rates: tuple[AtRate, ...]

    @property
    def density(self) -> float:
        """Return the particles per area."""
        return self.plan.density

    @property
    def particles(self) -> int:
        """Return the number of particles."""
        return self.plan.particles

    @property
    def parameters(self) -> BlockParameters | None:
        """Return all parameters of the model; None where one is missing."""
        return None if isinstance(self.measured, Missing) else self.measured.parameters

    def estimate(self, symbol: str) -> Estimate | Missing:
        """Return a measure by its symbol (`symbols`), or why it is missing."""
        if isinstance(self.measured, Missing):
            return self.measured
        return self.measured.estimates.get(symbol, Missing("not measured"))


@dataclass(frozen=True, eq=False)
class CampaignResults:
    """Results of a campaign as far as it has come: its plan, and results by density."""

    plan: Campaign
    at: Mapping[float, DensityResults]

    @property
    def missing(self) -> str:
        """Return the chains that are missing, for a caption; empty where none is."""
        parts: dict[str, list[str]] = {}
        for rate in sorted(self.plan.shear_rates, reverse=True):
            wanted = len(self.plan.seeds_at(rate))
            strain = max(run.strain for run in self.plan.runs if run.shear_rate == rate)
            found = [s for one in self.at.values() for s in one.stresses if s.shear_rate == rate]
            fewest = min(len(s.seeds) for s in found)
            least = min(s.strain for s in found)
            if not fewest:
                parts.setdefault("all", []).append(f"{rate:g}")
            elif fewest < wanted:
                parts.setdefault(f"{wanted - fewest} of {wanted} seeds", []).append(f"{rate:g}")
            elif least < strain - 1e-9:
                parts.setdefault(f"strain {least:g} to {strain:g}", []).append(f"{rate:g}")
        return "; ".join(f"{what} at rate {', '.join(rates)}" for what, rates in parts.items())

    @property
    def left_out(self) -> list[str]:
        """Return the rates without a steady stress, and why."""
        return [
            f"density {density:g}, rate {one.shear_rate:g}: {one.value.reason}"
            for density, at in self.at.items()
            for one in at.stresses
            if isinstance(one.value, Missing)
        ]


def reduce_campaign(plan: Campaign, folder: Path) -> CampaignResults:
    """Return the results of a campaign as it is now, by density.

    Raises ``CorruptCheckpoint`` if a file is damaged or belongs to another campaign.
    """
    return CampaignResults(
        plan, {density: reduce_density(plan.at(density), folder) for density in plan.densities}
    )


def reduce_density(plan: Campaign, folder: Path) -> DensityResults:
    """Return the results of a campaign of one density as it is now."""
    chains = {
        rate: {
            seed: reduce_chain(plan, plan.point(rate, seed), folder)
            for seed in plan.seeds_at(rate)
            if segments_done(plan.point(rate, seed), folder)
        }
        for rate in sorted(plan.shear_rates)
    }
    stresses = tuple(steady_state_of(plan, rate, found) for rate, found in chains.items())
    curve = or_missing(lambda: _curve(stresses))
    begun = start_ups({r: chains[r] for r in slow_rates(r for r in chains if chains[r])})
    data: dict[float, ReducedData] = {}
    for rate, found in chains.items():
        settled = [one for one in found.values() if one.time_blocks]
        if settled and isinstance(curve, FlowCurve):
            yields = or_missing(lambda rate=rate: local_yields(plan, rate, folder))  # type: ignore[misc]
            point = plan.point(rate, plan.seeds_at(rate)[0])
            data[rate] = data_of(point, settled, plan.settled, yields, curve, begun)
    records_events = bool(plan.measured_points)
    return DensityResults(
        plan=plan,
        stresses=stresses,
        curve=curve,
        fit=_fit(curve, 0.5),
        free_fit=_fit(curve, None),
        data=data,
        measured=measured_of(plan, data, curve),
        rates=tuple(
            at_rate(rate, list(found.values()))
            for rate, found in chains.items()
            if found and records_events
        ),
    )


def steady_state_of(
    plan: Campaign, rate: float, chains: Mapping[int, ReducedChain]
) -> SteadyStress:
    """Return the steady stress of chains at one rate, given by seed.

    Of the longest chains, as many and as far as makes the most steady strain in all.
    """
    wanted = len(plan.seeds_at(rate))
    each = plan.point(rate, plan.seeds_at(rate)[0]).segment_strain
    longest = sorted(chains, key=lambda seed: -chains[seed].segments)

    def steady(count: int) -> float:
        return count * (chains[longest[count - 1]].segments * each - plan.transient)

    count = max(range(1, len(longest) + 1), key=steady, default=0)
    if not count or steady(count) <= 0.0:
        return SteadyStress(rate, (), 0.0, wanted, Missing("not run beyond the transient"))
    taken = [seed for seed in plan.seeds_at(rate) if seed in longest[:count]]
    shortest = chains[longest[count - 1]]
    total, strain = shortest.segments * each, shortest.series.strain
    stress = np.array([chains[seed].series.stress[: len(strain)] for seed in taken])
    return SteadyStress(
        shear_rate=rate,
        seeds=tuple(sorted(taken)),
        strain=round(total, 9),
        wanted=wanted,
        value=or_missing(lambda: mean_stress(strain, stress, plan.transient)),
        chains=tuple(
            _steady_chain(plan, rate, seed, chains[seed], strain, total) for seed in taken
        ),
    )


def mean_stress(strain: Floats, stress: Floats, transient: float) -> Estimate:
    """Return the mean stress by blocking, or with a `ROUGH` error where too few blocks fit.

    Raises ``MeasurementError`` where the eight blocks of a rough error would last less than a
    strain of 0.1 each.
    """
    try:
        return steady_stress(strain, stress, transient)
    except MeasurementError:
        steady = stress[:, strain > transient]
        length = steady.shape[1] // _BLOCKS
        if length * (strain[1] - strain[0]) < _SHORTEST_BLOCK:
            raise
    means = steady[:, : _BLOCKS * length].reshape(-1, length).mean(axis=1)
    error_bar = float(means.std(ddof=1)) / len(means) ** 0.5
    return Estimate(float(steady.mean()), error_bar, len(means), ROUGH)


def _steady_chain(
    plan: Campaign, rate: float, seed: int, chain: ReducedChain, strain: Floats, total: float
) -> SteadyChain:
    steady = np.flatnonzero(strain > plan.transient)
    series = chain.series
    temperature = float(series.temperature[steady].mean())
    energy = (series.energy + series.temperature * (1.0 - 1.0 / plan.particles))[steady]
    freedom = 2.0 * (plan.density - plan.density / plan.particles)
    return SteadyChain(
        shear_rate=rate,
        seed=seed,
        stress=float(series.stress[steady].mean()),
        strain=round(total - plan.transient, 9),
        temperature=temperature,
        dissipation=freedom * plan.mixture.damping / (plan.mixture.mass * rate) * temperature,
        storage=plan.density * float(energy[-1] - energy[0]) / float(np.ptp(strain[steady])),
    )


def _curve(stresses: Sequence[SteadyStress]) -> FlowCurve:
    known = [(one.shear_rate, one.value) for one in stresses if isinstance(one.value, Estimate)]
    if not known:
        raise MeasurementError("no rate has run long enough for an error bar")
    return FlowCurve(
        np.array([rate for rate, _ in known]),
        np.array([value.value for _, value in known]),
        np.array([value.stderr for _, value in known]),
    )


def _fit(curve: FlowCurve | Missing, exponent: float | None) -> HerschelBulkley | Missing:
    if isinstance(curve, Missing):
        return curve
    return or_missing(lambda: curve.herschel_bulkley(exponent=exponent))


def measured_of(
    plan: Campaign, data: Mapping[float, ReducedData], curve: FlowCurve | Missing
) -> Measured | Missing:
    """Measure at the campaign's rate, or the lowest with all parameters, or with most."""
    if plan.recording is None:
        return Missing("nothing but the stress was recorded; give the campaign Recording()")
    if isinstance(curve, Missing):
        return curve
    found = []
    for rate in sorted(data, key=lambda rate: (rate != plan.rate_measured, rate)):
        found.append(measure(data[rate]))
        if found[-1].parameters is not None:
            return found[-1]
    if not found:
        return Missing(f"no chain has settled: all end before strain {plan.settled:g}; go on")
    return max(found, key=lambda one: one.known)


def start_ups(chains: Mapping[float, Mapping[int, ReducedChain]]) -> tuple[ChainStart, ...]:
    """Return the beginnings of chains, given by shear rate and seed."""
    return tuple(
        ChainStart(
            shear_rate=rate,
            seeds=tuple(by_seed),
            strain=next(iter(by_seed.values())).start[:, 0],
            stress=np.array([chain.start[:, 1] for chain in by_seed.values()]),
        )
        for rate, by_seed in chains.items()
        if by_seed
    )


def data_of(
    point: StatePoint,
    chains: Sequence[ReducedChain],
    settled: float,
    yields: LocalYields | Missing,
    curve: FlowCurve,
    begun: tuple[ChainStart, ...],
) -> ReducedData:
    """Return the reduced data of chains that are samples of ``point``, each with a time block.

    ``stress`` goes as far as the shortest chain; ``begun`` are the start-ups for G0.
    """
    assert point.recording is not None
    bins = min(len(chain.series.stress) for chain in chains)
    observed = {
        observer: [
            merged(observer, part) for chain in chains for part in chain.records(observer.name)
        ]
        for observer in point.recording.observers
    }
    side = point.glass.mixture.box(point.glass.particles, point.glass.density)
    return ReducedData(
        density=point.glass.density,
        shear_rate=point.shear_rate,
        block_width=side / block_count(side, point.recording.block_width),
        settled=settled,
        strain=chains[0].series.strain[:bins],
        stress=np.array([chain.series.stress[:bins] for chain in chains]),
        start_ups=begun,
        records={o.name: found for o, found in observed.items() if isinstance(o, Plastic)},
        observed={o.name: found for o, found in observed.items() if not isinstance(o, Plastic)},
        blocks=or_missing(lambda: _block_stresses(chains)),
        yields=yields,
        curve=curve,
    )


def _block_stresses(chains: Sequence[ReducedChain]) -> BlockStresses:
    counts = np.concatenate([chain.histogram for chain in chains])
    inner, edges = counts[:, 1:-1], STRESS_EDGES[1:-1]
    bins = inner.reshape(len(counts), -1, _BINS).sum(axis=2)
    held = np.flatnonzero(bins.sum(axis=0))
    first, last = int(held[0]), int(held[-1]) + 1
    return BlockStresses(
        differences=joined_differences(chains),
        moments=np.concatenate([chain.moments for chain in chains]),
        density=counted_density(
            bins[:, first:last], counts.sum(axis=1), edges[::_BINS][first : last + 1]
        ),
    )


def local_yields(plan: Campaign, rate: float, folder: Path) -> LocalYields:
    """Return the stored local yield stresses; at the campaign's rate, measure missing ones.

    Leaves out snapshots that are neither measured nor there.
    """
    rows = []
    for seed in plan.seeds_at(rate):
        point = plan.point(rate, seed)
        for number in kept_segments(point, plan.chains[point]):
            if number * point.segment_strain <= plan.settled - 1e-9:
                continue
            here = point in plan.measured_points and point.segment_file(folder, number).exists()
            if here or yields_file(point, folder, number).exists():
                rows.append(snapshot_yields(point, folder, number))
    if not rows:
        raise MeasurementError(f"no frozen matrices have been made at {rate:g} yet")
    return joined_yields(rows)


def joined_yields(rows: Sequence[Arrays]) -> LocalYields:
    """Return local yield stresses of several snapshots as one."""

    def joined(name: str) -> Floats:
        return np.array([one[name] for one in rows])

    drops = {name: joined(name) for name in DROPS}
    return LocalYields(joined("strain"), joined("threshold"), drops)
