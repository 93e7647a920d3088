"""Makes steady_flow.npz and its birth certificate; needs LAMMPS, half a minute.

The configuration is our own run; the block curves are LAMMPS' alone (bench_frozen.whole_box).
"""

import datetime
import hashlib
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.bench_frozen import whole_box  # noqa: E402
from hebraud.md import Mixture, prepare, shear  # noqa: E402
from hebraud.md.lammps.engine import lammps_version  # noqa: E402

WIDTH, STRAIN_STEP, TOLERANCE = 6.0, 1e-3, 1e-9
STEPS = (60, 60, 95)  # the third goes through its yield point to the next minimum
EXCLUDE = "neigh_modify exclude group matrix matrix"


def main() -> None:
    mixture = Mixture()
    flow = prepare(mixture, particles=1000, density=1.189, seed=1)
    for _ in range(6):
        flow, _ = shear(mixture, flow, shear_rate=1e-3, steps=20_000)
    centres = np.random.default_rng(0).uniform(0.0, flow.side, (3, 2))
    curves = {
        f"lammps_{at}": whole_box(
            mixture, flow, centre, WIDTH, STRAIN_STEP, steps, TOLERANCE, EXCLUDE
        )
        for at, (centre, steps) in enumerate(zip(centres, STEPS, strict=True))
    }
    path = HERE / "steady_flow.npz"
    np.savez_compressed(path, **flow.arrays(), centres=centres, **curves)
    certificate = {
        "what": "N = 1000, density 1.189, in steady flow at shear rate 1e-3, strain 0.6; stress of "
        "three blocks of width 6 in a frozen matrix, strain steps of 1e-3, by LAMMPS minimize",
        "command": "python tests/data/steady_flow.py",
        "source": "prepare(Mixture(), 1000, 1.189, seed=1), six times shear(.., 1e-3, 20000); "
        "block curves: benchmarks/bench_frozen.py whole_box, cg, line forcezero",
        "date": datetime.date.today().isoformat(),
        "versions": {
            "lammps": lammps_version(),
            "hebraud": version("hebraud"),
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
        },
        "tolerance": "1e-6 for the block stress: forces are relaxed to 1e-9 eps/sigma, the softest "
        "modes are 1e2 times softer than a bond; where a pair sits at the cutoff, whose force "
        "jumps by 0.04, two minima exist whose stresses differ by up to 2e-3",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    text = json.dumps(certificate, indent=2, ensure_ascii=False) + "\n"
    (HERE / "steady_flow.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
