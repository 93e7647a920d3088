"""D2min: against a k-d tree, OVITO, closed forms, and what it must not see."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hebraud.errors import MeasurementError
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.nonaffine import d2min, d2min_series, frames_in
from twins.particles import d2min as naive_d2min

pytestmark = pytest.mark.kernels
DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def frames():
    stored = (DATA / "frames_N400.npz").read_bytes()
    assert (
        sha256(stored).hexdigest() == json.loads((DATA / "frames_N400.json").read_text())["sha256"]
    )
    return Frames.from_arrays(dict(np.load(DATA / "frames_N400.npz")))


def scattered(rng, columns, rows, spacing=0.92):
    """A jittered lattice in a box: as dense as the glass, and never with empty neighbourhoods."""
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2) * spacing
    return grid + rng.uniform(-0.4, 0.4, grid.shape), np.array([columns, rows]) * spacing


def test_stored_frames_flip_and_agree_with_a_kd_tree(frames):
    assert frames.strain[0] < 0.5 < frames.strain[-1]
    found = d2min_series(frames, lag=4.0)
    assert found.shape == (8, 400)
    for k, row in enumerate(found):
        before, after = k, k + 4
        naive = naive_d2min(
            frames.position[before], frames.position[after],
            frames.strain[before], frames.strain[after], frames.box, 2.0,
        )  # fmt: skip
        # rounding of places of order 30 in squares of order 0.1 to 10
        np.testing.assert_allclose(row, naive, rtol=1e-12, atol=1e-12)


def test_stored_frames_agree_with_ovito(frames):
    certificate = json.loads((DATA / "d2min_ovito.json").read_text())
    stored = (DATA / "frames_N400.npz").read_bytes()
    assert sha256(stored).hexdigest() == certificate["sha256 of frames_N400.npz"]
    with np.load(DATA / "d2min_ovito.npz") as golden:
        np.testing.assert_allclose(
            d2min_series(frames, cutoff=2.5), golden["d2min"], rtol=0.0, atol=1e-10
        )


def test_ovito_itself(frames):
    pytest.importorskip("ovito")
    from data.d2min_ovito import d2min as by_ovito

    pair = [1, 9]
    ovito = by_ovito(frames.position[pair], frames.strain[pair], frames.box, cutoff=1.7)
    ours = d2min(*frames.position[pair], *frames.strain[pair], frames.box, cutoff=1.7)
    np.testing.assert_allclose(ours, ovito, rtol=0.0, atol=1e-10)


@given(
    seed=st.integers(0, 2**32 - 1),
    columns=st.integers(6, 13),
    rows=st.integers(6, 13),
    strain=st.floats(-3.0, 3.0),
    step=st.floats(-0.3, 0.3),
    share=st.floats(0.55, 1.0),
)
@settings(max_examples=40, deadline=None)
def test_any_box_agrees_with_a_kd_tree(seed, columns, rows, strain, step, share):
    rng = np.random.default_rng(seed)
    position, box = scattered(rng, columns, rows)
    turns = rng.integers(-3, 4, position.shape)
    position = position + turns @ np.array([[box[0], 0.0], [strain * box[1], box[1]]])
    later = position + rng.normal(0.0, 0.1, position.shape)
    later[:, 0] += step * position[:, 1]
    cutoff = share * 0.5 * min(box)
    found = d2min(position, later, strain, strain + step, box, cutoff)
    naive = naive_d2min(position, later, strain, strain + step, box, cutoff)
    np.testing.assert_allclose(found, naive, rtol=1e-11, atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), strain=st.floats(-2.0, 2.0), step=st.floats(-1.0, 1.0))
@settings(max_examples=25, deadline=None)
def test_affine_motion_is_not_seen(seed, strain, step):
    position, box = scattered(np.random.default_rng(seed), 11, 9)
    later = position + np.array([0.3, -0.2])
    later[:, 0] += step * position[:, 1]
    # squares of rounding errors, 1e-15, of some 25 neighbours
    assert d2min(position, later, strain, strain + step, box).max() < 1e-26


def test_local_linear_motion_is_not_seen_by_those_inside():
    position, box = scattered(np.random.default_rng(3), 16, 16)
    centre = 0.5 * box
    inside = np.hypot(*(position - centre).T) < 5.0
    later = position.copy()
    later[inside] += (position[inside] - centre) @ np.array([[0.1, -0.3], [0.2, 0.05]])
    found = d2min(position, later, 0.0, 0.0, box, 2.0)
    deep = np.hypot(*(position - centre).T) < 3.0
    assert found[deep].max() < 1e-26
    assert found[inside & ~deep].max() > 0.1


def test_one_particle_that_jumps_by_closed_forms():
    """u_ij = d for one j: |d|^2 (1 - r S^-1 r); for all j of the jumper: |d|^2 (n - s S^-1 s)."""
    position, box = scattered(np.random.default_rng(5), 12, 12)
    jumper, jump = 77, np.array([0.4, -0.25])
    later = position.copy()
    later[jumper] += jump
    found = d2min(position, later, 0.0, 0.0, box, 1.8)
    apart = position - position[:, None]
    apart -= np.round(apart / box) * box
    near = (np.hypot(apart[..., 0], apart[..., 1]) <= 1.8) & ~np.eye(len(position), dtype=bool)
    for i in range(len(position)):
        r = apart[i, near[i]]
        inverse = np.linalg.inv(r.T @ r)
        part = 0.0
        if i == jumper:
            part = len(r) - r.sum(axis=0) @ inverse @ r.sum(axis=0)
        elif near[i, jumper]:
            part = 1.0 - apart[i, jumper] @ inverse @ apart[i, jumper]
        assert found[i] == pytest.approx(part * (jump @ jump), rel=1e-12, abs=1e-26)


def test_neither_edges_nor_order_matter(frames):
    position, later = frames.position[0], frames.position[4]
    strain, later_strain = frames.strain[[0, 4]]
    lx, ly = frames.box
    found = d2min(position, later, strain, later_strain, frames.box)
    rng = np.random.default_rng(0)
    order = rng.permutation(400)
    other = d2min(position[order], later[order], strain, later_strain, frames.box)
    np.testing.assert_allclose(other, found[order], rtol=1e-12)
    moved = rng.integers(-5, 6, (400, 2))
    other = d2min(
        position + moved @ np.array([[lx, 0.0], [strain * ly, ly]]),
        later + moved @ np.array([[lx, 0.0], [later_strain * ly, ly]]),
        strain, later_strain, frames.box,
    )  # fmt: skip
    np.testing.assert_allclose(other, found, rtol=1e-10)


def test_bad_arguments_are_named(frames):
    here, there = frames.position[:2]
    with pytest.raises(ValueError, match=r"cutoff must be a finite number > 0 and <= 9\.17"):
        d2min(here, there, 0.45, 0.46, frames.box, cutoff=10.0)
    with pytest.raises(ValueError, match=r"lie on one line .*longer cutoff"):
        d2min(here, there, 0.45, 0.46, frames.box, cutoff=0.9)
    with pytest.raises(ValueError, match=r"shape \(N, 2\), got \(400, 2\) and \(399, 2\)"):
        d2min(here, there[1:], 0.45, 0.46, frames.box)
    with pytest.raises(ValueError, match="must be finite"):
        d2min(here, there * np.nan, 0.45, 0.46, frames.box)
    with pytest.raises(ValueError, match="lag must be a whole number of frames, 1 tau_0 apart"):
        frames_in(frames, 2.5)
    with pytest.raises(ValueError, match="record for longer"):
        d2min_series(frames, lag=12.0)


def test_measures_are_found_in_their_package():
    from hebraud.md import measure

    for name in measure.__all__:
        found = getattr(measure, name)
        assert getattr(found, "__name__", name) == name
    assert set(measure.__all__) == set(dir(measure))
    with pytest.raises(AttributeError, match="d3min"):
        _ = measure.d3min


@pytest.mark.parametrize(
    ("spacing", "span", "count"), [(0.5, 4.0, 8), (2.0, 4.0, 2), (0.1, 0.3, 3)]
)
def test_a_span_is_a_whole_number_of_frames(spacing, span, count):
    time = spacing * np.arange(4.0)
    frames = Frames(time, 0.0 * time, np.zeros((4, 1, 2)), np.ones(1, int), np.array([9.0, 9.0]))
    assert frames_in(frames, span) == count
    with pytest.raises(MeasurementError, match="whole number of frames"):
        frames_in(frames, span + 1e-3 * spacing)
