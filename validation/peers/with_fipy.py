"""Solve the cases with FiPy: finite volumes on a mesh of stress, implicit in time.

0 and the thresholds lie on faces. A stationary state is one linear solve for unit activity and a
given D, and a scalar root for D by scipy; a run in time is swept until the activity settles.
"""

from __future__ import annotations

import itertools
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

TOOL, PACKAGE = "FiPy", "fipy"


def equation(widths: np.ndarray, low: float, rate: float, convection: str, transient: bool) -> Any:
    """Return P, the equation, its D and activity to be set, outside (0 or 1) and the stresses."""
    import fipy

    mesh = fipy.Grid1D(dx=widths) + low
    s = mesh.cellCenters.value[0]
    outside = (np.abs(s) > 1.0).astype(float)
    beside = np.abs(s) <= np.sort(np.abs(s))[1] * (1.0 + 1e-9)  # the two cells at zero
    landing = fipy.CellVariable(mesh=mesh, value=beside / widths[beside].sum())
    P = fipy.CellVariable(mesh=mesh, hasOld=True)
    D, activity = fipy.Variable(1.0), fipy.Variable(1.0)
    drift = getattr(fipy, convection + "ConvectionTerm")(coeff=[rate])
    sink = fipy.ImplicitSourceTerm(coeff=fipy.CellVariable(mesh=mesh, value=outside))
    right = fipy.DiffusionTerm(coeff=D) - drift - sink + activity * landing
    return P, (fipy.TransientTerm() if transient else 0) == right, D, activity, outside, s


def startup(cells_in_unit: int, steps: int, sweeps: int, convection: str) -> Answer:
    """Return the stress of the startup, by backward Euler steps of equal length."""
    import fipy

    widths = np.full(8 * cells_in_unit, 1.0 / cells_in_unit)
    P, march, D, activity, outside, s = equation(widths, -4.0, STARTUP_RATE, convection, True)
    P.setValue(np.exp(-0.5 * (s / STD) ** 2) / (np.sqrt(2.0 * np.pi) * STD))
    solver, stress = fipy.LinearLUSolver(), [0.0]
    each = steps // (TIMES.size - 1)
    for n in range(1, steps + 1):
        P.updateOld()
        for _ in range(sweeps):
            activity.setValue(float(outside @ (P.value * widths)))
            D.setValue(ALPHA * activity.value)
            march.sweep(var=P, dt=TIMES[-1] / steps, solver=solver)
        if n % each == 0:
            stress.append(float(s @ (P.value * widths)))
    return Answer(np.array(stress), density_facts(P.value * widths, widths))


def stationary(rate: float, widths: np.ndarray, low: float, convection: str) -> Any:
    """Return the stationary stress and the facts of its density."""
    import fipy
    from scipy.optimize import brentq

    P, balance, D, _, outside, s = equation(widths, low, rate, convection, False)
    solver = fipy.LinearLUSolver()

    def excess(log_D: float) -> float:
        D.setValue(np.exp(log_D))
        balance.solve(var=P, solver=solver)  # the density of unit activity
        return float(np.log(ALPHA / (P.value @ widths))) - log_D

    excess(brentq(excess, np.log(1e-2 * rate / (1.0 + rate)), np.log(ALPHA), xtol=1e-11))
    density = P.value / (P.value @ widths)
    least = density_facts(density * widths, widths)[1]
    # for unit activity the mass outside is one, if mass is conserved
    return float(density * widths @ s), (float(abs(outside @ (P.value * widths) - 1.0)), least)


def graded(points: tuple[float, ...], finest: float, growth: float) -> np.ndarray:
    """Return widths of cells between points, growing away from each of them."""
    widths = []
    for a, b in itertools.pairwise(points):
        count = int(np.log1p(0.5 * (b - a) * growth / finest) / growth) + 1
        half = np.exp(growth * np.arange(count))
        both = np.concatenate([half, half[::-1]])
        widths.append(both * (b - a) / both.sum())
    return np.concatenate(widths)


def flow_curve(cells_in_unit: int | None, convection: str, growth: float = 0.01) -> Answer:
    """Return stationary stresses; a graded mesh where no cells in a unit are given."""
    values, facts = [], []
    for rate in RATES:
        noise = min(0.3, rate) ** 0.5  # what a first solve shows: sqrt(D) is less
        low, high = -1.0 - 16.0 * noise, 1.0 + 30.0 * max(rate, noise)
        if cells_in_unit is None:
            widths = graded((low, -1.0, 0.0, 1.0, high), 0.1 * growth * noise, growth)
        else:
            low, high = np.round(low * cells_in_unit), np.round(high * cells_in_unit)
            widths = np.full(int(high - low), 1.0 / cells_in_unit)
            low /= cells_in_unit
        stress, own = stationary(rate, widths, low, convection)
        values.append(stress)
        facts.append(own)
    return Answer(np.array(values), worst(facts))


RUNS = (
    Run("flow curve", TOOL, "plain: 50 cells, power law", lambda: flow_curve(50, "PowerLaw")),
    Run(
        "flow curve", TOOL, "graded, growth 0.01, central",
        lambda: flow_curve(None, "CentralDifference"),
    ),
    Run(
        "flow curve", TOOL, "graded, growth 0.0025, central",
        lambda: flow_curve(None, "CentralDifference", 0.0025),
    ),
    Run(
        "startup", TOOL, "plain: 50 cells, power law, step 0.05",
        lambda: startup(50, 400, 2, "PowerLaw"),
    ),
    Run(
        "startup", TOOL, "50 cells, central, step 0.0125",
        lambda: startup(50, 1600, 2, "CentralDifference"),
    ),
)  # fmt: skip
