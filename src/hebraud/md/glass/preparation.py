"""The thermal history of a glass: random start, melt, equilibrate, quench, relax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hebraud._typing import Floats, Ints
from hebraud.errors import check_number
from hebraud.md.glass.configuration import Configuration
from hebraud.md.glass.mixture import Mixture

__all__ = ["Preparation", "preparation_commands", "random_start"]


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
        Linear cooling from ``equilibrium_temperature`` to zero, in temperature per tau_0.
    rest_time : float
        Damped dynamics at T = 0 afterwards.

    Raises ``ValueError`` for a parameter that is not finite and > 0.
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


def _random_places(particles: int, side: float, apart: float, rng: np.random.Generator) -> Floats:
    """Return random places, drawn again where one is nearer than ``apart`` (periodic)."""
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


def random_start(
    mixture: Mixture, particles: int, density: float, rng: np.random.Generator
) -> Configuration:
    """Return particles at rest at random places, with a least distance."""
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


def preparation_commands(mixture: Mixture, history: Preparation, seeds: Ints) -> list[str]:
    """Return LAMMPS commands for a thermal history; ``seeds`` are four."""

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
