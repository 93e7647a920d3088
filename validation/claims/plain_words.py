"""The verdict in plain words: paragraphs that stand only as long as the data bear out each of them.

A paragraph names the verdicts that it rests on. Where one of them is another, it is left out: the
words can never say what the numbers do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hebraud import Estimate
from validation.claims.readings import Prediction, Range
from validation.claims.statements import BORNE_OUT, NOT_BORNE_OUT, Found
from validation.figures.fig2 import COMMON

PAPER_ALPHA_MICRO = 0.26


@dataclass(frozen=True)
class Said:
    """What the paragraphs are made of.

    ``found`` and ``verdicts`` by the name of the statement; ``predictions`` and ``choices`` by
    density, as the page has them; ``slowest`` the lowest rate that parameters come from,
    ``particles`` in a box.
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
    """Return ``smallest to largest``, or the one number that both are."""
    ends = [_short(value, digits) for value in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _short(value: float, digits: int = 2) -> str:
    return f"{value:#.{digits}g}".rstrip(".") if abs(value) < 99.5 else f"{value:.0f}"


def _flow_curve(said: Said) -> str:
    off = said.values("on the curve")
    lowest = min(off, key=lambda at: off[at])
    closest = min(off, key=lambda at: abs(off[at]))
    asked = said.values("alpha_flow from A").get(lowest)
    if asked is None or abs(off[closest]) > 0.1 or max(off.values()) > 0.1:
        return ""
    apart = said.span("collapse", 100.0)
    return (
        "**The yield stress is the paper's.** It asks the classical model for a coupling of "
        f"{said.span('alpha_flow')} (paper: 0.33 ± 0.02), whatever the density, and the rescaled "
        f"flow curves lie within {apart} % at the reduced rate {COMMON:g}. **The rest of the flow "
        "curve is not.** The same coupling fixes how fast the stress rises with the rate. At "
        f"{closest} it does so as the model says, at {lowest} the prefactor is "
        f"{_short(-100.0 * off[lowest])} % too low and would ask for a coupling of "
        f"{_short(asked)}: one number gives the yield stress, not the flow curve."
    )


def _powers(said: Said) -> list[float]:
    """Return the powers of the activity as which D_sigma goes in slow flow, by both counts."""
    return [*said.values("D over activity").values(), *said.values("D over onsets").values()]


def _noise(said: Said) -> str:
    powers = _powers(said)
    if min(powers) < 1.0:
        return ""
    return (
        "**Local stresses do diffuse, but not as in the model.** Their mean square grows linearly "
        f"in time over {said.span('linear')} decades, and its slope is proportional to the shear "
        f"rate (exponent {said.span('D over rate', digits=3)}). But it is made of few large jumps, "
        f"not of Gaussian noise (excess kurtosis {said.span('Gaussian')}), and it is not "
        "proportional to the number of events, however these are counted: their number grows less "
        "than the rate, even in slow flow, because events that touch in space and time count once "
        f"($D_\\sigma$ goes as its power {span(powers)})."
    )


def _events(said: Said) -> str:
    every = [one for rows in said.choices.values() for one in rows]
    micro = [one for one in every if one.name == "alpha_micro, paper's D"]
    reach = [value for one in micro for value, _ in (one.smallest, one.largest)]
    elsewhere = f" Other admissible definitions give {span(reach)}" if reach else ""
    if reach:
        inside = min(reach) <= PAPER_ALPHA_MICRO <= max(reach)
        elsewhere += ", the paper's number among them." if inside else "."
    return (
        "**Events are what the paper says they are; the noise that goes with them is not.** They "
        f"last {said.span('duration')} $\\tau_0$, are {said.span('size')} diameters wide and "
        f"release {said.span('drop', 100.0)} % of the local yield stress. The coupling made of "
        f"these, eq. (8), is {said.span('alpha_micro')}, or {said.span('alpha_micro halved')} with "
        "the equation's D, and not 0.26; between densities it differs by "
        f"{said.span('alpha_micro of density', 100.0)} % of its mean.{elsewhere} In units of "
        f"$\\sigma_c$ it is {said.span('alpha_HL')}. For a block of the model eq. (8) would say "
        "more than 1 ([why](measurements.md#what-eq-7-sees-in-the-model)): a number such as 0.26 "
        "compares the stress of one place with the events of another."
    )


def _modified(said: Said) -> str:
    every = [one for rows in said.predictions.values() for one in rows]
    rows = [one for one in every if isinstance(one, Prediction)]
    if not rows or any(one.slow.value < 1.5 * one.measured.value for one in rows):
        return ""
    predicted = span([one.yield_stress.value for one in rows])
    ratio = span([one.slow.value / one.measured.value for one in rows])
    return (
        "**Given what was measured, the model is further off than without.** With events that "
        "release the measured fifth, the measured spread of thresholds and the measured coupling, "
        f"its yield stress is {predicted} of the local one, depending on density and reading, and "
        f"its stress at the slowest rate {ratio} times the particles'. The agreement of "
        "$\\alpha_{flow}$ rests on events that release everything, which ours do not."
    )


def _reach(said: Said) -> str:
    if min(_powers(said)) < 1.0 or said.slowest <= 1e-6:
        return ""
    return (
        f"**Where this stops.** The slowest rate is {said.slowest:g}, the paper's 1e-06; boxes "
        f"have {said.particles} particles, not 16 000. The number of events per strain still rises "
        "towards slow flow, so that couplings made of it would be lower there: [what the laws that "
        "fit say at $10^{-6}$, and what the size of the box "
        "changes](measurements.md#size-and-rate)."
    )


#: The verdicts that a paragraph rests on, and the paragraph.
PARAGRAPHS: tuple[tuple[dict[str, str], Callable[[Said], str]], ...] = (
    (
        {
            "alpha_flow": BORNE_OUT,
            "alpha_flow of density": BORNE_OUT,
            "collapse": BORNE_OUT,
            "alpha_flow from A": NOT_BORNE_OUT,
            "on the curve": NOT_BORNE_OUT,
        },
        _flow_curve,
    ),
    (
        {
            "linear": BORNE_OUT,
            "D over rate": BORNE_OUT,
            "Gaussian": NOT_BORNE_OUT,
            "D over activity": NOT_BORNE_OUT,
            "D over onsets": NOT_BORNE_OUT,
        },
        _noise,
    ),
    (
        {
            "duration": BORNE_OUT,
            "drop": BORNE_OUT,
            "alpha_micro": NOT_BORNE_OUT,
            "alpha_micro halved": NOT_BORNE_OUT,
            "alpha_micro of density": NOT_BORNE_OUT,
            "alpha_HL": NOT_BORNE_OUT,
        },
        _events,
    ),
    ({"alpha_flow": BORNE_OUT, "drop": BORNE_OUT}, _modified),
    ({"alpha_micro": NOT_BORNE_OUT, "D over activity": NOT_BORNE_OUT}, _reach),
)


def plain_words(said: Said) -> str:
    """Return the paragraphs whose premises hold, in Markdown."""
    held = [
        words(said)
        for premises, words in PARAGRAPHS
        if all(said.verdicts.get(name) == verdict for name, verdict in premises.items())
    ]
    return "\n\n".join(text for text in held if text) or "These data do not yet bear a summary."
