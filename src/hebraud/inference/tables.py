"""Read flow curves from text files: CSV, TSV, semicolons; headers with units."""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hebraud._typing import Floats
from hebraud.checks import check_path
from hebraud.errors import check_whole_number, shown

__all__ = ["Table", "read_flow_curve"]

_NAMES = ("shear_rate", "stress", "stress_err")
_RATE = {"rate", "shear rate", "shearrate", "strain rate"}
_RATE_SYMBOLS = {"γ̇", "gammadot", "gamma dot"}
_STRESS = {"stress", "shear stress", "shearstress"}
_STRESS_SYMBOLS = {"σ", "τ", "sigma", "tau"}
_ERROR_WORDS = {
    "err", "error", "errors", "std", "stdev", "sd", "sem", "stderr", "uncertainty", "deviation",
    "delta", "±",
}  # fmt: skip
_BESIDE_ERROR = {"shear", "stress", "standard", "of", "in", "the", *_STRESS_SYMBOLS}
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
    headers : dict
        The header of every column that was read.
    unused : tuple of str
        The headers that were not.
    excluded : tuple of int
        Lines that were left out on request.
    """

    shear_rate: Floats
    stress: Floats
    stress_err: Floats | None
    lines: tuple[int, ...]
    units: dict[str, str]
    headers: dict[str, str]
    unused: tuple[str, ...]
    excluded: tuple[int, ...]

    def __str__(self) -> str:
        taken = ", ".join(f"{name} from {header!r}" for name, header in self.headers.items())
        said = [f"{len(self.lines)} points: {taken}"]
        if self.stress_err is None:
            said.append("no column of errors")
        if self.unused:
            said.append(f"not used: {', '.join(map(repr, self.unused))}")
        if self.excluded:
            said.append(f"left out: lines {', '.join(map(str, self.excluded))}")
        return "; ".join(said)


def read_flow_curve(
    path: str | Path,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    exclude: tuple[int, ...] = (),
) -> Table:
    """Read a flow curve from a text file with one header line.

    Tabs, semicolons or commas separate the columns, or blanks where the header has none of these.
    Lines that begin with # are comments; the last of them is the header where the first other line
    holds numbers only. Headers are known by name ("shear rate", "stress", "stress error" and so on,
    in any case) with the unit in brackets, after the name or in a line of its own below:
    ``Shear rate (1/s)``, ``stress_Pa``, ``stress [kPa]``. An error without a unit is in that of
    the stress, one in % is a percentage of it. Decimals have a point, or all of them a comma.

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
    for name, value in (("columns", columns), ("where", where)):
        if value is not None and not isinstance(value, Mapping):
            raise ValueError(f"{name} must map names to text, got {shown(value)}")
    for name in columns or {}:
        if name not in _NAMES:
            raise ValueError(f"columns must name some of {', '.join(_NAMES)}, got {shown(name)}")
    if not isinstance(exclude, (tuple, list, set, frozenset, range)):
        raise ValueError(f"exclude must be lines of the file such as (3, 4), got {shown(exclude)}")
    exclude = tuple(check_whole_number("exclude", line, at_least=1) for line in exclude)
    header, rows = _rows(check_path("path", path))
    found = {name: _find(path, name, header, (columns or {}).get(name)) for name in _NAMES}
    missing = [name for name in ("shear_rate", "stress") if found[name] is None]
    if missing:
        raise ValueError(
            f"{path}: no column for {' and '.join(missing)}; the columns are "
            f"{', '.join(repr(name) for name in header)}; say which it is: "
            f"columns={{{missing[0]!r}: 'HEADER'}}, or --{missing[0].replace('_', '-')}-column "
            "HEADER on the command line"
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
    if not rows:
        raise ValueError(f"{path}: no line is left, all are excluded")
    at = {name: index for name, index in found.items() if index is not None}
    cells = [row[index] for _, row in rows for index in at.values()]
    commas = any("," in cell for cell in cells) and not any("." in cell for cell in cells)
    data: dict[str, Floats] = {}
    units: dict[str, str] = {}
    for name, index in at.items():
        column = np.array(
            [_number(path, line, header[index], row[index], commas) for line, row in rows]
        )
        units[name] = _split(header[index])[1]
        if name == "stress_err" and units[name] == "%":
            data[name] = 0.01 * column * data["stress"]
            continue
        alike = "stress" if name == "stress_err" and not units[name] else name
        data[name] = _factor(path, alike, header[at[alike]]) * column
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
    return Table(
        data["shear_rate"], data["stress"], data.get("stress_err"), lines, units,
        {name: header[index] for name, index in at.items()},
        tuple(text for i, text in enumerate(header) if text and i not in at.values()),
        tuple(sorted(exclude)),
    )  # fmt: skip


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the rows with their line numbers."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no UTF-8 text ({error}); save or export it as text, CSV in UTF-8"
        ) from None
    lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    notes = [(i, line) for i, line in lines if line.lstrip().startswith("#")]
    lines = [pair for pair in lines if pair not in notes]
    if lines and notes and all(map(_is_number, _cells(lines[0][1], _delimiter(lines[0][1])))):
        above = max((pair for pair in notes if pair[0] < lines[0][0]), default=None)
        lines = lines if above is None else [(above[0], above[1].lstrip(" #")), *lines]
    if len(lines) < 2:
        raise ValueError(f"{path}: needs a header and at least one row, got {len(lines)} lines")
    delimiter = _delimiter(lines[0][1])
    (first, header), *rows = [(i, _cells(line, delimiter)) for i, line in lines]
    if any(map(_is_number, header)):
        raise ValueError(
            f"{path}: line {first} must name the columns, such as 'shear rate (1/s)', "
            f"'stress (Pa)', got numbers: {', '.join(header)}"
        )
    for i, row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"{path}: line {i} has {len(row)} cells where the header has {len(header)}"
                f"{'' if delimiter else ' (blanks separate columns: names must have none)'}"
            )
    if all(not cell or _is_unit(cell.strip("[]()")) for cell in rows[0][1]):
        header = [
            f"{name} [{unit.strip('[]()')}]" if unit else name
            for name, unit in zip(header, rows[0][1], strict=True)
        ]
        rows = rows[1:]
    return header, rows


