"""Files that are whole or absent: written beside, synced, renamed; and their checksums."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

__all__ = ["sha256", "write_whole"]


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
