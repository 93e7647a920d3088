"""Draw random runs in time for the refutation list, each with its twin.

A case is a call as one would type it, and a function that makes the truth. Numbers are drawn with
four digits, so that the call as printed is the call as run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtr

from validation.claims.refutation.elements import Elements, Physics, mesh
from validation.claims.refutation.parcels import parcels

Floats = np.ndarray


@dataclass(frozen=True)
class Truth:
    """True values, their error, and the scale to which rtol refers."""

    values: Floats
    error: float
    size: float


@dataclass(frozen=True)
class Case:
    """A call, the columns read from its result, and the function that makes the true values.

    ``rtol`` is what was promised; None: the result's own estimate.
    """

    regime: str
    call: str
    rtol: float | None
    truth: Callable[[], Truth]
    read: Callable[[Any], Floats] = field(default=lambda run: run.stress)
    note: str = ""


class Draw:
    """Source of random numbers of four digits."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def real(self, low: float, high: float) -> float:
        """Return an even number."""
        return float(f"{self.rng.uniform(low, high):.4g}")

    def power(self, low: float, high: float) -> float:
        """Return a number whose logarithm is even."""
        return float(f"{10.0 ** self.rng.uniform(math.log10(low), math.log10(high)):.4g}")

    def choice(self, *of: Any) -> Any:
        """Return one of the arguments."""
        return of[int(self.rng.integers(len(of)))]

    def rtol(self) -> float:
        """Return a tolerance: 1e-3 to 1e-5, rarely 1e-6."""
        return float(self.rng.choice([1e-3, 1e-4, 1e-5, 1e-6], p=[0.35, 0.4, 0.2, 0.05]))


def _call(model: str, protocol: str, start: str, until: float, rtol: float, points: int = 25,
          more: str = "") -> str:  # fmt: skip
    times = f"np.linspace(0, {until!r}, {points})"
    return f"hl.evolve({model}, {protocol}, {start}, {until!r}, {times}, rtol={rtol!r}{more})"


@dataclass(frozen=True)
class Setting:
    """A model with one threshold and fixed landings, as the library and as a twin have it."""

    alpha: float
    std: float
    c: float
    landing: tuple[tuple[float, float], ...]

    @property
    def model(self) -> str:
        """Return the code of the model as a user types it."""
        points, weights = zip(*self.landing, strict=True)
        relaxation = ""
        if len(points) > 1:
            relaxation = f", relaxation=hl.Landing({[*points]}, {[*weights]}, relative=False)"
        elif points[0]:
            relaxation = f", relaxation=hl.ResidualStress({points[0]})"
        threshold = "" if self.c == 1.0 else f", thresholds={self.c}"
        return f"hl.Model({self.alpha}{relaxation}{threshold})"

    @property
    def physics(self) -> Physics:
        """Return the model in plain numbers."""
        lines = tuple((0.0, point, weight) for point, weight in self.landing)
        return Physics((0.0, self.alpha, 0.0), lines, ((self.c, 1.0),))

    @property
    def kinks(self) -> list[float]:
        """Return the stresses at which the density has kinks."""
        points = [0.0, self.c, *(point for point, _ in self.landing)]
        return [*points, *(-p for p in points)]

    def elements(self, ends: tuple[float, float], finest: float, outflow: bool,
                 fine: bool = False) -> Elements:  # fmt: skip
        """Return elements between ends; ``fine``: for a comparison of twins."""
        widest = min(1.2 * self.std, 0.4 * self.c)
        edges = mesh(self.kinks, ends, finest * (0.4 if fine else 1.0), widest)
        return Elements(self.physics, edges, 10 if fine else 8, outflow)

    def outflow(self, least: float, fastest: float, fine: bool = False) -> Elements:
        """Return elements for flow to the right at rates from ``least`` to ``fastest``."""
        back = 25.0 * self.alpha / least  # exp(-25) of those this far over the threshold come back
        left = max(8.6 * self.std, self.c) + min(back, 6.0 * math.sqrt(self.alpha)) + 0.5
        far = max(abs(p) for p, _ in self.landing)
        right = max(self.c, far) + back + 0.3
        finest = min(0.02, 0.3 * self.alpha / fastest)
        return self.elements((-left, right), finest, True, fine)


def _setting(draw: Draw, least: float = 0.1, most: float = 0.45, narrow: float = 0.2) -> Setting:
    landing: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    kind = draw.choice("zero", "zero", "zero", "one", "two")
    c = draw.choice(1.0, 1.0, draw.real(0.6, 1.6))
    if kind == "one":
        landing = ((draw.real(0.1, 0.8 * c), 1.0),)
    elif kind == "two":
        w = draw.real(0.2, 0.8)
        landing = ((draw.real(-0.6, -0.1), w), (draw.real(0.1, 0.55), float(f"{1 - w:.4g}")))
    return Setting(draw.real(least, most), draw.real(narrow, 0.6), c, landing)


