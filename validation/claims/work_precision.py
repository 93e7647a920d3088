"""Measure work and precision of runs in time against spectral elements.

The true values share no code with the library: the density of the classical model on
Gauss-Lobatto-Legendre elements graded towards 0 and the thresholds, where landing and yield leave
kinks, and in time scipy's Radau method of fifth order. ``--regenerate`` makes the golden file again
(minutes) at two resolutions and prints their difference. Fast shear, large
oscillations, pulses of the rate and large strain steps have their truth from the banded elements of
``refutation/elements.py``, which allow outflow to the right.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import itertools
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import numpy as np
from matplotlib.axes import Axes
from numpy.polynomial import legendre
from scipy.integrate import Radau
from scipy.interpolate import BSpline, make_interp_spline

import hebraud as hl
from hebraud.model.protocols import Imposed
from hebraud.plot import COLOURS
from validation import DATA
from validation.claims.refutation.elements import Elements as BandedElements
from validation.claims.refutation.elements import Physics, mesh
from validation.drawing import make

GOLDEN = DATA / "work_precision.csv"
RTOLS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)


@dataclass(frozen=True)
class Case:
    """A run: what the library is asked for, and pieces (shear rate, or None and a stress, until).

    ``watched`` is the column that is compared. The coupling is alpha = 0.3. ``elements``: for the
    banded elements, their ends, whether blocks leave at the right one, and the size of the finest;
    ``rows`` of the truth in each piece.
    """

    protocol: Imposed | hl.Sequence | None  # None: a case for the elements alone
    std: float
    until: float | None
    pieces: tuple[tuple[Callable[[float], float] | None, float, float], ...]
    watched: str = "stress"
    elements: tuple[tuple[float, float], bool, float] | None = None
    shift: float = 0.0
    rows: int = 400

    def run(self, rtol: float) -> hl.History:
        """Return the run of the library."""
        assert self.protocol is not None, "a case for the elements alone"
        return hl.evolve(hl.Model(0.3), self.protocol, hl.gaussian(self.std), self.until, rtol=rtol)


def _pulse(t: float) -> float:
    return 0.5 * np.exp(-((t - 50.0) ** 2) / 2.0)


CASES = {
    "startup": Case(hl.Startup(0.1), 0.3, 50.0, ((lambda t: 0.1, 0.0, 50.0),)),
    "slow startup": Case(hl.Startup(0.01), 0.3, 200.0, ((lambda t: 0.01, 0.0, 200.0),)),
    "creep": Case(hl.Creep(0.3), 0.5, 50.0, ((None, 0.3, 50.0),), "strain"),
    "oscillation": Case(
        hl.Oscillation(0.5, 1.0), 0.5, 20.0, ((lambda t: 0.5 * np.cos(t), 0.0, 20.0),)
    ),
    "cessation": Case(
        hl.Sequence([(hl.Startup(0.5), 5.0), (hl.Cessation(), 45.0)]),
        0.3,
        None,
        ((lambda t: 0.5, 0.0, 5.0), (lambda t: 0.0, 0.0, 50.0)),
    ),
    "fast startup": Case(
        hl.Startup(100.0), 0.3, 0.1, ((lambda t: 100.0, 0.0, 0.1),),
        elements=((-4.0, 14.5), False, 1e-3),
    ),
    "large oscillation": Case(
        hl.Oscillation(4.0, 3.0), 0.3, 4.0, ((lambda t: 12.0 * np.cos(3.0 * t), 0.0, 4.0),),
        elements=((-17.0, 17.0), False, 2e-3), rows=2400,
    ),
    "pulse": Case(
        hl.ShearRate(_pulse), 0.4, 100.0, tuple((_pulse, 0.0, t) for t in (44.0, 56.0, 100.0)),
        elements=((-9.0, 9.0), False, 2e-3),
    ),
    "large strain step": Case(
        hl.StrainStep(1e6), 0.3, 10.0, ((lambda t: 0.0, 0.0, 10.0),),
        elements=((-9.0, 11.4), True, 2e-3), shift=1e6,
    ),
}  # fmt: skip


class Elements:
    """The classical equation on Gauss-Lobatto-Legendre elements; the unknowns are nodal densities.

    With test functions v, int v P' = int v_s (g P - D P_s) - int nu v P + Gamma v(0): no flux at
    the ends, and no mass lost, as the nodal v sum to one.
    """

    def __init__(self, order: int, finest: float, ratio: float, reach: float) -> None:
        inside = np.append(
            0.5 * ratio ** np.arange(np.ceil(np.log(0.5 / finest) / -np.log(ratio))), 0
        )
        outside = [1.0 + finest]
        while outside[-1] < reach:
            outside.append(1.0 + min((outside[-1] - 1.0) / ratio, outside[-1] - 1.0 + 0.7))
        half = np.unique(np.concatenate([inside, 1.0 - inside, outside]))
        edges = np.concatenate([-half[:0:-1], half])
        basis = legendre.Legendre.basis(order)
        nodes = np.concatenate([[-1.0], basis.deriv().roots(), [1.0]])
        weights = 2.0 / (order * (order + 1) * basis(nodes) ** 2)
        steps = nodes[:, None] - nodes + np.eye(order + 1)
        scale = steps.prod(axis=1)
        slope = scale[:, None] / scale / steps
        slope[np.diag_indices(order + 1)] = 0.0
        slope -= np.diag(slope.sum(axis=1))
        count = (edges.size - 1) * order + 1
        self.mass = np.zeros(count)
        self.s, self.outside = np.zeros(count), np.zeros(count)
        self.drift, self.noise = np.zeros((2, count, count))
        for k, (a, b) in enumerate(itertools.pairwise(edges)):
            own = slice(k * order, (k + 1) * order + 1)
            J = 0.5 * (b - a)
            self.s[own] = 0.5 * (a + b) + J * nodes
            self.mass[own] += J * weights
            self.outside[own] += J * weights * (abs(0.5 * (a + b)) > 1.0)
            self.drift[own, own] += slope.T * weights
            self.noise[own, own] -= slope.T @ (weights[:, None] * slope) / J
        self.zero = int(np.flatnonzero(edges == 0.0)[0]) * order
        self.drift /= self.mass[:, None]
        self.noise /= self.mass[:, None]
        self.sink = self.outside / self.mass
        self.delta = np.zeros(count)
        self.delta[self.zero] = 1.0 / self.mass[self.zero]

    def rate(self, P: np.ndarray) -> float:
        """Return the shear rate that keeps the stress: what is released."""
        return float(self.outside * self.s @ P)

    def slope(self, t: float, y: np.ndarray, rate: Callable[[float], float] | None) -> np.ndarray:
        """Return dP/dt, and the strain's."""
        P = y[:-1]
        activity = self.outside @ P
        g = self.rate(P) if rate is None else rate(t)
        out = g * (self.drift @ P) + 0.3 * activity * (self.noise @ P) - self.sink * P
        return np.append(out + activity * self.delta, g)

    def jacobian(
        self, t: float, y: np.ndarray, rate: Callable[[float], float] | None
    ) -> np.ndarray:
        """Return the derivatives of :meth:`slope`."""
        P = y[:-1]
        g = self.rate(P) if rate is None else rate(t)
        out = np.zeros((y.size, y.size))
        J = out[:-1, :-1]
        J += g * self.drift + 0.3 * (self.outside @ P) * self.noise - np.diag(self.sink)
        J += np.outer(0.3 * (self.noise @ P) + self.delta, self.outside)
        if rate is None:
            J += np.outer(self.drift @ P, self.outside * self.s)
            out[-1, :-1] = self.outside * self.s
        return out

    def run(self, case: Case, tolerance: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return times and the watched column of every piece, at the steps of the integrator."""
        shift = case.pieces[0][1]
        P = np.exp(-0.5 * ((self.s - shift) / case.std) ** 2) / (np.sqrt(2.0 * np.pi) * case.std)
        y, begin, parts = np.append(P, shift), 0.0, []
        for rate, _, end in case.pieces:
            solver = Radau(
                lambda t, y, rate=rate: self.slope(t, y, rate),
                begin, y, end, rtol=tolerance, atol=tolerance, first_step=1e-9,
                jac=lambda t, y, rate=rate: self.jacobian(t, y, rate),
            )  # fmt: skip
            rows = [(begin, self._watched(case, y))]
            while solver.status == "running":
                solver.step()
                rows.append((solver.t, self._watched(case, solver.y)))
            if solver.status != "finished":
                raise RuntimeError(f"Radau stopped at t = {solver.t}")
            y, begin = solver.y, end
            parts.append(tuple(np.array(rows).T))
        return parts

    def _watched(self, case: Case, y: np.ndarray) -> float:
        return float(y[-1] if case.watched == "strain" else (self.mass * self.s) @ y[:-1])


RESOLUTIONS = ((8, 2e-3, 5e-10), (10, 4e-3, 2e-10))  # order, finest element, tolerance
RATIO, REACH = 0.4, 8.0
AGREEMENT, INTERPOLATION = 1e-9, 2e-10
BANDED = ((8, 1.0, 1e-9), (10, 0.5, 1e-10))  # order, share of the finest element, tolerance
BANDED_AGREEMENT = 2e-8  # relative to the largest value: 2 % of the least tolerance asked of them
Pieces = list[tuple[np.ndarray, np.ndarray]]


def spline(t: np.ndarray, values: np.ndarray) -> BSpline:
    """Return the quintic through a piece of the golden data."""
    return make_interp_spline(t, values, k=5)


def thinned(t: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the fewest every-nth rows whose spline gives all the others."""
    for every in (12, 8, 6, 4, 3, 2, 1):
        chosen = np.unique(np.append(np.arange(0, t.size, every), t.size - 1))
        own = t[chosen], values[chosen]
        if np.abs(spline(*own)(t) - values).max() < INTERPOLATION:
            return own
    raise RuntimeError("even all rows do not hold each other up")


def banded(case: Case, order: int, share: float, tolerance: float) -> Pieces:
    """Return times and the stress of every piece, by banded elements, ``share`` times the finest.

    Even times, of which a quintic spline keeps more digits than are compared.
    """
    assert case.elements is not None
    ends, outflow, finest = case.elements
    edges = mesh([0.0, 1.0, -1.0], ends, share * finest, 0.36 * (share + 0.6))
    elements = BandedElements(Physics((0.0, 0.3, 0.0)), edges, order, outflow)
    y, begin, parts = elements.start(case.std, case.shift), 0.0, []
    for rate, _, end in case.pieces:
        times = np.linspace(begin, end, case.rows + 1)
        first = elements.stress(y)
        (stress, _, _), y = elements.run(y, rate, times[1:], tolerance, begin)
        parts.append((times, np.append(first, stress)))
        begin = end
    return parts


def regenerate() -> None:
    """Make the golden file, and show that two resolutions agree."""
    coarse, fine = (Elements(order, size, RATIO, REACH) for order, size, _ in RESOLUTIONS)
    rows, apart = [], {}
    for name, case in CASES.items():
        if case.elements is not None:
            check, truth = (banded(case, *resolution) for resolution in BANDED)
        else:
            check, truth = (
                elements.run(case, tolerance)
                for elements, (_, _, tolerance) in zip((coarse, fine), RESOLUTIONS, strict=True)
            )
        size = max(1.0, max(float(np.abs(values).max()) for _, values in truth))
        apart[name] = max(
            float(np.abs(spline(*own)(t) - values).max()) / size
            for own, (t, values) in zip(truth, check, strict=True)
        )
        print(f"{name}: the two resolutions are {apart[name]:.1e} apart", flush=True)
        most = AGREEMENT if case.elements is None else BANDED_AGREEMENT
        if apart[name] > most:
            raise RuntimeError(f"{name}: {apart[name]:.1e} is more than {most:.0e}")
        for n, piece in enumerate(truth):
            rows += [
                (name, n, repr(float(t)), f"{v:.13f}")
                for t, v in zip(*(thinned(*piece) if size == 1.0 else piece), strict=True)
            ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    certificate = (
        "stress (strain under creep) of runs in time; classical model, alpha = 0.3, reduced units",
        "source: validation/claims/work_precision.py, spectral elements in stress, Radau in time",
        "command: python -m validation.claims.work_precision --regenerate",
        f"versions: python {platform.python_version()}, {versions}; date: {datetime.date.today()}",
        f"tolerance: {AGREEMENT:.0e}, the most by which two resolutions may differ: (order,"
        f" finest element, tolerance of Radau) = {RESOLUTIONS[0]} and {RESOLUTIONS[1]}, kept;"
        " 2 % of the least error that is measured against it; found "
        + ", ".join(f"{name} {value:.0e}" for name, value in apart.items()),
        f"rows are thinned: a quintic spline of a piece gives those left out to {INTERPOLATION:g}",
    )
    GOLDEN.parent.mkdir(exist_ok=True)
    with GOLDEN.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {line}\n" for line in certificate)
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("case", "piece", "time", "value"))
        out.writerows(rows)
    print(f"wrote {GOLDEN}: {len(rows)} rows")


@cache
def truth() -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the golden data: times and values of every piece of every case."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    with GOLDEN.open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            piece = found.setdefault(row["case"], {}).setdefault(row["piece"], [])
            piece.append((float(row["time"]), float(row["value"])))
    return {
        name: [tuple(np.array(piece).T) for piece in pieces.values()]
        for name, pieces in found.items()
    }


def true_error(name: str, run: hl.History) -> float:
    """Return the largest error of the watched column at the run's own times."""
    values, worst = getattr(run, CASES[name].watched), 0.0
    for t, own in truth()[name]:
        inside = (run.time >= t[0]) & (run.time <= t[-1])
        worst = max(worst, float(np.abs(values - spline(t, own)(run.time))[inside].max()))
    return worst


def size_of(name: str) -> float:
    """Return the largest value of the watched column, of which rtol is a share."""
    return max(float(np.abs(values).max()) for _, values in truth()[name])


@dataclass(frozen=True)
class Result:
    """Return, for every case and RTOLS, the relative true error and processor time in seconds."""

    errors: dict[str, np.ndarray]
    seconds: dict[str, np.ndarray]


def compute(rtols: tuple[float, ...] = RTOLS, names: tuple[str, ...] = tuple(CASES)) -> Result:
    """Run every case at every tolerance."""
    errors, seconds = {}, {}
    for name in names:
        CASES[name].run(1e-2)  # compiles
        rows = []
        for rtol in rtols:
            spent = np.inf
            for _ in range(5 if rtol > 1e-5 else 1):
                begin = time.process_time()
                run = CASES[name].run(rtol)
                spent = min(spent, time.process_time() - begin)
            rows.append((true_error(name, run) / size_of(name), spent))
        errors[name], seconds[name] = np.array(rows).T
    return Result(errors, seconds)


def check(result: Result) -> None:
    """Assert that the error stays within 0.001 to 3 times rtol and that work falls with it."""
    for name, errors in result.errors.items():
        ratio = errors / RTOLS
        assert np.all((ratio > 0.001) & (ratio < 3.0)), (name, ratio)
        assert np.all(np.diff(result.seconds[name]) > 0.0), (name, result.seconds[name])


def draw(result: Result, ax: Axes) -> None:
    """Draw processor time against true error, with the band that is claimed of the startup."""
    for name, colour, marker in zip(CASES, itertools.cycle(COLOURS), "osD^vP*X<", strict=False):
        ax.loglog(result.errors[name], result.seconds[name], marker + "-", color=colour, label=name)
    ax.set_xlabel("largest true error, relative")
    ax.set_ylabel("processor time (s)")
    ax.invert_xaxis()
    ax.legend()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--regenerate", action="store_true", help="make the golden file anew")
    if arguments.parse_args().regenerate:
        regenerate()
    else:
        make("work_precision", compute, check, draw)
