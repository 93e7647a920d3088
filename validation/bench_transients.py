"""Measures of runs in time: part of ``make bench``."""

from __future__ import annotations

import time

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_banded

import hebraud as hl
from bench import Row, fastest
from hebraud.solvers.evolve import march
from hebraud.solvers.run import Run

STARTUP = (hl.Model(0.3), hl.Startup(0.1), hl.gaussian(0.3), 50.0)


def reference() -> CubicSpline:
    """Return the stress of the startup at high resolution: 12,000 cells, rtol 1e-7.

    Independent in all that is chosen by tolerance: cells, steps, grids. The scheme is held against
    other ones (Monte Carlo, exact tails, characteristics) in the tests.
    """
    run = march(*STARTUP, None, 1e-7, 1e-9, 12_000, None)
    return CubicSpline(run.time, run.stress)


def startups() -> list[Row]:
    """True error of the stress at all times, and the time it takes."""
    exact, rows = reference(), []
    for rtol, claimed, limit in ((4e-3, 1e-3, 10.0), (8.5e-6, 1e-5, 150.0)):
        run = hl.evolve(*STARTUP, rtol=rtol)
        error = float(np.abs(run.stress - exact(run.time)).max())
        spent = 1e3 * fastest(lambda r=rtol: hl.evolve(*STARTUP, rtol=r), 15)
        rows += [
            Row(
                f"startup to t = 50 at {claimed:g} (rtol {rtol:g})",
                spent,
                "ms",
                limit,
                "alpha = 0.3, g = 0.1, from gaussian(0.3), warm",
            ),
            Row(
                "its true error in the stress, all times",
                error,
                "sigma_c",
                claimed,
                "against 12,000 cells at rtol 1e-7",
            ),
        ]
    for rtol in (1e-3, 1e-4, 1e-5, 1e-6):
        begin = time.perf_counter()
        run = hl.evolve(*STARTUP, rtol=rtol)
        spent = time.perf_counter() - begin
        size = float(np.abs(run.stress).max())
        error = float(np.abs(run.stress - exact(run.time)).max()) / (size * rtol)
        rows.append(
            Row(
                f"work-precision: true error over rtol at {rtol:g}",
                error,
                "",
                10.0,
                f"{spent * 1e3:.0f} ms, {run.statistics['steps']:.0f} steps",
            )
        )
    return rows


def _step_time(cells: int, model: hl.Model) -> float:
    """Return the time of one whole step (two stages) on so many cells, warm, in seconds."""
    run = Run(model, hl.gaussian(0.3), 0.0, 1e-6, 1e-9, cells, 0.01)
    arguments = (run.mass, 0.01, run.diffusion, 0.1, run.diffusion, 0.1, 1e-9, run.slopes[0], None)
    run.system.step(*arguments)
    return fastest(lambda: run.system.step(*arguments), 15)


def stages() -> list[Row]:
    """One implicit stage against a bare tridiagonal solve, and how the cost grows."""
    rows, cells = [], 8000
    bands = np.ones((3, cells))
    bands[1] = 3.0
    bare = fastest(lambda: solve_banded((1, 1), bands, np.ones(cells)), 50)
    stage = 0.5 * _step_time(cells, hl.Model(0.3))
    rows.append(
        Row(
            "one implicit stage over one bare tridiagonal solve",
            stage / bare,
            "times",
            6.0,
            f"{cells} cells, Newton and landing included; scipy's solve_banded",
        )
    )
    sizes = np.array([1000, 2000, 4000, 8000, 16000, 32000])
    times = [_step_time(int(n), hl.Model(0.3)) for n in sizes]
    slope = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    rows.append(Row("cost against cells: slope", slope, "", 1.1, "1000 … 32,000 cells; 1 ± 0.1"))
    nodes = np.array([16, 32, 64, 128])
    laws = [hl.Model(0.3, thresholds=hl.Redrawn(np.linspace(0.5, 1.5, n))) for n in nodes]
    times = [_step_time(1000, law) for law in laws]
    slope = float(np.polyfit(np.log(nodes), np.log(times), 1)[0])
    rows.append(Row("cost against threshold nodes: slope", slope, "", 1.1, "16 … 128; 1 ± 0.1"))
    return rows


def ageing() -> list[Row]:
    """Ageing to 1e6 tau, and the constant that it tends to."""

    def run() -> hl.History:
        return hl.evolve(hl.Model(0.5), hl.Cessation(), hl.gaussian(0.8), until=1e6, rtol=2e-5)

    found = run()
    off = abs(found.diffusion[-1] * 1e6 * 2 * np.pi**2 - 1.0)
    return [
        Row(
            "ageing to 1e6 tau (alpha = 1/2, gaussian(0.8))", fastest(run, 2), "s", 5.0, "rtol 2e-5"
        ),
        Row("D t at 1e6 off 1/(2 pi^2)", float(off), "relative", 5e-3, "the same run"),
    ]


def blocks() -> list[Row]:
    """Monte Carlo: raw speed, and the time to an error of 1e-3 at all times."""
    few = {"until": 5.0, "blocks": 200_000, "step": 1e-2}
    spent = fastest(lambda: hl.simulate_blocks(*STARTUP[:3], **few), 2)
    speed = few["blocks"] * few["until"] / few["step"] / spent
    begin = time.perf_counter()
    hl.simulate_blocks(*STARTUP[:3], until=50.0, blocks=1_700_000, step=0.1)
    return [
        Row(
            "Monte Carlo: 2e7 block-steps a second over the speed reached",
            2e7 / speed,
            "times",
            1.0,
            f"{speed:.2g} block-steps a second, crossing treatment on",
        ),
        Row(
            "Monte Carlo: startup to a stress error of 1e-3 at all times",
            time.perf_counter() - begin,
            "s",
            20.0,
            "1.7e6 blocks, step 0.1: bias 6e-5 + 2 standard errors 8.5e-4 (docs of blocks)",
        ),
    ]


GROUPS = (startups, stages, ageing, blocks)
