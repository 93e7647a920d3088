"""The plan of a campaign: densities, rates, seeds, strains, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hebraud.errors import check_number, check_whole_number
from hebraud.md.campaign.state_point import Glass, StatePoint
from hebraud.md.glass.mixture import Mixture
from hebraud.md.glass.preparation import Preparation
from hebraud.md.lammps.recording import Recording
from hebraud.md.observers import PLASTIC, Plastic

__all__ = ["Campaign", "Preset", "Runs"]

_TIME_BLOCKS = 8  # of the steady part of a chain, for the errors


@dataclass(frozen=True)
class Runs:
    """Samples that are sheared at one rate, at every density of a `Campaign`.

    Parameters
    ----------
    shear_rate : float
        In 1/tau_0, > 0.
    strain : float
        Total strain, transient included; rounded up to whole segments.
    seeds : tuple of int
        One sample each, all different.
    tier : int
        1 for what is always run; higher tiers are run on demand (`Campaign.up_to`).

    Raises ``ValueError`` for values outside their range.
    """

    shear_rate: float
    strain: float
    seeds: tuple[int, ...]
    tier: int = 1

    def __post_init__(self) -> None:
        for name in ("shear_rate", "strain"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), above=0.0))
        seeds = tuple(check_whole_number("seeds", seed) for seed in self.seeds)
        if not seeds or len(set(seeds)) != len(seeds):
            raise ValueError(f"seeds must be one or more different numbers, got {seeds}")
        object.__setattr__(self, "seeds", seeds)
        object.__setattr__(self, "tier", check_whole_number("tier", self.tier, at_least=1))


@dataclass(frozen=True)
class Campaign:
    """A plan of particle jobs: chains at several densities, shear rates and seeds.

    Parameters
    ----------
    name : str
    particles : int
        Number of particles N.
    densities : tuple of float
        In 1/sigma_AA^2, all different; a single number will do.
    runs : tuple of Runs
        In the order of work. A rate and seed may come again with more strain: the chain then goes
        on. In the end all seeds of a rate have the same strain.
    measured_rate : float or None
        Rate at which the model's parameters are measured; None takes the lowest.
    transient : float
        Strain left out at the start of each chain for the steady stress.
    settled : float
        Strain left out for all other steady measures: the potential energy drifts for longer than
        the stress.
    segment_steps, sample_every, recording
        See `StatePoint`.
    mixture : Mixture
    preparation : Preparation

    Raises ``ValueError`` for values outside their range.
    """

    name: str
    particles: int
    densities: tuple[float, ...]
    runs: tuple[Runs, ...]
    measured_rate: float | None = None
    transient: float = 0.2
    settled: float = 1.0
    segment_steps: int = 20_000
    sample_every: int = 40
    recording: Recording | None = field(default_factory=Recording)
    mixture: Mixture = field(default_factory=Mixture)
    preparation: Preparation = field(default_factory=Preparation)

    def __post_init__(self) -> None:
        many = self.densities if isinstance(self.densities, tuple | list) else (self.densities,)
        densities = tuple(check_number("densities", density, above=0.0) for density in many)
        if not densities or len(set(densities)) != len(densities):
            raise ValueError(f"densities must be one or more different numbers, got {densities}")
        object.__setattr__(self, "densities", densities)
        object.__setattr__(self, "runs", tuple(self.runs))
        if not self.runs:
            raise ValueError("runs must hold at least one Runs, got none")
        for name in ("transient", "settled"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), at_least=0.0))
        if self.measured_rate is not None and self.measured_rate not in self.shear_rates:
            raise ValueError(
                f"measured_rate must be one of the shear rates {self.shear_rates}, got "
                f"{self.measured_rate!r}"
            )
        for rate in self.shear_rates:
            strains = {seed: self._strain(rate, seed) for seed in self.seeds_at(rate)}
            if len(set(strains.values())) > 1:
                raise ValueError(
                    f"strain must be the same for all seeds of a rate in the end; at {rate:g} it "
                    f"is {', '.join(f'{s:g} for seed {k}' for k, s in strains.items())}"
                )
            check_number("strain", strains.popitem()[1], above=self.transient)
        _ = self.stages  # raises here, not in the middle of a campaign

    def _strain(self, shear_rate: float, seed: int) -> float:
        return max(r.strain for r in self.runs if r.shear_rate == shear_rate and seed in r.seeds)

    @property
    def density(self) -> float:
        """Return the only density; raise ``ValueError`` if there are several."""
        if len(self.densities) > 1:
            raise ValueError(f"{self.name!r} has several densities, {self.densities}; use at()")
        return self.densities[0]

    def at(self, density: float) -> Campaign:
        """Return the campaign at one of its densities."""
        if density not in self.densities:
            raise ValueError(f"density must be one of {self.densities}, got {density!r}")
        return replace(self, densities=(density,))

    def up_to(self, tier: int) -> Campaign:
        """Return the campaign without runs of a higher tier."""
        tier = check_whole_number("tier", tier, at_least=1)
        runs = tuple(one for one in self.runs if one.tier <= tier)
        return replace(self, runs=runs)

    @property
    def shear_rates(self) -> tuple[float, ...]:
        """Return each rate once, in the order of work."""
        return tuple(dict.fromkeys(one.shear_rate for one in self.runs))

    def seeds_at(self, shear_rate: float) -> tuple[int, ...]:
        """Return the seeds of one rate, in the order of work."""
        found = [seed for one in self.runs if one.shear_rate == shear_rate for seed in one.seeds]
        return tuple(dict.fromkeys(found))

    @property
    def rate_measured(self) -> float:
        """Return the rate at which the model's parameters are measured."""
        return min(self.shear_rates) if self.measured_rate is None else self.measured_rate

    @property
    def measured_points(self) -> tuple[StatePoint, ...]:
        """Return the state points that the parameters come from: one rate, every seed and density.

        None where no `Plastic` observer of that name records the events.
        """
        observers = () if self.recording is None else self.recording.observers
        if not any(isinstance(one, Plastic) and one.name == PLASTIC for one in observers):
            return ()
        rate = self.rate_measured
        return tuple(
            self.point(rate, seed, density)
            for density in self.densities
            for seed in self.seeds_at(rate)
        )

    def time_blocks(self, point: StatePoint) -> tuple[int, int, int]:
        """Return how many segments of a chain are left out, make a time block, and the time blocks.

        Time blocks begin after ``settled``: eight, or as many as there are segments if fewer.
        """
        left_out = point.segments_for(max(self.settled, 1e-9))
        rest = max(0, self.chains[point] - left_out)
        each = max(1, rest // _TIME_BLOCKS)
        return left_out, each, rest // each if point.recording is not None else 0

    def point(self, shear_rate: float, seed: int, density: float | None = None) -> StatePoint:
        """Return the state point of one rate and one seed (and density, if there are several)."""
        place = self.density if density is None else density
        glass = Glass(self.particles, place, seed, self.mixture, self.preparation)
        return StatePoint(glass, shear_rate, self.segment_steps, self.sample_every, self.recording)

    @property
    def stages(self) -> tuple[tuple[StatePoint, int], ...]:
        """Return state points and the segments each is to reach, in the order of work."""
        return tuple(self._stages())

    def _stages(self) -> Iterator[tuple[StatePoint, int]]:
        reached: dict[StatePoint, int] = {}
        for one in self.runs:
            for seed in one.seeds:
                for density in self.densities:
                    point = self.point(one.shear_rate, seed, density)
                    segments = point.segments_for(one.strain)
                    if segments > reached.get(point, 0):
                        reached[point] = segments
                        yield point, segments

    @property
    def chains(self) -> dict[StatePoint, int]:
        """Return every state point with the number of segments it has in the end."""
        return dict(self.stages)


Preset = Campaign
"""The name of `Campaign` in version 0.1."""
