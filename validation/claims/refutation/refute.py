"""Try to refute the solvers: compare random calls, each with an independent twin.

Runs in time are held to 3 rtol of their largest value; stationary states to twice their own error
estimate and, on grids, to 3 rtol. A case that raises, or takes more than 20 s of processor time, is
refuted too. ``--cases`` scales the list, ``--seed`` draws another, ``--regime NAME --only N``
repeats one case. Exits with 1 where a case is refuted.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import hebraud as hl
from validation.claims.refutation import cases, states
from validation.claims.refutation.cases import Case, Draw, Truth

REGIMES: dict[str, tuple[tuple[Callable[[Draw], Case], int], ...]] = {
    "fast startup": ((cases.fast_startup, 40),),
    "slow startup": ((cases.slow_startup, 25),),
    "no yielding": ((cases.no_yielding, 50),),
    "oscillation": ((cases.oscillation, 40),),
    "strain step": ((cases.strain_step, 35),),
    "creep": ((cases.creep, 30),),
    "pulse": ((cases.pulse, 30),),
    "threshold laws": (
        (states.law_state, 30),
        (states.law_run, 6),
        (states.critical, 14),
        (states.refusal, 6),
    ),
    "extremes": ((states.extreme, 40), (states.viscosity, 10)),
    "slots": ((states.slots_state, 15), (states.slots_run, 20)),
    "Monte Carlo": ((states.monte_carlo, 12),),
}
"""What the list is made of: makers of cases and how many of each."""

ALLOWED = 3.0
ESTIMATES = 2.0
LONGEST = 20.0
ROUNDING = 1e-13
NAMES = {"hl": hl, "np": np, "stats": stats, "Affine": states.Affine,
         "refused": states.refused}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Outcome of a case: error over the promised one, seconds, and the defect if any."""

    name: str
    case: Case
    ratio: float
    seconds: float
    problem: str
    twin_seconds: float = 0.0
    tightened: bool = False


class TooSlow(Exception):
    """Raised if a case takes longer than allowed."""


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return what a call returns, unless it takes too much processor time."""

    def stop(*_: object) -> None:
        raise TooSlow(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def numbered(regime: str, number: int, seed: int) -> Case:
    """Return a case of the list: the same whatever else is run."""
    makers = [maker for maker, count in REGIMES[regime] for _ in range(count)]
    index = list(REGIMES).index(regime)
    return makers[number % len(makers)](Draw(np.random.default_rng([seed, index, number])))


def _tightened(case: Case) -> Truth:
    """Return the weakest twin: the same call with a tolerance 100 times tighter."""
    assert case.rtol is not None
    text = re.sub(r"rtol=[0-9.e-]+", f"rtol={max(case.rtol / 100.0, 1e-9)!r}", case.call)
    values = case.read(eval(text, NAMES))
    size = float(np.abs(values).max())
    return Truth(values, 0.1 * case.rtol * size, size)


def _truth(case: Case) -> Truth | None:
    """Return the twin's word; None where it is too coarse, or takes too long, for a run."""
    try:
        truth = _within(60.0, case.truth)
    except (TooSlow, RuntimeError):
        if case.rtol is None:
            raise
        return None
    if case.rtol is None or case.note == "bars":
        return truth
    return None if truth.error > 0.3 * ALLOWED * case.rtol * truth.size else truth


def judged(name: str, case: Case) -> Outcome:
    """Run one case."""
    begin = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = _within(LONGEST, lambda: eval(case.call, NAMES))
        problem = ""
    except Exception as error:  # counts against the case; the next one runs
        problem = f"{type(error).__name__}: {error}"
    spent = time.process_time() - begin
    if problem:
        return Outcome(name, case, np.inf, spent, problem)
    begin, tight = time.process_time(), False
    try:
        truth = _truth(case)
        tight = truth is None
        if truth is None:
            truth = _within(300.0, lambda: _tightened(case))
    except Exception as error:
        twin = time.process_time() - begin
        return Outcome(name, case, np.nan, spent, f"no twin: {type(error).__name__}: {error}", twin)
    twin = time.process_time() - begin
    values = case.read(result)
    off = np.abs(values - truth.values)
    if case.rtol is not None:
        ratio = float(np.max(np.maximum(off - truth.error, 0.0))) / (case.rtol * truth.size)
        limit, of = ALLOWED, "rtol"
    else:
        relative = float(np.max(np.maximum(off / np.abs(truth.values) - truth.error, 0.0)))
        ratio = relative / max(result.error_estimate, ROUNDING)
        limit, of = ESTIMATES, f"estimate {result.error_estimate:.1e}"
        rtol = getattr(result.solver, "rtol", None)
        if rtol is not None and relative > ALLOWED * rtol:
            problem = f"{relative / rtol:.2g} rtol"
    if not ratio <= limit:
        where = int(np.argmax(off))
        pair = f"{values.flat[where]:.10g} for {truth.values.flat[where]:.10g}"
        problem = f"{ratio:.3g} {of}: {pair}{' (tightened)' if tight else ''}"
    return Outcome(name, case, ratio, spent, problem, twin, tight)


