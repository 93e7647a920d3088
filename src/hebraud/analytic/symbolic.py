r"""The yield stress and the prefactor of the Hébraud-Lequeux model, derived by computer algebra.

:func:`derive` starts from the stationary equation in reduced units (stress in sigma_c, time in
tau, shear rate g in sigma_c / (G0 tau), so that sigma_c = tau = G0 = 1),

    -g P' + D P'' - theta(|s| - 1) P + Gamma delta(s) = 0,    D = alpha Gamma,

puts in the matched expansion for g -> 0 (equations 9 and 10 of Puosi, Olivier and Martens, 2015),

    P = Q0(s) + sqrt(g) Q1(s) + ...                         for |s| < 1,
    P = sqrt(g) R1(z) + ...,  z = (|s| - 1) / sqrt(g),      for |s| > 1, one R1 on each side,
    D = g (1/u + d_tilde sqrt(g) + ...),

collects the powers of sqrt(g), and solves each order. In a basis of exponentials every order is
linear in its unknowns, 1/alpha and d_tilde among them, over the rational functions of sqrt(u) and
E = exp(u); nothing is transcribed from the paper. The outcome is Sigma = sigma_Y + A sqrt(g).

u = sigma_c G0 tau / d, with tau D ~ d (shear rate), is the one parameter: u -> 0 is alpha -> 1/2,
and u -> oo is alpha -> 0.

**Units.** With S = sigma_c, a physical quantity follows from the reduced expression by

* alpha (of D = alpha S^2 Gamma): none;  yield stress: times S;
* prefactor: times sqrt(S G0 tau);  D: times S^2 / tau;
* d = 1/u: times S G0 tau;  d_tilde: times (S G0 tau)^(3/2) / S;
* densities: Q0(sigma/S) / S;  Q1(sigma/S) and R1 times sqrt(G0 tau) / S^(3/2), where
  z = (|sigma|/S - 1) sqrt(S / (G0 tau)) / sqrt(shear rate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import NamedTuple

import sympy as sp

__all__ = ["Expansion", "TwoSided", "derive", "s", "u", "z"]

u = sp.Symbol("u", positive=True)
"""sigma_c G0 tau / d, the parameter of the expansion."""
s = sp.Symbol("s", real=True)
"""Local stress, in units of sigma_c."""
z = sp.Symbol("z", nonnegative=True)
"""Stretched overstress (|s| - 1) / sqrt(g) of the layers outside the threshold."""

_eps = sp.Symbol("epsilon", positive=True)  # sqrt(g)
_E = sp.Symbol("E", positive=True)  # exp(u), kept plain while the linear systems are solved
_w = sp.Symbol("w", positive=True)  # sqrt(u), likewise

_BASIS = (sp.Integer(1), sp.exp(u * s), s * sp.exp(u * s))


class TwoSided(NamedTuple):
    """One expression above the threshold (``plus``, s > 1), one below it (``minus``, s < -1)."""

    plus: sp.Expr
    minus: sp.Expr


@dataclass(frozen=True)
class Expansion:
    """The expansion of the stationary state for g -> 0, in reduced units (see the module).

    ``alpha``, ``yield_stress``, ``prefactor`` and ``d_tilde`` are expressions in ``u``; ``Q0`` and
    ``Q1`` in ``u`` and ``s`` (piecewise, split at s = 0); ``R1`` is a pair of expressions in ``u``
    and ``z``. The prefactor is that of sqrt(g) in the stress.
    """

    alpha: sp.Expr
    yield_stress: sp.Expr
    prefactor: sp.Expr
    d_tilde: sp.Expr
    Q0: sp.Piecewise
    Q1: sp.Piecewise
    R1: TwoSided


def _plain(expression: sp.Expr) -> sp.Expr:
    """Write exp(k u) as E^k and u as w^2, so that what is left is rational."""
    powers = {sp.exp(k * u): _E**k for k in (-2, -1, 1, 2)}
    return sp.expand(expression).subs(powers).subs(u, _w**2)


def _exponential(expression: sp.Expr) -> sp.Expr:
    """Undo :func:`_plain`, with the coefficients factored."""
    return sp.factor(expression).subs({_E: sp.exp(u), _w: sp.sqrt(u)})


def _hyperbolic(expression: sp.Expr) -> sp.Expr:
    """Write a rational function of E and w in terms of tanh(u/2) and u."""
    tangent = sp.Symbol("T", positive=True)
    rational = sp.factor(sp.cancel(expression.subs(_E, (1 + tangent) / (1 - tangent))))
    return rational.subs({tangent: sp.tanh(u / 2), _w: sp.sqrt(u)})


def _branch(coefficients: Sequence[sp.Expr]) -> sp.Expr:
    """Return the density on one side of s = 0, from its three coefficients in the basis."""
    return sp.Add(*map(sp.Mul, coefficients, _BASIS))


def _moment(coefficients: Sequence[sp.Expr], power: int) -> sp.Expr:
    """Return the integral of s^power over [-1, 1] of a density of three coefficients a side."""
    integrals = [
        sp.integrate(s**power * function, (s, *limits))
        for limits in ((-1, 0), (0, 1))
        for function in _BASIS
    ]
    return sp.Add(*map(sp.Mul, coefficients, integrals))


def _stationary(density: sp.Expr, diffusion: sp.Expr, loss: int) -> sp.Expr:
    """Return the residual of the stationary equation away from s = 0, at rate epsilon^2."""
    return -(_eps**2) * density.diff(s) + diffusion * density.diff(s, 2) - loss * density


def _in_basis(expression: sp.Expr) -> list[sp.Expr]:
    """Return the coefficients of the linearly independent s^i exp(j u s) in an expression."""
    wave = sp.Symbol("wave")
    plain = sp.expand(expression).subs(sp.exp(u * s), wave)
    coefficients: list[sp.Expr] = sp.Poly(plain, s, wave).coeffs()
    return coefficients


def _two_branches(coefficients: Sequence[sp.Expr]) -> sp.Piecewise:
    """Return the density on [-1, 1], in u and s, from its solved coefficients."""
    lower, upper = (_exponential(_branch(coefficients[side])) for side in (slice(3), slice(3, 6)))
    return sp.Piecewise((lower, s < 0), (upper, True))


def _solve_linear(
    equations: Sequence[sp.Expr], unknowns: Sequence[sp.Symbol]
) -> dict[sp.Symbol, sp.Expr]:
    """Solve equations (each = 0) that are linear in the unknowns, and rational in E and w."""
    (solution,) = sp.linsolve([_plain(equation) for equation in equations], *unknowns)
    return dict(zip(unknowns, solution, strict=True))


def _decay(diffusion: sp.Expr) -> sp.Expr:
    """Return the decay rate in z of R1, from the leading order outside the threshold."""
    rate = sp.Symbol("rate", positive=True)
    tail = sp.exp(-rate * (s - 1) / _eps)
    leading = sp.expand(sp.simplify(_stationary(tail, diffusion, loss=1) / tail)).coeff(_eps, 0)
    (positive,) = sp.solve(leading, rate)
    return positive


@cache
def derive() -> Expansion:
    """Derive the expansion of the stationary state at small shear rate (about two seconds, once).

    Unknowns of order 0: Q0 in the basis 1, exp(u s), s exp(u s) on each side of s = 0, the
    amplitudes of R1, and 1/alpha; of order 1: Q1 in the same basis, and d_tilde. The conditions
    are the equation itself, its jump at s = 0, the continuity of P and P' at the threshold, the
    continuity of P at 0, and the normalisation (the mass outside is of order g, and enters
    neither). Sources: equations (9) to (22) of the paper, each found anew; its printed (23) and
    (24) differ from what is derived here, see docs/errata.md.
    """
    inside = [*sp.symbols("a0:6")], [*sp.symbols("b0:6")]  # of Q0, Q1: three left, three right
    inverse_alpha, d_tilde = sp.symbols("inverse_alpha d_tilde")
    outside = sp.symbols("r_plus r_minus")

    left, right = (
        _branch(inside[0][side]) + _eps * _branch(inside[1][side])
        for side in (slice(0, 3), slice(3, 6))
    )
    diffusion = _eps**2 * (1 / u + d_tilde * _eps)
    activity = inverse_alpha * diffusion
    decay = _decay(diffusion)
    plus, minus = (
        _eps * r * sp.exp(-decay * (sign * s - 1) / _eps)
        for r, sign in zip(outside, (1, -1), strict=True)
    )

    bulk = [_stationary(density, diffusion, loss=0) for density in (left, right)]
    source = (diffusion * (right - left).diff(s)).subs(s, 0) + activity
    values = [
        (right - left).subs(s, 0),
        (right - plus).subs(s, 1),
        (left - minus).subs(s, -1),
        _moment(inside[0], 0) + _eps * _moment(inside[1], 0) - 1,
    ]
    slopes = [(right - plus).diff(s).subs(s, 1), (left - minus).diff(s).subs(s, -1)]

    def at_order(power: int, conditions: Sequence[sp.Expr]) -> list[sp.Expr]:
        return [sp.expand(condition).coeff(_eps, power) for condition in conditions]

    def conditions(order: int) -> list[sp.Expr]:
        in_bulk = (_in_basis(equation) for equation in at_order(order + 2, bulk))
        return [*at_order(order, values), *at_order(order + 2, [source]), *chain(*in_bulk)]

    order_0 = _solve_linear(
        conditions(0) + at_order(0, slopes), [*inside[0], inverse_alpha, *outside]
    )
    order_1 = _solve_linear(
        [_plain(condition).subs(order_0) for condition in conditions(1)], [*inside[1], d_tilde]
    )
    q0 = [order_0[symbol] for symbol in inside[0]]
    q1 = [order_1[symbol] for symbol in inside[1]]
    r_plus, r_minus = (_exponential(order_0[r]) * sp.exp(-decay * z) for r in outside)
    return Expansion(
        alpha=_hyperbolic(1 / order_0[inverse_alpha]),
        yield_stress=_hyperbolic(_plain(_moment(q0, 1))),
        prefactor=_hyperbolic(_plain(_moment(q1, 1))),
        d_tilde=_hyperbolic(order_1[d_tilde]),
        Q0=_two_branches(q0),
        Q1=_two_branches(q1),
        R1=TwoSided(r_plus, r_minus),
    )
