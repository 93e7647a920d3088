"""Solve the cases with py-pde: the equation as an expression, on a regular grid of stress.

``integral`` makes the activity, ``insert`` the landing at zero; 0 and the thresholds lie on faces.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.peers.cases import (
    ALPHA,
    RATES,
    STARTUP_RATE,
    STD,
    TIMES,
    Answer,
    Run,
    density_facts,
    worst,
)

TOOL, PACKAGE = "py-pde", "py-pde"


def march(
    rate: float, reach: tuple[float, float], step: float, times: np.ndarray, **solver: Any
) -> Any:
    """Return stress at the times, facts of the last density and seconds of compiling."""
    import pde

    low, high = (round(edge / step) for edge in reach)
    grid = pde.CartesianGrid([[low * step, high * step]], high - low)
    s = grid.axes_coords[0]
    outside = pde.ScalarField(grid, (np.abs(s) > 1.0).astype(float))
    landing = pde.ScalarField(grid)
    landing.insert([0.0], 1.0)
    equation = pde.PDE(
        {"P": "-g * d_dx(P) + alpha * integral(outside * P) * laplace(P) - outside * P"
              " + integral(outside * P) * landing"},
        bc={"value": 0.0},
        consts={"g": rate, "alpha": ALPHA, "outside": outside, "landing": landing},
    )  # fmt: skip
    start = pde.ScalarField(grid, np.exp(-0.5 * (s / STD) ** 2) / (np.sqrt(2 * np.pi) * STD))
    storage = pde.MemoryStorage()
    tracker = storage.tracker(interrupts=list(times))
    equation.solve(start, t_range=(0.0, float(times[-1])), tracker=tracker, **solver)
    masses = np.array(storage.data) * step
    profile = equation.diagnostics["controller"]["profiler"]
    return masses @ s, density_facts(masses[-1], step), profile.get("compilation", 0.0)


def startup(cells: int, **solver: Any) -> Answer:
    """Return the stress of the startup; cells in a unit of stress."""
    stress, facts, compiling = march(STARTUP_RATE, (-4.0, 4.0), 1.0 / cells, TIMES, **solver)
    return Answer(stress, facts, compiling)


def flow_curve(cells: int, **solver: Any) -> Answer:
    """Return stationary stresses, after ten units of strain; the domain holds the tails."""
    values, facts, compiling = [], [], 0.0
    for rate in RATES:
        noise = min(0.3, rate) ** 0.5  # what a pilot run shows: sqrt(D) is less
        reach = -1.0 - 10.0 * noise, 1.0 + 12.0 * max(rate, noise)
        step = 1.0 / min(cells, round(5000 / (reach[1] - reach[0])))
        until = np.array([0.0, max(10.0 / rate, 20.0)])
        stress, own, seconds = march(rate, reach, step, until, **solver)
        values.append(stress[-1])
        facts.append(own)
        compiling += seconds
    return Answer(np.array(values), worst(facts), compiling)


PLAIN = {"solver": "runge-kutta", "adaptive": True}
FAST = PLAIN | {"backend": "numba", "tolerance": 1e-6}
RUNS = (
    Run("flow curve", TOOL, "plain: 50 cells, Runge-Kutta", lambda: flow_curve(50, **PLAIN)),
    Run("flow curve", TOOL, "200 cells, tolerance 1e-6", lambda: flow_curve(200, **FAST)),
    Run("startup", TOOL, "plain: 50 cells, Runge-Kutta", lambda: startup(50, **PLAIN)),
    Run("startup", TOOL, "200 cells, tolerance 1e-6", lambda: startup(200, **FAST)),
    Run("startup", TOOL, "400 cells, tolerance 1e-6", lambda: startup(400, **FAST)),
)
