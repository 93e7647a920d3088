"""Check the summary of docs/verdict.md, which is written by hand, against the data.

The summary rests on verdicts and quotes numbers. If one of them changes, the check fails and names
it; rewrite the summary then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hebraud import Estimate
from validation.claims.readings import Prediction, Range
from validation.claims.statements import REJECTED, SUPPORTED, Found
from validation.figures.fig2 import COMMON

PAPER_ALPHA_MICRO = 0.26
#: The verdicts that the summary rests on, by the name of the statement.
VERDICTS = {
    "alpha_flow": SUPPORTED,
    "alpha_flow of density": SUPPORTED,
    "collapse": SUPPORTED,
    "alpha_flow from A": REJECTED,
    "on the curve": REJECTED,
    "linear": SUPPORTED,
    "D over rate": SUPPORTED,
    "Gaussian": REJECTED,
    "D over activity": REJECTED,
    "D over onsets": REJECTED,
    "duration": SUPPORTED,
    "drop": SUPPORTED,
    "alpha_micro": REJECTED,
    "alpha_micro halved": REJECTED,
    "alpha_micro of density": REJECTED,
    "alpha_HL": REJECTED,
}


@dataclass(frozen=True)
class Data:
    """Numbers, verdicts and predictions of the campaign that the summary quotes.

    ``found`` and ``verdicts`` go by the name of the statement, ``predictions`` and ``choices`` by
    density. ``slowest`` is the lowest rate that gave parameters, ``particles`` the size of a box.
    """

    slowest: float
    particles: int
    found: Mapping[str, Mapping[str, Found]]
    verdicts: Mapping[str, str]
    predictions: Mapping[str, Sequence[Prediction | str]]
    choices: Mapping[str, Sequence[Range]]

    def values(self, name: str) -> dict[str, float]:
        """Return the numbers of a statement, by density."""
        return {at: e.value for at, e in self.found[name].items() if isinstance(e, Estimate)}

    def span(self, name: str, scale: float = 1.0, digits: int = 2) -> str:
        """Return the smallest and the largest number of a statement."""
        return span([scale * value for value in self.values(name).values()], digits)


def span(values: Sequence[float], digits: int = 2) -> str:
    """Return ``smallest to largest``, or one number if both round to it."""
    ends = [rounded(value, digits) for value in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def rounded(value: float, digits: int = 2) -> str:
    """Return a number to so many significant digits, and to a whole one from 100 on."""
    return f"{value:#.{digits}g}".rstrip(".") if abs(value) < 99.5 else f"{value:.0f}"


def phrases(data: Data) -> list[str]:
    """Return the phrases with numbers that the summary must contain."""
    off = data.values("on the curve")
    lowest = min(off, key=lambda at: off[at])
    closest = min(off, key=lambda at: abs(off[at]))
    needed = data.values("alpha_flow from A")[lowest]
    halved, apart = data.span("alpha_micro halved"), data.span("alpha_micro of density", 100.0)
    rows = _predictions(data)
    ratios = span([one.slow.value / one.measured.value for one in rows])
    verdicts = list(data.verdicts.values())
    supported, rejected = verdicts.count(SUPPORTED), verdicts.count(REJECTED)
    return [
        f"{supported} of {len(verdicts)} statements are supported, {rejected} rejected",
        f"a coupling of {data.span('alpha_flow')} (paper: 0.33 ± 0.02)",
        f"agree within {data.span('collapse', 100.0)} % at the reduced rate {COMMON:g}",
        f"At density {closest} the prefactor agrees with this coupling",
        f"at {lowest} it is {rounded(-100.0 * off[lowest])} % too low",
        f"requires a coupling of {rounded(needed)}",
        f"over {data.span('linear')} decades",
        f"(exponent {data.span('D over rate', digits=3)})",
        f"(excess kurtosis {data.span('Gaussian')})",
        f"($D_\\sigma$ grows as its power {span(_powers(data))})",
        f"Events last {data.span('duration')} $\\tau_0$, are {data.span('size')} diameters wide",
        f"release {data.span('drop', 100.0)} % of the local yield stress",
        f"is {data.span('alpha_micro')}, or {halved} with the equation's D",
        f"It varies between densities by {apart} % of its mean",
        f"Other admissible definitions give {span(_definitions(data))}",
        f"In units of $\\sigma_c$ it is {data.span('alpha_HL')}",
        f"a yield stress of {span([one.yield_stress.value for one in rows])} local yield stresses",
        f"its stress is {ratios} times that of the particles",
        f"The slowest rate is {data.slowest:g}",
        f"the boxes hold {data.particles} particles",
    ]


def _powers(data: Data) -> list[float]:
    """Return the exponents of D_sigma against activity in slow flow, by both counts of events."""
    return [*data.values("D over activity").values(), *data.values("D over onsets").values()]


def _predictions(data: Data) -> list[Prediction]:
    every = [one for rows in data.predictions.values() for one in rows]
    return [one for one in every if isinstance(one, Prediction)]


def _definitions(data: Data) -> list[float]:
    """Return the smallest and the largest alpha_micro that other definitions give, by density."""
    every = [one for rows in data.choices.values() for one in rows]
    micro = [one for one in every if one.name == "alpha_micro, paper's D"]
    return [value for one in micro for value, _ in (one.smallest, one.largest)]


def check_summary(page: str, data: Data) -> None:
    """Assert the verdicts, inequalities and numbers of the summary; ``page`` is its text."""
    for name, verdict in VERDICTS.items():
        assert data.verdicts[name] == verdict, f"the summary takes {name!r} for {verdict}"
    off = list(data.values("on the curve").values())
    assert min(abs(one) for one in off) < 0.1, "the summary says that one density agrees"
    assert max(off) < 0.1, "the summary says that the prefactor is too low"
    assert min(_powers(data)) > 1.0, "the summary says that events grow less than the rate"
    for row in _predictions(data):
        assert row.slow.value > 1.5 * row.measured.value, f"the model is close to the data: {row}"
    reach = _definitions(data)
    assert min(reach) <= PAPER_ALPHA_MICRO <= max(reach), "the summary says that 0.26 is in reach"
    assert data.slowest > 1e-6, "the summary says that the paper's slowest rate is not reached"
    text = " ".join(page.split())
    for phrase in phrases(data):
        assert phrase in text, f"the summary does not say {phrase!r}"
