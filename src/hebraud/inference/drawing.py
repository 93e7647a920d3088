"""Figures of fits, in the colours of the style in use."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hebraud._typing import Floats
from hebraud.inference.fitted import Fitted
from hebraud.inference.profile import ellipse, region

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["draw_fit", "draw_fits"]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", "-.", ":")


def _figure(given: Figure | SubFigure | None, size: tuple[float, float]) -> Figure | SubFigure:
    import matplotlib.figure

    return given or matplotlib.figure.Figure(figsize=size, layout="constrained")


def _line(fit: Fitted) -> tuple[Floats, Floats]:
    """Return the law between the data where that is quick, at the data elsewhere."""
    x = fit.abscissa
    if fit.problem.law.quick:
        fine = np.geomspace(x.min(), x.max(), 200)
        return fine, fit.predict(fine)
    order = np.argsort(x)
    return x[order], fit.fitted[order]


def _data_axes(fit: Fitted, ax: Axes, units: Mapping[str, str]) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.errorbar(
        fit.abscissa, fit.problem.data, fit.problem.error, fmt="o", ms=3, mfc="none", color="0.25",
        zorder=1, label="data",
    )  # fmt: skip
    ax.set_xscale("log")
    if np.all(fit.problem.data > 0.0):
        ax.set_yscale("log")
        narrow = fit.problem.data.max() < 5.0 * fit.problem.data.min()
        ax.yaxis.set_major_locator(LogLocator(subs=range(1, 10) if narrow else (1, 2, 5)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel(_label(fit.axes[1], units))
    ax.tick_params(labelbottom=False)


def _residual_axes(fit: Fitted, ax: Axes, units: Mapping[str, str]) -> None:
    ax.axhspan(-1.0, 1.0, color="0.9", lw=0, zorder=0)
    ax.axhline(0.0, color="k", lw=0.6, zorder=0)
    ax.set_ylabel("residual/error")
    ax.set_xlabel(_label(fit.axes[0], units))


def _label(name: str, units: Mapping[str, str]) -> str:
    words = name.replace("_", " ")
    return f"{words} ({units[name]})" if name in units else words


def draw_fit(
    fit: Fitted, figure: Figure | SubFigure | None, units: Mapping[str, str]
) -> Figure | SubFigure:
    """Draw data and fit, residuals over their error, and joint regions of pairs of parameters.

    Regions are those of the profile likelihood at 68 and 95 %, for up to three pairs; a text marks
    a pair whose region is open. Crosses mark the best fit, dashed lines the ellipse of the
    covariance at 95 %. Transients have the ellipse only.
    """
    from matplotlib.ticker import MaxNLocator

    pairs = list(itertools.combinations(fit.free, 2))[:3]
    figure = _figure(figure, (6.8 if pairs else 3.4, 4.4))
    grid = figure.add_gridspec(1, 2 if pairs else 1, width_ratios=(1.5, 1) if pairs else (1,))
    left = grid[0].subgridspec(2, 1, height_ratios=(2.6, 1), hspace=0.05)
    top, bottom = figure.add_subplot(left[0]), figure.add_subplot(left[1])
    bottom.sharex(top)
    _data_axes(fit, top, units)
    top.plot(*_line(fit), color="C0", label="fit", zorder=2)
    top.legend(loc="best")
    _residual_axes(fit, bottom, units)
    bottom.plot(fit.abscissa, fit.residuals, "o", ms=3, color="C0")
    if pairs:
        right = grid[1].subgridspec(len(pairs), 1)
    for i, (first, second) in enumerate(pairs):
        ax = figure.add_subplot(right[i])
        _draw_region(fit, first, second, ax)
        ax.set_xlabel(_label(first, units), fontsize=7)
        ax.set_ylabel(_label(second, units).replace(" (", "\n("), fontsize=7)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.yaxis.set_major_locator(MaxNLocator(3))
    return figure


def _draw_region(fit: Fitted, first: str, second: str, ax: Axes) -> None:
    centre = [fit.estimates[name].value for name in (first, second)]
    ax.plot(*centre, "k+", ms=5, zorder=3)
    bounded = np.all(np.isfinite(fit.log_covariance))
    quick = fit.problem.law.quick
    outlines = [region(fit, first, second, p) if quick else None for p in (0.95, 0.68)]
    if quick and outlines[0] is None:
        ax.text(0.5, 0.8, "95 % region is open", transform=ax.transAxes, ha="center", fontsize=7)
    for outline, shade in zip(outlines, (0.25, 0.45), strict=True):
        if outline is not None:
            ax.fill(*outline.T, color="C0", alpha=shade, lw=0)
    if bounded and (outlines[0] is not None or not quick):
        ax.plot(*ellipse(fit, first, second, 0.95).T, "--", color="0.3", lw=0.7)


def draw_fits(
    fits: Mapping[str, Fitted],
    titles: Sequence[str],
    figure: Figure | SubFigure | None,
    units: Mapping[str, str],
) -> Figure | SubFigure:
    """Draw data and all fits, and below them the residuals of each under its title."""
    one = next(iter(fits.values()))
    figure = _figure(figure, (3.4, 2.2 + 0.75 * len(fits)))
    axes = figure.subplots(
        len(fits) + 1, 1, sharex=True, gridspec_kw={"height_ratios": (2.6, *[1.0] * len(fits))}
    )
    _data_axes(one, axes[0], units)
    panels = zip(fits.items(), titles, axes[1:], strict=True)
    for i, ((name, fit), title, ax) in enumerate(panels):
        colour = f"C{i}"
        axes[0].plot(*_line(fit), color=colour, ls=_LINES[i % len(_LINES)], label=name, zorder=2)
        _residual_axes(fit, ax, units)
        ax.plot(fit.abscissa, fit.residuals, _MARKERS[i % len(_MARKERS)], ms=3, color=colour)
        ax.set_title(title, fontsize=7, loc="left", pad=2)
        ax.set_ylabel("res./err.")
        if ax is not axes[-1]:
            ax.set_xlabel("")
    axes[0].legend(loc="best")
    return figure
