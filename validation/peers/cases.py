"""Define the cases of the comparison and their true values, which no tool computes.

All are the classical model in reduced units, D = alpha Gamma with D d2P/ds2: the convention of
every tool here. The truths: matched exponentials in 40 digits (flow curve), the spectral elements
and Radau of ``work_precision.py`` (startup), Laplace transform in 30 digits (moduli).
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version

import mpmath as mp
import numpy as np

from validation import DATA
from validation.claims import work_precision

ALPHA = 0.3
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
STARTUP_RATE, STD, TIMES = 0.1, 0.025**0.5, np.linspace(0.0, 20.0, 81)  # the start of RheoJAX
FLUID, FREQUENCIES = 0.6, (0.3, 1.0, 3.0, 10.0)
STARTUP = DATA / "peers_startup.csv"


@dataclass(frozen=True)
class Answer:
    """Values of a case; if available, the error of the total mass and the least relative density.

    ``compiling``: those of the seconds that every call spends on compiling, where the tool tells.
    """

    values: np.ndarray
    facts: tuple[float, float] | None = None
    compiling: float = 0.0


@dataclass(frozen=True)
class Run:
    """One tool at one setting on one case; ``look`` returns facts outside the measured time."""

    case: str
    tool: str
    setting: str
    call: Callable[[], Answer]
    look: Callable[[], tuple[float, float]] | None = None


def density_facts(masses: np.ndarray, widths: np.ndarray | float) -> tuple[float, float]:
    """Return the error of the whole mass, and the least density over the largest."""
    density = masses / widths
    return float(abs(masses.sum() - 1.0)), float(density.min() / density.max())


def worst(facts: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the largest mass error and the least density of several runs."""
    errors, least = zip(*facts, strict=True)
    return max(errors), min(least)


def exact_stress(rate: float, alpha: float = ALPHA) -> float:
    """Return the stationary stress: exponentials matched at -1, 0 and 1, D by secant."""
    with mp.workdps(40):
        g = mp.mpf(rate)

        def state(D: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
            """Return activity and stress for a given D, by the density for Gamma = 1."""
            k, root = g / D, mp.sqrt(g * g + 4 * D)
            left, right, e = (g + root) / (2 * D), (root - g) / (2 * D), mp.exp(-k)
            # P = a e^{left (s+1)} | b + c e^{k s} | d + h e^{k (s-1)} | m e^{-right (s-1)}
            matrix = mp.matrix([
                [1, -1, -e, 0, 0, 0], [left, 0, -k * e, 0, 0, 0],
                [0, 1, 1, -1, -e, 0], [0, 0, k, 0, -k * e, 0],
                [0, 0, 0, 1, 1, -1], [0, 0, 0, 0, k, right],
            ])  # fmt: skip
            a, b, c, d, h, m = mp.lu_solve(matrix, mp.matrix([0, 0, 0, 1 / D, 0, 0]))
            inner = (1 - e) / k
            mass = a / left + m / right + b + d + (c + h) * inner
            moment = m * (1 / right + 1 / right**2) - a * (1 / left + 1 / left**2)
            moment += (d - b) / 2 + h * (1 - inner) / k + c * (e - inner) / k
            return 1 / mass, moment / mass

        bracket = (mp.log(g / (1 + g) / 50), mp.log(alpha))
        root = mp.findroot(
            lambda x: mp.log(alpha * state(mp.exp(x))[0]) - x, bracket, solver="anderson"
        )
        return float(state(mp.exp(root))[1])


def exact_modulus(omega: float, alpha: float = FLUID) -> complex:
    """Return G* about the state of rest with noise: the linearised equation's transform."""
    with mp.workdps(30):
        z = mp.mpc(0, omega)
        y = (mp.sqrt(4 * mp.mpf(alpha) - 1) - 1) / 2
        D = y * y
        activity = D / alpha
        B, slope = activity / (2 * y), activity / (2 * D)
        kappa, m = mp.sqrt(z / D), mp.sqrt((1 + z) / D)
        sinh, cosh = mp.sinh(kappa), mp.cosh(kappa)
        matching = mp.matrix([[sinh, -1], [kappa * cosh, m]])
        source = mp.matrix([B / y - slope * (1 - cosh), slope * kappa * sinh - B / y**2])
        C, outer = mp.lu_solve(matching, source)
        inside = slope * (0.5 - sinh / kappa + (cosh - 1) / kappa**2)
        inside += C * (cosh / kappa - sinh / kappa**2)
        outside = B / y * (y + y * y) + outer * (1 / m + 1 / m**2)
        return complex(2 * (inside + outside))


def spectral_startup(resolution: int) -> np.ndarray:
    """Return the stress at TIMES: spectral elements in stress, Radau in time."""
    order, finest, tolerance = work_precision.RESOLUTIONS[resolution]
    pieces = ((lambda t: STARTUP_RATE, 0.0, float(TIMES[-1])),)
    elements = work_precision.Elements(order, finest, work_precision.RATIO, work_precision.REACH)
    ((t, stress),) = elements.run(work_precision.Case(None, STD, None, pieces), tolerance)
    return work_precision.spline(t, stress)(TIMES)


def regenerate() -> None:
    """Make the truth of the startup anew (minutes), and show that two resolutions agree."""
    check, stress = spectral_startup(0), spectral_startup(1)
    apart = float(np.abs(check - stress).max())
    if apart > work_precision.AGREEMENT:
        raise RuntimeError(f"{apart:.1e} apart is more than {work_precision.AGREEMENT:.0e}")
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    with STARTUP.open("w", encoding="utf-8") as file:
        file.write(
            f"# stress in startup at rate {STARTUP_RATE} from a Gaussian of variance {STD**2:.3g};"
            f" classical model, alpha = {ALPHA}, reduced units\n"
            "# source: validation/claims/work_precision.py, spectral elements, Radau in time\n"
            "# command: python -m validation.peers.compare --regenerate\n"
            f"# versions: python {platform.python_version()}, {versions}; date: {date.today()}\n"
            f"# tolerance: {work_precision.AGREEMENT:.0e}, the most by which two resolutions may"
            f" differ; found {apart:.0e}; under a tenth of the least error measured against it\n"
            "time,stress\n"
        )
        for t, value in zip(TIMES, stress, strict=True):
            file.write(f"{t:g},{value:.12f}\n")
    print(f"wrote {STARTUP.name}: {apart:.1e} apart")


@cache
def truth(case: str) -> np.ndarray:
    """Return the true values of a case."""
    if case == "startup":
        return np.loadtxt(STARTUP, delimiter=",", skiprows=6)[:, 1]
    if case == "modulus":
        return np.array([exact_modulus(omega) for omega in FREQUENCIES])
    return np.array([exact_stress(rate) for rate in RATES])


def errors(case: str, values: np.ndarray) -> np.ndarray:
    """Return relative errors: of each value, or of a startup over its largest stress."""
    scale = np.abs(truth(case))
    return np.abs(values - truth(case)) / (scale.max() if case == "startup" else scale)
