"""Exact classical states: exponentials matched in high precision, nothing rewritten."""

from __future__ import annotations

import mpmath as mp
import numpy as np


def solved_by_matching(D, g):
    """(mean cycle time, int s G ds): 6 x 6 linear matching of exponentials, nothing rewritten.

    Unit source at 0: a exp(lL (s+1)) | b + c exp(k s) | d + f exp(k (s-1)) | h exp(-lR (s-1)).
    """
    k, root = g / D, mp.sqrt(g * g + 4 * D)
    lR, lL = (root - g) / (2 * D), (root + g) / (2 * D)
    e = mp.exp(-k)
    A = mp.matrix(
        [
            [1, -1, -e, 0, 0, 0],
            [lL, 0, -k * e, 0, 0, 0],
            [0, 1, 1, -1, -e, 0],
            [0, 0, k, 0, -k * e, 0],
            [0, 0, 0, 1, 1, -1],
            [0, 0, 0, 0, k, lR],
        ]
    )
    a, b, c, d, f, h = mp.lu_solve(A, mp.matrix([0, 0, 0, 1 / D, 0, 0]))
    time = a / lL + b + c * (1 - e) / k + d + f * (1 - e) / k + h / lR
    stress = -a * (1 / lL + 1 / lL**2) + h * (1 / lR + 1 / lR**2)
    stress += (d - b) / 2 + f * (k - 1 + e) / k**2 + c * (e * (k + 1) - 1) / k**2
    return time, stress


def reference(alpha, g, guess):
    """(stress, D) to at least 30 digits; ``guess`` only starts the secant in ln D."""
    # matching loses four powers of k = g/D and of D where they are small
    digits = 60 + int(4 * max(0.0, -np.log10(g / guess), np.log10(g / guess) / 4, -np.log10(guess)))
    with mp.workdps(digits):
        alpha, g = mp.mpf(alpha), mp.mpf(g)

        def excess(x):
            return mp.log(mp.exp(x) * solved_by_matching(mp.exp(x), g)[0] / alpha)

        start = mp.log(mp.mpf(guess))
        x = mp.findroot(excess, (start, start + mp.mpf("1e-9")), tol=mp.mpf(10) ** -70, maxsteps=50)
        D = mp.exp(x)
        time, stress = solved_by_matching(D, g)
        return stress / time, D
