"""Stored data are what their ``provenance.json`` says they are."""

from __future__ import annotations

import json
from pathlib import Path

from hebraud.md.files import sha256


def check_provenance(data: Path) -> None:
    """Raise ``ValueError`` if a file in the folder is not the one its provenance describes."""
    provenance = json.loads((data / "provenance.json").read_text())
    for name, checksum in provenance["sha256"].items():
        if sha256((data / name).read_bytes()) != checksum:
            raise ValueError(f"{name} is not the file its provenance.json describes; restore both")
