"""Exact classical states by renewal in high precision, and their limit of small rates."""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp


def exact_stationary(shear_rate: mp.mpf, alpha: mp.mpf, guess: mp.mpf) -> dict[str, mp.mpf]:
    """The stationary state at a finite rate, in arbitrary precision, by renewal.

    P/Gamma is the mean occupation of one cycle from 0 to the next yield. With the fluxes q > 0 to
    the right of 0 and -p to the left (q + p = 1), P/Gamma is (q, -p)/g + constant exp(g s/D) inside
    and decays exponentially outside, where it yields at rate one; the mean cycle lasts 1/Gamma.
    """
    g = shear_rate

    def cycle(log_diffusion: mp.mpf) -> dict[str, mp.mpf]:
        diffusion = mp.exp(log_diffusion)
        k = g / diffusion
        decay_right = 2 / (g + mp.sqrt(g * g + 4 * diffusion))
        decay_left = decay_right + k
        # occupation at +-1: q l_R and p l_L; both branches agree at 0
        right_at_0 = 1 / g + (decay_right - 1 / g) * mp.exp(-k)
        left_at_0 = -1 / g + (decay_left + 1 / g) * mp.exp(k)
        q = left_at_0 / (left_at_0 + right_at_0)
        p = 1 - q
        rise_right = q * (decay_right - 1 / g) * mp.exp(-k)  # factor of exp(k s), 0 < s < 1
        rise_left = p * (decay_left + 1 / g) * mp.exp(k)  # factor of exp(k s), -1 < s < 0
        duration = (
            1  # outside: every block waits the mean time one
            + (q - p) / g
            + rise_right * mp.expm1(k) / k
            + rise_left * -mp.expm1(-k) / k
        )
        moment_right = ((k - 1) * mp.exp(k) + 1) / k**2
        moment_left = -(1 - (1 + k) * mp.exp(-k)) / k**2
        moment = (
            q * (1 + 1 / decay_right)
            - p * (1 + 1 / decay_left)
            + (q + p) / (2 * g)
            + rise_right * moment_right
            + rise_left * moment_left
        )
        yielded = q * (1 + 1 / decay_right) - p * (1 + 1 / decay_left)
        squared = sum(
            part * (1 + 2 / rate + 2 / rate**2)
            for part, rate in ((q, decay_right), (p, decay_left))
        )
        return {
            "diffusion": diffusion,
            "activity": 1 / duration,
            "stress": moment / duration,
            "yielded": yielded,
            "yielded_squared": squared,
        }

    def mismatch(log_diffusion: mp.mpf) -> mp.mpf:
        state = cycle(log_diffusion)
        return mp.log(state["diffusion"] / (alpha * state["activity"]))

    return cycle(mp.findroot(mismatch, mp.log(g * guess)))


def richardson(
    function: Callable[[mp.mpf], mp.mpf], first: mp.mpf, levels: int = 7
) -> list[mp.mpf]:
    """Constant and slope at h = 0 of function(h), by the polynomial through first / 2^k."""
    nodes = [first / 2**k for k in range(levels)]
    matrix = mp.matrix([[node**j for j in range(levels)] for node in nodes])
    coefficients = mp.lu_solve(matrix, mp.matrix([function(node) for node in nodes]))
    return [coefficients[0], coefficients[1]]


def asymptote(alpha: mp.mpf, guess: mp.mpf) -> dict[str, mp.mpf]:
    """sigma_Y, A, 1/u and d_tilde at a coupling, from exact states at small rates alone."""
    states: dict[mp.mpf, dict[str, mp.mpf]] = {}

    def state(root: mp.mpf) -> dict[str, mp.mpf]:
        if root not in states:
            states[root] = exact_stationary(root**2, alpha, guess)
        return states[root]

    # seven levels leave (h c)^7, c < 1e4 from u = 0.17 on: 1e-28 of A
    first = mp.mpf(10) ** -8
    stress = richardson(lambda h: state(h)["stress"], first)
    ratio = richardson(lambda h: state(h)["diffusion"] / h**2, first)
    return {"yield_stress": stress[0], "prefactor": stress[1], "d": ratio[0], "d_tilde": ratio[1]}
