"""Panels of Gauss rules for the means of given functions over a law of thresholds.

Where the density is smooth in a panel, the nodes are those of Gauss and Legendre. A density with
many jumps, such as a histogram, first has a panel between every two jumps. Then neighbouring panels
are merged where a single Gauss rule, that of the sum over their nodes, does as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import ConvergenceError

__all__ = ["merged", "panel_quadrature"]

_PANELS = 1000
"""Panels beside the first ones beyond which the quadrature of a law gives up."""
_ORDERS = (8, 10, 12, 16, 20)
"""Points of a panel: the fewest that do; where twenty do not, it is halved.

Smooth means over a law want few panels of high order, a layer wants many of low order.
"""
_RULES = {n: np.polynomial.legendre.leggauss(n) for n in _ORDERS}
"""The Gauss-Legendre rule of each order."""
_STEPS = np.arange(0.0, 1.01, 0.125)
"""Where in a panel the steps are that it is tried with."""
_PART = 0.2
"""Error allowed in a panel, in units of that of all panels together."""
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
        If a thousand panels more than the first are not enough.
    """
    steps, limit = _STEPS.size, _PANELS + edges.size
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
        if a.size and a.size + sum(nodes.size for nodes, _ in accepted) / _ORDERS[0] > limit:
            raise ConvergenceError(
                f"the quadrature of the threshold law needs more than {limit} panels for "
                f"rtol={rtol:g} (last near c = {a[0]:g}); loosen rtol or give samples of the law"
            )
    values, weights = (np.concatenate(part) for part in zip(*accepted, strict=True))
    order = np.argsort(values)
    order = order[weights[order] > 0.0]
    return values[order], weights[order]


def merged(
    nodes: tuple[Floats, Floats],
    edges: Floats,
    points: Floats,
    trials: Callable[[Floats], Floats],
    rtol: float,
    most: float,
    width: Callable[[Floats], Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Return fewer nodes and weights than given ones, with the same means to ``rtol``.

    Parameters
    ----------
    nodes : pair of ndarray
        Values, ascending, and weights of a quadrature without error.
    edges, points, trials, rtol, most, width
        As in :func:`panel_quadrature`; no panel reaches over an edge.
    """
    values, weights = nodes
    whole = np.abs(trials(values[None, None])[:, 0, 0] @ weights)
    accepted: list[tuple[Floats, Floats]] = []
    todo = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    while todo:
        a, b = todo.pop()
        own = slice(*np.searchsorted(values, [a, b]))
        c, weight = values[own], weights[own]
        rules = (_gauss(c, weight, n) for n in _ORDERS if n < c.size)
        places = a + (b - a) * _STEPS[:, None]
        both = _with_steps(trials, places, None if width is None else width(places))
        allowed = _PART * rtol * np.append(whole, np.full(_STEPS.size, whole[0]))
        exact = (both(c[None, None])[:, 0, 0] * weight).sum(axis=-1)
        mass = float(weight.sum())
        for x, w in rules:
            off = np.abs((both(x[None, None])[:, 0, 0] * w).sum(axis=-1) - exact)
            if np.all(off <= allowed) and mass * (_ORDERS[0] / x.size * (b - a)) ** 2 <= most:
                accepted.append((x, w))
                break
        else:
            if c.size <= _ORDERS[0]:
                accepted.append((c, weight))
                continue
            near = [np.abs(end - points).min() < _GRADED * (b - a) for end in (a, b)]
            middle = a + (b - a) * (0.25 if near[0] else 0.75 if near[1] else 0.5)
            todo += [(a, middle), (middle, b)]
    values, weights = (np.concatenate(part) for part in zip(*accepted, strict=True))
    order = np.argsort(values)
    return values[order], weights[order]


def _gauss(c: Floats, weight: Floats, n: int) -> tuple[Floats, Floats]:
    """Return the Gauss rule of n nodes for a sum over more of them, by Lanczos."""
    from scipy.linalg import eigh_tridiagonal

    middle, half = 0.5 * (c[0] + c[-1]), 0.5 * (c[-1] - c[0])
    x, total = (c - middle) / half, weight.sum()
    basis = np.zeros((n, c.size))
    basis[0] = np.sqrt(weight / total)
    diagonal, beside = np.empty(n), np.empty(n - 1)
    for k in range(n):
        new = x * basis[k]
        diagonal[k] = new @ basis[k]
        for _ in range(2):
            new -= basis[: k + 1].T @ (basis[: k + 1] @ new)
        if k < n - 1:
            beside[k] = math.sqrt(new @ new)
            basis[k + 1] = new / beside[k]
    roots, vectors = eigh_tridiagonal(diagonal, beside)
    return middle + half * roots, total * vectors[0] ** 2


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
