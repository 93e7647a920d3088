"""Reduced stress of a model as a function of (ln alpha, ln g), with its derivatives."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from hebraud._typing import Floats, Ints
from hebraud.analytic.critical import critical_coupling
from hebraud.analytic.exact import applies, classical_curve
from hebraud.model.coupling import DropNoise
from hebraud.model.model import Model
from hebraud.solvers.steady.steady_state import FiniteVolume, flow_curve

__all__ = [
    "ReducedCurve",
    "Slopes",
    "computed",
    "coupling_of",
    "cubic",
    "reduced_curve",
    "with_coupling",
]


class Slopes(NamedTuple):
    """Sigma and its derivatives with respect to ln alpha and ln g, all in sigma_c."""

    stress: Floats
    by_alpha: Floats
    by_rate: Floats


class ReducedCurve(Protocol):
    """Reduced flow curve of a model, as a fit asks for it."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of ln alpha."""
        ...

    def stress(self, log_alpha: float, shear_rate: Floats) -> Floats:
        """Return Sigma in sigma_c at rates in sigma_c/(G0 tau)."""
        ...

    def slopes(self, log_alpha: float, shear_rate: Floats) -> Slopes:
        """Return Sigma and its derivatives."""
        ...


def coupling_of(model: Model) -> float:
    """Return alpha of a model, or raise where its noise has none."""
    if not model.noise.alpha:
        raise ValueError(
            "a fit needs a coupling with an alpha, ActivityNoise(alpha) or DropNoise(alpha), got "
            f"{model.coupling!r}, which makes the same noise whatever the events"
        )
    return model.noise.alpha


def with_coupling(model: Model, alpha: float) -> Model:
    """Return the model with another alpha in the same kind of coupling."""
    return dataclasses.replace(model, coupling=model.noise.of_strength(alpha))


def reduced_curve(model: Model) -> ReducedCurve:
    """Return the exact curve of the classical model, a lazily tabulated one of any other."""
    return Classical() if model.classical else Tabulated(model)


@dataclass(frozen=True)
class Classical:
    """The exact curve; derivatives by implicit differentiation of the equation for D."""

    bounds: tuple[float, float] = (math.log(1e-5), math.log(1e5))

    def stress(self, log_alpha: float, shear_rate: Floats) -> Floats:
        """Return the exact Sigma."""
        return classical_curve(math.exp(log_alpha), shear_rate).stress

    def slopes(self, log_alpha: float, shear_rate: Floats) -> Slopes:
        """Return Sigma and its exact derivatives; rates > 0."""
        from hebraud._kernels.classical_slopes import classical_slopes

        rate = np.ascontiguousarray(shear_rate, dtype=np.float64)
        alpha = math.exp(log_alpha)
        curve = classical_curve(alpha, rate)
        by_alpha, by_rate = np.empty_like(rate), np.empty_like(rate)
        classical_slopes(alpha, rate, curve.stress, curve.diffusion, by_alpha, by_rate)
        return Slopes(curve.stress, by_alpha, by_rate)


_RATE_STEP = math.log(10.0) / 5.0
"""Step of the tabulated curves in ln g: five points a decade keep the cubics right to 1e-4."""


class _Rows(NamedTuple):
    """Rows of a lattice at ln alpha = centre + width sinh(step row)."""

    centre: float
    width: float
    step: float

    def log_alpha(self, row: int) -> float:
        """Return ln alpha of a row."""
        return self.centre + self.width * math.sinh(row * self.step)

    def place(self, log_alpha: float) -> tuple[float, float]:
        """Return the row of ln alpha, as a real number, and its derivative."""
        above = (log_alpha - self.centre) / self.width
        return math.asinh(above) / self.step, 1.0 / (
            self.step * self.width * math.hypot(1.0, above)
        )


