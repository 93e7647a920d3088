"""Snapshots: what is taken, what is refused, cutting and joining."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hebraud.md import Frames

BOX = np.array([8.0, 6.0])


def drifting(frames=6, particles=5, velocity=True, seed=0):
    """Particles that wander by small steps in a box sheared through two flips."""
    rng = np.random.default_rng(seed)
    strain = 0.3 * np.arange(frames)
    position = np.cumsum(0.1 * rng.normal(size=(frames, particles, 2)), axis=0)
    position += 40.0 * rng.uniform(size=(particles, 2))
    position[:, :, 0] += strain[:, None] * position[:, :, 1]
    return Frames(
        time=3.0 + 0.5 * np.arange(frames),
        strain=strain,
        position=position,
        species=np.array([1, 2, 1, 1, 2][:particles]),
        box=BOX,
        velocity=rng.normal(size=position.shape) if velocity else None,
    )


def same(one, other):
    a, b = one.arrays(), other.arrays()
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@given(st.lists(st.integers(1, 5), unique=True), st.booleans())
def test_slices_join_to_the_whole(cuts, velocity):
    whole = drifting(velocity=velocity)
    edges = [0, *sorted(cuts), 6]
    parts = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert same(Frames.join(parts), whole)
    assert [len(part) for part in parts] == np.diff(edges).tolist()


@pytest.mark.parametrize("velocity", [True, False])
def test_there_and_back(velocity):
    frames = drifting(velocity=velocity)
    assert same(Frames.from_arrays(frames.arrays()), frames)
    assert frames.spacing == 0.5
    assert frames.particles == 5
    assert (frames[::2].spacing, len(frames[::2])) == (1.0, 3)


def changed(**fields):
    return dataclasses.replace(drifting(), **fields)


def jumped(vector):
    position = drifting().position.copy()
    position[3:, 2] += vector
    return changed(position=position)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: changed(time=np.arange(5.0)), r"time must have shape \(6\), got \(5,\)"),
        (lambda: changed(time=np.array([0, 1, 2, 3, 4, 5.1])), "even steps, got steps from 1 to"),
        (lambda: changed(time=-np.arange(6.0)), "time must rise in even steps"),
        (lambda: changed(strain=np.full(6, np.nan)), "strain must be finite"),
        (lambda: changed(position=np.zeros((6, 5))), r"position must have shape \(any, any, 2\)"),
        (lambda: changed(velocity=np.zeros((6, 4, 2))), r"velocity must have shape \(6, 5, 2\)"),
        (lambda: changed(species=np.ones(5)), "species must be whole numbers of shape"),
        (lambda: changed(box=np.array([8.0, 0.0])), r"box must be two edges > 0, got \[8.0, 0.0\]"),
        (lambda: jumped([-8.0, 0.0]), "particle 2 moves by .* between frames 2 and 3"),
        (lambda: jumped([0.9 * 8.0, 6.0]), "must be followed across the periodic edges"),
        (lambda: drifting()[4:4], "must not be empty"),
        (lambda: drifting()[:1].spacing, "at least 2 are needed"),
        (lambda: Frames.join([]), "at least one Frames"),
        (lambda: Frames.join([drifting()[:2], drifting()[3:]]), "time must rise in even steps"),
        (lambda: Frames.join([drifting(), drifting(velocity=False)]), "all have velocities, or"),
        (lambda: Frames.join([drifting(), changed(box=2 * BOX)]), "same particles and box"),
    ],
)
def test_what_is_no_trajectory_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_one_frame_is_a_slice_not_an_index():
    with pytest.raises(TypeError, match=r"cut by slices .* got \[2\]"):
        drifting()[2]
