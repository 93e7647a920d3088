"""House style of the figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from cycler import cycler

__all__ = ["COLOURS", "MARKERS", "style"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Palette of Okabe and Ito, which colour-blind readers can tell apart."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Markers that go with the colours, for print in black and white."""


@contextmanager
def style() -> Iterator[None]:
    """Use the house style inside a ``with`` block: legible at a column's width of 86 mm."""
    with mpl.rc_context(
        {
            "figure.dpi": 100,
            "savefig.dpi": 300,
            "font.size": 8,
            "axes.labelsize": 9,
            "legend.fontsize": 7,
            "legend.frameon": False,
            "axes.prop_cycle": cycler(color=COLOURS),
            "lines.linewidth": 1.2,
            "lines.markersize": 4,
            "xtick.direction": "in",
            "ytick.direction": "in",
            "xtick.top": True,
            "ytick.right": True,
            "pdf.fonttype": 42,
        }
    ):
        yield