@dataclass
class Tabulated:
    """ln Sigma on a lattice in alpha and ln g, filled where it is asked for.

    Rows are even in the logarithm of the distance from the critical coupling, but for a width of
    0.2 % about it: there ln Sigma bends at small rates, as the yield stress vanishes. Between the
    lattice points it is a product of four-point cubics, right to some 1e-4 of Sigma, and to 2e-3 at
    the transition. What is computed once serves the whole fit, its profiles and its posterior.
    """

    model: Model
    rows: dict[int, dict[int, float]] = field(default_factory=dict)

    @cached_property
    def lattice(self) -> _Rows:
        """The rows; even in ln alpha where the model has no critical coupling > 0."""
        constant = self.model.noise.constant  # which keeps a state of rest at any coupling
        critical = math.inf if constant else critical_coupling(self.model)
        if 0.0 < critical < math.inf:
            return _Rows(math.log(critical), 2e-3, 0.2)
        return _Rows(0.0, 1e3, 1e-4)

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of ln alpha.

        It ends below the critical coupling of ``DropNoise``, above which D grows without bound.
        """
        noise = self.model.noise
        if not noise.per_square:
            return math.log(1e-4), math.log(1e3)
        if noise.per_event or noise.constant:
            drops = dataclasses.replace(self.model, coupling=DropNoise(1.0))
            highest = math.log(critical_coupling(drops) * noise.alpha / noise.per_square) - 0.02
        else:
            highest = self.lattice.centre - 0.02
        return highest - 10.0, highest

    def _log_stress(self, row: int, columns: Ints) -> Floats:
        known = self.rows.setdefault(row, {})
        new = [int(j) for j in columns if int(j) not in known]
        if new:
            model = with_coupling(self.model, math.exp(self.lattice.log_alpha(row)))
            stress = computed(model, np.exp(np.array(new) * _RATE_STEP), 1e-4)
            known.update(zip(new, np.log(stress).tolist(), strict=True))
        return np.array([known[int(j)] for j in columns])

    def _interpolate(self, log_alpha: float, shear_rate: Floats) -> tuple[Floats, Floats, Floats]:
        """Return ln Sigma and its two derivatives."""
        x = np.log(shear_rate) / _RATE_STEP
        base = np.floor(x).astype(np.int64)
        columns = np.arange(base.min() - 1, base.max() + 3)
        place, place_slope = self.lattice.place(log_alpha)
        row = math.floor(place)
        table = np.stack([self._log_stress(row + i, columns) for i in (-1, 0, 1, 2)])
        value, slope = cubic(np.array(place - row))
        along, across = value @ table, slope @ table
        index = (base - columns[0])[:, None] + np.arange(-1, 3)
        weight, d_weight = cubic(x - base)
        return (
            (along[index] * weight).sum(-1),
            (across[index] * weight).sum(-1) * place_slope,
            (along[index] * d_weight).sum(-1) / _RATE_STEP,
        )

    def stress(self, log_alpha: float, shear_rate: Floats) -> Floats:
        """Return the interpolated Sigma."""
        return np.exp(self._interpolate(log_alpha, shear_rate)[0])

    def slopes(self, log_alpha: float, shear_rate: Floats) -> Slopes:
        """Return Sigma and the derivatives of its interpolation."""
        log_stress, by_alpha, by_rate = self._interpolate(log_alpha, shear_rate)
        stress = np.exp(log_stress)
        return Slopes(stress, stress * by_alpha, stress * by_rate)


def computed(model: Model, shear_rate: Floats, rtol: float) -> Floats:
    """Return Sigma: exact where that applies, by finite volumes to ``rtol`` elsewhere."""
    return flow_curve(model, shear_rate, None if applies(model) else FiniteVolume(rtol)).stress


def cubic(t: Floats) -> tuple[Floats, Floats]:
    """Return the weights at t of the points -1, 0, 1, 2 in their cubic, and their derivatives."""
    t = np.asarray(t)[..., None]
    weight = np.concatenate(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ],
        axis=-1,
    )
    slope = np.concatenate(
        [
            -(3 * t * t - 6 * t + 2) / 6,
            (3 * t * t - 4 * t - 1) / 2,
            -(3 * t * t - 2 * t - 2) / 2,
            (3 * t * t - 1) / 6,
        ],
        axis=-1,
    )
    return weight, slope
