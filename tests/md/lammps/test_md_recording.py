"""Snapshots and block stress: recorded without a trace in the run, and the right ones."""

import dataclasses
import functools
import itertools
import math
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hebraud.md import (
    Campaign,
    CorruptCheckpoint,
    Frames,
    Mixture,
    Preparation,
    Recording,
    Runs,
    prepare,
    shear,
)
from hebraud.md.campaign.chain import advance, read_chain, read_series
from hebraud.md.campaign.files import read_arrays
from hebraud.md.campaign.state_point import Glass, StatePoint
from hebraud.md.lammps import record_reader
from hebraud.md.measure.block_stress import block_stress
from hebraud.md.measure.plastic import plastic_record
from hebraud.md.observers import Plastic

GLASS = Mixture()
QUICK = Preparation(melt_time=5.0, equilibrium_time=5.0, quench_rate=0.2, rest_time=10.0)
RUNS = (Runs(0.1, 3.0, (1,)),)
OFTEN = Recording(frame_every=40, stress_every=20)


@pytest.fixture(scope="module")
def flowing():
    """A glass in flow, its box tilted by 0.4 of the side."""
    rest = prepare(GLASS, 400, 1.189, seed=3, history=QUICK)
    return shear(GLASS, rest, 0.05, 1600)[0]


@pytest.fixture(scope="module", params=[0.3, -0.3])
def through_flips(request, flowing):
    """(rate, end, series, record) of a strain of 1.2: past one or two flips of the box."""
    return request.param, *shear(GLASS, flowing, request.param, 800, 20, recording=OFTEN)


pytestmark = [pytest.mark.md, pytest.mark.usefixtures("lammps")]


def test_recording_does_not_change_the_run(flowing, through_flips):
    rate, end, series, _ = through_flips
    bare_end, bare_series = shear(GLASS, flowing, rate, 800, 20)
    for one, other in ((end, bare_end), (series, bare_series)):
        a, b = one.arrays(), other.arrays()
        assert all(np.array_equal(a[name], b[name]) for name in a)


def test_frames_are_the_ends_of_shorter_runs(flowing, through_flips):
    """A run of 40 k steps is the first part of a longer one, and is read in another way.

    Not to the bit: LAMMPS computes the tilt as a part of that at the end of the run.
    """
    rate, last, _, record = through_flips
    frames = record.frames
    assert np.array_equal(frames.position[-1], last.unwrapped)
    assert np.array_equal(frames.velocity[-1], last.velocity)
    for number in (1, 7, 20):
        end = shear(GLASS, flowing, rate, 40 * number)[0]
        assert np.abs(frames.position[number - 1] - end.unwrapped).max() < 1e-9
        assert np.abs(frames.velocity[number - 1] - end.velocity).max() < 1e-9
        assert frames.strain[number - 1] == pytest.approx(end.strain, rel=1e-12)
        assert frames.time[number - 1] == pytest.approx(0.005 * end.steps)
    assert np.abs(end.image[:, 1]).max() > 0
    assert np.array_equal(frames.species, flowing.species)


def test_mean_of_the_blocks_is_the_stress_of_the_box(through_flips):
    _, _, series, record = through_flips
    blocks = record.block_stress
    assert blocks.stress.shape == (40, 9)
    assert np.array_equal(blocks.strain, series.strain)
    assert np.abs(blocks.stress.mean(axis=1) - series.stress).max() < 1e-10
    assert np.ptp(blocks.stress) > 1.0


def test_block_stress_against_a_sum_over_pairs(flowing):
    """LAMMPS takes forces before the last step's strain: the virial differs by a modulus of some
    100 times a strain of 1e-3 * 0.005."""
    _, _, record = shear(GLASS, flowing, 1e-3, 400, recording=Recording(stress_every=200))
    direct = block_stress(record.frames, GLASS, 3)
    assert np.abs(direct - record.block_stress.stress).max() < 2e-3
    assert np.ptp(direct, axis=1).min() > 0.5


@pytest.mark.parametrize("rate", [0.3, -0.3])
def test_epochs_change_where_the_blocks_do(flowing, rate):
    """The flip comes a step after the tilt has passed half a side, not with it."""
    start = shear(GLASS, flowing, rate, 40 if rate > 0 else 580, 20)[0]  # just before a flip
    every = Recording(frame_every=40, stress_every=1)
    blocks = shear(GLASS, start, rate, 40, recording=every)[2].block_stress
    jump = np.abs(np.diff(blocks.stress, axis=0)).max(axis=1)
    flip = int(np.argmax(jump))
    assert jump[flip] > 5 * np.sort(jump)[-2]
    assert np.diff(blocks.epoch)[flip] == math.copysign(1, rate)
    assert np.count_nonzero(np.diff(blocks.epoch)) == 1
    assert abs(blocks.strain[flip] - blocks.epoch[flip]) > 0.5


def test_a_full_disk_is_named(flowing, monkeypatch):
    full = functools.partial(open, "/dev/full", "r+b", buffering=0)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(OSError, match=r"no room left for the record .* set TMPDIR"):
        shear(GLASS, flowing, 0.1, 40, recording=OFTEN)


