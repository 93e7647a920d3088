"""Draw random stationary states and slots for the refutation list, each with its twin."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from scipy import stats
from scipy.integrate import quad

import hebraud as hl
from validation.claims.refutation.cases import Case, Draw, Truth, elements_truth
from validation.claims.refutation.elements import Elements, Physics, mesh
from validation.claims.refutation.steady import classical, law_average, sample_average, stationary

Floats = np.ndarray


def _state(state: Any) -> Floats:
    return np.array([state.stress, state.activity, state.diffusion])


def _law(draw: Draw) -> tuple[str, list[float], tuple[float, float]]:
    """Return a law as typed, where its density breaks, and its ends."""
    kind = draw.choice("norm", "lognorm", "weibull", "gamma", "pareto", "uniform", "beta",
                       "histogram", "histogram")  # fmt: skip
    inf = math.inf
    if kind == "norm":
        std = draw.real(0.05, 0.5)
        return f"stats.norm(1, {std})", [1.0], (max(0.0, 1.0 - 12.0 * std), 1.0 + 12.0 * std)
    if kind == "lognorm":
        width = draw.real(0.1, 1.8)
        return (f"stats.lognorm({width})", [0.1, 1.0, math.exp(3.0 * width)],
                (math.exp(-9.0 * width), math.exp(15.0 * width)))  # fmt: skip
    if kind == "weibull":
        return f"stats.weibull_min({draw.real(1.5, 4.0)})", [0.1, 1.0, 2.0], (0.0, 12.0)
    if kind == "gamma":
        return f"stats.gamma({draw.real(2.0, 9.0)}, scale=0.2)", [0.1, 1.0, 3.0], (0.0, 20.0)
    if kind == "pareto":
        return f"stats.pareto({draw.real(2.3, 6.0)})", [2.0, 10.0, 100.0], (1.0, inf)
    if kind == "uniform":
        low, width = draw.real(0.2, 0.8), draw.real(0.2, 1.0)
        return f"stats.uniform({low}, {width})", [], (low, low + width)
    if kind == "beta":
        return f"stats.beta({draw.real(1.5, 3.0)}, {draw.real(1.5, 3.0)}, 0.3, 1.2)", [], (0.3, 1.5)
    edges = sorted({draw.real(0.2, 1.8) for _ in range(int(draw.choice(3, 4, 6)))})
    counts = [int(draw.choice(0, 1, 2, 5)) for _ in edges[1:]]
    counts[0], counts[-1] = counts[0] or 1, counts[-1] or 3
    return (f"stats.rv_histogram(({counts}, {edges}), density=False)()", edges[1:-1],
            (edges[0], edges[-1]))  # fmt: skip


def law_state(draw: Draw) -> Case:
    """A stationary state over a law of thresholds, redrawn or kept, with fixed landings."""
    text, breaks, ends = _law(draw)
    kind = draw.choice("Redrawn", "Quenched")
    law = eval(text, {"stats": stats})
    landing: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    relaxation = ""
    rule = draw.choice("zero", "one", "two")
    if rule == "one":
        landing = ((draw.real(0.1, 1.2), 1.0),)
        relaxation = f", relaxation=hl.ResidualStress({landing[0][0]})"
    elif rule == "two":
        landing = ((draw.real(-0.9, -0.1), 0.25), (draw.real(0.1, 1.1), 0.75))
        relaxation = (
            f", relaxation=hl.Landing({[p for p, _ in landing]}, [0.25, 0.75], relative=False)"
        )
    a, g = draw.real(0.05, 0.4), draw.power(3e-2, 3.0)
    alpha, noise = draw.choice((f"{a}", (0.0, a, 0.0)), (f"{a}", (0.0, a, 0.0)),
                               (f"hl.DropNoise({a})", (0.0, 0.0, a)))  # fmt: skip
    breaks = [*breaks, *(abs(p) for p, _ in landing)]
    how = draw.choice("", "", ", hl.FiniteVolume(rtol=1e-4)", ", hl.FiniteVolume(rtol=1e-6)")
    call = f"hl.steady_state(hl.Model({alpha}{relaxation}, thresholds=hl.{kind}({text})), {g}{how})"

    def truth() -> Truth:
        average = law_average(law.pdf, breaks, ends)
        state = stationary(g, noise, average, landing, kind == "Redrawn")
        return Truth(_state(state), 1e-10, 1.0)

    return Case("threshold laws", call, None, truth, _state)


def law_run(draw: Draw) -> Case:
    """A run into the steady flow over a law of thresholds: its end."""
    std, point = draw.real(0.1, 0.3), draw.real(0.3, 0.9)
    kind, rtol = draw.choice("Redrawn", "Quenched"), draw.choice(1e-3, 1e-4, 1e-5)
    alpha, g = draw.real(0.1, 0.3), draw.real(0.3, 1.5)
    law = stats.norm(1.0, std)
    call = (f"hl.evolve(hl.Model({alpha}, relaxation=hl.ResidualStress({point}), thresholds="
            f"hl.{kind}(stats.norm(1, {std}))), hl.Startup({g}), hl.gaussian(0.3), 60.0, "
            f"[60.0], rtol={rtol!r})")  # fmt: skip

    def truth() -> Truth:
        average = law_average(law.pdf, [point, 1.0], (0.0, 1.0 + 12.0 * std))
        state = stationary(g, (0.0, alpha, 0.0), average, ((point, 1.0),), kind == "Redrawn")
        return Truth(np.array([state.stress]), 1e-9, state.stress)

    return Case("threshold laws", call, rtol, truth)


def critical(draw: Draw) -> Case:
    """Critical couplings over a law: (<c^2 - r^2>_{c > r})/2 redrawn, harmonic where kept."""
    text, breaks, ends = _law(draw)
    law = eval(text, {"stats": stats})
    low, high = ends
    kind = draw.choice("Redrawn", "Redrawn", "Quenched")
    residual = 0.0 if kind == "Quenched" else draw.choice(0.0, draw.real(0.1, 1.0))
    if kind == "Quenched" and low < 0.3:
        text, breaks, low, high = "stats.uniform(0.4, 0.9)", [], 0.4, 1.3
        law = stats.uniform(0.4, 0.9)
    relaxation = f", relaxation=hl.ResidualStress({residual})" if residual else ""
    call = f"hl.critical_coupling(hl.Model(0.1{relaxation}, thresholds=hl.{kind}({text})))"

    def truth() -> Truth:
        stops = [low, *sorted({b for b in [*breaks, residual] if low < b < high}), high]

        def mean(f: Any) -> float:
            parts = [quad(lambda c: f(c) * law.pdf(c), a, b, epsabs=1e-15, epsrel=1e-12, limit=500)
                     for a, b in itertools.pairwise(stops)]  # fmt: skip
            return sum(value for value, _ in parts) / float(law.sf(0.0))

        if kind == "Redrawn":
            value = 0.5 * mean(lambda c: max(c * c - residual**2, 0.0))
        else:
            value = 0.5 / mean(lambda c: 1.0 / (c * c))
        return Truth(np.array([value]), 1e-11 * value, value)

    return Case("threshold laws", call, 1e-7, truth, np.atleast_1d)


def refused(call: Any) -> Any:
    """Return "refused" where a call raises an error of the house, else its value."""
    try:
        return call()
    except hl.HebraudError:
        return "refused"


def refusal(draw: Draw) -> Case:
    """Laws whose stress is infinite have no state.

    A block of threshold c carries a stress of c/2 for a time c/g: the mean over time needs <c^2>
    where thresholds are redrawn, and <c> where they are kept.
    """
    kind = draw.choice("Redrawn", "Quenched")
    most = 1.95 if kind == "Redrawn" else 0.95
    law = draw.choice(f"stats.pareto({draw.real(0.3, most)})", "stats.halfcauchy()",
                      f"stats.pareto({draw.real(0.3, most)})", "stats.levy()")  # fmt: skip
    how = draw.choice("", ", hl.FiniteVolume(rtol=1e-4)")
    call = (f"refused(lambda: hl.steady_state(hl.Model({draw.real(0.1, 0.4)}, thresholds="
            f"hl.{kind}({law})), {draw.power(1e-2, 1.0)}{how}))")  # fmt: skip
    return Case("threshold laws", call, 1e-3, lambda: Truth(np.array([1.0]), 0.0, 1.0),
                lambda out: np.array([1.0 if out == "refused" else np.nan]))  # fmt: skip


def viscosity(draw: Draw) -> Case:
    """The viscosity at rest of the classical model, of any threshold: stress over rate in mpmath.

    The stress of the twin is at a rate so small that it is linear in it, to its square.
    """
    c = draw.choice(1.0, draw.power(1e-12, 1e12))
    alpha = float(f"{draw.power(0.51, 1e3) * c * c:.6g}")
    threshold = "" if c == 1.0 else f", thresholds={c}"

    def truth() -> Truth:
        g = 1e-20 * c
        value = classical(alpha, g, c, 200).stress / g
        return Truth(np.array([value]), 1e-13 * value, value)

    return Case("extremes", f"hl.viscosity(hl.Model({alpha}{threshold}))", 1e-9, truth,
                np.atleast_1d)  # fmt: skip


def extreme(draw: Draw) -> Case:
    """The classical state at extremes of alpha, rate and threshold, against mpmath."""
    c = draw.choice(1.0, draw.power(1e-10, 1e10), draw.power(1e-16, 1e16))
    alpha = float(f"{draw.power(1e-6, 1e6) * c * c:.4g}")
    g = float(f"{draw.power(1e-14, 1e8) * c:.4g}")
    kind = draw.choice("wide", "wide", "critical", "beyond", "grid")
    if kind == "critical":
        alpha = float(f"{(0.5 + draw.choice(-1.0, 1.0) * draw.power(1e-6, 1e-2)) * c * c:.8g}")
    elif kind == "beyond":
        alpha, c = draw.power(1e-10, 1e12), 1.0
        g = draw.power(1e-100, 1e12)
    elif kind == "grid":
        c, alpha, g = 1.0, draw.power(1e-2, 1e2), draw.power(1e-4, 1e3)
    how = ", hl.FiniteVolume(rtol=1e-5)" if kind == "grid" else ""
    threshold = "" if c == 1.0 else f", thresholds={c}"
    call = f"hl.steady_state(hl.Model({alpha}{threshold}), {g}{how})"

    def truth() -> Truth:
        # D/g squared cancels on the way, twice
        digits = 60 + int(4.0 * (abs(math.log10(g / c)) + abs(math.log10(alpha / c**2))))
        return Truth(_state(classical(alpha, g, c, digits)), 1e-14, 1.0)

    return Case("extremes", call, None, truth, _state)


class Affine:
    """A coupling as a user writes it: D = d + a Gamma + b (released square)."""

    def __init__(self, *terms: float) -> None:
        self._terms = terms

    def diffusion(self, activity: float, released_square: float) -> float:
        """Return D."""
        d, a, b = self._terms
        return d + a * activity + b * released_square


def _coupling(draw: Draw, a: float) -> tuple[str, tuple[float, float, float]]:
    b = float(f"{0.4 * a:.4g}")
    return draw.choice(
        (f"hl.DropNoise({a})", (0.0, 0.0, a)), (f"hl.FixedNoise({a})", (a, 0.0, 0.0)),
        (f"{a}", (0.0, a, 0.0)), (f"Affine({b}, {a}, {b})", (b, a, b)),
    )  # fmt: skip


def slots_state(draw: Draw) -> Case:
    """A stationary state of other couplings over a few thresholds with fixed landings."""
    values = sorted({draw.real(0.5, 1.5) for _ in range(int(draw.choice(1, 2, 3)))})
    weights = [1.0 / len(values)] * len(values)
    kind = draw.choice("Redrawn", "Quenched")
    a = draw.real(0.05, 0.3)
    coupling, noise = _coupling(draw, a)
    w = draw.real(0.2, 0.8)
    landing = ((draw.real(-0.6, 0.0), w), (draw.real(0.1, 0.4), float(f"{1 - w:.4g}")))
    g = draw.power(2e-2, 3.0)
    how = draw.choice("", ", hl.FiniteVolume(rtol=1e-5)")
    points = [p for p, _ in landing]
    call = (f"hl.steady_state(hl.Model({coupling}, relaxation=hl.Landing({points}, "
            f"{[w for _, w in landing]}, relative=False), thresholds=hl.{kind}({values})), "
            f"{g}{how})")  # fmt: skip

    def truth() -> Truth:
        average = sample_average(values, weights)
        state = stationary(g, noise, average, landing, kind == "Redrawn")
        return Truth(_state(state), 1e-11, 1.0)

    return Case("slots", call, None, truth, _state)


def slots_run(draw: Draw) -> Case:
    """A run of other couplings, landings in proportion to stress and yield laws."""
    rtol = draw.choice(1e-3, 1e-4, 1e-5)
    a = draw.real(0.1, 0.35)
    coupling, noise = _coupling(draw, a)
    rule = draw.choice("drop", "negative", "negative", "fixed", "zero")
    lines: tuple[tuple[float, float, float], ...] = ((0.0, 0.0, 1.0),)
    relaxation = ""
    if rule == "drop":
        f = draw.real(0.5, 0.95)
        lines, relaxation = ((1.0 - f, 0.0, 1.0),), f", relaxation=hl.FractionalDrop({f})"
    elif rule == "negative":
        down, up, w = draw.real(-0.8, -0.1), draw.real(0.1, 0.5), draw.real(0.3, 0.7)
        lines = ((down, 0.0, w), (up, 0.0, float(f"{1 - w:.4g}")))
        relaxation = f", relaxation=hl.Landing([{down}, {up}], [{w}, {lines[1][2]}])"
    elif rule == "fixed":
        lines = ((0.0, draw.real(0.1, 0.7), 1.0),)
        relaxation = f", relaxation=hl.ResidualStress({lines[0][1]})"
    eta = draw.choice(0.0, 0.0, 0.5, 1.0, 2.0)
    if eta:
        relaxation += f", yielding=hl.PowerRate({eta})"
    values = draw.choice([1.0], [1.0], [0.8, 1.2])
    redrawn = draw.choice(True, False)
    thresholds = ""
    if len(values) > 1:
        thresholds = f", thresholds=hl.{'Redrawn' if redrawn else 'Quenched'}({values})"
    std, g = 0.3, draw.power(0.1, 5.0)
    until = float(f"{min(6.0 / g, 20.0):.4g}")
    kind = draw.choice("startup", "oscillation", "creep" if not eta else "startup")
    pieces: Any = [(lambda t: g, until)]
    protocol, column, mean = f"hl.Startup({g})", 0, 0.0
    if kind == "oscillation":
        amount, omega = draw.real(0.3, 2.0), draw.power(0.3, 5.0)
        until = float(f"{6.0 / omega:.4g}")
        protocol = f"hl.Oscillation({amount}, {omega})"
        pieces = [(lambda t: amount * omega * math.cos(omega * t), until)]
    elif kind == "creep":
        mean, until = draw.real(0.1, 0.7), 6.0
        protocol, pieces, column = f"hl.Creep({mean})", [(None, until)], 2
    call = (f"hl.evolve(hl.Model({coupling}{relaxation}{thresholds}), {protocol}, "
            f"hl.gaussian({std}), {until}, np.linspace(0, {until}, 13), rtol={rtol})")  # fmt: skip

    def truth() -> Truth:
        physics = Physics(noise, lines, tuple((v, 1.0 / len(values)) for v in values), redrawn, eta)
        kinks = [0.0, *values, *(o for _, o, _ in lines)]
        level = list(values)
        for _ in range(2):  # images of thresholds under landings in proportion
            level = [k * x for k, _, _ in lines for x in level if k != 0.0]
            kinks += level
        kinks = sorted({round(sign * k, 10) for k in kinks for sign in (1.0, -1.0)})
        speed = amount * omega if kind == "oscillation" else g
        reach = 7.5 + min(20.0 * speed, 6.5) + (4.0 if noise[2] else 0.0)
        twin = Elements(physics, mesh(kinks, (-reach, reach), 0.03, 0.5), 7)
        return elements_truth(twin, twin.start(std, mean), pieces, rtol, column, 13)

    read = (lambda run: run.strain) if column else (lambda run: run.stress)
    return Case("slots", call, rtol, truth, read)


def monte_carlo(draw: Draw) -> Case:
    """A run against a sample of blocks, at the end: 4 standard errors and what it was promised."""
    relaxation = draw.choice(
        f"hl.GaussianLanding({draw.real(0.5, 1.0)}, {draw.real(0.1, 0.3)})",
        f"hl.FractionalDrop({draw.real(0.3, 1.0)})",
        f"hl.Landing([{draw.real(-0.8, -0.1)}, {draw.real(0.1, 0.6)}], [0.4, 0.6])",
    )
    thresholds = draw.choice("1.0", f"hl.Redrawn(stats.norm(1, {draw.real(0.1, 0.3)}))",
                             f"hl.Quenched(stats.uniform(0.6, {draw.real(0.3, 0.9)}))")  # fmt: skip
    coupling = draw.choice(f"{draw.real(0.1, 0.4)}", f"hl.DropNoise({draw.real(0.1, 0.35)})",
                           f"hl.FixedNoise({draw.real(0.02, 0.3)})")  # fmt: skip
    yielding = draw.choice("hl.ConstantRate()", "hl.PowerRate(0.5)", "hl.PowerRate(1.0)")
    model = (f"hl.Model({coupling}, relaxation={relaxation}, thresholds={thresholds}, "
             f"yielding={yielding})")  # fmt: skip
    protocol = draw.choice(
        f"hl.Startup({draw.power(0.1, 3.0)})",
        f"hl.Oscillation({draw.real(0.5, 2.0)}, {draw.real(0.5, 2.0)})",
        f"hl.StrainStep({draw.real(0.5, 3.0)})",
    )
    seed, std = int(draw.rng.integers(1000)), draw.real(0.2, 0.6)
    rest = f"{protocol}, hl.gaussian({std}), 4.0"
    call = f"hl.evolve({model}, {rest}, [1.0, 2.0, 4.0], rtol=1e-4)"

    def truth() -> Truth:
        text = f"hl.simulate_blocks({model}, {rest}, 100_000, 0.02, [1.0, 2.0, 4.0], {seed})"
        sample = eval(text, {"hl": hl, "stats": stats})
        # the scatter between seeds is up to 1.4 times its bar where D is made by the sample
        bar = 4.0 * 1.4 * float(sample.stress_err.max())
        return Truth(sample.stress, bar, float(np.abs(sample.stress).max()))

    return Case("Monte Carlo", call, 1e-4, truth, note="bars")
