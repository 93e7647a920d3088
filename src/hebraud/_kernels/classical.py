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

__all__ = ["MAX_ITERATIONS", "SMALL", "classical_states", "moments", "roots"]

Floats = NDArray[np.float64]

MAX_ITERATIONS = 200
"""The most iterations for D: so many mean failure."""
SMALL = 0.3
"""k below which the differences in psi, psi_hat and chi are summed as series."""
_NEAR = 0.1
"""Distance of alpha from 1/2 within which 1/2 is taken out of the equation for D by hand."""
_LEAST = 2.3e-308
"""The smallest number that has all digits."""


@kernel()
def _psi_series(k: float) -> float:
    """Return sum_n (-k)^n/(n+2)!, to 1e-17 for k <= 0.3."""
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
def moments(k: float) -> tuple[float, float, float, float]:
    """Return e, phi, psi and psi_hat."""
    if k < SMALL:
        m = -math.expm1(-k)
        psi = _psi_series(k)
        phi = 1.0 - k * psi
        return 1.0 - m, phi, psi, phi - psi
    e = math.exp(-k)
    i = 1.0 / k
    phi = (1.0 - e) * i
    return e, phi, (1.0 - phi) * i, (phi - e) * i


@kernel()
def roots(D: float, g: float) -> tuple[float, float, float]:
    """Return rho, lam and sqrt(g^2 + 4 D), without cancellation or overflow for g >= 0."""
    root = math.sqrt(g * g + 4.0 * D) if g < 1e150 else math.hypot(g, 2.0 * math.sqrt(D))
    lam = 0.5 * (g + root)
    return D / lam, lam, root


@kernel()
def cycle(D: float, g: float) -> tuple[float, float]:
    """Return D times the mean cycle time, and its derivative with respect to ln D."""
    k = g / D
    e, phi, psi, hat = moments(k)
    rho, lam, root = roots(D, g)
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
def _parts(k: float) -> tuple[float, float, float, float]:
    """Return psi_even - 1/2, -psi_odd, chi_even, -chi_odd, to 1e-17 for k <= 0.3; all >= 0."""
    z = k * k
    psi = z * (1 / 24 + z * (1 / 720 + z * (1 / 40320 + z * (1 / 3628800 + z / 479001600))))
    odd = 1 / 5040 + z * (1 / 362880 + z * (1 / 39916800 + z / 6227020800))
    chi = 1 / 6 + z * (1 / 120 + z * odd)
    return psi, k * chi, chi, psi / k if k > 0.0 else 0.0


@kernel()
def _tilt(k: float, g: float, rho: float, lam: float) -> tuple[float, float]:
    """Return q+ - q-, the odds of yielding right less those left, without cancellation; a norm."""
    e, phi, _, _ = moments(k)
    total = phi + lam + e * (phi + rho * e)
    return (k * phi * phi + g + rho * k * phi * (1.0 + e)) / total, total


@kernel()
def _stress(D: float, g: float) -> float:
    """Return D times int s G ds over one cycle; the mean stress is this over ``cycle``."""
    k = g / D
    rho, lam, root = roots(D, g)
    if k >= SMALL:
        e, phi, psi, hat = moments(k)
        beta, alpha = phi + lam, phi + rho * e
        chi, chi_hat = (0.5 - psi) / k, (hat - 0.5 * e) / k
        right = D * (1.0 + lam) + chi + rho * psi
        left = chi_hat + lam * hat + e * D * (1.0 + rho)
        total = beta + e * alpha
        return beta / total * right - alpha / total * left
    # odd part in g by hand: q+ - q- = t, and (R - L)/2 + t (R + L)/2
    t, _ = _tilt(k, g, rho, lam)
    psi_even, psi_odd, chi_even, chi_odd = _parts(k)
    psi_even += 0.5
    difference = D * g - 2.0 * chi_odd - root * psi_odd - g * psi_even
    total_sum = D * (2.0 + root) + 2.0 * chi_even + root * psi_even + g * psi_odd
    return 0.5 * (difference + t * total_sum)


