"""The classical stationary state (alpha, g) -> (D, stress), compiled, without cancellation.

With k = g/D >= 0, e = exp(-k), rho = D l_R, lam = D l_L = rho + g (l_R, l_L the decay rates
outside, l_L - l_R = k, l_L l_R = 1/D) and

    phi     = int_0^1 exp(-k x) dx           psi     = int_0^1 (1 - x) exp(-k x) dx
    psi_hat = int_0^1 x exp(-k x) dx         chi     = (1/2 - psi)/k

the odds of yielding right to left are (phi + lam) : e (phi + rho e), and D times the mean time
of a cycle from landing to yield is a sum of positive terms, the function ``cycle`` below.
D solves cycle(D; g) = alpha. The derivation is in ``hebraud.analytic.renewal``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["MAX_ITERATIONS", "classical_states"]

Floats = NDArray[np.float64]

MAX_ITERATIONS = 200
_SMALL = 0.3  # below it the differences in psi, psi_hat and chi are summed as series


@kernel()
def _psi_series(k: float) -> float:
    """sum_n (-k)^n/(n+2)!, to 1e-17 for k <= 0.3."""
    return 0.5 - k * (
        1 / 6
        - k
        * (
            1 / 24
            - k
            * (
                1 / 120
                - k
                * (
                    1 / 720
                    - k
                    * (
                        1 / 5040
                        - k
                        * (
                            1 / 40320
                            - k
                            * (
                                1 / 362880
                                - k * (1 / 3628800 - k * (1 / 39916800 - k * (1 / 479001600)))
                            )
                        )
                    )
                )
            )
        )
    )


@kernel()
def _moments(k: float) -> tuple[float, float, float, float]:
    """e, phi, psi, psi_hat."""
    if k < _SMALL:
        m = -math.expm1(-k)
        psi = _psi_series(k)
        phi = 1.0 - k * psi
        return 1.0 - m, phi, psi, phi - psi
    e = math.exp(-k)
    i = 1.0 / k
    phi = (1.0 - e) * i
    return e, phi, (1.0 - phi) * i, (phi - e) * i


@kernel()
def _roots(D: float, g: float) -> tuple[float, float, float]:
    """rho, lam and sqrt(g^2 + 4 D), without cancellation for g >= 0."""
    root = math.sqrt(g * g + 4.0 * D)
    lam = 0.5 * (g + root)
    return D / lam, lam, root


@kernel()
def cycle(D: float, g: float) -> tuple[float, float]:
    """D times the mean cycle time, and its derivative with respect to ln D."""
    k = g / D
    e, phi, psi, hat = _moments(k)
    rho, lam, root = _roots(D, g)
    right, left = psi + rho * phi, hat + lam * phi
    beta, alpha = phi + lam, phi + rho * e
    total = beta + e * alpha
    inside = (beta * right + alpha * left) / total
    # d/d ln D at fixed g: k' = -k, e' = k e, phi' = k hat, psi' = psi - hat, rho' = lam' = D/root
    d_phi, d_psi, d_e, d_rho = k * hat, psi - hat, k * e, D / root
    d_beta = d_phi + d_rho
    d_alpha = d_phi + d_rho * e + rho * d_e
    d_right = d_psi + d_rho * phi + rho * d_phi
    d_left = d_phi - d_psi + d_rho * phi + lam * d_phi
    d_total = d_beta + d_e * alpha + e * d_alpha
    d_inside = (
        d_beta * right + beta * d_right + d_alpha * left + alpha * d_left - inside * d_total
    ) / total
    return D + inside, D + d_inside


@kernel()
def _stress(D: float, g: float) -> float:
    """D times int s G ds over one cycle; the mean stress is this over ``cycle``."""
    k = g / D
    e, phi, psi, hat = _moments(k)
    rho, lam, root = _roots(D, g)
    beta, alpha = phi + lam, phi + rho * e
    total = beta + e * alpha
    if k >= _SMALL:
        chi, chi_hat = (0.5 - psi) / k, (hat - 0.5 * e) / k
        right = D * (1.0 + lam) + chi + rho * psi
        left = chi_hat + lam * hat + e * D * (1.0 + rho)
        return (beta * right - alpha * left) / total
    # odd part in g by hand: q+ - q- = t, and (R - L)/2 + t (R + L)/2
    t = (k * phi * phi + g + rho * k * phi * (1.0 + e)) / total
    k2 = k * k
    psi_even = 1 / 2 + k2 * (1 / 24 + k2 * (1 / 720 + k2 * (1 / 40320 + k2 / 3628800)))
    psi_odd = k * (1 / 6 + k2 * (1 / 120 + k2 * (1 / 5040 + k2 * (1 / 362880 + k2 / 39916800))))
    chi_even = 1 / 6 + k2 * (1 / 120 + k2 * (1 / 5040 + k2 * (1 / 362880 + k2 / 39916800)))
    chi_odd = k * (1 / 24 + k2 * (1 / 720 + k2 * (1 / 40320 + k2 * (1 / 3628800))))
    difference = D * g - 2.0 * chi_odd - root * psi_odd - g * psi_even
    total_sum = D * (2.0 + root) + 2.0 * chi_even + root * psi_even + g * psi_odd
    return 0.5 * (difference + t * total_sum)


@kernel()
def solve_diffusion(alpha: float, g: float, guess: float) -> tuple[float, float, int]:
    """D > 0 with cycle(D; g) = alpha for g > 0, the slope d ln cycle/d ln D, and the iterations.

    Newton in (ln D, ln cycle) inside a bracket that only shrinks. Iterations of
    ``MAX_ITERATIONS`` mean failure.
    """
    low, high = 0.0, alpha  # cycle(D) > D
    D = guess if 0.0 < guess < alpha else 0.5 * alpha
    slope = 1.0
    for iteration in range(1, MAX_ITERATIONS):
        value, derivative = cycle(D, g)
        if value < alpha:
            low = D
        else:
            high = D
        slope = derivative / value
        step = math.log(alpha / value) / slope
        new = D * math.exp(step) if abs(step) < 700.0 else 0.0
        if abs(step) < 1e-7 and new > 0.0:
            return new, slope, iteration
        if not low < new < high:
            new = math.sqrt(low) * math.sqrt(high) if low > 0.0 else 1e-3 * D
        D = new
    return D, slope, MAX_ITERATIONS


@kernel()
def classical_states(
    alpha: float,
    rates: Floats,
    u: float,
    rest: float,
    stress: Floats,
    diffusion: Floats,
    conditioning: Floats,
) -> int:
    """Fill stress, D and the conditioning d ln D/d ln alpha for every rate; return the failures.

    u = lim g/D at small g below the critical coupling, rest = D at g = 0 above it (0 below): they
    and lim D = alpha g/(1 + g) at large g make a first guess that is never trusted.
    """
    failures = 0
    for i in range(rates.size):
        g = abs(rates[i])
        if g == 0.0:
            stress[i], diffusion[i] = 0.0, rest
            conditioning[i] = cycle(rest, 0.0)[0] / cycle(rest, 0.0)[1]
            continue
        guess = (alpha * g + rest) / (g + 1.0) if rest > 0.0 else alpha * g / (alpha * u + g)
        D, slope, iterations = solve_diffusion(alpha, g, guess)
        if iterations >= MAX_ITERATIONS:
            failures += 1
            D = np.nan
        moment = _stress(D, g) / cycle(D, g)[0]
        stress[i] = moment if rates[i] > 0.0 else -moment
        diffusion[i] = D
        conditioning[i] = 1.0 / slope
    return failures
