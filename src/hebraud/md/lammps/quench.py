"""From random places to a glass at rest, in LAMMPS."""

from __future__ import annotations

import numpy as np

from hebraud.errors import check_whole_number
from hebraud.md.errors import UnstableRun
from hebraud.md.glass.configuration import Configuration
from hebraud.md.glass.mixture import Mixture
from hebraud.md.glass.preparation import Preparation, preparation_commands, random_start
from hebraud.md.lammps.engine import box_with, command_all, read_particles

__all__ = ["prepare"]


def prepare(
    mixture: Mixture,
    particles: int,
    density: float,
    seed: int,
    history: Preparation | None = None,
) -> Configuration:
    """Return a glass at rest: N particles in a square box, quenched to T = 0.

    Parameters
    ----------
    mixture : Mixture
    particles : int
        Number of particles N.
    density : float
        Particles per area, in 1/sigma_AA^2.
    seed : int
        Of the random start and the thermal noise, >= 0. The same seed with the same LAMMPS on the
        same kind of processor gives the same configuration bit for bit.
    history : Preparation, optional
        The thermal history; None takes ``Preparation()``.

    Raises
    ------
    ValueError
        For arguments outside their range.
    UnstableRun
        If LAMMPS stops, a particle leaves the plane, or the result is not at rest.
    MissingDependency
        If LAMMPS is not installed.
    """
    seed = check_whole_number("seed", seed)
    rng = np.random.default_rng(seed)
    start = random_start(mixture, particles, density, rng)
    noise = rng.integers(1, 900_000_000, size=4)
    with box_with(mixture, start) as engine:
        command_all(engine, preparation_commands(mixture, history or Preparation(), noise))
        glass = read_particles(engine, start, strain_step=0.0, steps=0)
    temperature = float(np.mean(glass.velocity**2)) * mixture.mass
    if temperature > 1e-2:
        raise UnstableRun(
            f"the glass is not at rest after the quench: its kinetic temperature is "
            f"{temperature:.3g}, at most 0.01 is allowed; take a longer rest_time"
        )
    return glass