Pieces = list[tuple[Callable[[float], float] | None, float]]  # rates (None: creep) and their ends


def elements_truth(elements: Elements, y: Floats, pieces: Pieces, rtol: float, column: int = 0,
                   points: int = 25, stops: Sequence[float] = (), sign: float = 1.0,
                   scale: float = 1.0) -> Truth:  # fmt: skip
    """Return a column of the twin's (stress, activity, strain) at even times of output.

    ``scale`` is about how large the stress is where that is far below one.
    """
    # densities are of order one: below 1e-10 is round-off
    tolerance, begin, parts = max(scale * min(0.01 * rtol, 1e-6), 1e-10), 0.0, []
    given, elements.peak = y, 0.0
    times = np.linspace(0.0, pieces[-1][1], points)
    for rate, end in pieces:
        last = end == pieces[-1][1]
        own = times[(times >= begin) & ((times < end) | last)]
        inside = [t for t in stops if begin < t < end] + ([] if last else [end])
        rows, y = elements.run(y, rate, own, tolerance, begin, inside)
        parts.append(rows)
        begin = end
    values = sign * np.concatenate(parts, axis=1)[column]
    # the largest value of the run, which may be between times of output
    size = max(float(np.abs(values).max()), elements.peak if column == 0 else 0.0)
    if size < 0.1 * scale and tolerance > 1e-10:
        return elements_truth(elements, given, pieces, rtol, column, points, stops, sign, size)
    # errors of densities are even, as these are, but for a share of order ``scale``; twice refined,
    # the stress is nearer still (tests)
    error = max(0.03 * rtol * size, 10.0 * tolerance * scale, 0.1 * tolerance)
    return Truth(values, error, size)


def fast_startup(draw: Draw) -> Case:
    """Startup at 3 ... 1e8 over strains 1 ... 1e6."""
    s, rtol = _setting(draw), draw.rtol()
    g = draw.power(3.0, 1e8)
    strain = draw.power(1.0, min(1e6, 20.0 * g))
    until = float(f"{strain / g:.4g}")

    def truth() -> Truth:
        twin = s.outflow(g, g)
        return elements_truth(twin, twin.start(s.std), [(lambda t: g, until)], rtol)

    call = _call(s.model, f"hl.Startup({g})", f"hl.gaussian({s.std})", until, rtol)
    return Case("fast startup", call, rtol, truth)


def _reach(s: Setting, alpha: float) -> float:
    return max(8.6 * s.std, s.c) + 12.0 * math.sqrt(alpha)


def slow_startup(draw: Draw) -> Case:
    """Startup at 1e-6 ... 3 over strains around one."""
    over = draw.choice(False, False, True)
    s = _setting(draw, 0.6, 1.2, 0.3) if over else _setting(draw, 0.1, 0.45, 0.3)
    g, rtol = draw.power(1e-6, 3.0), draw.rtol()
    until = float(f"{draw.real(0.5, 2.5) / g:.4g}")
    reach = _reach(s, s.alpha) + min(25.0 * g, 6.0 + g * until)
    finest = min(5e-3, 0.3 * math.sqrt(g), 0.3 * s.alpha / max(g, 1.0))

    def truth() -> Truth:
        twin = s.elements((-reach, reach), finest, False)
        scale = min(1.0, 10.0 * g) if over else 1.0
        return elements_truth(twin, twin.start(s.std), [(lambda t: g, until)], rtol, scale=scale)

    call = _call(s.model, f"hl.Startup({g})", f"hl.gaussian({s.std})", until, rtol)
    return Case("slow startup", call, rtol, truth)


