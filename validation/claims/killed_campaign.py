"""A campaign killed twenty times at random ends with the tables of one that was left alone.

Claim: SIGKILL ends any of its processes (the command, Snakemake, a step) twenty times at random
moments. No process is left over, and the same command then ends with the same bytes in every table,
reduced chain and local yield stress as an undisturbed run.

``python -m validation.claims.killed_campaign`` takes some minutes; ``--preset demo`` takes the
demo, ``--kills`` and ``--seed`` change the number and the moments.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hebraud.md.campaign.cost import time_left
from hebraud.md.campaign.plan_file import read_campaign
from hebraud.md.campaign.workflow.steps import CAMPAIGN, campaign_steps

#: Two samples of 400 particles, sheared at two rates in segments of a tenth of a second.
TINY = """
name = "tiny"
particles = 400
densities = [1.189]
measured_rate = 0.05
segment_steps = 800

[preparation]
melt_time = 2.0
equilibrium_time = 2.0
quench_rate = 0.5

[recording]
frame_every = 40
keep_every = 2.0

[[recording.observers]]
lag = 1.0
correlation_time = 3.0

[[runs]]
shear_rate = 0.05
strain = 1.2
seeds = [1, 2]

[[runs]]
shear_rate = 0.1
strain = 6.0
seeds = [1, 2]

[[runs]]
shear_rate = 0.05
strain = 8.0
seeds = [1, 2]
"""
FINISHED = "finished before it was killed"
KINDS = (
    "*.csv",
    "*.npz",
    "herschel_bulkley.json",
    "parameters.json",
    "rates.json",
    "condensed*",
    "yields*",
)


@dataclass(frozen=True)
class Result:
    """Results of both runs."""

    undisturbed: dict[str, bytes]
    killed: dict[str, bytes]
    moments: list[str]
    left_over: list[int]


def command(campaign: str, folder: Path, processes: int) -> list[str]:
    """Return the command that runs a campaign (a preset or a file) and goes on with it."""
    run = [sys.executable, "-m", "hebraud", "md", "run", "--preset", campaign]
    return [*run, "--output", str(folder), "--processes", str(processes)]


def tables(folder: Path) -> dict[str, bytes]:
    """Return the content of all files that results are made of, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for kind in KINDS
        for path in sorted(folder.rglob(kind))
        if ".snakemake" not in path.parts
    }


def processes_of(folder: Path) -> list[int]:
    """Return the processes that work in a folder or for it, this one left out."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                said = (entry / "cmdline").read_bytes().decode(errors="replace")
                if str(folder) in said or (entry / "cwd").resolve() == folder.resolve():
                    found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_until_gone(folder: Path, seconds: float = 30.0) -> list[int]:
    """Wait for all processes of a folder to end; return those that have not."""
    end = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def kill_one(campaign: str, folder: Path, processes: int, after: float) -> str:
    """Start a run, kill one of its processes after some seconds, wait for the rest.

    Front door, Snakemake and each kind of step that is at work are equally likely.
    """
    with open(folder.with_suffix(".log"), "ab") as log:
        run = subprocess.Popen(command(campaign, folder, processes), stdout=log, stderr=log)
    end = time.monotonic() + after
    while time.monotonic() < end and run.poll() is None:
        time.sleep(0.02)
    if run.poll() is not None:
        return FINISHED
    kinds: dict[str, list[int]] = {"the front door": [run.pid]}
    for process in processes_of(folder):
        kind = kind_of(process)
        if process != run.pid and kind:
            kinds.setdefault(kind, []).append(process)
    kind = random.choice(sorted(kinds))
    try:
        os.kill(random.choice(kinds[kind]), signal.SIGKILL)
    except ProcessLookupError:
        kind += " (that had just ended)"
    run.wait()
    return f"after {after:.1f} s: {kind}"


def kind_of(process: int) -> str:
    """Say what a process of a run is: Snakemake, or a step by its command; or nothing."""
    try:
        said = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    if "snakemake" in said:
        return "Snakemake"
    return f"a step, {said[said.index('md') + 1]}" if "md" in said else ""


def first_step(folder: Path) -> float:
    """Return when the first step of a finished run began, in seconds since 1970."""
    return min(
        path.stat().st_mtime - float(path.read_text().splitlines()[1].split("\t")[0])
        for path in folder.glob("benchmarks/**/*.tsv")
    )


def compute(campaign: str | None, kills: int, processes: int, place: Path) -> Result:
    """Run a campaign undisturbed and killed, in two folders under ``place``.

    No kill is wasted on a run that has nothing left to do.
    """
    if campaign is None:
        path = place / "tiny.toml"
        path.write_text(TINY)
        campaign = str(path)
    whole, broken = place / "whole", place / "killed"
    begin = time.time()
    subprocess.run(command(campaign, whole, processes), check=True, stdout=subprocess.DEVNULL)
    wall, start = time.time() - begin, first_step(whole) - begin
    print(f"undisturbed: {wall:.0f} s", flush=True)
    plan = read_campaign(whole / CAMPAIGN)
    total = sum(step.seconds for step in campaign_steps(plan))
    moments, left_over = [], []
    for to_come in range(kills, 0, -1):
        # so that on the average each lets an equal part of what is left be done: all kills count
        left = (wall - start) * sum(cost for _, cost in time_left(plan, broken)) / total
        if not left:
            moments.append(FINISHED)
            break
        after = random.uniform(1.0, start + 1.5 * left / (to_come + 1))
        moments.append(kill_one(campaign, broken, processes, after))
        left_over += wait_until_gone(broken)
        print(f"{moments[-1]}; {100.0 * left / (wall - start):.0f} % were left", flush=True)
    subprocess.run(command(campaign, broken, processes), check=True, stdout=subprocess.DEVNULL)
    return Result(tables(whole), tables(broken), moments, left_over)


def check(result: Result) -> None:
    """Raise ``AssertionError`` if anything differs or was left over."""
    assert len(result.undisturbed) > 5, "the undisturbed run left no tables"
    assert FINISHED not in result.moments, f"not killed so often: {result.moments}"
    assert result.killed.keys() == result.undisturbed.keys()
    other = [name for name, data in result.undisturbed.items() if result.killed[name] != data]
    assert not other, f"other bytes in {other}"
    assert not result.left_over, f"processes {result.left_over} outlived their run"


def main() -> None:
    """Run the claim from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", help="a preset or a campaign file; a tiny one by default")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    random.seed(given.seed)
    with tempfile.TemporaryDirectory() as place:
        result = compute(given.preset, given.kills, given.processes, Path(place))
        check(result)
    print(
        f"killed {len(result.moments)} times: {len(result.undisturbed)} files are the same to the "
        f"byte, no process was left over"
    )


if __name__ == "__main__":
    main()
