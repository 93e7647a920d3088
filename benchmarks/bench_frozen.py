"""Time the yield of a block in a frozen matrix against LAMMPS on the whole box, one core.

Both strain in the same steps and relax to the same force tolerance, up to the same yield strain.
Rows for ``bench.py``; run alone it prints them. Needs LAMMPS; about a minute.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import Row
from hebraud.md import Configuration, Mixture, Preparation, prepare
from hebraud.md.lammps.engine import box_with, command_all
from hebraud.md.measure.local_yield import local_yield

WIDTH, STRAIN_STEP, TOLERANCE = 6.0, 1e-3, 1e-6
QUICK = Preparation(melt_time=5.0, equilibrium_time=10.0, quench_rate=0.2, rest_time=20.0)


def targets(configuration: Configuration, centre: NDArray[np.float64], width: float) -> list[int]:
    """Return the LAMMPS ids of the particles in an upright square, by all nine images."""
    c, inside = configuration, np.zeros(configuration.particles, dtype=bool)
    for a in (-1, 0, 1):
        for b in (-1, 0, 1):
            away = c.position - centre + np.array([a * c.side + b * c.tilt, b * c.side])
            inside |= np.all((away >= -width / 2) & (away < width / 2), axis=1)
    return (np.flatnonzero(inside) + 1).tolist()


def whole_box(
    mixture: Mixture,
    configuration: Configuration,
    centre: NDArray[np.float64],
    width: float,
    strain_step: float,
    steps: int,
    tolerance: float,
    *extra: str,
) -> NDArray[np.float64]:
    """Return the block stress at each strain, all by LAMMPS: no forces on the matrix, minimize."""
    chosen = " ".join(map(str, targets(configuration, centre, width)))
    stress = np.empty(steps + 1)
    with box_with(mixture, configuration) as engine:
        command_all(
            engine,
            [
                *mixture.pair_commands(),
                "velocity all set 0 0 0",
                f"group target id {chosen}",
                "group matrix subtract all target",
                *extra,
                "fix hold matrix setforce 0 0 0",
                "fix plane all enforce2d",
                "compute each target stress/atom NULL virial",
                "compute total target reduce sum c_each[4]",
                "thermo_style custom step c_total",
                "thermo 1000000",
                "min_style cg",
                "min_modify norm max line forcezero",
            ],
        )
        for row in range(steps + 1):
            if row:
                tilt = strain_step * configuration.side
                engine.command(f"change_box all xy delta {tilt!r} remap units box")
            engine.command(f"minimize 0 {tolerance!r} 100000 1000000")
            stress[row] = engine.extract_compute("total", 0, 0) / width**2
    return stress


def frozen(blocks: int = 50) -> list[Row]:
    """Time 50 blocks, and the block of median time again with LAMMPS."""
    mixture = Mixture()
    glass = prepare(mixture, 4000, 1.189, seed=1, history=QUICK)
    centres = np.random.default_rng(0).uniform(0.0, glass.side, (blocks, 2))
    measure = partial(
        local_yield, glass, mixture, width=WIDTH, strain_step=STRAIN_STEP, tolerance=TOLERANCE
    )
    measure(centres[:1])
    ours, strains = [], []
    for centre in centres:
        begin = time.perf_counter()
        strains.append(measure(centre[None]).strain_at_yield[0])
        ours.append(time.perf_counter() - begin)
    at = int(np.argsort(ours)[blocks // 2])
    steps = round(strains[at] / STRAIN_STEP) + 1
    rows = []
    for how, extra in (
        ("all pairs", ()),
        ("frozen pairs left out", ("neigh_modify exclude group matrix matrix",)),
    ):
        begin = time.perf_counter()
        whole_box(mixture, glass, centres[at], WIDTH, STRAIN_STEP, steps, TOLERANCE, *extra)
        theirs = time.perf_counter() - begin
        rows.append(
            Row(
                f"block to yield over whole-box LAMMPS, N = {glass.particles}, {how}",
                ours[at] / theirs,
                "times",
                1 / 8,
                f"{1e3 * ours[at]:.0f} ms a block, drops included, median of {blocks}; LAMMPS "
                f"{theirs:.1f} s on that block; yield strain {strains[at]:.3f}, "
                f"force {TOLERANCE:g}",
            )
        )
    return rows


GROUPS = (frozen,)

if __name__ == "__main__":
    for row in frozen():
        print(f"{row.what}: {row.value:.2g} {row.unit} (limit {row.limit:g}); {row.how}")
