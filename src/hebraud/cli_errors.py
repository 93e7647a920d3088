"""Errors on the command line: one line on standard error, and an exit code that says which.

0 done; 2 bad argument; 3 no stationary state; 4 a solver did not converge; 5 an optional package is
missing; 6 a file cannot be written; 7 another error of hebraud's own (a particle run that became
unstable, say).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import typer

from hebraud.errors import ConvergenceError, HebraudError, MissingDependency, NoStationaryState

__all__ = ["one_line_errors"]

P = ParamSpec("P")
R = TypeVar("R")

_EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (NoStationaryState, 3),
    (ConvergenceError, 4),
    (MissingDependency, 5),
    (OSError, 6),
    (HebraudError, 7),
    (ValueError, 2),
    (NotImplementedError, 2),
)


def _fail(error: BaseException) -> NoReturn:
    code = next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
    typer.echo(f"hebraud: error: {' '.join(str(error).split())}", err=True)
    raise typer.Exit(code)


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors that a user can cause into one line and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except tuple(kind for kind, _ in _EXIT_CODES) as error:
            _fail(error)

    return wrapped
