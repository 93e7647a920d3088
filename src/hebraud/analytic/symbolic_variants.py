r"""Small-rate laws of the model's variants, derived by computer algebra.

Reduced units (c = tau = G0 = 1). At shear rate g -> 0, D = g/u + ..., layers over the threshold are
sqrt(D) thin. Where P decays outside as R(x) it meets the inside with -P/P' = ell = -R(0)/R'(0), so
that inside, to first order in ell, P vanishes at b = 1 + ell; what leaves yields at the mean
overstress int x nu R / int nu R, which the equation of the layer, nu R = D R'', makes ell too. So
all that is needed is one problem: absorbing walls at +-b, landing at x after a yield on the right
and at -x after one on the left, drift v = g/D.

1. The chance q(s) to yield on the right from s obeys q'' + v q' = 0, q(-b) = 0, q(b) = 1. The share
   p of yields on the right is stationary, p = p q(x) + (1 - p) q(-x); its excess is p - (1 - p).
2. With <s_yield> = b (excess) and <s_landing> = x (excess), the two moment identities

       g T = <s_yield - s_landing>,    2 g S + 2 D T = <s_yield^2 - s_landing^2>

   give the mean time T and the mean S of int s dt of one cycle, hence D/Gamma = D T and S/T.
3. Sigma = sigma_Y + A sqrt(g): A is the derivative of S/T by ell at fixed coupling, times ell.

``x = 1 - f`` for ``ResidualStress(1 - f)`` whatever the overstress, and (1 - f) b for
``FractionalDrop(f)``: the same sigma_Y(u) and alpha(u), and two A(u).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from hebraud.analytic.symbolic import u

__all__ = ["Variants", "b", "derive", "f", "u", "x"]

f = sp.Symbol("f", positive=True)
"""Released fraction of the threshold: blocks land at 1 - f."""
b = sp.Symbol("b", positive=True)
"""Where P vanishes and blocks yield: the threshold plus ell."""
x = sp.Symbol("x", real=True)
"""Where blocks land after a yield on the right."""

_s, _ell = sp.symbols("s ell", real=True)


@dataclass(frozen=True)
class Variants:
    """Expressions in u and f; ``time`` and ``stress`` in u (which is v = g/D there), b and x.

    time : D T, mean of D dt over one cycle.
    stress : S/T, mean stress over one cycle.
    alpha, yield_stress : of both landing rules; alpha of D = alpha Gamma.
    prefactor_residual, prefactor_fractional : A, for D = alpha Gamma.
    drop_alpha : alpha of D = alpha (released square), of both.
    drop_prefactor_residual, drop_prefactor_fractional : A for that coupling.
    """

    time: sp.Expr
    stress: sp.Expr
    alpha: sp.Expr
    yield_stress: sp.Expr
    prefactor_residual: sp.Expr
    prefactor_fractional: sp.Expr
    drop_alpha: sp.Expr
    drop_prefactor_residual: sp.Expr
    drop_prefactor_fractional: sp.Expr


def _excess() -> sp.Expr:
    """Return the fraction of yields on the right less that on the left."""
    q, p = sp.Function("q"), sp.Symbol("p")
    equation = q(_s).diff(_s, 2) + u * q(_s).diff(_s)
    chance = sp.dsolve(equation, q(_s), ics={q(-b): 0, q(b): 1}).rhs
    (share,) = sp.solve(p - p * chance.subs(_s, x) - (1 - p) * chance.subs(_s, -x), p)
    return sp.factor(sp.simplify(2 * share - 1))


def _layer() -> sp.Expr:
    """Return ell/sqrt(g) = -R(0)/R'(0) of the decaying solution of R''/u = R."""
    rate = sp.Symbol("rate", positive=True)
    (decay,) = sp.solve(rate**2 / u - 1, rate)
    return 1 / decay


def _prefactor(coupling: sp.Expr, stress: sp.Expr, landing: sp.Expr) -> sp.Expr:
    """Return the derivative of the stress by ell at fixed coupling, times ell/sqrt(g)."""
    at = {b: 1 + _ell, x: landing}
    coupling, stress = (e.subs(at, simultaneous=True) for e in (coupling, stress))
    rise = stress.diff(_ell) - stress.diff(u) * coupling.diff(_ell) / coupling.diff(u)
    return _readable(_layer() * rise.subs(_ell, 0))


def _readable(expression: sp.Expr) -> sp.Expr:
    """Factor an expression that is rational in u, f and tanh(u (2 - f)/2)."""
    tangent = sp.Symbol("T", positive=True)
    plain = expression.replace(lambda e: isinstance(e, sp.tanh), lambda e: tangent)
    return sp.factor(plain).subs(tangent, sp.tanh(u * (2 - f) / 2))


@cache
def derive() -> Variants:
    """Derive alpha, sigma_Y and A for partial relaxation (a few seconds, once)."""
    excess = _excess()
    time = (b - x) * excess / u
    stress = ((b**2 - x**2) / time / 2 - 1) / u
    fixed, proportional = 1 - f, (1 - f) * (1 + _ell)
    drop = time / (b - x) ** 2
    at = {b: 1, x: 1 - f}
    return Variants(
        time=time,
        stress=stress,
        alpha=_readable(time.subs(at)),
        yield_stress=_readable(stress.subs(at)),
        prefactor_residual=_prefactor(time, stress, fixed),
        prefactor_fractional=_prefactor(time, stress, proportional),
        drop_alpha=_readable(drop.subs(at)),
        drop_prefactor_residual=_prefactor(drop, stress, fixed),
        drop_prefactor_fractional=_prefactor(drop, stress, proportional),
    )
