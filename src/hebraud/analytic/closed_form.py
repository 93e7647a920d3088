r"""Coupling, yield stress and prefactor of the Hébraud-Lequeux model, in closed form.

At small shear rate g the classical model flows as Sigma = sigma_Y + A sqrt(g) if its coupling
alpha, of D = alpha sigma_c^2 Gamma, is below 1/2. All three are functions of one parameter,
u = sigma_c G0 tau / d > 0, where tau D ~ d (shear rate); u -> 0 is alpha -> 1/2. In reduced units
(stress in sigma_c, shear rate in sigma_c / (G0 tau)), with x = u/2 and the Langevin function
L = coth x - 1/x:

    alpha   = tanh(x) / u = 1 / (2 + 2 x L)
    sigma_Y = L / 2
    A       = (2 L' + L^2 + 3 x L L') / (2 sqrt(u) (L + x L')).

D multiplies the second derivative of P, so that the stress of a block spreads as <ds^2> = 2 D t; a
coupling measured from <ds^2> / t is twice this alpha.

Every sum above is of positive terms, and so is what computes L and L': hence full double precision
at every u, where the textbook forms cancel. Arguments are numbers or arrays of any shape, of real
numbers; the answer has the same shape, a numpy float for a number. A ``ValueError`` names the
argument and the first value that is not allowed; NaN and infinities are not.

Source: appendix of Puosi, Olivier and Martens (2015). The forms are derived, not copied, by
:mod:`hebraud.analytic.symbolic`; two printed equations are wrong, see docs/errata.md.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from hebraud._typing import Floats
from hebraud.checks import check_array
from hebraud.errors import ConvergenceError, shown

__all__ = [
    "alpha",
    "alpha_of_yield_stress",
    "langevin_function",
    "langevin_slope",
    "prefactor",
    "prefactor_of_alpha",
    "u_of_alpha",
    "yield_stress",
    "yield_stress_of_alpha",
]

P = ParamSpec("P")
R = TypeVar("R")
Numbers = np.float64 | Floats
"""A number for a number, an array for an array."""

_SWITCH = 2.0
"""Below this x a continued fraction gives L, above it exponentials do; neither cancels there."""
_LEVELS = 13
"""Levels of the continued fraction: at x = 2 the remainder is below 1e-20."""
_ITERATIONS = 30
"""The most Newton steps; five suffice from the starting points below."""
_LAST_STEP = 1e-9
"""Relative step after which Newton stops: the next would be its square, below round-off."""


def _checked_u(u: npt.ArrayLike, above: float = 0.0) -> Floats:
    hint = "u = sigma_c G0 tau / d is positive, and goes to 0 as alpha goes to 1/2"
    return check_array("u", u, above=above, hint=hint)


def _checked_alpha(alpha: npt.ArrayLike) -> Floats:
    hint = "at alpha >= 1/2 the model has no yield stress (and below 1e-300, u overflows)"
    return check_array("alpha", alpha, above=1e-300, below=0.5, hint=hint)


def _by_size(
    x: Floats, small: Callable[[Floats], Floats], large: Callable[[Floats], Floats]
) -> Floats:
    """Return ``small(x)`` up to the switch and ``large(x)`` beyond, each called where it holds."""
    result = np.empty_like(x)
    is_small = x <= _SWITCH
    result[is_small] = small(x[is_small])
    result[~is_small] = large(x[~is_small])
    return result


def _fraction(x: Floats) -> Floats:
    """Return r in L = x / (3 + x^2 / (5 + r)), r = x^2 / (7 + x^2 / (9 + ...))."""
    square = x * x
    r = np.zeros_like(x)
    for k in range(_LEVELS, 2, -1):
        r = square / (2 * k + 1 + r)
    return r


def _coth_excess(x: Floats) -> Floats:
    """Return coth x - 1 = 2 / (exp(2 x) - 1) for x of about 2 and more; 0 where it underflows."""
    with np.errstate(under="ignore"):
        return -2 * np.exp(-2 * x) / np.expm1(-2 * x)


def langevin_function(x: Floats) -> Floats:
    """Return L(x) = coth x - 1/x."""

    def small(x: Floats) -> Floats:
        return x / (3 + x * x / (5 + _fraction(x)))

    def large(x: Floats) -> Floats:
        return (x - 1) / x + _coth_excess(x)

    return _by_size(x, small, large)


def _langevin_complement(x: Floats) -> Floats:
    """Return 1 - L(x) for x of about 2 and more."""
    return 1 / x - _coth_excess(x)


def langevin_slope(x: Floats) -> Floats:
    """Return x L'(x), where L' = 1/x^2 - 1/sinh(x)^2."""

    def small(x: Floats) -> Floats:
        r = _fraction(x)
        y = x * x / (5 + r)
        return x * (3 + y * (y - 1 - r)) / (3 + y) ** 2

    def large(x: Floats) -> Floats:
        excess = _coth_excess(x)
        return 1 / x - x * excess * (2 + excess)

    return _by_size(x, small, large)


def _newton(step: Callable[[Floats], Floats], x: Floats, name: str) -> Floats:
    """Iterate x - step(x) to the last digits; no step takes away more than half of x."""
    change = np.zeros_like(x)
    for _ in range(_ITERATIONS):
        change = np.minimum(step(x), x / 2)
        x = x - change
        if np.all(np.abs(change) <= _LAST_STEP * x):
            return x
    worst = np.max(np.abs(change) / x)
    raise ConvergenceError(
        f"the inversion for {name} did not converge in {_ITERATIONS} iterations: "
        f"the last relative change was {worst:.1e}, above {_LAST_STEP:.0e}"
    )


def _x_of_alpha(alpha: Floats) -> Floats:
    """Solve x L(x) = m = (1/2 - alpha) / alpha; 1/2 - alpha is exact where it matters.

    x L is convex, and x L >= x^2 / (1 + sqrt(4 + x^2)), which can be inverted: Newton's steps fall
    from there to the root without ever passing it.
    """
    m = (0.5 - alpha) / alpha
    start = np.sqrt(m) * np.sqrt(1 + 0.5 * (m + np.hypot(m + 2, math.sqrt(12))))

    def step(x: Floats) -> Floats:
        langevin = langevin_function(x)
        return (x * langevin - m) / (langevin + langevin_slope(x))

    return _newton(step, start, "alpha")


def _x_of_yield_stress(yield_stress: Floats) -> Floats:
    """Solve L(x) = y = 2 sigma_Y; for y > 1/2, solve for 1 / (1 - L), nearly linear in x.

    The start inverts L >= x / (1 + sqrt(4 + x^2)).
    """
    y = 2 * yield_stress
    rest = 1 - y  # exact for y >= 1/2
    start = y * (1 + np.sqrt(4 - 3 * y * y)) / (rest * (1 + y))

    def step_low(x: Floats) -> Floats:
        return (langevin_function(x) - y[low]) * x / langevin_slope(x)

    def step_high(x: Floats) -> Floats:
        complement = _langevin_complement(x)
        return complement * (rest[~low] - complement) * x / (rest[~low] * langevin_slope(x))

    low = y <= 0.5
    x = np.empty_like(y)
    x[low] = _newton(step_low, start[low], "yield_stress")
    x[~low] = _newton(step_high, start[~low], "yield_stress")
    return x


def _alpha(x: Floats) -> Floats:
    return 1 / (2 + 2 * x * langevin_function(x))


def _prefactor(x: Floats) -> Floats:
    langevin, slope = langevin_function(x), langevin_slope(x)  # slope = x L'
    terms = 2 * slope / x + langevin * (langevin + 3 * slope)
    return terms / (2 * np.sqrt(2 * x) * (langevin + slope))


def _by_name(function: Callable[P, R]) -> Callable[P, R]:
    """Raise ``TypeError`` for an argument without its name, since u and alpha look alike."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if args:
            name, given = function.__name__, shown(args[0])
            ways = [
                f"{name}({option}={given})" for option in inspect.signature(function).parameters
            ]
            raise TypeError(f"{name} takes its argument by name: {' or '.join(ways)}")
        return function(*args, **kwargs)

    return called


