"""Run random models x protocols x starts in time and count failures.

    python -m validation.claims.reliability [--count 10000] [--seed 0]

The number of a case seeds its random draws, so that ``--only N`` repeats case N. Each run must end
without NaN or negative mass, keep the total mass, hold an imposed stress, and give the mirrored run
for the mirrored protocol and start; in every fifth case, scaled stresses must give the scaled run.
One run of 1e6 fixed steps follows, for the drift of the mass.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import scipy.stats

import hebraud as hl
from hebraud._typing import Floats
from hebraud.model.coupling import Coupling
from hebraud.model.protocols import Imposed
from hebraud.model.relaxation import Relaxation
from hebraud.model.starts import Start
from hebraud.model.thresholds import Thresholds
from hebraud.solvers.transient.evolve import march

MASS = 1e-10
"""Largest error of the total mass; the tails of a Gaussian beyond 8.6 widths are 1e-17."""


@dataclass(frozen=True)
class Case:
    """Numbers from which a model, a protocol and a start are made, at any scale of stress."""

    coupling: tuple[str, float]
    relaxation: tuple[str, float, float]
    thresholds: tuple[str, float, float]
    exponent: float
    protocol: tuple[str, float, float]
    start: tuple[float, float]
    until: float
    rtol: float

    def model(self, scale: float = 1.0) -> hl.Model:
        """Return the model with every stress multiplied by ``scale``."""
        kind, alpha = self.coupling
        # the noise of drops is already a square of stresses
        couplings: dict[str, Callable[[], Coupling]] = {
            "activity": lambda: hl.ActivityNoise(alpha * scale**2),
            "drop": lambda: hl.DropNoise(alpha),
            "fixed": lambda: hl.FixedNoise(alpha * scale**2),
        }
        landing, a, b = self.relaxation
        relaxations: dict[str, Callable[[], Relaxation]] = {
            "drop": lambda: hl.FractionalDrop(a),
            "residual": lambda: hl.ResidualStress(b * scale),
            "gaussian": lambda: hl.GaussianLanding(a, b * scale),
        }
        rule, c, spread = self.thresholds
        samples = [x * c * scale for x in (1.0 - spread, 1.0, 1.0 + 1.5 * spread)]
        law = scipy.stats.norm(c * scale, 0.5 * spread * c * scale)
        thresholds: dict[str, Callable[[], Thresholds | float]] = {
            "one": lambda: c * scale,
            "redrawn": lambda: hl.Redrawn(samples),
            "quenched": lambda: hl.Quenched(samples),
            "normal": lambda: hl.Redrawn(law),
        }
        yielding = hl.PowerRate(self.exponent) if self.exponent else hl.ConstantRate()
        return hl.Model(
            couplings[kind](),
            relaxation=relaxations[landing](),
            thresholds=thresholds[rule](),
            yielding=yielding,
        )

    def imposed(self, scale: float = 1.0) -> Imposed | hl.Sequence:
        """Return the protocol with its stresses multiplied by ``scale`` (negative: mirrored)."""
        kind, size, other = self.protocol
        x = size * scale
        protocols: dict[str, Callable[[], Imposed | hl.Sequence]] = {
            "startup": lambda: hl.Startup(x),
            "cessation": hl.Cessation,
            "step": lambda: hl.StrainStep(x),
            "oscillation": lambda: hl.Oscillation(x, other),
            "creep": lambda: hl.Creep(x),
            "jump": lambda: hl.ShearRate(
                lambda t: x if t < 0.4 * self.until else -0.5 * x, [0.4 * self.until]
            ),
            "sequence": lambda: hl.Sequence(
                [
                    (hl.Startup(x), 0.5 * self.until),
                    (hl.Creep(0.4 * x), 0.3 * self.until),
                    (hl.StrainStep(-x), 0.2 * self.until),
                ]
            ),
        }
        return protocols[kind]()

    def run(self, scale: float = 1.0, mirrored: bool = False) -> hl.History:
        """Run it."""
        sign = -1.0 if mirrored else 1.0
        mean, std = (x * scale for x in self.start)
        start: Start = hl.gaussian(std)
        if mean != 0.0:
            start = hl.density(Shifted(sign * mean, std))
        until = None if self.protocol[0] == "sequence" else self.until
        return hl.evolve(
            self.model(scale),
            self.imposed(sign * scale),
            start,
            until,
            rtol=self.rtol,
            # atol holds for stress and for activity, and the activity does not scale
            atol=1e-9,
        )


@dataclass(frozen=True)
class Shifted:
    """A Gaussian about a mean."""

    mean: float
    std: float

    def __call__(self, s: Floats) -> Floats:
        """Return the density at stresses s."""
        z = (s - self.mean) / self.std
        return np.exp(-0.5 * z**2) / (self.std * math.sqrt(2.0 * math.pi))


def draw(rng: np.random.Generator) -> Case:
    """Return a random case."""

    def choice(*words: str) -> str:
        return str(rng.choice(words))

    coupling = choice("activity", "activity", "drop", "fixed")
    relaxation = choice("drop", "residual", "gaussian", "classical", "classical")
    drop = 1.0 if relaxation == "classical" else float(rng.uniform(0.3, 1.0))
    relaxation = "drop" if relaxation == "classical" else relaxation
    protocol = choice("startup", "cessation", "step", "oscillation", "creep", "jump", "sequence")
    # imposed stresses where the model flows at a rate that a short run can follow
    size = (
        rng.uniform(-0.9, 0.9)
        if protocol == "creep"
        else (rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-2.0, 0.3))
    )
    mean = rng.uniform(-0.5, 0.5) if rng.random() < 0.3 else 0.0
    # noise of full drops above 1/2 makes <s^2> grow for ever: no run can follow that to its end
    most = 0.4 if coupling == "drop" else 1.0
    return Case(
        (coupling, float(most * 10.0 ** rng.uniform(-2.0, 0.0))),
        (relaxation, drop, float(rng.uniform(0.05, 0.4))),
        (
            choice("one", "one", "redrawn", "quenched", "normal"),
            float(rng.uniform(0.7, 1.4)),
            float(rng.uniform(0.05, 0.4)),
        ),
        float(rng.choice([0.0, 0.0, 0.5, 1.0])),
        (protocol, float(size), float(10.0 ** rng.uniform(-0.5, 0.7))),
        (float(mean), float(rng.uniform(0.1, 1.0))),
        float(10.0 ** rng.uniform(-0.5, 0.9)),
        float(10.0 ** rng.uniform(-3.0, -2.0)),
    )


COLUMNS = {"time": 1, "strain": -1, "shear_rate": -1, "stress": -1, "activity": 1, "diffusion": 1}


def _far(a: hl.History, b: hl.History, rtol: float, factors: Mapping[str, float]) -> list[str]:
    """Compare two runs that are one up to factors: all along if their steps agree, else the ends.

    The arithmetic is the same, but a number of cells on the edge between two, or a step on the edge
    of being accepted, may fall either way by round-off: from there both are runs of one tolerance.
    """
    alike = a.time.size == b.time.size and np.allclose(a.time, b.time, rtol=1e-6, atol=1e-12)
    problems = []
    for name, factor in factors.items():
        x, y = getattr(a, name), factor * getattr(b, name)
        size = float(np.max(np.abs(x)))
        x, y = (x, y) if alike else (x[-1:], y[-1:])
        # the last term: a stress that is zero by symmetry, on grids that may differ by a cell
        allowed = (1.0 if alike else 10.0) * rtol * size + 1e-4 * rtol
        if not np.max(np.abs(x - y)) <= allowed:
            problems.append(f"{name} off by {np.max(np.abs(x - y)):.2e} (allowed {allowed:.2e})")
    return problems


def problems_of(case: Case, scale: float | None = None) -> list[str]:
    """Return what is wrong with the runs of one case: nothing, one hopes."""
    try:
        run = case.run()
        found = []
        for name in (*COLUMNS, "mass_error"):
            if not np.all(np.isfinite(getattr(run, name))):
                found.append(f"{name} is not finite")
        least = float(getattr(run.final, "masses").min())  # noqa: B009 - the state of a run on a grid
        if not least >= 0.0:
            found.append(f"negative mass {least:.2e}")
        if not (run.activity.min() >= 0.0 and run.diffusion.min() >= 0.0):
            found.append("negative activity")
        # a shifted start is a quadrature: its total is what that makes it, and must stay
        kept = run.mass_error - (run.mass_error[0] if case.start[0] else 0.0)
        if not np.max(np.abs(kept)) < MASS:
            found.append(f"mass error {np.max(np.abs(kept)):.2e}")
        if not np.all(np.diff(run.time) >= 0.0):
            found.append("time runs backwards")
        if case.protocol[0] == "creep":
            miss = float(np.max(np.abs(run.stress - case.protocol[1])))
            if not miss < 1e-12 * max(1.0, abs(case.protocol[1])):
                found.append(f"imposed stress missed by {miss:.2e}")
        mirrored = _far(run, case.run(mirrored=True), case.rtol, COLUMNS)
        found += [f"mirrored: {problem}" for problem in mirrored]
        if scale is not None:
            powers = {"time": 0, "activity": 0, "diffusion": 2}
            if case.exponent == 0.0:  # a rate that depends on overstress in sigma_c does not scale
                factors = {name: scale ** -powers.get(name, 1) for name in COLUMNS}
                scaled = _far(run, case.run(scale=scale), case.rtol, factors)
                found += [f"scaled by {scale:g}: {problem}" for problem in scaled]
    except Exception as error:  # a failure of this case; the next one runs
        return [f"{type(error).__name__}: {error}"]
    return found


@dataclass
class Result:
    """Failures by the number of the case."""

    count: int
    seconds: float = 0.0
    slowest: tuple[float, int] = (0.0, -1)
    failures: dict[int, list[str]] = field(default_factory=dict)


def numbered(seed: int, number: int) -> tuple[Case, float | None]:
    """Return case ``number`` of the list, and the factor by which it is scaled, if it is."""
    rng = np.random.default_rng([seed, number])
    case = draw(rng)
    return case, float(rng.choice([0.01, 0.5, 7.0])) if number % 5 == 0 else None


def compute(count: int = 10_000, seed: int = 0, progress: bool = False) -> Result:
    """Run the list."""
    result, begin = Result(count), time.perf_counter()
    for number in range(count):
        start = time.perf_counter()
        case, scale = numbered(seed, number)
        found = problems_of(case, scale)
        if found:
            result.failures[number] = found
            if progress:
                print(f"case {number}: {'; '.join(found)}\n  {case}", flush=True)
        result.slowest = max(result.slowest, (time.perf_counter() - start, number))
        if progress and (number + 1) % max(count // 20, 1) == 0:
            spent = time.perf_counter() - begin
            failed = len(result.failures)
            print(f"{number + 1} of {count}, {failed} failed, {spent:.0f} s", flush=True)
    result.seconds = time.perf_counter() - begin
    return result


def drift(steps: int = 1_000_000) -> tuple[float, float]:
    """Return the largest change of the total mass over fixed steps, and round-off x sqrt(steps)."""
    model, protocol = hl.Model(0.3), hl.Oscillation(0.5, 1.0)
    start: Start = hl.gaussian(0.3)
    worst, first = 0.0, None
    for _ in range(max(steps // 50_000, 1)):
        run = march(model, protocol, start, 2500.0, None, 1e-3, 1e-9, 60, 0.05)
        total = 1.0 + run.mass_error
        first = total[0] if first is None else first
        worst, start = max(worst, float(np.max(np.abs(total - first)))), run.final
    return worst, 1.1e-16 * math.sqrt(2.0 * steps)


def check(result: Result) -> None:
    """Assert that nothing failed."""
    assert not result.failures, f"{len(result.failures)} of {result.count} failed"


def main(arguments: list[str] | None = None) -> int:
    """Run the list and say what came out; 1 where a case failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="repeat one case")
    parser.add_argument("--drift-steps", type=int, default=1_000_000, help="0 leaves it out")
    given = parser.parse_args(arguments)
    if given.only is not None:
        case, scale = numbered(given.seed, given.only)
        found = problems_of(case, scale)
        print(case, *(found or ["no problem"]), sep="\n")
        return 1 if found else 0
    result = compute(given.count, given.seed, progress=True)
    print(f"{result.count} cases in {result.seconds:.0f} s (slowest: {result.slowest[0]:.1f} s, "
          f"case {result.slowest[1]}), {len(result.failures)} failed")  # fmt: skip
    failed = bool(result.failures)
    if given.drift_steps:
        worst, expected = drift(given.drift_steps)
        print(f"mass over {given.drift_steps} steps: {worst:.2e}; round-off x sqrt: {expected:.2e}")
        failed |= worst > 20.0 * expected
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
