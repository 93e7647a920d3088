"""Measures of speed: ``make bench``; ``make bench ARGS=--write`` updates docs/benchmarks.md.

Every row states its limit, and what it was held against in the same run. Times are minima over
repetitions on one core: the machine is shared, and the minimum is what the code costs.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

import hebraud as hl
from hebraud.analytic import exact
from hebraud.analytic.renewal import cycle
from validation import ROOT

ALPHAS = (0.1, 0.3, 0.5, 0.8)
RATES = (1e-4, 1e-2, 1.0, 10.0)
REPORT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Row:
    """One measure: name, value, unit, limit, and a note on the method."""

    what: str
    value: float
    unit: str
    limit: float | None
    how: str
    least: float | None = None

    @property
    def holds(self) -> bool:
        """Return True if there is no limit, or the value is within it (and not below ``least``)."""
        over = self.limit is not None and self.value > self.limit
        return not (over or (self.least is not None and self.value < self.least))

    @property
    def allowed(self) -> str:
        """Return the limits in words."""
        if self.limit is None:
            return ""
        least = "≤" if self.least is None else f"{self.least:g} …"
        return f"{least} {self.limit:g} {self.unit}"


def fastest(call: Callable[[], object], repetitions: int) -> float:
    """Return the least time of a call, in seconds."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def exact_points() -> list[Row]:
    """Time 10,000 shuffled rates, a fresh alpha each repetition, all checked by other code."""
    rng = np.random.default_rng(0)
    rates = rng.permutation(np.geomspace(1e-14, 1e8, 10_000))
    hl.flow_curve(hl.Model(0.3), rates)
    times, worst = [], 0.0
    alphas = [*rng.uniform(0.01, 1.0, 40), *10.0 ** rng.uniform(-6, 6, 40), 0.5]
    for alpha in alphas:
        model = hl.Model(float(alpha))
        start = time.perf_counter()
        curve = hl.flow_curve(model, rates)
        times.append(time.perf_counter() - start)
        worst = max(worst, _error(float(alpha), rates, curve))
    six = np.geomspace(1e-4, 10.0, 6)
    return [
        Row(
            "exact stationary state, a point (worst alpha)",
            1e6 * max(times) / rates.size,
            "µs",
            1.0,
            "10,000 shuffled rates 1e-14 … 1e8, 81 fresh alphas 1e-6 … 1e6, no stored table",
        ),
        Row(
            "exact stationary state, a point (median alpha)",
            1e6 * float(np.median(times)) / rates.size,
            "µs",
            1.0,
            "the same",
        ),
        Row(
            "largest error of these points over max(1, conditioning)",
            worst,
            "relative",
            1e-12,
            "against the plain renewal formulas in numpy, other code than the kernel",
        ),
        Row(
            "six rates, as a user calls it",
            1e3 * fastest(lambda: hl.flow_curve(hl.Model(0.3), six), 200),
            "ms",
            2.0,
            "a closed form with a general root finder needs 2 … 22 ms (see below)",
        ),
        Row(
            "the same six rates by a general root finder",
            1e3 * fastest(lambda: _general_root_finder(0.3, six), 20),
            "ms",
            None,
            "scipy's brentq on the plain formula, to 1e-12, in this run",
        ),
    ]


def _error(alpha: float, rates: np.ndarray, curve: hl.FlowCurve) -> float:
    """Return the largest relative error of D and stress over max(1, conditioning), by renewal.

    One Newton step in ln D with the other code's residual says how far D is off.
    """
    D = np.asarray(curve.diffusion)
    one = cycle(np.array(1.0), np.array(0.0), D, rates)
    conditioning = exact.classical_curve(alpha, rates).error / (8 * np.finfo(float).eps)
    in_diffusion = np.abs(np.log(D * one.time / alpha))
    # the stress of the plain formula cancels below k ~ 1e-3: compare it where it does not
    fair = rates / D > 1e-2
    in_stress = np.abs(one.stress_time / one.time / curve.stress - 1.0)[fair]
    return float(max(in_diffusion.max(), (in_stress / conditioning[fair]).max()))


def _general_root_finder(alpha: float, rates: np.ndarray) -> list[float]:
    from scipy.optimize import brentq

    def excess(log_D: float, g: float) -> float:
        D = np.exp(log_D)
        return float(np.log(D * cycle(np.array(1.0), np.array(0.0), D, g).time / alpha))

    return [brentq(excess, -40.0, np.log(alpha), args=(g,), xtol=1e-12) for g in rates]


