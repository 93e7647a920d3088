"""The command line, ``hebraud COMMAND``: `app` holds every command of `hebraud.cli.commands`.

Results go to standard output (or ``--output``) as JSON or CSV, in reduced units. Errors go to
standard error in one line, with the exit codes of `hebraud.cli.errors`; 130: stopped by Ctrl-C.
"""

from hebraud.cli.registry import build

__all__ = ["app"]

app = build()
