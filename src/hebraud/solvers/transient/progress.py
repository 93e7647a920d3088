"""A progress bar for long runs: on a terminal only, and only once a run has taken a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["progress"]


@contextmanager
def progress(
    until: float, after: float = 2.0, stream: TextIO | None = None
) -> Iterator[Callable[[float], None]]:
    """Show how far a run has come, inside a ``with`` block.

    ``with progress(until) as update:`` gives ``update(time)``, to be called after each step. The
    bar is wiped at the end of the block, on errors too. It is of the run's own time: where steps
    grow, as in ageing, it speeds up.

    Parameters
    ----------
    until : float
        End of the run, in tau.
    after : float
        Seconds before anything is drawn; short runs draw nothing, and do not load the library.
    stream : text stream, optional
        None is the standard error. Where it is not a terminal nothing is ever drawn.

    Yields
    ------
    callable
        ``update(time)``, with the time reached in tau.
    """
    out = sys.stderr if stream is None else stream
    drawing = out is not None and out.isatty()
    due = time.monotonic() + after
    bar: Progress | None = None

    def update(reached: float) -> None:
        nonlocal bar
        if not drawing or (bar is None and time.monotonic() < due):
            return
        if bar is None:
            bar = _bar(out)
            bar.add_task("t / tau", total=until)
            bar.start()
        bar.update(bar.task_ids[0], completed=min(reached, until))

    try:
        yield update
    finally:
        if bar is not None:
            bar.stop()


def _bar(out: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.4g} of {task.total:.4g}"),
        TimeElapsedColumn(),
        console=Console(file=out),
        transient=True,
    )
