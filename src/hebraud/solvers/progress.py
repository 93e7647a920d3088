"""A progress bar for long runs: on a terminal only, and only once a run has taken a while."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["progress"]

_WIDTH = 30
_EVERY = 0.1  # seconds between drawings
_CLEAR = "\r\x1b[K"


@contextmanager
def progress(
    until: float, after: float = 2.0, stream: TextIO | None = None
) -> Iterator[Callable[[float], None]]:
    """Show how far a run has come, inside a ``with`` block.

    ``with progress(until) as update:`` gives ``update(time)``, to be called after each step; a
    call that draws nothing costs less than a microsecond. The line is wiped at the end of the
    block, on errors too. The bar is of the run's own time: where steps grow, as in ageing, it
    speeds up.

    Parameters
    ----------
    until : float
        End of the run, in tau.
    after : float
        Seconds before anything is drawn; short runs draw nothing.
    stream : text stream, optional
        None is the standard error. Where it is not a terminal nothing is ever drawn.

    Yields
    ------
    callable
        ``update(time)``, with the time reached in tau.
    """
    out = sys.stderr if stream is None else stream
    if out is None or not out.isatty() or os.environ.get("TERM") == "dumb":
        yield _nothing
        return
    begin = time.monotonic()
    due, drawn = begin + after, False

    def update(reached: float) -> None:
        nonlocal due, drawn
        now = time.monotonic()
        if now < due:
            return
        due, drawn = now + _EVERY, True
        share = min(max(reached / until, 0.0), 1.0) if until > 0.0 else 1.0
        full = int(share * _WIDTH)
        out.write(
            f"{_CLEAR}[{'#' * full}{'.' * (_WIDTH - full)}] {100.0 * share:3.0f} %  "
            f"t = {reached:.4g} of {until:.4g}  ({now - begin:.0f} s)"
        )
        out.flush()

    try:
        yield update
    finally:
        if drawn:
            out.write(_CLEAR)
            out.flush()


def _nothing(reached: float) -> None:
    """Draw nothing."""
