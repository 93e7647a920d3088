"""The command ``hebraud flow-curve``: stress over shear rates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

import hebraud
from hebraud.cli import options

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["command"]


def command(
    alpha: options.Alpha,
    from_rate: Annotated[float, typer.Option("--from", help="Lowest shear rate, > 0.")] = 1e-5,
    to_rate: Annotated[float, typer.Option("--to", help="Highest shear rate.")] = 10.0,
    points: Annotated[int, typer.Option(help="Number of rates, evenly spaced in log scale.")] = 25,
    drop: options.Drop = 1.0,
    residual: options.Residual = None,
    drop_noise: options.SquareNoise = False,
    solver: options.SolverOption = options.Solver.auto,
    rtol: options.Rtol = 1e-6,
    fit: Annotated[bool, typer.Option("--fit", help="Add the fit with n = 1/2.")] = False,
    form: options.FormatOption = options.Format.csv,
    output: options.Output = None,
    plot: options.Plot = None,
) -> None:
    """Flow curve: stress, activity and diffusion over shear rates."""
    if not (0.0 < from_rate < to_rate < math.inf and points >= 2):
        raise ValueError(
            "--from and --to must be finite with 0 < from < to, and --points >= 2, got "
            f"{from_rate!r}, {to_rate!r} and {points!r}"
        )
    model = options.model_of(alpha, drop, residual, drop_noise)
    rates = np.geomspace(from_rate, to_rate, points)
    curve = hebraud.flow_curve(model, rates, options.solver_of(solver, rtol))
    about = {"model": repr(model), "units": options.UNITS}
    law = curve.herschel_bulkley() if fit else None
    if law is not None:
        about["herschel_bulkley"] = str(law)
    names = ("shear_rate", "stress", "activity", "diffusion")
    columns = [getattr(curve, name).tolist() for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    options.write_rows(rows, about, form, output)

    def draw(ax: Axes) -> None:
        hebraud.plot.flow_curve(curve, ax)
        if law is not None:
            ax.plot(rates, law.stress(rates), "--", label=r"$\sigma_Y + A\dot\gamma^{1/2}$")
            ax.legend()

    if plot is not None:
        options.draw(plot, draw)
