"""Local stresses in flow: the less an event releases, the closer blocks stay to the threshold.

``python docs/examples/local_stresses.py`` writes local_stresses.png.
"""

import matplotlib.pyplot as plt
import numpy as np

import hebraud as hl

DROPS, RATE = (1.0, 0.5, 0.2), 1e-2


def compute():
    """Return the steady state of each drop, at 0.6 of its critical coupling f (2 - f)/2."""
    return {
        drop: hl.steady_state(
            hl.Model(0.3 * drop * (2.0 - drop), relaxation=hl.FractionalDrop(drop)), RATE
        )
        for drop in DROPS
    }


def check(states):
    """Assert what the figure shows."""
    stress = [state.stress for state in states.values()]
    assert stress == sorted(stress)
    s = np.linspace(-2.0, 3.0, 20_001)
    for state in states.values():
        P = state.density(s)
        assert abs(np.trapezoid(P, s) - 1.0) < 1e-4
        assert abs(np.trapezoid(s * P, s) / state.stress - 1.0) < 1e-3


def draw(states, ax):
    """Draw P(s); arrows at the mean stresses."""
    for colour, (drop, state) in zip(hl.plot.COLOURS, states.items(), strict=False):
        hl.plot.density(state, ax, color=colour, label=f"{drop:g}")
        ax.axvline(state.stress, color=colour, ls=":", lw=0.8)
    ax.set_xlim(-1.1, 1.4)
    ax.legend(title="fraction released\n(dotted: mean)", loc="upper left")


if __name__ == "__main__":
    result = compute()
    check(result)
    with hl.plot.style():
        figure, axes = plt.subplots(figsize=(3.4, 2.7), layout="constrained")
        draw(result, axes)
        figure.savefig("local_stresses.png")
