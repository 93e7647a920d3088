"""Test the paper's statements on our particles, and write the tables of docs/verdict.md.

``python -m validation.claims.verdict`` computes every number of the page from the shipped campaign,
prints it and checks the page against it; ``--table`` writes the tables. ``statements.py`` lists the
statements.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hebraud import Estimate
from hebraud.md.results.parameters import BlockParameters
from hebraud.md.results.reduction import ROUGH, CampaignResults, DensityResults
from hebraud.rheology.estimate import Missing
from validation import ROOT
from validation.claims import table1
from validation.claims.readings import Prediction, Range, choices, predictions
from validation.claims.statements import (
    REJECTED,
    STATEMENTS,
    SUPPORTED,
    UNDECIDED,
    Found,
    Statement,
    combine,
    judge,
)
from validation.claims.summary import Data, check_summary
from validation.particles import campaign, reduced

PAGE = ROOT / "docs" / "verdict.md"
MARKS = ("<!-- {} -->", "<!-- end of {} -->")
PRINTED = {
    "alpha_HL": Estimate(0.01, 0.0),
    "alpha_micro": table1.ALPHA_MICRO_MEAN,
    "alpha_flow": table1.ALPHA_FLOW_MEAN,
}
_TOGETHER = "all"


@dataclass(frozen=True)
class Finding:
    """A statement with its numbers and verdicts, by density or for all together.

    ``waits`` names what lacks the rates that the statement is about.
    """

    statement: Statement
    found: Mapping[str, Found]
    judged: Mapping[str, str]
    waits: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Return the verdict on all densities."""
        return combine(list(self.judged.values()))


@dataclass(frozen=True, eq=False)
class Result:
    """Content of the page."""

    particles: CampaignResults
    findings: tuple[Finding, ...]
    parameters: Mapping[str, BlockParameters | str]
    predictions: Mapping[str, tuple[Prediction | str, ...]]
    choices: Mapping[str, Sequence[Range]]


def compute(particles: CampaignResults | None = None) -> Result:
    """Judge the statements, solve the modified model, try the other definitions."""
    particles = particles or campaign.load()
    parameters = reduced.parameter_rows(particles)
    curve, measured = reduced.demo()
    seen = {
        f"{density:g}": (at.data[at.measured.shear_rate], at.measured)
        for density, at in particles.at.items()
        if at.parameters is not None and not isinstance(at.measured, Missing)
    }
    curves = {f"{density:g}": at.curve for density, at in particles.at.items()}
    curves |= dict.fromkeys(parameters.keys() - curves.keys(), curve)
    known = {name: one for name, one in parameters.items() if not isinstance(one, str)}
    return Result(
        particles,
        tuple(_finding(one, particles.at) for one in STATEMENTS),
        parameters,
        {name: predictions(one, curves[name]) for name, one in known.items()},
        {name: choices(*one) for name, one in seen.items()}
        or {next(iter(known)): choices(reduced.demo_data(), measured)},
    )


def _finding(statement: Statement, at: Mapping[float, DensityResults]) -> Finding:
    found: dict[str, Found]
    if statement.together is not None:
        found = {_TOGETHER: statement.together(at)}
    else:
        assert statement.each is not None
        found = {f"{density:g}": statement.each(one) for density, one in at.items()}
    decidable = [statement.decidable(one) for one in at.values()]
    if statement.together is not None:
        decidable = [all(decidable)]
    judged = {
        name: judge(one, statement.low, statement.high) if decided else UNDECIDED
        for (name, one), decided in zip(found.items(), decidable, strict=True)
    }
    waits = tuple(name for name, decided in zip(found, decidable, strict=True) if not decided)
    return Finding(statement, found, judged, waits)


# -- the page
def pieces(result: Result) -> dict[str, str]:
    """Return what stands between the page's marks, by name."""
    return {
        "data": _data(result.particles),
        "summary": _summary(result.findings),
        "statements": _statements(result.findings),
        "table 1": table1.table(result.parameters),
        "modified model": _modified(result),
        "definitions": _definitions(result),
    }


