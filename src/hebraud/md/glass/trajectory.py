"""Consecutive snapshots of one sheared box, followed across its periodic edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hebraud._typing import Floats
from hebraud.md.glass.named_arrays import NamedArrays

__all__ = ["Frames"]

#: Times of snapshots are evenly spaced to this part of their spacing (rounding of stored times).
_UNEVEN = 1e-6


def _floats(name: str, value: Any, shape: tuple[int | None, ...]) -> Floats:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(
        want not in (None, n) for want, n in zip(shape, array.shape, strict=True)
    ):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} must have shape ({wanted}), got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return array


@dataclass(frozen=True, eq=False)
class Frames(NamedArrays):
    """Consecutive snapshots of one sheared box with edges (lx, 0) and (strain ly, ly).

    Parameters
    ----------
    time : (F,) array of float
        In tau_0, rising, evenly spaced; F >= 1.
    strain : (F,) array of float
        Shear strain, continuous where the tilt of the box flips.
    position : (F, N, 2) array of float
        x, y in sigma_AA, continuous in time across periodic edges and flips of the box; equal to
        the places in the box modulo the lattice (lx, 0), (strain ly, ly).
    species : (N,) array of int
        1 for A, 2 for B.
    box : (2,) array of float
        lx, ly in sigma_AA, > 0.
    velocity : (F, N, 2) array of float or None
        Relative to the affine flow, in sigma_AA/tau_0.

    Raises ``ValueError`` for shapes that do not match, values that are not finite, uneven times, or
    a particle that moves by half a box edge or more between two snapshots (relative to the affine
    flow): it was not followed across the edge, or the snapshots are too far apart.
    """

    PREFIX = "frames"
    time: Floats
    strain: Floats
    position: Floats
    species: NDArray[np.integer[Any]]
    box: Floats
    velocity: Floats | None = None

    def __post_init__(self) -> None:
        def keep(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        position = _floats("position", self.position, (None, None, 2))
        frames, particles = position.shape[:2]
        keep("position", position)
        keep("time", _floats("time", self.time, (frames,)))
        keep("strain", _floats("strain", self.strain, (frames,)))
        keep("box", _floats("box", self.box, (2,)))
        if self.velocity is not None:
            keep("velocity", _floats("velocity", self.velocity, position.shape))
        species = np.asarray(self.species)
        if species.shape != (particles,) or species.dtype.kind not in "iu":
            raise ValueError(
                f"species must be whole numbers of shape ({particles},), got {species.dtype} of "
                f"shape {species.shape}"
            )
        keep("species", species)
        if not (self.box > 0.0).all():
            raise ValueError(f"box must be two edges > 0, got {self.box.tolist()}")
        self._check_times()
        self._check_followed()

    def _check_times(self) -> None:
        steps = np.diff(self.time)
        if len(steps) and not (
            steps[0] > 0.0 and np.abs(steps - steps[0]).max() <= _UNEVEN * steps[0]
        ):
            raise ValueError(
                "time must rise in even steps, got steps from "
                f"{steps.min():.9g} to {steps.max():.9g}"
            )

    def _check_followed(self) -> None:
        for frame in range(1, len(self)):
            before = self.position[frame - 1]
            moved = self.position[frame] - before
            moved[:, 0] -= (self.strain[frame] - self.strain[frame - 1]) * before[:, 1]
            far = np.abs(moved) >= 0.5 * self.box
            if far.any():
                particle = int(np.argmax(far.any(axis=1)))
                raise ValueError(
                    f"position of particle {particle} moves by {moved[particle].tolist()} between "
                    f"frames {frame - 1} and {frame}, half a box edge or more: particles must be "
                    "followed across the periodic edges, in frames close enough in time"
                )

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, which: slice) -> Frames:
        """Return a slice of the frames (views, not copies); at least one must be left."""
        if not isinstance(which, slice):
            raise TypeError(f"frames are cut by slices such as frames[2:5], got [{which!r}]")
        return replace(
            self,
            time=self.time[which],
            strain=self.strain[which],
            position=self.position[which],
            velocity=None if self.velocity is None else self.velocity[which],
        )

    @property
    def particles(self) -> int:
        """Return the number of particles N."""
        return len(self.species)

    @property
    def spacing(self) -> float:
        """Return the time between two frames, in tau_0; needs two frames."""
        if len(self) < 2:
            raise ValueError("one frame has no spacing in time; at least 2 are needed")
        return float((self.time[-1] - self.time[0]) / (len(self) - 1))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return consecutive frames of one box as one.

        Raises ``ValueError`` if box, particles or velocities differ, or times do not go on evenly.
        """
        if not parts:
            raise ValueError("parts must hold at least one Frames, got none")
        first = parts[0]
        for part in parts[1:]:
            if not (
                np.array_equal(part.species, first.species) and np.array_equal(part.box, first.box)
            ):
                raise ValueError("frames to be joined must have the same particles and box")
            if (part.velocity is None) != (first.velocity is None):
                raise ValueError("frames to be joined must all have velocities, or none")
        velocities = [part.velocity for part in parts if part.velocity is not None]
        return cls(
            time=np.concatenate([part.time for part in parts]),
            strain=np.concatenate([part.strain for part in parts]),
            position=np.concatenate([part.position for part in parts]),
            species=first.species,
            box=first.box,
            velocity=np.concatenate(velocities) if velocities else None,
        )
