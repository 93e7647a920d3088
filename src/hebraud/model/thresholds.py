"""Slot 3, thresholds: the local yield stress c of a block, and what an event does to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud.errors import ConvergenceError, check_number

__all__ = ["Quenched", "Redrawn", "Single", "Thresholds"]

Floats = NDArray[np.float64]


@runtime_checkable
class Thresholds(Protocol):
    """What every threshold rule says."""

    def nodes(self, rtol: float = 1e-9) -> tuple[Floats, Floats]:
        """Return threshold values (ascending, > 0) and weights (> 0, sum 1) of a quadrature.

        Means of smooth functions of c over the law are right to about ``rtol``.
        """
        ...

    def ppf(self, quantile: ArrayLike) -> Floats:
        """Return the threshold at a quantile in (0, 1) of the law conditioned on c > 0."""
        ...

    @property
    def redraws(self) -> bool:
        """True where an event gives the block a fresh threshold."""
        ...


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

    def nodes(self, rtol: float = 1e-9) -> tuple[Floats, Floats]:
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
    """A law of thresholds conditioned on c > 0: a frozen scipy.stats law, or samples."""

    law: Any
    _key: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        law = self.law
        if hasattr(law, "ppf") and hasattr(law, "pdf") and hasattr(law, "dist"):
            at_zero = float(law.cdf(0.0))
            if not at_zero < 1.0:
                raise ValueError(
                    f"law must have weight above 0, got {self!r} with P(c <= 0) = {at_zero:g}"
                )
            key: Any = (law.dist.name, law.args, tuple(sorted(law.kwds.items())))
        else:
            try:
                samples = np.asarray(law, dtype=np.float64)
            except (TypeError, ValueError):
                samples = np.empty(0)
            if samples.ndim != 1 or samples.size == 0:
                raise ValueError(
                    "law must be a frozen continuous scipy.stats law such as norm(1.0, 0.3), or "
                    f"a sequence of samples, got {law!r}"
                )
            if not np.all(np.isfinite(samples) & (samples > 0.0)):
                bad = samples[~(np.isfinite(samples) & (samples > 0.0))][0]
                raise ValueError(f"samples of law must be finite numbers > 0, got {bad!r}")
            key = tuple(np.sort(samples).tolist())
            object.__setattr__(self, "law", key)
        object.__setattr__(self, "_key", key)

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
        arguments = [repr(a) for a in self.law.args]
        arguments += [f"{name}={value!r}" for name, value in self.law.kwds.items()]
        return f"{type(self).__name__}(scipy.stats.{self.law.dist.name}({', '.join(arguments)}))"

    def ppf(self, quantile: ArrayLike) -> Floats:
        """Return the threshold at a quantile in (0, 1) of the law conditioned on c > 0."""
        q = np.asarray(quantile, dtype=np.float64)
        if self._is_sampled:
            index = np.minimum((q * len(self.law)).astype(np.int64), len(self.law) - 1)
            return np.asarray(self.law)[index]
        above = float(self.law.sf(0.0))
        return np.asarray(self.law.isf(above * (1.0 - q)), dtype=np.float64)

    def nodes(self, rtol: float = 1e-9) -> tuple[Floats, Floats]:
        """Return values and weights of a quadrature of the conditioned law.

        Samples are their own quadrature. A continuous law is cut into panels of eight
        Gauss-Legendre points, halved where the probability, mean, mean square or mean of
        1/(0.1 + c^2) (a stand-in for the inverse squares of quenched thresholds) of a panel
        still changes by more than ``rtol`` of the whole.

        Raises
        ------
        ConvergenceError
            If a thousand panels are not enough.
        """
        tolerance = check_number("rtol", rtol, above=0.0, below=1.0)
        if self._is_sampled:
            values, counts = np.unique(self.law, return_counts=True)
            return values, counts / counts.sum()
        values, weights = _panel_quadrature(self.law, self.ppf, tolerance)
        return values, weights / weights.sum()


def _panel_quadrature(law: Any, ppf: Any, rtol: float) -> tuple[Floats, Floats]:
    abscissae, gauss = np.polynomial.legendre.leggauss(8)

    def panel(a: float, b: float) -> tuple[Floats, Floats]:
        c = 0.5 * (a + b) + 0.5 * (b - a) * abscissae
        return c, 0.5 * (b - a) * gauss * np.asarray(law.pdf(c))

    def trial_means(nodes: tuple[Floats, Floats]) -> Floats:
        c, w = nodes
        return np.array([w.sum(), w @ c, w @ c**2, w @ (1.0 / (0.1 + c**2))])

    tail = 0.01 * rtol
    edges = ppf(np.array([tail, 0.5, 1.0 - tail]))
    if float(law.support()[0]) >= 0.0 or float(law.cdf(0.0)) > 0.0:
        edges[0] = max(float(law.support()[0]), 0.0)
    if np.isfinite(law.support()[1]):
        edges[2] = law.support()[1]
    whole = trial_means(panel(edges[0], edges[1])) + trial_means(panel(edges[1], edges[2]))
    accepted: list[tuple[Floats, Floats]] = []
    waiting = [(edges[1], edges[2]), (edges[0], edges[1])]
    while waiting:
        a, b = waiting.pop()
        middle = 0.5 * (a + b)
        one, halves = panel(a, b), (panel(a, middle), panel(middle, b))
        change = trial_means(one) - trial_means(halves[0]) - trial_means(halves[1])
        if np.all(np.abs(change) <= rtol * np.abs(whole)):
            accepted.append(one)
        elif len(accepted) + len(waiting) < 1000:
            waiting += [(middle, b), (a, middle)]
        else:
            raise ConvergenceError(
                f"the quadrature of the threshold law needs more than 1000 panels for rtol={rtol:g}"
                f" (last near c = {middle:g}); loosen rtol or give samples of the law"
            )
    return (
        np.concatenate([c for c, _ in accepted]),
        np.concatenate([w for _, w in accepted]),
    )


@dataclass(frozen=True, eq=False, repr=False)
class Redrawn(_Law):
    """A fresh threshold from ``law`` after each event.

    Parameters
    ----------
    law : frozen scipy.stats law, or sequence of float
        Law of c in units of sigma_c, conditioned on c > 0: its ``mean`` and ``std`` are those
        before conditioning. Samples must be > 0.
    """

    @property
    def redraws(self) -> bool:
        """True."""
        return True


@dataclass(frozen=True, eq=False, repr=False)
class Quenched(_Law):
    """A threshold from ``law`` that a block keeps for ever.

    Parameters
    ----------
    law : frozen scipy.stats law, or sequence of float
        Law of c in units of sigma_c, conditioned on c > 0: its ``mean`` and ``std`` are those
        before conditioning. Samples must be > 0.
    """

    @property
    def redraws(self) -> bool:
        """False."""
        return False
