"""Drawing: house style, flow curves, distributions. Loaded on first use; needs matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes

from hebraud.rheology.flow_curve import FlowCurve
from hebraud.solvers.state import SteadyState

__all__ = ["COLOURS", "MARKERS", "density", "flow_curve", "style"]

# Okabe and Ito's palette, told apart by colour-blind readers; markers tell them apart in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@contextmanager
def style() -> Iterator[None]:
    """Use the house style inside a ``with`` block: legible at a column's width of 86 mm."""
    settings: Any = {
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
    with mpl.rc_context(settings):
        yield


def flow_curve(curve: FlowCurve, ax: Axes, **line: Any) -> None:
    """Draw stress against shear rate, the rate on a logarithmic axis.

    Parameters
    ----------
    curve : FlowCurve
        Rates > 0 only; others cannot be drawn on a logarithmic axis and raise.
    ax : matplotlib Axes
    **line
        Passed to ``Axes.errorbar``.

    Raises
    ------
    ValueError
        If a shear rate is not > 0.
    """
    if not np.all(curve.shear_rate > 0.0):
        raise ValueError(
            f"shear_rate must be > 0 on a logarithmic axis, got {curve.shear_rate.min()}"
        )
    order = np.argsort(curve.shear_rate)
    error = None if curve.stress_err is None else curve.stress_err[order]
    ax.errorbar(curve.shear_rate[order], curve.stress[order], yerr=error, **line)
    ax.set_xscale("log")
    if curve.scales is None:
        ax.set_xlabel(r"shear rate $\dot\gamma\,G_0\tau/\sigma_c$")
        ax.set_ylabel(r"stress $\langle\sigma\rangle/\sigma_c$")
    else:
        ax.set_xlabel(r"shear rate $\dot\gamma$")
        ax.set_ylabel(r"stress $\langle\sigma\rangle$")


def density(state: SteadyState, ax: Axes, points: int = 2001, **line: Any) -> None:
    """Draw P(s) of a stationary state, over twelve decay lengths beyond the thresholds.

    Parameters
    ----------
    state : SteadyState
    ax : matplotlib Axes
    points : int
        Number of stresses at which P is drawn.
    **line
        Passed to ``Axes.plot``.
    """
    g, D = state.shear_rate, state.diffusion
    threshold = float(state.model.thresholds.nodes(1e-3)[0].max())
    root = float(np.sqrt(g * g + 4.0 * D))
    low, high = (root - g) / 2.0, (root + g) / 2.0
    s = np.linspace(-threshold - 12.0 * low, threshold + 12.0 * high, points)
    ax.plot(s, state.density(s), **line)
    ax.set_xlabel(r"local stress $\sigma/\sigma_c$")
    ax.set_ylabel(r"$\sigma_c\,P(\sigma)$")