def _delimiter(header: str) -> str | None:
    delimiter = max("\t;,", key=header.count)
    return delimiter if delimiter in header else None


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_unit(text: str) -> bool:
    return _plain(text) in {*_STRESS_UNITS, *_RATE_UNITS, "%"}


def _plain(unit: str) -> str:
    plain = re.sub(r"[\s^{}·*]", "", unit).replace("⁻¹", "-1").replace("²", "2").replace("−", "-")
    return plain.lower()


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
    name = unicodedata.normalize("NFC", name.strip().lower())
    return " ".join(re.split(r"[\s_.\-]+", name)), unit


def _is_named(name: str, header: str) -> bool:
    """True where a header, without its unit, names this column."""
    text = _split(header)[0]
    words = set(text.split())
    if name == "stress_err":
        return bool(words & _ERROR_WORDS) and words <= _ERROR_WORDS | _BESIDE_ERROR
    known, symbols = (_RATE, _RATE_SYMBOLS) if name == "shear_rate" else (_STRESS, _STRESS_SYMBOLS)
    plain = " ".join(word for word in text.split() if word not in symbols)
    return text in symbols or plain in known


def _find(path: str | Path, name: str, header: list[str], given: str | None) -> int | None:
    if given is not None:
        if given not in header:
            raise ValueError(
                f"{path}: no column {given!r} for {name}; the columns are "
                f"{', '.join(map(repr, header))}"
            )
        return header.index(given)
    hits = [i for i, text in enumerate(header) if _is_named(name, text)]
    if len(hits) > 1:
        raise ValueError(
            f"{path}: more than one column for {name}: {', '.join(repr(header[i]) for i in hits)}; "
            f"say which: columns={{{name!r}: 'HEADER'}}, or --{name.replace('_', '-')}-column "
            "HEADER on the command line"
        )
    return hits[0] if hits else None


def _factor(path: str | Path, name: str, header: str) -> float:
    """Return the factor from a header's unit to 1/s or Pa."""
    unit = _split(header)[1]
    known = _RATE_UNITS if name == "shear_rate" else _STRESS_UNITS
    if not unit:
        return 1.0
    factor = known.get(_plain(unit))
    if unit in ("mPa", "MPa") and known is _STRESS_UNITS:
        factor = 1e-3 if unit == "mPa" else 1e6
    if factor is None:
        allowed = ", ".join(key for key, value in known.items() if value is not None)
        raise ValueError(f"{path}: unit {unit!r} of {header!r} is not known; known are {allowed}")
    return factor


def _number(path: str | Path, line: int, header: str, cell: str, commas: bool) -> float:
    try:
        return float(cell.replace(",", ".") if commas else cell)
    except ValueError:
        hint = ""
        if "," in cell:
            hint = "; write all decimals with a point, or all with a comma, and no thousands"
        raise ValueError(
            f"{path}: line {line}, column {header!r}: {cell!r} is not a number{hint}"
        ) from None
