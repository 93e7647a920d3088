"""Active blocks and clusters: against scipy, by hand, and what a known jump must count as."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from handmade import crystal, record_of
from hebraud.errors import ConvergenceError
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.clusters import active_blocks, cluster_sizes, label_clusters
from hebraud.md.measure.nonaffine import d2min_series
from hebraud.md.measure.plastic import (
    balance_ratio,
    merge_records,
    plastic_activity,
    plastic_record,
)
from hebraud.rheology.estimate import Estimate
from twins.particles import label as naive_label

pytestmark = pytest.mark.kernels
DATA = Path(__file__).parents[2] / "data"
grids = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 17), st.integers(1, 17), st.floats(0.1, 0.9)
)


def grid(drawn):
    seed, rows, columns, share = drawn
    return np.random.default_rng(seed).random((rows, columns)) < share


@given(drawn=grids, corners=st.booleans())
@settings(max_examples=100, deadline=None)
def test_clusters_off_the_edge_are_those_of_scipy(drawn, corners):
    active = np.pad(grid(drawn), 1)
    labels, count = ndimage.label(active, np.ones((3, 3)) if corners else None)
    ours, our_count = label_clusters(active, corners)
    assert our_count == count
    np.testing.assert_array_equal(ours, labels)


@given(drawn=grids, corners=st.booleans())
@settings(max_examples=100, deadline=None)
def test_periodic_clusters_are_those_found_by_spreading(drawn, corners):
    active = grid(drawn)
    labels, count = naive_label(active, corners)
    ours, our_count = label_clusters(active, corners)
    assert our_count == count
    np.testing.assert_array_equal(ours, labels)
    np.testing.assert_array_equal(cluster_sizes(ours, count), np.bincount(labels.ravel())[1:])


@given(drawn=grids, shift=st.tuples(st.integers(0, 16), st.integers(0, 16)))
@settings(max_examples=50, deadline=None)
def test_sizes_do_not_know_where_the_edges_are(drawn, shift):
    active = grid(drawn)
    sizes = [
        sorted(cluster_sizes(*label_clusters(one)))
        for one in (active, np.roll(active, shift, (0, 1)), active.T)
    ]
    assert sizes[0] == sizes[1] == sizes[2]


def test_corner_and_edge_neighbours_by_hand():
    active = np.zeros((4, 4), bool)
    active[0, 0] = active[3, 3] = active[1, 1] = True
    assert label_clusters(active)[1] == 3
    assert label_clusters(active, corners=True)[1] == 1
    with pytest.raises(ValueError, match="array of bool, got float64"):
        label_clusters(np.zeros((3, 3)))


@given(seed=st.integers(0, 2**32 - 1), strain=st.floats(-2.0, 2.0))
@settings(max_examples=50, deadline=None)
def test_blocks_move_with_the_flow_and_tile_the_lattice(seed, strain):
    rng = np.random.default_rng(seed)
    box = np.array([12.0, 18.0])
    assume(abs(strain * 1.5 % 1.0 - 0.5) > 1e-6)  # at the flip itself both boxes will do
    tilt = strain * 18.0 - 12.0 * round(strain * 18.0 / 12.0)
    edges = np.array([[12.0, 0.0], [tilt, 18.0]])
    cells = np.unique(rng.integers(0, [6, 9], (20, 2)), axis=0)
    fraction = (cells + rng.uniform(0.01, 0.99, cells.shape)) / [6, 9]
    place = (fraction + rng.integers(-4, 5, fraction.shape)) @ edges
    expected = np.zeros((6, 9), bool)
    expected[tuple(cells.T)] = True
    np.testing.assert_array_equal(active_blocks(place, strain, box, (6, 9)), expected)


def test_no_particle_no_block_and_the_edge_belongs_to_the_first():
    assert not active_blocks(np.empty((0, 2)), 0.3, [5.0, 5.0], (2, 2)).any()
    on_edge = active_blocks([[5.0 - 1e-16, -1e-20]], 0.0, [5.0, 5.0], (2, 2))
    assert on_edge.sum() == 1
    assert on_edge[0, 0]


def test_one_jump_is_one_event_however_it_is_counted():
    """A jump between frames 29 and 30 is in the eight windows from 22 to 29, and in no other."""
    frames = crystal([(30, 340)])
    record = record_of(frames)
    windows = len(frames) - 8
    expected = np.zeros(windows)
    expected[22:30] = 1
    np.testing.assert_array_equal(record["clusters"], expected)
    np.testing.assert_array_equal(record["active"] > 0, expected)
    # all eight are new against the window one lag before
    assert record["new_clusters"] == 8
    assert record["watched"] == windows - 8
    # one onset in each mesoblock that it touches
    assert record["onsets"].max() == 1
    assert 1 <= record["onsets"].sum() <= 4
    # C_p is the overlap of the windows: 1 - t/lag
    overlap = np.maximum(0.0, 1.0 - np.arange(21) / 8.0)
    np.testing.assert_allclose(record["product"] / record["square"], overlap, atol=1e-12)
    # and the activity: one event in (watched windows) x (spacing) and all mesoblocks
    activity = plastic_activity([record] * 8)
    rate = 1.0 / (record["watched"][0] * 0.5 * activity.mesoblocks)
    assert activity.mesoblocks == 16
    assert activity.activity.value == pytest.approx(rate, rel=1e-12)
    assert activity.onset_activity.value == pytest.approx(rate * record["onsets"].sum(), rel=1e-12)
    area = record["area"][0]
    share = area / float(np.prod(frames.box))
    assert activity.area_activity.value == pytest.approx(share * 8 / (windows * 4.0), rel=1e-12)
    assert activity.plastic_length.value == pytest.approx(np.sqrt(area), rel=1e-12)
    assert activity.plastic_length.stderr == pytest.approx(0.0, abs=1e-12)
    assert area % (23.92 / 12) ** 2 == pytest.approx(0.0, abs=1e-9)


def test_flow_and_flips_hide_no_jump_and_make_none():
    """Flip at frame 25 (strain 1/2): its windows see no event begin, and later ones count."""
    still, moving = (record_of(crystal([(45, 340)], strain=s)) for s in (0.0, 0.04))
    # (how many particles are within the cutoff of the jumper depends on the strain)
    np.testing.assert_array_equal(moving["active"] > 0, still["active"] > 0)
    assert moving["new_clusters"] == still["new_clusters"] == 8
    assert still["watched"] - moving["watched"] == 8
    none = record_of(crystal([], strain=0.04))
    assert none["active"].max() == 0
    assert none["area"].size == 0


def test_events_apart_in_time_and_place_are_counted_apart():
    far = record_of(crystal([(20, 30), (20, 30 + 13 * 26 + 13), (50, 30)], frames=81))
    assert far["new_clusters"] == 24
    np.testing.assert_array_equal(np.unique(far["clusters"]), [0, 1, 2])
    # a second jump of the same particle within two lags is the same event of its mesoblock
    close = record_of(crystal([(20, 340), (30, 340)], frames=81))
    apart = record_of(crystal([(20, 340), (37, 340)], frames=81))
    assert close["onsets"].max() == 1
    assert apart["onsets"].max() == 2


def test_record_of_stored_frames_is_what_its_parts_say():
    frames = Frames.from_arrays(dict(np.load(DATA / "frames_N400.npz")))
    record = plastic_record(frames, lag=2.0, threshold=0.5, correlation_time=5.0)
    found = d2min_series(frames, lag=2.0)
    active = found > 0.5
    np.testing.assert_array_equal(record["active"], active.sum(axis=1))
    areas = []
    for k in range(len(found)):
        blocks = active_blocks(frames.position[k, active[k]], frames.strain[k], frames.box, (9, 9))
        labels, count = naive_label(blocks, False)
        assert record["clusters"][k] == count
        areas += list(np.bincount(labels.ravel())[1:])
    area = float(np.prod(frames.box)) / 81
    np.testing.assert_allclose(record["area"], np.array(areas) * area, rtol=1e-12)
    for apart in range(6):
        pairs = [
            (found[k, i], found[k + apart, i])
            for k, i in zip(*np.nonzero(active), strict=True)
            if k + apart < len(found)
        ]
        first, later = np.array(pairs).T
        assert record["product"][apart] == pytest.approx(first @ later, rel=1e-12)
        assert record["square"][apart] == pytest.approx(first @ first, rel=1e-12)
    # windows 2 ... 9 follow a whole lag; the flip is at frame 5 or 6 (strain 1/2)
    assert record["watched"] == 6


def test_records_of_pieces_add_up_to_that_of_the_whole():
    frames = crystal([(22, 100), (30, 340), (47, 500)])
    whole = record_of(frames)
    # pieces that share one lag of frames have each window once
    merged = merge_records([record_of(frames[:33]), record_of(frames[25:])])
    for name in ("time", "strain", "active", "active_blocks", "clusters", "area", "d2min"):
        np.testing.assert_allclose(merged[name], whole[name], rtol=1e-12)
    other = record_of(frames, threshold=0.2)
    with pytest.raises(ValueError, match=r"threshold is \[0.1\] in one and \[0.2\] in another"):
        merge_records([whole, other])


def test_errors_are_those_of_the_mean_of_independent_counts():
    rng = np.random.default_rng(2)
    base = record_of(crystal([(30, 340)]))
    counts = rng.poisson(6.0, 400)
    records = [{**base, "new_clusters": np.array([8 * c])} for c in counts]
    activity = plastic_activity(records).activity
    scale = 8 / (base["watched"][0] * 4.0 * len(base["onsets"]))
    # 1000 draws fix an error to 1/sqrt(2000) = 2 %; the quantiles of it to about 5 %
    assert activity.stderr == pytest.approx(scale * counts.std() / 20.0, rel=0.15)
    assert activity.value == pytest.approx(scale * counts.mean(), rel=1e-12)


def test_too_little_is_refused():
    record = record_of(crystal([(30, 340)]))
    with pytest.raises(ConvergenceError, match="at least 8"):
        plastic_activity([record] * 7)
    quiet = record_of(crystal([]))
    with pytest.raises(ConvergenceError, match="no data"):
        plastic_activity([quiet] * 8)
    with pytest.raises(ValueError, match="at least one record"):
        merge_records([])
    with pytest.raises(ValueError, match="threshold must be a finite number > 0"):
        record_of(crystal([]), threshold=0.0)


def test_balance_ratio_is_one_where_drops_take_what_shear_loads():
    ratio = balance_ratio(Estimate(0.03, 0.003), Estimate(20.0, 0.0), 1e-3, Estimate(2 / 3, 0.0))
    assert ratio.value == pytest.approx(1.0)
    assert ratio.stderr == pytest.approx(0.1)
    both = balance_ratio(Estimate(0.03, 0.003), Estimate(20.0, 2.0), 1e-3, Estimate(2 / 3, 0.0))
    assert both.stderr == pytest.approx(np.hypot(0.1, 0.1))
