"""Slot 3, thresholds: the local yield stress c of a block, and what an event does to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import as_floats, check_row
from hebraud.errors import ConvergenceError, check_number, shown
from hebraud.model.laws.identity import bin_edges, law_key, law_text
from hebraud.model.laws.panels import merged, panel_quadrature
from hebraud.model.laws.tails import (
    exponent_at_infinity,
    exponent_at_zero,
    jumps,
    reach,
    tail_nodes,
    told_exponent,
    weak_nodes,
)
from hebraud.model.laws.threshold_law import Conditioned, ThresholdLaw

__all__ = ["Continuous", "Quenched", "Redrawn", "Single", "Thresholds", "continuous"]

Function = Callable[[Floats], Floats]

_DECADES = 30.0
"""How thin the thinnest layer is that is looked for, beside the median, in powers of ten."""
_FAR = 4.0
"""Where the tail of a law begins that is long enough to have one, in units of the median."""
_MASS = 1e-10
"""Largest difference of a density's integral and its distribution function, by round-off."""
_SHORT = 0.05
"""A law is cut at its lower end where that takes away more than this of the way to the median."""


@runtime_checkable
class Thresholds(Protocol):
    """The methods of every threshold rule.

    Where it has them it also says ``density`` (of the thresholds, a function), and its exponents at
    both ends, ``exponent_at_zero`` and ``exponent_at_infinity``.
    """

    def nodes(
        self, rtol: float = 1e-9, breaks: ArrayLike = (), kinks: float = math.inf
    ) -> tuple[Floats, Floats]:
        """Return threshold values (ascending, > 0) and weights (> 0, sum 1) of a quadrature.

        Means of smooth functions of c over the law are right to about ``rtol``; at ``breaks`` (and
        at zero) they may have a kink, or a layer. Where a kink may be anywhere, ``kinks`` is the
        part of the mean that one of them may be off by, roughly.
        """
        ...

    def ppf(self, quantile: ArrayLike) -> Floats:
        """Return the threshold at a quantile in (0, 1) of the law conditioned on c > 0."""
        ...

    @property
    def redraws(self) -> bool:
        """True where an event gives the block a fresh threshold."""
        ...


@runtime_checkable
class Continuous(Thresholds, Protocol):
    """A law of thresholds that has as many nodes as a run asks for."""

    def resolved(
        self, rtol: float, breaks: ArrayLike, kinks: float, layer: float, width: Function | None
    ) -> tuple[Floats, Floats]:
        """Return ``nodes(rtol, breaks, kinks)`` as far as functions of a known sharpness need it.

        Parameters
        ----------
        rtol, breaks, kinks
            As in ``nodes``.
        layer : float
            The least width of the layers at the breaks, in sigma_c, >= 0.
        width : callable or None
            Over which the functions change near a threshold, in sigma_c, > 0; None: over c itself.
        """
        ...


def continuous(law: Thresholds) -> Continuous | None:
    """Return a law that has as many nodes as a run asks for, None for any other."""
    return law if isinstance(law, Continuous) else None


@dataclass(frozen=True)
class Single:
    """One threshold for all blocks: the classical model. A bare number means this.

    Parameters
    ----------
    threshold : float
        c in units of sigma_c, > 0.
    """

    threshold: float

    def __post_init__(self) -> None:
        value = check_number("thresholds", self.threshold, above=0.0)
        object.__setattr__(self, "threshold", value)

    def __repr__(self) -> str:
        return repr(self.threshold)

    def nodes(
        self, rtol: float = 1e-9, breaks: ArrayLike = (), kinks: float = math.inf
    ) -> tuple[Floats, Floats]:
        """Return the one threshold, with weight one."""
        return np.array([self.threshold]), np.array([1.0])

    def ppf(self, quantile: ArrayLike) -> Floats:
        """Return the threshold at every quantile."""
        return np.full_like(np.asarray(quantile, dtype=np.float64), self.threshold)

    @property
    def redraws(self) -> bool:
        """False: there is nothing to draw."""
        return False


