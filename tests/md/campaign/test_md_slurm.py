"""What the Slurm profile submits, without a cluster: stand-ins take the jobs down and fail them."""

import os
import shlex
import subprocess
import textwrap
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from hebraud.errors import HebraudError
from hebraud.md import run
from hebraud.md.campaign import launch
from hebraud.md.campaign.plan_file import campaign_json, read_campaign
from hebraud.md.campaign.workflow.steps import CAMPAIGN, campaign_steps
from validation.claims import killed_campaign

pytest.importorskip("snakemake_executor_plugin_slurm")
pytestmark = pytest.mark.usefixtures("lammps")

STAND_INS = {
    "sbatch": """
        printf '%s\\n' "$@" > "$0.$$"
        echo $$
    """,
    "squeue": """
        for job in $(dirname "$0")/sbatch.*; do
            echo "${job##*.}|FAILED"
        done
    """,
    "sinfo": "exit 0",
    "scontrol": "echo 'MinJobAge = 300 sec'",
    "scancel": "exit 0",
    "sacct": "exit 1",
    "sacctmgr": "echo rheology",
}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands of Slurm that keep what they are asked; every job fails at once."""
    place = tmp_path / "bin"
    place.mkdir()
    for name, script in STAND_INS.items():
        (place / name).write_text("#!/bin/sh\n" + textwrap.dedent(script))
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
    return place


def profile(tmp_path, **changes):
    """The profile that comes along, with other settings; one try, and a quick look at the jobs."""
    shipped = files("hebraud.md.campaign.workflow") / "slurm" / "config.yaml"
    said = yaml.safe_load(shipped.read_text())
    assert said["retries"] == 2  # each with more time: Snakefile, minutes(); here they take minutes
    quick = {"slurm-status-command": "squeue", "slurm-init-seconds-before-status-checks": 1}
    place = tmp_path / "profile"
    place.mkdir()
    (place / "config.yaml").write_text(yaml.safe_dump({**said, **quick, "retries": 0, **changes}))
    return place


def submitted(place):
    """The options of every submission, in order."""
    jobs = sorted(place.glob("sbatch.*"), key=lambda job: job.stat().st_mtime_ns)
    return [job.read_text().splitlines() for job in jobs]


def option(job, name):
    """The value of ``--name=value``, ``--name value`` or ``-n value``."""
    for place, said in enumerate(job):
        if said == name:
            return job[place + 1]
        if said.startswith(f"{name}="):
            return said.partition("=")[2]
    raise AssertionError(f"no {name} in {shlex.join(job)}")


def refused(file, folder, profile):
    """Run a campaign whose first steps fail."""
    with pytest.raises(HebraudError, match=r"Snakemake ended with code 1"):
        run(str(file), folder, progress=False, profile=profile)


def test_a_step_is_submitted_with_its_cost(slurm, tmp_path):
    """The first is all that can go: one core, 2 GB, time for twice the estimate."""
    file = tmp_path / "tiny.toml"
    file.write_text(killed_campaign.TINY.replace("seeds = [1, 2]", "seeds = [1]"))
    refused(file, tmp_path / "run", profile(tmp_path))
    (job,) = submitted(slurm)
    first = campaign_steps(read_campaign(file))[0]
    assert first.kind == "prepare"
    assert int(option(job, "-t")) == 5 + round(2.0 * first.seconds / 60.0)
    assert option(job, "--mem-per-cpu") == "2000"
    assert option(job, "--ntasks") == option(job, "--cpus-per-task") == "1"
    assert Path(option(job, "--output")).is_relative_to(tmp_path / "run")
    assert "Snakefile" in option(job, "--wrap")


def test_ranks_get_their_cores_and_sites_their_partition(slurm, tmp_path):
    """All samples are submitted at once."""
    file = tmp_path / "big.toml"
    big = killed_campaign.TINY.replace("particles = 400", "particles = 4_000_000")
    file.write_text(big)
    site = {"mem_mb_per_cpu": 4000, "slurm_partition": "'compute'", "slurm_account": "'rheology'"}
    site |= {"tasks": 1}
    ranks = 2 + (os.cpu_count() or 1)  # more than this machine has
    changes = {"config": [f"ranks={ranks}"], "default-resources": site}
    refused(file, tmp_path / "run", profile(tmp_path, **changes))
    jobs = submitted(slurm)
    assert len(jobs) == 2
    for job in jobs:
        assert option(job, "--cpus-per-task") == str(ranks)
        assert option(job, "--mem-per-cpu") == "4000"
        assert (option(job, "-p"), option(job, "-A")) == ("compute", "rheology")
        first = campaign_steps(read_campaign(file))[0]
        assert int(option(job, "-t")) == 5 + round(2.0 * first.seconds / 60.0) > 20


@pytest.mark.parametrize(
    ("said", "elsewhere"),
    [("executor: slurm\n", True), ("config: [ranks=2]\n", False), ("executor: local\n", False)],
)
def test_cores_are_this_machine_s_where_the_steps_run_here(tmp_path, said, elsewhere):
    (tmp_path / "config.v8+.yaml").write_text("jobs: 4\n" + said)
    assert launch._runs_elsewhere(tmp_path) == elsewhere
    assert not launch._runs_elsewhere(tmp_path / "a name")
    assert ("--cores" in launch._snakemake(None, tmp_path)) is False
    assert "--cores 3" in " ".join(launch._snakemake(3, tmp_path))


def test_steps_are_no_ranks_of_what_started_snakemake(tmp_path):
    """Slurm's srun starts it with its PMI, which the steps cannot reach: MPI would abort."""
    file = tmp_path / "tiny.toml"
    file.write_text(killed_campaign.TINY)
    plan = read_campaign(file)
    (tmp_path / CAMPAIGN).write_text(campaign_json(plan))
    first = campaign_steps(plan)[0]
    said = [*launch._snakemake(1, None), "--snakefile"]
    said += [str(files("hebraud.md.campaign.workflow") / "Snakefile"), "--directory", str(tmp_path)]
    srun = {"PMI_RANK": "0", "PMI_SIZE": "1", "PMI_FD": "99", "PMI_JOBID": "1.0"}
    subprocess.run([*said, first.output], env={**os.environ, **srun}, check=True, timeout=60)
    assert (tmp_path / first.output).exists()
