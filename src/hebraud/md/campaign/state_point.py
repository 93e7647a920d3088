"""A sample under one shear rate: what defines a chain of segments, and where it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hebraud.errors import check_number, check_whole_number
from hebraud.md.glass.mixture import Mixture, check_shear_rate
from hebraud.md.glass.preparation import Preparation
from hebraud.md.lammps.recording import Recording

__all__ = ["Glass", "StatePoint"]


@dataclass(frozen=True)
class Glass:
    """One quenched sample.

    Parameters are those of `hebraud.md.prepare`, which raises for bad ones.
    """

    particles: int
    density: float
    seed: int
    mixture: Mixture = field(default_factory=Mixture)
    preparation: Preparation = field(default_factory=Preparation)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", check_whole_number("seed", self.seed))
        object.__setattr__(self, "density", check_number("density", self.density, above=0.0))
        self.mixture.counts(self.particles)
        self.mixture.box(self.particles, self.density)

    def folder(self, directory: Path) -> Path:
        """Return the sample's folder."""
        return directory / f"density{self.density:g}-N{self.particles}" / f"seed{self.seed}"


@dataclass(frozen=True)
class StatePoint:
    """A glass under one shear rate, and how its chain is cut and sampled.

    Parameters
    ----------
    glass : Glass
    shear_rate : float
        In 1/tau_0, not zero.
    segment_steps : int
        Time steps of a segment, a multiple of ``sample_every``. Part of the definition: another
        length gives another trajectory with the same statistics.
    sample_every : int
        Time steps between two samples of the stress.
    recording : Recording or None
        What is recorded besides the series of stress, temperature and energy.

    Raises ``ValueError`` for arguments outside their range.
    """

    glass: Glass
    shear_rate: float
    segment_steps: int = 20_000
    sample_every: int = 40
    recording: Recording | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shear_rate", check_shear_rate(self.shear_rate))
        every = check_whole_number("sample_every", self.sample_every, at_least=1)
        steps = check_whole_number("segment_steps", self.segment_steps, at_least=1)
        if steps % every:
            raise ValueError(
                f"segment_steps must be a multiple of sample_every = {every}, got {steps}"
            )
        if self.recording is not None:
            self.recording.check_steps("segment_steps", steps)
            frames, needed = steps // self.recording.frame_every, self.frames_before
            if frames <= needed:
                raise ValueError(
                    f"segment_steps = {steps} hold {frames} snapshots, and the observers need more "
                    f"than {needed}; take longer segments"
                )

    @property
    def frames_before(self) -> int:
        """Return how many snapshots from before a segment the observers need."""
        if self.recording is None:
            return 0
        spacing = self.recording.frame_every * self.glass.mixture.timestep
        return max((o.frames_before(spacing) for o in self.recording.observers), default=0)

    @property
    def segment_strain(self) -> float:
        """Return the strain of one segment, in absolute value."""
        return abs(self.shear_rate) * self.glass.mixture.timestep * self.segment_steps

    def segments_for(self, strain: float) -> int:
        """Return the number of whole segments that reach ``strain`` > 0 (absolute)."""
        strain = check_number("strain", strain, above=0.0)
        return max(1, -int(-(strain / self.segment_strain - 1e-9) // 1))

    def keeps(self, number: int) -> bool:
        """Return whether the configuration at the end of segment ``number`` is kept for good."""
        return self.recording is not None and self.recording.keeps(
            self.segment_strain * (number - 1), self.segment_strain * number
        )

    def folder(self, directory: Path) -> Path:
        """Return the chain's folder."""
        return self.glass.folder(directory) / f"rate{self.shear_rate:g}"

    def segment_file(self, directory: Path, number: int) -> Path:
        """Return the file of segment ``number``, the first being 1."""
        return self.folder(directory) / f"segment{number:06d}.h5"
