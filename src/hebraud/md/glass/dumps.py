"""Trajectories from elsewhere: frames of LAMMPS dump files, or of any arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Array, Floats
from hebraud.errors import MeasurementError, MissingDependency, check_number
from hebraud.md.glass.trajectory import Frames

__all__ = ["follow", "read_column", "read_dump"]


#: A particle (or the box) that seems to move by more than this part of an edge between two frames
#: may have moved the other way round: nearest images no longer say where it went.
_TOO_FAR = 0.45
#: Edges are constant, and the system flat, to this part of an edge: dump files have few digits.
_ROUNDING = 1e-5


def follow(
    time: ArrayLike,
    tilt: ArrayLike,
    box: ArrayLike,
    position: ArrayLike,
    species: ArrayLike,
    velocity: ArrayLike | None = None,
) -> Frames:
    """Return snapshots of a sheared box as frames, each particle followed to the next.

    Between two frames the tilt, and each particle relative to the affine flow, move to the nearest
    image; so positions may be wrapped, and the box may flip. The strain begins at tilt/ly of the
    first frame.

    Parameters
    ----------
    time : (F,) array
        In tau_0, evenly spaced.
    tilt : (F,) array
        The second edge of the box is (tilt, ly), in sigma_AA, modulo lx.
    box : (2,) array
        Edges lx, ly, in sigma_AA.
    position : (F, N, 2) array
        x, y from the corner of the box, particles in the same order in each frame.
    species : (N,) array of int
        1 for A, 2 for B.
    velocity : (F, N, 2) array, optional
        Relative to the affine flow.

    Raises ``ValueError`` if the frames are too far apart to follow the tilt or a particle, or as
    `Frames` does.
    """
    tilts, places = np.asarray(tilt, dtype=np.float64), np.array(position, dtype=np.float64)
    edges = np.asarray(box, dtype=np.float64)
    if edges.shape != (2,) or places.ndim != 3 or places.shape[2] != 2 or len(places) == 0:
        raise ValueError(
            f"box must have shape (2,) and position (F, N, 2), got {edges.shape}, {places.shape}"
        )
    if tilts.shape != places.shape[:1]:
        raise ValueError(f"tilt must have shape ({len(places)},), got {tilts.shape}")
    lx, ly = edges
    steps = np.diff(tilts)
    steps -= np.round(steps / lx) * lx
    if len(steps) and np.abs(steps).max() > _TOO_FAR * lx:
        raise ValueError(
            f"the tilt changes by {np.abs(steps).max():.4g} between two frames, about half the "
            f"edge {lx:.4g}: the direction is ambiguous; dump more often"
        )
    strain = (tilts[0] + np.concatenate(([0.0], np.cumsum(steps)))) / ly
    for k in range(1, len(places)):
        before = places[k - 1]
        moved = places[k] - before
        moved[:, 0] -= (strain[k] - strain[k - 1]) * before[:, 1]
        up = np.round(moved[:, 1] / ly)
        along = np.round((moved[:, 0] - up * strain[k] * ly) / lx)
        shift = np.column_stack((along * lx + up * strain[k] * ly, up * ly))
        places[k] -= shift
        far = np.abs(moved - shift) / edges
        if far.max() > _TOO_FAR:
            particle = int(np.argmax(far.max(axis=1)))
            raise ValueError(
                f"particle {particle} moves by {far.max():.2f} of an edge between frames {k - 1} "
                f"and {k}: the direction is ambiguous; dump more often, or check the order of "
                "particles and the box"
            )
    return Frames(
        time=np.asarray(time, dtype=np.float64),
        strain=strain,
        position=places,
        species=np.asarray(species),
        box=edges,
        velocity=None if velocity is None else np.asarray(velocity, dtype=np.float64),
    )


def _snapshots(paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield every snapshot of every file, and where it comes from."""
    try:
        from ovito.io import import_file
    except ImportError as error:
        raise MissingDependency(
            "reading dump files needs the ovito package, which is not installed; install it with: "
            'pip install "hebraud[trajectories]"'
        ) from error
    for path in paths:
        try:
            source = import_file(path, sort_particles=True).source
            for frame in range(source.num_frames):
                yield f"{path}, snapshot {frame}", source.compute(frame)
        except RuntimeError as error:
            raise ValueError(f"{path} cannot be read: {error}") from error


def _columns(where: str, particles: Any, names: Mapping[str, str]) -> list[Array]:
    there = [] if particles is None else list(particles.keys())
    missing = [columns for name, columns in names.items() if name not in there]
    if missing:
        raise MeasurementError(
            f"{where} has no columns {' nor '.join(missing)}; it has {', '.join(there) or 'none'}. "
            "Dump with: dump 1 all custom 200 FILE id type x y vx vy"
        )
    return [np.array(particles[name]) for name in names]


