"""A law with positive parameters, data, and least squares between them (lmfit)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud._typing import Bools, Floats
from hebraud.checks import as_floats
from hebraud.errors import ConvergenceError, check_number

if TYPE_CHECKING:
    from lmfit import Minimizer, Parameters
    from lmfit.minimizer import MinimizerResult

__all__ = [
    "Law",
    "Problem",
    "check_column",
    "check_enough",
    "check_positive",
    "held_values",
    "minimise",
    "solve",
]


class Law(Protocol):
    """A curve through the data's abscissae, for the logarithms of its parameters."""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, all > 0."""
        ...

    @property
    def quick(self) -> bool:
        """True where a curve takes milliseconds, so that profiles take no hours."""
        ...

    def values(self, log: Floats) -> Floats:
        """Return the curve, (n,)."""
        ...

    def slopes(self, log: Floats) -> tuple[Floats, Floats]:
        """Return the curve and its derivatives with respect to the logarithms, (n,), (n, p)."""
        ...

    def at(self, abscissa: Floats) -> Self:
        """Return the same law at other abscissae."""
        ...


@dataclass(frozen=True)
class Problem:
    """Least squares of ``law`` to ``data``.

    With ``error`` the residuals are (data - law)/error. Without, the error is unknown and taken
    from the scatter: ``relative`` says whether it is the same fraction of every point, residuals
    ln(data/law), or the same everywhere, residuals data - law.
    """

    law: Law
    data: Floats
    error: Floats | None
    relative: bool
    start: Mapping[str, float]
    held: frozenset[str]
    bounds: Mapping[str, tuple[float, float]]

    @property
    def free(self) -> NDArray[np.intp]:
        """Indices of the parameters that are not held."""
        return np.flatnonzero([name not in self.held for name in self.law.names])

    @property
    def scaled(self) -> bool:
        """True where the size of the error comes from the scatter."""
        return self.error is None

    def parameters(self) -> Parameters:
        """Return lmfit's Parameters: log_NAME for every parameter."""
        import lmfit

        parameters = lmfit.Parameters()
        for name in self.law.names:
            value = math.log(self.start[name])
            low, high = self.bounds.get(name, (value - 14.0, value + 14.0))
            parameters.add(
                f"log_{name}",
                value=value if name in self.held else min(max(value, low + 1e-6), high - 1e-6),
                vary=name not in self.held,
                min=-math.inf if name in self.held else low,
                max=math.inf if name in self.held else high,
            )
        return parameters

    def log(self, parameters: Parameters) -> Floats:
        """Return the logarithms in an lmfit Parameters, in the order of the law."""
        return np.array([float(parameters[f"log_{name}"].value) for name in self.law.names])

    def residual(self, parameters: Parameters) -> Floats:
        """Return the residuals, for lmfit."""
        values = self.law.values(self.log(parameters))
        if self.error is not None:
            return np.asarray((self.data - values) / self.error)
        return np.asarray(np.log(self.data / values) if self.relative else self.data - values)

    def jacobian(self, parameters: Parameters) -> Floats:
        """Return the derivatives of the residuals with respect to what varies, for lmfit."""
        values, slopes = self.law.slopes(self.log(parameters))
        varied = [bool(parameters[f"log_{name}"].vary) for name in self.law.names]
        size = self.error if self.error is not None else values if self.relative else 1.0
        return np.asarray(-(slopes.T / size).T[:, varied])

    def minimizer(self) -> Minimizer:
        """Return lmfit's Minimizer of this problem."""
        import lmfit

        return lmfit.Minimizer(
            self.residual, self.parameters(), scale_covar=self.scaled, Dfun=self.jacobian,
            xtol=1e-7, ftol=1e-9, gtol=1e-13,
        )  # fmt: skip


def minimise(minimizer: Minimizer, parameters: Parameters | None = None) -> MinimizerResult:
    """Return lmfit's minimum: by Levenberg-Marquardt, or by trust region where that fails."""
    result = minimizer.leastsq(params=parameters, max_nfev=200)
    if not result.success:
        result = minimizer.least_squares(params=parameters, max_nfev=400, x_scale="jac")
    if not result.success:
        raise ConvergenceError(
            f"the fit did not converge: {result.message}; start from other values, or hold a "
            "parameter"
        )
    return result


def solve(problem: Problem) -> MinimizerResult:
    """Return lmfit's result of a problem, with the parameters beside their logarithms."""
    result = minimise(problem.minimizer())
    for name in problem.law.names:
        log = result.params[f"log_{name}"]
        result.params.add(name, expr=f"exp(log_{name})")
        if log.stderr is not None:
            result.params[name].stderr = float(result.params[name].value) * float(log.stderr)
    return result


def check_column(name: str, values: ArrayLike, length: int | None = None) -> Floats:
    """Return a row of finite numbers, or raise ``ValueError`` with every one that is not."""
    column = as_floats(name, values)
    if column.ndim != 1 or column.size == 0 or (length is not None and column.size != length):
        wanted = "at least one number" if length is None else f"{length} numbers, as the others"
        raise ValueError(f"{name} must be one row of {wanted}, got shape {column.shape}")
    _name_bad(name, column, np.isfinite(column), "finite")
    return column


def check_positive(name: str, values: ArrayLike, length: int | None = None) -> Floats:
    """Return a row of finite numbers > 0, or raise ``ValueError`` with every one that is not."""
    column = check_column(name, values, length)
    _name_bad(name, column, column > 0.0, "> 0")
    return column


def _name_bad(name: str, column: Floats, good: Bools, what: str) -> None:
    bad = np.flatnonzero(~good)
    if bad.size:
        shown = ", ".join(f"{name}[{i}] = {column[i]:g}" for i in bad[:8])
        more = f" and {bad.size - 8} more" if bad.size > 8 else ""
        raise ValueError(
            f"{name} must be {what}, got {shown}{more}; correct these points or leave them out"
        )


def held_values(given: Mapping[str, float | None]) -> dict[str, float]:
    """Return the held parameters with their checked values."""
    return {
        name: check_number(name, value, above=0.0)
        for name, value in given.items()
        if value is not None
    }


def check_enough(points: int, free: Sequence[str]) -> None:
    """Raise ``ValueError`` unless there are more points than free parameters."""
    if not free:
        raise ValueError("at least one parameter must be free, all are held")
    if points <= len(free):
        raise ValueError(
            f"a fit of {len(free)} free parameters ({', '.join(free)}) needs at least "
            f"{len(free) + 1} points, got {points}; give more points or hold a parameter"
        )