def test_a_record_that_is_cut_short_is_named(flowing, monkeypatch):
    whole = record_reader._Dump.read

    def cut(self, steps, particles):
        self.stream.truncate(1000)
        return whole(self, steps, particles)

    monkeypatch.setattr(record_reader._Dump, "read", cut)
    with pytest.raises(OSError, match=r"it takes 0 MB.*set TMPDIR"):
        shear(GLASS, flowing, 0.1, 40, recording=OFTEN)


@given(st.floats(0.0, 2.0), st.floats(0.05, 3.0), st.lists(st.floats(1e-3, 1.0), min_size=1))
def test_as_many_are_kept_as_multiples_are_passed(keep_from, keep_every, steps):
    recording = Recording(keep_from=keep_from, keep_every=keep_every)
    strains = np.concatenate([[0.0], np.cumsum(steps)])
    kept = [recording.keeps(a, b) for a, b in itertools.pairwise(strains)]
    marks = keep_from + keep_every * np.arange(int(60.0 / keep_every) + 1)
    for (a, b), is_kept in zip(itertools.pairwise(strains), kept, strict=True):
        near = np.abs(marks[:, None] - [a, b]).min() < 1e-6
        assert near or is_kept == bool(((marks > a) & (marks <= b)).any())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Recording(frame_every=0), "frame_every must be"),
        (lambda: Recording(block_width=0.0), "block_width must be"),
        (lambda: Recording(keep_from=-1.0), "keep_from must be"),
        (lambda: Recording(observers=(Plastic(), Plastic(lag=8.0))), "different names"),
        (lambda: Recording(observers=(Plastic(name="frames"),)), r"none of them blocks or frames"),
        (lambda: Recording(observers=(Plastic(name="a_b"),)), r"letters and digits.*got \['a_b'\]"),
        (lambda: Plastic(threshold=0.0), "threshold must be"),
        (lambda: POINT(segment_steps=4040), "segment_steps must be a multiple of frame_every"),
        (lambda: POINT(segment_steps=800), "hold 4 snapshots, .* need more than 4"),
        (
            lambda: shear(GLASS, None, 0.1, 160, recording=Recording()),
            "steps must be a multiple of frame_every = 200, got 160; the next one is 200",
        ),
        (lambda: Campaign("p", 400, 1.189, RUNS, settled=-1.0), "settled must be"),
    ],
)
def test_bad_arguments_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def POINT(**fields):
    """Segments of a strain of 0.5 each; those that reach 1, 2, ... are kept."""
    recording = Recording(keep_from=1.0, keep_every=1.0)
    told = {"segment_steps": 2000, "recording": recording, **fields}
    return StatePoint(Glass(120, 1.189, 5, preparation=QUICK), 0.05, **told)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    point, directory = POINT(), tmp_path_factory.mktemp("chain")
    while advance(point, directory) < 7:
        pass
    return point, directory


def test_observers_see_across_the_borders_of_segments(chain):
    """The same run by hand, all of its frames at once: every window is counted, and once."""
    point, directory = chain
    stored = read_chain(point, directory)
    parts = []
    start = prepare(GLASS, 120, 1.189, 5, QUICK)
    for _ in range(3):
        start, _, record = shear(GLASS, start, 0.05, point.segment_steps, recording=point.recording)
        parts.append(dataclasses.replace(record.frames, velocity=None))
    whole = plastic_record(Frames.join(parts))
    seen = stored.observed["plastic"][:3]
    for name in ("time", "strain", "active", "active_blocks", "clusters", "area"):
        assert np.array_equal(np.concatenate([one[name] for one in seen]), whole[name]), name
    assert sum(whole["active"]) > 0
    assert sum(one["d2min"] for one in seen) == pytest.approx(whole["d2min"], rel=1e-12)
    blocks = stored.block_stress
    assert np.allclose(np.diff(blocks.time), 0.2)
    assert blocks.stress.dtype == np.float32
    assert np.allclose(blocks.stress.mean(axis=1), stored.series.stress, rtol=0, atol=1e-5)


def test_checkpoints_are_pruned_and_snapshots_kept(chain):
    point, directory = chain
    full = [
        number
        for number in range(1, 8)
        if "position" in read_arrays(point.segment_file(directory, number), {})
    ]
    assert full == [2, 4, 6, 7]  # kept at strains 1, 2, 3; the last two
    snapshots = read_chain(point, directory).snapshots
    assert [round(one.strain, 9) for one in snapshots] == [1.0, 2.0, 3.0]
    sizes = [point.segment_file(directory, n).stat().st_size for n in (1, 7)]
    assert sizes[0] < sizes[1] - 8 * 120 * 8  # position, velocity, image, last frames
    assert len(read_series(point, directory).strain) == 7 * 50


def test_a_chain_cut_back_says_where_it_goes_on(chain, tmp_path):
    point, directory = chain
    for source in directory.rglob("*.h5"):
        copy = tmp_path / source.relative_to(directory)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    whole = point.segment_file(directory, 5).read_bytes()
    for number in (7, 6):
        point.segment_file(tmp_path, number).unlink()
    with pytest.raises(CorruptCheckpoint, match=r"segment000005\.h5 .* after number 4 too"):
        advance(point, tmp_path)
    point.segment_file(tmp_path, 5).unlink()
    for number in (5, 6, 7):
        assert advance(point, tmp_path) == number
    assert point.segment_file(tmp_path, 5).read_bytes() == whole
