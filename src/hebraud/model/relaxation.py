"""Slot 2, relaxation: where the stress of a block lands when it yields.

Every rule is a mixture of straight lines, mirrored with the sign of the yield stress,

    s' = scale_q s + offset_q sign(s)    with weight w_q,

which is all that a grid, an exact solution or a Monte Carlo step needs to know of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.checks import LARGEST, check_row, check_size
from hebraud.errors import check_number, check_whole_number, shown

__all__ = [
    "FractionalDrop",
    "GaussianLanding",
    "Landing",
    "LandingLines",
    "NormalScatter",
    "Relaxation",
    "ResidualStress",
    "Scattered",
    "Spread",
]

_REACH = 8.5
"""Standard deviations beyond which a normal law has less than 2e-17 of its weight."""


class LandingLines(NamedTuple):
    """A landing rule as straight lines: s' = scale s + offset sign(s), each with its weight.

    Three arrays of one length; the weights are positive and sum to one. Those of `Spread.shifted`
    have a row for each phase.
    """

    scale: Floats
    offset: Floats
    weight: Floats


@runtime_checkable
class Relaxation(Protocol):
    """The methods of every landing rule."""

    def land(self, stress: ArrayLike, quantile: ArrayLike) -> Floats:
        """Return the stress after the event, for a quantile in (0, 1) of the landing law.

        Mirror symmetry: ``land(-s, 1 - q) == -land(s, q)``. Deterministic rules ignore the
        quantile.
        """
        ...

    def quadrature(self, n: int) -> LandingLines:
        """Return the rule as lines; ``n`` is how many stand for a continuous law.

        They have the mean and the mean square of where ``land`` puts blocks.
        """
        ...

    @property
    def fixed_points(self) -> LandingLines | None:
        """The rule as lines of scale zero where that is what it is, None elsewhere.

        With fixed points the landing depends only on the side on which the block yields, and
        the exact stationary solution applies.
        """
        ...


def _one_line(scale: float, offset: float) -> LandingLines:
    return LandingLines(np.array([scale]), np.array([offset]), np.array([1.0]))


@runtime_checkable
class Spread(Relaxation, Protocol):
    """A continuous landing law that can be cut into lines at other places too."""

    def shifted(self, n: int, phase: Floats) -> LandingLines:
        """Return n lines as ``quadrature``, moved by a fraction ``phase`` of their distance.

        ``phase`` is (rows,), in -1/2 ... 1/2; the three arrays are (rows, n). In every row the
        weights sum to one and the mean over the lines is the law's.
        """
        ...


class NormalScatter(NamedTuple):
    """A normal landing law: s' ~ N(scale s + offset sign(s), std^2)."""

    scale: float
    offset: float
    std: float


@runtime_checkable
class Scattered(Relaxation, Protocol):
    """A continuous landing law that is normal: runs need no lines of it, and are the faster."""

    @property
    def normal(self) -> NormalScatter:
        """The three numbers of the law."""
        ...


@dataclass(frozen=True)
class FractionalDrop:
    """s' = (1 - fraction) s: every event releases the same fraction of the block's stress.

    Parameters
    ----------
    fraction : float
        Released fraction f, 0 < f <= 1. ``FractionalDrop(1.0)`` is the classical model, in
        which the stress falls to zero.
    """

    fraction: float

    def __post_init__(self) -> None:
        value = check_number("fraction", self.fraction, above=0.0, at_most=1.0)
        object.__setattr__(self, "fraction", value)

    def land(self, stress: ArrayLike, quantile: ArrayLike) -> Floats:
        """Return (1 - f) s; the quantile is ignored."""
        return np.asarray((1.0 - self.fraction) * np.asarray(stress, dtype=np.float64))

    def quadrature(self, n: int) -> LandingLines:
        """Return the one line of scale 1 - f; ``n`` is ignored."""
        return _one_line(1.0 - self.fraction, 0.0)

    @property
    def fixed_points(self) -> LandingLines | None:
        """The point 0 where f = 1, None elsewhere."""
        return _one_line(0.0, 0.0) if self.fraction == 1.0 else None


@dataclass(frozen=True)
class ResidualStress:
    """s' = residual sign(s): every event leaves the same stress behind, in its own direction.

    Parameters
    ----------
    residual : float
        r in units of sigma_c, >= 0. A block that lands at or above its own threshold yields
        again, and each time is one more event.
    """

    residual: float

    def __post_init__(self) -> None:
        value = check_number("residual", self.residual, at_least=0.0, at_most=LARGEST)
        object.__setattr__(self, "residual", value)

    def land(self, stress: ArrayLike, quantile: ArrayLike) -> Floats:
        """Return r sign(s); the quantile is ignored."""
        return np.asarray(self.residual * np.sign(np.asarray(stress, dtype=np.float64)))

    def quadrature(self, n: int) -> LandingLines:
        """Return the one line of offset r; ``n`` is ignored."""
        return _one_line(0.0, self.residual)

    @property
    def fixed_points(self) -> LandingLines | None:
        """The point r (mirrored on the left)."""
        return _one_line(0.0, self.residual)


