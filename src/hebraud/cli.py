"""The command line: ``hebraud steady | flow-curve | closed-form | md ...``.

Results go to standard output (or ``--output``) as JSON or CSV, in reduced units. Errors go to
standard error in one line, with the exit codes of `hebraud.cli_errors`; 130: stopped by Ctrl-C.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import hebraud
from hebraud import cli_fit, cli_warm_up
from hebraud.cli_errors import one_line_errors
from hebraud.cli_md import md

__all__ = ["app"]

app = typer.Typer(
    help="Mean-field rheology of yield-stress materials (Hébraud-Lequeux).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(md, name="md")


class Format(StrEnum):
    """How results are written."""

    json = "json"
    csv = "csv"


class Solver(StrEnum):
    """Which stationary solver."""

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


def _model(alpha: float, drop: float, residual: float | None, drop_noise: bool) -> hebraud.Model:
    if residual is not None and drop != 1.0:
        raise ValueError(f"give --drop or --residual, not both: got {drop!r} and {residual!r}")
    coupling = hebraud.DropNoise(alpha) if drop_noise else hebraud.ActivityNoise(alpha)
    landing = hebraud.FractionalDrop(drop) if residual is None else hebraud.ResidualStress(residual)
    return hebraud.Model(coupling, relaxation=landing)


def _solver(choice: Solver, rtol: float) -> hebraud.Exact | hebraud.FiniteVolume | None:
    makers: dict[Solver, Callable[[], hebraud.Exact | hebraud.FiniteVolume | None]] = {
        Solver.auto: lambda: None,
        Solver.exact: hebraud.Exact,
        Solver.finite_volume: lambda: hebraud.FiniteVolume(rtol=rtol),
    }
    return makers[choice]()


def _write(
    rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any], form: Format, output: Path | None
) -> None:
    """Write rows of numbers: CSV with ``#`` comments for what they are about, or JSON with both."""
    if form is Format.json:
        text = (
            json.dumps(
                {**about, "rows": list(rows)} if len(rows) != 1 else {**about, **rows[0]},
                indent=2,
                ensure_ascii=False,
            )
            + "\n"
        )
    else:
        table = io.StringIO()
        for name, value in about.items():
            table.write(f"# {name}: {json.dumps(value, ensure_ascii=False)}\n")
        writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text = table.getvalue()
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def _draw(path: Path, draw: Callable[[Any], None]) -> None:
    import matplotlib.figure

    allowed = (".png", ".pdf", ".svg")
    if path.suffix not in allowed:
        raise ValueError(f"--plot must end in one of {', '.join(allowed)}, got {str(path)!r}")
    with hebraud.plot.style():
        figure = matplotlib.figure.Figure(figsize=(3.4, 2.6), layout="constrained")
        draw(figure.subplots())
        figure.savefig(path)


_UNITS = "reduced: stress in sigma_c, time in tau, shear rate in sigma_c/(G0 tau)"


@app.command()
@one_line_errors
def steady(
    alpha: Alpha,
    shear_rate: Annotated[float, typer.Option(help="Shear rate in sigma_c/(G0 tau).")],
    drop: Drop = 1.0,
    residual: Residual = None,
    drop_noise: SquareNoise = False,
    solver: SolverOption = Solver.auto,
    rtol: Rtol = 1e-6,
    form: FormatOption = Format.json,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Stationary state at one shear rate: stress, activity, diffusion; --plot draws P(sigma)."""
    model = _model(alpha, drop, residual, drop_noise)
    state = hebraud.steady_state(model, shear_rate, _solver(solver, rtol))
    row = {
        "shear_rate": state.shear_rate,
        "stress": state.stress,
        "activity": state.activity,
        "diffusion": state.diffusion,
        "error_estimate": state.error_estimate,
    }
    about = {"model": repr(model), "solver": repr(state.solver), "units": _UNITS}
    if state.other_roots:
        about["other_roots"] = repr(state.other_roots)
    _write([row], about, form, output)
    if plot is not None:
        _draw(plot, lambda ax: hebraud.plot.density(state, ax))


@app.command()
@one_line_errors
def flow_curve(
    alpha: Alpha,
    from_rate: Annotated[float, typer.Option("--from", help="Lowest shear rate, > 0.")] = 1e-5,
    to_rate: Annotated[float, typer.Option("--to", help="Highest shear rate.")] = 10.0,
    points: Annotated[int, typer.Option(help="Number of rates, evenly spaced in log scale.")] = 25,
    drop: Drop = 1.0,
    residual: Residual = None,
    drop_noise: SquareNoise = False,
    solver: SolverOption = Solver.auto,
    rtol: Rtol = 1e-6,
    fit: Annotated[bool, typer.Option("--fit", help="Add the fit with n = 1/2.")] = False,
    form: FormatOption = Format.csv,
    output: Output = None,
    plot: Plot = None,
) -> None:
    """Flow curve: stress, activity and diffusion over shear rates."""
    if not (0.0 < from_rate < to_rate < np.inf and points >= 2):
        raise ValueError(
            "--from and --to must be finite with 0 < from < to, and --points >= 2, got "
            f"{from_rate!r}, {to_rate!r} and {points!r}"
        )
    model = _model(alpha, drop, residual, drop_noise)
    rates = np.geomspace(from_rate, to_rate, points)
    curve = hebraud.flow_curve(model, rates, _solver(solver, rtol))
    about = {"model": repr(model), "units": _UNITS}
    if fit:
        law = curve.herschel_bulkley()
        about["herschel_bulkley"] = str(law)
    names = ("shear_rate", "stress", "activity", "diffusion")
    columns = [getattr(curve, name).tolist() for name in names]
    _write(
        [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)],
        about,
        form,
        output,
    )
    if plot is not None:

        def draw(ax: Any) -> None:
            hebraud.plot.flow_curve(curve, ax)
            if fit:
                ax.plot(rates, law.stress(rates), "--", label=r"$\sigma_Y + A\dot\gamma^{1/2}$")
                ax.legend()

        _draw(plot, draw)


@app.command()
@one_line_errors
def closed_form(
    alpha: Annotated[float | None, typer.Option(help="Coupling, 0 < alpha < 1/2.")] = None,
    u: Annotated[float | None, typer.Option(help="u = sigma_c G0 tau/d of the appendix.")] = None,
    yield_stress: Annotated[float | None, typer.Option(help="sigma_Y/sigma_c, below 1/2.")] = None,
    form: FormatOption = Format.json,
    output: Output = None,
) -> None:
    """Yield stress and prefactor at small rates, from one of alpha, u, sigma_Y/sigma_c."""
    known = hebraud.closed_form
    given = {
        name: value
        for name, value in (("alpha", alpha), ("u", u), ("yield_stress", yield_stress))
        if value is not None
    }
    if len(given) != 1:
        raise ValueError(
            "give exactly one of --alpha, --u and --yield-stress, got "
            + (", ".join(f"{name} = {value!r}" for name, value in given.items()) or "none")
        )
    if yield_stress is not None:
        alpha = float(known.alpha_of_yield_stress(yield_stress))
    if u is None:
        assert alpha is not None
        u = float(known.u_of_alpha(alpha))
    row = {
        "u": u,
        "alpha": float(known.alpha(u=u)),
        "yield_stress": float(known.yield_stress(u=u)),
        "prefactor": float(known.prefactor(u=u)),
    }
    units = "yield_stress in sigma_c, prefactor in (G0 sigma_c tau)^(1/2)"
    _write([row], {"units": units}, form, output)


app.command()(one_line_errors(cli_fit.fit))
app.command()(one_line_errors(cli_warm_up.warm_up))
