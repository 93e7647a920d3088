"""Test the effect of box size and of low shear rates on stress, D_sigma and plastic activity.

(a) to (c): N = 1000, 4000 and 16 000 at density 1.189 and rates 1e-2 and 1e-3. Campaigns:
plans/N1000.toml, the preset laptop, plans/N16000.toml. (d) to (f): D_sigma/rate and
Gamma/rate of the campaign against the rate, with every law of two parameters that they allow,
extended to 1e-6, the slowest rate of Puosi, Olivier and Martens (2015). Where laws that fit differ
at this rate, the data do not decide.

``python -m validation.particles.finite_size`` draws figures/finite_size.png and .pdf; ``--table``
writes the tables into docs/measurements.md; ``--store RUN`` (of ``hebraud md run --preset
validation/particles/plans/N16000.toml --output RUN``) exports a run to data/finite_size.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from hebraud import Estimate
from hebraud.errors import ConvergenceError
from hebraud.md.campaign.plan_file import read_campaign
from hebraud.md.campaign.workflow.steps import CAMPAIGN
from hebraud.md.measure.plastic import plastic_activity
from hebraud.md.observers import PLASTIC
from hebraud.md.results.reduction import CampaignResults, DensityResults
from hebraud.plot import COLOURS, MARKERS
from validation import DATA, ROOT
from validation.drawing import COLUMN, make, panels
from validation.particles import campaign
from validation.particles.campaign import APART
from validation.particles.provenance import store_run

Floats = NDArray[np.float64]
Found = Estimate | str
STORED = DATA / "finite_size"
PAGE = ROOT / "docs" / "measurements.md"
MARKS = ("<!-- size and rate -->", "<!-- end of size and rate -->")
DENSITY = 1.189
RATES = (1e-3, 1e-2)
SLOWEST = 1e-6
WIDTH = 6.0  # of the blocks that sizes are compared by, in sigma_AA
#: What is compared between sizes: name, and its unit.
QUANTITIES = {
    "stress": r"$\sigma_{xy}$ ($\varepsilon/\sigma^2$)",
    "D_sigma/rate": r"$D_\sigma/\dot\gamma$ ($\varepsilon^2/\sigma^4$)",
    "Gamma/rate": r"$\Gamma/\dot\gamma$, new clusters",
    "onsets/rate": r"$\Gamma/\dot\gamma$, onsets",
    "l_pl": r"$l_{pl}$ ($\sigma$)",
}


@dataclass(frozen=True, eq=False)
class Law:
    """A law of the rate fitted to a quantity: its chi-square, and its value at rate 1e-6.

    ``p_value`` is the chance of a chi-square as large or larger; None where as many parameters as
    rates leave nothing to miss.
    """

    formula: str
    chi_square: float
    freedom: int
    p_value: float | None
    at_slowest: Estimate
    value: Callable[[Floats], Floats]

    @property
    def excluded(self) -> bool:
        """True if chance alone misses by as much in less than one of a hundred cases."""
        return self.p_value is not None and self.p_value < 0.01


@dataclass(frozen=True, eq=False)
class Result:
    """Data of the figure.

    ``sizes`` by N, rate and quantity, for blocks of one width; ``rates`` by density, quantity and
    rate; ``laws`` by quantity, for density 1.189; those of counts leave out rates at which clusters
    are not apart.
    """

    particles: CampaignResults
    sizes: dict[int, dict[float, dict[str, Found]]]
    rates: dict[float, dict[str, dict[float, Estimate]]]
    laws: dict[str, list[Law]]


K = TypeVar("K")


def known(found: Mapping[K, Found]) -> dict[K, Estimate]:
    """Return those that are numbers."""
    return {key: one for key, one in found.items() if isinstance(one, Estimate)}


def compute(particles: CampaignResults | None = None) -> Result:
    """Measure the three sizes, as many as there are, and fit the laws of the rate."""
    particles = particles or campaign.load()
    runs = {particles.plan.particles: particles.at[DENSITY]}
    for folder in sorted(STORED.glob("N*")):
        other = campaign.load(folder)
        runs[other.plan.particles] = other.at[DENSITY]
    sizes = {
        count: {rate: at_one_width(at_rate(at, rate), at, rate) for rate in RATES}
        for count, at in sorted(runs.items())
    }
    rates: dict[float, dict[str, dict[float, Estimate]]] = {}
    for density, at in particles.at.items():
        rows = {rate: at_rate(at, rate) for rate in sorted(particles.plan.shear_rates)}
        rates[density] = {
            name: known({rate: row[name] for rate, row in rows.items()}) for name in QUANTITIES
        }
    own = rates[DENSITY]
    fitted = {"D_sigma/rate": laws(own["D_sigma/rate"])}
    for name in ("Gamma/rate", "onsets/rate"):
        fitted[name] = laws({rate: one for rate, one in own[name].items() if rate <= APART})
    return Result(particles, sizes, rates, fitted)


def at_rate(at: DensityResults, rate: float) -> dict[str, Found]:
    """Return every quantity at one rate, or why it is not there."""
    found: dict[str, Found] = dict.fromkeys(QUANTITIES, f"none: rate {rate:g} has not settled")
    for stress in at.stresses:
        if stress.shear_rate == rate:
            found["stress"] = stress.value
    for one in at.rates:
        if one.shear_rate == rate:
            found["D_sigma/rate"] = one.D_over_rate
            found["Gamma/rate"] = _over(one.Gamma, rate)
            found["onsets/rate"] = _over(one.onsets, rate)
            found["l_pl"] = _length(at, rate)
    return found


def at_one_width(found: dict[str, Found], at: DensityResults, rate: float) -> dict[str, Found]:
    """Return what blocks of width `WIDTH` would give: boxes are cut into whole blocks near it.

    The stress of a block is a mean over its area, and events are those of that area: D_sigma goes
    as W^-2, Gamma as W^2. (Where stresses are correlated over some blocks, D_sigma falls slower.)
    """
    if rate not in at.data:
        return {**found, "W": f"none: rate {rate:g} has not settled"}
    width = at.data[rate].block_width
    factor = {"D_sigma/rate": (width / WIDTH) ** 2}
    factor |= dict.fromkeys(("Gamma/rate", "onsets/rate"), (WIDTH / width) ** 2)
    scaled = {
        name: Estimate(factor[name] * one.value, factor[name] * one.stderr, one.n)
        for name, one in found.items()
        if name in factor and isinstance(one, Estimate)
    }
    return {**found, **scaled, "W": Estimate(width, 0.0)}


def _over(value: Found, rate: float) -> Found:
    return value if isinstance(value, str) else Estimate(value.value / rate, value.stderr / rate)


def _length(at: DensityResults, rate: float) -> Found:
    try:
        return plastic_activity(at.data[rate].records[PLASTIC]).plastic_length
    except (ValueError, ConvergenceError) as error:
        return f"none: {error}"


def laws(found: Mapping[float, Estimate]) -> list[Law]:
    """Fit a constant, a power, a square root and a logarithm of the rate, as far as rates go."""
    rate = np.array(list(found))
    value = np.array([one.value for one in found.values()])
    error = np.array([one.stderr for one in found.values()])
    shapes: dict[str, Callable[[Floats], Floats]] = {
        "a": lambda g: np.ones((1, np.size(g))),
        "a + b sqrt(rate)": lambda g: np.array([np.ones(np.size(g)), np.sqrt(g)]),
        "a + b ln(rate)": lambda g: np.array([np.ones(np.size(g)), np.log(g)]),
    }
    fitted = [
        _linear(name, shape, rate, value, error)
        for name, shape in shapes.items()
        if len(rate) >= (1 if name == "a" else 2)
    ]
    if len(rate) >= 2:  # a power: a straight line in the logarithms
        line = shapes["a + b ln(rate)"]
        fitted.append(_linear("a rate^p", line, rate, np.log(value), error / value, power=True))
    return fitted


def _linear(
    formula: str,
    shape: Callable[[Floats], Floats],
    rate: Floats,
    value: Floats,
    error: Floats,
    power: bool = False,
) -> Law:
    """Fit value = shape(rate)^T x by least squares; a ``power`` is a line in the logarithms."""
    from scipy.stats import chi2

    rows = (shape(rate) / error).T
    covariance = np.linalg.inv(rows.T @ rows)
    best = covariance @ rows.T @ (value / error)
    chi = float(np.sum((rows @ best - value / error) ** 2))
    freedom = len(rate) - len(best)
    far = shape(np.array([SLOWEST]))[:, 0]
    slowest, spread = float(far @ best), float(np.sqrt(far @ covariance @ far))
    if power:
        slowest, spread = float(np.exp(slowest)), float(np.exp(slowest)) * spread

    def line(g: Floats) -> Floats:
        drawn = best @ shape(np.asarray(g))
        return np.exp(drawn) if power else drawn

    p_value = float(chi2.sf(chi, freedom)) if freedom else None
    return Law(formula, chi, freedom, p_value, Estimate(slowest, spread), line)


def yield_stress_of_two(rows: Mapping[float, Mapping[str, Found]]) -> Found:
    """Return the intercept of stress = sigma_Y + A sqrt(rate) through both rates of a size."""
    slow, fast = (rows[rate]["stress"] for rate in RATES)
    if isinstance(slow, str) or isinstance(fast, str):
        return "none: needs both rates"
    lean = np.sqrt(RATES[0] / RATES[1])
    value = (slow.value - lean * fast.value) / (1.0 - lean)
    return Estimate(value, float(np.hypot(slow.stderr, lean * fast.stderr)) / (1.0 - lean))


def check(result: Result) -> None:
    """Assert what these data can decide; claims of which nothing is there are not made."""
    counts = sorted(result.sizes)
    assert 1000 in counts, "the small box is stored"
    for rate in RATES:
        pairs = [
            (result.sizes[n][rate], result.sizes[m][rate]) for n in counts for m in counts if n < m
        ]
        for small, large in pairs:
            # the stress of the smallest box is at most 6 % off: size matters less than density
            for ratio in _ratio(small, large, "stress"):
                assert abs(ratio - 1.0) < 0.06
            # D_sigma is that of a block: it does not know the size of the box to 8 % (three
            # standard errors of the smallest box at the slow rate)
            for ratio in _ratio(small, large, "D_sigma/rate"):
                assert abs(ratio - 1.0) < 0.08
    for density, found in result.rates.items():
        per_strain = found["D_sigma/rate"]
        if len(per_strain) > 1:  # proportional to the rate far better than counts of events are
            values = [one.value for one in per_strain.values()]
            assert max(values) < 2.0 * min(values), (density, values)
        events = found["Gamma/rate"]
        if 1e-3 in events and 1e-2 in events:  # where clusters merge there is little to count
            assert events[1e-3].value > 10.0 * events[1e-2].value, density


def _ratio(one: Mapping[str, Found], other: Mapping[str, Found], name: str) -> list[float]:
    """Return the ratio of two boxes' values, if there are both."""
    small, large = one[name], other[name]
    if isinstance(small, str) or isinstance(large, str):
        return []
    return [small.value / large.value]


