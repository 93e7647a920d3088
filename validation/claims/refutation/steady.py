"""Twins of stationary states: a block's mean cycle, by its own backward equation.

From a stress x, with drift g, noise D, threshold c and yield at rate 1 beyond it, the mean u(x) of
what is collected at a rate f(s) until the block yields solves

    D u'' + g u' - nu u = -f.

Outside the threshold and inside it u is a particular solution and two exponentials; value and slope
are joined at -c and c by a system of four linear equations. f = 1 gives the time, f = s the stress
times time, f = nu on the right the chance to yield there, f = nu s^2 what the released square asks.
Over a law of thresholds the means are integrated by Gauss's rule between known breaks.
:func:`classical` does the same in mpmath, for any numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

Floats = np.ndarray
Lines = Sequence[tuple[float, float]]


def cycle(x: float, c: Any, g: float, D: float) -> Floats:
    """Return means of cycles from x at thresholds c of any shape, (6, *shape).

    They are the time, stress times time, the chance to yield on the right, and of the stress s at
    the yield E[s^2], E[s; right] and E[s; left].
    """
    c = np.asarray(c, dtype=float)
    root = math.sqrt(g * g + 4.0 * D)
    # decay towards the left, times s + c, and towards the right
    up = 2.0 / (root + g) if g > 0 else (root - g) / (2.0 * D)
    down = (root + g) / (2.0 * D) if g > 0 else 2.0 / (root - g)
    pull = g / D
    zero, one = np.zeros_like(c), np.ones_like(c)

    def wave(s: Any) -> Floats:
        """Return exp(-g s/D), scaled to at most 1."""
        return np.exp(-pull * s - abs(pull) * c)

    def particular(s: Any, where: int) -> tuple[Floats, Floats]:
        s = s * one
        if where == 0:
            value = [-s / g, -s * s / (2.0 * g) + D * s / g**2, zero, zero, zero, zero]
            slope = [-one / g, -s / g + D / g**2, zero, zero, zero, zero]
        else:
            right = one * (where > 0)
            value = [one, s + g, right, s * s + 2 * g * s + 2 * g * g + 2 * D,
                     (s + g) * right, (s + g) * (1.0 - right)]  # fmt: skip
            slope = [zero, one, zero, 2 * s + 2 * g, right, 1.0 - right]
        return np.array(value), np.array(slope)

    # unknowns: left a exp(up (s + c)), inside k1 + k2 wave, right r exp(-down (s - c))
    M, b = np.zeros((*c.shape, 4, 4)), np.zeros((*c.shape, 4, 6))
    for row, (s, side) in enumerate(((-c, -1), (c, 1))):
        own, slope = particular(s, side)
        mid, mid_slope = particular(s, 0)
        outer = 0 if side < 0 else 3
        M[..., 2 * row, 1], M[..., 2 * row, 2], M[..., 2 * row, outer] = 1.0, wave(s), -1.0
        M[..., 2 * row + 1, 2] = -pull * wave(s)
        M[..., 2 * row + 1, outer] = -up if side < 0 else down
        b[..., 2 * row, :] = np.moveaxis(own - mid, 0, -1)
        b[..., 2 * row + 1, :] = np.moveaxis(slope - mid_slope, 0, -1)
    a, k1, k2, r = np.moveaxis(np.moveaxis(np.linalg.solve(M, b), -1, 0), -1, 1).swapaxes(0, 1)
    inside = particular(x, 0)[0] + k1 + k2 * wave(x)
    left = particular(x, -1)[0] + a * np.exp(up * np.minimum(x + c, 0.0))
    right = particular(x, 1)[0] + r * np.exp(-down * np.maximum(x - c, 0.0))
    return np.where(x < -c, left, np.where(x > c, right, inside))


@dataclass(frozen=True)
class Steady:
    """Stress, activity and D of a stationary state."""

    stress: float
    activity: float
    diffusion: float


Average = Callable[[Callable[[Any], Floats]], Floats]


def _panels(a: float, b: float) -> Floats:
    """Return edges from a to b, graded towards both; to infinity by factors."""
    if math.isinf(b):
        far = 2.0 * a * 1.5 ** np.arange(90)
        return np.concatenate([_panels(a, 2.0 * a)[:-1], far, far[-1] * 4.0 ** np.arange(1, 80)])
    near = 0.25 ** np.arange(16, 0, -1)
    return a + (b - a) * np.concatenate([[0.0], near, [0.5], 1.0 - near[::-1], [1.0]])


def law_average(pdf: Callable[[Floats], Floats], breaks: Sequence[float],
                ends: tuple[float, float]) -> Average:  # fmt: skip
    """Return the mean over a density of thresholds by Gauss's rule, two orders in turn.

    Panels fall in size by four towards all breaks, where the density or a mean has a kink. The
    measure is divided by its own integral, so that a law cut at zero is conditioned.

    Raises
    ------
    RuntimeError
        If both orders differ by more than 1e-10 of the largest value.
    """
    inner = sorted({b for b in breaks if ends[0] < b < ends[1]})
    stops = [ends[0], *inner, ends[1]]
    edges = np.unique(np.concatenate([_panels(a, b) for a, b in itertools.pairwise(stops)]))
    rules = []
    for order in (12, 18):
        x, w = np.polynomial.legendre.leggauss(order)
        half = 0.5 * np.diff(edges)[:, None]
        c = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * x).ravel()
        weight = (half * w).ravel() * pdf(c)
        rules.append((c, weight / weight.sum()))

    def average(f: Callable[[Any], Floats]) -> Floats:
        coarse, fine = (f(c) @ weight for c, weight in rules)
        if np.abs(coarse - fine).max() > 1e-10 * np.abs(fine).max():
            raise RuntimeError(f"the law is not resolved: {coarse} and {fine}")
        return np.asarray(fine)

    return average


def sample_average(values: Sequence[float], weights: Sequence[float]) -> Average:
    """Return the mean over a few thresholds."""

    def average(f: Callable[[Any], Floats]) -> Floats:
        return f(np.array(values)) @ np.array(weights)

    return average


def _chain(means: Callable[[float], Floats], landing: Lines) -> Floats:
    """Return activity, stress and released square from the means of cycles from any stress."""
    rows = []
    for side in (1.0, -1.0):
        total: Any = 0.0
        for point, weight in landing:
            x = side * point
            total = total + weight * means(x)
        rows.append(total)
    plus, minus = rows  # cycles that begin after a yield on the right, on the left
    right = minus[2] / (1.0 - plus[2] + minus[2])  # stationary share of yields on the right
    time, stress, _, square, first_right, first_left = right * plus + (1.0 - right) * minus
    # E[(s - s')^2] over yields: s' = point sign(s)
    p1 = sum(w * p for p, w in landing)
    p2 = sum(w * p * p for p, w in landing)
    released = square - 2.0 * p1 * (first_right - first_left) + p2
    return np.array([1.0 / time, stress / time, released / time])


def at_noise(g: float, D: float, average: Average, landing: Lines, redrawn: bool) -> Floats:
    """Return activity, stress and released square at given D."""
    if redrawn:
        cache: dict[float, Floats] = {}

        def means(x: float) -> Floats:
            if x not in cache:
                cache[x] = average(lambda c: cycle(x, c, g, D))
            return cache[x]

        return _chain(means, landing)
    return average(lambda c: _chain(lambda x: cycle(x, c, g, D), landing))


def stationary(
    g: float,
    noise: tuple[float, float, float],
    average: Average,
    landing: Lines = ((0.0, 1.0),),
    redrawn: bool = True,
    guess: float = 1e-2,
) -> Steady:
    """Return the state at g > 0 with D = noise[0] + noise[1] Gamma + noise[2] (released square).

    The root in D is looked for from ``guess``, by factors.
    """

    def excess(log_D: float) -> float:
        D = math.exp(log_D)
        activity, _, released = at_noise(g, D, average, landing, redrawn)
        return math.log((noise[0] + noise[1] * activity + noise[2] * released) / D)

    x = math.log(guess)
    step = 0.5 if excess(x) > 0 else -0.5
    while (excess(x + step) > 0) == (step > 0):
        x += step
    D = math.exp(brentq(excess, min(x, x + step), max(x, x + step), xtol=1e-12, rtol=1e-13))
    activity, stress, _ = at_noise(g, D, average, landing, redrawn)
    return Steady(float(stress), float(activity), D)


def classical(alpha: float, g: float, c: float = 1.0, digits: int = 60) -> Steady:
    """Return the classical stationary state in mpmath: any alpha, g > 0 and threshold c.

    By the scale of stress: threshold 1 at rate g/c with alpha/c^2. By symmetry of the landing at 0
    only the sums over both sides are needed. Two precisions must agree to 1e-13.
    """
    few, many = (_classical(alpha, g, c, n) for n in (digits, 2 * digits))
    worst = max(abs(a / b - 1) for a, b in zip(few, many, strict=True))
    if worst > 1e-13:
        raise RuntimeError(f"{digits} digits are too few: {worst} apart")
    return Steady(*(float(value) for value in many))


def _classical(alpha: float, g: float, c: float, digits: int) -> tuple[Any, Any, Any]:
    import mpmath as mp

    with mp.workdps(digits):
        a, r = mp.mpf(alpha) / mp.mpf(c) ** 2, mp.mpf(g) / mp.mpf(c)

        def means(D: Any) -> tuple[Any, Any]:
            """Return mean time and stress times time of a cycle from 0, threshold 1."""
            root = mp.sqrt(r * r + 4 * D)
            up, down = 2 / (root + r), (root + r) / (2 * D)
            e = mp.exp(-2 * r / D)  # exp(-r (s + 1)/D) at s = 1
            M = mp.matrix([[-1, 1, 1, 0], [-up, 0, -r / D, 0], [0, 1, e, -1],
                           [0, 0, -r / D * e, down]])  # fmt: skip
            out = []
            for b, at_zero in (
                ([1 - 1 / r, 1 / r, 1 + 1 / r, 1 / r], 0),
                ([-1 + r + 1 / (2 * r) + D / r**2, 1 - 1 / r - D / r**2,
                  1 + r + 1 / (2 * r) - D / r**2, 1 + 1 / r - D / r**2], 0),
            ):  # fmt: skip
                _, k1, k2, _ = mp.lu_solve(M, mp.matrix(b))
                out.append(at_zero + k1 + k2 * mp.exp(-r / D))
            return out[0], out[1]

        def excess(x: Any) -> Any:
            D = mp.exp(x)
            return mp.log(a / means(D)[0] / D)

        low, high = mp.mpf(0), mp.mpf(0)
        while excess(low) < 0:
            low -= 4
        while excess(high) > 0:
            high += 4
        accuracy = mp.mpf(10) ** (-2 * digits // 3)
        x = mp.findroot(excess, (low, high), solver="anderson", tol=accuracy, verify=False,
                        maxsteps=400)  # fmt: skip
        D = mp.exp(x)
        time, stress = means(D)
        return c * stress / time, 1 / time, D * mp.mpf(c) ** 2
