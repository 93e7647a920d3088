"""The command ``hebraud fit``: parameters from a flow curve in a text file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import hebraud
from hebraud.cli import options

if TYPE_CHECKING:
    from hebraud.inference import Comparison, FlowCurveFit, Table

__all__ = ["command"]

_HOLD = "Hold it at this value."
_UNITS = {"shear_rate": "1/s", "stress": "Pa", "threshold": "Pa", "modulus_time": "Pa s"}


def command(
    data: Annotated[Path, typer.Argument(help="CSV or TSV file with a header line.")],
    alpha: Annotated[float | None, typer.Option(help=f"Coupling. {_HOLD}")] = None,
    threshold: Annotated[float | None, typer.Option(help=f"sigma_c (Pa). {_HOLD}")] = None,
    modulus_time: Annotated[float | None, typer.Option(help=f"G0 tau (Pa s). {_HOLD}")] = None,
    shear_rate_column: Annotated[str | None, typer.Option(help="Its header.")] = None,
    stress_column: Annotated[str | None, typer.Option(help="Its header.")] = None,
    stress_err_column: Annotated[str | None, typer.Option(help="Its header.")] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="COLUMN=TEXT: only the rows with this text.")
    ] = None,
    exclude: Annotated[
        list[int] | None, typer.Option(help="A line of the file to leave out; may be repeated.")
    ] = None,
    level: Annotated[float, typer.Option(help="Confidence level of the intervals.")] = 0.95,
    compare: Annotated[
        bool, typer.Option("--compare", help="Fit the Herschel-Bulkley law too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of the report.")] = False,
    output: options.Output = None,
    plot: options.Plot = None,
) -> None:
    """Fit the Hébraud-Lequeux flow curve to data: alpha, threshold, modulus_time (G0 tau)."""
    from hebraud.inference import (
        Comparison,
        fit_flow_curve,
        fit_herschel_bulkley_law,
        read_flow_curve,
    )

    options.check_plot(plot)
    given = {
        "shear_rate": shear_rate_column, "stress": stress_column, "stress_err": stress_err_column,
    }  # fmt: skip
    table = read_flow_curve(
        data,
        {name: header for name, header in given.items() if header is not None},
        dict(_condition(text) for text in where or []),
        tuple(exclude or []),
    )
    columns = (table.shear_rate, table.stress, table.stress_err)
    found = fit_flow_curve(*columns, alpha=alpha, threshold=threshold, modulus_time=modulus_time)
    comparison = None
    if compare:
        comparison = Comparison(
            {"classical": found, "Herschel-Bulkley": fit_herschel_bulkley_law(*columns)}
        )
    if as_json:
        text = json.dumps(_summary(table, found, comparison, level), indent=2, ensure_ascii=False)
    else:
        text = _report(data, table, found, level)
        text += "" if comparison is None else f"\n{comparison.report()}"
    options.write_text(text, output)
    if plot is not None:
        in_pascals = all(table.units.get(name) for name in ("shear_rate", "stress"))
        with hebraud.plot.style():
            drawn = found if comparison is None else comparison
            drawn.plot(units=_UNITS if in_pascals else None).savefig(plot)


def _condition(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ValueError(f"--where must be COLUMN=TEXT, got {text!r}")
    return name, value


def _report(data: Path, table: Table, found: FlowCurveFit, level: float) -> str:
    """Return the fit's report, headed by the columns read and the lines of the points it names."""
    named = sorted({i for warning in found.warnings for i in warning.points})
    lines = [f"{data}: {table}"]
    if named:
        where = ", ".join(f"point {i} is line {table.lines[i]}" for i in named)
        lines.append(f"  of the points named below, {where}")
    return "\n".join([*lines, found.report(level)])


def _summary(
    table: Table, found: FlowCurveFit, comparison: Comparison | None, level: float
) -> dict[str, object]:
    """Return the content of the report for programs; null where an interval has no end."""
    parameters: dict[str, dict[str, float | None]] = {}
    for name, estimate in found.estimates.items():
        parameters[name] = {"value": estimate.value, "stderr": estimate.stderr}
        if name in found.free:
            low, high = found.interval(name, level)
            parameters[name] |= {"low": low or None, "high": high if high < float("inf") else None}
    summary: dict[str, object] = {
        "parameters": parameters, "level": level, "chi_square": found.chi_square,
        "degrees_of_freedom": found.degrees_of_freedom, "aic": found.aic, "bic": found.bic,
        "warnings": [
            {"kind": w.kind, "message": w.message, "lines": [table.lines[i] for i in w.points]}
            for w in found.warnings
        ],
        "columns": table.headers, "unused": table.unused, "excluded": table.excluded,
    }  # fmt: skip
    if comparison is not None:
        summary["comparison"] = [
            {"name": row.name, "delta_aic": row.delta_aic, "delta_bic": row.delta_bic}
            for row in comparison.rows
        ]
    return summary
