"""Draw flow curves, distributions of local stress, and runs in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import check_number
from hebraud.model.starts import Start
from hebraud.rheology.flow_curve import FlowCurve
from hebraud.solvers.chain.distributions import Classes
from hebraud.solvers.history import History
from hebraud.solvers.steady.state import SteadyState

__all__ = [
    "ageing",
    "density",
    "density_image",
    "flow_curve",
    "lissajous",
    "stress_strain",
]


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


def stress_strain(
    history: History, ax: Axes, overshoot: float = 1e-3, **line: Any
) -> tuple[float, float] | None:
    """Draw stress against strain, with a mark at the overshoot where there is one.

    There is one where the largest stress, in the direction of the shear, is not the last and
    exceeds it by more than ``overshoot`` of its size.

    Parameters
    ----------
    history : History
    ax : matplotlib Axes
    overshoot : float
        Smallest relative excess that is marked; above the tolerance of the run.
    **line
        Passed to ``Axes.plot``.

    Returns
    -------
    (float, float) or None
        Strain in sigma_c/G0 and stress in sigma_c at the overshoot.
    """
    (drawn,) = ax.plot(history.strain, history.stress, **line)
    ax.set_xlabel(r"strain $\gamma\,G_0/\sigma_c$")
    ax.set_ylabel(r"stress $\langle\sigma\rangle/\sigma_c$")
    sign = -1.0 if history.strain[-1] < 0.0 else 1.0
    forward = sign * history.stress
    peak = int(np.argmax(forward))
    if forward[peak] <= forward[-1] + overshoot * abs(forward[-1]):
        return None
    at = float(history.strain[peak]), float(history.stress[peak])
    ax.plot(*at, "o", mfc="white", color=drawn.get_color(), zorder=drawn.get_zorder() + 0.1)
    return at


def lissajous(
    history: History,
    angular_frequency: float,
    ax: Axes,
    projection: Literal["strain", "rate"] = "strain",
    **line: Any,
) -> None:
    """Draw the stress of the last period against strain or shear rate.

    Parameters
    ----------
    history : History
        Of an oscillation, over at least one period.
    angular_frequency : float
        omega in 1/tau, > 0.
    ax : matplotlib Axes
    projection : "strain" or "rate"
        Strain gives the elastic figure, whose area is the work of a period; rate the viscous one.
    **line
        Passed to ``Axes.plot``.

    Raises
    ------
    ValueError
        If the run is shorter than a period, or the projection is another word.
    """
    if projection not in ("strain", "rate"):
        raise ValueError(f'projection must be "strain" or "rate", got {projection!r}')
    period = 2.0 * np.pi / check_number("angular_frequency", angular_frequency, above=0.0)
    time = history.time
    if time[-1] - time[0] < period * (1.0 - 1e-9):
        raise ValueError(
            f"history must last at least one period, {period:.4g}, got {time[-1] - time[0]:.4g}"
        )
    begin = max(time[-1] - period, time[0])
    across = history.strain if projection == "strain" else history.shear_rate
    late = time > begin
    x, y = (
        np.concatenate([[np.interp(begin, time, column)], column[late]])
        for column in (across, history.stress)
    )
    ax.plot(x, y, **line)
    if projection == "strain":
        ax.set_xlabel(r"strain $\gamma\,G_0/\sigma_c$")
    else:
        ax.set_xlabel(r"shear rate $\dot\gamma\,G_0\tau/\sigma_c$")
    ax.set_ylabel(r"stress $\langle\sigma\rangle/\sigma_c$")


def ageing(history: History, ax: Axes, guides: Sequence[float] = (-1.0, -2.0), **line: Any) -> None:
    """Draw D against time on logarithmic axes, with guides of given slopes.

    D multiplies d2P/ds2, so that <ds^2> = 2 D t. Slope -1 is ageing (D t constant, at the critical
    coupling), slope -2 arrest (D t^2 constant). Guides span the last two decades, a factor 3 above
    the curve's end.

    Parameters
    ----------
    history : History
        Times 0 and entries with D = 0 are left out.
    ax : matplotlib Axes
    guides : sequence of float
        Slopes; () for none.
    **line
        Passed to ``Axes.plot``.

    Raises
    ------
    ValueError
        If D is 0 at all times > 0.
    """
    shown = (history.time > 0.0) & (history.diffusion > 0.0)
    if not np.any(shown):
        raise ValueError("history must have D > 0 at some time > 0 to be drawn on logarithmic axes")
    t, D = history.time[shown], history.diffusion[shown]
    ax.plot(t, D, **line)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ends = np.array([1e-2 * t[-1], t[-1]])
    for slope in guides:
        guide = 3.0 * D[-1] * (ends / t[-1]) ** slope
        ax.plot(ends, guide, ":", color="0.35", lw=1.0)
        middle = 0.1 * t[-1], 3.0 * D[-1] * 0.1**slope
        ax.annotate(
            rf"$t^{{{slope:g}}}$",
            middle,
            xytext=(3, 3),
            textcoords="offset points",
            color="0.2",
            fontsize=7,
        )
    ax.set_xlabel(r"time $t/\tau$")
    ax.set_ylabel(r"diffusion $D\,\tau/\sigma_c^2$")


def density_image(
    times: ArrayLike,
    states: Sequence[Start],
    ax: Axes,
    faces: ArrayLike | None = None,
    **image: Any,
) -> QuadMesh:
    """Draw P(s, t), all thresholds together, as an image: time across, local stress up.

    Parameters
    ----------
    times : array_like, (n,)
        Ascending, in tau, n >= 2.
    states : sequence of Start, n of them
        The state at each time: a start, a ``SteadyState``, the ``final`` of a run. A run goes on
        from its ``final``, so that a loop of short runs makes the list.
    ax : matplotlib Axes
    faces : array_like, optional
        Ascending stresses in sigma_c, the edges of the pixels. None: 400 pixels over the stresses
        that hold all but 1e-4 of the mass of every state.
    **image
        Passed to ``Axes.pcolormesh``.

    Returns
    -------
    matplotlib QuadMesh
        For a colour bar.

    Raises
    ------
    ValueError
        If times do not ascend, or are not as many as states, or faces do not ascend.
    """
    t = np.array(times, dtype=np.float64)
    if t.ndim != 1 or t.size < 2 or t.size != len(states) or not np.all(np.diff(t) > 0.0):
        raise ValueError(
            f"times must be ascending, at least two and one for each of the {len(states)} states, "
            f"got {times!r}"
        )
    edges = _holding(states) if faces is None else np.array(faces, dtype=np.float64)
    if edges.ndim != 1 or edges.size < 2 or not np.all(np.diff(edges) > 0.0):
        raise ValueError(f"faces must be at least two ascending stresses, got {faces!r}")
    P = np.array([_masses(state, edges) for state in states]) / np.diff(edges)
    middle = 0.5 * (t[1:] + t[:-1])
    columns = np.concatenate([t[:1], middle, t[-1:]])
    settings: dict[str, Any] = {"cmap": "cividis", "vmin": 0.0, "rasterized": True} | image
    if "norm" in settings:
        del settings["vmin"]
    mesh = ax.pcolormesh(columns, edges, P.T, **settings)
    ax.set_xlabel(r"time $t/\tau$")
    ax.set_ylabel(r"local stress $\sigma/\sigma_c$")
    return mesh


def _masses(state: Start, faces: Floats) -> Floats:
    """Return the probability in every cell, all thresholds together."""
    one = np.ones(1)
    values, weights = state.nodes or (one, one)
    return np.asarray(state.mass(faces, Classes(values, weights, False)).sum(axis=0))


def _holding(states: Sequence[Start], missing: float = 1e-4) -> Floats:
    """Return the edges of 400 pixels over stresses that hold all but ``missing`` of the mass."""
    low, high = np.inf, -np.inf
    for state in states:
        fine = np.linspace(*state.extent, 2001)
        law = np.cumsum(_masses(state, fine))
        inside = (law > 0.5 * missing) & (law < law[-1] - 0.5 * missing)
        low = min(low, fine[:-1][inside][0])
        high = max(high, fine[1:][inside][-1])
    return np.linspace(low, high, 401)
