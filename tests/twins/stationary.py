"""Slow twins: the plainest way to compute what the library computes fast."""

from __future__ import annotations

import mpmath as mp
import numpy as np


def generator(centres, rates, lines, weights, redraws, diffusion, shear_rate):
    """Dense generator, cell i of class j at j*cells + i, entry by entry."""
    n, classes = rates.shape
    matrix = np.zeros((n * classes, n * classes))
    for j in range(classes):
        for i, x in enumerate(centres):
            column = matrix[:, j * n + i]
            b = x - centres[i - 1] if i > 0 else centres[1] - centres[0]
            a = centres[i + 1] - x if i < n - 1 else b
            noise = max(2.0 * diffusion, shear_rate * a, -shear_rate * b)
            for step, hop in ((1, noise + shear_rate * b), (-1, noise - shear_rate * a)):
                if 0 <= i + step < n:
                    column[j * n + i + step] += hop / ((a if step > 0 else b) * (a + b))
            for m in range(classes):
                drawn = weights[m] if redraws else float(m == j)
                for scale, offset, weight in zip(*lines, strict=True):
                    for cell, part in two_cells(centres, scale * x + offset * np.sign(x)):
                        column[m * n + cell] += rates[i, j] * drawn * weight * part
            column[j * n + i] -= column.sum()
    return matrix


def taken_back(centres, masses, diffusion, shear_rate):
    """Rate of change of the masses, (cells, classes), by what hops spread in excess of D."""
    if shear_rate < 0.0:
        return taken_back(-centres[::-1], masses[::-1], diffusion, -shear_rate)[::-1]
    half, change = np.zeros((masses.shape[0] + 1, masses.shape[1])), np.zeros_like(masses)
    for face in range(1, centres.size - 1):
        near, far = centres[face] - centres[face - 1], centres[face + 1] - centres[face]
        if shear_rate * min(near, far) >= 2.0 * diffusion:
            share = 1.0 - 2.0 * diffusion / (shear_rate * 0.5 * (near + far))
            one, other = masses[face - 1], masses[face]
            sum_ = np.maximum(one + other, 1e-300)
            half[face] = share * one * other / sum_ * (1.0 - 0.125 * ((one - other) / sum_) ** 2)
    for cell in range(centres.size - 1):
        flux = shear_rate * (half[cell + 1] - half[cell]) / (centres[cell + 1] - centres[cell])
        change[cell] -= flux
        change[cell + 1] += flux
    return change


def two_cells(centres, stress):
    """The two neighbouring cells that share a mass at ``stress``, with their parts."""
    for low in range(len(centres) - 1):
        if low == len(centres) - 2 or stress < centres[low + 1]:
            part = (centres[low + 1] - stress) / (centres[low + 1] - centres[low])
            return [(low, part), (low + 1, 1.0 - part)]
    raise AssertionError


def classical_cycle(diffusion, g):
    """Mean cycle time and mean stress of the classical model, for moderate k = g/D.

    Six coefficients: tail beyond 1; constant and exp(k(s - 1)) on (0, 1); constant and exp(k s)
    on (-1, 0); tail beyond -1. P and P' match at the thresholds, the flux jumps by one at 0.
    """
    d, k, e = diffusion, g / diffusion, np.exp(-g / diffusion)
    r = 2.0 / (g + np.sqrt(g * g + 4.0 * d))
    l = r + k
    matrix = [
        [1, -1, -1, 0, 0, 0],
        [r, 0, k, 0, 0, 0],
        [0, 1, e, -1, -1, 0],
        [0, 0, -d * k * e, 0, d * k, 0],
        [0, 0, 0, 1, e, -1],
        [0, 0, 0, 0, k * e, -l],
    ]
    x = np.linalg.solve(np.array(matrix), [0, 0, 0, 1, 0, 0])
    mass = x @ [1 / r, 1, (1 - e) / k, 1, (1 - e) / k, 1 / l]
    inside = [0.5, 1 / k - (1 - e) / k**2, -0.5, e / k - (1 - e) / k**2]
    moment = x @ [1 / r + 1 / r**2, *inside, -1 / l - 1 / l**2]
    return mass, moment / mass


def classical_transform(alpha, z):
    """int G exp(-z t) dt of the classical model at rest: P matched at the threshold by hand.

    mpmath numbers; it cancels, hence many digits. G*(omega) is z times it at z = i omega.
    """
    y = (mp.sqrt(4 * alpha - 1) - 1) / 2
    D = y * y
    activity, l = D / alpha, 1 / y
    B = activity * l / 2
    kappa, m = mp.sqrt(z / D), mp.sqrt((1 + z) / D)
    slope = activity / (2 * D)
    matching = mp.matrix([[mp.sinh(kappa), -1], [kappa * mp.cosh(kappa), m]])
    source = mp.matrix(
        [B * l - slope * (1 - mp.cosh(kappa)), slope * kappa * mp.sinh(kappa) - B * l * l]
    )
    C, outer = mp.lu_solve(matching, source)
    inside = slope * (0.5 - mp.sinh(kappa) / kappa + (mp.cosh(kappa) - 1) / kappa**2)
    inside += C * (mp.cosh(kappa) / kappa - mp.sinh(kappa) / kappa**2)
    outside = B * l * (1 / l + 1 / l**2) + outer * (1 / m + 1 / m**2)
    return 2 * (inside + outside) / z
