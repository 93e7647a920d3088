"""A twin of runs in time for fast shear of any kind: parcels on characteristics.

Without noise a block keeps s - strain from one event to the next. The start is cut into parcels,
and what yields in a step is born anew at its landing at two times of the step. A parcel's loss is
exp(-time over threshold), exact within a step for a strain that is straight there; two runs with
steps h and h/2 are extrapolated.

The result is that without noise. What noise would change is tried with parcels that are Gaussians
of variance 2 int D dt about their characteristics. That leaves out that those ahead yield first,
which is of the same order where blocks turn at their threshold, so that the whole change counts as
the error: about D/g^2 of the stress at shear rate g.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numba
import numpy as np

Floats = np.ndarray
_EARLY = 0.5 - 0.5 / math.sqrt(3.0)  # the two Gauss points of a step


@dataclass(frozen=True)
class Twin:
    """Stress at the times, with what the extrapolation in the step and the noise change of it."""

    stress: Floats
    step: float
    blur: float

    @property
    def error(self) -> float:
        """Return a bound of the error, in sigma_c."""
        return self.step + self.blur


@numba.njit
def _primitive(z: float) -> float:
    """Return the integral of the normal law's distribution function up to z."""
    if z > 30.0:
        return z
    if z < -30.0:
        return 0.0
    return z * 0.5 * math.erfc(-z / math.sqrt(2.0)) + math.exp(-0.5 * z * z) / math.sqrt(
        2.0 * math.pi
    )


@numba.njit
def _over(s0: float, s1: float, width: float, c: float) -> float:
    """Return the share of a straight way from s0 to s1 on which a Gaussian is over c."""
    z0, z1 = (s0 - c) / width, (s1 - c) / width
    if abs(z1 - z0) < 1e-5:
        return 0.5 * math.erfc(-0.5 * (z0 + z1) / math.sqrt(2.0))
    return min(max((_primitive(z1) - _primitive(z0)) / (z1 - z0), 0.0), 1.0)


@numba.njit
def _lose(
    x: Floats, m: Floats, born: Floats, count: int, begin: float, end: float, h: float,
    middle: float, floor: float, c: float,
) -> tuple[float, float]:  # fmt: skip
    """Take the losses of a step from the parcels; return those over c and below -c."""
    up = down = 0.0
    for i in range(count):
        if m[i] == 0.0:
            continue
        width = math.sqrt(max(middle - born[i], 0.0)) + floor
        above = _over(x[i] + begin, x[i] + end, width, c)
        below = _over(-x[i] - begin, -x[i] - end, width, c)
        if above + below > 0.0:
            gone = -m[i] * math.expm1(-h * (above + below))
            m[i] -= gone
            up += gone * above / (above + below)
            down += gone * below / (above + below)
    return up, down


@numba.njit
def _march(
    comb: Floats, gamma: Floats, places: Floats, x: Floats, m: Floats, born: Floats, count: int,
    points: Floats, weights: Floats, c: float, alpha: float,
) -> Floats:  # fmt: skip
    """Return the stress at the ends of all steps; the parcels' arrays have room for the newborn."""
    floor, spread, noise = 1e-9 * c, 0.0, 0.0
    stress = np.empty(comb.size)
    stress[0] = np.sum(m[:count] * (x[:count] + gamma[0]))
    for i in range(count):
        if abs(x[i] + gamma[0]) > c:
            noise += alpha * m[i]
    lost, again = np.empty(2), np.empty(2)
    part = np.empty((2, 2))
    part[0] = 0.5
    # those that yield a second time do so later in the step: at two thirds in the mean
    part[1, 0], part[1, 1] = _EARLY, 1.0 - _EARLY
    for n in range(comb.size - 1):
        h, end = comb[n + 1] - comb[n], gamma[n + 1]
        middle = spread + noise * h
        lost[0], lost[1] = _lose(x, m, born, count, gamma[n], end, h, middle, floor, c)
        first = count
        again[:] = 0.0
        total = lost.sum()
        for k in range(2):
            left = h * (1.0 - _EARLY) if k == 0 else h * _EARLY
            for side in range(2):
                sign = 1.0 - 2.0 * side
                for q in range(points.size):
                    x[count] = sign * points[q] - places[n, k]
                    m[count] = part[0, k] * weights[q] * lost[side]
                    born[count] = middle
                    width = math.sqrt(noise * left) + floor
                    s0, s1 = sign * points[q], x[count] + end
                    above, below = _over(s0, s1, width, c), _over(-s0, -s1, width, c)
                    if above + below > 0.0:
                        gone = -m[count] * math.expm1(-left * (above + below))
                        m[count] -= gone
                        again[0] += gone * above / (above + below)
                        again[1] += gone * below / (above + below)
                    count += 1
        at = first
        for k in range(2):
            for side in range(2):
                for q in range(points.size):
                    m[at] += part[1, k] * weights[q] * again[side]
                    at += 1
        spread += 2.0 * noise * h
        noise = alpha * (total + again.sum()) / h
        stress[n + 1] = np.sum(m[:count] * (x[:count] + end))
    return stress


def _run(
    alpha: float, strain: Callable[[Floats], Floats], comb: Floats, std: float,
    landing: Sequence[tuple[float, float]], c: float,
) -> Floats:  # fmt: skip
    z = np.linspace(-8.3, 8.3, 1201)
    weights = np.exp(-0.5 * z * z)
    room = z.size + 4 * len(landing) * (comb.size - 1)
    x, m, born = np.zeros((3, room))
    x[: z.size], m[: z.size] = std * z, weights / weights.sum()
    h = np.diff(comb)[:, None] * np.array([_EARLY, 1.0 - _EARLY])
    lines = np.array(landing, dtype=float)
    return _march(comb, strain(comb), strain(comb[:-1, None] + h), x, m, born, z.size,
                  lines[:, 0].copy(), lines[:, 1].copy(), c, alpha)  # fmt: skip


def parcels(
    alpha: float, strain: Callable[[Floats], Floats], comb: Floats, std: float,
    landing: Sequence[tuple[float, float]] = ((0.0, 1.0),), c: float = 1.0,
) -> Twin:  # fmt: skip
    """Return the stress at the times of ``comb``.

    Parameters
    ----------
    alpha : float
        D = alpha Gamma.
    strain : callable
        The strain at times of any shape.
    comb : ndarray
        Ascending times from 0; the steps of the coarse run.
    std : float
        Of the Gaussian start.
    landing : rows (point, weight)
        Fixed landings, mirrored with the side of the yield.
    c : float
        The threshold.
    """
    half = np.sort(np.concatenate([comb, 0.5 * (comb[1:] + comb[:-1])]))
    coarse = _run(0.0, strain, comb, std, landing, c)
    fine = _run(0.0, strain, half, std, landing, c)[::2]
    blurred = _run(alpha, strain, comb, std, landing, c)
    change = (fine - coarse) / 3.0
    return Twin(fine + change, float(np.abs(change).max()), float(np.abs(blurred - coarse).max()))
