"""Birth certificate of results_format_1/: files that every later version must read as they are.

Written by ``python tests/data/results_format_1.py`` with hebraud 0.1.0, format 1; ``provenance``
of each file has date and versions. What they hold is compared to the bit with the numbers printed
when they were written (densities, which are computed from it, to 1e-13: exp differs between
machines); the tests never write them again. A change that makes
them unreadable needs a new format number, and a reader of the old one.
"""

from pathlib import Path

import scipy.stats

import hebraud as hl
from hebraud.io import save

FOLDER = Path(__file__).with_suffix("")
MODEL = hl.Model(
    hl.DropNoise(0.26),
    relaxation=hl.ResidualStress(0.1),
    thresholds=hl.Redrawn(scipy.stats.weibull_min(3, scale=1.0)),
)
SCALES = hl.Scales(10.0, 2.0, 0.5)


def write() -> None:
    """Write the files, and print the numbers that they must give."""
    curve = hl.flow_curve(hl.Model(0.3), [1e-3, 1e-2, 1e-1]).physical(SCALES)
    state = hl.steady_state(MODEL, 0.01)
    grid = hl.steady_state(hl.Model(0.3), 0.1, hl.FiniteVolume(rtol=0.1, cells=128))
    run = hl.evolve(hl.Model(0.3), hl.Startup(0.1), hl.gaussian(0.3), 0.5, [0.1, 0.5], rtol=0.01)
    for name, result in {"curve": curve, "state": state, "grid": grid, "run": run}.items():
        save(result, FOLDER / f"{name}.h5", note="golden file of format 1")
    print([x.hex() for x in curve.stress.tolist()])
    print([float(found.density(0.25)).hex() for found in (state, grid)])
    print([x.hex() for x in run.stress.tolist()], float(run.final.masses.max()).hex())


if __name__ == "__main__":
    write()