def no_yielding(draw: Draw) -> Case:
    """Any protocol far below the threshold: the stress is the strain."""
    rtol = draw.rtol()
    kind = draw.choice("startup", "oscillation", "step", "pulse", "ramp", "sequence")
    until = draw.power(1e-2, 1e2)
    amount = draw.power(1e-3, 3e2)
    start, more = draw.choice("hl.gaussian(0.3)", f"hl.gaussian({draw.power(1e-2, 10.0)})"), ""
    strain: Callable[[Floats], Floats]
    if kind == "startup":
        until = draw.power(1e-6, 1e3)
        g = float(f"{amount / until:.4g}")
        protocol, strain = f"hl.Startup({g})", lambda t: g * t
    elif kind == "oscillation":
        omega = draw.power(1e-2, 1e3)
        until = float(f"{draw.real(0.3, 8.0) * 2.0 * math.pi / omega:.4g}")
        protocol = f"hl.Oscillation({amount}, {omega})"
        strain = lambda t: amount * np.sin(omega * t)  # noqa: E731
    elif kind == "step":
        protocol, strain = f"hl.StrainStep({amount})", lambda t: np.full_like(t, amount)
    elif kind == "pulse":
        at = draw.real(0.15 * until, 0.8 * until)
        width = float(f"{draw.real(0.005, 0.1) * until:.4g}")
        high = float(f"{amount / (width * math.sqrt(2 * math.pi)):.4g}")
        protocol = f"hl.ShearRate(lambda t: {high}*np.exp(-((t-{at})/{width})**2/2))"
        strain = lambda t: (  # noqa: E731
            high * width * math.sqrt(2 * math.pi) * (ndtr((t - at) / width) - ndtr(-at / width))
        )
    elif kind == "ramp":
        power = draw.real(0.5, 4.0)
        protocol = f"hl.ShearRate(lambda t: {amount}*(t/{until})**{power})"
        strain = lambda t: amount * until * (t / until) ** (power + 1) / (power + 1)  # noqa: E731
        amount = min(amount, 500.0)
        if amount * until > 900.0:
            until = 1.0
            protocol = f"hl.ShearRate(lambda t: {amount}*t**{power})"
    else:
        first = float(f"{0.3 * until:.4g}")
        rest = float(f"{0.7 * until:.4g}")
        g = float(f"{amount / first:.4g}")
        protocol = f"hl.Sequence([(hl.Startup({g}), {first}), (hl.Startup({-0.5 * g}), {rest})])"
        strain = lambda t: np.where(t < first, g * t, 0.5 * g * (3.0 * first - t))  # noqa: E731
        until = first + rest
    end = "None" if kind == "sequence" else repr(until)
    times = np.linspace(0.0, until, 33)
    model = f"hl.Model({draw.real(0.1, 1.0)}, thresholds=1e3)"
    call = (f"hl.evolve({model}, {protocol}, {start}, {end}, "
            f"np.linspace(0, {until!r}, 33), rtol={rtol!r}{more})")  # fmt: skip

    def truth() -> Truth:
        values = np.asarray(strain(times))
        return Truth(values, 1e-15, float(np.abs(values).max()))

    return Case("no yielding", call, rtol, truth)


def oscillation(draw: Draw) -> Case:
    """Amplitudes 1e-3 ... 1e3 at 1e-2 ... 1e3."""
    s = _setting(draw)
    amount, omega, rtol = draw.power(1e-3, 1e3), draw.power(1e-2, 1e3), draw.rtol()
    cycles = draw.real(0.3, 2.5)
    rate = amount * omega
    if amount > 8.0 and rate < 300.0:  # neither twin: the strain is long and noise matters
        amount = draw.power(1.0, 8.0)
        rate = amount * omega
    until = float(f"{cycles * 2.0 * math.pi / omega:.4g}")
    protocol = f"hl.Oscillation({amount}, {omega})"
    call = _call(s.model, protocol, f"hl.gaussian({s.std})", until, rtol)
    if amount > 8.0 or rate > 3000.0:

        def truth() -> Truth:
            each = math.ceil(max(12.0, cycles * 400.0 / 24.0))
            comb = np.linspace(0.0, until, 24 * each + 1)
            twin = parcels(
                s.alpha, lambda t: amount * np.sin(omega * t), comb, s.std, s.landing, s.c
            )
            values = twin.stress[::each]
            return Truth(values, twin.error, float(np.abs(values).max()))

        return Case("oscillation", call, rtol, truth, note="parcels")
    reach = _reach(s, min(s.alpha, 0.3 * s.alpha + amount)) + min(2.0 * amount, 25.0 * rate)
    finest = min(5e-3, 0.3 * s.alpha / max(rate, 1.0))

    def truth_of_elements() -> Truth:
        twin = s.elements((-reach, reach), finest, False)
        return elements_truth(
            twin,
            twin.start(s.std),
            [(lambda t: rate * math.cos(omega * t), until)],
            rtol,
            scale=min(1.0, amount),
        )

    return Case("oscillation", call, rtol, truth_of_elements)


def strain_step(draw: Draw) -> Case:
    """Strain steps 1e-3 ... 1e6, then rest."""
    s, rtol = _setting(draw), draw.rtol()
    amount, sign = draw.power(1e-3, 1e6), draw.choice(1.0, -1.0)
    until = draw.power(0.3, 20.0)

    def truth() -> Truth:
        far = amount > 14.0
        reach = _reach(s, s.alpha) + (0.0 if far else amount)
        right = 14.0 - 8.6 * s.std if far else reach
        twin = s.elements((-reach, right), 5e-3, far)
        return elements_truth(
            twin,
            twin.start(s.std, amount),
            [(lambda t: 0.0, until)],
            rtol,
            sign=sign,
            scale=min(1.0, amount),
        )

    call = _call(s.model, f"hl.StrainStep({sign * amount})", f"hl.gaussian({s.std})", until, rtol)
    return Case("strain step", call, rtol, truth)


