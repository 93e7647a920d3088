"""Run a preset: every state point a chain of segments, a few processes, one flow curve out."""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from hebraud.errors import ConvergenceError, HebraudError, check_whole_number
from hebraud.md.chain import advance, ensure_glass, segments_done
from hebraud.md.engine import require_lammps
from hebraud.md.errors import UnstableRun
from hebraud.md.campaign_file import preset_named
from hebraud.md.presets import Preset
from hebraud.md.progress import Watch
from hebraud.md.reduction import ensure_thresholds, measured_points
from hebraud.md.report import print_summary, reduce, write_results
from hebraud.md.state_point import StatePoint
from hebraud.rheology.flow_curve import FlowCurve

__all__ = ["run"]


def run(
    preset: str | Preset,
    directory: str | os.PathLike[str],
    processes: int = 2,
    progress: bool = True,
    command: str | None = None,
) -> FlowCurve:
    """Shear the preset's samples, store everything under ``directory``, return the flow curve.

    Stop it in any way at any time: the same call goes on from the last whole segment of each state
    point, and the results are the same to the byte as those of an undisturbed run, whatever the
    number of processes. Each process runs LAMMPS on one core. From a script, call it under
    ``if __name__ == "__main__":`` (the processes are spawned).

    Written besides the segments: ``flow_curve.csv``, ``seeds.csv``, ``herschel_bulkley.json``,
    ``parameters.json`` and ``provenance.json`` (see `hebraud.md.report.write_results`).

    Parameters
    ----------
    preset : str or Preset
        ``"demo"`` (minutes on two cores), or your own.
    directory : path
        Made if it does not exist.
    processes : int
        State points run at a time, >= 1.
    progress : bool
        Show bars and a summary table on a terminal; nothing is drawn where there is none, the
        table is printed anyway. False prints nothing.
    command : str, optional
        The command that provenance records; None says ``hebraud md run --preset NAME``.

    Returns
    -------
    FlowCurve
        Shear rate in 1/tau_0 (rising), stress and its standard error in eps_AA/sigma_AA^2.

    Raises
    ------
    ValueError
        For an unknown preset or a bad argument.
    MissingDependency
        If LAMMPS, its MPI library or h5py is missing.
    UnstableRun, CorruptCheckpoint, ConvergenceError, OSError
        As the chains, the files and the error bars raise them; what is stored stays valid.
    HebraudError
        If another run is at work in ``directory``.
    """
    plan = preset_named(preset)
    processes = check_whole_number("processes", processes, at_least=1)
    folder = Path(directory)
    require_lammps()
    with _alone(folder):
        _run_chains(plan, folder, processes, progress)
        results = reduce(plan, folder)
        write_results(results, folder, command or f"hebraud md run --preset {plan.name}")
    if progress:
        print_summary(results)
    return results.curve


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the directory for this process; the system lets go of it when the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HebraudError(
                f"another run is at work in {folder}; wait for it, end it, or take another one"
            ) from None
        for part in folder.rglob(".*.part"):  # of a run that was killed while writing
            part.unlink()
        yield


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes for the chains; on any error or Ctrl-C they end at once, for files are whole."""
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    ) as pool:
        try:
            yield pool
        except BaseException:
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()
            raise


def _run_chains(plan: Preset, folder: Path, processes: int, progress: bool) -> None:
    done = {point: segments_done(point, folder) for point in plan.chains}
    left = {point: need - done[point] for point, need in plan.chains.items() if need > done[point]}
    with (
        Watch(plan, done, shown=progress) as watch,
        _workers(processes) as pool,
    ):
        try:
            glasses = {point.glass for point in left if not done[point]}
            for prepared in [pool.submit(ensure_glass, glass, folder) for glass in glasses]:
                prepared.result()
            watch.prepared()
            running: dict[Future[int], tuple[StatePoint, int]] = {}
            while left or running:
                while left and len(running) < processes:
                    point = next(iter(left))
                    running[pool.submit(advance, point, folder)] = point, left.pop(point) - 1
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    point, more = running.pop(future)
                    watch.reached(point, future.result())
                    if more:
                        left[point] = more
            watch.measuring()
            points = measured_points(plan)
            for made in [pool.submit(ensure_thresholds, plan, point, folder) for point in points]:
                with contextlib.suppress(ConvergenceError, ValueError):  # `reduce` reports it
                    made.result()
        except BrokenProcessPool as error:
            raise UnstableRun(
                "a process that ran LAMMPS was ended from outside or crashed (too little memory?); "
                "give the same command again: it goes on from the last whole segments"
            ) from error