@dataclass(frozen=True)
class _Law:
    """A law of thresholds conditioned on c > 0: a frozen scipy.stats law, samples, values."""

    law: Any
    _key: object = field(init=False, repr=False)

    def __post_init__(self) -> None:
        law = self.law
        if isinstance(law, ThresholdLaw):
            key: object = law
        elif hasattr(law, "ppf") and hasattr(law, "pdf") and hasattr(law, "dist"):
            if np.ndim(law.cdf(0.0)):
                raise ValueError(
                    "law must be one law, with single numbers as parameters, got several in "
                    f"{shown((law.args, law.kwds))}"
                )
            at_zero = float(law.cdf(0.0))
            if not at_zero < 1.0:
                raise ValueError(
                    f"law must have weight above 0, got {self!r} with P(c <= 0) = {at_zero:g}"
                )
            key = law_key(law)
        else:
            kind = (
                "a frozen continuous scipy.stats law such as norm(1.0, 0.3), or a sequence of "
                "samples"
            )
            samples = as_floats("law", law, kind)
            if samples.ndim != 1 or samples.size == 0:
                raise ValueError(f"law must be {kind}, got {shown(law)}")
            check_row("samples of law", samples, above=0.0)
            key = tuple(np.sort(samples).tolist())
            object.__setattr__(self, "law", key)
        object.__setattr__(self, "_key", key)

    @property
    def discrete(self) -> bool:
        """True where the law is a few values with their probabilities."""
        return self._is_sampled or isinstance(self.law, ThresholdLaw)

    @property
    def density(self) -> Callable[[Floats], Floats] | None:
        """The density of the conditioned law in 1/sigma_c; None for samples, which have none."""
        if isinstance(self.law, ThresholdLaw):
            return self.law.density
        return None if self._is_sampled else Conditioned(self.law)

    @property
    def _is_sampled(self) -> bool:
        return isinstance(self.law, tuple)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._key == other._key)

    def __hash__(self) -> int:
        return hash((type(self), self._key))

    def __repr__(self) -> str:
        if self._is_sampled:
            return f"{type(self).__name__}({list(self.law)!r})"
        if isinstance(self.law, ThresholdLaw):
            return f"{type(self).__name__}({self.law!r})"
        return f"{type(self).__name__}({law_text(self.law)})"

    def ppf(self, quantile: ArrayLike) -> Floats:
        """Return the threshold at a quantile in (0, 1) of the law conditioned on c > 0."""
        q = np.asarray(quantile, dtype=np.float64)
        if self._is_sampled:
            index = np.minimum((q * len(self.law)).astype(np.int64), len(self.law) - 1)
            return np.asarray(self.law)[index]
        if isinstance(self.law, ThresholdLaw):
            return self.law.ppf(q)
        above = float(self.law.sf(0.0))
        return np.asarray(self.law.isf(above * (1.0 - q)), dtype=np.float64)

    def nodes(
        self, rtol: float = 1e-9, breaks: ArrayLike = (), kinks: float = math.inf
    ) -> tuple[Floats, Floats]:
        """Return values and weights of a quadrature of the conditioned law.

        Samples are their own quadrature. A continuous law is cut into panels of eight to twenty
        Gauss-Legendre points, halved where a mean over a panel is not right to ``rtol`` of the
        whole: the probability, the mean, the mean square, and functions with a layer at
        zero and at the ``breaks``, of every width down to that which holds a part ``rtol`` of the
        law. Their form is that of what is averaged: times where thresholds are redrawn, rates
        where they are quenched. What lies so far out in a tail that none of them would see it is
        left out. A panel is also halved where its part of the law times the square of its width,
        in units of the median, is more than ``kinks``: a kink in it makes an error of that kind.

        Raises
        ------
        ConvergenceError
            If a thousand panels are not enough.
        """
        tolerance = check_number("rtol", rtol, above=0.0, below=1.0)
        points = tuple(np.unique(np.asarray(breaks, dtype=np.float64)).tolist())
        values, weights = _nodes(self, tolerance, points, float(kinks))
        return values.copy(), weights.copy()

    def resolved(
        self, rtol: float, breaks: ArrayLike, kinks: float, layer: float, width: Function | None
    ) -> tuple[Floats, Floats]:
        """Return nodes for functions with layers no thinner than one width, and steps of another.

        See ``nodes``, where layers are of every width and what is smooth is so on the scale of c.
        Samples stay what they are.
        """
        tolerance = check_number("rtol", rtol, above=0.0, below=1.0)
        if isinstance(self.law, ThresholdLaw):
            return self.law.values, self.law.weights
        if self._is_sampled:
            values, counts = np.unique(self.law, return_counts=True)
            return values, counts / counts.sum()
        points = np.unique(np.append(np.asarray(breaks, dtype=np.float64), 0.0))
        values, weights = self._quadrature(tolerance, points, kinks, layer, width)
        share = weights.sum() / float(self.law.sf(0.0))
        if abs(share - 1.0) > 3.0 * tolerance + _MASS:
            raise ConvergenceError(
                f"the density of {self!r} does not fit its distribution function: its quadrature "
                f"for rtol={tolerance:g} finds {share:.12g} of the probability of c > 0; check its "
                "pdf, or give samples of the law"
            )
        return values, weights / weights.sum()

    def weak_nodes(self, rtol: float = 1e-11, breaks: ArrayLike = ()) -> tuple[Floats, Floats]:
        """Return values and weights for means of functions that go as c^-2 at small thresholds.

        As ``nodes``, but to so small thresholds that the mean of c^-2 is complete, where it exists:
        the nodes of the tail of 1/c.

        Raises
        ------
        ConvergenceError
            If too many panels are needed, or the mean reaches below 1e-100 medians.
        """
        if self.discrete:
            return self.nodes(rtol, breaks)
        middle, high = self.ppf(np.array([0.5, 1.0 - 0.01 * rtol]))
        places = np.append(self._jumps, np.asarray(breaks, dtype=np.float64))
        values, weights = weak_nodes(self.law, middle, high, self.exponent_at_zero, places, rtol)
        return values, weights / weights.sum()

    @cached_property
    def exponent_at_zero(self) -> float:
        """e of P(c < x) ~ x^e at small thresholds x; infinite for a law that does not reach 0."""
        if self.discrete:
            return math.inf
        return exponent_at_zero(self.law, float(self.ppf(0.5)))

    @property
    def exponent_at_infinity(self) -> float:
        """a such that <c^p> exists for p < a: P(c > x) ~ x^-a at large thresholds x.

        Infinite where it falls faster; but moments that are not complete at 1e100 times the median,
        such as those of a lognormal law of s = 20, count as such that do not exist.
        """
        if self.discrete:
            return math.inf
        falls = self._falls
        if falls < math.inf:
            return falls
        return told_exponent(self.law.logpdf, self.law.support()[1], float(self.ppf(0.5)))

    @cached_property
    def _falls(self) -> float:
        return exponent_at_infinity(self.law, float(self.ppf(0.5)))

    @cached_property
    def _jumps(self) -> Floats:
        known = bin_edges(self.law)
        return jumps(self.law.pdf, self.ppf) if known is None else known

    @staticmethod
    def _layers(distance: Floats, width: Floats) -> Floats:
        """Return trial functions of c minus a point where there may be a layer."""
        raise NotImplementedError

    def _quadrature(
        self, rtol: float, points: Floats, kinks: float, layer: float, width: Function | None
    ) -> tuple[Floats, Floats]:
        law, falls = self.law, self._falls
        above, start, most_c = law.sf(0.0), max(float(law.support()[0]), 0.0), law.support()[1]
        scale, high = self.ppf(np.array([0.5, 1.0 - 0.01 * rtol]))
        high = min(max(high, reach(law.pdf, scale, falls, 0.01 * rtol)), most_c)
        far = max(_FAR * scale, 2.0 * float(points.max()))
        if width is not None:
            # steps are not looked for in the tail: it has too little probability to hold one
            far = max(far, float(self.ppf(1.0 - 0.3 * rtol)))
        tail = high > 4.0 * far
        if np.isfinite(most_c) and np.any((self._jumps > far) & (self._jumps < high)):
            tail = False  # bins become one in panels that are even in c
        if np.isfinite(most_c) and not tail:
            high = most_c
        widths = scale * 10.0 ** np.arange(0.0, -_DECADES, -0.5)
        layers, least = [], above
        for point in points:
            held = law.cdf(point + widths) - law.cdf(np.maximum(point - widths, 0.0))
            seen = held > 0.3 * rtol * above  # half a decade more than the docstring promises
            seen &= widths >= min(layer, scale)
            layers.append((point, widths[seen]))
            least = min(least, held[seen].min(initial=above))
        # below this no trial function has more than 0.01 rtol of its mean
        low = float(law.ppf(law.cdf(0.0) + 0.005 * rtol * least))
        if low < start + _SHORT * (scale - start):
            low = start
        last = far if tail else high

        def cut(*inner: Floats) -> Floats:
            at = np.concatenate([*inner, [scale]])
            return np.unique(np.concatenate([[low, last], at[(at > low) & (at < last)]]))

        def trials(c: Floats) -> Floats:
            rows = [np.stack([np.ones_like(c), c, c * c, 1.0 / (0.1 * scale**2 + c * c)])]
            rows += [self._layers(c - p, w[:, None, None, None]) for p, w in layers]
            return np.concatenate(rows)

        most = kinks * above * scale**2
        edges, asked = cut(points, self._jumps), (points, trials, rtol, most, width)
        values, weights = panel_quadrature(law.pdf, edges, *asked)
        if edges.size > cut(points).size:
            values, weights = merged((values, weights), cut(points), *asked)
        if not tail:
            return values, weights
        beyond = self._jumps[(self._jumps > far) & (self._jumps < high)]
        cuts = np.concatenate([[far], beyond, [high]])
        more = tail_nodes(law.pdf, cuts, scale, falls, rtol, kinks, most)
        return np.append(values, more[0]), np.append(weights, more[1])


