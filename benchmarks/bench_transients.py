"""Measures of runs in time: part of ``make bench``."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_banded

import hebraud as hl
from benchmarks.bench import Row, fastest
from hebraud.model.starts import Start
from hebraud.solvers.transient.run import Run
from hebraud.solvers.transient.step import Step
from validation.claims.work_precision import CASES, RTOLS, size_of, true_error

STARTUP = (hl.Model(0.3), hl.Startup(0.1), hl.gaussian(0.3), 50.0)
DROPS_RTOL = 1e-4


def startups() -> list[Row]:
    """Measure time and true error of the stress at all times, against spectral elements."""
    rows = []
    for rtol, claimed, limit in ((1.7e-3, 1e-3, 10.0), (1.5e-5, 1e-5, 150.0)):
        error = true_error("startup", hl.evolve(*STARTUP, rtol=rtol))
        spent = 1e3 * fastest(partial(hl.evolve, *STARTUP, rtol=rtol), 30)
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
                "against validation/claims/work_precision.py: other code, other method",
            ),
        ]
    return rows


def precision() -> list[Row]:
    """Measure true error over rtol, the worst of five kinds of run, both ways from one."""
    rows = []
    for rtol in RTOLS:
        begin = time.process_time()
        run = hl.evolve(*STARTUP, rtol=rtol)
        spent = time.process_time() - begin
        names = CASES if rtol > 5e-7 else ("startup",)  # the others take a minute and a half below
        found = {"startup": true_error("startup", run)} | {
            name: true_error(name, CASES[name].run(rtol)) for name in names if name != "startup"
        }
        ratios = {name: error / (size_of(name) * rtol) for name, error in found.items()}
        worst = max(ratios, key=ratios.__getitem__)
        rows.append(
            Row(
                f"work-precision: true error over rtol at {rtol:g}",
                ratios[worst],
                "",
                10.0,
                f"{worst}, worst of {len(ratios)}; least {min(ratios.values()):.2g}; startup "
                f"{ratios['startup']:.2g} in {spent * 1e3:.0f} ms of processor, "
                f"{run.statistics['steps']:.0f} steps",
            )
        )
    return rows


def _drops(law: type, nodes: int) -> tuple[hl.Model, hl.Startup, Start, float]:
    thresholds = law(np.linspace(0.6, 1.4, nodes))
    model = hl.Model(0.3, relaxation=hl.FractionalDrop(0.2), thresholds=thresholds)
    return model, *STARTUP[1:]


def drops() -> list[Row]:
    """Startup with small drops and many thresholds: time, true error, and cost against nodes."""
    rows = []
    for law in (hl.Redrawn, hl.Quenched):
        call = _drops(law, 32)
        fine = hl.evolve(*call, rtol=1e-5)
        truth = CubicSpline(fine.time, fine.stress)
        run = hl.evolve(*call, rtol=DROPS_RTOL)
        name = law.__name__.lower()
        spent = fastest(partial(hl.evolve, *call, rtol=DROPS_RTOL), 3)
        rows += [
            Row(
                f"startup of FractionalDrop(0.2), 32 {name} thresholds, at 1e-4",
                spent, "s", 1.0, f"rtol {DROPS_RTOL:g}, {run.statistics['steps']:.0f} steps, warm",
            ),
            Row(
                "its true error in the stress, all times",
                float(np.abs(run.stress - truth(run.time)).max()), "sigma_c", 1e-4,
                "against rtol 1e-5 of the same code; Monte Carlo in the tests",
            ),
        ]  # fmt: skip
        nodes = np.array([8, 16, 32, 64])
        calls = [_drops(law, int(n)) for n in nodes]
        times = [fastest(partial(hl.evolve, *call, rtol=1e-3), 3) for call in calls]
        slope = float(np.polyfit(np.log(nodes), np.log(times), 1)[0])
        what = f"its cost against nodes ({name}): slope"
        rows.append(Row(what, slope, "", 1.1, "8 … 64 nodes", 0.9))
    return rows


def _step_time(cells: int, model: hl.Model) -> float:
    """Return the time of two stages of a step on so many cells, warm, in seconds."""
    run = Run(model, hl.gaussian(0.3), 0.0, 1e-6, 1e-9, cells, 0.01)
    D, g = run.diffusion, 0.1
    ways = (0.02 * g, 0.01 * g, 0.01 * g)
    whole = Step(0.01, (D, D, D), (g, g, g), ways, 1e-2, False, run.slopes, None)

    def step() -> object:
        return run.system.doubled(run.mass, whole)

    step()
    return fastest(step, 15) / 3.0  # a whole step and two halves


def stages() -> list[Row]:
    """Time one implicit stage against a bare tridiagonal solve, and its growth with cells."""
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
    sizes = np.array([2000, 4000, 8000, 16000, 32000, 64000])
    times = [_step_time(int(n), hl.Model(0.3)) for n in sizes]
    slope = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    rows.append(Row("cost against cells: slope", slope, "", 1.1, "2000 … 64,000 cells", 0.9))
    nodes = np.array([16, 32, 64, 128])
    laws = [hl.Model(0.3, thresholds=hl.Redrawn(np.linspace(0.5, 1.5, n))) for n in nodes]
    times = [_step_time(1000, law) for law in laws]
    slope = float(np.polyfit(np.log(nodes), np.log(times), 1)[0])
    rows.append(Row("cost against threshold nodes: slope", slope, "", 1.1, "16 … 128", 0.9))
    return rows


def ageing() -> list[Row]:
    """Time ageing to 1e6 tau, and check the constant that it tends to."""

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
    """Measure the speed of Monte Carlo, and its time to an error of 1e-3 at all times."""
    until, few, step = 5.0, 200_000, 1e-2
    call = partial(hl.simulate_blocks, *STARTUP[:3], until=until, blocks=few, step=step)
    speed = few * until / step / fastest(call, 2)
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


GROUPS = (startups, precision, drops, stages, ageing, blocks)
