"""Plastic activity: active particles, clusters of active blocks, rate of events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Arrays, Bools, Floats, Ints
from hebraud.errors import check_number
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.block_stress import block_count, epochs
from hebraud.md.measure.clusters import active_blocks, cluster_sizes, label_clusters
from hebraud.md.measure.nonaffine import d2min_series, frames_in
from hebraud.md.measure.resampling import bootstrap_weights, resampled_ratio, spread
from hebraud.rheology.estimate import Estimate

__all__ = [
    "PlasticActivity",
    "balance_ratio",
    "merge_records",
    "pack_records",
    "plastic_activity",
    "plastic_record",
    "unpack_records",
]

EventRecord = Arrays

#: What a record measured with; equal in all records that are merged.
_SETTINGS = (
    "lag", "cutoff", "threshold", "block_width", "corners", "mesoblock_width", "spacing",
    "box", "particles", "correlation_time",
)  # fmt: skip
#: One entry a window (or a cluster): joined. All others are sums: added.
_JOINED = ("time", "strain", "active", "active_blocks", "clusters", "area")


def plastic_record(
    frames: Frames,
    lag: float = 4.0,
    cutoff: float = 2.0,
    threshold: float = 0.1,
    block_width: float = 2.0,
    mesoblock_width: float = 6.0,
    corners: bool = False,
    correlation_time: float = 20.0,
) -> Arrays:
    """Return what is counted in these frames, as arrays that `merge_records` adds up.

    A window is a pair of frames ``lag`` apart and bears the time of the first. A particle is active
    in it if its D2min exceeds ``threshold``; a block of width w0 if it holds an active particle; a
    cluster is a connected set of active blocks (`label_clusters`), its area blocks x block area.
    With the window exactly one lag before,

    - a cluster is *new* if none of its blocks was active there;
    - a mesoblock (of width W) has an *onset* if it holds an active particle now and held none in
      any window from one lag before until just before. Two events in one mesoblock are told apart
      if they are more than two lags apart.

    Both are counted in watched windows only: those with a whole lag of windows before them and no
    flip of the box since, at which blocks are redefined.

    Parameters
    ----------
    frames : Frames
        At least lag/spacing + 1 of them.
    lag : float
        dt of D2min, in tau_0, a whole number of frames; 4 in the paper.
    cutoff : float
        Range of neighbours, in sigma_AA (`d2min`).
    threshold : float
        Of D2min, in sigma_AA^2, > 0; 0.1 in the paper.
    block_width, mesoblock_width : float
        w0 = 2 and W about <l_pl> = 6 in the paper, in sigma_AA; made to fit the box.
    corners : bool
        Whether blocks that share a corner only are connected too.
    correlation_time : float
        Longest time of the D2min autocorrelation (`event_duration`), in tau_0, whole frames.

    Returns
    -------
    dict of arrays
        By window: ``time``, ``strain``, ``active`` (particles), ``active_blocks``, ``clusters``; by
        cluster, in the order of windows: ``area`` (sigma_AA^2). Sums: ``onsets`` (by mesoblock, in
        the order of `block_stress`), ``new_clusters``, ``watched``, ``d2min`` (all particles and
        windows), ``active_d2min`` (active ones), and by time apart ``product`` = D2min(t0)
        D2min(t0 + t) and ``square`` = D2min(t0)^2 over particles active at t0. And the settings.

    Raises
    ------
    ValueError
        For arguments outside their range, or as `d2min_series` does.
    """
    threshold = check_number("threshold", threshold, above=0.0)
    apart = frames_in(frames, lag)
    longest = frames_in(frames, correlation_time, "correlation_time")
    blocks = _blocks(frames.box, block_width)
    mesoblocks = _blocks(frames.box, mesoblock_width)
    found = d2min_series(frames, lag, cutoff)
    active = found > threshold
    windows = len(found)
    strain = frames.strain[:windows]
    block_area = float(np.prod(frames.box)) / (blocks[0] * blocks[1])

    def grids(counts: tuple[int, int]) -> Bools:
        return np.array(
            [
                active_blocks(frames.position[k, active[k]], float(strain[k]), frames.box, counts)
                for k in range(windows)
            ]
        )

    fine, coarse = grids(blocks), grids(mesoblocks)
    turned = epochs(strain, float(frames.box[1] / frames.box[0]))
    clusters = np.zeros(windows, np.int64)
    sizes: list[Ints] = []
    onsets = np.zeros(mesoblocks, np.int64)
    new_clusters = watched = 0
    for k in range(windows):
        labels, clusters[k] = label_clusters(fine[k], corners)
        sizes.append(cluster_sizes(labels, int(clusters[k])))
        if k < apart or (turned[k - apart : k] != turned[k]).any():
            continue
        watched += 1
        old = np.unique(labels[fine[k - apart]])
        new_clusters += int(clusters[k]) - int(np.count_nonzero(old))
        onsets += coarse[k] & ~coarse[k - apart : k].any(axis=0)
    product, square = _correlation_sums(found, active, longest)
    return {
        "time": frames.time[:windows].copy(),
        "strain": strain.copy(),
        "active": np.count_nonzero(active, axis=1),
        "active_blocks": np.count_nonzero(fine, axis=(1, 2)),
        "clusters": clusters,
        "area": np.concatenate(sizes) * block_area,
        "onsets": onsets.ravel(),
        "new_clusters": np.array([new_clusters]),
        "watched": np.array([watched]),
        "d2min": np.array([found.sum()]),
        "active_d2min": np.array([found[active].sum()]),
        "product": product,
        "square": square,
        "lag": np.array([float(lag)]),
        "cutoff": np.array([float(cutoff)]),
        "threshold": np.array([threshold]),
        "block_width": np.array([float(block_width)]),
        "corners": np.array([bool(corners)]),
        "mesoblock_width": np.array([float(mesoblock_width)]),
        "spacing": np.array([lag / apart]),
        "box": frames.box.copy(),
        "particles": np.array([frames.particles]),
        "correlation_time": np.array([float(correlation_time)]),
    }


def _blocks(box: Floats, width: float) -> tuple[int, int]:
    return block_count(float(box[0]), width), block_count(float(box[1]), width)


def _correlation_sums(found: Floats, active: Bools, longest: int) -> tuple[Floats, Floats]:
    """Return sums of D2(t0) D2(t0 + t) and D2(t0)^2 over the same t0 and particles, by t."""
    product, square = np.zeros(longest + 1), np.zeros(longest + 1)
    window, particle = np.nonzero(active)
    for apart in range(min(longest + 1, len(found))):
        both = window + apart < len(found)
        first = found[window[both], particle[both]]
        square[apart] = first @ first
        product[apart] = first @ found[window[both] + apart, particle[both]]
    return product, square


def merge_records(records: Sequence[EventRecord]) -> Arrays:
    """Return one record of consecutive ones: counts joined, sums added.

    Raises ``ValueError`` if there are none or they were measured with different settings.
    """
    if not records:
        raise ValueError("records must hold at least one record, got none")
    for name in _SETTINGS:
        for record in records[1:]:
            if not np.allclose(record[name], records[0][name], rtol=1e-9, atol=0.0):
                raise ValueError(
                    f"records must be measured alike: {name} is {records[0][name].tolist()} in one "
                    f"and {record[name].tolist()} in another"
                )
    merged: Arrays = {name: records[0][name] for name in _SETTINGS}
    for name in records[0]:
        parts = [record[name] for record in records]
        if name in _JOINED:
            merged[name] = np.concatenate(parts)
        elif name not in _SETTINGS:
            merged[name] = np.sum(parts, axis=0)
    return merged


def pack_records(records: Sequence[EventRecord]) -> Arrays:
    """Return several records, measured alike, as few arrays."""
    whole = merge_records(records)
    packed = {name: whole[name] for name in (*_SETTINGS, *_JOINED)}
    for name in records[0]:
        if name in _JOINED:
            packed[f"{name}_lengths"] = np.array([len(record[name]) for record in records])
        elif name not in _SETTINGS:
            packed[name] = np.array([record[name] for record in records])
    return packed


def unpack_records(packed: EventRecord) -> list[Arrays]:
    """Return the records that `pack_records` was given."""
    records: list[Arrays] = []
    ends = {name: np.cumsum(packed[f"{name}_lengths"]) for name in _JOINED}
    for k in range(len(packed["time_lengths"])):
        one: Arrays = {name: packed[name] for name in _SETTINGS}
        for name in packed:
            if name in _JOINED:
                one[name] = packed[name][(ends[name][k - 1] if k else 0) : ends[name][k]]
            elif name not in _SETTINGS and not name.endswith("_lengths"):
                one[name] = packed[name][k]
        records.append(one)
    return records


@dataclass(frozen=True, eq=False)
class PlasticActivity:
    """Plastic activity of a steady flow: how much, of which size, how often.

    Three readings of the activity Gamma, each the number of events per mesoblock and tau_0. They
    agree for rare jumps that each fill one mesoblock; in a real flow they need not.

    Parameters
    ----------
    activity : Estimate
        Gamma of the clusters, as in the paper: new clusters per window, over the lag and the number
        of mesoblocks. A jump makes a new cluster in every window that holds it and not before: so
        divided by the lag. Too low where clusters merge.
    onset_activity : Estimate
        Gamma of mesoblocks: onsets per watched window, over the spacing and the number of
        mesoblocks. Counts an event in each mesoblock that it touches (up to four of its own size),
        and loses those that follow another within two lags.
    area_activity : Estimate
        Gamma of areas: mean fraction of the box that is active, over the lag. An event that takes
        long to pass the threshold counts for longer than one lag.
    plastic_length : Estimate
        l_pl = <A>^(1/2) over all clusters of all windows, in sigma_AA.
    clusters : Estimate
        Mean number of clusters in a window.
    active : Estimate
        Mean fraction of active particles.
    mesoblocks : int
        Number of mesoblocks in the box.
    windows, watched : int
        Windows in all, and those in which new clusters and onsets were counted.
    replicates : (R,) array
        Bootstrap replicates of ``activity``.
    """

    activity: Estimate
    onset_activity: Estimate
    area_activity: Estimate
    plastic_length: Estimate
    clusters: Estimate
    active: Estimate
    mesoblocks: int
    windows: int
    watched: int
    replicates: Floats = field(repr=False)


def _ratios(record: EventRecord) -> dict[str, tuple[float, float]]:
    """Return numerator and denominator of every mean, as sums over the record."""
    windows, watched = len(record["time"]), float(record["watched"][0])
    lag, spacing = float(record["lag"][0]), float(record["spacing"][0])
    box = record["box"]
    mesoblocks = len(record["onsets"])
    blocks = math.prod(_blocks(box, float(record["block_width"][0])))
    return {
        "activity": (float(record["new_clusters"][0]), watched * lag * mesoblocks),
        "onset_activity": (float(record["onsets"].sum()), watched * spacing * mesoblocks),
        "area_activity": (float(record["active_blocks"].sum()), windows * lag * blocks),
        "plastic_area": (float(record["area"].sum()), float(record["area"].size)),
        "clusters": (float(record["clusters"].sum()), float(windows)),
        "active": (float(record["active"].sum()), windows * float(record["particles"][0])),
    }


def plastic_activity(
    records: Sequence[EventRecord], weights: ArrayLike | None = None
) -> PlasticActivity:
    """Return plastic activity, sizes and numbers of events of records of the steady state.

    Parameters
    ----------
    records : sequence of records
        At least 8 from `plastic_record`, one for each time block of all chains.
    weights : (R, U) array, optional
        Bootstrap draws of the U records that other measures on these chains share; None draws 1000.

    Raises ``ValueError`` if settings differ, ``MeasurementError`` for fewer than 8 records, or if
    some draws hold no clusters or watched windows.
    """
    merge_records(records)
    rows = bootstrap_weights(len(records)) if weights is None else np.asarray(weights)
    sums = [_ratios(record) for record in records]
    values: dict[str, float] = {}
    drawn: dict[str, Floats] = {}
    for name in sums[0]:
        above, below = np.array([one[name] for one in sums]).T
        drawn[name] = resampled_ratio(rows, above, below)
        values[name] = float(above.sum() / below.sum())
    values["plastic_length"] = math.sqrt(values.pop("plastic_area"))
    drawn["plastic_length"] = np.sqrt(drawn.pop("plastic_area"))
    estimates = {
        name: Estimate(value, spread(drawn[name]), len(records), "bootstrap of time blocks")
        for name, value in values.items()
    }
    return PlasticActivity(
        **estimates,
        mesoblocks=len(records[0]["onsets"]),
        windows=sum(len(record["time"]) for record in records),
        watched=sum(int(record["watched"][0]) for record in records),
        replicates=drawn["activity"],
    )


def balance_ratio(
    activity: Estimate, shear_modulus: Estimate, shear_rate: float, drop: Estimate
) -> Estimate:
    """Return Gamma <drop>/(G0 rate), 1 in the steady state of the model.

    There the stress that a block gains, G0 rate, is what it drops. A comparison, not a test: drops
    in a frozen matrix are those of a block in surroundings that are too stiff. Relative errors are
    added in squares.
    """
    for name, estimate in (("shear_modulus", shear_modulus), ("drop", drop)):
        check_number(name, estimate.value, above=0.0)
    rate = check_number("shear_rate", shear_rate, above=0.0)
    factor = drop.value / (shear_modulus.value * rate)
    relative = math.hypot(shear_modulus.stderr / shear_modulus.value, drop.stderr / drop.value)
    return Estimate(
        activity.value * factor,
        math.hypot(activity.stderr * factor, activity.value * factor * relative),
        note="Gamma <drop>/(G0 rate)",
    )
