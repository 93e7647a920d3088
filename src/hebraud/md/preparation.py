"""From random places to a glass at rest: melt, equilibrate, quench, relax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import check_number, check_whole_number
from hebraud.md.configuration import Configuration
from hebraud.md.engine import box_with, command_all, read_particles
from hebraud.md.errors import UnstableRun
from hebraud.md.mixture import Mixture

__all__ = ["Preparation", "prepare"]


@dataclass(frozen=True)
class Preparation:
    """The thermal history of a glass; temperatures in eps_AA/k_B, times in tau_0.

    Parameters
    ----------
    melt_temperature, melt_time : float
        Langevin dynamics that forgets the random start.
    equilibrium_temperature, equilibrium_time : float
        Langevin dynamics in the supercooled liquid.
    quench_rate : float
        Temperature lost per tau_0 on the way from ``equilibrium_temperature`` to zero, linear.
    rest_time : float
        Damped dynamics at T = 0 afterwards.

    Raises
    ------
    ValueError
        For a parameter that is not finite and > 0; the message names it.
    """

    melt_temperature: float = 3.0
    melt_time: float = 20.0
    equilibrium_temperature: float = 1.0
    equilibrium_time: float = 50.0
    quench_rate: float = 0.1
    rest_time: float = 20.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, check_number(name, getattr(self, name), above=0.0))


def _random_places(
    particles: int, side: float, apart: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Drop particles one by one at random, again where one is nearer than ``apart`` (periodic)."""
    places = np.empty((particles, 2))
    for placed in range(particles):
        while True:
            place = rng.uniform(0.0, side, 2)
            gap = places[:placed] - place
            gap -= side * np.round(gap / side)
            if placed == 0 or np.min(np.sum(gap**2, axis=1)) >= apart**2:
                break
        places[placed] = place
    return places


def _random_start(
    mixture: Mixture, particles: int, density: float, rng: np.random.Generator
) -> Configuration:
    side = mixture.box(particles, density)
    n_a, n_b = mixture.counts(particles)
    apart = 0.6 * side / np.sqrt(particles)  # half of what random dropping can reach in area
    return Configuration(
        position=_random_places(particles, side, apart, rng),
        velocity=np.zeros((particles, 2)),
        species=np.repeat(np.array([1, 2], dtype=np.int32), [n_a, n_b]),
        image=np.zeros((particles, 2), dtype=np.int64),
        side=side,
        tilt=0.0,
    )


def _commands(mixture: Mixture, history: Preparation, seeds: NDArray[np.int64]) -> list[str]:
    def run(time: float) -> str:
        return f"run {max(1, round(time / mixture.timestep))}"

    melt, warm = history.melt_temperature, history.equilibrium_temperature
    return [
        *mixture.pair_commands(),
        "minimize 0.0 1e-4 1000 10000",
        f"velocity all create {melt!r} {seeds[0]} dist gaussian",
        *mixture.thermal_commands(melt, melt, int(seeds[1])),
        run(history.melt_time),
        f"velocity all scale {warm!r}",
        *mixture.thermal_commands(warm, warm, int(seeds[2])),
        run(history.equilibrium_time),
        *mixture.thermal_commands(warm, 0.0, int(seeds[3])),
        run(warm / history.quench_rate),
        *(f"unfix {fix}" for fix in ("plane", "bath", "move")),
        *mixture.athermal_commands(),
        run(history.rest_time),
    ]


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
        Fixes the random start and every thermal noise, >= 0. The same seed with the same LAMMPS on
        the same kind of processor gives the same configuration bit for bit.
    history : Preparation, optional
        The thermal history; None takes ``Preparation()``.

    Raises
    ------
    ValueError
        For arguments outside their range.
    UnstableRun
        If LAMMPS stops, a particle leaves the plane, or what comes out is not at rest.
    MissingDependency
        If LAMMPS is not installed.
    """
    seed = check_whole_number("seed", seed)
    rng = np.random.default_rng(seed)
    start = _random_start(mixture, particles, density, rng)
    noise = rng.integers(1, 900_000_000, size=4)
    with box_with(mixture, start) as engine:
        command_all(engine, _commands(mixture, history or Preparation(), noise))
        glass = read_particles(engine, start, strain_step=0.0, steps=0)
    temperature = float(np.mean(glass.velocity**2)) * mixture.mass
    if temperature > 1e-2:
        raise UnstableRun(
            f"the glass is not at rest after the quench: its kinetic temperature is "
            f"{temperature:.3g}, at most 0.01 is allowed; take a longer rest_time"
        )
    return glass