def draw(result: Result, ax: Axes) -> None:
    """Draw three panels against the size, three against the rate."""
    at = panels(ax, "AB\nCD\nEF")
    for letter, names in (
        ("A", ("stress",)),
        ("C", ("D_sigma/rate",)),
        ("E", ("Gamma/rate", "onsets/rate")),
    ):
        _against_size(result, at[letter], names)
    for letter, name in (("B", "D_sigma/rate"), ("D", "Gamma/rate"), ("F", "onsets/rate")):
        _against_rate(result, at[letter], name)
    for letter, panel in at.items():
        panel.set_title(f"({letter.lower()})", loc="left", fontsize=8, pad=2)
    missing = [str(n) for n in (1000, 4000, 16_000) if n not in result.sizes]
    said = campaign.caption(result.particles)
    said += f"; sizes not there yet: N = {', '.join(missing)}" if missing else ""
    at["A"].figure.suptitle(said, fontsize=5.5)


def _against_size(result: Result, ax: Axes, names: tuple[str, ...]) -> None:
    """Draw a quantity against N, each rate relative to the largest box that has it."""
    for rate, colour, marker in zip(RATES, COLOURS, MARKERS, strict=False):
        for name, face in zip(names, (colour, "w"), strict=False):
            here = known({n: rows[rate][name] for n, rows in result.sizes.items()})
            if not here:
                continue
            level = here[max(here)].value
            points = np.array([(n, e.value / level, e.stderr / level) for n, e in here.items()])
            label = rf"$\dot\gamma={rate:g}$" + (", onsets" if name[:6] == "onsets" else "")
            style: dict[str, Any] = {"color": colour, "marker": marker, "mfc": face}
            x, y, error = points.T
            ax.errorbar(x, y, error, label=label, ms=3.5, lw=0.7, **style)
    ax.axhline(1.0, color="0.6", lw=0.6, ls=":")
    ax.set_xscale("log")
    ax.set_xlim(600.0, 27_000.0)
    ax.set_xticks([1000, 4000, 16_000], ["1000", "4000", "16 000"], minor=False)
    ax.set_xticks([], minor=True)
    ax.set_xlabel(rf"number of particles $N$, $\rho={DENSITY:g}$")
    blocks = "" if names[0] == "stress" else f", $W={WIDTH:g}$"
    ax.set_ylabel(QUANTITIES[names[0]].split(" (")[0].split(",")[0] + f"{blocks}, relative")
    ax.legend(fontsize=6)


