"""Stored data are what their ``provenance.json`` says they are."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from hebraud._files import sha256
from hebraud.md.campaign.archive import export_run
from hebraud.md.lammps.engine import lammps_version


def check_provenance(data: Path) -> None:
    """Raise ``ValueError`` if a file in the folder is not the one its provenance describes."""
    provenance = json.loads((data / "provenance.json").read_text())
    for name, checksum in provenance["sha256"].items():
        if sha256((data / name).read_bytes()) != checksum:
            raise ValueError(f"{name} is not the file its provenance.json describes; restore both")


def store_run(run: Path, data: Path, command: Sequence[str], remarks: str = "") -> str:
    """Export a run to ``data`` with its provenance; return a sentence on what was written."""
    said = export_run(run, data)
    provenance = {
        "command": list(command),
        "date": datetime.now(UTC).date().isoformat(),
        "what": "chains condensed and local yield stresses; SHA-256 of each in index.json, the "
        "campaign with every setting in campaign.json",
        "versions": {one: version(one) for one in ("hebraud", "lammps", "numpy", "h5py")}
        | {"lammps engine": str(lammps_version()), "python": platform.python_version()},
        "tolerance": "the same bytes on the same kind of processor with the same versions; "
        "elsewhere other trajectories of the same statistics, within 3 standard errors",
    }
    if remarks:
        provenance["remarks"] = remarks
    (data / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    return said
