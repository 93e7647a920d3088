"""Gauss-Legendre panels for the means of given functions over a law of thresholds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError

__all__ = ["panel_quadrature"]

Floats = NDArray[np.float64]

_PANELS = 1000
"""Panels beyond which the quadrature of a law gives up."""
_ORDERS = (8, 10, 12, 16, 20)
"""Points of a panel: the fewest that do; where twenty do not, it is halved.

Smooth means over a law want few panels of high order, a layer wants many of low order.
"""
_RULES = {n: np.polynomial.legendre.leggauss(n) for n in _ORDERS}
_STEPS = np.arange(0.0, 1.01, 0.125)
"""Where in a panel the steps are that it is tried with."""
_PART = 0.2
"""What a panel may be off by, in units of what all of them may."""
_GRADED = 0.07
"""A panel that begins nearer to a point than this part of its width is cut at a quarter."""


def panel_quadrature(
    density: Callable[[Floats], Floats],
    edges: Floats,
    points: Floats,
    trials: Callable[[Floats], Floats],
    rtol: float,
    most: float,
    width: Callable[[Floats], Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Return nodes and weights that give the means of the trial functions to ``rtol``.

    Parameters
    ----------
    density : callable
        The density at thresholds of any shape, in 1/sigma_c.
    edges : ndarray
        Ascending ends of the first panels, in sigma_c.
    points : ndarray
        Towards these panels fall in size by four, elsewhere by two.
    trials : callable
        Takes thresholds of any shape and returns the functions in a first axis more; the first of
        them is 1.
    rtol : float
        Relative error of each mean, about: a panel may be off by a fifth of it.
    most : float
        The most that a panel of eight points may have of its integral times its width squared; in
        others the width counts in units of theirs.
    width : callable, optional
        The width of a step (a normal law's distribution function) at given thresholds, whose mean
        is right too, to ``rtol`` of the probability, wherever the step is.

    Raises
    ------
    ConvergenceError
        If a thousand panels are not enough.
    """
    steps = _STEPS.size
    accepted: list[tuple[Floats, Floats]] = []
    done: Floats | float = 0.0
    a, b = edges[:-1], edges[1:]
    while a.size:
        near = _GRADED * (b - a)
        beside = [np.abs(end[:, None] - points).min(axis=1) < near for end in (a, b)]
        middle = a + (b - a) * np.where(beside[0], 0.25, np.where(beside[1], 0.75, 0.5))
        places = a + (b - a) * _STEPS[:, None]
        both = _with_steps(trials, places, None if width is None else width(places))
        fine = _means(density, both, _ORDERS[-1], np.stack([a, middle]), np.stack([middle, b]))[2]
        fine = fine.sum(axis=1)
        whole = np.abs(done + fine[:-steps].sum(axis=1))
        allowed = _PART * rtol * np.append(whole, np.full(steps, whole[0]))[:, None]
        todo = np.ones(a.size, dtype=bool)
        for n in _ORDERS:
            c, weight, coarse = _means(density, both, n, a[None], b[None])
            good = todo & np.all(np.abs(coarse[:, 0] - fine) <= allowed, axis=0)
            good &= fine[0] * (8.0 / n * (b - a)) ** 2 <= most
            accepted.append((c[0][good].ravel(), weight[0][good].ravel()))
            todo &= ~good
        done = done + fine[:-steps, ~todo].sum(axis=1)
        a, middle, b = a[todo], middle[todo], b[todo]
        a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
        if a.size and a.size + sum(nodes.size for nodes, _ in accepted) / _ORDERS[0] > _PANELS:
            raise ConvergenceError(
                f"the quadrature of the threshold law needs more than {_PANELS} panels for "
                f"rtol={rtol:g} (last near c = {a[0]:g}); loosen rtol or give samples of the law"
            )
    values, weights = (np.concatenate(part) for part in zip(*accepted, strict=True))
    order = np.argsort(values)
    order = order[weights[order] > 0.0]
    return values[order], weights[order]


def _with_steps(
    trials: Callable[[Floats], Floats], places: Floats, widths: Floats | None
) -> Callable[[Floats], Floats]:
    """Return the trial functions, and steps at places of each panel, (places, panels)."""
    from scipy.special import ndtr

    def both(c: Floats) -> Floats:
        if widths is None:
            return np.concatenate([trials(c), np.zeros((len(places), *c.shape))])
        distance = (c - places[:, None, :, None]) / widths[:, None, :, None]
        return np.concatenate([trials(c), ndtr(distance)])

    return both


def _means(
    density: Callable[[Floats], Floats],
    trials: Callable[[Floats], Floats],
    n: int,
    begin: Floats,
    end: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Return nodes and weights, (parts, panels, n), and integrals, (trials, parts, panels)."""
    abscissae, gauss = _RULES[n]
    half = 0.5 * (end - begin)[..., None]
    c = 0.5 * (begin + end)[..., None] + half * abscissae
    weight = half * gauss * density(c)
    return c, weight, (trials(c) * weight).sum(axis=-1)
