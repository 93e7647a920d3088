"""Block stresses against plain sums, lattice sums and LAMMPS."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hebraud.md import Mixture, Preparation, prepare, shear
from hebraud.md.glass.trajectory import Frames
from hebraud.md.lammps.engine import box_with, command_all
from hebraud.md.measure.block_stress import block_count, block_stress, epochs

GLASS = Mixture()


def naive_block_stress(frames, mixture, blocks):
    """One frame by all pairs and all images near enough."""
    (lx, ly), n = frames.box, frames.particles
    pair = frames.species[:, None] + frames.species[None, :] - 2
    eps, sig = np.array(mixture.energy)[pair], np.array(mixture.diameter)[pair]
    velocity, tilt = frames.velocity[0], frames.strain[0] * ly
    tilt -= lx * round(tilt / lx)
    edges = np.array([[lx, 0], [tilt, ly]])
    place = np.linalg.solve(edges.T, frames.position[0].T).T % 1.0
    each = -mixture.mass * velocity[:, 0] * velocity[:, 1]
    for a in range(-3, 4):
        for b in range(-3, 4):
            gap = (place[:, None] - place[None] + [a, b]) @ edges
            r = np.sqrt(np.sum(gap**2, axis=2)) + np.eye(n) * (a == b == 0) * 1e9
            slope = 4 * eps * (-12 * sig**12 / r**13 + 6 * sig**6 / r**7)
            each = each + 0.5 * np.sum((r < mixture.cutoff) * slope * gap.prod(2) / r, axis=1)
    column, row = (place * blocks).astype(int).T
    return np.bincount(column * blocks + row, each, blocks**2) * blocks**2 / (lx * ly)


def scattered(rng, n, box, strain):
    """Particles kept apart by jittering a lattice, so that no pair is absurdly close."""
    per = int(np.ceil(np.sqrt(n)))
    grid = np.stack(np.divmod(np.arange(n), per), axis=1)[:, ::-1] + 0.3 * rng.random((n, 2))
    place = grid / per + rng.integers(-2, 3, (n, 2))  # unwrapped: other images too
    edges = np.array([[box[0], 0.0], [strain * box[1], box[1]]])
    return Frames(
        time=[0.0],
        strain=[strain],
        position=(place @ edges)[None],
        species=rng.integers(1, 3, n),
        box=box,
        velocity=0.3 * rng.standard_normal((1, n, 2)),
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 90),
    lx=st.floats(3.0, 12.0),
    ly=st.floats(3.0, 12.0),
    strain=st.floats(-3.0, 3.0),
    blocks=st.integers(1, 4),
)
def test_blocks_against_a_plain_sum(seed, n, lx, ly, strain, blocks):
    frames = scattered(np.random.default_rng(seed), n, (lx, ly), strain)
    found = block_stress(frames, GLASS, blocks)[0]
    plain = naive_block_stress(frames, GLASS, blocks)
    assert np.abs(found - plain).max() <= 1e-10 * max(1.0, np.abs(plain).max())


def test_blocks_sum_to_the_stress_of_the_box():
    frames = scattered(np.random.default_rng(2), 400, (18.0, 18.0), 0.37)
    whole = block_stress(frames, GLASS, 1)[0, 0]
    for blocks in (2, 3, 7):
        # 400 particles: rounding of sums of some 5000 terms
        assert block_stress(frames, GLASS, blocks).mean() == pytest.approx(whole, rel=1e-11)


def test_another_box_of_the_same_lattice_has_the_same_stress():
    rng = np.random.default_rng(5)
    frames = scattered(rng, 100, (9.0, 9.0), 0.3)
    flipped = Frames([0.0], [1.3], frames.position, frames.species, frames.box, frames.velocity)
    assert np.allclose(
        block_stress(frames, GLASS, 3), block_stress(flipped, GLASS, 3), rtol=1e-11, atol=1e-11
    )
    mirrored = Frames(
        [0.0],
        [-0.3],
        frames.position * [-1, 1],
        frames.species,
        frames.box,
        frames.velocity * [-1, 1],
    )
    there = block_stress(frames, GLASS, 3)[0].reshape(3, 3)
    here = block_stress(mirrored, GLASS, 3)[0].reshape(3, 3)
    assert np.allclose(here, -there[::-1], rtol=1e-11, atol=1e-11)


def crystal(spacing, strain):
    """A triangular lattice of A particles, 8 x 5 rectangular cells of two."""
    cell = np.array([spacing, spacing * np.sqrt(3.0)])
    corner = np.stack(np.meshgrid(np.arange(8), np.arange(5)), axis=-1).reshape(-1, 2)
    place = np.concatenate([corner, corner + 0.5]) * cell
    place[:, 0] += strain * place[:, 1]
    n = len(place)
    return Frames([0.0], [strain], place[None], np.ones(n, int), cell * [8, 5], np.zeros((1, n, 2)))


def lattice_modulus(spacing, cutoff):
    """d2e/dgamma2 of the affine simple shear: rho/2 sum [V'' (xy/r)^2 + V' (y^2 - (xy/r)^2)/r]."""
    i, j = np.meshgrid(np.arange(-5, 6), np.arange(-5, 6))
    x, y = spacing * (i + 0.5 * j).ravel(), spacing * np.sqrt(0.75) * j.ravel()
    r = np.hypot(x, y)
    x, y, r = x[(r > 0) & (r < cutoff)], y[(r > 0) & (r < cutoff)], r[(r > 0) & (r < cutoff)]
    slope, curvature = 4 * (-12 / r**13 + 6 / r**7), 4 * (156 / r**14 - 42 / r**8)
    density = 2.0 / (np.sqrt(3.0) * spacing**2)
    turn = (x * y / r) ** 2
    return density / 2 * np.sum(curvature * turn + slope * (y**2 - turn) / r)


@pytest.mark.parametrize("spacing", [1.0, 1.06, 1.1115])
def test_a_crystal_has_the_modulus_of_its_lattice_sum(spacing):
    exact = lattice_modulus(spacing, GLASS.cutoff)
    errors = []
    for step in (4e-4, 2e-4):  # small enough that no shell crosses the cutoff
        up, down = (block_stress(crystal(spacing, s), GLASS, 1)[0, 0] for s in (step, -step))
        errors.append(abs((up - down) / (2 * step) / exact - 1.0))
    # central differences: second order in the strain
    assert errors[1] < 2e-5
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)


