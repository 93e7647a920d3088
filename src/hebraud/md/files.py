"""Files that are whole or absent: written beside, synced, renamed; checked when read."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import MissingDependency
from hebraud.md.errors import CorruptCheckpoint

__all__ = ["read_arrays", "sha256", "write_arrays", "write_whole"]

Arrays = Mapping[str, NDArray[Any]]


def write_whole(path: Path, data: bytes | str) -> None:
    """Write ``data`` so that ``path`` holds either its old content or all of the new one.

    Raises ``OSError`` naming the path (disk full, no permission); the old content is then intact.
    """
    raw = data.encode() if isinstance(data, str) else data
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OSError(
            error.errno,
            f"could not write {path}: {error.strerror}. Nothing stored was harmed: mend the cause "
            "(free space, permissions) and give the same command again",
        ) from error


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _digest(arrays: Arrays, about: str) -> str:
    total = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependency(
            'particle runs are stored with h5py, which is not installed: pip install "hebraud[md]"'
        ) from error
    return h5py


def write_arrays(path: Path, arrays: Arrays, about: Mapping[str, Any]) -> None:
    """Store arrays in HDF5 at ``path``, whole or not at all, with a checksum and no times inside.

    ``about`` (anything JSON can hold) says what the arrays belong to; `read_arrays` wants it back.
    """
    text = json.dumps(about, sort_keys=True)
    image = io.BytesIO()
    with _h5py().File(image, "w") as store:
        store.attrs["about"] = text
        store.attrs["sha256"] = _digest(arrays, text)
        for name in sorted(arrays):
            store.create_dataset(name, data=arrays[name], track_times=False)
    write_whole(path, image.getvalue())


def read_arrays(path: Path, about: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays stored at ``path`` by `write_arrays`, if they belong to ``about``.

    Every key of ``about`` must be there with its value; the file may say more.

    Raises
    ------
    CorruptCheckpoint
        If the file cannot be read, fails its checksum, or was written for another ``about``.
    """
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as store:
            arrays = {name: store[name][()] for name in store}
            text, checksum = str(store.attrs["about"]), str(store.attrs["sha256"])
    except (OSError, KeyError, RuntimeError) as error:
        raise CorruptCheckpoint(f"{path} is damaged ({error}); {_WAY_OUT}") from error
    if _digest(arrays, text) != checksum:
        raise CorruptCheckpoint(f"{path} is damaged (its checksum does not match); {_WAY_OUT}")
    found, wanted = json.loads(text), json.loads(json.dumps(about))
    other = [key for key in sorted(wanted) if found.get(key) != wanted[key]]
    if other:
        said = ", ".join(f"{key} = {found.get(key)!r}, not {wanted[key]!r}" for key in other)
        raise CorruptCheckpoint(
            f"{path} belongs to another run ({said}); take another directory for this one, or go "
            "back to the settings and the LAMMPS version it was begun with"
        )
    return arrays


_WAY_OUT = "delete it and every later file beside it: the run goes on from the one before"
