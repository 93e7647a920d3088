"""Startup of shear: the weaker the coupling, the higher the stress and the lower the overshoot.

``python docs/examples/startup_overshoot.py`` writes startup_overshoot.png.
"""

import matplotlib.pyplot as plt

import hebraud as hl

ALPHAS, RATE, STRAIN = (0.1, 0.3, 0.45), 0.1, 6.0


def compute():
    """Return the run from a narrow start, and the exact steady stress, of each coupling."""
    runs, steady = {}, {}
    for alpha in ALPHAS:
        model = hl.Model(alpha)
        runs[alpha] = hl.evolve(
            model, hl.Startup(RATE), hl.gaussian(0.3), until=STRAIN / RATE, rtol=1e-4
        )
        steady[alpha] = hl.steady_state(model, RATE).stress
    return runs, steady


def check(result):
    """Assert what the figure shows."""
    runs, steady = result
    height = [runs[alpha].stress.max() / steady[alpha] for alpha in ALPHAS]
    # runs at rtol 1e-6 give 1.1440, 1.3162, 1.5016; rtol and the rows at the peak leave 3e-4
    assert all(abs(a - b) < 1e-3 for a, b in zip(height, (1.1440, 1.3162, 1.5016), strict=True))
    for alpha in ALPHAS:
        assert abs(runs[alpha].stress[-1] / steady[alpha] - 1.0) < 2e-3  # not quite over


def draw(result, ax):
    """Draw stress against strain."""
    runs, steady = result
    for colour, alpha in zip(hl.plot.COLOURS, ALPHAS, strict=False):
        hl.plot.stress_strain(runs[alpha], ax, color=colour, label=rf"$\alpha={alpha}$")
        ax.axhline(steady[alpha], color=colour, ls=":", lw=0.8)
    ax.set_xlim(0.0, STRAIN)
    ax.legend(title=rf"$\dot\gamma\,G_0\tau/\sigma_c={RATE}$; dotted: steady")


if __name__ == "__main__":
    found = compute()
    check(found)
    with hl.plot.style():
        figure, axes = plt.subplots(figsize=(3.4, 2.7), layout="constrained")
        draw(found, axes)
        figure.savefig("startup_overshoot.png")
