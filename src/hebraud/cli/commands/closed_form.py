"""The command ``hebraud closed-form``: yield stress and prefactor at small rates."""

from __future__ import annotations

from typing import Annotated

import typer

import hebraud
from hebraud.cli import options

__all__ = ["command"]


def command(
    alpha: Annotated[float | None, typer.Option(help="Coupling, 0 < alpha < 1/2.")] = None,
    u: Annotated[float | None, typer.Option(help="u = sigma_c G0 tau/d of the appendix.")] = None,
    yield_stress: Annotated[float | None, typer.Option(help="sigma_Y/sigma_c, below 1/2.")] = None,
    form: options.FormatOption = options.Format.json,
    output: options.Output = None,
) -> None:
    """Yield stress and prefactor at small rates, from one of alpha, u, sigma_Y/sigma_c."""
    known = hebraud.closed_form
    every = {"alpha": alpha, "u": u, "yield_stress": yield_stress}
    given = [f"{name} = {value!r}" for name, value in every.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            "give exactly one of --alpha, --u and --yield-stress, got "
            + (", ".join(given) or "none")
        )
    if yield_stress is not None:
        alpha = float(known.alpha_of_yield_stress(yield_stress))
    if u is None:
        assert alpha is not None  # exactly one was given
        u = float(known.u_of_alpha(alpha))
    row = {
        "u": u,
        "alpha": float(known.alpha(u=u)),
        "yield_stress": float(known.yield_stress(u=u)),
        "prefactor": float(known.prefactor(u=u)),
    }
    units = "yield_stress in sigma_c, prefactor in (G0 sigma_c tau)^(1/2)"
    options.write_rows([row], {"units": units}, form, output)
