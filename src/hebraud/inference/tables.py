"""Flow curves from text files: CSV, TSV, semicolons; headers with units."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Table", "read_flow_curve"]

Floats = NDArray[np.float64]

_NAMES = {
    "shear_rate": ("shear rate", "shearrate", "rate", "strain rate", "gamma dot", "gammadot", "γ̇"),
    "stress": ("stress", "shear stress", "shearstress", "sigma", "tau", "σ", "τ"),
    "stress_err": (
        "stress err", "stress error", "stress std", "stress stderr", "shear stress err",
        "shear stress error", "shear stress std", "standard error", "std", "error", "err",
    ),
}  # fmt: skip
_STRESS_UNITS = {
    "pa": 1.0, "kpa": 1e3, "mpa": None, "µpa": 1e-6, "μpa": 1e-6, "n/m2": 1.0, "nm-2": 1.0,
    "dyn/cm2": 0.1, "dyne/cm2": 0.1, "dynes/cm2": 0.1,
}  # fmt: skip
_RATE_UNITS = {
    "1/s": 1.0, "s-1": 1.0, "/s": 1.0, "1/sec": 1.0, "sec-1": 1.0, "hz": 1.0,
    "1/ms": 1e3, "ms-1": 1e3, "1/min": 1.0 / 60.0, "min-1": 1.0 / 60.0,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """A flow curve as read: in 1/s and Pa where the headers have units, as given otherwise.

    Attributes
    ----------
    shear_rate, stress : ndarray, (n,)
    stress_err : ndarray, (n,), or None
    lines : tuple of int
        Line of the file of each point, from 1.
    units : dict
        The unit of every column as its header says it, "" where it says none.
    """

    shear_rate: Floats
    stress: Floats
    stress_err: Floats | None
    lines: tuple[int, ...]
    units: dict[str, str]


def read_flow_curve(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    exclude: tuple[int, ...] = (),
) -> Table:
    """Read a flow curve from a text file with one header line.

    Commas, semicolons or tabs part the columns; lines that begin with # are comments. Headers are
    known by name ("shear rate", "stress", "stress error" and the like, whatever the case) with the
    unit in brackets or after the name: ``Shear rate (1/s)``, ``stress_Pa``, ``stress [kPa]``.

    Parameters
    ----------
    path : str or Path
    columns : mapping, optional
        The header of "shear_rate", "stress" or "stress_err" where it cannot be known by name.
    where : mapping, optional
        Keeps the rows in which a column has this text, for files with several curves.
    exclude : tuple of int, optional
        Lines of the file to leave out.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If a column is missing (the message names it and those found), a unit is not known, a cell
        is not a number, a rate or a stress is not > 0 (all such lines are named), or no row is
        left.
    """
    header, rows = _rows(Path(path))
    found = {name: _find(name, header, (columns or {}).get(name)) for name in _NAMES}
    missing = [name for name in ("shear_rate", "stress") if found[name] is None]
    if missing:
        raise ValueError(
            f"{path}: no column for {' and '.join(missing)}; the columns are "
            f"{', '.join(repr(name) for name in header)}; name it as in "
            f"columns={{{missing[0]!r}: 'HEADER'}} or on the command line"
        )
    for name, text in (where or {}).items():
        if name not in header:
            raise ValueError(f"{path}: no column {name!r}; the columns are {', '.join(header)}")
        values = sorted({row[header.index(name)] for _, row in rows})
        rows = [(line, row) for line, row in rows if row[header.index(name)] == text]
        if not rows:
            raise ValueError(f"{path}: {name!r} is never {text!r}; it is {', '.join(values)}")
    unknown = set(exclude) - {line for line, _ in rows}
    if unknown:
        raise ValueError(f"{path}: no data in the lines to exclude, {sorted(unknown)}")
    rows = [(line, row) for line, row in rows if line not in exclude]
    data, units = {}, {}
    for name, index in found.items():
        if index is None:
            continue
        factor, units[name] = _unit(name, header[index], str(path))
        data[name] = factor * np.array(
            [_number(path, line, header[index], row[index]) for line, row in rows]
        )
    lines = tuple(line for line, _ in rows)
    bad = [
        f"line {line}: {name} {value:g}"
        for name, column in data.items()
        for line, value in zip(lines, column, strict=True)
        if not (math.isfinite(value) and value > 0.0)
    ]
    if bad:
        raise ValueError(
            f"{path}: values must be finite and > 0, got {'; '.join(bad[:8])}"
            f"{f' and {len(bad) - 8} more' if len(bad) > 8 else ''}; exclude these lines"
        )
    return Table(data["shear_rate"], data["stress"], data.get("stress_err"), lines, units)


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the rows with their line numbers."""
    text = path.read_text(encoding="utf-8-sig")
    lines = [
        (i, line)
        for i, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(lines) < 2:
        raise ValueError(f"{path}: needs a header and at least one row, got {len(lines)} lines")
    delimiter = max("\t;,", key=lines[0][1].count)
    rows = [
        (i, [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))])
        for i, line in lines
    ]
    header = rows[0][1]
    for i, row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(
                f"{path}: line {i} has {len(row)} cells where the header has {len(header)}"
            )
    return header, rows[1:]


def _split(header: str) -> tuple[str, str]:
    """Return a header's name, lower case with blanks, and its unit ('' if none)."""
    bracket = re.fullmatch(r"(.*?)\s*[\[(]\s*(.*?)\s*[\])]", header)
    if bracket:
        name, unit = bracket.groups()
    else:
        name, unit = header, ""
        known = (*_STRESS_UNITS, *_RATE_UNITS)
        for end in sorted(known, key=len, reverse=True):
            after = re.fullmatch(rf"(.+?)(?:\s*[_/,]\s*|\s+)({re.escape(end)})", header, re.I)
            if after:
                name, unit = after.groups()
                break
    return " ".join(re.split(r"[\s_.\-]+", name.strip().lower())), unit


def _find(name: str, header: list[str], given: str | None) -> int | None:
    if given is not None:
        if given not in header:
            raise ValueError(
                f"no column {given!r} for {name}; the columns are {', '.join(map(repr, header))}"
            )
        return header.index(given)
    hits = [i for i, text in enumerate(header) if _split(text)[0] in _NAMES[name]]
    if len(hits) > 1:
        raise ValueError(
            f"more than one column for {name}: {', '.join(repr(header[i]) for i in hits)}; say "
            "which"
        )
    return hits[0] if hits else None


def _unit(name: str, header: str, path: str) -> tuple[float, str]:
    unit = _split(header)[1]
    known = _RATE_UNITS if name == "shear_rate" else _STRESS_UNITS
    if not unit:
        return 1.0, ""
    plain = re.sub(r"[\s^{}·*]", "", unit).replace("⁻¹", "-1").replace("²", "2").replace("−", "-")
    factor = known.get(plain.lower())
    if plain in ("mPa", "MPa") and known is _STRESS_UNITS:
        factor = 1e-3 if plain == "mPa" else 1e6
    if factor is None:
        allowed = ", ".join(key for key, value in known.items() if value is not None)
        raise ValueError(f"{path}: unit {unit!r} of {header!r} is not known; known are {allowed}")
    return factor, unit


def _number(path: str | Path, line: int, header: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        hint = "; write decimals with a point" if "," in cell else ""
        raise ValueError(
            f"{path}: line {line}, column {header!r}: {cell!r} is not a number{hint}"
        ) from None
