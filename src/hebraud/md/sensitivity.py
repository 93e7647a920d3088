"""How each coupling moves with each choice that the definitions leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hebraud.md.parameters import BlockParameters
from hebraud.rheology.estimate import Estimate

__all__ = ["SensitivityRow", "sensitivity", "sensitivity_table"]


@dataclass(frozen=True)
class SensitivityRow:
    """The couplings under one choice.

    Attributes
    ----------
    choice : str
        What was chosen otherwise; "as defined" for the reference.
    couplings : dict of str to Estimate or str
        See ``BlockParameters.couplings``.
    change : dict of str to float or None
        Value over the reference's, minus one; None where either has no such coupling.
    """

    choice: str
    couplings: dict[str, Estimate | str]
    change: dict[str, float | None]


def sensitivity(
    reference: BlockParameters, alternatives: Mapping[str, Mapping[str, Estimate]]
) -> list[SensitivityRow]:
    """Return one row of couplings for the reference and one for each alternative.

    Parameters
    ----------
    reference : BlockParameters
        Measured with the definitions as fixed.
    alternatives : mapping of str to mapping of str to Estimate
        For each other choice its name and what it makes of the parameters it changes, such as
        ``{"drop: relaxed": {"drop": Estimate(0.9, 0.1)}}``.
    """
    standard = reference.couplings
    rows = [SensitivityRow("as defined", standard, _change(standard, standard))]
    for choice, estimates in alternatives.items():
        couplings = reference.changed(**estimates).couplings
        rows.append(SensitivityRow(choice, couplings, _change(couplings, standard)))
    return rows


def _change(
    couplings: Mapping[str, Estimate | str], standard: Mapping[str, Estimate | str]
) -> dict[str, float | None]:
    change: dict[str, float | None] = {}
    for name, here in couplings.items():
        there = standard[name]
        both = isinstance(here, Estimate) and isinstance(there, Estimate)
        change[name] = here.value / there.value - 1.0 if both else None  # type: ignore[union-attr]
    return change


def sensitivity_table(rows: Sequence[SensitivityRow]) -> str:
    """Return the rows as a Markdown table, one column a coupling."""
    names = list(rows[0].couplings)
    lines = [
        "| choice | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for row in rows:
        cells = []
        for name in names:
            value, change = row.couplings[name], row.change[name]
            text = str(value) if isinstance(value, Estimate) else "none"
            moved = f" ({100 * change:+.0f} %)" if change and row is not rows[0] else ""
            cells.append(text + moved)
        lines.append(f"| {row.choice} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
