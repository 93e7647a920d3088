"""Campaign files: TOML or JSON to read, JSON to write; the presets are such files."""

from __future__ import annotations

import importlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from hebraud.md.campaign.plan import Campaign, Runs
from hebraud.md.glass.mixture import Mixture
from hebraud.md.glass.preparation import Preparation
from hebraud.md.lammps.recording import Recording
from hebraud.md.observers import Observer

__all__ = ["PRESETS", "campaign_json", "campaign_named", "read_campaign"]

_PLASTIC = "hebraud.md.observers:Plastic"  # the kind of an observer that names none


def _known(kind: type[Any], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    names = [one.name for one in fields(kind)]
    unknown = sorted(set(table) - set(names))
    if unknown:
        raise ValueError(f"{where} has no {', '.join(unknown)}; it may have {', '.join(names)}")
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
    }


def _observer(table: Mapping[str, Any]) -> Observer:
    settings = dict(table)
    module, _, name = str(settings.pop("kind", _PLASTIC)).partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"kind of an observer must be 'module:Class' that can be imported, got "
            f"{table['kind']!r} ({error})"
        ) from error
    found: Observer = kind(**_known(kind, settings, "[[recording.observers]]"))
    return found


def _recording(table: Mapping[str, Any]) -> Recording:
    settings = _known(Recording, table, "[recording]")
    if "observers" in settings:
        settings["observers"] = tuple(_observer(one) for one in settings["observers"])
    return Recording(**settings)


def _preset(table: Mapping[str, Any], where: str) -> Campaign:
    settings = _known(Campaign, table, where)
    missing = [n for n in ("name", "particles", "densities", "runs") if n not in settings]
    if missing:
        raise ValueError(f"{where} must say {', '.join(missing)}")
    settings["runs"] = tuple(Runs(**_known(Runs, one, "[[runs]]")) for one in settings["runs"])
    if settings.get("recording") is not None:
        settings["recording"] = _recording(settings["recording"])
    for name, kind in (("mixture", Mixture), ("preparation", Preparation)):
        if name in settings:
            settings[name] = kind(**_known(kind, settings[name], f"[{name}]"))
    return Campaign(**settings)


def _parsed(text: str, where: str) -> Campaign:
    try:
        table = json.loads(text) if where.endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise ValueError(f"{where} cannot be read: {error}") from error
    return _preset(table, where)


def read_campaign(path: str | Path) -> Campaign:
    """Return the campaign that a TOML (or JSON) file describes; its keys are those of `Campaign`.

    Raises ``OSError`` if there is no such file, ``ValueError`` naming what is wrong in it.
    """
    return _parsed(Path(path).read_text(encoding="utf-8"), str(path))


def campaign_json(preset: Campaign) -> str:
    """Return the campaign as JSON that `read_campaign` reads, every default spelled out.

    Raises ``ValueError`` for an observer whose class no other process could import.
    """
    content = asdict(preset)
    if preset.recording is not None:
        for one in preset.recording.observers:
            if type(one).__module__ == "__main__" or "<locals>" in type(one).__qualname__:
                raise ValueError(
                    f"the observer {one.name!r} must be a class of a module that can be imported, "
                    "not of a script or a function: every step is a process of its own"
                )
        content["recording"]["observers"] = [
            {"kind": f"{type(one).__module__}:{type(one).__qualname__}", **described}
            for one, described in zip(
                preset.recording.observers, content["recording"]["observers"], strict=True
            )
        ]
    return json.dumps(content, indent=1) + "\n"


def _shipped(name: str) -> Campaign:
    path = files("hebraud.md.campaign.workflow") / f"{name}.toml"
    return _parsed(path.read_text(encoding="utf-8"), str(path))


PRESETS = {name: _shipped(name) for name in ("demo", "laptop", "paper")}


def campaign_named(preset: str | Campaign) -> Campaign:
    """Return a campaign as it is, or a preset by name, or the campaign of a file (.toml, .json).

    Raises ``ValueError`` listing the presets, or as `read_campaign` does.
    """
    if isinstance(preset, Campaign):
        return preset
    if preset.endswith((".toml", ".json")):
        return read_campaign(preset)
    if preset not in PRESETS:
        raise ValueError(
            f"preset must be one of {', '.join(sorted(PRESETS))} or a .toml file, got {preset!r}"
        )
    return PRESETS[preset]
