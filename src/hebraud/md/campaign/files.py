"""Named arrays in HDF5 files that are whole or absent, and checked when read."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hebraud._files import write_whole
from hebraud._typing import Arrays
from hebraud.md.errors import CorruptCheckpoint

__all__ = ["read_arrays", "write_arrays"]


def _digest(arrays: Arrays, about: str) -> str:
    total = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def write_arrays(path: Path, arrays: Arrays, about: Mapping[str, Any]) -> None:
    """Store arrays in an HDF5 file, whole or not at all, with a checksum and without times.

    ``about`` (anything JSON can hold) says what the arrays belong to; `read_arrays` checks it.
    """
    import h5py

    text = json.dumps(about, sort_keys=True)
    image = io.BytesIO()
    with h5py.File(image, "w") as store:
        store.attrs["about"] = text
        store.attrs["sha256"] = _digest(arrays, text)
        for name in sorted(arrays):
            store.create_dataset(name, data=arrays[name], track_times=False)
    write_whole(path, image.getvalue())


def read_arrays(path: Path, about: Mapping[str, Any]) -> Arrays:
    """Return the arrays of a file of `write_arrays`.

    Raises ``CorruptCheckpoint`` if the file cannot be read, fails its checksum, or does not have
    every key of ``about`` with its value; the file may say more.
    """
    import h5py

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
            f"{path} belongs to another campaign ({said}); take another directory for this one, or "
            "go back to the settings and the LAMMPS version it was begun with"
        )
    return arrays


_WAY_OUT = "delete it and every later file beside it: the chain goes on from the one before"