def finite_volumes() -> list[Row]:
    """Time warm stationary states at 1e-6, each compared with the exact one."""
    from scipy.linalg import solve_banded

    solver = hl.FiniteVolume(rtol=1e-6)
    worst_time, worst_error, slowest, cells = 0.0, 0.0, "", 0
    for alpha in ALPHAS:
        for g in RATES:
            model = hl.Model(alpha)
            state = hl.steady_state(model, g, solver)
            true = hl.steady_state(model, g)
            error = max(
                abs(state.stress / true.stress - 1), abs(state.diffusion / true.diffusion - 1)
            )
            worst_error = max(worst_error, error)
            spent = fastest(partial(hl.steady_state, model, g, solver), 15)
            if spent > worst_time:
                worst_time, slowest = spent, f"alpha = {alpha}, g = {g:g}"
                grid = getattr(state.distribution, "grid", None)
                cells = 0 if grid is None else grid.widths.size
    bands = np.ones((3, max(cells, 1000)))
    bands[1] = 3.0
    bare = fastest(lambda: solve_banded((1, 1), bands, np.ones(bands.shape[1])), 30)
    return [
        Row("finite volumes at 1e-6, worst of 16 cases", 1e3 * worst_time, "ms", 5.0, slowest),
        Row(
            "largest true error of these cases",
            worst_error,
            "relative",
            1e-6,
            "against the exact state",
        ),
        Row(
            "finest grid of that case: one bare tridiagonal solve",
            1e3 * bare,
            "ms",
            None,
            f"scipy's solve_banded, {bands.shape[1]} cells: the floor of one step",
        ),
    ]


def _fresh(code: str, repetitions: int = 7) -> float:
    """Return the least of what a fresh process prints."""
    runs = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(repetitions)
    ]
    return min(runs)


def fresh_processes() -> list[Row]:
    """Time the import, and the first call with compiled kernels in the cache."""
    light = _fresh(
        "import time, numpy; t = time.perf_counter()\n"
        "import hebraud; print(time.perf_counter() - t)"
    )
    first = _fresh(
        # an extra's package that numpy.f2py would load: hidden, as in the core environment
        "import sys; sys.modules['charset_normalizer'] = None\n"
        "import time, numba; import hebraud as hl; t = time.perf_counter()\n"
        "hl.flow_curve(hl.Model(.3), [1e-3, 1.]); print(time.perf_counter() - t)"
    )
    return [
        Row("import hebraud, beyond numpy's own import", light, "s", 0.15, "fresh process"),
        Row(
            "first exact flow curve, beyond numba's own import",
            first,
            "s",
            0.3,
            "fresh process, compilation cached, core packages only",
        ),
    ]


def _off(row: Row) -> float:
    """Return how far a figure lies from what is allowed."""
    return row.value if row.least is None else abs(row.value - 0.5 * (row.least + (row.limit or 0)))


def quiet(group: Callable[[], list[Row]]) -> list[Row]:
    """Measure again, twice at most, where a limit is missed: the machine is shared."""
    rows = group()
    for _ in range(2):
        if all(row.holds for row in rows):
            break
        again = zip(rows, group(), strict=True)
        rows = [old if old.holds else min(old, new, key=_off) for old, new in again]
    return rows


def _machine() -> str:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba"))
    return (
        f"{cpu}, {os.cpu_count()} cores (shared), Python {platform.python_version()}, {packages}; "
        f"{datetime.date.today().isoformat()}"
    )


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| measure | figure | limit | |", "|---|---|---|---|"]
    for row in rows:
        lines.append(f"| {row.what} | {row.value:.3g} {row.unit} | {row.allowed} | {row.how} |")
    return "\n".join(lines)


GROUPS = (exact_points, finite_volumes, fresh_processes)
PARTS = (
    ("stationary", "bench"),
    ("variants", "bench_variants"),
    ("transients", "bench_transients"),
    ("fits", "bench_fits"),
    ("nonaffine", "bench_nonaffine"),
    ("particles", "bench_particles"),
    ("frozen", "bench_frozen"),
)
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> int:
    """Measure, print, and write where asked; name the limits that are missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="update docs/benchmarks.md")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a limit is missed")
    parser.add_argument("--only", choices=[name for name, _ in PARTS], help="one part, not written")
    options = parser.parse_args()
    if options.only and options.write:
        parser.error("--only measures a part, --write needs all of them")
    groups = [
        group
        for name, module in PARTS
        if options.only in (None, name)
        for group in importlib.import_module(f"benchmarks.{module}").GROUPS
    ]
    rows = [row for group in groups for row in quiet(group)]
    text = f"{_machine()}.\n\n{table(rows)}\n"
    print(text)
    if options.write:
        page = REPORT.read_text(encoding="utf-8")
        head, rest = page.split(BEGIN)
        REPORT.write_text(f"{head}{BEGIN}\n{text}{END}{rest.split(END)[1]}", encoding="utf-8")
        print(f"wrote {REPORT.name}")
    missed = [row for row in rows if not row.holds]
    for row in missed:
        print(f"missed: {row.what}: {row.value:.3g} {row.unit}, allowed {row.allowed}")
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
