"""Save and load results in one documented format, HDF5 (docs/files.md).

The first 512 bytes are a line of text, which HDF5 skips (its user block): who wrote the file, in
which format, and the SHA-256 of all that follows. It is checked before anything else is read.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hebraud import __version__
from hebraud._files import write_whole
from hebraud.checks import check_path
from hebraud.errors import shown
from hebraud.io.kinds import RESULTS
from hebraud.io.records import UnreadableFile, get, put

if TYPE_CHECKING:
    import h5py

__all__ = ["FORMAT", "UnreadableFile", "load", "provenance", "save"]

FORMAT = 3
"""The format that this version writes; it reads all from 1 on."""

_OLDER = 2
"""Formats up to this one held the layout of solvers and fits."""
_HEAD = 512
"""Bytes of text before the HDF5: the smallest user block that HDF5 allows."""
_LINE = "hebraud {version} result, format {format}, HDF5 from byte 512 on, sha256 {digest}\n"
_START = re.compile(rb"hebraud (\S+) result, format (\d+),")


def save(result: object, path: str | Path, *, note: str = "", dated: bool = True) -> None:
    """Save a result to a file, whole or not at all; what was there before is replaced.

    Parameters
    ----------
    result : FlowCurve, SteadyState, History or Fit
    path : str or Path
        The file; ``.h5`` is the usual ending.
    note : str
        Kept with the provenance: where the data come from, why the run was made.
    dated : bool
        Whether the file holds the time of writing. Without it, equal results of equal versions make
        files that are equal bit for bit.

    Raises
    ------
    ValueError
        If the result is not one of these, or holds an object that cannot be saved: a slot or a
        threshold law of one's own class, a function. The message names it; nothing is written.
    OSError
        If the file cannot be written; what was there before is intact.

    Examples
    --------
    >>> import hebraud as hl
    >>> hl.save(hl.flow_curve(hl.Model(0.3), [1e-3, 1e-2]), "curve.h5")  # doctest: +SKIP
    >>> hl.load("curve.h5").stress  # doctest: +SKIP
    """
    where = check_path("path", path)
    if type(result) not in RESULTS:
        known = ", ".join(cls.__name__ for cls in RESULTS)
        raise ValueError(f"result must be one of {known}, got {shown(result)}")
    import h5py

    image = io.BytesIO()
    with h5py.File(image, "w", userblock_size=_HEAD) as store:
        put(store, result, type(result).__name__)
        store.attrs.update(_about(note, dated))
    body = image.getvalue()[_HEAD:]
    digest = hashlib.sha256(body).hexdigest()
    line = _LINE.format(version=__version__, format=FORMAT, digest=digest)
    write_whole(where, line.encode().ljust(_HEAD, b"\0") + body)


def load(path: str | Path) -> Any:
    """Return the result that :func:`save` wrote, equal to what was saved.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    FlowCurve, SteadyState, History or Fit
        A loaded state gives the same ``density``, and a loaded ``final`` the same run, to the bit.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    UnreadableFile
        If it was not written by ``save``, was damaged or changed since, or was written in a format
        that this version does not read. Nothing in the file is executed.
    """
    store, older = _opened(path)
    with store:
        try:
            result = get(store, older)
        except UnreadableFile as error:
            writer = store.attrs["hebraud_version"]
            raise UnreadableFile(
                f"hebraud {__version__} cannot read {path}, written by hebraud {writer}: {error}"
            ) from error
        if type(result) not in RESULTS:
            raise UnreadableFile(f"{path} holds no result but {result!r}")
        return result


def provenance(path: str | Path) -> dict[str, str]:
    """Return the provenance of a file: versions, date, note, kind of result, model.

    Of a run also its settings: solver, protocol, start, end, tolerances or blocks, step and seed.

    Raises
    ------
    FileNotFoundError, OSError, UnreadableFile
        As :func:`load`.
    """
    store, older = _opened(path)
    with store:
        said = {name: str(value) for name, value in store.attrs.items()}
        for name in store:
            if "repr" in store[name].attrs:
                said[name] = str(store[name].attrs["repr"])
        if "settings" in store:
            said |= {name: str(value) for name, value in get(store["settings"], older).items()}
        return said


def _about(note: str, dated: bool) -> dict[str, str]:
    from scipy import __version__ as scipy_version

    said = {
        "hebraud_version": __version__,
        "python_version": platform.python_version(),
        "numpy_version": np.__version__,
        "scipy_version": scipy_version,
    }
    if dated:
        said["created"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return said | ({"note": note} if note else {})


def _opened(path: str | Path) -> tuple[h5py.File, bool]:
    """Return the checked file, open for reading from memory, and whether its format is older."""
    import h5py

    data = check_path("path", path).read_bytes()
    head = _START.match(data)
    if head is None:
        raise UnreadableFile(
            f"{path} was not written by hebraud.save: it begins with {data[:16]!r}"
        )
    version, number = head[1].decode(), int(head[2])
    if not 1 <= number <= FORMAT:
        raise UnreadableFile(
            f"{path} was written by hebraud {version} in format {number}; this is hebraud "
            f"{__version__}, which reads formats 1 to {FORMAT}: use the version that wrote it, or "
            "a later one"
        )
    digest = hashlib.sha256(data[_HEAD:]).hexdigest()
    line = _LINE.format(version=version, format=number, digest=digest)
    if data[:_HEAD] != line.encode().ljust(_HEAD, b"\0"):
        raise UnreadableFile(
            f"{path} is damaged or was changed since hebraud {version} wrote it: its {len(data)} "
            "bytes do not have the checksum of its first line; take another copy"
        )
    return h5py.File(io.BytesIO(data), "r"), number <= _OLDER
