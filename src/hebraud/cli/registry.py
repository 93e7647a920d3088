"""Build the command line from the modules of `hebraud.cli.commands` and from entry points.

A module ``flow_curve.py`` there is the command ``hebraud flow-curve``. It defines ``command``: a
function with annotated options, or a ``typer.Typer`` that holds commands of its own. Another
package adds a command with an entry point in the group ``hebraud.commands``, whose name is that of
the command and whose object is of the same kind. Errors become one line for all of them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

import typer

from hebraud.cli import commands
from hebraud.cli.errors import OneLineErrors

__all__ = ["ENTRY_POINTS", "build"]

ENTRY_POINTS = "hebraud.commands"
"""Group of the entry points by which other packages add commands."""

Command = Callable[..., None] | typer.Typer


def _found() -> Iterator[tuple[str, Command]]:
    for module in pkgutil.iter_modules(commands.__path__):
        name = module.name.replace("_", "-")
        yield name, importlib.import_module(f"{commands.__name__}.{module.name}").command
    for point in entry_points(group=ENTRY_POINTS):
        yield point.name, point.load()


def build() -> typer.Typer:
    """Return the application with every command that is found.

    Raises
    ------
    ValueError
        If two commands have one name.
    """
    app = typer.Typer(
        cls=OneLineErrors,
        help="Mean-field rheology of yield-stress materials (Hébraud-Lequeux).",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    known: set[str] = set()
    for name, command in _found():
        if name in known:
            raise ValueError(f"two commands are called {name!r}; rename the entry point of one")
        known.add(name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app
