"""From the chains of a preset to the evidence for the model's parameters, at one density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError
from hebraud.md.chain import Arrays, Chain, read_chain
from hebraud.md.evidence import BlockStresses, Evidence, LocalYields
from hebraud.md.files import read_arrays, write_arrays
from hebraud.md.measure.plastic import Record, merge_records
from hebraud.md.measured import PLASTIC
from hebraud.md.presets import Preset
from hebraud.md.state_point import StatePoint
from hebraud.rheology.flow_curve import FlowCurve

__all__ = ["ensure_thresholds", "gather", "measured_points"]

Floats = NDArray[np.float64]
T = TypeVar("T")
_TIME_BLOCKS = 8  # a run
_BINS = 60  # of the histogram of block stresses


def measured_points(plan: Preset) -> list[StatePoint]:
    """Return the state points that the parameters come from: one rate, every seed and density.

    None where plastic activity is not recorded.
    """
    observers = () if plan.recording is None else plan.recording.observers
    if PLASTIC not in [one.name for one in observers]:
        return []
    rate = plan.rate_measured
    return [plan.point(rate, seed) for seed in plan.seeds_at(rate)]


def ensure_thresholds(plan: Preset, point: StatePoint, folder: Path) -> Arrays:
    """Return the local yield stresses in the snapshots of a chain, from their file or made.

    ``strain`` of each snapshot; ``threshold`` and the drops by definition (`DROPS`), one row for
    each snapshot and one column for each block, NaN where a block has not yielded. Blocks are
    sheared in the sense of the flow.

    Raises
    ------
    ValueError
        If no snapshots are kept, or the box is too small for the blocks.
    ConvergenceError
        As `hebraud.md.measure.local_yield.local_yield` does.
    """
    from hebraud.md.measure.local_yield import DROPS, block_grid, local_yield

    segments, recording = plan.chains[point], point.recording
    path = point.folder(folder) / f"thresholds{segments:06d}.h5"
    about = {**asdict(point), "segments": segments}
    if not path.exists():
        snapshots = read_chain(point, folder, segments).snapshots
        if recording is None or not snapshots:
            raise ValueError(
                f"no snapshots are kept of the run at shear rate {point.shear_rate:g}: it ends at "
                f"strain {segments * point.segment_strain:g}; shear further or keep earlier ones"
            )
        width, sense = recording.block_width, 1 if point.shear_rate > 0.0 else -1
        found = [
            local_yield(one, point.glass.mixture, *block_grid(one, width), sense)
            for one in snapshots
        ]
        arrays = {
            "strain": np.array([one.strain for one in snapshots]),
            "threshold": np.array([one.threshold for one in found]),
            **{name: np.array([one.drop[name] for one in found]) for name in DROPS},
        }
        write_arrays(path, arrays, about)
    return read_arrays(path, about)


def _time_blocks(records: Sequence[Arrays]) -> list[Record]:
    cuts = np.array_split(np.arange(len(records)), min(_TIME_BLOCKS, len(records)))
    return [merge_records([records[k] for k in cut]) for cut in cuts]


def _block_stresses(chains: Sequence[Chain], settled: float, time_blocks: int) -> BlockStresses:
    from hebraud.md.measure.diffusion import stress_differences
    from hebraud.md.measure.local_stress import stress_density, time_block_moments

    blocks = [chain.block_stress for chain in chains if chain.block_stress is not None]
    late = [np.abs(one.strain) > settled for one in blocks]
    stress = [one.stress[k].astype(np.float64) for one, k in zip(blocks, late, strict=True)]
    low = float(np.floor(min(run.min() for run in stress)))
    high = float(np.ceil(max(run.max() for run in stress)))
    return BlockStresses(
        differences=stress_differences(
            stress,
            float(blocks[0].time[1] - blocks[0].time[0]),
            elastic_rate=0.0,
            epoch=[one.epoch[k] for one, k in zip(blocks, late, strict=True)],
            time_blocks=time_blocks,
        ),
        moments=time_block_moments(stress, time_blocks),
        density=stress_density(stress, np.linspace(low, high, _BINS + 1), time_blocks),
        rest_std=float(np.mean([one.stress[0].std() for one in blocks])),
    )


def _local_yields(plan: Preset, points: Sequence[StatePoint], folder: Path) -> LocalYields:
    from hebraud.md.measure.local_yield import DROPS

    rows = [ensure_thresholds(plan, point, folder) for point in points]
    late = np.concatenate([np.abs(one["strain"]) > plan.settled - 1e-9 for one in rows])

    def joined(name: str) -> Floats:
        return np.asarray(np.concatenate([one[name] for one in rows])[late])

    drops = {name: joined(name) for name in DROPS}
    return LocalYields(joined("strain"), joined("threshold"), drops)


def gather(plan: Preset, folder: Path, curve: FlowCurve) -> Evidence:
    """Return what the parameters are measured from, of a preset whose chains are complete.

    Activity, stress diffusion, sizes and durations, thresholds and drops are those of the rate
    ``plan.rate_measured`` after the strain ``plan.settled``.

    Raises ``ValueError`` if nothing of the kind was recorded, the runs end before that strain, or
    the preset has several densities.
    """
    points = measured_points(plan)
    if not points:
        raise ValueError("plastic activity was not recorded; give the preset Recording()")
    point = points[0]
    segments, transient = plan.chains[point], point.segments_for(max(plan.settled, 1e-9))
    if segments <= transient:
        raise ValueError(
            f"the runs at shear rate {point.shear_rate:g} end at strain {segments * point.segment_strain:g}, and "
            f"the first {transient * point.segment_strain:g} are left out; shear further"
        )
    chains = [read_chain(one, folder, segments) for one in points]
    records = {
        observer: [
            part for one in chains for part in _time_blocks(one.observed[observer][transient:])
        ]
        for observer in chains[0].observed
    }
    return Evidence(
        density=plan.density,
        shear_rate=point.shear_rate,
        block_width=_block_width(point),
        settled=plan.settled,
        strain=chains[0].series.strain,
        stress=np.array([chain.series.stress for chain in chains]),
        records=records,
        blocks=_or_why(
            lambda: _block_stresses(chains, plan.settled, len(records[PLASTIC]) // len(chains))
        ),
        yields=_or_why(lambda: _local_yields(plan, points, folder)),
        curve=curve,
    )


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