@lru_cache(maxsize=64)  # solvers ask for the same nodes again and again; they take milliseconds
def _nodes(
    rule: _Law, rtol: float, breaks: tuple[float, ...], kinks: float
) -> tuple[Floats, Floats]:
    return rule.resolved(rtol, breaks, kinks, 0.0, None)


@dataclass(frozen=True, eq=False, repr=False)
class Redrawn(_Law):
    """A fresh threshold from ``law`` after each event.

    Parameters
    ----------
    law : frozen scipy.stats law, sequence of float, or ThresholdLaw
        Law of c in units of sigma_c, conditioned on c > 0: its ``mean`` and ``std`` are those
        before conditioning. Samples must be > 0.
    """

    tried: ClassVar[bool] = True  # the project's own tests try its nodes

    @staticmethod
    def _layers(distance: Floats, width: Floats) -> Floats:
        return np.asarray(distance**2 / (width + np.abs(distance)))

    @property
    def redraws(self) -> bool:
        """True."""
        return True


@dataclass(frozen=True, eq=False, repr=False)
class Quenched(_Law):
    """A threshold from ``law`` that a block keeps for ever.

    Parameters
    ----------
    law : frozen scipy.stats law, sequence of float, or ThresholdLaw
        Law of c in units of sigma_c, conditioned on c > 0: its ``mean`` and ``std`` are those
        before conditioning. Samples must be > 0.
    """

    tried: ClassVar[bool] = True  # the project's own tests try its nodes

    @staticmethod
    def _layers(distance: Floats, width: Floats) -> Floats:
        # a block that lands over its threshold yields at once: rates have a step of width w, and
        # their mean is never below the weight of what is below the landing
        far = np.abs(distance)
        tails = np.concatenate([width / (width + far), width**2 / (width**2 + far**2)])
        return np.where(distance < 0.0, 1.0 - 0.5 * tails, tails)

    @property
    def redraws(self) -> bool:
        """False."""
        return False
