r"""The ends of a continuous law of thresholds: which of its moments exist, and nodes far out.

Far out the density of a law falls as a power of c, c^(-1-a), or faster than any. The moment <c^p>
exists where p < a. Towards zero P(c < x) falls as x^e, or faster than any power, and <c^-p> exists
where p < e. Both exponents are slopes of the logarithm of the density, as far out as floats hold
it.

Nodes for the tail lie in panels even in log c, which reach to where the mean square, and the mean
fourth power where it exists, are complete. Where that is too far the rest is a Pareto law of index
a: its part is a Gauss rule of one to three nodes, which has its moments as far as they exist (up to
the fourth). Far out the means over a cycle are polynomials in c of degree two (shear carries the
block to its threshold: the time is c/g, the mean of s dt c^2/(2 g)) or, at rest, two and four.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import ConvergenceError
from hebraud.model.laws.identity import law_text

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen

__all__ = [
    "exponent_at_infinity",
    "exponent_at_zero",
    "jumps",
    "reach",
    "tail_nodes",
    "told_exponent",
    "weak_nodes",
]

Function = Callable[[Floats], Floats]

_TOLD = -660.0
"""Logarithm of the smallest density from which slopes are taken: floats hold no less."""
_FARTHEST = 1e16
"""Where a power-law tail becomes a Pareto law, in medians: lengths D/g below it count."""
_LONGEST = 1e100
"""... and where any other is cut at last."""
_STEADY = 0.02
"""Relative growth of the slope over half of the decades beyond which there is no power law."""
_DIGITS = 10
"""Digits to which an exponent is rounded, so that 2 is 2, where no mean square exists."""
_PROBES = 1000
"""Places at which a density is searched for jumps."""
_PANEL = 4.0
"""Length in ln c of the panels that are tried first."""
_BUT_LAST, _BUT_FIRST = slice(None, -1), slice(1, None)
"""Slices of a row without its last entry, and without its first."""
_PANELS = 400
"""Panels beyond which the quadrature of a tail gives up."""


def _end_slope(log_density: Function, scale: float, direction: int) -> float:
    """Return d ln p/d ln c at the far end of a law, +-infinite where it grows without bound."""
    decades = 10.0 ** (direction * np.arange(1.0, 290.0))
    with np.errstate(all="ignore"):
        values = np.asarray(log_density(scale * decades), dtype=np.float64)
        start = float(log_density(np.array([scale]))[0])
    told = np.isfinite(values) & (values > _TOLD + min(start, 0.0))
    number = int(np.argmin(told)) if not np.all(told) else told.size
    if number < 3:
        return -math.inf if direction > 0 else math.inf
    slopes = np.diff(values[:number]) / (direction * math.log(10.0))
    far, before = slopes[-1], slopes[(number - 2) // 2]
    growing = direction * (far - before) < -_STEADY * max(1.0, abs(before))
    return float(-direction * math.inf if growing else far)


def exponent_at_infinity(law: rv_frozen, scale: float) -> float:
    """Return a of a density that falls as c^(-1-a); infinite where it falls faster than any power.

    Parameters
    ----------
    law : frozen scipy.stats law
    scale : float
        A threshold in the middle of the law, in sigma_c.
    """
    if math.isfinite(law.support()[1]):
        return math.inf
    return max(round(-1.0 - _end_slope(law.logpdf, scale, 1), _DIGITS), 0.0)


def told_exponent(log_density: Function, top: float, scale: float) -> float:
    """Return a such that moments of lower power are complete at 1e100 ``scale``.

    Infinite for all but power laws, and what falls hardly faster: a lognormal law of s > 7, say.
    ``top`` is the end of the support.
    """
    if not top > scale * _LONGEST:
        return math.inf
    with np.errstate(all="ignore"):
        low, high = log_density(scale * np.array([0.1, 1.0]) * _LONGEST)
    if not high > _TOLD:
        return math.inf
    # the slope there less one, for what is still missing
    return float(max((low - high) / math.log(10.0) - 2.0, 0.0))


def exponent_at_zero(law: rv_frozen, scale: float) -> float:
    """Return e of P(c < x) ~ x^e at small x, conditioned on c > 0; infinite off zero too."""
    if law.support()[0] > 0.0:
        return math.inf
    return max(round(1.0 + _end_slope(law.logpdf, scale, -1), _DIGITS), 0.0)


def jumps(density: Function, ppf: Function) -> Floats:
    """Return the thresholds at which the density jumps inside its support, ascending.

    It is looked at in 2000 places, and where a difference between two of them stays as the interval
    is halved again and again there is a jump. Of several in one interval one is found.
    """
    quantile = np.arange(1.0, _PROBES) / _PROBES
    places = np.unique(ppf(quantile))
    if places.size < 3:
        return np.empty(0)
    # even in c too: a gap of the density has no quantiles in it
    places = np.union1d(places, np.linspace(places[0], places[-1], _PROBES))
    left, right = places[:-1], places[1:]
    with np.errstate(all="ignore"):
        low, high = density(left), density(right)
    size = 1e-3 * np.maximum(low, high)
    for _ in range(60):
        kept = (np.abs(high - low) > size) & (right - left > 4.0 * np.spacing(right))
        done = (np.abs(high - low) > size) & ~(right - left > 4.0 * np.spacing(right))
        if np.any(done) and not np.any(kept):
            break
        left, right, low, high, size = (
            each[kept | done] for each in (left, right, low, high, size)
        )
        if left.size == 0:
            return left
        middle = 0.5 * (left + right)
        with np.errstate(all="ignore"):
            at = density(middle)
        first = np.abs(at - low) >= np.abs(high - at)
        left, right = np.where(first, left, middle), np.where(first, middle, right)
        low, high = np.where(first, low, at), np.where(first, at, high)
    return np.unique(right)


def reach(density: Function, scale: float, exponent: float, rtol: float) -> float:
    """Return c beyond which moments lose less than ``rtol``, or the rest is a Pareto law.

    Parameters
    ----------
    density : callable
    scale : float
        A threshold in the middle of the law, in sigma_c.
    exponent : float
        That at infinity. Where it is finite the mean square counts, or the mean, if they exist, and
        the farthest place is 1e16 ``scale``; else the mean fourth power does, or the highest that
        is complete at 1e100 ``scale``.
    """
    last = _LONGEST if exponent == math.inf else _FARTHEST
    log_c = np.arange(math.log(1e-2), math.log(last), 0.1)
    c = scale * np.exp(log_c)
    with np.errstate(all="ignore"):
        log_density = np.log(scale * density(c))
    number = c.size
    for power in (4.0, 2.0, 1.0, 0.0):
        if power >= exponent or (power == 4.0 and exponent < math.inf):
            continue
        log_part = log_density + (power + 1.0) * log_c
        part = np.exp(log_part - log_part.max(initial=-math.inf, where=~np.isnan(log_part)))
        beyond = np.cumsum(np.nan_to_num(part)[::-1])[::-1]
        number = int(np.count_nonzero(beyond > rtol * beyond[0]))
        if exponent < math.inf or number < c.size:
            break
    return float(c[min(number, c.size - 1)])


def tail_nodes(
    density: Function,
    edges: Floats,
    scale: float,
    exponent: float,
    rtol: float,
    kinks: float = math.inf,
    most: float = 0.0,
) -> tuple[Floats, Floats]:
    """Return nodes and weights between edges, with the rest beyond the last where it counts.

    Parameters
    ----------
    density : callable
    edges : ndarray
        Thresholds, ascending, > 0: where the tail begins, breaks, where its panels end. Beyond them
        the law is one of Pareto with index ``exponent``, or nothing where that is infinite.
    scale : float
        A threshold in the middle of the law.
    rtol : float
        Relative accuracy of means of c^2/(w + c) and c^4/(w + c)^2, whatever w >= scale.
    kinks, most : float
        The largest product of a panel's integral and the square of its width: ``kinks`` of the mean
        square over the tail, or ``most`` where that is more.

    Raises
    ------
    ConvergenceError
        If 400 panels are not enough.
    """
    end = float(edges[-1])
    widths = scale * 10.0 ** np.arange(0.0, max(math.log10(end / scale), 0.0) + 1.0)
    widths = widths[:, None, None]

    def trials(c: Floats) -> Floats:
        x = c / scale
        one = x * c / (widths + c)
        rows = [np.stack([np.ones_like(c), x, x * x]), one]
        if exponent > 1.0:
            rows.append(one**2)
        return np.concatenate(rows)

    abscissae, gauss = np.polynomial.legendre.leggauss(8)

    def panels(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
        half = 0.5 * (b - a)[:, None]
        c = np.exp(0.5 * (a + b)[:, None] + half * abscissae)
        weight = half * gauss * c * density(c)
        return c, weight, (trials(c) * weight).sum(axis=-1)

    ends = [
        np.linspace(low, high, math.ceil((high - low) / _PANEL) + 1)
        for low, high in itertools.pairwise(np.log(edges))
    ]
    a, b = (np.concatenate([piece[cut] for piece in ends]) for cut in (_BUT_LAST, _BUT_FIRST))
    accepted: list[tuple[Floats, Floats]] = []
    done: Floats | float = 0.0
    while a.size:
        middle = 0.5 * (a + b)
        c, weight, one = panels(a, b)
        two = panels(a, middle)[2] + panels(middle, b)[2]
        whole = done + two.sum(axis=1)
        good = np.all(np.abs(one - two) <= rtol * np.abs(whole)[:, None], axis=0)
        squares = two[0] * (np.exp(b) - np.exp(a)) ** 2
        good &= squares <= max(most, kinks * float(whole[2]) * scale**2)
        accepted.append((c[good].ravel(), weight[good].ravel()))
        done = done + two[:, good].sum(axis=1)
        a, b = np.concatenate([a[~good], middle[~good]]), np.concatenate([middle[~good], b[~good]])
        if a.size + sum(values.size for values, _ in accepted) / 8 > _PANELS:
            raise ConvergenceError(
                f"the tail of the threshold law needs more than {_PANELS} panels for rtol={rtol:g} "
                f"(last near c = {math.exp(a[0]):g}); loosen rtol or give samples of the law"
            )
    if math.isfinite(exponent):
        values, weights = _pareto_nodes(exponent)
        rest = float(density(np.array([end]))[0]) * end / exponent
        accepted.append((end * values, rest * weights))
    values, weights = (np.concatenate(part) for part in zip(*accepted, strict=True))
    order = np.argsort(values)
    order = order[weights[order] > 0.0]
    return values[order], weights[order]


def weak_nodes(
    law: rv_frozen, middle: float, high: float, exponent: float, places: Floats, rtol: float
) -> tuple[Floats, Floats]:
    """Return nodes and weights below ``high``, to so small thresholds that <c^-2> is complete.

    They are those of the tail of 1/c.

    Parameters
    ----------
    law : frozen scipy.stats law
    middle : float
        A threshold in the middle of the law, in sigma_c.
    high : float
    exponent : float
        That at zero.
    places : ndarray
        Where there may be a kink or a jump.
    rtol : float
        As in ``tail_nodes``.

    Raises
    ------
    ConvergenceError
        If too many panels are needed, or the mean of c^-2 reaches below 1e-100 ``middle``.
    """
    lowest, highest = law.support()
    top = 1.0 / lowest if lowest > 0.0 else math.inf

    def density(x: Floats) -> Floats:
        return np.asarray(law.pdf(1.0 / x) / x**2)

    def log_density(x: Floats) -> Floats:
        return np.asarray(law.logpdf(1.0 / x) - 2.0 * np.log(x))

    if exponent == math.inf and told_exponent(log_density, top, 1.0 / middle) <= 2.0:
        raise ConvergenceError(
            f"the mean of c^-2 over {law_text(law)} is not complete at 1e-100 medians; cut the law "
            "off, or give samples of it"
        )
    first = 1.0 / min(high, highest)
    last = min(reach(density, 1.0 / middle, exponent, 0.01 * rtol), top)
    inside = places[(places > 1.0 / last) & (places < 1.0 / first)]
    cuts = np.concatenate([[first], 1.0 / np.unique(inside)[::-1], [last]])
    x, weights = tail_nodes(density, cuts, 1.0 / middle, exponent, rtol)
    return 1.0 / x[::-1], weights[::-1]


def _pareto_nodes(a: float) -> tuple[Floats, Floats]:
    """Return a Gauss-Radau rule (node 1 is in it) of the density a t^(-1-a), t > 1.

    Right for t^0 ... t^4 where <t^4> exists, for t^0 ... t^2 where that does, for t^1 else.
    """
    if a <= 1.0:
        return np.ones(1), np.ones(1)
    if a <= 2.0:
        return np.array([a / (a - 1.0)]), np.ones(1)
    order = 2 if a > 4.0 else 1
    moment: Floats = a / (a - np.arange(2 * order + 1.0))
    rising = np.diff(moment)  # of the density times t - 1
    hankel = np.array([[rising[i + j] for j in range(order)] for i in range(order)])
    polynomial = np.linalg.solve(hankel, -rising[order:])
    inside = np.sort(np.roots(np.append(polynomial, 1.0)[::-1]).real)
    nodes = np.array([1.0, *inside])
    weights = np.linalg.solve(np.vander(nodes, increasing=True).T, moment[: order + 1])
    return nodes, np.asarray(weights, dtype=np.float64)