def _against_rate(result: Result, ax: Axes, name: str) -> None:
    for (density, found), colour, marker in zip(
        result.rates.items(), COLOURS, MARKERS, strict=False
    ):
        if found[name]:
            rows = [(r, e.value, e.stderr) for r, e in found[name].items() if e.value > 0.0]
            x, y, error = np.array(rows).T
            style: dict[str, Any] = {"color": colour, "marker": marker, "ls": "none", "ms": 3.5}
            ax.errorbar(x, y, error, label=rf"$\rho={density:g}$", **style)
    fine = np.geomspace(SLOWEST, 3e-2, 100)
    for law, line in zip(result.laws[name], ("-", "--", "-.", ":"), strict=False):
        drawn = law.value(fine)
        shown = drawn > 0.0
        label = law.formula + (" (excluded)" if law.excluded else "")
        ax.plot(fine[shown], drawn[shown], line, color="0.55", lw=0.7, label=label, zorder=0)
    ax.axvspan(SLOWEST, 1e-5, color="0.95", lw=0, zorder=-1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    every = [item for found in result.rates.values() for item in found[name].items()]
    values = [one.value for _, one in every if one.value > 0.0]
    nothing = sorted({rate for rate, one in every if not one.value > 0.0})
    if nothing:
        said = ", ".join(f"{rate:g}" for rate in nothing)
        ax.text(0.97, 0.5, f"none at {said}", transform=ax.transAxes, ha="right", fontsize=6)
    if values:
        ax.set_ylim(min(values) / 3.0, max(values) * 10.0)
    ax.set_xlabel(r"shear rate $\dot\gamma$ ($1/\tau_0$)")
    ax.set_ylabel(QUANTITIES[name])
    ax.legend(fontsize=5.5, ncols=2)


def tables(result: Result) -> str:
    """Return both tables in Markdown."""
    heads = ["W", "stress", "D_sigma/rate", "Gamma/rate", "onsets/rate", "l_pl"]
    rows = [["N", "rate", *heads, "sigma_Y of both rates"]]
    for count, by_rate in result.sizes.items():
        for rate, found in by_rate.items():
            values = [_short(found[name]) for name in heads]
            two = _short(yield_stress_of_two(by_rate)) if rate == RATES[0] else ""
            rows.append([str(count), f"{rate:g}", *values, two])
    laws_of = [["quantity", "law", "chi-square / freedom", "p", f"at {SLOWEST:g}"]]
    for name, fitted in result.laws.items():
        for law in fitted:
            p = "nothing to test" if law.p_value is None else f"{law.p_value:.2g}"
            chi = f"{law.chi_square:.1f} / {law.freedom}"
            laws_of.append([name, law.formula, chi, p, str(law.at_slowest)])
    return f"{_markdown(rows)}\n{_markdown(laws_of)}"


def _short(found: Found) -> str:
    if isinstance(found, str):
        return "none"
    return str(found) if found.stderr else f"{found.value:.3f}"


def _markdown(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"


def write_tables(result: Result) -> None:
    """Replace the tables in docs/measurements.md."""
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    text = f"{before}{MARKS[0]}\n{tables(result)}{MARKS[1]}{after}"
    PAGE.write_text(text, encoding="utf-8")


def store(run: Path) -> str:
    """Export a run of one size into the data that are shipped, with its provenance."""
    name = read_campaign(run / CAMPAIGN).name
    command = (
        f"hebraud md run --preset validation/particles/plans/{name}.toml --output RUN",
        "python -m validation.particles.finite_size --store RUN",
    )
    return store_run(run, STORED / name, command)


def main() -> None:
    """Check, draw, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", metavar="DIR", type=Path, help="a campaign's run, not the data")
    parser.add_argument("--store", metavar="RUN", type=Path, help="export a run of one size")
    parser.add_argument("--table", action="store_true", help="write the tables into the docs")
    given = parser.parse_args()
    if given.store is not None:
        print(store(given.store))
    result = compute(None if given.run is None else campaign.read_run(given.run))
    make("finite_size", lambda: result, check, draw, size=(2.1 * COLUMN, 2.3 * COLUMN))
    print(tables(result))
    if given.table:
        write_tables(result)


if __name__ == "__main__":
    main()
