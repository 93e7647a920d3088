"""Complex modulus of the state of rest, towards the critical coupling: relaxation slows down.

``python docs/examples/critical_modulus.py`` writes critical_modulus.png.
"""

import matplotlib.pyplot as plt
import numpy as np

import hebraud as hl

ALPHAS, OMEGA = (0.51, 0.6, 0.9), np.geomspace(1e-6, 1e3, 200)


def compute():
    """Return G* of each coupling, in G0."""
    return {alpha: hl.complex_modulus(hl.Model(alpha), OMEGA) for alpha in ALPHAS}


def check(moduli):
    """Assert the two limits, and that relaxation slows down towards 1/2."""
    crossing = []
    for alpha, modulus in moduli.items():
        assert abs(modulus.imag[0] / (OMEGA[0] * hl.viscosity(hl.Model(alpha))) - 1.0) < 1e-3
        assert abs(modulus.real[-1] - 1.0) < 0.01  # elastic at high frequency
        crossing.append(OMEGA[np.argmax(modulus.real > modulus.imag)])
    assert crossing == sorted(crossing)
    assert crossing[0] < 1e-2 * crossing[-1]


def draw(moduli, ax):
    """Draw storage (solid) and loss modulus (dashed)."""
    for colour, (alpha, modulus) in zip(hl.plot.COLOURS, moduli.items(), strict=False):
        ax.loglog(OMEGA, modulus.real, color=colour, label=rf"$\alpha={alpha}$")
        ax.loglog(OMEGA, modulus.imag, "--", color=colour)
    ax.set_xlim(OMEGA[0], OMEGA[-1])
    ax.set_ylim(1e-4, 2.0)
    ax.set_xlabel(r"angular frequency $\omega\tau$")
    ax.set_ylabel(r"$G'/G_0$ (solid), $G''/G_0$ (dashed)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)


if __name__ == "__main__":
    result = compute()
    check(result)
    with hl.plot.style():
        figure, axes = plt.subplots(figsize=(3.4, 2.7), layout="constrained")
        draw(result, axes)
        figure.savefig("critical_modulus.png")
