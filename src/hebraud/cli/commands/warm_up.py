"""The command ``hebraud warm-up``: compile all kernels, so that no later run waits for it.

It calls the library as users do, on small inputs: a list of signatures would go out of date. A test
checks that no kernel is left out.
"""

from __future__ import annotations

import time

import numpy as np
import typer

import hebraud

__all__ = ["command"]


def command() -> None:
    """Compile all kernels now, not at their first use (a minute, once per installation)."""
    from hebraud._kernels.compiled import COMPILED, folder

    kept = folder()
    if kept is None:
        raise OSError(
            "compiled kernels cannot be kept: neither NUMBA_CACHE_DIR, nor the folder of the "
            "package, nor the user's cache folder can be written to; set NUMBA_CACHE_DIR"
        )
    begin = time.perf_counter()
    before = len(COMPILED)
    for part in (_states, _runs, _fits, _particles):
        part()
    took = time.perf_counter() - begin
    count = len(COMPILED) - before
    if count:
        typer.echo(f"{count} kernels compiled in {took:.1f} s, kept in {kept}")
    else:
        typer.echo(f"all kernels are compiled ({took:.1f} s to look), kept in {kept}")


def _models() -> list[hebraud.Model]:
    """Return models that differ in what the solvers compile: one or many classes, every landing."""
    from scipy.stats import norm

    law, half = norm(1.0, 0.2), hebraud.FractionalDrop(0.5)
    return [
        hebraud.Model(0.3),
        hebraud.Model(0.3, thresholds=hebraud.Redrawn(law)),
        hebraud.Model(
            0.3, thresholds=hebraud.Quenched(law), relaxation=hebraud.FractionalDrop(0.5)
        ),
        hebraud.Model(0.3, thresholds=hebraud.Redrawn(law), relaxation=half),
        hebraud.Model(0.3, relaxation=hebraud.GaussianLanding(0.9, 0.1)),
    ]


def _states() -> None:
    coarse = hebraud.FiniteVolume(rtol=1e-2)
    hebraud.flow_curve(hebraud.Model(0.3), [0.1])
    for model in _models():
        hebraud.steady_state(model, 0.1, coarse)
        hebraud.complex_modulus(model, [1.0], shear_rate=0.1, rtol=1e-2)
    hebraud.steady_state(_models()[-1], 1e3, coarse)  # cells wider than 2 D/g


def _runs() -> None:
    past = hebraud.gaussian(0.3)
    for model in _models():
        hebraud.evolve(model, hebraud.Startup(0.1), past, 5.0, rtol=1e-2)
        hebraud.evolve(model, hebraud.Startup(1e3), past, 1e-3, rtol=1e-2)  # the grid moves
        hebraud.simulate_blocks(model, hebraud.Startup(0.1), past, 1.0, blocks=1000, seed=1)


def _fits() -> None:
    rate = np.geomspace(1e-3, 1e1, 8)
    hebraud.fit_flow_curve(rate, hebraud.flow_curve(hebraud.Model(0.3), rate).stress)


def _particles() -> None:
    from hebraud.md import Configuration, Mixture
    from hebraud.md.glass.trajectory import Frames
    from hebraud.md.measure.block_stress import block_stress
    from hebraud.md.measure.clusters import label_clusters
    from hebraud.md.measure.diffusion import stress_differences
    from hebraud.md.measure.local_yield import local_yield
    from hebraud.md.measure.nonaffine import d2min_series

    mixture = Mixture()
    rng = np.random.default_rng(1)
    box = np.array([12.0, 12.0])
    column, row = np.divmod(np.arange(144), 12)
    lattice = np.array([column + 0.5, row + 0.5], dtype=np.float64).T.copy()
    place = lattice + rng.uniform(-0.2, 0.2, (2, *lattice.shape))
    species = np.ones(len(lattice), dtype=np.int32)
    frames = Frames(np.arange(2.0), np.zeros(2), place, species, box, 0.1 * place)
    block_stress(frames, mixture, 2)
    d2min_series(frames, lag=1.0)
    label_clusters(rng.random((6, 6)) < 0.5)
    stress_differences([rng.standard_normal((64, 4))], 0.1, 0.0, time_blocks=2)
    still = np.zeros_like(lattice)
    glass = Configuration(lattice, still, species, still.astype(np.int64), float(box[0]), 0.0)
    local_yield(glass, mixture, [[6.0, 6.0]], 3.0, max_strain=0.01, strain_step=0.005)
