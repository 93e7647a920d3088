"""Compare hebraud with other public tools on the same cases.

``make peers`` builds an environment with RheoJAX, py-pde and FiPy and runs every tool on every case
that it has, at its plain setting and with more work: error against a truth made by none of them,
and wall time. ``ARGS=--write`` stores the measures (validation/data/peers.csv) and the table of
docs/peers.md; ``--stored`` needs no peers: it checks and draws what is stored.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import os
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from hebraud.plot import COLOURS, MARKERS
from validation import DATA, ROOT
from validation.drawing import make
from validation.peers import cases

STORED = DATA / "peers.csv"
PAGE = ROOT / "docs" / "peers.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
TOOLS = {
    "hebraud": "with_hebraud",
    "RheoJAX": "with_rheojax",
    "py-pde": "with_pypde",
    "FiPy": "with_fipy",
}
PACKAGES = ("rheojax", "py-pde", "fipy")
NUMBERS = ("error", "seconds", "processor", "first", "mass_error", "least")
OTHERS = ("numpy", "scipy", "numba", "jax")
CASES = ("flow curve", "startup", "modulus")
COLUMNS = ("tool", "setting", "largest error", "wall (s)", "processor (s)", "first call (s)",
           "mass error", "least density")  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """Result of one tool at one setting on one case.

    ``error`` is the largest relative error; ``seconds`` the least wall time of a call but the
    first, without what it spends on compiling, and ``processor`` its time on all cores; ``first``
    the wall time of the first call in the process; ``mass_error`` and ``least`` (density over its
    largest) are empty where they cannot be seen; ``errors`` are those of every value (not stored
    of a startup).
    """

    case: str
    tool: str
    setting: str
    error: float
    seconds: float
    processor: float
    first: float
    mass_error: float | None
    least: float | None
    errors: tuple[float, ...]


def missing() -> list[str]:
    """Return the packages that are not installed."""
    absent = []
    for package in PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            absent.append(package)
    return absent


def measure(run: cases.Run) -> Measure:
    """Time the first call of a run, and repeat it for about 10 s.

    A run that takes more than 40 s is called once: its time then holds what JAX compiles.
    """
    spent: list[tuple[float, float, float]] = []
    calls = 1
    while len(spent) < calls:
        begin, busy = time.perf_counter(), time.process_time()
        answer = run.call()
        wall, busy = time.perf_counter() - begin, time.process_time() - busy
        share = 1.0 - answer.compiling / wall
        spent.append((wall, wall * share, busy * share))
        if len(spent) == 1 and wall < 40.0:
            calls = 2 + min(50, int(10.0 / wall))
    _, seconds, processor = (min(column) for column in zip(*(spent[1:] or spent), strict=True))
    mass_error, least = run.look() if run.look else answer.facts or (None, None)
    errors = tuple(float(e) for e in cases.errors(run.case, answer.values))
    return Measure(
        run.case, run.tool, run.setting, max(errors), seconds, processor, spent[0][0],
        mass_error, least, errors,
    )  # fmt: skip


def compute(tools: Iterable[str] = TOOLS) -> tuple[Measure, ...]:
    """Measure the tools, all by default, on every case that they have."""
    found = []
    for module in (TOOLS[tool] for tool in tools):
        for run in importlib.import_module(f"validation.peers.{module}").RUNS:
            one = measure(run)
            print(f"{one.tool}, {one.case}, {one.setting}: {one.error:.2g}, {one.seconds:.3g} s",
                  flush=True)  # fmt: skip
            found.append(one)
    return tuple(found)


def of(measures: tuple[Measure, ...], case: str) -> tuple[list[Measure], list[Measure]]:
    """Return the measures of hebraud and of the others on a case."""
    here = [one for one in measures if one.case == case]
    return [m for m in here if m.tool == "hebraud"], [m for m in here if m.tool != "hebraud"]


def check(measures: tuple[Measure, ...]) -> None:
    """Assert what docs/peers.md says of the tools."""
    for case in CASES:
        own, others = of(measures, case)
        for other in others:
            # wherever a peer is, hebraud has a setting of less error in less time
            assert any(m.error < other.error and m.seconds < other.seconds for m in own), other
    ours = {m.setting: m for m in measures if m.tool == "hebraud"}
    assert ours["plain: exact"].error < 1e-12  # round-off
    assert ours["plain: complex_modulus()"].error < 1e-12
    # what evolve says of itself: about rtol
    assert ours["plain: evolve, rtol 1e-6"].error < 3e-6
    for one in ours.values():
        if one.least is not None:
            assert one.least >= 0.0, one
            assert one.mass_error is not None, one
            assert one.mass_error < 1e-11, one  # round-off of thousands of steps
    # every tool does solve the equation: with work its error falls below 5 %
    for tool in TOOLS:
        for case in ("flow curve", "startup"):
            best = min(m.error for m in measures if (m.tool, m.case) == (tool, case))
            assert best < 0.05, (tool, case, best)


def machine() -> str:
    """Return processor, versions and date in a line."""
    names = ["hebraud", *PACKAGES, *OTHERS]
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    python = platform.python_version()
    return (
        f"{processor()}, {os.cpu_count()} cores (shared), Python {python}, {versions};"
        f" {date.today()}"
    )


def processor() -> str:
    """Return the processor's maker and name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = info.read_text(encoding="utf-8").splitlines()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "x86_64")