def _x(alpha: npt.ArrayLike | None, u: npt.ArrayLike | None, above: float = 0.0) -> Floats:
    """Return x = u/2 from the one of the two that is given."""
    if alpha is not None and u is None:
        return _x_of_alpha(_checked_alpha(alpha))
    if u is not None and alpha is None:
        return _checked_u(u, above) / 2
    raise ValueError(
        f"exactly one of alpha and u must be given, got alpha={shown(alpha)} and u={shown(u)}"
    )


@_by_name
def alpha(*, u: npt.ArrayLike) -> Numbers:
    """Return the coupling alpha at a given u: tanh(u/2) / u.

    Dimensionless, of D = alpha sigma_c^2 Gamma; falls from 1/2 at u -> 0 to 1/u at large u.
    Accurate to 1e-15 (relative) for every u > 0; ``ValueError`` for other u. Equation (14) of the
    paper, whose alpha is this one times sigma_c^2.
    """
    return _alpha(_checked_u(u) / 2)[()]


@_by_name
def yield_stress(*, alpha: npt.ArrayLike | None = None, u: npt.ArrayLike | None = None) -> Numbers:
    """Return the macroscopic yield stress at alpha or u, in sigma_c: coth(u/2) / 2 - 1/u.

    Rises from u/12 at small u to 1/2 - 1/u at large u; falls from 1/2 at alpha -> 0 to 0 at
    alpha -> 1/2. Accurate to 1e-15 (relative) for every u > 0 and 1e-300 < alpha < 1/2;
    ``ValueError`` for others, and where not exactly one of the two is given. Equation (15) of the
    paper, derived; the printed (23) differs, see docs/errata.md.
    """
    return (langevin_function(_x(alpha, u)) / 2)[()]


