"""Makes d2min_ovito.npz from frames_N400.npz with OVITO's modifier, where OVITO is installed.

``python tests/data/d2min_ovito.py`` (needs numpy and ovito only).
"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
from pathlib import Path

import numpy as np
import ovito
from ovito.data import DataCollection
from ovito.modifiers import AtomicStrainModifier
from ovito.pipeline import Pipeline, PythonSource

HERE = Path(__file__).parent
LAG, CUTOFF = 4, 2.5


def pipeline(position, strain, box, cutoff):
    """A pipeline over two frames that compares frame 1 with frame 0."""
    lx, ly = box

    def fill(frame: int, data: DataCollection) -> None:
        cell = [[lx, strain[frame] * ly, 0, 0], [0, ly, 0, 0], [0, 0, 1, 0]]
        data.create_cell(cell, pbc=(True, True, False)).is2D = True
        particles = data.create_particles(count=position.shape[1])
        place = np.zeros((position.shape[1], 3))
        place[:, :2] = position[frame]
        particles.create_property("Position", data=place)
        particles.create_property("Particle Identifier", data=np.arange(1, len(place) + 1))

    class Source(ovito.pipeline.PipelineSourceInterface):
        def compute_trajectory_length(self, **_: object) -> int:
            return 2

        def create(self, data: DataCollection, *, frame: int, **_: object) -> None:
            fill(frame, data)

    built = Pipeline(source=PythonSource(delegate=Source()))
    built.modifiers.append(
        AtomicStrainModifier(
            cutoff=cutoff,
            output_nonaffine_squared_displacements=True,
            reference_frame=0,
            minimum_image_convention=True,
        )
    )
    return built


def d2min(position, strain, box, cutoff=CUTOFF):
    """OVITO's non-affine squared displacement from frame 0 to frame 1 of two."""
    found = pipeline(position, strain, box, cutoff).compute(1)
    return np.array(found.particles["Nonaffine Squared Displacement"])


def main() -> None:
    source = HERE / "frames_N400.npz"
    frames = np.load(source)
    position, strain = frames["frames_position"], frames["frames_strain"]
    found = np.array(
        [
            d2min(position[[k, k + LAG]], strain[[k, k + LAG]], frames["frames_box"])
            for k in range(len(strain) - LAG)
        ]
    )
    np.savez_compressed(HERE / "d2min_ovito.npz", d2min=found)
    certificate = {
        "what": f"D2min of frames_N400.npz from each frame to the {LAG}th after it, cutoff {CUTOFF}"
        " sigma_AA, by OVITO's AtomicStrainModifier (nonaffine squared displacements, "
        "minimum images, unflipped cells)",
        "made by": "python tests/data/d2min_ovito.py",
        "date": datetime.date.today().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "ovito": ovito.version_string,
            "numpy": np.__version__,
        },
        "sha256 of frames_N400.npz": hashlib.sha256(source.read_bytes()).hexdigest(),
        "tolerance": "1e-10 sigma_AA^2: two double-precision programs; sums of some 25 squares of "
        "order 1 from positions of order 20",
    }
    (HERE / "d2min_ovito.json").write_text(json.dumps(certificate, indent=1) + "\n")


if __name__ == "__main__":
    main()
