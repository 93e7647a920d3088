"""Reduced data of a chain, some kilobytes that replace its segments.

The steady part of a chain is cut into time blocks of whole segments. Of each: sums of the stress
differences, a histogram of the block stresses, and the arrays of the observers. Of the whole chain:
the macroscopic series as means over short times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hebraud._typing import Array, Arrays, Floats, Ints
from hebraud.md.campaign.chain import observed_in, read_segment, segments_done
from hebraud.md.campaign.files import read_arrays, write_arrays
from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.state_point import StatePoint
from hebraud.md.errors import CorruptCheckpoint
from hebraud.md.lammps.recording import BlockStress
from hebraud.md.lammps.segment import Series
from hebraud.md.measure.diffusion import StressDifferences, log_lags

__all__ = [
    "STRESS_EDGES",
    "ReducedChain",
    "joined_differences",
    "read_reduced",
    "reduce_chain",
    "reduced_file",
]

#: Edges of the histogram of block stresses, in eps_AA/sigma_AA^2; what lies beyond is counted too.
STRESS_EDGES = np.concatenate([[-np.inf], np.linspace(-10.0, 10.0, 401), [np.inf]])
_POWERS = 4  # of the stress differences: up to the kurtosis
_BIN_TIME, _BIN_STRAIN = 1.0, 0.01  # the longest bins of the macroscopic series
# Names in the file: the series, and the sums of each time block.
_SERIES = ("series_stress", "series_temperature", "series_energy")
_SUMS = ("count", "sums", "histogram", "moments")
_NOTHING: Arrays = {
    "count": np.empty((0, 0), np.int64),
    "sums": np.empty((0, 0, _POWERS)),
    "histogram": np.empty((0, len(STRESS_EDGES) - 1), np.int32),
    "moments": np.empty((0, 3)),
}


@dataclass(frozen=True, eq=False)
class ReducedChain:
    """Reduced data of a chain.

    Parameters
    ----------
    segments : int
        Segments behind it.
    series : Series
        Of the whole chain, each sample the mean over one tau_0, or a strain of 0.01 if that is
        shorter (strain: that of its middle).
    start : (S, 2) array
        Strain and stress of the first segment, sample by sample.
    observed : mapping
        By name of an observer, its arrays of each segment of the time blocks, in order.
    block_segments : int
        Segments of one time block.
    lag : (K,) array
        Lags of the stress differences, in tau_0; empty without a recording.
    count, sums : (U, K), (U, K, 4) arrays
        Number of differences s(t0 + t) - s(t0) in each time block, and sums of their powers 1 to 4;
        none spans a flip of the box.
    histogram : (U, B) array of int
        Block stresses in each time block, between `STRESS_EDGES`.
    moments : (U, 3) array
        Their number, sum and sum of squares.
    """

    segments: int
    series: Series
    start: Floats
    observed: Mapping[str, tuple[Arrays, ...]]
    block_segments: int
    lag: Floats
    count: Ints
    sums: Floats
    histogram: Ints
    moments: Floats

    @property
    def time_blocks(self) -> int:
        """Number of time blocks."""
        return len(self.moments)

    def records(self, observer: str) -> list[tuple[Arrays, ...]]:
        """Return the arrays of an observer, time block by time block."""
        parts, each = self.observed[observer], self.block_segments
        return [parts[k * each : (k + 1) * each] for k in range(self.time_blocks)]


def joined_differences(chains: Sequence[ReducedChain]) -> StressDifferences:
    """Return the stress differences of all time blocks of chains that are cut alike.

    Leaves out lags without differences in some time block: in fast flow the box flips within every
    block, and no difference spans a flip.
    """
    count = np.concatenate([chain.count for chain in chains])
    sums = np.concatenate([chain.sums for chain in chains])
    kept = np.all(count > 0, axis=0)
    return StressDifferences(chains[0].lag[kept], count[:, kept], sums[:, kept])


def _bin_samples(point: StatePoint) -> int:
    """Return the samples of one bin: one tau_0 or strain 0.01, less to divide a segment."""
    interval = point.sample_every * point.glass.mixture.timestep
    samples = point.segment_steps // point.sample_every
    wanted = max(1, int(min(_BIN_TIME, _BIN_STRAIN / abs(point.shear_rate)) / interval + 1e-9))
    return max(k for k in range(1, wanted + 1) if samples % k == 0)


def _small(values: Array) -> Array:
    """Return floats in single precision, and whole numbers in as few bytes as they need."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    if values.dtype.kind not in "iu" or not values.size:
        return values
    low, high = np.min_scalar_type(values.min()), np.min_scalar_type(values.max())
    return values.astype(np.promote_types(low, high))


