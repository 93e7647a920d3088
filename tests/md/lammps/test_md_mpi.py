"""One box on two MPI ranks: the same files, and the same flow, as on one."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from hebraud.md import Campaign, Recording, Runs
from hebraud.md.campaign.chain import advance, ensure_glass, read_chain, read_segment
from hebraud.md.campaign.plan_file import campaign_json
from hebraud.md.glass.preparation import Preparation
from hebraud.md.lammps.mpi import launcher
from hebraud.md.observers import Plastic

pytestmark = pytest.mark.usefixtures("lammps")

RATE = 0.02
PLAN = Campaign(
    "mpi",
    400,
    (1.189,),
    (Runs(RATE, 0.3, (1,)),),
    segment_steps=1000,
    recording=Recording(
        frame_every=40, keep_from=0.0, observers=(Plastic(lag=1.0, correlation_time=3.0),)
    ),
    preparation=Preparation(melt_time=2.0, equilibrium_time=2.0, quench_rate=0.5),
)
POINT = PLAN.point(RATE, 1)


@pytest.fixture(scope="module", autouse=True)
def mpiexec():
    """Skip where ranks cannot be started."""
    pytest.importorskip("mpi4py")
    if shutil.which(launcher(2)[0]) is None:
        pytest.skip("there is no mpiexec, beside Python or on the PATH: pip install mpich")


def on_two_ranks(*command, check=True):
    return subprocess.run(
        [*launcher(2), sys.executable, *command],
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=check,
    )


@pytest.fixture(scope="module")
def chains(tmp_path_factory):
    """Two segments from the same glass on one rank and, by the command line, on two."""
    one = tmp_path_factory.mktemp("one")
    ensure_glass(POINT.glass, one)
    (one / "campaign.json").write_text(campaign_json(PLAN))
    two = tmp_path_factory.mktemp("ranks") / "two"
    shutil.copytree(one, two)
    for _ in range(2):
        advance(POINT, one)
    chain = str(POINT.folder(two))
    on_two_ranks("-m", "hebraud", "md", "shear", chain, "--segments", "2")
    return one, two


def test_two_ranks_write_the_files_of_one(chains):
    names = [{p.name for p in POINT.folder(run).iterdir()} for run in chains]
    assert names[1] == names[0] | {"shear000002.json"}
    assert json.loads((POINT.folder(chains[1]) / "shear000002.json").read_text())["ranks"] == 2
    parts = [read_segment(POINT, run, 2) for run in chains]
    assert {k: (v.dtype, v.ndim) for k, v in parts[0].items()} == {
        k: (v.dtype, v.ndim) for k, v in parts[1].items()
    }


def test_the_first_steps_agree_and_what_was_seen_is_the_whole_box(chains):
    """Sums over neighbours in another order differ by 1e-15, which grows as the flow is chaotic."""
    alone, split = (read_chain(POINT, run, 1) for run in chains)
    first = slice(0, 20)  # 800 steps
    for name in ("stress", "temperature", "energy"):
        apart = getattr(split.series, name)[first] - getattr(alone.series, name)[first]
        assert np.abs(apart).max() < 1e-9, name
    assert not np.array_equal(split.series.stress, alone.series.stress), "not two ranks"
    blocks = [chain.block_stress.stress[first] for chain in (alone, split)]
    assert np.abs(blocks[1] - blocks[0]).max() < 1e-5  # stored in single precision
    assert np.array_equal(split.block_stress.epoch, alone.block_stress.epoch)
    mean = split.block_stress.stress.astype(float).mean(axis=1)
    assert np.abs(mean - split.series.stress).max() < 1e-6  # single precision
    glass = ensure_glass(POINT.glass, chains[0])
    ends = [read_chain(POINT, run, 2).snapshots[1] for run in chains]
    assert np.array_equal(ends[1].species, glass.species), "not in the order of ids"
    assert np.array_equal(ends[0].species, glass.species)
    assert np.abs(ends[1].unwrapped - ends[0].unwrapped).max() < 1e-6  # 1e-8 here
    assert np.any(ends[1].image != 0), "nobody has crossed an edge"


def test_later_the_statistics_agree(chains):
    """Mean stress over strains 0.1 to 0.2; it fluctuates by 0.1, paths have parted by less."""
    late = [read_chain(POINT, run).series.stress[25:].mean() for run in chains]
    assert abs(late[1] - late[0]) < 0.2
    active = [read_chain(POINT, run).observed["plastic"][0]["active"] for run in chains]
    assert active[1].shape == active[0].shape
    assert np.array_equal(active[1][:4], active[0][:4])


def test_a_chain_goes_on_from_either(chains, tmp_path):
    shutil.copytree(chains[1], tmp_path / "on")
    assert advance(POINT, tmp_path / "on") == 3


UNSTABLE = """
import dataclasses
from hebraud.md import Mixture, shear
from hebraud.md.glass.configuration import Configuration
from hebraud.md.campaign.files import read_arrays
from hebraud.md.lammps.mpi import leading
import sys
with leading() as ranks:
    glass = Configuration.from_arrays(read_arrays(sys.argv[1], {}))
    open(sys.argv[2], "a").write(f"{ranks} ranks\\n")
    speed = glass.velocity.copy()
    speed[0] = SPEED
    shear(Mixture(), dataclasses.replace(glass, velocity=speed), 1e-2, 400)
"""


@pytest.mark.parametrize("speed", ["1e5", "float('nan')"])
def test_an_unstable_run_ends_on_all_ranks(chains, speed, tmp_path):
    glass = str(POINT.glass.folder(chains[0]) / "glass.h5")
    said = tmp_path / "said"  # what a rank prints may be lost when another ends all
    run = on_two_ranks("-c", UNSTABLE.replace("SPEED", speed), glass, str(said), check=False)
    assert said.read_text() == "2 ranks\n", "one of them leads"
    assert run.returncode != 0
    assert "LAMMPS stopped" in run.stderr or "UnstableRun" in run.stderr, run.stderr


def test_ranks_that_nobody_leads_are_refused():
    script = "from hebraud.md.lammps.engine import lammps_version; lammps_version()"
    run = on_two_ranks("-c", script, check=False)
    assert run.returncode != 0
    assert "each run the whole simulation" in run.stderr


def test_a_campaign_can_give_each_chain_several_ranks(chains):
    rules = files("hebraud.md.campaign.workflow") / "Snakefile"
    command = ["--snakefile", str(rules), "--directory", str(chains[1]), "--cores", "2", "-n", "-p"]
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", *command, "--config", "ranks=2"],
        capture_output=True,
        text=True,
        check=True,
    )
    commands = [line for line in run.stdout.splitlines() if "-m hebraud md" in line]
    ranked = [line for line in commands if f"{shlex.join(launcher(2))} {sys.executable}" in line]
    assert len(commands) > len(ranked) == 1
    assert f"md shear {POINT.folder(Path())} --segments 3" in ranked[0]
