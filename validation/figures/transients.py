"""Runs in time: overshoot, the distribution in startup, large oscillations, ageing.

(a) Stress against strain in startup at coupling 0.3 from a narrow start, at three shear rates, with
the exact stationary stress of each. (b) The distribution of local stresses in one of them. (c) The
stress of large oscillations against strain, once periodic. (d) Ageing at the critical coupling,
D t -> 1/(2 pi^2), and arrest below it, D t^2 -> a constant.

``python -m validation.figures.transients`` writes figures/transients.png and figures/transients.pdf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import hebraud as hl
from validation.drawing import COLUMN, instead_of, make
from hebraud.plot import COLOURS
from hebraud.rheology.harmonics import Harmonics, harmonics

ALPHA = 0.3
RTOL = 1e-4
AGEING_RTOL = 3e-5  # errors of D add up over the decades: 1e-4 leaves 2 % in D t^2 at 1e5
STRAINS = {0.01: 10.0, 0.1: 10.0, 1.0: 30.0}  # shear rate: strain at the end of the run
IMAGE_RATE = 0.1
# closer while the peak moves across the image
IMAGE_TIMES = np.append(np.linspace(0.0, 10.0, 51), np.linspace(11.0, 15.0, 5))
OMEGA = 0.3
PERIODS = {0.5: 6, 1.0: 4, 2.0: 3}  # strain amplitude: periods until periodic to 1e-4
ORDERS = 7
AGES = 1e5
WINDOW = 1e-3  # depth below the threshold over which the slope of P is measured


@dataclass(frozen=True)
class Result:
    """Runs and what is taken from them; reduced units."""

    startups: dict[float, hl.History]
    steady: dict[float, float]
    states: list[Any]
    image_stress: NDArray[np.float64]
    oscillations: dict[float, hl.History]
    spectra: dict[float, Harmonics]
    ageing: dict[float, hl.History]
    slope: float


def _pieces(model: hl.Model) -> tuple[list[Any], NDArray[np.float64]]:
    """Return the state at each time of the image, each run going on from the last, and stresses."""
    states: list[Any] = [hl.gaussian(0.3)]
    stress = [0.0]
    for duration in np.diff(IMAGE_TIMES):
        run = hl.evolve(model, hl.Startup(IMAGE_RATE), states[-1], until=duration, rtol=RTOL)
        states.append(run.final)
        stress.append(float(run.stress[-1]))
    return states, np.array(stress)


def compute() -> Result:
    """Run everything."""
    model, narrow, broad = hl.Model(ALPHA), hl.gaussian(0.3), hl.gaussian(0.8)
    startups = {
        rate: hl.evolve(model, hl.Startup(rate), narrow, until=strain / rate, rtol=RTOL)
        for rate, strain in STRAINS.items()
    }
    states, image_stress = _pieces(model)
    period = 2.0 * math.pi / OMEGA
    oscillations = {
        gamma0: hl.evolve(model, hl.Oscillation(gamma0, OMEGA), narrow, until=n * period, rtol=RTOL)
        for gamma0, n in PERIODS.items()
    }
    ageing = {
        alpha: hl.evolve(hl.Model(alpha), hl.Cessation(), broad, until=AGES, rtol=AGEING_RTOL)
        for alpha in (0.5, ALPHA)
    }
    faces = np.linspace(1.0 - WINDOW, 1.0, 9)
    P = ageing[ALPHA].final.mass(faces, model.thresholds)[0] / np.diff(faces)
    slope = np.polyfit(0.5 * (faces[1:] + faces[:-1]) - 1.0, P, 1)[0]
    return Result(
        startups,
        {rate: hl.steady_state(model, rate).stress for rate in STRAINS},
        states,
        image_stress,
        oscillations,
        {
            gamma0: harmonics(run.time, run.stress, gamma0, OMEGA, number=ORDERS)
            for gamma0, run in oscillations.items()
        },
        ageing,
        float(slope),
    )


def check(result: Result) -> None:
    """Assert what the figure claims."""
    # (a) the end is the exact stationary state; rtol bounds what the run may miss
    overshoot = {}
    for rate, run in result.startups.items():
        assert abs(run.stress[-1] / result.steady[rate] - 1.0) < RTOL, (rate, run.stress[-1])
        assert np.abs(run.mass_error).max() < 1e-12
        overshoot[rate] = run.stress.max() / result.steady[rate]
    # values of runs at rtol 1e-6; these lie within 2e-4 of them: the run's own error and the
    # spacing of its rows at the peak
    assert abs(overshoot[0.01] - 1.41046) < 5e-4, overshoot
    assert abs(overshoot[0.1] - 1.31621) < 5e-4, overshoot
    assert overshoot[1.0] < 1.0 + RTOL, overshoot  # none: the stress rises throughout

    # (b) 55 runs, each going on from the last, follow the one run: as many remaps of rtol/10 each
    # at worst; measured 5e-5 of a stress of 0.5
    whole = result.startups[IMAGE_RATE]
    at = np.interp(IMAGE_TIMES, whole.time, whole.stress)
    assert np.abs(result.image_stress - at).max() < 6.0 * RTOL
    assert result.image_stress.argmax() == np.abs(IMAGE_TIMES - 6.5).argmin()

    # (c) periodic; then the second half of a period mirrors the first, and even orders vanish: what
    # is left (measured 3e-6) is what the steps of the two halves differ in, below rtol
    for gamma0, spectrum in result.spectra.items():
        assert spectrum.periodicity < RTOL, (gamma0, spectrum.periodicity)
        assert spectrum.intensity[1::2].max() < 0.1 * RTOL, (gamma0, spectrum.intensity)
        assert abs(spectrum.mean) < 0.1 * RTOL
        assert spectrum.intensity[2] > 0.05, (gamma0, spectrum.intensity)
        # the work of a period, the area of the loop, is pi gamma0^2 G''_1; rows are dense enough
        # for the trapezoid to 1e-3
        run = result.oscillations[gamma0]
        begin = run.time[-1] * (1.0 - 1.0 / PERIODS[gamma0])
        x, y = (
            np.append(np.interp(begin, run.time, column), column[run.time > begin])
            for column in (run.strain, run.stress)
        )
        area = np.trapezoid(y, x)
        assert abs(area / (math.pi * gamma0**2 * spectrum.loss[0]) - 1.0) < 1e-3, (gamma0, area)
    storage = [result.spectra[gamma0].storage[0] for gamma0 in PERIODS]
    assert storage[0] > storage[1] > storage[2] > 0.0  # strain softening
    # so large a loop dissipates more than it stores, a small one less
    loss = [result.spectra[gamma0].loss[0] for gamma0 in PERIODS]
    assert loss[0] < storage[0]
    assert loss[2] > storage[2]

    # (d) ageing: D t has come within 1 % of its limit (measured 0.4 %)
    critical, below = result.ageing[0.5], result.ageing[ALPHA]
    product = critical.diffusion[-1] * critical.time[-1] * 2.0 * math.pi**2
    assert abs(product - 1.0) < 0.01, product
    # arrest: D t^2 changes by less than 1 % in the last decade; measured 0.4 %
    decade = np.interp([0.1 * AGES, AGES], below.time, below.diffusion * below.time**2)
    assert abs(decade[1] / decade[0] - 1.0) < 0.01, decade
    # What arrests it: with n the mass over one threshold and q = -P'(c) the slope inside, the layer
    # gives n = D q as D -> 0, and D = 2 alpha n; so q -> 1/(2 alpha). P is curved, and the slope
    # over the window falls short by its order (measured 0.3 % at 1e-3, 0.8 % at 3e-3).
    assert abs(-2.0 * ALPHA * result.slope - 1.0) < 0.01, result.slope


def draw(result: Result, place: Axes) -> None:
    """Draw the four panels in the figure of ``place``, in its stead."""
    figure = instead_of(place)
    (a, b), (c, d) = figure.subplots(2, 2)

    for colour, (rate, run) in zip(COLOURS, result.startups.items(), strict=False):
        hl.plot.stress_strain(run, a, color=colour, label=f"{rate:g}")
        a.plot([6.0, 6.6], 2 * [result.steady[rate]], "--", color="k", lw=1.0)
    a.plot([], [], "k--", lw=1.0, label="stationary\n(exact)")
    a.set_xlim(0.0, 6.6)
    a.set_ylim(0.0, 1.35)
    a.legend(
        loc="center right", bbox_to_anchor=(1.0, 0.6), ncols=2,
        title=r"shear rate $\dot\gamma\,G_0\tau/\sigma_c$", title_fontsize=7,
    )

    image = hl.plot.density_image(IMAGE_TIMES, result.states, b, faces=np.linspace(-1.1, 2.0, 311))
    b.axhline(1.0, color="w", ls="--", lw=0.8)
    b.axhline(-1.0, color="w", ls="--", lw=0.8)
    b.text(14.7, -0.97, "threshold", color="w", fontsize=7, ha="right", va="bottom")
    figure.colorbar(image, ax=b, label=r"$\sigma_c\,P(\sigma,t)$")

    for colour, (gamma0, run) in zip(COLOURS, result.oscillations.items(), strict=False):
        hl.plot.lissajous(run, OMEGA, c, color=colour, label=f"{gamma0:g}")
    c.set_ylim(-0.95, 1.3)
    c.legend(
        loc="upper center", ncols=3, title=r"strain amplitude $\gamma_0\,G_0/\sigma_c$",
        title_fontsize=7,
    )

    for colour, alpha, slope in ((COLOURS[1], 0.5, -1.0), (COLOURS[0], ALPHA, -2.0)):
        hl.plot.ageing(
            result.ageing[alpha], d, guides=(slope,), color=colour, label=rf"$\alpha={alpha:g}$"
        )
    d.set_xlim(1e-2, AGES)
    d.set_ylim(1e-12, 1.0)
    d.legend(loc="lower left")

    titles = {
        rf"(a) startup, $\alpha={ALPHA}$": a,
        rf"(b) startup at rate {IMAGE_RATE}, $\alpha={ALPHA}$": b,
        rf"(c) oscillation, $\alpha={ALPHA}$, $\omega\tau={OMEGA}$": c,
        "(d) after a quench": d,
    }
    for title, ax in titles.items():
        ax.set_title(title, loc="left", fontsize=8)


if __name__ == "__main__":
    make("transients", compute, check, draw, size=(2.0 * COLUMN, 1.6 * COLUMN))