def compute(total: int | None = None, seed: int = 0, regimes: list[str] | None = None,
            tell: Callable[[str], None] = print) -> list[Outcome]:  # fmt: skip
    """Run the list, or a share of it."""
    _within(600.0, lambda: [eval(text, NAMES) for text in _WARM])
    full = sum(count for makers in REGIMES.values() for _, count in makers)
    out = []
    for regime in regimes or list(REGIMES):
        own = sum(count for _, count in REGIMES[regime])
        for k in range(own if total is None else max(1, round(own * total / full))):
            # a share of a list runs through all of its makers
            number = k if total is None else (k * own) // max(1, round(own * total / full))
            found = judged(f"{regime} {number}", numbered(regime, number, seed))
            out.append(found)
            if found.problem:
                spent = f"{found.seconds:.1f} s"
                tell(f"{found.name} ({spent}): {found.problem}\n    {found.case.call}")
    return out


_WARM = (
    "hl.evolve(hl.Model(0.3), hl.Startup(1.0), hl.gaussian(0.3), 0.1, rtol=1e-2)",
    "hl.evolve(hl.Model(0.3), hl.Creep(0.3), hl.gaussian(0.3), 0.1, rtol=1e-2)",
    "hl.evolve(hl.Model(1, relaxation=hl.FractionalDrop(0.5)), hl.Startup(1), hl.gaussian(0.3), 1)",
    "hl.steady_state(hl.Model(0.3), 0.1)",
    "hl.steady_state(hl.Model(0.3, relaxation=hl.FractionalDrop(0.5)), 0.1)",
)
"""Calls that compile the kernels, which is not part of a case's time."""


def check(outcomes: list[Outcome]) -> None:
    """Assert that nothing was refuted."""
    refuted = [outcome.name for outcome in outcomes if outcome.problem]
    assert not refuted, f"{len(refuted)} of {len(outcomes)} refuted: {', '.join(refuted)}"


def table(outcomes: list[Outcome]) -> str:
    """Return the list by regime."""
    head = "regime           cases  refuted  twin tighter  worst error  of which  slowest   which"
    rows = [f"{head}  (error in rtol; of states in their estimate)"]
    for regime in REGIMES:
        own = [o for o in outcomes if o.case.regime == regime]
        if not own:
            continue
        measured = [o for o in own if np.isfinite(o.ratio)]
        worst = max(measured, key=lambda o: o.ratio, default=own[0])
        slow = max(own, key=lambda o: o.seconds)
        rows.append(f"{regime:15s} {len(own):6d} {sum(bool(o.problem) for o in own):8d} "
                    f"{sum(o.tightened for o in own):13d} {worst.ratio:12.2f} "
                    f"{worst.name.rsplit(' ', 1)[1]:>9s} {slow.seconds:7.1f} s "
                    f"{slow.name.rsplit(' ', 1)[1]:>6s}")  # fmt: skip
    spent = sum(o.seconds for o in outcomes), sum(o.twin_seconds for o in outcomes)
    rows.append(f"{len(outcomes)} cases, {sum(bool(o.problem) for o in outcomes)} refuted; "
                f"{spent[0]:.0f} s, and {spent[1]:.0f} s for the twins")  # fmt: skip
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Run the list and say what came out; 1 where a case is refuted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, help="about this many of the list")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regime", choices=list(REGIMES), action="append")
    parser.add_argument("--only", type=int, help="repeat one case of a regime")
    parser.add_argument("--all", action="store_true", help="say every case")
    parser.add_argument("--log", type=Path, help="write the outcomes to a file")
    given = parser.parse_args(arguments)
    if given.only is not None:
        (regime,) = given.regime or ["fast startup"]
        outcomes = [judged(f"{regime} {given.only}", numbered(regime, given.only, given.seed))]
    else:
        outcomes = compute(given.cases, given.seed, given.regime, lambda s: print(s, flush=True))
    if given.all or given.only is not None:
        for o in outcomes:
            how = " (tightened)" if o.tightened else ""
            print(f"{o.name}: {o.ratio:.3g}, {o.seconds:.2f} s, twin {o.twin_seconds:.2f} s{how} "
                  f"{o.problem}\n    {o.case.call}")  # fmt: skip
    print(table(outcomes))
    if given.log:
        given.log.write_text(
            "".join(f"{o.name}\t{o.ratio:.4g}\t{o.seconds:.2f}\t{o.problem}\t{o.case.call}\n"
                    for o in outcomes), encoding="utf-8",
        )  # fmt: skip
    return 1 if any(o.problem for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
