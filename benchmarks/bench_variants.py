"""Measures of stationary states with many thresholds: part of ``make bench``."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

import hebraud as hl
from benchmarks.bench import Row, fastest
from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.steady.finite_volume import root, solve
from hebraud.solvers.steady.null_vector import Stationary
from hebraud.solvers.steady.roots import Family

FloatArray = NDArray[np.float64]

KINDS = (hl.Redrawn, hl.Quenched)
RATES = (1e-4, 1e-2, 1.0)
RTOL = 1e-5


def _model(
    kind: type[hl.Redrawn] | type[hl.Quenched],
    nodes: int = 32,
    coupling: hl.ActivityNoise | hl.DropNoise | None = None,
) -> hl.Model:
    """Return the case that is measured: thresholds 0.6 … 1.4, events that release a fifth."""
    law = kind(np.linspace(0.6, 1.4, nodes))
    return hl.Model(
        coupling or hl.ActivityNoise(0.3), relaxation=hl.FractionalDrop(0.2), thresholds=law
    )


def _cases() -> list[tuple[hl.ActivityNoise | hl.DropNoise, float]]:
    couplings = [noise(alpha) for noise in (hl.ActivityNoise, hl.DropNoise) for alpha in (0.1, 0.3)]
    return list(itertools.product(couplings, RATES))


def states() -> list[Row]:
    """Measure the worst time and true error of 32 thresholds and a partial drop, at 1e-5."""
    rows, how = [], "worst of g = 1e-4, 1e-2, 1; alpha = 0.1, 0.3; ActivityNoise, DropNoise; warm"
    for kind in KINDS:
        times, errors, honest = [], [], []
        for coupling, rate in _cases():
            model = _model(kind, 32, coupling)
            state = solve(model, rate, rtol=RTOL)
            times.append(fastest(partial(solve, model, rate, rtol=RTOL), 7))
            grid = getattr(state.distribution, "grid")  # noqa: B009 - of solve's own states
            fine = solve(model, rate, cells=5 * grid.centres.size)
            errors.append(
                max(
                    abs(state.stress / fine.stress - 1.0),
                    abs(state.diffusion / fine.diffusion - 1.0),
                )
            )
            honest.append(errors[-1] / state.error_estimate)
        name = f"{kind.__name__}, 32 thresholds, drop 0.2"
        rows += [
            Row(f"{name}: stationary state at 1e-5", 1e3 * max(times), "ms", 100.0, how),
            Row(f"{name}: the same, median", 1e3 * float(np.median(times)), "ms", None, how),
            Row(
                f"{name}: true error of stress and D",
                max(errors),
                "relative",
                RTOL,
                "against five times the cells, whose own error is a twentieth",
            ),
            Row(f"{name}: true error over its estimate", max(honest), "times", 2.0, "the same"),
        ]
    return rows


def _least_cpu(calls: list[Callable[[], object]], repetitions: int) -> FloatArray:
    """Return the least CPU time of every call, in turns: a shared machine slows all alike."""
    best = np.full(len(calls), np.inf)
    for _ in range(repetitions):
        for k, call in enumerate(calls):
            start = time.process_time()
            call()
            best[k] = min(best[k], time.process_time() - start)
    return best


def slopes() -> list[Row]:
    """Measure cost against the number of thresholds at equal cells: linear, so slope 1."""
    rows, nodes, cells = [], np.array([24, 48, 96, 192]), 1500
    for kind in KINDS:
        null_vectors: list[Callable[[], object]] = []
        states: list[Callable[[], object]] = []
        for n in nodes:
            model = _model(kind, int(n))
            chain = Family.around(model, 1e-2, 0.04, model.thresholds.nodes()).chain(cells)
            log_d = float(np.log(root(chain, np.log(0.04), -0.6)[0]))

            def cold(chain: Stationary = chain, x: float = log_d) -> object:
                fresh = Stationary(chain.model, chain.generator, chain.shear_rate)
                return root(fresh, x + 0.02, -0.6)

            null_vectors.append(cold)
            states.append(partial(solve, model, 1e-2, cells=2 * cells))
        for what, calls, how in (
            ("D on one grid", null_vectors, f"{cells} cells"),
            ("a whole state", states, f"{cells} and {2 * cells} cells, coarse grids to guess D"),
        ):
            times = _least_cpu(calls, 25 if calls is null_vectors else 5)
            slope = float(np.polyfit(np.log(nodes), np.log(times), 1)[0])
            seen = ", ".join(f"{1e3 * t:.3g}" for t in times)
            rows.append(
                Row(
                    f"{kind.__name__}: {what}: slope of the cost by thresholds, less 1",
                    slope - 1.0,
                    "",
                    0.1,
                    f"24 … 192 thresholds, {how}; slope {slope:.2f}; CPU {seen} ms",
                )
            )
    return rows


def _null_vector(model: hl.Model, generator: Generator) -> object:
    return Stationary(model, generator, 1e-2).occupation(0.04)


def sweeps() -> list[Row]:
    """Time one sweep over all classes (land, stay, yield) and a null vector in sweeps."""
    from hebraud._kernels.grids.elimination import factor, occupation
    from hebraud._kernels.grids.sums import yields

    rows = []
    for kind in KINDS:
        model = _model(kind)
        family = Family.around(model, 1e-2, 0.04, model.thresholds.nodes())
        generator = family.chain(960).generator
        rates, middle = generator.rates, generator.grid.first_right
        up, down = generator.transport(0.04, 1e-2)
        inverse, leak = np.empty_like(rates), np.empty((2, rates.shape[1]))
        factor(up, down, rates, middle, inverse, leak)
        columns = 1 if generator.redraws else rates.shape[1]
        share = generator.weights if columns == 1 else np.ones(columns)
        mass, out = np.empty_like(rates), rates[:, :columns].copy()

        def sweep() -> None:
            occupation(up, down, inverse, leak, middle, generator.landing.land(out), share, mass)  # noqa: B023
            yields(rates, mass, out)  # noqa: B023

        one = fastest(sweep, 200)
        out[:] = rates[:, :columns]
        whole = fastest(partial(_null_vector, model, generator), 20)
        rows += [
            Row(
                f"{kind.__name__}: one sweep, 32 classes of 960 cells",
                1e3 * one,
                "ms",
                0.5,
                "land, tridiagonal occupation of every class, yield",
            ),
            Row(
                f"{kind.__name__}: a null vector to round-off, from nothing, in sweeps",
                whole / one,
                "sweeps",
                100.0,
                f"{1e3 * whole:.2f} ms; GMRES took some hundred sweeps (redrawn), "
                "thousands (quenched)",
            ),
        ]
    return rows


GROUPS = (states, slopes, sweeps)