@dataclass(frozen=True)
class GaussianLanding:
    """s' ~ N((1 - drop) s, std^2): the released stress scatters from event to event.

    Parameters
    ----------
    drop : float
        Mean released fraction, 0 < drop <= 1.
    std : float
        Standard deviation of s' in units of sigma_c, > 0.
    """

    drop: float
    std: float

    def __post_init__(self) -> None:
        value = check_number("drop", self.drop, above=0.0, at_most=1.0)
        object.__setattr__(self, "drop", value)
        object.__setattr__(self, "std", check_size("std", self.std))

    def land(self, stress: ArrayLike, quantile: ArrayLike) -> Floats:
        """Return (1 - drop) s + std z(quantile), z the standard normal's inverse law."""
        from scipy.special import ndtri

        scatter = self.std * ndtri(np.asarray(quantile, dtype=np.float64))
        return np.asarray((1.0 - self.drop) * np.asarray(stress, dtype=np.float64) + scatter)

    def quadrature(self, n: int) -> LandingLines:
        """Return n parallel lines at even distances; mean and (n > 1) variance are exact.

        The trapezoidal rule: for smooth means its error falls exponentially with n, and for those
        with kinks, which the thresholds make, lines at even distances waste none in the tails.
        They reach to 8.5 std, or less far where n is below 23.
        """
        scale, offset, weight = (each[0] for each in self.shifted(n, np.zeros(1)))
        return LandingLines(scale, 0.5 * (offset - offset[::-1]), weight)

    def shifted(self, n: int, phase: Floats) -> LandingLines:
        """Return lines as `quadrature`, moved by fractions of their distance, a row for each."""
        count = check_whole_number("n", n, at_least=1)
        reach = min(math.sqrt(math.pi * count), _REACH)
        distance = 2.0 * reach / (count - 1) if count > 1 else 0.0
        z = distance * (np.arange(count) - 0.5 * (count - 1) + phase[:, None])
        weights = np.exp(-0.5 * z * z)
        weights /= weights.sum(axis=1, keepdims=True)
        if count > 1:
            z -= (weights * z).sum(axis=1, keepdims=True)
            z /= np.sqrt((weights * z * z).sum(axis=1, keepdims=True))
        return LandingLines(np.full_like(z, 1.0 - self.drop), self.std * z, weights)

    @property
    def normal(self) -> NormalScatter:
        """N((1 - drop) s, std^2)."""
        return NormalScatter(1.0 - self.drop, 0.0, self.std)

    @property
    def fixed_points(self) -> LandingLines | None:
        """None: the landing is spread out."""
        return None


@dataclass(frozen=True)
class Landing:
    """A landing law of one's own: a few points, each with its probability.

    Parameters
    ----------
    points : sequence of float
        Where blocks land: fractions of the stress at which they yielded (``relative=True``:
        s' = point s), or stresses in units of sigma_c in the direction in which they yielded
        (``relative=False``: s' = point sign(s)).
    weights : sequence of float
        Their probabilities, > 0, with sum 1 (to 1e-12).
    relative : bool
        Which of the two the points are.
    """

    points: Sequence[float]
    weights: Sequence[float]
    relative: bool = True

    def __post_init__(self) -> None:
        points = tuple(check_row("points", self.points).tolist())
        weights = tuple(check_row("weights", self.weights, above=0.0).tolist())
        if len(points) != len(weights):
            raise ValueError(
                "points and weights must have one length >= 1, "
                f"got {len(points)} points and {len(weights)} weights"
            )
        if abs(sum(weights) - 1.0) > 1e-12:
            raise ValueError(
                f"weights must sum to 1 (to 1e-12), got {weights!r} with sum {sum(weights)!r}; "
                "divide them by their sum"
            )
        if not isinstance(self.relative, bool):
            raise ValueError(f"relative must be True or False, got {shown(self.relative)}")
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "weights", weights)

    def land(self, stress: ArrayLike, quantile: ArrayLike) -> Floats:
        """Return the landing point whose cumulative weight, in order of s', holds the quantile."""
        s = np.asarray(stress, dtype=np.float64)
        order = np.argsort(self.points)
        points = np.asarray(self.points)[order]
        cumulative = np.cumsum(np.asarray(self.weights)[order])[:-1]
        q = np.asarray(quantile, dtype=np.float64)
        rising = points[np.searchsorted(cumulative, q, side="left")]
        falling = points[np.searchsorted(cumulative, 1.0 - q, side="left")]
        chosen = np.where(s < 0.0, falling, rising)
        return np.asarray(chosen * (s if self.relative else np.sign(s)))

    def quadrature(self, n: int) -> LandingLines:
        """Return one line a point; ``n`` is ignored."""
        points = np.asarray(self.points)
        none = np.zeros_like(points)
        pair = (points, none) if self.relative else (none, points)
        return LandingLines(*pair, np.asarray(self.weights))

    @property
    def fixed_points(self) -> LandingLines | None:
        """The points where they are stresses (or all zero), None where they are fractions."""
        lines = self.quadrature(1)
        return lines if not np.any(lines.scale) else None