def store(measures: tuple[Measure, ...], made_on: str) -> None:
    """Write the measures with their birth certificate."""
    with STORED.open("w", newline="", encoding="utf-8") as file:
        file.write("# peers side by side: relative errors, wall times in seconds; see Measure\n")
        file.write("# command: make peers ARGS=--write, which runs validation/peers/compare.py\n")
        file.write(f"# {made_on}\n")
        file.write("# tolerance: errors to the last digit shown; times are of a shared machine\n")
        out = csv.DictWriter(file, [f.name for f in fields(Measure)], lineterminator="\n")
        out.writeheader()
        for one in measures:
            row = asdict(one)
            kept = () if one.case == "startup" else one.errors
            row["errors"] = " ".join(f"{e:.3g}" for e in kept)
            for name in NUMBERS:
                row[name] = "" if row[name] is None else f"{row[name]:.3g}"
            out.writerow(row)


def stored() -> tuple[tuple[Measure, ...], str]:
    """Return the stored measures and the line that says on what they were made."""
    lines = STORED.read_text(encoding="utf-8").splitlines()
    measures = []
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        numbers = {name: float(row[name]) if row[name] else None for name in NUMBERS}
        errors = tuple(float(e) for e in row["errors"].split())
        known: dict[str, Any] = {**row, **numbers, "errors": errors}
        measures.append(Measure(**known))
    return tuple(measures), lines[2].removeprefix("# ")


def table(measures: tuple[Measure, ...], made_on: str) -> str:
    """Return what stands between the marks of docs/peers.md."""
    text = [f"{made_on}.\n"]
    for case in CASES:
        text.append(f"\n**{case.capitalize()}**\n\n{row(COLUMNS)}|{'---|' * len(COLUMNS)}\n")
        for m in (m for m in measures if m.case == case):
            facts = ("not shown" if x is None else f"{x:.1e}" for x in (m.mass_error, m.least))
            times = (f"{x:.2g}" for x in (m.seconds, m.processor, m.first))
            text.append(row((m.tool, m.setting, f"{m.error:.1e}", *times, *facts)))
    rates = [f"{rate:g}" for rate in cases.RATES]
    text.append("\n**Errors of the flow curve, rate by rate**\n\n")
    text.append(row(("tool", "setting", *rates)) + f"|{'---|' * (len(rates) + 2)}\n")
    for m in measures:
        if m.case == "flow curve":
            text.append(row((m.tool, m.setting, *(f"{e:.1e}" for e in m.errors))))
    return "".join(text)


def row(entries: Iterable[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(entries)} |\n"


def write_page() -> None:
    """Put the table of what is stored into docs/peers.md."""
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    text = f"{head}{BEGIN}\n{table(*stored())}{END}{rest.split(END)[1]}"
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {STORED.name} and {PAGE.name}")


def draw(measures: tuple[Measure, ...], ax: Axes) -> None:
    """Draw wall time against error: filled a startup, open a flow curve."""
    for tool, colour, marker in zip(TOOLS, COLOURS, MARKERS, strict=False):
        for case, face in (("startup", colour), ("flow curve", "white")):
            points = sorted(
                (m.error, m.seconds) for m in measures if (m.tool, m.case) == (tool, case)
            )
            ax.loglog(
                *zip(*points, strict=True), marker=marker, color=colour, mfc=face,
                ls="-" if case == "startup" else "", lw=0.8,
                label=tool if case == "startup" else None,
            )  # fmt: skip
    ax.set_xlabel("largest error of the stress, relative")
    ax.set_ylabel("wall time (s)")
    ax.invert_xaxis()
    ax.legend(title="filled: startup\nopen: flow curve", fontsize=7, title_fontsize=7)


def main() -> int:
    """Measure (or read), check, draw; write where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="store, and update docs/peers.md")
    parser.add_argument("--stored", action="store_true", help="check and draw what is stored")
    parser.add_argument("--only", choices=TOOLS, help="measure this one; the others as stored")
    parser.add_argument("--regenerate", action="store_true", help="make the startup's truth anew")
    options = parser.parse_args()
    if options.regenerate:
        cases.regenerate()
        return 0
    if options.stored:
        make("peers", lambda: stored()[0], check, draw)
        return 0
    if absent := missing():
        print(
            f"missing: {', '.join(absent)}. `make peers` builds an environment with all of them"
            " (validation/peers/requirements.txt; Python 3.12 or newer, which RheoJAX asks for);"
            " --stored checks and draws the stored measures without them.",
            file=sys.stderr,
        )
        return 2
    measures, made_on = compute(TOOLS if options.only is None else (options.only,)), machine()
    if options.only is not None:
        before, earlier = stored()
        kept = tuple(one for one in before if one.tool != options.only)
        measures, made_on = measures + kept, f"{earlier}; {options.only} again {date.today()}"
    print(table(measures, made_on))
    if options.write:
        store(measures, made_on)
        write_page()
    make("peers", lambda: measures, check, draw)
    return 0


if __name__ == "__main__":
    sys.exit(main())
