"""The one decorator of compiled functions: numba's, with a cache on disk that cannot be stale.

numba's own cache looks at the file of a function only, and keeps the old machine code where a
kernel that it calls has changed in another file. Here every entry is stamped with the contents of
all kernel files. Each entry is a file of its own, named by all that it depends on, written beside
and moved into place, so that processes that compile at once cannot mix up each other's entries, as
they can in numba's index.

Where nothing can be written kernels are compiled in memory, and that is said once, by ``logging``:
a line on standard error unless the user wants it elsewhere. ``warnings.warn`` would be an exception
under ``-W error``, and no run should fail for want of a cache.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.resources
import logging
import os
import pickle
import sys
import uuid
from collections.abc import Callable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.serialize import dumps

__all__ = ["COMPILED", "folder", "kernel", "stamp"]

F = TypeVar("F", bound=Callable[..., Any])

COMPILED: list[str] = []
"""The kernels that this process has compiled itself, callers before those they call."""
SUFFIX = ".kernel"
"""How the name of a stored kernel ends."""
DIGITS = 16
"""Hexadecimal digits of a hash in a file name: 64 bits, so that no two agree."""
SEAL = hashlib.sha256().digest_size
"""Bytes before an entry, by which a torn file is known."""


def kernel(**options: Any) -> Callable[[F], F]:
    """Compile a function by numba at its first call, and keep the machine code on disk.

    What takes long to compile, and is easily done without: setting an array from another
    (``a[:] = b``; setting it to a number is cheap), which brings along the text of a message on
    shapes; ``np.sort``; a literal handed from kernel to kernel, which makes a second copy of the
    one that is called (``int(np.int64(0))`` does not); and every level of calls, for all that is
    called is optimised again at each: ``inline="always"`` takes out a short one in between.

    Parameters
    ----------
    **options
        Those of ``numba.njit``, such as ``error_model`` and ``fastmath``, without ``cache``.
    """

    def compiled(function: F) -> F:
        # no entry for C: nobody asks for one, and it is compiled too
        dispatcher = numba.njit(no_cfunc_wrapper=True, **options)(function)
        if not numba.config.DISABLE_JIT:  # then njit has returned the function itself
            dispatcher._cache = _cache(function)
        return cast(F, dispatcher)

    return compiled


def _cache(function: Callable[..., Any]) -> Any:
    try:
        return _Stamped(function)
    except (RuntimeError, OSError):  # numba has found no folder that it may write to
        _say_that_nothing_is_kept()
        return _Memory(function)


def folder() -> Path | None:
    """Return where compiled kernels are kept, None where they cannot be."""
    try:
        return Path(_Stamped(folder).cache_path)
    except (RuntimeError, OSError):
        return None


class _Memory(NullCache):  # type: ignore[misc]
    """No cache on disk."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = function.__qualname__

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Find nothing."""
        _note(self._name)


class _Stamped(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function, in the folder that numba chooses, with entries of our own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._name = function.__qualname__
        own = self._impl.locator.get_source_stamp()
        self._cache_file = _Entries(Path(self.cache_path), self._impl.filename_base, own)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function of a signature, or None where it is to be compiled."""
        found = super().load_overload(sig, target_context)
        if found is None:
            _note(self._name)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the compiled function of a signature, if the disk takes it."""
        try:
            super().save_overload(sig, data)
        except OSError:
            _say_that_nothing_is_kept()


class _Entries:
    """The files of one function: one for every signature, stamped, read whole or not at all."""

    def __init__(self, folder: Path, name: str, own: object) -> None:
        self._folder, self._name, self._own = folder, name, own

    def load(self, key: object) -> Any:
        """Return what was saved, or None: no file, or one that cannot be read or is torn."""
        try:
            sealed = self._path(key).read_bytes()
        except OSError:
            return None
        seal, entry = sealed[:SEAL], sealed[SEAL:]
        return pickle.loads(entry) if hashlib.sha256(entry).digest() == seal else None

    def save(self, key: object, data: object) -> None:
        """Write an entry; drop those of kernels as they were before."""
        path, entry = self._path(key), dumps(data)
        beside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:DIGITS]}")
        try:
            beside.write_bytes(hashlib.sha256(entry).digest() + entry)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        _drop_old(self._folder)

    def flush(self) -> None:
        """Drop all entries of this function."""
        for path in self._folder.glob(f"{self._name}.*{SUFFIX}"):
            path.unlink(missing_ok=True)

    def _path(self, key: object) -> Path:
        # what numba asks for: signature, processor, bytecode; as text, for pickles of one numba
        # type differ from process to process
        asked = hashlib.sha256(repr((numba.__version__, self._own, key)).encode())
        return self._folder / f"{self._name}.{asked.hexdigest()[:DIGITS]}.{stamp()}{SUFFIX}"


@functools.cache
def _drop_old(folder: Path) -> None:
    for path in folder.glob(f"*{SUFFIX}"):
        if not path.name.endswith(f".{stamp()}{SUFFIX}"):
            with contextlib.suppress(OSError):  # in use on Windows, or another process was first
                path.unlink()


@functools.cache
def stamp() -> str:
    """Return a hash of all kernel files, as they were when the first kernel was loaded."""
    digest = hashlib.sha256()
    for source in _sources(importlib.resources.files(__name__.partition(".")[0])):
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:DIGITS]


def _sources(folder: Traversable, inside: bool = False) -> Iterator[Traversable]:
    """Yield the Python files of all folders called ``_kernels``, by name."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _sources(entry, inside or entry.name == "_kernels")
        elif inside and entry.name.endswith(".py"):
            yield entry


def _note(name: str) -> None:
    COMPILED.append(name)
    _say_that_kernels_are_compiled()


@functools.cache
def _say_that_nothing_is_kept() -> None:
    logging.getLogger("hebraud").warning(
        "hebraud: compiled kernels cannot be kept on disk, so that every process compiles its own; "
        "set NUMBA_CACHE_DIR to a folder that can be written to"
    )


@functools.cache
def _say_that_kernels_are_compiled() -> None:
    """Say so to a person who waits, on a terminal or in a notebook, and to nobody else."""
    if _somebody_waits():
        print("hebraud: compiling once, up to half a minute ...", file=sys.stderr, flush=True)


def _somebody_waits() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is not None:
        return True
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):  # none, a replacement that is no stream, or closed
        return False