def creep(draw: Draw) -> Case:
    """Imposed stress 1e-2 ... 1e3: the strain."""
    s, rtol = _setting(draw, narrow=0.3), draw.rtol()
    stress, sign = draw.power(1e-2, 1e3), draw.choice(1.0, -1.0)
    until = draw.power(0.5, 30.0)

    def truth() -> Truth:
        if stress > 2.5 * s.c:
            twin = s.outflow(stress - 1.2 * s.c, 1.5 * stress)
        else:
            reach = _reach(s, s.alpha) + stress + (25.0 * stress if stress > 0.8 * s.c else 6.0)
            twin = s.elements((-_reach(s, s.alpha), reach), 5e-3, False)
        return elements_truth(
            twin, twin.start(s.std, stress), [(None, until)], rtol, 2, sign=sign,
            scale=min(1.0, stress),
        )  # fmt: skip

    call = _call(s.model, f"hl.Creep({sign * stress})", f"hl.gaussian({s.std})", until, rtol)
    return Case("creep", call, rtol, truth, lambda run: run.strain)


def pulse(draw: Draw) -> Case:
    """Pulses and steps of the rate in long quiet runs."""
    rtol = draw.rtol()
    at_rest = draw.choice(True, False)
    alpha, std = draw.real(0.6, 1.2) if at_rest else draw.real(0.1, 0.45), 0.4
    s = Setting(alpha, std, 1.0, ((0.0, 1.0),))
    start = f"hl.rest(hl.Model({alpha}))" if at_rest else f"hl.gaussian({std})"
    until = draw.power(10.0, 1000.0)
    kind = draw.choice("seen", "seen", "narrow", "up")
    area = draw.power(0.05, 3.0)
    more: str = ""
    if kind == "up":
        begin, low = draw.real(0.2 * until, 0.6 * until), draw.power(1e-6, 1e-3)
        until = float(f"{begin + draw.real(2.0, 8.0):.4g}")
        high = float(f"{min(low * 1e6, draw.power(0.1, 20.0)):.4g}")
        protocol = f"hl.ShearRate(lambda t: {low} if t < {begin} else {high}, [{begin}])"
        pieces: Pieces = [(lambda t: low, begin), (lambda t: high, until)]
        stops, fastest = [], high
    else:
        narrow = kind == "narrow"
        width = draw.power(1e-3, 0.1) if narrow else draw.power(1e-3, 1e-2) * until
        width = float(f"{width:.4g}")
        at = draw.real(0.2 * until, 0.8 * until)
        high = float(f"{area / (width * math.sqrt(2.0 * math.pi)):.4g}")
        marks = [float(f"{at + k * width:.10g}") for k in (-8, 0, 8)] if narrow else None
        protocol = (f"hl.ShearRate(lambda t: {high}*np.exp(-((t-{at})/{width})**2/2)"
                    f"{f', {marks}' if marks else ''})")  # fmt: skip
        pieces = [(lambda t: high * math.exp(-(((t - at) / width) ** 2) / 2.0), until)]
        stops, fastest = [at + k * width for k in np.arange(-8.0, 8.1, 0.5)], high
    far = 25.0 * fastest
    reach = 5.0 + 12.0 * math.sqrt(alpha) + (far if kind == "up" else min(far, 4.0 + area))
    finest = min(5e-3, 0.3 * alpha / max(fastest, 1.0))

    def truth() -> Truth:
        twin = s.elements((-reach, reach), finest, False)
        y = twin.start(std)
        if at_rest:
            # P'' = 0 inside, D P'' = P outside, sqrt(D) + D = alpha - 1/2
            root = 0.5 * (math.sqrt(1.0 + 4.0 * (alpha - 0.5)) - 1.0)
            edge = root / (2.0 * alpha)
            a = np.abs(twin.s)
            inside = edge * (1.0 + (1.0 - a) / root)
            y[:-3] = np.where(a < 1.0, inside, edge * np.exp(-(a - 1.0) / root))
        scale = min(1.0, 0.3 * area)
        return elements_truth(twin, y, pieces, rtol, stops=stops, scale=scale)

    call = _call(f"hl.Model({alpha})", protocol, start, until, rtol, more=more)
    return Case("pulse", call, rtol, truth)
