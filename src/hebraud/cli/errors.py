"""Errors on the command line: one line on standard error, and an exit code that tells the kind.

0 done; 2 bad argument; 3 no stationary state; 4 a solver did not converge; 5 an optional package is
missing; 6 a file cannot be read or written; 7 another error of hebraud's own (a particle run that
became unstable, say).
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from hebraud.errors import ConvergenceError, HebraudError, MissingDependency, NoStationaryState

__all__ = ["EXIT_CODES", "OneLineErrors"]

EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (NoStationaryState, 3),
    (ConvergenceError, 4),
    (MissingDependency, 5),
    (OSError, 6),
    (HebraudError, 7),
    (ValueError, 2),
    (NotImplementedError, 2),
)
"""Errors that a user can cause, with their exit codes; the first that fits counts."""


class OneLineErrors(TyperGroup):
    """Group of commands whose errors, where a user can cause them, become one line and a code."""

    def invoke(self, ctx: Any) -> object:  # the class of a context differs between versions
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except tuple(kind for kind, _ in EXIT_CODES) as error:
            code = next(code for kind, code in EXIT_CODES if isinstance(error, kind))
            typer.echo(f"hebraud: error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(code) from None
