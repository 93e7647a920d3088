"""Options that several commands share, and how commands write and draw their results."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import hebraud

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "UNITS",
    "Alpha",
    "Drop",
    "Format",
    "FormatOption",
    "Output",
    "Plot",
    "Residual",
    "Rtol",
    "Solver",
    "SolverOption",
    "SquareNoise",
    "check_plot",
    "draw",
    "model_of",
    "solver_of",
    "write_rows",
    "write_text",
]

UNITS = "reduced: stress in sigma_c, time in tau, shear rate in sigma_c/(G0 tau)"
_FIGURES = (".png", ".pdf", ".svg")


class Format(StrEnum):
    """Format of the results."""

    json = "json"
    csv = "csv"


class Solver(StrEnum):
    """Stationary solver; ``auto`` is the exact one where it applies."""

    auto = "auto"
    exact = "exact"
    finite_volume = "finite-volume"


Alpha = Annotated[float, typer.Option(help="Coupling alpha (dimensionless, > 0).")]
Drop = Annotated[float, typer.Option(help="Fraction f of the stress that an event releases.")]
Residual = Annotated[
    float | None, typer.Option(help="Stress left after an event, in sigma_c, instead of --drop.")
]
SquareNoise = Annotated[
    bool,
    typer.Option("--drop-noise", help="Noise from the squared drops (eq. 8), not D = alpha Gamma."),
]
SolverOption = Annotated[Solver, typer.Option(help="auto takes the exact one where it applies.")]
Rtol = Annotated[float, typer.Option(help="Relative tolerance of the finite volumes.")]
FormatOption = Annotated[Format, typer.Option("--format", help="Output format.")]
Output = Annotated[Path | None, typer.Option(help="File to write instead of standard output.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the result to this file (.png, .pdf, .svg).")]


def model_of(alpha: float, drop: float, residual: float | None, drop_noise: bool) -> hebraud.Model:
    """Return the model that the options describe.

    Raises
    ------
    ValueError
        If there are both a drop and a residual stress, or a number is not allowed.
    """
    if residual is not None and drop != 1.0:
        raise ValueError(f"give --drop or --residual, not both: got {drop!r} and {residual!r}")
    coupling = hebraud.DropNoise(alpha) if drop_noise else hebraud.ActivityNoise(alpha)
    landing = hebraud.FractionalDrop(drop) if residual is None else hebraud.ResidualStress(residual)
    return hebraud.Model(coupling, relaxation=landing)


def solver_of(choice: Solver, rtol: float) -> hebraud.Exact | hebraud.FiniteVolume | None:
    """Return the solver of that name; None leaves the choice to the library."""
    if choice is Solver.auto:
        return None
    return hebraud.Exact() if choice is Solver.exact else hebraud.FiniteVolume(rtol=rtol)


def write_text(text: str, output: Path | None) -> None:
    """Write a text, its last line ended, to a file or to standard output."""
    if output is None:
        typer.echo(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")


def write_rows(
    rows: Sequence[Mapping[str, float]],
    about: Mapping[str, str],
    form: Format,
    output: Path | None,
) -> None:
    """Write rows of numbers with what describes them: as JSON, or as CSV with ``#`` comments."""
    if form is Format.json:
        whole = {**about, "rows": list(rows)} if len(rows) != 1 else {**about, **rows[0]}
        write_text(json.dumps(whole, indent=2, ensure_ascii=False), output)
        return
    table = io.StringIO()
    for name, value in about.items():
        table.write(f"# {name}: {json.dumps(value, ensure_ascii=False)}\n")
    writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(table.getvalue().removesuffix("\n"), output)


def check_plot(path: Path | None) -> None:
    """Raise ``ValueError`` where a figure cannot be written in the format of that ending."""
    if path is not None and path.suffix not in _FIGURES:
        raise ValueError(f"--plot must end in one of {', '.join(_FIGURES)}, got {str(path)!r}")


def draw(path: Path, on: Callable[[Axes], None]) -> None:
    """Write a figure of one pair of axes, drawn in the house style."""
    import matplotlib.figure

    check_plot(path)
    with hebraud.plot.style():
        figure = matplotlib.figure.Figure(figsize=(3.4, 2.6), layout="constrained")
        on(figure.subplots())
        figure.savefig(path)
