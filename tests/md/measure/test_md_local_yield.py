"""Blocks in a frozen matrix: against plain sums, finite differences, LAMMPS, and symmetries."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from hebraud._kernels.particles import frozen
from hebraud.errors import ConvergenceError
from hebraud.md import Configuration, Mixture
from hebraud.md.measure.local_yield import (
    DROPS,
    _cut,
    _first_fall,
    block_grid,
    local_yield,
    potential,
)
from twins.frozen_matrix import descend, energies

GLASS = Mixture()
DATA = Path(__file__).parents[2] / "data" / "steady_flow"
WIDTH, STEP = 6.0, 1e-3


@pytest.fixture(scope="module")
def stored():
    with np.load(DATA.with_suffix(".npz")) as packed:
        return dict(packed)


@pytest.fixture(scope="module")
def flow(stored):
    return Configuration.from_arrays(stored)


@pytest.fixture(scope="module")
def centres(flow):
    return np.random.default_rng(7).uniform(0.0, flow.side, (8, 2))


@pytest.fixture(scope="module")
def forward(flow, centres):
    return local_yield(flow, GLASS, centres, WIDTH)


def cut(flow, centre, max_strain=0.5):
    shell = (GLASS.cutoff + 1.5) / frozen.shrinks(max_strain)
    return _cut(flow, GLASS, np.asarray(centre), WIDTH, shell, 1e-9)


def force_on(block, place):
    listed = frozen.pairs(place, block.kind, block.targets, block.cutoff)
    force = np.empty(2 * block.targets)
    return (force, *frozen.push(place, block.targets, listed, block.potential, 2.5, force))


def hessian_of(block, place):
    listed = frozen.pairs(place, block.kind, block.targets, block.cutoff)
    half = np.zeros((2 * block.targets, 2 * block.targets))
    frozen.curvature(place, block.targets, listed, block.potential, block.cutoff, half)
    return half + np.tril(half, -1).T


def test_golden_data_have_their_certificate(stored):
    certificate = json.loads(DATA.with_suffix(".json").read_text(encoding="utf-8"))
    content = DATA.with_suffix(".npz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == certificate["sha256"]
    assert len(content) < 100_000
    assert stored["strain"][0] == pytest.approx(0.6)


# Kernel against a plain sum and finite differences. ---------------------------------------------


def test_energy_forces_and_stress_against_a_plain_sum(flow):
    """All pairs and nine images of the whole box, across its tilted edge."""
    centre = np.array([1.0, flow.side - 0.5])
    block = cut(flow, centre)
    rows = np.round((flow.position - centre)[:, 1] / flow.side)
    near = flow.position - centre - rows[:, None] * [flow.tilt, flow.side]
    near[:, 0] -= flow.side * np.round(near[:, 0] / flow.side)
    chosen = np.all((near >= -WIDTH / 2) & (near < WIDTH / 2), axis=1)
    assert chosen.sum() == block.targets
    force, energy, virial, largest = force_on(block, block.place)
    whole, _ = energies(flow, GLASS, flow.position, chosen)
    assert energy == pytest.approx(whole, rel=1e-12)
    assert largest == np.abs(force).max()
    # central differences of a smooth sum: h^2 V''' / 6 about 1e-8, rounding 1e-13/h
    h = 1e-5
    for atom, axis in ((0, 0), (3, 1), (block.targets - 1, 0)):
        places = [flow.position.copy(), flow.position.copy()]
        at = np.flatnonzero(chosen)[atom]
        places[0][at, axis] += h
        places[1][at, axis] -= h
        up, down = (energies(flow, GLASS, place, chosen)[0] for place in places)
        assert force[2 * atom + axis] == pytest.approx((down - up) / (2 * h), abs=1e-5)
    up, down = (energies(flow, GLASS, flow.position, chosen, g)[1] for g in (h, -h))
    assert virial == pytest.approx((up - down) / (2 * h), rel=1e-5)


def test_second_derivatives_against_differences_of_forces(flow):
    block = cut(flow, [11.0, 7.0])
    hessian = hessian_of(block, block.place)
    for a in range(0, 2 * block.targets, 17):
        up, down = block.place.copy(), block.place.copy()
        up[a] += 1e-6
        down[a] -= 1e-6
        slope = -(force_on(block, up)[0] - force_on(block, down)[0]) / 2e-6
        assert slope == pytest.approx(hessian[a], abs=1e-5 * np.abs(hessian).max())


def test_the_tiling_keeps_particles_and_stress(flow):
    """Squares tile the sheared box: every particle once, and eq. (6) sums to the whole stress."""
    centres, width = block_grid(flow, WIDTH)
    blocks = local_yield(flow, GLASS, centres, width, max_strain=0.01)
    assert len(centres) == 25
    assert width == flow.side / 5
    assert blocks.atoms.sum() == flow.particles
    h = 1e-7  # so small that hardly any of 12 000 pairs crosses the cutoff
    everyone = np.ones(flow.particles, dtype=bool)
    up, down = (energies(flow, GLASS, flow.position, everyone, g)[1] for g in (h, -h))
    total = (up - down) / (2 * h) / flow.side**2
    assert blocks.stress_before.mean() == pytest.approx(total, rel=1e-6)


# The minimum, and the path to it. ---------------------------------------------------------------


def test_every_state_is_a_minimum(flow):
    """Forces within the tolerance, all eigenvalues positive, also after the event."""
    block = cut(flow, [20.0, 3.0])
    stress, states, _ = block.follow(block.place, STEP, 300, 0.05)
    assert _first_fall(stress, 0.05) is not None
    for row in {*range(0, len(stress), 6), *_first_fall(stress, 0.05), len(stress) - 1}:
        place = block.sheared(states[row], row * STEP)
        assert np.abs(force_on(block, place)[0]).max() <= 1e-9
        assert np.linalg.eigvalsh(hessian_of(block, place))[0] > 0.0


def test_an_event_ends_where_steepest_descent_ends(flow, stored):
    """At the fall, from the same unstable state; the fixed step is half of 1/stiffest."""
    block = cut(flow, stored["centres"][2])
    stress, states, _ = block.follow(block.place, STEP, 95, np.inf)
    top, fallen = _first_fall(stress, 0.05)
    assert (top, fallen) == (82, 83)
    place = block.sheared(states[top], top * STEP)
    place[0::2] += STEP * place[1::2]
    before = force_on(block, place)[1]
    step = 0.5 / np.linalg.eigvalsh(hessian_of(block, place))[-1]
    descend(place, lambda at: force_on(block, at)[0], step, 1e-5)
    after = block.sheared(states[fallen], fallen * STEP)
    assert np.abs(place - after).max() < 1e-4  # 1e-5 over the softest mode, about 1
    assert force_on(block, after)[1] < before - 0.01


def descends(block, start):
    """Newton step by Newton step the energy never rises, no atom jumps; the end is a minimum."""
    n = start[: 2 * block.targets].size
    last, energy = start, force_on(block, start)[1]
    for most in range(1, 200):
        place, empty = start.copy(), np.zeros((2, n, n))
        listed = frozen.pairs(place, block.kind, block.targets, 2.8)
        done = frozen.minimise(
            place, block.kind, block.targets, block.potential, block.cutoff, 1e-9, most,
            listed, place.copy(), empty[0], empty[1], False,
        )[0]  # fmt: skip
        assert np.hypot(*(place - last).reshape(-1, 2).T).max() <= 0.05 + 1e-12
        last, before, energy = place, energy, force_on(block, place)[1]
        assert energy <= before + 1e-10
        if done:
            break
    assert done
    assert np.linalg.eigvalsh(hessian_of(block, place))[0] > 0.0


@pytest.mark.parametrize("seed", range(4))
def test_from_anywhere_it_goes_downhill_in_short_steps(flow, seed):
    rng = np.random.default_rng(seed)
    block = cut(flow, rng.uniform(0.0, flow.side, 2))
    start, n = block.place.copy(), 2 * block.targets
    start[:n] += rng.uniform(-0.15, 0.15, n)
    assert np.linalg.eigvalsh(hessian_of(block, start))[0] < -1.0
    descends(block, start)


def test_events_go_downhill_in_short_steps(flow):
    """Two blocks in whose events full Newton steps would raise the energy."""
    for centre in ([22.287, 6.1386], [11.0323, 21.0335]):
        block = cut(flow, centre)
        stress, states, _ = block.follow(block.place, STEP, 400, 0.05)
        for row in np.flatnonzero(np.diff(stress) < -0.02):
            start = block.sheared(states[row], row * STEP)
            start[0::2] += STEP * start[1::2]
            descends(block, start)


def test_the_shell_is_wide_enough(flow, centres):
    """Twice as many frozen atoms change nothing but rounding."""
    for centre in centres[:2]:
        near, far = (
            _cut(flow, GLASS, centre, WIDTH, shell, 1e-9)
            for shell in ((GLASS.cutoff + 1.5) / frozen.shrinks(0.5), 11.0)
        )
        assert far.kind.size > 1.8 * near.kind.size
        one, other = (block.follow(block.place, STEP, 120, np.inf)[0] for block in (near, far))
        assert one == pytest.approx(other, abs=1e-8)


def test_an_atom_that_could_leave_its_shell_is_reported(flow):
    block = dataclasses.replace(cut(flow, [5.0, 5.0]), shell=2.6)
    with pytest.raises(ConvergenceError, match=r"smaller max_strain"):
        block.follow(block.place, STEP, 200, 0.05)


# LAMMPS on the whole box. -----------------------------------------------------------------------


def same_minima(block, theirs):
    """Block stresses agree to 1e-6 but where a pair sits at the cutoff, where its force jumps."""
    stress, states, _ = block.follow(block.place, STEP, len(theirs) - 1, np.inf)
    off = np.abs(stress - theirs)
    for row in np.flatnonzero(off > 1e-6):
        atoms = block.sheared(states[row], row * STEP).reshape(-1, 2)
        gap = np.hypot(*(atoms[: block.targets, None] - atoms[None]).transpose(2, 0, 1))
        assert np.abs(gap - GLASS.cutoff).min() < 1e-4
        assert off[row] < 2e-3
    assert np.mean(off > 1e-6) < 0.05
    return stress


@pytest.mark.parametrize("at", [0, 1, 2])
def test_stress_against_the_stored_curve_of_lammps(flow, stored, at):
    theirs = stored[f"lammps_{at}"]
    stress = same_minima(cut(flow, stored["centres"][at]), theirs)
    assert _first_fall(stress, 0.05) == _first_fall(theirs, 0.05)
    assert (_first_fall(stress, 0.05) is None) == (at != 2)


@pytest.mark.md
def test_stress_against_lammps_now(lammps, flow):
    from benchmarks.bench_frozen import whole_box

    for centre, sign in (([3.0, 26.0], 1), ([14.0, 9.0], -1)):
        block = cut(flow, centre)
        strain_step = sign * STEP
        theirs = whole_box(GLASS, flow, np.array(centre), WIDTH, strain_step, 15, 1e-9)
        ours, _, _ = block.follow(block.place, strain_step, 15, np.inf)
        assert np.abs(ours - theirs).max() < 1e-6


# What is reported. ------------------------------------------------------------------------------


def test_thresholds_do_not_depend_on_the_strain_step(flow, centres, forward):
    fine = local_yield(flow, GLASS, centres, WIDTH, strain_step=2e-4)
    coarse = local_yield(flow, GLASS, centres, WIDTH, strain_step=5e-4)
    assert forward.yielded.all()
    for other in (fine, coarse):
        # one step of strain is worth modulus * 1e-3 = 0.03 at most
        assert other.threshold == pytest.approx(forward.threshold, abs=0.03)
        assert other.strain_at_yield == pytest.approx(forward.strain_at_yield, abs=2e-3)
        assert other.modulus == pytest.approx(forward.modulus, rel=0.05)
        assert other.drop["at_fixed_strain"] == pytest.approx(
            forward.drop["at_fixed_strain"], abs=0.02
        )
        assert other.stress_start == pytest.approx(forward.stress_start, abs=1e-8)


def test_the_drop_at_fixed_strain_is_the_limit_of_small_steps(flow, stored):
    """One strain step of 1e-6 through the instability, found by hand in steps of 1e-5, 1e-6."""
    block = cut(flow, stored["centres"][2])
    place, row, step = block.place, 82, 1e-3
    _, states, _ = block.follow(place, step, row, np.inf)
    place = block.sheared(states[row], row * step)
    strain = row * step
    for step in (1e-4, 1e-5, 1e-6):
        stress, states, _ = block.follow(place, step, 10, np.inf)
        last = int(np.argmin(np.diff(stress)))
        strain += last * step
        place = block.sheared(states[last], strain)
    drop = stress[last] - stress[last + 1]
    found = local_yield(flow, GLASS, stored["centres"][2], WIDTH)
    # the strain is placed to 1.6e-5; stress softens as the square root of what is left of it
    assert found.drop["at_fixed_strain"][0] == pytest.approx(drop, abs=0.02)
    assert found.drop["at_fixed_strain"][0] < found.drop["to_minimum"][0]


def test_a_mirrored_block_yields_the_same_the_other_way(flow, centres, forward):
    mirrored = dataclasses.replace(flow, position=flow.position * [-1.0, 1.0], tilt=-flow.tilt)
    other = local_yield(mirrored, GLASS, centres * [-1.0, 1.0], WIDTH, sign=-1)
    for name in ("atoms", "threshold", "strain_at_yield", "modulus", "distance"):
        assert getattr(other, name) == pytest.approx(getattr(forward, name), rel=1e-6)
    for name in ("stress_before", "stress_start"):
        assert getattr(other, name) == pytest.approx(-getattr(forward, name), rel=1e-6)
    for name in DROPS:
        assert other.drop[name] == pytest.approx(forward.drop[name], rel=1e-5)


def test_yield_against_the_flow_is_nearer_in_stress_but_farther_off(flow, centres, forward):
    """Blocks carry stress in the sense of the flow, which has weeded out the weak ones there."""
    back = local_yield(flow, GLASS, centres, WIDTH, sign=-1)
    assert back.stress_start == pytest.approx(forward.stress_start, abs=1e-9)
    assert back.modulus == pytest.approx(forward.modulus, rel=0.1)  # over a strain of 0.01
    assert back.threshold.mean() < forward.threshold.mean()
    assert back.distance.mean() > forward.distance.mean() > 0.0


def test_modulus_is_affine_minus_what_relaxation_takes(flow, centres, forward):
    """d sigma/d gamma at fixed forces, from the Hessian, all derivatives by differences."""
    h = 1e-6
    for at in range(3):
        block = cut(flow, centres[at])
        _, states, _ = block.follow(block.place, STEP, 0, np.inf)
        place, n = block.sheared(states[0], 0.0), 2 * block.targets

        def shifted(direction, place=place):
            return place + h * direction, place - h * direction

        def slopes(direction, block=block):
            up, down = (force_on(block, p) for p in shifted(direction))
            return (up[0] - down[0]) / (2 * h), (up[2] - down[2]) / (2 * h)

        affine = np.zeros(place.size)
        affine[0::2] = place[1::2]
        pull, born = slopes(affine)
        relaxed = np.zeros(place.size)
        relaxed[:n] = np.linalg.solve(hessian_of(block, place), pull)
        exact = (born + slopes(relaxed)[1]) / block.area
        # the line through strains up to 0.01 bends a little, and pairs cross the cutoff
        assert forward.modulus[at] == pytest.approx(exact, rel=0.05)
        assert exact < 0.95 * born / block.area


def test_blocks_that_do_not_yield_are_reported_as_such(flow, centres):
    short = local_yield(flow, GLASS, centres, WIDTH, max_strain=0.07)
    whole = local_yield(flow, GLASS, centres, WIDTH)
    assert 0 < short.yielded.sum() < len(centres)
    assert np.isnan(short.threshold).sum() == np.sum(~short.yielded)
    both = short.yielded
    assert short.threshold[both] == pytest.approx(whole.threshold[both], rel=1e-9)
    assert whole.strain_at_yield[~both].min() > 0.068
    assert all(np.isnan(short.drop[name][~both]).all() for name in DROPS)
    assert f"{np.sum(~both)} not yielded" in str(short)
    assert str(local_yield(flow, GLASS, centres, WIDTH, max_strain=0.01)) == (
        "8 blocks, 8 not yielded"
    )
    assert "8 blocks, 0 not yielded; threshold" in str(whole)


def test_first_fall():
    stress = np.array([0.0, 1.0, 0.97, 1.2, 1.16, 1.19, 1.1, 0.7, 0.9])
    assert _first_fall(stress, 0.05) == (3, 6)
    assert _first_fall(stress, 0.02) == (1, 2)
    assert _first_fall(stress, 0.6) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sign": 0}, "sign must be 1 or -1"),
        ({"strain_step": 0.01}, "strain_step must be"),
        ({"max_strain": 2.0}, "max_strain must be"),
        ({"width": 25.0}, "does not fit the box"),
        ({"width": 1e-3}, "holds no particle"),
        ({"centres": [[np.nan, 0.0]]}, "centres must be finite"),
    ],
)
def test_bad_arguments_are_named(flow, change, words):
    arguments = {"centres": [[1.0, 1.0]], "width": WIDTH} | change
    with pytest.raises(ValueError, match=words):
        local_yield(flow, GLASS, **arguments)


def test_a_tolerance_below_rounding_is_reported(flow):
    with pytest.raises(ConvergenceError, match=r"block at \[1.0, 1.0\].*larger tolerance"):
        local_yield(flow, GLASS, [1.0, 1.0], WIDTH, tolerance=1e-30)


def test_the_potential_table_is_the_mixture():
    twelve, six, shift = potential(GLASS)
    lowest = 2.0 ** (1 / 6) * np.array(GLASS.diameter)
    assert twelve / lowest**12 - six / lowest**6 == pytest.approx(-np.array(GLASS.energy))
    assert shift == pytest.approx(twelve / 2.5**12 - six / 2.5**6)
