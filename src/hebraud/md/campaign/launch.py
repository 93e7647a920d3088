"""Run the steps of a campaign with Snakemake."""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import as_file, files
from pathlib import Path

from hebraud._files import write_whole
from hebraud.errors import HebraudError, MissingDependency, check_whole_number
from hebraud.md.campaign.chain import segments_done
from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.plan_file import campaign_json
from hebraud.md.campaign.progress import ChainBars
from hebraud.md.campaign.state_point import StatePoint
from hebraud.md.campaign.workflow.steps import CAMPAIGN
from hebraud.md.campaign.workflow.work import FRONT
from hebraud.md.lammps.engine import require_lammps

__all__ = ["alone", "launch", "step_environment"]

_LOG = "workflow.log"  # what Snakemake and the steps print
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_POLL = 1.0  # seconds between two looks at the files


@contextmanager
def launch(
    plan: Campaign,
    folder: Path,
    processes: int | None,
    progress: bool,
    profile: str | os.PathLike[str] | None,
) -> Iterator[None]:
    """Run all steps of a campaign; hold its directory while the results are used.

    Arguments and errors are those of `hebraud.md.run`.
    """
    count = os.cpu_count() or 1 if processes is None else processes
    count = check_whole_number("processes", count, at_least=1)
    if importlib.util.find_spec("snakemake") is None:
        raise MissingDependency(
            "campaigns are run by Snakemake, which is not installed: "
            'pip install "hebraud[campaign]"'
        )
    require_lammps()
    with alone(folder) as token:
        described = campaign_json(plan)
        if not _holds(folder / CAMPAIGN, described):
            write_whole(folder / CAMPAIGN, described)
        elsewhere = profile is not None and _runs_elsewhere(Path(profile))
        limit = None if elsewhere and processes is None else count
        _workflow(plan, folder, limit, progress, profile, token)
        yield


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


@contextmanager
def alone(folder: Path) -> Iterator[str]:
    """Hold the directory for this process; the system releases it when the process ends.

    Yields the text of the lock, which steps follow (`work.follow_front`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+") as lock:
        for attempt in range(10):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # a step whose command has ended may test the lock
                if attempt == 9:
                    raise HebraudError(
                        f"another hebraud md run works in {folder}; wait for it, end it, or take "
                        "another folder"
                    ) from None
                time.sleep(0.1)
        token = f"{os.getpid()}-{time.time_ns()}"
        lock.truncate(0)
        lock.write(token)
        lock.flush()
        for part in folder.rglob(".*.part"):  # of a process that was killed while writing
            part.unlink(missing_ok=True)
        yield token


def _runs_elsewhere(profile: Path) -> bool:
    """Return whether a profile names an executor that is not this machine."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(profile.glob("config*.yaml"))]
    named = [re.search(r"^executor:\s*[\"']?([\w-]+)", text, re.MULTILINE) for text in texts]
    return any(one is not None and one[1] != "local" for one in named)


def _snakemake(cores: int | None, profile: str | os.PathLike[str] | None) -> list[str]:
    """Return the command. Files that exist are complete, whatever became of their step."""
    said = [sys.executable, "-m", "snakemake", "--scheduler", "greedy"]
    said += ["--rerun-triggers", "mtime", "--ignore-incomplete", "--keep-incomplete", "--nolock"]
    said += [] if cores is None else ["--cores", str(cores)]
    return said if profile is None else [*said, "--profile", str(Path(profile).resolve())]


def _workflow(
    plan: Campaign,
    folder: Path,
    cores: int | None,
    progress: bool,
    profile: str | os.PathLike[str] | None,
    token: str,
) -> None:
    """Run Snakemake, and show the progress of the chains."""
    environment = step_environment(plan)
    if profile is None:
        environment[FRONT] = f"{(folder / '.lock').resolve()}:{token}"

    def done() -> dict[StatePoint, int]:
        return {point: segments_done(point, folder) for point in plan.chains}

    with (
        as_file(files("hebraud.md.campaign.workflow") / "Snakefile") as rules,
        open(folder / _LOG, "ab") as log,
        ChainBars(plan, done(), shown=progress) as bars,
    ):
        begin = log.tell()
        engine = subprocess.Popen(
            [*_snakemake(cores, profile), "--snakefile", str(rules), "--directory", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        try:
            while engine.poll() is None:
                time.sleep(_POLL)
                bars.look(done())
                _stop_at_error(folder / _LOG, begin)
            _stop_at_error(folder / _LOG, begin)
        except BaseException:
            _kill_group(engine)
            raise
    if engine.returncode:
        raise HebraudError(
            f"Snakemake ended with code {engine.returncode}; its messages are in {folder / _LOG}. "
            "The same command goes on from what is stored"
        )


def step_environment(plan: Campaign) -> dict[str, str]:
    """Return the environment of the steps: one thread, and where the observers' modules are.

    A step is a process of its own; it must find the modules that this process has imported.
    """
    found = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    places = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    for observer in () if plan.recording is None else plan.recording.observers:
        module = sys.modules[type(observer).__module__]
        depth = module.__name__.count(".")
        places.append(str(Path(str(module.__file__)).resolve().parents[depth]))
    return {**found, "PYTHONPATH": os.pathsep.join(dict.fromkeys(places))}


def _end_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_group(engine: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(engine.pid, signal.SIGKILL)
    engine.wait()


def _stop_at_error(log: Path, begin: int) -> None:
    """Raise the error message of a step, if one was logged since ``begin``."""
    mark = b"hebraud: error: "
    with open(log, "rb") as stream:
        stream.seek(begin)
        for line in stream:
            if line.startswith(mark) and line.endswith(b"\n"):
                said = line.removeprefix(mark).decode(errors="replace").strip()
                raise HebraudError(
                    f"{said} (a step of the campaign; more is in {log}; the "
                    "same command goes on from what is stored)"
                )
