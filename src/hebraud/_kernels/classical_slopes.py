"""How the classical exact stress changes with alpha and g, compiled, without cancellation.

With F(D; g) = ``cycle`` and M(D; g) = D int s G ds the state is F = alpha, Sigma = M/alpha, and the
root D moves by implicit differentiation:

    d ln D/d ln alpha = alpha/F_D        d ln D/d ln g = -F_g/F_D        (F_D = dF/d ln D, ...)
    dSigma/d ln alpha = M_D/F_D - Sigma
    dSigma/d ln g     = (M_g - M_D F_g/F_D)/alpha

M and F and their derivatives along any direction (d ln D, d ln g) are carried together, in the
notation of ``_kernels/classical.py``, by the same two branches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.classical import SMALL, moments, roots
from hebraud._kernels.compiled import kernel

__all__ = ["classical_slopes"]

Floats = NDArray[np.float64]


@kernel()
def _series(k: float) -> tuple[float, float, float, float, float, float, float]:
    """Return psi even and odd, chi even; the derivatives of these and of chi odd."""
    x = k * k
    psi_even = 1 / 2 + x * (1 / 24 + x * (1 / 720 + x * (1 / 40320 + x / 3628800)))
    psi_odd = k * (1 / 6 + x * (1 / 120 + x * (1 / 5040 + x * (1 / 362880 + x / 39916800))))
    d_psi_even = x * (2 / 24 + x * (4 / 720 + x * (6 / 40320 + x * 8 / 3628800)))
    d_psi_odd = k * (1 / 6 + x * (3 / 120 + x * (5 / 5040 + x * (7 / 362880 + x * 9 / 39916800))))
    d_chi_even = x * (2 / 120 + x * (4 / 5040 + x * (6 / 362880 + x * 8 / 39916800)))
    d_chi_odd = k * (1 / 24 + x * (3 / 720 + x * (5 / 40320 + x * 7 / 3628800)))
    return psi_even, psi_odd, psi_odd / k, d_psi_even, d_psi_odd, d_chi_even, d_chi_odd


@kernel()
def _along(D: float, g: float, dD: float, dg: float) -> tuple[float, float]:
    """Return the derivatives of F and M along (d ln D, d ln g) = (dD, dg)."""
    k = g / D
    e, phi, psi, hat = moments(k)
    rho, lam, root = roots(D, g)
    d_ln_k = dg - dD
    d_e, d_phi, d_psi = -k * e * d_ln_k, -k * hat * d_ln_k, (hat - psi) * d_ln_k
    d_hat = d_phi - d_psi
    d_root = (g * g * dg + 2.0 * D * dD) / root
    d_lam = lam * (g * dg + D * dD / lam) / root
    d_rho = rho * (lam * dD - g * dg) / root
    beta, alpha = phi + lam, phi + rho * e
    d_beta, d_alpha = d_phi + d_lam, d_phi + d_rho * e + rho * d_e
    total = beta + e * alpha
    d_total = d_beta + d_e * alpha + e * d_alpha
    right, left = psi + rho * phi, hat + lam * phi
    d_right = d_psi + d_rho * phi + rho * d_phi
    d_left = d_hat + d_lam * phi + lam * d_phi
    inside = (beta * right + alpha * left) / total
    d_inside = (
        d_beta * right + beta * d_right + d_alpha * left + alpha * d_left - inside * d_total
    ) / total
    d_F = D * dD + d_inside
    if k >= SMALL:
        chi, chi_hat = (0.5 - psi) / k, (hat - 0.5 * e) / k
        d_chi = -d_psi / k - chi * d_ln_k
        d_chi_hat = (d_hat - 0.5 * d_e) / k - chi_hat * d_ln_k
        right = D * (1.0 + lam) + chi + rho * psi
        left = chi_hat + lam * hat + e * D * (1.0 + rho)
        d_right = D * dD * (1.0 + lam) + D * d_lam + d_chi + d_rho * psi + rho * d_psi
        d_left = (
            d_chi_hat + d_lam * hat + lam * d_hat
            + (d_e + e * dD) * D * (1.0 + rho) + e * D * d_rho
        )  # fmt: skip
        M = (beta * right - alpha * left) / total
        d_M = (
            d_beta * right + beta * d_right - d_alpha * left - alpha * d_left - M * d_total
        ) / total
        return d_F, d_M
    psi_even, psi_odd, chi_even, d_even, d_odd, d_chi_even, d_chi_odd = _series(k)
    above = k * phi * phi + g + rho * k * phi * (1.0 + e)
    d_above = (
        k * phi * (phi * d_ln_k + 2.0 * d_phi) + g * dg
        + k * (d_rho * phi + rho * (phi * d_ln_k + d_phi)) * (1.0 + e) + rho * k * phi * d_e
    )  # fmt: skip
    t = above / total
    d_t = (d_above - t * d_total) / total
    d_difference = (
        D * g * (dD + dg) - d_root * psi_odd - g * dg * psi_even
        - (2.0 * d_chi_odd + root * d_odd + g * d_even) * d_ln_k
    )  # fmt: skip
    both = D * (2.0 + root) + 2.0 * chi_even + root * psi_even + g * psi_odd
    d_both = (
        D * dD * (2.0 + root) + D * d_root + d_root * psi_even + g * dg * psi_odd
        + (2.0 * d_chi_even + root * d_even + g * d_odd) * d_ln_k
    )  # fmt: skip
    return d_F, 0.5 * (d_difference + d_t * both + t * d_both)


@kernel()
def classical_slopes(
    alpha: float,
    rates: Floats,
    stress: Floats,
    diffusion: Floats,
    by_alpha: Floats,
    by_rate: Floats,
) -> None:
    """Fill dSigma/d ln alpha and dSigma/d ln g for rates > 0 with their states."""
    for i in range(rates.size):
        F_D, M_D = _along(diffusion[i], rates[i], 1.0, 0.0)
        F_g, M_g = _along(diffusion[i], rates[i], 0.0, 1.0)
        by_alpha[i] = M_D / F_D - stress[i]
        by_rate[i] = (M_g - M_D * (F_g / F_D)) / alpha
