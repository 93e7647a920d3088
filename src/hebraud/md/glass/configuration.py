"""The exact state of all particles, from which a segment starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hebraud._typing import Arrays, Floats, Ints
from hebraud.md.errors import UnstableRun

__all__ = ["Configuration", "unwrap"]


def unwrap(position: Floats, image: Ints, side: float, tilt: float) -> Floats:
    """Return position + image[:, 0] (side, 0) + image[:, 1] (tilt, side), shape (N, 2)."""
    edges = np.array([[side, 0.0], [tilt, side]])
    return np.asarray(position + image @ edges, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Configuration:
    """Particles in a sheared periodic box with edges (side, 0) and (tilt, side).

    Row i belongs to the particle with LAMMPS id i + 1.

    Parameters
    ----------
    position : (N, 2) array of float
        x, y in sigma_AA, near or inside the box.
    velocity : (N, 2) array of float
        Velocity relative to the affine flow, in sigma_AA/tau_0.
    species : (N,) array of int
        1 for A, 2 for B.
    image : (N, 2) array of int
        Box edges crossed since the start: position + image[:, 0] (side, 0)
        + image[:, 1] (tilt, side) is continuous in time, also where the box flips.
    side, tilt : float
        The box, in sigma_AA; abs(tilt) <= side/2.
    steps : int
        Time steps under shear since the quench.
    strain : float
        Shear strain since the quench, continuous where the tilt flips.
    """

    position: Floats
    velocity: Floats
    species: NDArray[np.int32]
    image: Ints
    side: float
    tilt: float
    steps: int = 0
    strain: float = 0.0

    @property
    def particles(self) -> int:
        """Return the number of particles."""
        return len(self.position)

    @property
    def unwrapped(self) -> Floats:
        """Return positions followed across the periodic edges, (N, 2), in sigma_AA."""
        return unwrap(self.position, self.image, self.side, self.tilt)

    def strain_after(self, strain_step: float, steps: Any) -> Any:
        """Return the strain after ``steps`` more (a number or an array) of ``strain_step`` each.

        The sum of all steps is one product, so that segments of equal rate add no rounding.
        """
        earlier = self.strain - strain_step * self.steps  # exactly 0 where the rate was the same
        return strain_step * (self.steps + steps) + earlier

    def flips(self, strain: float, tilt: float) -> int:
        """Return how often the box flips when ``strain`` more leads to ``tilt``.

        Raises ``UnstableRun`` if no number of flips explains the tilt.
        """
        moved = self.tilt + strain * self.side
        count = round((moved - tilt) / self.side)
        if abs(moved - tilt - count * self.side) > 1e-8 * self.side:
            raise UnstableRun(
                f"the box tilt is {tilt!r} where the strain asks for {moved!r} (modulo the side "
                f"{self.side!r}): the box was not sheared as asked"
            )
        return count

    def image_after(self, crossed: Ints, flips: int) -> Ints:
        """Return the image of particles that have ``crossed`` edges since, after ``flips``.

        ``crossed`` counts in the edges of the box as it is now.
        """
        image = self.image + crossed
        image[:, 0] += flips * self.image[:, 1]
        return image

    def arrays(self) -> Arrays:
        """Return the content as named arrays."""
        return {
            "position": self.position,
            "velocity": self.velocity,
            "species": self.species,
            "image": self.image,
            "box": np.array([self.side, self.tilt]),
            "strain": np.array([self.strain]),
            "steps": np.array([self.steps], dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Configuration:
        """Return the configuration of these arrays."""
        return cls(
            position=arrays["position"],
            velocity=arrays["velocity"],
            species=arrays["species"],
            image=arrays["image"],
            side=float(arrays["box"][0]),
            tilt=float(arrays["box"][1]),
            steps=int(arrays["steps"][0]),
            strain=float(arrays["strain"][0]),
        )
