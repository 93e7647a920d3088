"""Twins of stationary states: a block's mean cycle, by its own backward equation.

From a stress x, with drift g, noise D, threshold c and yield at rate 1 beyond it, the mean u(x) of
what is collected at a rate f(s) until the block yields solves

    D u'' + g u' - nu u = -f.

Outside the threshold and inside it u is a particular solution and two exponentials; value and slope
are joined at -c and c by a system of four linear equations. f = 1 gives the time, f = s the stress
times time, f = nu on the right the chance to yield there, f = nu (s - s')^2 the released square.
Over a law of thresholds the means are integrated by ``scipy.integrate.quad_vec`` between known
breaks. :func:`classical` does the same in mpmath, for any numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import quad_vec
from scipy.optimize import brentq

Floats = np.ndarray
Lines = Sequence[tuple[float, float]]


def cycle(x: float, c: float, g: float, D: float) -> Floats:
    """Return from x: mean time, mean stress times time, chance to yield on the right, and the
    mean square of the stress at yield about 0 and its first moment on either side (6 numbers).

    The last three are E[s^2], E[s; right], E[s; left] at the yield.
    """  # fmt: skip
    root = math.sqrt(g * g + 4.0 * D)
    # decay towards the left, times s + c, and towards the right
    up = 2.0 / (root + g) if g > 0 else (root - g) / (2.0 * D)
    down = (root + g) / (2.0 * D) if g > 0 else 2.0 / (root - g)
    pull = g / D

    def inside(s: float) -> tuple[float, float, float, float]:
        """1 and exp(-g s/D), scaled to be at most 1, and their slopes."""
        e = math.exp(-pull * s - abs(pull) * c)
        return 1.0, e, 0.0, -pull * e

    def particular(s: float, where: int) -> tuple[Floats, Floats]:
        if where == 0:
            value = [-s / g, -s * s / (2.0 * g) + D * s / g**2, 0.0, 0.0, 0.0, 0.0]
            slope = [-1.0 / g, -s / g + D / g**2, 0.0, 0.0, 0.0, 0.0]
        else:
            right = where > 0
            value = [1.0, s + g, float(right), s * s + 2 * g * s + 2 * g * g + 2 * D,
                     (s + g) * right, (s + g) * (not right)]  # fmt: skip
            slope = [0.0, 1.0, 0.0, 2 * s + 2 * g, float(right), float(not right)]
        return np.array(value), np.array(slope)

    # unknowns: left a exp(up (s + c)), inside k1 + k2 e, right b exp(-down (s - c))
    M, b = np.zeros((4, 4)), np.zeros((4, 6))
    for row, (s, side) in enumerate(((-c, -1), (c, 1))):
        one, e, flat, steep = inside(s)
        own, slope = particular(s, side)
        mid, mid_slope = particular(s, 0)
        outer = (1.0, up) if side < 0 else (1.0, -down)
        M[2 * row] = [-outer[0] * (side < 0), one, e, -outer[0] * (side > 0)]
        M[2 * row + 1] = [-outer[1] * (side < 0), flat, steep, -outer[1] * (side > 0)]
        b[2 * row], b[2 * row + 1] = own - mid, slope - mid_slope
    a, k1, k2, r = np.linalg.solve(M, b)
    if x < -c:
        return particular(x, -1)[0] + a * math.exp(up * (x + c))
    if x > c:
        return particular(x, 1)[0] + r * math.exp(-down * (x - c))
    one, e, _, _ = inside(x)
    return particular(x, 0)[0] + k1 * one + k2 * e


@dataclass(frozen=True)
class Steady:
    """Stress, activity and D of a stationary state."""

    stress: float
    activity: float
    diffusion: float


Average = Callable[[Callable[[float], Floats]], Floats]


def law_average(pdf: Callable[[float], float], breaks: Sequence[float], ends: tuple[float, float],
                accuracy: float = 1e-11) -> Average:  # fmt: skip
    """Return the mean over a density of thresholds, by ``quad_vec`` between breaks.

    The measure is divided by its own integral, so that a law cut at zero is conditioned.
    """
    low, high = ends
    inner = sorted({b for b in breaks if low < b < high})
    edges = [low, *inner, high]

    def average(f: Callable[[float], Floats]) -> Floats:
        total: Any = 0.0
        for a, b in itertools.pairwise(edges):
            part, _ = quad_vec(
                lambda c: pdf(c) * np.append(f(c), 1.0), a, b, epsabs=1e-16, epsrel=accuracy,
                norm="max", limit=4000, points=[a + 1e-3 * (min(b, 1e3) - a)],
            )  # fmt: skip
            total = total + part
        return np.asarray(total[:-1] / total[-1])

    return average


def sample_average(values: Sequence[float], weights: Sequence[float]) -> Average:
    """Return the mean over a few thresholds."""
    def average(f: Callable[[float], Floats]) -> Floats:
        return sum(w * f(c) for c, w in zip(values, weights, strict=True))

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
            """Mean time and stress times time of a cycle from 0, threshold 1."""
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
