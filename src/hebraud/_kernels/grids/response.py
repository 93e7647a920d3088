"""Slopes of the hop rates, and the rational exponential: what linear response needs as arrays."""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

__all__ = ["apply_hops", "hop_slopes", "rational_exponential"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def hop_slopes(
    centres: Floats, diffusion: float, rate: float
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return the hops (up, down) of a unit shift, -d/ds, and of a unit of D.

    Those of D are the slopes of ``hops.hop_rates``, exactly: it is linear in (D, rate) but
    for the switch to hops with the drift alone, where D plays no part. The shift moves every mass
    by one on the mean, exactly, as its slope in ``rate`` does; but that slope (with the
    neighbours' distances exchanged) errs to first order at the one face where the cells stop
    shrinking, a threshold, and the response at high frequency is the density at that very face.
    Here the face gets the mean of 2 mass/span of its two cells, right to second order.
    """
    gaps = np.diff(centres)
    above, below = np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0])
    span = above + below
    both = (rate * above < 2.0 * diffusion) & (-rate * below < 2.0 * diffusion)
    shift = 1.0 / span, -1.0 / span
    spread = np.where(both, 2.0 / (above * span), 0.0), np.where(both, 2.0 / (below * span), 0.0)
    for up, down in (shift, spread):
        up[-1] = down[0] = 0.0
    return shift, spread


def apply_hops(up: Floats, down: Floats, mass: Floats) -> Floats:
    """Return what hops of these rates bring to every cell; ``mass`` is (cells, classes).

    Differences of fluxes: every column sums to zero to round-off.
    """
    flux = up[:-1, None] * mass[:-1] - down[1:, None] * mass[1:]
    change = np.zeros_like(mass)
    change[:-1] -= flux
    change[1:] += flux
    return change


def rational_exponential(order: int = 6) -> tuple[Complexes, Complexes]:
    r"""Return poles and residues of the Pade approximant of type (order - 1, order) of exp.

        exp(x) = sum_k residue_k / (x - pole_k) + conjugates + O(x^(2 order))

    One pole of each conjugate pair (``order`` is even; beyond 6 the residues grow so large that
    round-off costs more than the order gains). It is A-stable and vanishes at infinity,
    and its poles lie in the right half plane: no mode that decays is ever amplified, and no
    resolvent is asked for among the eigenvalues.
    """
    m, k = order - 1, order
    top = [
        factorial(m + k - j) * factorial(m) / (factorial(j) * factorial(m - j) * factorial(m + k))
        for j in range(m + 1)
    ]
    bottom = [
        (-1) ** j
        * factorial(m + k - j)
        * factorial(k)
        / (factorial(j) * factorial(k - j) * factorial(m + k))
        for j in range(k + 1)
    ]
    numerator, denominator = np.polynomial.Polynomial(top), np.polynomial.Polynomial(bottom)
    slope = denominator.deriv()
    poles = denominator.roots()
    for _ in range(3):
        poles = poles - denominator(poles) / slope(poles)
    poles = poles[poles.imag > 0.0]
    return (
        np.asarray(poles, dtype=np.complex128),
        np.asarray(numerator(poles) / slope(poles), dtype=np.complex128),
    )