@_by_name
def prefactor(*, alpha: npt.ArrayLike | None = None, u: npt.ArrayLike | None = None) -> Numbers:
    """Return A of Sigma = sigma_Y + A sqrt(shear rate), in units of sqrt(G0 sigma_c tau).

    A = (u cosh u + 2 sinh u + 3 u - 3 u^2 coth(u/2)) / (2 u^(3/2) (sinh u - u)), evaluated as in
    the module's docstring. Falls from u^(-3/2) at small u to 1 / (2 sqrt(u)) at large u. Accurate
    to 2e-15 (relative) for every u > 1e-200 (below, A overflows) and 1e-300 < alpha < 1/2;
    ``ValueError`` for others, and where not exactly one of the two is given. Derived; the printed
    (24) differs, see docs/errata.md.
    """
    return _prefactor(_x(alpha, u, above=1e-200))[()]


def u_of_alpha(alpha: npt.ArrayLike) -> Numbers:
    """Return u = sigma_c G0 tau / d at a given coupling: the inverse of :func:`alpha`.

    Dimensionless; sqrt(24 (1/2 - alpha)) near alpha = 1/2, and 1/alpha at small alpha. Accurate to
    1e-15 (relative) for 1e-300 < alpha < 1/2, right up to 1/2; ``ValueError`` for other alpha.
    """
    return (2 * _x_of_alpha(_checked_alpha(alpha)))[()]


def yield_stress_of_alpha(alpha: npt.ArrayLike) -> Numbers:
    """Return ``yield_stress(alpha=alpha)``: domain, errors and accuracy as :func:`u_of_alpha`."""
    return yield_stress(alpha=_checked_alpha(alpha))


def prefactor_of_alpha(alpha: npt.ArrayLike) -> Numbers:
    """Return ``prefactor(alpha=alpha)``; it diverges at alpha -> 1/2. Accurate to 2e-15."""
    return prefactor(alpha=_checked_alpha(alpha))


def alpha_of_yield_stress(yield_stress: npt.ArrayLike) -> Numbers:
    """Return the coupling alpha of a macroscopic yield stress, itself in units of sigma_c.

    Dimensionless, of D = alpha sigma_c^2 Gamma; falls from 1/2 at sigma_Y -> 0 to 0 at
    sigma_Y -> 1/2. Accurate to 1e-15 (relative, for the yield stress as it is stored) for
    1e-300 < sigma_Y < 1/2; ``ValueError`` for others.
    """
    hint = "the yield stress, in units of sigma_c, lies between 0 and 1/2 whatever the coupling"
    y = check_array("yield_stress", yield_stress, above=1e-300, below=0.5, hint=hint)
    return _alpha(_x_of_yield_stress(y))[()]
