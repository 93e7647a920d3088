"""The mixture and the plans: numbers and commands, no LAMMPS."""

import dataclasses
import math
import subprocess
import sys

import pytest

from hebraud.md import Campaign, Mixture, Preparation, Runs, run
from hebraud.md.campaign.plan_file import campaign_named
from hebraud.md.campaign.state_point import Glass, StatePoint


def PLAN(**changed):
    given = {"densities": 1.189, "runs": (Runs(0.1, 1.0, (1,)),), **changed}
    return Campaign("plan", 400, given.pop("densities"), given.pop("runs"), **given)


def test_defaults_are_the_papers_glass():
    mixture = Mixture()
    assert mixture.energy == (1.0, 1.5, 0.5)
    assert mixture.diameter == (1.0, 0.8, 0.88)
    assert (mixture.cutoff, mixture.mass, mixture.damping, mixture.timestep) == (2.5, 1, 1, 0.005)
    assert mixture.counts(16_000) == (10_400, 5600)
    assert mixture.counts(1000) == (650, 350)


def test_box_has_the_density():
    side = Mixture().box(1000, 1.189)
    assert 1000 / side**2 == pytest.approx(1.189, rel=1e-15)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Mixture(fraction_a=1.0), r"fraction_a must be .* > 0 and < 1, got 1.0"),
        (lambda: Mixture(energy=(1.0, 1.5)), r"energy must be three numbers .* got \(1.0, 1.5\)"),
        (lambda: Mixture(diameter=(1.0, -0.8, 0.88)), r"diameter\[AB\] must be .* got -0.8"),
        (lambda: Mixture(cutoff=0.9), r"cutoff must be .* > 1, got 0.9"),
        (lambda: Mixture(damping=math.nan), r"damping must be .* got nan"),
        (lambda: Mixture(timestep=0.1), r"timestep must be .* <= 0.02, got 0.1"),
        (lambda: Mixture().counts(1), r"particles must be .* >= 2, got 1"),
        (lambda: Mixture(fraction_a=0.01).counts(4), r"particles = 4 leaves one species empty"),
        (lambda: Mixture().box(20, 1.189), r"particles = 20 .* take at least 30 particles"),
        (lambda: Mixture().box(100, 0.0), r"density must be .* got 0.0"),
        (lambda: Mixture().box_commands(10.0, 6.0), r"tilt must be .* <= 5, got 6.0"),
        (lambda: Mixture().shear_commands(0.0), r"shear_rate must not be 0"),
        (lambda: Preparation(quench_rate=0.0), r"quench_rate must be .* > 0, got 0.0"),
        (lambda: Glass(100, 1.189, -1), r"seed must be .* >= 0, got -1"),
        (lambda: StatePoint(Glass(100, 1.189, 1), 0.01, 100), r"multiple of sample_every = 40"),
        (lambda: campaign_named("glas"), r"preset must be one of demo, laptop, .* got 'glas'"),
        (lambda: Runs(0.1, 1.0, (1, 1)), r"seeds must be .* different"),
        (lambda: Runs(0.1, 1.0, (1,), tier=0), r"tier must be .* >= 1, got 0"),
        (lambda: PLAN(densities=(1.2, 1.2)), r"densities must be .* different"),
        (lambda: PLAN(runs=()), r"runs must hold at least one"),
        (lambda: PLAN(runs=(Runs(0.1, 0.1, (1,)),)), r"strain must be .* > 0.2, got 0.1"),
        (
            lambda: PLAN(runs=(Runs(0.1, 1.0, (1, 2)), Runs(0.1, 2.0, (1,)))),
            r"the same for all seeds .* at 0.1 it is 2 for seed 1, 1 for seed 2",
        ),
        (lambda: PLAN(measured_rate=0.3), r"measured_rate must be one of .* got 0.3"),
        (lambda: PLAN(densities=(1.1, 1.2)).density, r"several densities, .* use at\(\)"),
        (lambda: PLAN().at(1.3), r"density must be one of \(1.189,\), got 1.3"),
        (lambda: run("demo", "x", processes=0), r"processes must be .* >= 1, got 0"),
    ],
)
def test_bad_arguments_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_unknown_keywords_are_refused():
    with pytest.raises(TypeError, match="zeta"):
        Mixture(zeta=1.0)


def test_enforce2d_comes_last_and_shear_remaps_positions():
    for commands in (Mixture().shear_commands(1e-3), Mixture().thermal_commands(1.0, 0.0, 7)):
        assert commands[-1] == "fix plane all enforce2d"
    assert "fix shear all deform 1 xy erate 0.001 remap x" in Mixture().shear_commands(1e-3)


def test_numbers_reach_lammps_exactly():
    side = math.sqrt(1000 / 1.189)
    box = next(c for c in Mixture().box_commands(side, -side / 3) if c.startswith("region"))
    words = box.split()
    assert float(words[4]) == side
    assert float(words[9]) == -side / 3


def test_segments_reach_the_strain():
    point = StatePoint(Glass(100, 1.189, 1), 0.01, segment_steps=2000)
    assert point.segment_strain == pytest.approx(0.1)
    assert [point.segments_for(s) for s in (1e-9, 0.1, 0.1000001, 2.0)] == [1, 1, 2, 20]
    assert dataclasses.replace(point, shear_rate=-0.01).segments_for(0.35) == 4


def test_import_needs_no_heavy_package():
    code = (
        "import sys, hebraud.md; from hebraud.md import run, Mixture, measure; "
        "measure.steady_stress; "
        "bad = {'lammps', 'h5py', 'numba'} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
