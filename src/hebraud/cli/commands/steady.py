"""The command ``hebraud steady``: one stationary state."""

from __future__ import annotations

from typing import Annotated

import typer

import hebraud
from hebraud.cli import options

__all__ = ["command"]


def command(
    alpha: options.Alpha,
    shear_rate: Annotated[float, typer.Option(help="Shear rate in sigma_c/(G0 tau).")],
    drop: options.Drop = 1.0,
    residual: options.Residual = None,
    drop_noise: options.SquareNoise = False,
    solver: options.SolverOption = options.Solver.auto,
    rtol: options.Rtol = 1e-6,
    form: options.FormatOption = options.Format.json,
    output: options.Output = None,
    plot: options.Plot = None,
) -> None:
    """Stationary state at one shear rate: stress, activity, diffusion; --plot draws P(sigma)."""
    model = options.model_of(alpha, drop, residual, drop_noise)
    state = hebraud.steady_state(model, shear_rate, options.solver_of(solver, rtol))
    row = {
        "shear_rate": state.shear_rate,
        "stress": state.stress,
        "activity": state.activity,
        "diffusion": state.diffusion,
        "error_estimate": state.error_estimate,
    }
    about = {"model": repr(model), "solver": repr(state.solver), "units": options.UNITS}
    if state.other_roots:
        about["other_roots"] = repr(state.other_roots)
    options.write_rows([row], about, form, output)
    if plot is not None:
        options.draw(plot, lambda ax: hebraud.plot.density(state, ax))
