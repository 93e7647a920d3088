"""A law of thresholds as values with weights: what a stationary state finds, or asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import as_floats, check_array, check_function
from hebraud.errors import check_number, shown
from hebraud.model.laws.identity import law_key

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen

__all__ = ["Conditioned", "ThresholdLaw"]


@dataclass(frozen=True, eq=False)
class Conditioned:
    """The density of a frozen law conditioned on c > 0."""

    law: rv_frozen

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Conditioned) and law_key(self.law) == law_key(other.law)

    def __hash__(self) -> int:
        return hash(law_key(self.law))

    def __call__(self, threshold: Floats) -> Floats:
        """Return the density in 1/sigma_c at thresholds of any shape."""
        inside = np.where(threshold > 0.0, self.law.pdf(threshold), 0.0)
        return np.asarray(inside / float(self.law.sf(0.0)))


@dataclass(frozen=True, eq=False, repr=False)
class ThresholdLaw:
    """A law of thresholds c: values, each with its probability.

    The values of a law that comes from a continuous one are the nodes of its quadrature: means of
    smooth functions of c are as right as with the continuous law, and ``pdf`` knows its density.
    A law goes wherever thresholds are asked for: ``Redrawn(law)``, ``Quenched(law)``.

    Parameters
    ----------
    values : array_like, (n,)
        Thresholds in sigma_c, ascending, > 0.
    weights : array_like, (n,)
        Their probabilities, > 0, with sum 1 (to 1e-9).
    density : callable, optional
        The density in 1/sigma_c at thresholds of any shape; None where there is none.
    error_estimate : float
        Relative error of the weights.

    Raises
    ------
    ValueError
        If values or weights are not of their kind.
    """

    values: Floats
    weights: Floats
    density: Callable[[Floats], Floats] | None = None
    error_estimate: float = 0.0

    def __post_init__(self) -> None:
        values = as_floats("values", self.values)
        weights = as_floats("weights", self.weights)
        if values.ndim != 1 or values.size == 0 or weights.shape != values.shape:
            raise ValueError(
                "values and weights must be two rows of one length >= 1, got shapes "
                f"{values.shape} and {weights.shape}"
            )
        if not (np.all(np.diff(values, prepend=0.0) > 0.0) and np.isfinite(values[-1])):
            raise ValueError(f"values must be finite, > 0 and ascending, got {shown(self.values)}")
        if not (np.all(weights > 0.0) and abs(weights.sum() - 1.0) <= 1e-9):
            raise ValueError(
                f"weights must be > 0 with sum 1 (to 1e-9), got a smallest of {weights.min():g} "
                f"and the sum {weights.sum()!r}; divide them by their sum"
            )
        if self.density is not None:
            check_function("density", self.density, "thresholds")
        check_number("error_estimate", self.error_estimate, at_least=0.0)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "weights", weights)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ThresholdLaw):
            return NotImplemented
        same = [np.array_equal(getattr(self, a), getattr(other, a)) for a in ("values", "weights")]
        return all(same) and self.density == other.density

    def __hash__(self) -> int:
        return hash((self.values.tobytes(), self.weights.tobytes()))

    def __repr__(self) -> str:
        return (
            f"ThresholdLaw({self.values.size} values, mean {self.mean():.6g}, std {self.std():.6g})"
        )

    def mean(self) -> float:
        """Return <c> in sigma_c."""
        return float(self.weights @ self.values)

    def std(self) -> float:
        """Return the standard deviation of c in sigma_c."""
        return float(np.sqrt(self.weights @ (self.values - self.mean()) ** 2))

    def median(self) -> float:
        """Return the value at the quantile 1/2."""
        return float(self.ppf(0.5))

    def cdf(self, threshold: ArrayLike) -> Floats:
        """Return the probability of values <= ``threshold``: a staircase."""
        c = as_floats("threshold", threshold)
        if np.isnan(c).any():
            raise ValueError("threshold must be numbers, got nan among them")
        steps = np.concatenate([[0.0], np.cumsum(self.weights)])
        return np.asarray(steps[np.searchsorted(self.values, c, side="right")])

    def ppf(self, quantile: ArrayLike) -> Floats:
        """Return the value whose stair holds a quantile in (0, 1)."""
        q = check_array("quantile", quantile, at_least=0.0, at_most=1.0)
        return np.asarray(self.values[np.searchsorted(np.cumsum(self.weights)[:-1], q)])

    def pdf(self, threshold: ArrayLike) -> Floats:
        """Return the density in 1/sigma_c.

        Raises
        ------
        ValueError
            If the law was made of samples, which have none.
        """
        if self.density is None:
            raise ValueError(
                f"{self!r} is made of samples and has no density; use its cdf, or values and "
                "weights"
            )
        return np.asarray(self.density(as_floats("threshold", threshold)))