def test_epochs_and_block_count():
    assert epochs([0.0, 0.49, 0.51, 1.49, 1.51, -0.51]).tolist() == [0, 0, 1, 1, 2, -1]
    # at half an edge LAMMPS flips at its next step, whichever way the box tilts
    assert epochs([0.5, 1.5, 1.5 + 1e-12, -0.5, -1.5, 1.5001]).tolist() == [0, 1, 1, 0, -1, 2]
    assert epochs([0.9, 1.1], aspect=0.5).tolist() == [0, 1]
    assert (block_count(116.0), block_count(29.0), block_count(29.0, 4.0)) == (19, 5, 7)


def test_bad_arguments_are_named():
    frames = scattered(np.random.default_rng(0), 9, (5.0, 5.0), 0.0)
    still = Frames(frames.time, frames.strain, frames.position, frames.species, frames.box)
    with pytest.raises(ValueError, match="no velocities"):
        block_stress(still, GLASS, 2)
    with pytest.raises(ValueError, match="blocks must be"):
        block_stress(frames, GLASS, 0)
    with pytest.raises(ValueError, match=r"species must be 1 \(A\) or 2 \(B\), got \[0"):
        block_stress(
            Frames([0.0], [0.0], frames.position, 0 * frames.species, frames.box, frames.velocity),
            GLASS,
            2,
        )
    with pytest.raises(ValueError, match="width must be"):
        block_count(5.0, 11.0)


@pytest.mark.md
def test_blocks_against_lammps(lammps):
    quick = Preparation(melt_time=5.0, equilibrium_time=5.0, quench_rate=0.2, rest_time=10.0)
    flowing = shear(GLASS, prepare(GLASS, 200, 1.189, seed=11, history=quick), 0.05, 1600)[0]
    blocks, width = 3, repr(1 / 3)
    with box_with(GLASS, flowing) as lmp:
        command_all(
            lmp,
            [
                *GLASS.pair_commands(),
                "compute each all stress/atom NULL",
                f"compute cell all chunk/atom bin/2d x lower {width} y lower {width} units reduced",
                "compute sum all reduce/chunk cell sum c_each[4]",
                "variable first equal c_sum[1]",
                "thermo_style custom step pxy v_first",
                "run 0",
            ],
        )
        theirs = np.array(lmp.numpy.extract_compute("sum", 0, 1))[: blocks**2]
        whole = -lmp.get_thermo("pxy")
    frames = Frames(
        [0.0],
        [flowing.strain],
        flowing.unwrapped[None],
        flowing.species,
        [flowing.side] * 2,
        flowing.velocity[None],
    )
    ours = block_stress(frames, GLASS, blocks)[0]
    assert ours.mean() == pytest.approx(whole, rel=1e-10)
    assert ours == pytest.approx(theirs * blocks**2 / flowing.side**2, rel=1e-9, abs=1e-10)