def read_dump(
    paths: str | PathLike[str] | Sequence[str | PathLike[str]],
    timestep: float,
    type_map: Mapping[int, int] | None = None,
    velocities: bool = False,
) -> Frames:
    """Return the frames of LAMMPS dump files, read by OVITO.

    Text (also gzip) and binary dumps are known by their content; other formats of OVITO are taken
    if they carry time steps, ids and types. The files need id, type, and x, y (wrapped, unwrapped
    or scaled). Particles are followed by their nearest images (`follow`), not by image flags.

    Text dumps have six digits unless ``dump_modify 1 format float %.15g``. With edges above 100
    D2min is then off by 1e-4 in the median, and one particle in a thousand crosses the threshold
    0.1.

    Parameters
    ----------
    paths : path or sequence of paths
        In the order of time; ``*`` in a name stands for a number.
    timestep : float
        In tau_0; time is the step number times this.
    type_map : mapping of int to int, optional
        From the types of the file to 1 for A, 2 for B; None keeps them.
    velocities : bool
        Whether to read vx, vy. They must be relative to the affine flow, as those of
        ``fix deform ... remap x`` are (those of ``remap v`` are not).

    Raises
    ------
    MissingDependency
        If OVITO is not installed.
    MeasurementError
        If a column is missing.
    ValueError
        If a file cannot be read, the system is not flat, periodic and of constant edges, particles
        come and go, times are uneven, or snapshots are too far apart.
    """
    timestep = check_number("timestep", timestep, above=0.0)
    several = [fspath(one) for one in ([paths] if isinstance(paths, (str, PathLike)) else paths)]
    names = {"Particle Identifier": "id", "Particle Type": "type", "Position": "x, y"}
    if velocities:
        names["Velocity"] = "vx, vy"
    times, tilts, positions, speeds = [], [], [], []
    kept: tuple[Array, Array, Floats] | None = None
    for where, data in _snapshots(several):
        if "Timestep" not in data.attributes:
            raise ValueError(f"{where} does not say its time step")
        tag, kind, place, *speed = _columns(where, data.particles, names)
        cell = _flat_cell(where, data.cell, place)
        box = np.array([cell[0, 0], cell[1, 1]])
        if kept is None:
            kept = (tag, kind, box)
        if not (np.array_equal(tag, kept[0]) and np.array_equal(kind, kept[1])):
            raise ValueError(f"{where} has other particles (ids or types) than the first snapshot")
        if np.abs(box - kept[2]).max() > _ROUNDING * kept[2].min():
            raise ValueError(
                f"{where} has the edges {box.tolist()}, the first snapshot {kept[2].tolist()}: "
                "only the tilt may change"
            )
        times.append(timestep * int(data.attributes["Timestep"]))
        tilts.append(cell[0, 1])
        positions.append(place[:, :2] - cell[:2, 3])
        speeds += [one[:, :2] for one in speed]
    if kept is None:
        raise ValueError(f"no snapshots in {', '.join(several) or 'no files'}")
    types = kept[1].tolist()
    if type_map is not None and not set(types) <= set(type_map):
        raise ValueError(
            f"type_map must name all types of the file, {sorted(set(types))}, got {type_map}"
        )
    species = np.array(types if type_map is None else [type_map[one] for one in types])
    return follow(
        times, tilts, kept[2], np.array(positions), species, np.array(speeds) if speeds else None
    )


def read_column(paths: str | PathLike[str] | Sequence[str | PathLike[str]], column: str) -> Floats:
    """Return one more column of these files, shape (F, N), particles in the order of `read_dump`.

    Raises as `read_dump` does.
    """
    several = [fspath(one) for one in ([paths] if isinstance(paths, (str, PathLike)) else paths)]
    return np.array(
        [
            _columns(where, data.particles, {column: column})[0]
            for where, data in _snapshots(several)
        ],
        dtype=np.float64,
    )


def _flat_cell(where: str, cell: Any, place: Array) -> Floats:
    """Return the box, 3 x 4 (edges in columns, then the corner), of a flat sheared system."""
    if cell is None or not (cell.pbc[0] and cell.pbc[1]):
        raise ValueError(f"{where} has no box that is periodic in x and y")
    matrix: Floats = np.array(cell[...], dtype=np.float64)
    depth = float(np.ptp(place[:, 2]))
    slanted = [matrix[1, 0], matrix[2, 0], matrix[0, 2], matrix[1, 2], matrix[2, 1]]
    if depth > _ROUNDING * matrix[0, 0] or np.any(slanted):
        raise ValueError(
            f"{where} is not two-dimensional: z ranges over {depth:.3g}, and of the tilts of the "
            f"box only xy may be other than 0 (xz = {matrix[0, 2]:g}, yz = {matrix[1, 2]:g})"
        )
    return matrix
