r"""One cycle of a block, from where it lands to where it yields, in closed form.

Between two events the stress of a block drifts with g and diffuses with D; over its threshold c
it yields at rate 1. Let G(s) be the mean occupation of one cycle that starts at the stress x,

    -g G' + D G'' - theta(|s| - c) G + delta(s - x) = 0.

With l_{R,L} = (-+g + sqrt(g^2 + 4D))/(2D) it is proportional to exp(-l_R(s - c)) right of c and to
exp(l_L(s + c)) left of -c. The flux through c is q+, the chance to yield on the right, that through
-c is -q-, and q+ + q- = 1; so G(c) = q+ l_R, G(-c) = q- l_L, and inside, where the flux
g G - D G' is q+ right of x and -q- left of it, G follows by one integration on either side. With
k = g/D >= 0, A = c - x, B = c + x, rho = D l_R and lam = D l_L = rho + g,

    D G(s) = q+ [y phi(k y) + rho exp(-k y)],                          y = c - s,  s > x
    D G(s) = q- exp(k B) exp(-k (x - s)) [y phi(k y) + lam],           y = c + s,  s < x.

Continuity at x gives the odds q+ : q- = B phi(kB) + lam : exp(-kB) (A phi(kA) + rho exp(-kA)),
and integrals of G are the functions phi, psi, psi_hat, chi, chi_hat of kA and kB, all positive.
A block that lands at |x| > c yields at once, or diffuses back to the threshold first, with chance
h = exp(-l_L (x - c)) on the right.

Everything here takes either plain arrays (k >= 0 of any size) or :class:`Parity` pairs (k c small).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from hebraud._typing import Floats
from hebraud.analytic.parity import Parity

__all__ = ["Cycle", "cycle", "occupation", "split_cycle"]

T = TypeVar("T", Floats, Parity)


class Cycle(NamedTuple, Generic[T]):
    """Means over one cycle; every field is an array, or a pair of even and odd part.

    right, left : chance to yield on that side.
    time : mean duration, in tau (1 of it over the threshold).
    stress_time : mean of int s dt.
    right_stress, right_square, left_stress, left_square : means of s and s^2 at the yield, each
        times the indicator of its side.
    """

    right: T
    left: T
    time: T
    stress_time: T
    right_stress: T
    right_square: T
    left_stress: T
    left_square: T


_TERMS = 22
"""Terms of a series in y < 1: the next is 1/22!, 1e-21 of the first."""


def _series(first: int, y: Floats, step: int = 1, sign: float = -1.0) -> Floats:
    """Return the sum over n = 0, step, 2 step, ... of (sign y)^n / (n + first)!, for 0 <= y < 1."""
    factorials = np.cumprod(np.arange(1, _TERMS + first + 2, dtype=np.float64))
    total = np.zeros_like(y)
    for n in reversed(range(0, _TERMS, step)):
        total = total * (sign * y) ** step + 1.0 / factorials[n + first - 1]
    return total


class _Moments(NamedTuple, Generic[T]):
    """e = exp(-y), phi, psi, psi_hat, chi, chi_hat: the moments of exp(-y x) on (0, 1)."""

    e: T
    phi: T
    psi: T
    psi_hat: T
    chi: T
    chi_hat: T


def _direct(y: Floats) -> _Moments[Floats]:
    """Return the moments for y >= 0 of any size."""
    y = np.asarray(y, dtype=np.float64)
    small = y < 0.5
    low, high = np.where(small, y, 0.0), np.where(small, 1.0, y)
    e = np.exp(-y)
    chi_low, high_e = _series(3, low), np.exp(-high)
    psi_low = 0.5 - low * chi_low
    phi_low = 1.0 - low * psi_low
    phi_high = -np.expm1(-high) / high
    psi_high = (1.0 - phi_high) / high
    hat_high = (phi_high - high_e) / high
    return _Moments(
        e,
        np.where(small, phi_low, phi_high),
        np.where(small, psi_low, psi_high),
        np.where(small, phi_low - psi_low, hat_high),
        np.where(small, chi_low, (0.5 - psi_high) / high),
        # exp(-y) chi(-y)
        np.where(small, e * _series(3, low, sign=1.0), (hat_high - 0.5 * high_e) / high),
    )


def _split(y: Floats) -> _Moments[Parity]:
    """Return the moments as pairs of even and odd part in y, for 0 <= y <= 1."""
    y = np.asarray(y, dtype=np.float64)
    three, four = _series(3, y, 2, 1.0), _series(4, y, 2, 1.0)
    two = 0.5 + y * y * four
    one = 1.0 + y * y * three
    chi = Parity(three, -y * four)
    psi = Parity(two, -y * three)
    phi = Parity(one, -y * two)
    e = Parity(1.0 + y * y * two, -y * one)
    return _Moments(e, phi, psi, phi - psi, chi, e * chi.mirrored)


def cycle(c: Floats, x: Floats, D: Floats | float, g: Floats | float) -> Cycle[Floats]:
    """Return the means over one cycle.

    Parameters
    ----------
    c, x : array_like
        Threshold > 0 and landing stress; they broadcast against each other and D, g.
    D, g : array_like
        Diffusion coefficient > 0 and shear rate >= 0.
    """
    lam = np.asarray(0.5 * (g + np.hypot(g, 2.0 * np.sqrt(D))))
    return _means(c, x, D, np.asarray(g) / D, np.asarray(g), lam, D / lam, _direct, _decay)


def split_cycle(c: Floats, x: Floats, D: Floats | float, g: Floats | float) -> Cycle[Parity]:
    """Return the means over one cycle as pairs of even and odd parts in g; for 2 c g/D <= 1."""
    lam = Parity(0.5 * np.hypot(g, 2.0 * np.sqrt(D)), 0.5 * np.asarray(g))
    k = np.asarray(g) / D
    return _means(c, x, D, k, Parity(0.0, g), lam, lam.mirrored, _split, _split_decay)


def _means(
    c: Floats,
    x: Floats,
    D: Floats | float,
    k: Floats,
    drift: T,
    lam: T,
    rho: T,
    moments: Callable[[Floats], _Moments[T]],
    decay: Callable[[T], tuple[T, T]],
) -> Cycle[T]:
    c, x = np.broadcast_arrays(np.asarray(c, dtype=np.float64), np.asarray(x, dtype=np.float64))
    over, under = np.maximum(x - c, 0.0), np.maximum(-x - c, 0.0)
    start = np.minimum(np.maximum(x, -c), c)
    A, B = c - start, c + start
    a, b = moments(k * A), moments(k * B)
    to_right, to_left = B * b.phi + lam, A * a.phi + rho * a.e
    total = to_right + b.e * to_left
    right, left_scaled = to_right / total, to_left / total  # left_scaled = exp(kB) q-
    left = b.e * left_scaled
    time_right = A * (A * a.psi + rho * a.phi)
    time_left = B * (B * b.psi_hat + lam * b.phi)
    moment_right = start * time_right + A * A * (A * a.chi + rho * a.psi)
    moment_left = start * time_left - B * B * (B * b.chi_hat + lam * b.psi_hat)
    time = (right * time_right + left_scaled * time_left) / D
    stress_time = (right * moment_right + left_scaled * moment_left) / D
    stress_time = stress_time + right * (c + lam) - left * (c + rho)
    right_stress, left_stress = right * (c + lam), -(left * (c + rho))
    right_square = right * (c * c + 2.0 * c * lam + 2.0 * lam * lam)
    left_square = left * (c * c + 2.0 * c * rho + 2.0 * rho * rho)
    if np.any(over + under > 0.0):
        back, kept = decay((lam * over + rho * under) / D)
        is_right, is_left = (over > 0.0).astype(np.float64), (under > 0.0).astype(np.float64)
        tail = 2.0 * drift * drift + 2.0 * D + c * c
        at_right = over + (c + drift) * kept
        at_left = under + (c - drift) * kept
        square_right = over * (x + c) + 2.0 * drift * over + (tail + 2.0 * c * drift) * kept
        square_left = under * (c - x) - 2.0 * drift * under + (tail - 2.0 * c * drift) * kept
        right, left = is_right * kept + back * right, is_left * kept + back * left
        time = back * time
        stress_time = is_right * at_right - is_left * at_left + back * stress_time
        right_stress = is_right * at_right + back * right_stress
        left_stress = back * left_stress - is_left * at_left
        right_square = is_right * square_right + back * right_square
        left_square = is_left * square_left + back * left_square
    return Cycle(
        right, left, 1.0 + time, stress_time, right_stress, right_square, left_stress, left_square
    )


def _decay(exponent: Floats) -> tuple[Floats, Floats]:
    """Return exp(-x) and 1 - exp(-x)."""
    return np.exp(-exponent), -np.expm1(-exponent)


def _split_decay(exponent: Parity) -> tuple[Parity, Parity]:
    """Return exp(-x) and 1 - exp(-x)."""
    even = np.exp(-np.asarray(exponent.even))
    cosh, sinh = np.cosh(exponent.odd), np.sinh(exponent.odd)
    back = Parity(even * cosh, -even * sinh)
    half = np.sinh(0.5 * np.asarray(exponent.odd))
    kept = Parity(-np.expm1(-np.asarray(exponent.even)) - 2.0 * even * half * half, even * sinh)
    return back, kept


def occupation(s: Floats, c: float, x: float, D: float, g: float) -> Floats:
    """Return G(s), the mean occupation of one cycle, in tau/sigma_c; g >= 0, any shape of s."""
    root = math.hypot(g, 2.0 * math.sqrt(D))
    lam = 0.5 * (g + root)
    rho = D / lam
    k = g / D
    start = min(max(x, -c), c)
    one = cycle(np.array(c), np.array(start), D, g)
    to_left = (c - start) * _direct(np.array(k * (c - start))).phi + rho * np.exp(-k * (c - start))
    to_right = (c + start) * _direct(np.array(k * (c + start))).phi + lam
    left_scaled = to_left / (to_right + np.exp(-k * (c + start)) * to_left)
    from_right = np.minimum(np.maximum(c - s, 0.0), c - start)
    from_left = np.minimum(np.maximum(c + s, 0.0), c + start)
    right_of = one.right * (
        from_right * _direct(k * from_right).phi + rho * np.exp(-k * from_right)
    )
    left_of = (
        left_scaled
        * np.exp(-k * np.where(s >= -c, np.maximum(start - s, 0.0), 0.0))
        * (from_left * _direct(k * from_left).phi + lam)
    )
    inside = np.where(s >= start, right_of, left_of) / D
    outer_right = one.right * (rho / D) * np.exp(-(rho / D) * np.maximum(s - c, 0.0))
    outer_left = one.left * (lam / D) * np.exp(-(lam / D) * np.maximum(-s - c, 0.0))
    G = np.where(s > c, outer_right, np.where(s < -c, outer_left, inside))
    if start == x:
        return np.asarray(G)
    # landed over the threshold: the part that has not been back at it yet, with its image
    falling = (lam if x > c else rho) / D
    back = np.exp(-falling * (x - start if x > c else start - x))

    def free(y: Floats) -> Floats:
        return np.asarray(np.exp(-np.where(y > 0.0, rho * y, -lam * y) / D) / root)

    first = np.where((s > c) if x > c else (s < -c), free(s - x) - back * free(s - start), 0.0)
    return np.asarray(back * G + first)
