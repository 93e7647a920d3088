"""From the chains of a preset to the evidence for the model's parameters, at one density."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.md.campaign.frozen_matrix import kept_segments, snapshot_yields
from hebraud.md.campaign.plan import Preset
from hebraud.md.campaign.reduced_chain import STRESS_EDGES, Condensed, condense, joined_differences
from hebraud.md.campaign.state_point import StatePoint
from hebraud.md.measure.modulus import StartUp, slow_rates
from hebraud.md.measure.plastic import merge_records
from hebraud.md.results.reduced_data import BlockStresses, Evidence, LocalYields
from hebraud.rheology.flow_curve import FlowCurve

__all__ = ["evidence_of", "gather", "joined_yields", "start_ups"]

Floats = NDArray[np.float64]
T = TypeVar("T")
_BINS = 2  # of the stored histogram make one of P(sigma)


def gather(plan: Preset, folder: Path, curve: FlowCurve) -> Evidence:
    """Return what the parameters are measured from, of a preset whose chains are complete.

    Activity, stress diffusion, sizes and durations, thresholds and drops are those of the rate
    ``plan.rate_measured`` after the strain ``plan.settled``; the start-up is that of all slow
    rates. Missing local yield stresses are measured.

    Raises ``ValueError`` if nothing of the kind was recorded, the runs end before that strain, or
    the preset has several densities.
    """
    points = plan.measured_points
    if not points:
        raise ValueError("plastic activity was not recorded; give the preset Recording()")
    point = plan.point(plan.rate_measured, points[0].glass.seed)  # raises for several densities
    left_out, _, time_blocks = plan.time_blocks(point)
    if not time_blocks:
        raise ValueError(
            f"the runs at shear rate {point.shear_rate:g} end at strain "
            f"{plan.chains[point] * point.segment_strain:g}, and the first "
            f"{left_out * point.segment_strain:g} are left out; shear further"
        )
    slow = slow_rates(plan.shear_rates)
    chains = {
        rate: {seed: condense(plan, plan.point(rate, seed), folder) for seed in plan.seeds_at(rate)}
        for rate in {*slow, plan.rate_measured}
    }
    yields = _or_why(lambda: _local_yields(plan, points, folder))
    begun = start_ups({rate: chains[rate] for rate in slow})
    measured = list(chains[plan.rate_measured].values())
    return evidence_of(point, measured, plan.settled, yields, curve, begun)


def start_ups(chains: Mapping[float, Mapping[int, Condensed]]) -> tuple[StartUp, ...]:
    """Return the beginnings of chains, given by shear rate and seed."""
    return tuple(
        StartUp(
            shear_rate=rate,
            seeds=tuple(by_seed),
            strain=next(iter(by_seed.values())).start[:, 0],
            stress=np.array([chain.start[:, 1] for chain in by_seed.values()]),
        )
        for rate, by_seed in chains.items()
        if by_seed
    )


def evidence_of(
    point: StatePoint,
    chains: Sequence[Condensed],
    settled: float,
    yields: LocalYields | str,
    curve: FlowCurve,
    begun: tuple[StartUp, ...],
) -> Evidence:
    """Return what the measures need of chains that are samples of ``point``.

    Each must have a time block. ``stress`` goes as far as the shortest of them. ``begun`` are the
    start-ups for G0 (`start_ups`), at the slow rates.
    """
    bins = min(len(chain.series.stress) for chain in chains)
    return Evidence(
        density=point.glass.density,
        shear_rate=point.shear_rate,
        block_width=_block_width(point),
        settled=settled,
        strain=chains[0].series.strain[:bins],
        stress=np.array([chain.series.stress[:bins] for chain in chains]),
        start_ups=begun,
        records={
            observer: [merge_records(part) for chain in chains for part in chain.records(observer)]
            for observer in chains[0].observed
        },
        blocks=_or_why(lambda: _block_stresses(chains)),
        yields=yields,
        curve=curve,
    )


def _block_stresses(chains: Sequence[Condensed]) -> BlockStresses:
    from hebraud.md.measure.local_stress import counted_density

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


def _local_yields(plan: Preset, points: Sequence[StatePoint], folder: Path) -> LocalYields:
    rows = [
        snapshot_yields(point, folder, number)
        for point in points
        for number in kept_segments(point, plan.chains[point])
        if number * point.segment_strain > plan.settled - 1e-9
    ]
    if not rows:
        raise ValueError(
            f"no snapshots are kept of the runs at shear rate {plan.rate_measured:g} after strain "
            f"{plan.settled:g}; shear further or keep earlier ones"
        )
    return joined_yields(rows)


def joined_yields(rows: Sequence[Mapping[str, NDArray[Any]]]) -> LocalYields:
    """Return what `snapshot_yields` found in several snapshots as one."""
    from hebraud.md.measure.local_yield import DROPS

    def joined(name: str) -> Floats:
        return np.array([one[name] for one in rows])

    drops = {name: joined(name) for name in DROPS}
    return LocalYields(joined("strain"), joined("threshold"), drops)


def _or_why(part: Callable[[], T]) -> T | str:
    try:
        return part()
    except (ValueError, ConvergenceError) as error:
        return str(error)


def _block_width(point: StatePoint) -> float:
    from hebraud.md.measure.block_stress import block_count

    assert point.recording is not None
    side = point.glass.mixture.box(point.glass.particles, point.glass.density)
    return side / block_count(side, point.recording.block_width)