def summary_data(result: Result) -> Data:
    """Return the data against which the summary of the page is checked."""
    findings = {one.statement.name: one for one in result.findings}
    own = {f"{density:g}" for density in result.particles.at}
    measured = [one.measured for one in result.particles.at.values()]
    at = [one.shear_rate for one in measured if not isinstance(one, Missing)]
    return Data(
        slowest=min(at, default=float("nan")),
        particles=result.particles.plan.particles,
        found={name: one.found for name, one in findings.items()},
        verdicts={name: one.verdict for name, one in findings.items()},
        predictions={at: rows for at, rows in result.predictions.items() if at in own},
        choices={at: rows for at, rows in result.choices.items() if at in own},
    )


def _data(particles: CampaignResults) -> str:
    rates = sorted(particles.plan.shear_rates, reverse=True)
    lines = [
        "| density | " + " | ".join(f"rate {rate:g}" for rate in rates) + " | parameters at |",
        "|---" * (len(rates) + 2) + "|",
    ]
    for density, at in particles.at.items():
        cells = []
        for one in reversed(at.stresses):
            if not one.seeds:
                cells.append("–")
                continue
            mark = " (rough)" if getattr(one.value, "note", "") == ROUGH else ""
            value = f"{one.value}{mark}" if isinstance(one.value, Estimate) else "no error bar"
            cells.append(f"{value}; {len(one.seeds)} × {one.strain:g}")
        rate = "–"
        if not isinstance(at.measured, Missing):
            data = at.data[at.measured.shear_rate]
            seeds, snapshots = len(data.stress), data.yields
            frozen = (
                "no frozen matrices"
                if isinstance(snapshots, Missing)
                else f"{snapshots.threshold.size} blocks of {len(snapshots.strain)} snapshots"
            )
            rate = f"{at.measured.shear_rate:g}; {seeds} seed{'s' * (seeds > 1)}, {frozen}"
        lines.append(f"| {density:g} | " + " | ".join(cells) + f" | {rate} |")
    missing = particles.missing
    said = f"Not there yet: {missing}." if missing else "The campaign is complete."
    return "\n".join(lines) + f"\n\n{said}\n"


def _summary(findings: Sequence[Finding]) -> str:
    lines = []
    for verdict, head in (
        (SUPPORTED, "Supported"),
        (REJECTED, "Rejected"),
        (UNDECIDED, "Undecided"),
    ):
        of_it = [one for one in findings if one.verdict == verdict]
        lines.append(f"**{head}** ({len(of_it)} of {len(findings)}):\n")
        lines += [f"- {one.statement.claim}: {_values(one)}." for one in of_it] or ["- nothing."]
        lines.append("")
    return "\n".join(lines)


def _values(finding: Finding, judged: bool = False) -> str:
    """Return the numbers, each with its verdict if wanted, and why there are none."""
    said = []
    why: dict[str, list[str]] = {}
    for name, one in finding.found.items():
        if isinstance(one, str):
            why.setdefault(_reason(one), []).append(name)
            continue
        verdict = f" ({finding.judged[name]})" if judged else ""
        over = f", rates {one.note}" if " to " in one.note and judged else ""
        at = "" if name == _TOGETHER else f" at {name}"
        said.append(f"{_number(one)}{at}{over}{verdict}")
    for reason, names in why.items():
        said.append(reason if names == [_TOGETHER] else f"{reason} at {', '.join(names)}")
    if finding.waits:
        at = "" if finding.waits == (_TOGETHER,) else f" at {', '.join(finding.waits)}"
        said.append(f"needs {finding.statement.needs}{at}")
    return "; ".join(said)


def _number(one: Estimate) -> str:
    return str(one) if one.stderr else f"{one.value:.3g}"


def _reason(why: str) -> str:
    return why.removeprefix("none: ").split("; ")[0].split(" (at least")[0][:110]


def _statements(findings: Sequence[Finding]) -> str:
    lines = ["| statement | holds in | because | by density | verdict |", "|---|---|---|---|---|"]
    for one in findings:
        asked = one.statement
        low = "−∞" if np.isneginf(asked.low) else f"{asked.low:g}"
        high = "∞" if np.isposinf(asked.high) else f"{asked.high:g}"
        lines.append(
            f"| {asked.claim} | {low} … {high} | {asked.because} | {_values(one, judged=True)} | "
            f"**{one.verdict}** |"
        )
    return "\n".join(lines) + "\n"


