"""Makes frames_N400.npz and its birth certificate: ``python tests/data/frames_N400.py``."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hebraud.md import Configuration, Mixture, prepare, shear
from hebraud.md.glass.trajectory import Frames

HERE = Path(__file__).parent
RATE, STRAIN, FRAMES, STEPS = 1e-2, 0.45, 12, 200  # steps of 0.005 tau_0


def folded(start: Configuration) -> Configuration:
    """Put every particle into the box, and count the edges crossed."""
    edges = np.array([[start.side, 0.0], [start.tilt, start.side]])
    crossed = np.floor(np.linalg.solve(edges.T, start.position.T).T).astype(np.int64)
    return replace(start, position=start.position - crossed @ edges, image=start.image + crossed)


def main() -> None:
    mixture = Mixture()
    now = prepare(mixture, particles=400, density=1.189, seed=1)
    before = round(STRAIN / (RATE * mixture.timestep))
    now, _ = shear(mixture, now, RATE, before, sample_every=before)
    rows = []
    for _ in range(FRAMES):
        rows.append((now.steps * mixture.timestep, now.strain, now.unwrapped))
        now, _ = shear(mixture, folded(now), RATE, STEPS, sample_every=STEPS)
    time, strain, position = (np.array(column) for column in zip(*rows, strict=True))
    box = np.array([now.side, now.side])
    frames = Frames(time, strain, position, now.species, box)
    target = HERE / "frames_N400.npz"
    np.savez_compressed(target, **frames.arrays())
    certificate = {
        "what": "12 frames, 1 tau_0 apart, of N = 400 particles at density 1.189 under steady "
        f"shear at {RATE:g}, from strain {STRAIN:g} on; the box flips at 0.5. Raw output of the "
        "simulation, positions followed across edges, double precision, nothing left out",
        "made by": "python tests/data/frames_N400.py (hebraud.md: glass of seed 1, LAMMPS)",
        "date": datetime.date.today().isoformat(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("lammps", "numpy", "hebraud")},
        },
        "machine": f"{platform.machine()}, {sys.platform}",
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "tolerance": "the particles follow a chaotic path: another LAMMPS or processor gives "
        "other frames of the same statistics. Tests use the frames as they are, as input.",
    }
    (HERE / "frames_N400.json").write_text(json.dumps(certificate, indent=1) + "\n")


if __name__ == "__main__":
    main()
