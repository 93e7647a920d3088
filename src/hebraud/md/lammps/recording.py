"""Snapshots and block stresses that are recorded under shear, beside the macroscopic series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hebraud._typing import Arrays, Floats, Ints
from hebraud.errors import check_number, check_whole_number
from hebraud.md.glass.named_arrays import NamedArrays
from hebraud.md.glass.trajectory import Frames
from hebraud.md.observers import Observer, Plastic

__all__ = ["BlockStress", "Record", "Recording"]


#: What the names of other arrays in a file begin with.
_TAKEN = frozenset({"blocks", "frames", "series"})


@dataclass(frozen=True)
class Recording:
    """What is recorded under shear besides the macroscopic series, and what is kept of it.

    Parameters
    ----------
    frame_every : int
        Time steps between two snapshots.
    stress_every : int
        Time steps between two samples of the block stress.
    block_width : float
        Wanted width of the blocks in sigma_AA, that of a plastic event; the box is divided into
        M x M blocks with M = round(side/block_width).
    observers : tuple of Observer
        What the snapshots of a segment are reduced to; a chain stores no others.
    keep_from, keep_every : float
        A chain keeps a whole configuration in every ``keep_every`` of strain from the strain
        ``keep_from`` on (at the end of a segment).

    Raises ``ValueError`` for values outside their range.
    """

    frame_every: int = 200
    stress_every: int = 40
    block_width: float = 6.0
    observers: tuple[Observer, ...] = (Plastic(),)
    keep_from: float = 1.0
    keep_every: float = 0.1

    def __post_init__(self) -> None:
        for name in ("frame_every", "stress_every"):
            value = check_whole_number(name, getattr(self, name), at_least=1)
            object.__setattr__(self, name, value)
        for name in ("block_width", "keep_every"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), above=0.0))
        keep_from = check_number("keep_from", self.keep_from, at_least=0.0)
        object.__setattr__(self, "keep_from", keep_from)
        names = [observer.name for observer in self.observers]
        good = all(name.isalnum() and name not in _TAKEN for name in names)
        if not good or len(set(names)) != len(names):
            raise ValueError(
                "observers must have different names of letters and digits, none of them "
                f"{' or '.join(sorted(_TAKEN))}, got {names}"
            )

    def check_steps(self, name: str, steps: int) -> None:
        """Raise ``ValueError`` unless ``steps`` is a multiple of both intervals."""
        for interval in ("frame_every", "stress_every"):
            every = getattr(self, interval)
            if steps % every:
                raise ValueError(
                    f"{name} must be a multiple of {interval} = {every}, got {steps}; "
                    f"the next one is {-(-steps // every) * every}"
                )

    def keeps(self, before: float, after: float) -> bool:
        """Return whether a segment from one strain (absolute) to another is kept."""

        def due(strain: float) -> int:
            return max(0, 1 + int((strain - self.keep_from) // self.keep_every))

        rounding = 1e-9
        return due(after + rounding) > due(before + rounding)


@dataclass(frozen=True, eq=False)
class BlockStress(NamedArrays):
    """The shear stress of M x M blocks of the sheared box, eq. (6), kinetic and virial part.

    Parameters
    ----------
    time, strain : (S,) array of float
        In tau_0, evenly spaced; strain continuous where the box flips.
    epoch : (S,) array of int
        Flips of the box since strain 0. Blocks are cells along the edges of the tilted box; a flip
        makes other blocks, so that stresses of different epochs are not of the same matter.
    stress : (S, M^2) array
        In eps_AA/sigma_AA^2; the mean over the blocks is the stress of the box. Block (i, j), i
        along x, is column i M + j. A file holds it in single precision (6e-8 of its value).
    """

    PREFIX = "blocks"
    time: Floats
    strain: Floats
    epoch: Ints
    stress: NDArray[np.floating[Any]]

    def arrays(self) -> Arrays:
        """Return the content by name; the stress in single precision."""
        return {**super().arrays(), "blocks_stress": self.stress.astype(np.float32)}


@dataclass(frozen=True, eq=False)
class Record:
    """What `shear` has recorded: snapshots with velocities, and the block stress.

    The first of either is one interval after the start, the last at the end.
    """

    frames: Frames
    block_stress: BlockStress
