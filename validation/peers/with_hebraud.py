"""Solve the cases with hebraud: exact states, finite volumes, runs in time, closed modulus."""

from __future__ import annotations

import numpy as np

import hebraud as hl
from validation.peers.cases import (
    ALPHA,
    FLUID,
    FREQUENCIES,
    RATES,
    STARTUP_RATE,
    STD,
    TIMES,
    Answer,
    Run,
    density_facts,
    worst,
)  # fmt: skip

TOOL, PACKAGE = "hebraud", "hebraud"
MODEL = hl.Model(ALPHA)
FACES = np.linspace(-3.0, 4.0, 1401)


def flow_curve(solver: hl.Exact | hl.FiniteVolume | None) -> Answer:
    """Return stationary stresses."""
    return Answer(np.asarray(hl.flow_curve(MODEL, np.array(RATES), solver=solver).stress))


def flow_facts(solver: hl.Exact | hl.FiniteVolume | None) -> tuple[float, float]:
    """Return the error of the mass and the least density of the stationary states."""
    facts = []
    for rate in RATES:
        reach = 40.0 * (1.0 + rate)
        faces = np.unique(np.concatenate([FACES, np.linspace(-reach, reach, 2001)]))
        state = hl.steady_state(MODEL, rate, solver=solver)
        facts.append(density_facts(state.mass(faces, MODEL.thresholds)[0], np.diff(faces)))
    return worst(facts)


def run(rtol: float) -> hl.History:
    """Return the startup."""
    return hl.evolve(
        MODEL, hl.Startup(STARTUP_RATE), hl.gaussian(STD), float(TIMES[-1]),
        t_eval=TIMES, rtol=rtol,
    )  # fmt: skip


def run_facts(rtol: float) -> tuple[float, float]:
    """Return the error of the mass at all times and the least density at the end."""
    history = run(rtol)
    masses = history.final.mass(FACES, MODEL.thresholds)[0]
    return float(np.abs(history.mass_error).max()), density_facts(masses, np.diff(FACES))[1]


def startup(rtol: float) -> Run:
    """Return the startup at a tolerance, to be measured."""
    return Run(
        "startup", TOOL, f"evolve, rtol {rtol:.0e}",
        lambda: Answer(run(rtol).stress), lambda: run_facts(rtol),
    )  # fmt: skip


def modulus() -> Answer:
    """Return G*."""
    return Answer(np.asarray(hl.complex_modulus(hl.Model(FLUID), np.array(FREQUENCIES))))


RUNS = (
    Run(
        "flow curve", TOOL, "plain: exact",
        lambda: flow_curve(hl.Exact()), lambda: flow_facts(hl.Exact()),
    ),
    Run(
        "flow curve", TOOL, "finite volumes, rtol 1e-6",
        lambda: flow_curve(hl.FiniteVolume(rtol=1e-6)),
        lambda: flow_facts(hl.FiniteVolume(rtol=1e-6)),
    ),
    *(startup(rtol) for rtol in (1e-2, 1e-3, 1e-4, 1e-5)),
    Run("startup", TOOL, "plain: evolve, rtol 1e-6", startup(1e-6).call, startup(1e-6).look),
    Run("modulus", TOOL, "plain: complex_modulus()", modulus),
)  # fmt: skip
