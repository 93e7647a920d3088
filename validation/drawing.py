"""Make a figure from three functions: compute() -> result, check(result), draw(result, ax)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hebraud import plot

FOLDER = Path("figures")
Look = Mapping[float, tuple[str, str]]  # colour and marker, by density
COLUMN = 3.39  # inches: a column of 86 mm


def report(progress: str) -> None:
    """Print what a script is doing on standard error."""
    print(progress, file=sys.stderr, flush=True)


def panels(ax: Axes, mosaic: str) -> dict[str, Axes]:
    """Put the panels of a mosaic (see ``Figure.subplot_mosaic``), by letter, in the place of ax."""
    return instead_of(ax).subplot_mosaic(mosaic)


def instead_of(ax: Axes) -> Figure:
    """Return the figure of the axes and remove these, to make room for several panels."""
    figure = ax.figure
    assert isinstance(figure, Figure)
    ax.remove()
    return figure


def make(
    name: str,
    compute: Callable[[], Any],
    check: Callable[[Any], None],
    draw: Callable[[Any, Axes], None],
    size: tuple[float, float] = (COLUMN, 0.8 * COLUMN),
) -> None:
    """Compute, check in numbers, draw to figures/NAME.png and .pdf."""
    report(f"{name}: computing")
    result = compute()
    report(f"{name}: checking and drawing")
    check(result)
    FOLDER.mkdir(exist_ok=True)
    with plot.style():
        figure = Figure(figsize=size, layout="constrained")
        draw(result, figure.subplots())
        for suffix in ("png", "pdf"):
            path = FOLDER / f"{name}.{suffix}"
            # no date in the file: the same numbers give the same bytes
            figure.savefig(path, metadata={"CreationDate": None} if suffix == "pdf" else None)
            print(f"wrote {path}")
