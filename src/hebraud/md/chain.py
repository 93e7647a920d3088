"""A state point and its chain of segments on disk: stop it anywhere, it goes on the same.

Every segment starts from a file in a fresh LAMMPS, whether the chain was interrupted or not, so the
files of a chain that was killed and taken up again equal those of an undisturbed one byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hebraud.errors import check_number, check_whole_number
from hebraud.md.configuration import Configuration
from hebraud.md.engine import lammps_version
from hebraud.md.errors import CorruptCheckpoint
from hebraud.md.files import read_arrays, write_arrays
from hebraud.md.mixture import Mixture, check_shear_rate
from hebraud.md.preparation import Preparation, prepare
from hebraud.md.segment import Series, shear

__all__ = ["Glass", "StatePoint", "advance", "ensure_glass", "read_series", "segments_done"]


@dataclass(frozen=True)
class Glass:
    """One quenched sample: what it is made of, how many particles, how dense, which seed.

    Parameters are those of `hebraud.md.preparation.prepare`, which raises for bad ones.
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
        """Where its files live."""
        return directory / f"density{self.density:g}-N{self.particles}" / f"seed{self.seed}"


@dataclass(frozen=True)
class StatePoint:
    """A glass under one shear rate, with the grid in time on which its chain is cut and sampled.

    Parameters
    ----------
    glass : Glass
    shear_rate : float
        In 1/tau_0, not zero.
    segment_steps : int
        Time steps a segment, a multiple of ``sample_every``. It is part of the definition: another
        cut gives another trajectory of the same statistics.
    sample_every : int
        Time steps between two samples of the stress.

    Raises
    ------
    ValueError
        For arguments outside their range.
    """

    glass: Glass
    shear_rate: float
    segment_steps: int = 20_000
    sample_every: int = 40

    def __post_init__(self) -> None:
        object.__setattr__(self, "shear_rate", check_shear_rate(self.shear_rate))
        every = check_whole_number("sample_every", self.sample_every, at_least=1)
        steps = check_whole_number("segment_steps", self.segment_steps, at_least=1)
        if steps % every:
            raise ValueError(
                f"segment_steps must be a multiple of sample_every = {every}, got {steps}"
            )

    @property
    def segment_strain(self) -> float:
        """Strain of one segment, in absolute value."""
        return abs(self.shear_rate) * self.glass.mixture.timestep * self.segment_steps

    def segments_for(self, strain: float) -> int:
        """Number of whole segments that reach ``strain`` > 0 (absolute) or more."""
        strain = check_number("strain", strain, above=0.0)
        return max(1, -int(-(strain / self.segment_strain - 1e-9) // 1))

    def folder(self, directory: Path) -> Path:
        """Where its segments live."""
        return self.glass.folder(directory) / f"rate{self.shear_rate:g}"

    def segment_file(self, directory: Path, number: int) -> Path:
        """File of segment ``number``, the first being 1."""
        return self.folder(directory) / f"segment{number:06d}.h5"


def _about(what: Glass | StatePoint, **more: Any) -> Mapping[str, Any]:
    """What a file belongs to; with the LAMMPS version where LAMMPS has to go on from it."""
    return {**asdict(what), **more}


def _glass_file(glass: Glass, directory: Path) -> Path:
    return glass.folder(directory) / "glass.h5"


def ensure_glass(glass: Glass, directory: Path) -> Configuration:
    """Return the quenched sample, from its file or, the first time, prepared and stored.

    Raises what `prepare` and `hebraud.md.files.read_arrays` raise.
    """
    path, about = _glass_file(glass, directory), _about(glass, lammps=lammps_version())
    if not path.exists():
        made = prepare(glass.mixture, glass.particles, glass.density, glass.seed, glass.preparation)
        write_arrays(path, made.arrays(), about)
    return Configuration.from_arrays(read_arrays(path, about))


def segments_done(point: StatePoint, directory: Path) -> int:
    """Return how many segments are on disk.

    Raises ``CorruptCheckpoint`` if one is missing between others.
    """
    names = sorted(path.name for path in point.folder(directory).glob("segment*.h5"))
    wanted = [point.segment_file(directory, number + 1).name for number in range(len(names))]
    if names != wanted:
        hole = next(want for name, want in zip(names, wanted, strict=True) if name != want)
        raise CorruptCheckpoint(
            f"{point.folder(directory) / hole} is missing between its neighbours; delete every "
            "later segment: the run goes on from the one before"
        )
    return len(names)


def advance(point: StatePoint, directory: Path) -> int:
    """Run the next segment of the chain, store it whole, and return how many there are now.

    The sample is prepared first if it is not there yet.

    Raises what `ensure_glass`, `hebraud.md.segment.shear` and the file functions raise; what is
    stored stays valid.
    """
    done = segments_done(point, directory)
    if done:
        about = _about(point, segment=done, lammps=lammps_version())
        arrays = read_arrays(point.segment_file(directory, done), about)
        start = Configuration.from_arrays(arrays)
    else:
        start = ensure_glass(point.glass, directory)
    end, series = shear(
        point.glass.mixture, start, point.shear_rate, point.segment_steps, point.sample_every
    )
    write_arrays(
        point.segment_file(directory, done + 1),
        {**end.arrays(), **series.arrays()},
        _about(point, segment=done + 1, lammps=lammps_version()),
    )
    return done + 1


def read_series(point: StatePoint, directory: Path, segments: int | None = None) -> Series:
    """Return the recorded series of the first ``segments`` segments (None: all), checked.

    It needs no LAMMPS.

    Raises
    ------
    ValueError
        If there are not that many.
    CorruptCheckpoint
        If a file is damaged or belongs to another run.
    """
    done = segments_done(point, directory)
    wanted = done if segments is None else check_whole_number("segments", segments, at_least=1)
    if not 0 < wanted <= done:
        raise ValueError(f"segments = {wanted} asked for, {done} are in {point.folder(directory)}")
    return Series.join(
        [
            Series.from_arrays(
                read_arrays(point.segment_file(directory, number), _about(point, segment=number))
            )
            for number in range(1, wanted + 1)
        ]
    )
