"""What a run consists of: densities, rates, seeds and strains, under a name."""

from __future__ import annotations

from dataclasses import dataclass, field

from hebraud.errors import check_number, check_whole_number
from hebraud.md.chain import Glass, StatePoint
from hebraud.md.mixture import Mixture
from hebraud.md.preparation import Preparation

__all__ = ["PRESETS", "Preset", "preset_named"]


@dataclass(frozen=True)
class Preset:
    """A flow curve to be measured: one density, several shear rates, several seeds.

    Parameters
    ----------
    name : str
    particles : int
        Number of particles N.
    density : float
        In 1/sigma_AA^2.
    shear_rates : tuple of float
        In 1/tau_0, each > 0, all different.
    strains : tuple of float
        Total strain at each rate, transient included; rounded up to whole segments.
    seeds : tuple of int
        One sample each, sheared at every rate; all different.
    transient : float
        Strain left out at the start of each run.
    segment_steps, sample_every : int
        See `StatePoint`.
    mixture : Mixture
    preparation : Preparation

    Raises
    ------
    ValueError
        For values outside their range; the message names them.
    """

    name: str
    particles: int
    density: float
    shear_rates: tuple[float, ...]
    strains: tuple[float, ...]
    seeds: tuple[int, ...]
    transient: float = 0.2
    segment_steps: int = 20_000
    sample_every: int = 40
    mixture: Mixture = field(default_factory=Mixture)
    preparation: Preparation = field(default_factory=Preparation)

    def __post_init__(self) -> None:
        rates = tuple(check_number("shear_rates", rate, above=0.0) for rate in self.shear_rates)
        seeds = tuple(check_whole_number("seeds", seed) for seed in self.seeds)
        transient = check_number("transient", self.transient, at_least=0.0)
        strains = tuple(check_number("strains", s, above=transient) for s in self.strains)
        for name, values in (("shear_rates", rates), ("seeds", seeds)):
            if not values or len(set(values)) != len(values):
                raise ValueError(f"{name} must be one or more different numbers, got {values}")
        if len(strains) != len(rates):
            raise ValueError(
                f"strains must be {len(rates)} numbers, one for each shear rate, got {strains}"
            )
        object.__setattr__(self, "shear_rates", rates)
        object.__setattr__(self, "strains", strains)
        object.__setattr__(self, "seeds", seeds)
        _ = self.chains  # raises here, not in the middle of a run

    def point(self, shear_rate: float, seed: int) -> StatePoint:
        """Return the state point of one rate and one seed."""
        glass = Glass(self.particles, self.density, seed, self.mixture, self.preparation)
        return StatePoint(glass, shear_rate, self.segment_steps, self.sample_every)

    @property
    def chains(self) -> dict[StatePoint, int]:
        """Every state point with the number of segments it needs."""
        return {
            point: point.segments_for(strain)
            for rate, strain in zip(self.shear_rates, self.strains, strict=True)
            for seed in self.seeds
            for point in [self.point(rate, seed)]
        }


PRESETS = {
    "demo": Preset(
        name="demo",
        particles=1000,
        density=1.189,
        shear_rates=(3e-2, 1e-2, 3e-3, 1e-3),
        strains=(6.0, 4.0, 3.0, 2.2),
        seeds=(1, 2, 3),
    ),
}


def preset_named(preset: str | Preset) -> Preset:
    """Return a preset as it is, or the one of that name.

    Raises ``ValueError`` listing the names there are.
    """
    if isinstance(preset, Preset):
        return preset
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(sorted(PRESETS))}, got {preset!r}")
    return PRESETS[preset]