def _pack(name: str, records: Sequence[Arrays]) -> Arrays:
    """Return the records of many segments as few arrays; equal ones once."""
    packed: Arrays = {}
    for key in records[0] if records else ():
        parts = [record[key] for record in records]
        if all(np.array_equal(part, parts[0]) for part in parts):
            packed[f"{name}_same_{key}"] = parts[0]
        elif len({part.shape for part in parts}) == 1:
            packed[f"{name}_stack_{key}"] = _small(np.stack(parts))
        else:
            packed[f"{name}_joined_{key}"] = _small(np.concatenate(parts))
            packed[f"{name}_lengths_{key}"] = _small(np.array([len(part) for part in parts]))
    return packed


def _wide(values: Array) -> Array:
    kinds = {"f": np.float64, "i": np.int64, "u": np.int64}
    return values.astype(kinds.get(values.dtype.kind, values.dtype))


def _unpack(name: str, count: int, arrays: Arrays) -> tuple[Arrays, ...]:
    records: list[Arrays] = [{} for _ in range(count)]
    for full, stored in arrays.items():
        owner, _, rest = full.partition("_")
        kind, _, key = rest.partition("_")
        if owner != name or kind == "lengths":
            continue
        values = _wide(stored)
        if kind == "joined":
            cuts = np.cumsum(_wide(arrays[f"{name}_lengths_{key}"]))[:-1]
            parts = np.split(values, cuts)
        else:
            parts = [values] * count if kind == "same" else list(values)
        for record, part in zip(records, parts, strict=True):
            record[key] = part
    return tuple(records)


def reduced_file(plan: Campaign, point: StatePoint, folder: Path) -> Path:
    """Return the file of a chain's reduced data."""
    return point.folder(folder) / f"condensed{plan.chains[point]:06d}.h5"


def _about(plan: Campaign, point: StatePoint) -> dict[str, Any]:
    return {**asdict(point), "time_blocks": list(plan.time_blocks(point))}


def read_reduced(plan: Campaign, point: StatePoint, folder: Path) -> ReducedChain:
    """Return the reduced data of a chain from its file; raise ``CorruptCheckpoint`` if damaged."""
    arrays = read_arrays(reduced_file(plan, point, folder), _about(plan, point))
    _, each, _ = plan.time_blocks(point)
    segments, blocks = int(arrays["segments"]), len(arrays["moments"])
    stress = arrays["series_stress"].astype(np.float64)
    bins = len(stress) // segments
    strain_of_bin = point.segment_strain / bins
    middle = (1.0 - 1.0 / _bin_samples(point)) / 2.0  # samples stand at the end of their interval
    strain = np.copysign(strain_of_bin, point.shear_rate) * (np.arange(1, len(stress) + 1) - middle)
    first = arrays["start_stress"].astype(np.float64)
    start = np.copysign(point.segment_strain / len(first), point.shear_rate)
    names = [] if point.recording is None else [one.name for one in point.recording.observers]
    return ReducedChain(
        segments=segments,
        series=Series(
            strain,
            stress,
            arrays["series_temperature"].astype(np.float64),
            arrays["series_energy"].astype(np.float64),
        ),
        start=np.stack([start * np.arange(1, len(first) + 1), first], axis=1),
        observed={name: _unpack(name, blocks * each, arrays) for name in names},
        block_segments=each,
        lag=arrays["lag"],
        count=_wide(arrays["count"]),
        sums=arrays["sums"],
        histogram=_wide(arrays["histogram"]),
        moments=arrays["moments"],
    )