def _modified(result: Result) -> str:
    head = (
        "| density | coupling from | α | critical | predicted stress at the slowest rate "
        "| measured | predicted $\\sigma_Y/\\sigma_c$ | measured "
        "| predicted $A/\\sqrt{G_0\\sigma_c\\tau_p}$ | measured |"
    )
    lines = [head, "|---" * 10 + "|"]
    notes = []
    for name, rows in result.predictions.items():
        found = result.parameters[name]
        assert not isinstance(found, str)
        at = reduced.point_or_why(found)
        if isinstance(at, str):
            notes.append(f"- {name}: {at}\n")
            continue
        for one in rows:
            if isinstance(one, str):
                notes.append(f"- {name}: {one}\n")
                continue
            lines.append(
                f"| {name} | {one.reading} | {one.alpha} | {one.critical:.2f} | "
                f"{one.slow} | {one.measured} | "
                f"{one.yield_stress} | {at.yield_stress} | {one.prefactor} | {at.prefactor} |"
            )
    return "\n".join(lines) + "\n" + ("\n" + "".join(notes) if notes else "")


def _definitions(result: Result) -> str:
    lines = [
        "| density | coupling | as defined | smallest | largest | the paper's |",
        "|---" * 6 + "|",
    ]
    for density, rows in result.choices.items():
        for one in rows:
            ends = [f"{value:.3g} ({choice})" for value, choice in (one.smallest, one.largest)]
            lines.append(
                f"| {density} | {one.name} | {one.value} | {' | '.join(ends)} | {_paper_s(one)} |"
            )
    return "\n".join(lines) + "\n"


def _paper_s(one: Range) -> str:
    printed = next((value for head, value in PRINTED.items() if one.name.startswith(head)), None)
    if printed is None:
        return ""
    error = 2.0 * float(np.hypot(one.value.stderr, printed.stderr))
    inside = one.smallest[0] - error <= printed.value <= one.largest[0] + error
    return f"{printed.value:.2g}, {'inside' if inside else 'outside'}"


def written(page: str, name: str) -> str:
    """Return what a page has between the marks of that name."""
    begin, end = (mark.format(name) for mark in MARKS)
    return page.split(begin)[1].split(end)[0].strip("\n") + "\n"


def write(result: Result, path: Path = PAGE) -> None:
    """Replace what is between the page's marks."""
    page = path.read_text(encoding="utf-8")
    for name, text in pieces(result).items():
        begin, end = (mark.format(name) for mark in MARKS)
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{text.strip(chr(10))}\n{end}{rest.split(end)[1]}"
    path.write_text(page, encoding="utf-8")


def check(result: Result, path: Path = PAGE) -> None:
    """Assert that the page says what the data say, and that the numbers agree with each other."""
    for found in result.parameters.values():
        if not isinstance(found, str):
            table1.check(found)
    for one in result.findings:
        for name, value in one.found.items():
            if isinstance(value, str):  # what is not there decides nothing
                assert one.judged[name] == UNDECIDED, (one.statement.name, name)
    for rows in result.predictions.values():
        for row in rows:
            # drops of a fifth make little noise: the stress of the modified model stays far above
            # the particles' unless its coupling is close to the critical one
            if isinstance(row, Prediction) and row.alpha.value < 0.5 * row.critical:
                assert row.slow.value > 1.5 * row.measured.value, row
    page = path.read_text(encoding="utf-8")
    for name, text in pieces(result).items():
        stale = (
            f"{path.name}: {name} is not what the data say; python -m "
            "validation.claims.verdict --table"
        )
        assert written(page, name) == text.strip("\n") + "\n", stale


def main() -> None:
    """Check the page, or write its numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="write the numbers into the page")
    options = parser.parse_args()
    result = compute()
    if options.table:
        write(result)
    print(pieces(result)["summary"], end="")
    check(result)
    check_summary(PAGE.read_text(encoding="utf-8"), summary_data(result))


if __name__ == "__main__":
    main()