@kernel()
def excess(D: float, g: float, alpha: float) -> tuple[float, float, float]:
    """Return ``cycle`` less alpha, its derivative by ln D, and ``cycle`` itself.

    Near alpha = 1/2 all of them but 1/2 may be small: where k is, 1/2 is taken out by hand. With
    R = psi + rho phi the mean over q+ and q- is R_even + (q+ - q-) R_odd.
    """
    k = g / D
    if k >= SMALL:
        value, derivative = cycle(D, g)
        return value - alpha, derivative, value
    rho, lam, root = roots(D, g)
    above, odd, _, _ = _parts(k)  # psi_even - 1/2, -psi_odd
    z, even = k * k, 0.5 + above
    phi_even = 1.0 + k * odd
    t, total = _tilt(k, g, rho, lam)
    R_odd = -odd - 0.5 * root * k * even - 0.5 * g * phi_even
    small = D + above + 0.5 * root * phi_even + 0.5 * g * k * even + t * R_odd
    # the same once more by ln D at fixed g: k' = -k, rho' = lam' = D/root
    d_rho = D / root
    d_above = -z * (1 / 12 + z * (1 / 180 + z * (1 / 6720 + z * (1 / 453600 + z / 47900160))))
    d_odd = -k * (1 / 6 + z * (1 / 40 + z * (1 / 1008 + z * (1 / 51840 + z / 4435200))))
    d_phi_even = -k * odd + k * d_odd
    d_even = -k * even + k * d_above  # of k psi_even
    e, phi, _, hat = moments(k)
    d_phi = k * hat
    d_total = d_phi + d_rho + k * e * (phi + rho * e)
    d_total += e * (d_phi + d_rho * e + rho * k * e)
    d_t = (2.0 * phi * d_phi - phi * phi) * k + (1.0 + e) * (d_rho * k * phi + rho * k * d_phi)
    d_t += rho * k * phi * (k * e - (1.0 + e))
    d_t = (d_t - t * d_total) / total
    d_R_odd = -d_odd - d_rho * k * even - 0.5 * root * d_even - 0.5 * g * d_phi_even
    derivative = D + d_above + d_rho * phi_even + 0.5 * root * d_phi_even + 0.5 * g * d_even
    derivative += d_t * R_odd + t * d_R_odd
    return small - (alpha - 0.5), derivative, 0.5 + small


@kernel()
def solve_diffusion(alpha: float, g: float, guess: float) -> tuple[float, float, int]:
    """Return D > 0 with cycle(D; g) = alpha for g > 0, d ln cycle/d ln D, and the iterations.

    Newton in (ln D, ln cycle) inside a bracket that only shrinks. Iterations of
    ``MAX_ITERATIONS`` mean failure.
    """
    low, high = 0.0, alpha  # cycle(D) > D
    D = guess if 0.0 < guess < alpha else 0.5 * alpha
    slope = 1.0
    near = abs(alpha - 0.5) < _NEAR
    for iteration in range(1, MAX_ITERATIONS):
        if D < _LEAST:
            break
        if near:
            over, derivative, value = excess(D, g, alpha)
            log_over = math.log1p(over / alpha)
        else:
            value, derivative = cycle(D, g)
            log_over = math.log(value / alpha)
        if log_over < 0.0:
            low = D
        else:
            high = D
        slope = derivative / value
        step = -log_over / slope
        new = D * math.exp(step) if abs(step) < 700.0 else 0.0
        if abs(step) < (1e-8 if near else 1e-7) and new > 0.0:
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

    u = lim g/D at small g below the critical coupling, rest = D at g = 0 above it (0 below): they,
    lim D = alpha g/(1 + g) at large g and D at alpha = 1/2 make a first guess that is never
    trusted. Where a number leaves the range of floats, stress and D are NaN.
    """
    failures = 0
    for i in range(rates.size):
        g = abs(rates[i])
        if g == 0.0:
            stress[i], diffusion[i] = 0.0, rest
            conditioning[i] = cycle(rest, 0.0)[0] / cycle(rest, 0.0)[1]
            continue
        near = alpha
        if abs(alpha - 0.5) < _NEAR:
            near = (g / math.sqrt(24.0)) ** 0.8  # D at alpha = 1/2: sqrt(D) = k^2/24
        if rest > 0.0 and near == alpha:
            guess = alpha * (g / (g + 1.0)) + rest / (g + 1.0)
        elif rest > 0.0:
            guess = max(alpha * (g / (g + 1.0)) + rest / (g + 1.0), min(near, alpha))
        else:
            guess = min(g / (u + g / alpha), near)
        D, slope, iterations = solve_diffusion(alpha, g, guess)
        moment = _stress(D, g) / cycle(D, g)[0] if D >= _LEAST else np.nan
        known = D >= _LEAST and g >= _LEAST and g / D >= _LEAST and abs(moment) < math.inf
        if iterations >= MAX_ITERATIONS or not known:
            failures += 1
            D = moment = np.nan
        stress[i] = moment if rates[i] > 0.0 else -moment
        diffusion[i] = D
        conditioning[i] = 1.0 / slope
    return failures
