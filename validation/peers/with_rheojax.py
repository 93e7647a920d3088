"""Solve the cases with RheoJAX: its own model, and its kernels with finer grids and steps.

It clips densities below zero and divides by the mass in every one of 25 explicit substeps of a
step, so that neither mass nor positivity can be seen from outside. Its stress grid has a point at
zero; the rate of yield changes half a cell beyond the threshold unless that is put on a face.
A step beyond the limit of stability returns a finite wrong stress and says nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.peers.cases import (
    ALPHA,
    FLUID,
    FREQUENCIES,
    RATES,
    STARTUP_RATE,
    TIMES,
    Answer,
    Run,
)

TOOL, PACKAGE = "RheoJAX", "rheojax"
SUBSTEPS = 25  # of step_hl, fixed


def plain_flow_curve() -> Answer:
    """Return predict() of the model as it comes."""
    from rheojax.models import HebraudLequeux

    model = HebraudLequeux()
    model.parameters.set_value("alpha", ALPHA)
    return Answer(np.asarray(model.predict(np.array(RATES), test_mode="flow_curve")))


def grid_with_threshold_on_face(cells: float, reach: float) -> tuple[float, int]:
    """Return sigma_max and n_bins with ``cells`` + 1/2 points from zero to the threshold."""
    half = int(np.ceil(reach * (cells + 0.5)))
    return half / (cells + 0.5), 2 * half + 1


def tuned_flow_curve(cells: int) -> Answer:
    """Return stresses by run_flow_curve, with a domain, cells and steps of its own each rate."""
    from rheojax.utils.hl_kernels import run_flow_curve

    stresses = []
    for rate in RATES:
        noise = min(0.3, rate) ** 0.5  # what a pilot run shows: sqrt(D) is less
        reach = 1.0 + 12.0 * max(rate, noise)
        sigma_max, n_bins = grid_with_threshold_on_face(min(cells, round(5000 / reach)), reach)
        width = 2.0 * sigma_max / (n_bins - 1)
        # explicit: noise, drift and yield each limit the substep
        substep = min(0.2 * width**2 / noise**2, 0.5 * width / rate, 0.2)
        until = max(10.0 / rate, 20.0)
        schedule = [(SUBSTEPS * substep, int(until / (SUBSTEPS * substep)) + 1)]
        (stress,) = run_flow_curve(
            np.array([rate]), ALPHA, 1.0, 1.0, sigma_max=sigma_max, n_bins=n_bins,
            per_rate_schedule=schedule,
        )  # fmt: skip
        stresses.append(float(stress))
    return Answer(np.array(stresses))


def startup(dt: float, **grid: Any) -> Answer:
    """Return the stress of the startup."""
    from rheojax.utils.hl_kernels import run_startup

    return Answer(np.asarray(run_startup(TIMES, STARTUP_RATE, ALPHA, 1.0, 1.0, dt=dt, **grid)))


def modulus(cycles: int, **grid: Any) -> Answer:
    """Return G* from small oscillations, which begin with nothing over the threshold."""
    from rheojax.utils.hl_kernels import run_saos

    parts = np.asarray(run_saos(np.array(FREQUENCIES), FLUID, 1.0, 1.0, n_cycles=cycles, **grid))
    return Answer(parts[:, 0] + 1j * parts[:, 1])


def on_face(cells: int, reach: float = 4.0) -> dict[str, float]:
    """Return the grid as keywords."""
    return dict(
        zip(("sigma_max", "n_bins"), grid_with_threshold_on_face(cells, reach), strict=True)
    )


RUNS = (
    Run("flow curve", TOOL, "plain: predict()", plain_flow_curve),
    Run("flow curve", TOOL, "100 cells, threshold on a face", lambda: tuned_flow_curve(100)),
    Run("flow curve", TOOL, "200 cells, threshold on a face", lambda: tuned_flow_curve(200)),
    Run("startup", TOOL, "plain: run_startup()", lambda: startup(0.005)),
    Run(
        "startup", TOOL, "200 cells, threshold on a face",
        lambda: startup(0.0025, **on_face(200)),
    ),
    Run(
        "startup", TOOL, "400 cells, threshold on a face",
        lambda: startup(0.0005, **on_face(400)),
    ),
    Run("modulus", TOOL, "plain: run_saos()", lambda: modulus(10)),
    Run(
        "modulus", TOOL, "50 cycles, 75 cells, threshold on a face",
        lambda: modulus(50, **on_face(75, 2.0)),
    ),
)  # fmt: skip
