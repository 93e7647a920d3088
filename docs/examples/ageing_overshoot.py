"""Ageing after a quench at the critical coupling: who waits longer meets a higher overshoot.

``python docs/examples/ageing_overshoot.py`` writes ageing_overshoot.png.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import hebraud as hl

MODEL, RATE, STRAIN = hl.Model(0.5), 0.01, 3.0
WAITING = (1.0, 10.0, 100.0, 1000.0)


def compute():
    """Quench, wait, and shear: return the rest and the startup for each waiting time."""
    found = {}
    for waited in WAITING:
        rest = hl.evolve(MODEL, hl.Cessation(), hl.gaussian(0.8), until=waited, rtol=1e-4)
        shear = hl.evolve(MODEL, hl.Startup(RATE), rest.final, until=STRAIN / RATE, rtol=1e-4)
        found[waited] = rest, shear
    return found


def check(found):
    """Assert what the figure shows."""
    peaks = [shear.stress.max() for _, shear in found.values()]
    assert np.all(np.diff(peaks) > 1e-4)  # ten times rtol times the stress
    # D t tends to 1/(2 pi^2), and is near it after 1000 tau (page on ageing)
    rest = found[1000.0][0]
    assert abs(rest.diffusion[-1] * 1000.0 * 2.0 * math.pi**2 - 1.0) < 0.03


def draw(found, ax):
    """Draw stress against strain for all waiting times."""
    for colour, (waited, (_, shear)) in zip(hl.plot.COLOURS, found.items(), strict=False):
        hl.plot.stress_strain(shear, ax, color=colour, label=rf"{waited:g}")
    ax.set_xlim(0.0, STRAIN)
    ax.set_ylim(bottom=0.0)
    ax.legend(title=r"waited ($\tau$)")


if __name__ == "__main__":
    result = compute()
    check(result)
    with hl.plot.style():
        figure, axes = plt.subplots(figsize=(3.4, 2.7), layout="constrained")
        draw(result, axes)
        figure.savefig("ageing_overshoot.png")
