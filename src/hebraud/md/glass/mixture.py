"""The glass: a two-dimensional binary Lennard-Jones mixture under athermal shear.

Pair potential, truncated at ``cutoff`` and shifted to zero there:

    V_ab(r) = 4 eps_ab [(sigma_ab / r)^12 - (sigma_ab / r)^6] - V_ab(cutoff),   r < cutoff.

Units: energy eps_AA, length sigma_AA, mass m_A, time tau_0 = sigma_AA sqrt(m_A / eps_AA), k_B = 1.
Stress in two dimensions is force per length, eps_AA / sigma_AA^2. Nothing here needs LAMMPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hebraud.errors import check_number, check_whole_number

__all__ = ["Mixture"]


def _triple(name: str, values: tuple[float, float, float]) -> tuple[float, float, float]:
    if not isinstance(values, (tuple, list)) or len(values) != 3:
        raise ValueError(f"{name} must be three numbers (AA, AB, BB), got {values!r}")
    aa, ab, bb = (
        check_number(f"{name}[{pair}]", value, above=0.0)
        for pair, value in zip(("AA", "AB", "BB"), values, strict=True)
    )
    return aa, ab, bb


@dataclass(frozen=True)
class Mixture:
    """The binary mixture and its dynamics; the defaults are the paper's glass.

    Parameters
    ----------
    fraction_a : float
        Fraction of A particles, 0 < fraction_a < 1.
    energy : (float, float, float)
        eps_AA, eps_AB, eps_BB in eps_AA, > 0.
    diameter : (float, float, float)
        sigma_AA, sigma_AB, sigma_BB in sigma_AA, > 0.
    cutoff : float
        Truncation radius of every pair, in sigma_AA (one absolute radius for all pairs).
    mass : float
        Mass of every particle.
    damping : float
        Friction zeta of the athermal dynamics m dv/dt = F - zeta v, v measured from the affine
        flow; in m/tau_0, > 0.
    timestep : float
        Velocity-Verlet time step in tau_0.

    Raises ``ValueError`` for a parameter outside its range.
    """

    fraction_a: float = 0.65
    energy: tuple[float, float, float] = (1.0, 1.5, 0.5)
    diameter: tuple[float, float, float] = (1.0, 0.8, 0.88)
    cutoff: float = 2.5
    mass: float = 1.0
    damping: float = 1.0
    timestep: float = 0.005

    def __post_init__(self) -> None:
        def keep(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        keep("fraction_a", check_number("fraction_a", self.fraction_a, above=0.0, below=1.0))
        keep("energy", _triple("energy", self.energy))
        keep("diameter", _triple("diameter", self.diameter))
        keep("cutoff", check_number("cutoff", self.cutoff, above=max(self.diameter)))
        keep("mass", check_number("mass", self.mass, above=0.0))
        keep("damping", check_number("damping", self.damping, above=0.0))
        keep("timestep", check_number("timestep", self.timestep, above=0.0, at_most=0.02))

    def counts(self, particles: int) -> tuple[int, int]:
        """Return (N_A, N_B) with N_A = fraction_a N to the nearest whole number.

        Raises ``ValueError`` when a species would be missing.
        """
        particles = check_whole_number("particles", particles, at_least=2)
        n_a = round(self.fraction_a * particles)
        if not 0 < n_a < particles:
            raise ValueError(
                f"particles = {particles} leaves one species empty at fraction_a = "
                f"{self.fraction_a:g}; take more particles"
            )
        return n_a, particles - n_a

    def box(self, particles: int, density: float) -> float:
        """Return the side L = sqrt(N / density) of the square box, in sigma_AA.

        Raises ``ValueError`` if L < 2 cutoff: a particle would meet two images of a neighbour.
        """
        particles = check_whole_number("particles", particles, at_least=2)
        density = check_number("density", density, above=0.0)
        side = math.sqrt(particles / density)
        if side < 2.0 * self.cutoff:
            raise ValueError(
                f"particles = {particles} at density = {density:g} make a box of side {side:.3g}; "
                f"it must be >= 2 cutoff = {2.0 * self.cutoff:g}, so take at least "
                f"{math.ceil(density * (2.0 * self.cutoff) ** 2)} particles"
            )
        return side

    def box_commands(self, side: float, tilt: float) -> list[str]:
        """Return LAMMPS commands for an empty box with edges (side, 0) and (tilt, side).

        ``tilt`` must lie within half a side of zero: another tilt is the same lattice, flip first.
        """
        side = check_number("side", side, above=0.0)
        tilt = check_number("tilt", tilt, at_least=-side / 2, at_most=side / 2)
        return [
            "units lj",
            "dimension 2",
            "boundary p p p",
            "atom_style atomic",
            "atom_modify map array",
            f"region box prism 0 {side!r} 0 {side!r} -0.5 0.5 {tilt!r} 0 0",
            "create_box 2 box",
            f"mass * {self.mass!r}",
            f"timestep {self.timestep!r}",
            "neighbor 0.2 bin",
            "neigh_modify every 1 delay 0 check yes",
        ]

    def pair_commands(self) -> list[str]:
        """Return LAMMPS commands for the pair potential."""
        pairs = zip(("1 1", "1 2", "2 2"), self.energy, self.diameter, strict=True)
        return [
            f"pair_style lj/cut {self.cutoff!r}",
            *(f"pair_coeff {types} {energy!r} {diameter!r}" for types, energy, diameter in pairs),
            "pair_modify shift yes",
        ]

    def thermal_commands(self, start: float, stop: float, seed: int) -> list[str]:
        """Return LAMMPS commands for Langevin dynamics, temperature going from start to stop.

        ``enforce2d`` comes last: before a thermostat it lets particles drift out of the plane.
        """
        start = check_number("start", start, at_least=0.0)
        stop = check_number("stop", stop, at_least=0.0)
        relaxation = self.mass / self.damping
        return [
            "fix move all nve",
            f"fix bath all langevin {start!r} {stop!r} {relaxation!r} {int(seed)}",
            "fix plane all enforce2d",
        ]

    def athermal_commands(self) -> list[str]:
        """Return LAMMPS commands for the dynamics at T = 0: Newton with friction, no noise."""
        return [
            "fix move all nve",
            f"fix bath all viscous {self.damping!r}",
            "fix plane all enforce2d",
        ]

    def shear_commands(self, shear_rate: float) -> list[str]:
        """Return LAMMPS commands for athermal simple shear at ``shear_rate`` (1/tau_0), not zero.

        The box tilts by shear_rate L per unit time and carries the positions with it (``remap x``),
        so velocities are measured from the affine flow and the friction acts on them alone. The
        tilt flips by one side when it passes half a side.
        """
        shear_rate = check_shear_rate(shear_rate)
        *dynamics, plane = self.athermal_commands()
        return [*dynamics, f"fix shear all deform 1 xy erate {shear_rate!r} remap x", plane]


def check_shear_rate(shear_rate: float) -> float:
    """Return ``shear_rate`` as a float, or raise ``ValueError`` if it is zero or not finite."""
    shear_rate = check_number("shear_rate", shear_rate)
    if shear_rate == 0.0:
        raise ValueError("shear_rate must not be 0: a box at rest has no steady flow to measure")
    return shear_rate