def reduce_chain(plan: Campaign, point: StatePoint, folder: Path) -> ReducedChain:
    """Return the reduced data of a chain as it is now, and store them beside the segments.

    The file is the same however often it is made. Segments of closed time blocks are read once.

    Raises ``CorruptCheckpoint`` if segments are missing or damaged, ``ValueError`` without any.
    """
    path, about = reduced_file(plan, point, folder), _about(plan, point)
    done = min(segments_done(point, folder), plan.chains[point])
    if not done:
        raise ValueError(f"there are no segments in {point.folder(folder)}")
    if path.exists():
        found = read_arrays(path, about)
        if int(found["segments"]) == done:
            return read_reduced(plan, point, folder)
    else:
        found = {}
    if point.segment_file(folder, 1).exists():
        found = {}
    elif not found:
        raise CorruptCheckpoint(
            f"{point.segment_file(folder, 1)} is missing, and so is {path.name} in its place"
        )
    write_arrays(path, _grown(plan, point, folder, found, done), about)
    return read_reduced(plan, point, folder)


def _grown(plan: Campaign, point: StatePoint, folder: Path, found: Arrays, done: int) -> Arrays:
    """Return the arrays of the first ``done`` segments, given those of fewer (or none)."""
    settled, each, most = plan.time_blocks(point)
    closed = len(found["moments"]) if found else 0
    blocks = max(0, min(most, (done - settled) // each))
    names = [] if point.recording is None else [one.name for one in point.recording.observers]
    records = {name: list(_unpack(name, closed * each, found)) for name in names}
    series = [{name: found[name] for name in _SERIES}] if found else []
    for number in range(int(found["segments"]) + 1 if found else 1, done + 1):
        raw = Series.from_arrays(read_segment(point, folder, number))
        series.append(_binned(raw, _bin_samples(point)))
        if number == 1:
            found = {"start_stress": raw.stress.astype(np.float32)}
    sums = [{name: found[name] for name in (*_SUMS, "lag")}] if closed else []
    for block in range(closed, blocks):
        first = settled + block * each + 1
        segments = [read_segment(point, folder, first + k) for k in range(each)]
        sums.append(_block_sums(BlockStress.join([BlockStress.from_arrays(s) for s in segments])))
        for name, kept in records.items():
            kept += [observed_in(segment, name) for segment in segments]
    arrays: Arrays = {"segments": np.array(done), "start_stress": found["start_stress"]}
    arrays |= {name: np.concatenate([one[name] for one in series]) for name in _SERIES}
    arrays |= {name: np.concatenate([one[name] for one in sums or [_NOTHING]]) for name in _SUMS}
    arrays["lag"] = sums[0]["lag"] if sums else np.empty(0)
    for name, kept in records.items():
        arrays |= _pack(name, kept)
    return arrays


def _binned(raw: Series, samples: int) -> Arrays:
    """Return means over so many samples."""
    return {
        name: getattr(raw, name.removeprefix("series_"))
        .reshape(-1, samples)
        .mean(axis=1)
        .astype(np.float32)
        for name in _SERIES
    }


def _block_sums(blocks: BlockStress) -> Arrays:
    from hebraud._kernels.particles.increments import increment_sums

    stress = np.ascontiguousarray(blocks.stress, dtype=np.float64)
    lags = log_lags(max(1, len(stress) // 2))
    count, sums = increment_sums(stress, blocks.epoch.astype(np.int64), lags, 0.0, 1)
    return {
        "lag": lags * float(blocks.time[1] - blocks.time[0]),
        "count": count,
        "sums": sums,
        "histogram": np.histogram(stress, STRESS_EDGES)[0].astype(np.int32)[None],
        "moments": np.array([[stress.size, stress.sum(), np.square(stress).sum()]]),
    }
