"""Fits of flow curves: alpha, threshold and G0 tau from stress against shear rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import check_number
from hebraud.inference.fit import ModelFit
from hebraud.inference.problem import Problem, check_enough, check_positive, held_values, solve
from hebraud.inference.reduced import (
    ReducedCurve,
    computed,
    coupling_of,
    reduced_curve,
    with_coupling,
)
from hebraud.model.model import Model, check_model
from hebraud.model.scales import Scales
from hebraud.rheology.estimate import Estimate

if TYPE_CHECKING:
    from lmfit.minimizer import MinimizerResult

__all__ = ["FlowCurveFit", "FlowCurveLaw", "fit_flow_curve"]

_ALPHAS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.46, 0.52, 0.7, 1.5)
"""Couplings at which the coarse search of a start looks, close about the critical one, 1/2."""


@dataclass(frozen=True)
class FlowCurveLaw:
    """stress = threshold Sigma(rate modulus_time/threshold; alpha)."""

    curve: ReducedCurve
    shear_rate: Floats
    names: tuple[str, ...] = ("alpha", "threshold", "modulus_time")
    quick: bool = True

    def values(self, log: Floats) -> Floats:
        """Return the stress."""
        rate = self.shear_rate * math.exp(log[2] - log[1])
        return math.exp(log[1]) * self.curve.stress(float(log[0]), rate)

    def slopes(self, log: Floats) -> tuple[Floats, Floats]:
        """Return the stress and its derivatives."""
        rate = self.shear_rate * math.exp(log[2] - log[1])
        found = self.curve.slopes(float(log[0]), rate)
        columns = [found.by_alpha, found.stress - found.by_rate, found.by_rate]
        threshold = math.exp(log[1])
        return threshold * found.stress, threshold * np.stack(columns, axis=1)

    def at(self, abscissa: Floats) -> Self:
        """Return the law at other shear rates; it keeps what the curve has computed."""
        return replace(self, shear_rate=abscissa)


@dataclass(frozen=True, eq=False)
class FlowCurveFit(ModelFit):
    """Parameters of a flow curve: ``alpha``, ``threshold``, ``modulus_time``."""

    @classmethod
    def of(
        cls,
        abscissa: Floats,
        data: Floats,
        error: Floats | None,
        start: Mapping[str, float],
        held: Iterable[str],
        template: Model,
        result: MinimizerResult | None = None,
        curve: ReducedCurve | None = None,
    ) -> Self:
        """Return the fit of checked data: solved, or with the result that is known."""
        law = FlowCurveLaw(curve or reduced_curve(template), abscissa)
        bounds = {"alpha": law.curve.bounds}
        problem = Problem(law, data, error, True, start, frozenset(held), bounds)
        return cls(abscissa, problem, result or solve(problem), ("shear_rate", "stress"), template)

    @property
    def modulus_time(self) -> Estimate:
        """G0 tau, in the unit of stress over shear rate (Pa s)."""
        return self.estimate("modulus_time")

    @property
    def reduced_rates(self) -> tuple[float, float]:
        """The window of the data in units of sigma_c/(G0 tau)."""
        unit = self.threshold.value / self.modulus_time.value
        return float(self.abscissa.min() / unit), float(self.abscissa.max() / unit)

    @cached_property
    def yield_stress(self) -> Estimate | None:
        """sigma_Y of the classical model, by its closed form; None at alpha >= 1/2 or elsewhere."""
        if not self.template.classical or self.alpha.value >= 0.5:
            return None
        from hebraud.analytic.closed_form import yield_stress_of_alpha

        def log_yield_stress(log_alpha: float) -> float:
            return math.log(float(yield_stress_of_alpha(math.exp(log_alpha))))

        at = float(self.log_values[0])
        h = 1e-3 * min(1.0, math.log(0.5) - at)
        slope = (log_yield_stress(at + h) - log_yield_stress(at - h)) / (2.0 * h)
        weight = np.array([{"alpha": slope, "threshold": 1.0}.get(name, 0.0) for name in self.free])
        value = self.threshold.value * math.exp(log_yield_stress(at))
        spread = math.sqrt(float(weight @ self.log_covariance @ weight))
        return Estimate(value, min(value * spread, 1e300), self.abscissa.size, "closed form")

    def stress(self, shear_rate: ArrayLike) -> Floats:
        """Return the fitted stress at rates > 0, in the units of the data."""
        return self.predict(shear_rate)

    def scales(
        self, *, shear_modulus: float | None = None, plastic_time: float | None = None
    ) -> Scales:
        """Return the three units: the fit gives G0 tau, the argument gives G0 or tau.

        Raises
        ------
        ValueError
            If not exactly one of ``shear_modulus`` and ``plastic_time`` is given.
        """
        given = {"shear_modulus": shear_modulus, "plastic_time": plastic_time}
        known = held_values(given)
        if len(known) != 1:
            raise ValueError(
                "give exactly one of shear_modulus and plastic_time: a flow curve knows only "
                f"their product, got {given!r}"
            )
        product = self.modulus_time.value
        modulus = known.get("shear_modulus", product / known.get("plastic_time", 1.0))
        return Scales(modulus, self.threshold.value, product / modulus)

    def _title(self) -> str:
        low, high = self.reduced_rates
        lines = [
            super()._title(),
            f"  rates {low:.2g} ... {high:.2g} in units of threshold/modulus_time",
        ]
        if self.yield_stress is not None:
            lines.append(f"  yield stress {self.yield_stress}")
        return "\n".join(lines)

    @property
    def advice(self) -> str:
        """Advice for data that bound the parameters too little."""
        low, high = self.reduced_rates
        return (
            f"the data cover {low:.2g} ... {high:.2g} in units of threshold/modulus_time: the "
            "plateau lies below about 1e-3, the bend that separates the parameters at 0.1 ... 10; "
            f"{super().advice}"
        )


def fit_flow_curve(
    shear_rate: ArrayLike,
    stress: ArrayLike,
    stress_err: ArrayLike | None = None,
    model: Model = Model(0.3),  # noqa: B008 - frozen
    *,
    alpha: float | None = None,
    threshold: float | None = None,
    modulus_time: float | None = None,
) -> FlowCurveFit:
    """Fit the full finite-rate flow curve of a model to data in physical units::

        stress = threshold Sigma(shear_rate modulus_time/threshold; alpha)

    Parameters
    ----------
    shear_rate, stress : array_like, shape (n,)
        The measured curve, any consistent units (1/s and Pa give modulus_time in Pa s); all > 0.
    stress_err : array_like, shape (n,), optional
        Standard errors of the stress, absolute. None: unknown, the same fraction of the stress at
        every point, to be estimated from the scatter about the fit.
    model : Model
        Which model. Its alpha is where the fit of any but the classical model starts; all else in
        its slots is held.
    alpha, threshold, modulus_time : float, optional
        Hold this parameter at this value, > 0; None fits it.

    Returns
    -------
    FlowCurveFit
        With ``alpha``, ``threshold`` and ``modulus_time`` (G0 tau), each an ``Estimate``. A flow
        curve cannot tell G0 from tau; ``scales`` gives either when the other is known.

    Raises
    ------
    ValueError
        If a number is not finite and > 0 (the message names every such point), columns differ in
        length, or there are not more points than free parameters.
    ConvergenceError
        If the fit does not converge.

    Notes
    -----
    The model describes homogeneous steady flow without slip, shear bands or inertia. Look at
    ``warnings`` and at the residuals before you use the numbers.

    Examples
    --------
    >>> import numpy as np, hebraud as hl
    >>> rate = np.geomspace(1e-2, 1e2, 30)
    >>> stress = 50.0 * hl.flow_curve(hl.Model(0.3), rate * 4.0 / 50.0).stress
    >>> fit = hl.fit_flow_curve(rate, stress, 0.02 * stress)
    >>> round(fit.alpha.value, 6), round(fit.threshold.value, 4), round(fit.modulus_time.value, 4)
    (0.3, 50.0, 4.0)
    """
    check_model(model)
    guess = coupling_of(model)
    rate = check_positive("shear_rate", shear_rate)
    data = check_positive("stress", stress, rate.size)
    error = None if stress_err is None else check_positive("stress_err", stress_err, rate.size)
    held = held_values({"alpha": alpha, "threshold": threshold, "modulus_time": modulus_time})
    free = [name for name in FlowCurveLaw.names if name not in held]
    check_enough(np.unique(rate).size, free)
    alphas: tuple[float, ...] = (held["alpha"],) if "alpha" in held else (guess,)
    if model.classical and "alpha" not in held:
        alphas = (guess, *_ALPHAS)
    curve = reduced_curve(model)
    start = _start(model, curve.bounds, rate, data, alphas, held)
    return FlowCurveFit.of(rate, data, error, start, held, model, curve=curve)


def _start(
    model: Model,
    bounds: tuple[float, float],
    rate: Floats,
    data: Floats,
    alphas: tuple[float, ...],
    held: dict[str, float],
) -> dict[str, float]:
    """Return the best of many shifts of a coarse curve over the data, on logarithmic axes."""
    x, y = np.log(rate), np.log(data)
    nodes = np.log(10.0) * np.arange(-6.0, 3.1, 0.5)
    middle = 0.5 * (x.min() + x.max())
    shifts = np.linspace(-9.0, 7.0, 81)[:, None] - middle
    log_T, log_M = (
        None if name not in held else math.log(held[name]) for name in ("threshold", "modulus_time")
    )
    if log_T is not None and log_M is not None:
        shifts = np.array([[log_M - log_T]])
    found: list[tuple[float, dict[str, float]]] = []
    low, high = bounds
    for alpha in alphas:
        check_number("alpha", alpha, at_least=math.exp(low), at_most=math.exp(high))
        stress = np.log(computed(with_coupling(model, alpha), np.exp(nodes), 1e-3))
        gap = y - np.interp(x + shifts, nodes, stress)
        level = gap.mean(axis=1)
        if log_T is not None:
            level = np.full_like(level, log_T)
        elif log_M is not None:
            level = log_M - shifts[:, 0]
        cost = ((gap - level[:, None]) ** 2).sum(axis=1)
        best = int(np.argmin(cost))
        threshold = math.exp(level[best])
        start = {
            "alpha": alpha, "threshold": threshold,
            "modulus_time": threshold * math.exp(float(shifts[best, 0])),
        }  # fmt: skip
        found.append((float(cost[best]), start | held))
    return min(found, key=lambda pair: pair[0])[1]
