"""Table 1 of Puosi, Olivier and Martens (2015): couplings at four densities, theirs and ours.

``python -m validation.claims.table1`` prints ours, from the shipped campaign, beside theirs.

In the text of the paper the pair 2.57 ± 0.26, 3.28 ± 0.16 stands beside rho = 1.149; it is the row
of column means (docs/errata.md), and is not used here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hebraud import Estimate, closed_form

if TYPE_CHECKING:
    from hebraud.md.results.parameters import BlockParameters

ALPHA_MICRO = {
    1.149: Estimate(0.281, 0.021, note="Table 1"),
    1.189: Estimate(0.247, 0.027, note="Table 1"),
    1.253: Estimate(0.227, 0.024, note="Table 1"),
    1.322: Estimate(0.274, 0.030, note="Table 1"),
}
"""alpha_micro = D_sigma/(drop^2 Gamma) with D_sigma = <ds^2>/t (the paper's convention)."""

ALPHA_FLOW = {
    1.149: Estimate(0.321, 0.012, note="Table 1"),
    1.189: Estimate(0.330, 0.019, note="Table 1"),
    1.253: Estimate(0.328, 0.018, note="Table 1"),
    1.322: Estimate(0.334, 0.018, note="Table 1"),
}
"""alpha from the measured sigma_Y/sigma_c and the model's sigma_Y(alpha)."""


def _mean(column: dict[float, Estimate]) -> Estimate:
    """Return the mean of a column with the mean of its errors, as the paper prints them."""
    n = len(column)
    return Estimate(
        sum(one.value for one in column.values()) / n,
        sum(one.stderr for one in column.values()) / n,
        note="column mean of Table 1",
    )


ALPHA_MICRO_MEAN = _mean(ALPHA_MICRO)
ALPHA_FLOW_MEAN = _mean(ALPHA_FLOW)

READINGS = {"as printed": 1.0, "halved": 0.5}
"""What turns alpha_micro into the alpha of the equation, in which <ds^2> = 2 D t: 1 if the paper's
D_sigma is meant as D, 1/2 if it is <ds^2>/t, as its text says (docs/errata.md)."""

DROP = Estimate(0.20, 0.02, note="Fig. 5 (b), right inset; the paper says about 0.2: error ours")
"""Stress drop of an event over the local yield stress, independent of density."""

SPREAD = Estimate(0.281, 0.027, n=60, note="own particles: 0.96/3.42, 60 blocks of one snapshot")
"""Standard deviation over mean of the local yield stress that a snapshot finds, density 1.189; its
error is that of 60 normal samples."""

OWN_YIELD_STRESS = Estimate(0.202, 0.008, note="own particles: 0.69(1)/3.42(12), density 1.189")
"""sigma_Y/sigma_c of our own particles."""

OWN_PREFACTOR = Estimate(0.38, 0.013, note="own particles: 3.03(8)/sqrt(18.5 x 3.42 x 1)")
"""A/sqrt(G0 sigma_c tau) of our own particles, with G0 = 18.5(5) and tau = 1."""

# -- ours beside them
COLUMNS = (
    "alpha_HL, paper's D",
    "alpha_HL, equation's D",
    "alpha_micro, paper's D",
    "alpha_micro, equation's D",
    "alpha_flow from sigma_Y",
    "alpha_flow from A",
)
_PRINTED = {"alpha_micro, paper's D": ALPHA_MICRO, "alpha_flow from sigma_Y": ALPHA_FLOW}
_HEADS = {
    "alpha_HL, paper's D": "$\\alpha_{HL}$, $D_\\sigma$ (paper: about 0.01)",
    "alpha_HL, equation's D": "$\\alpha_{HL}$, $D$",
    "alpha_micro, paper's D": "$\\alpha_{micro}$, $D_\\sigma$ (paper's value)",
    "alpha_micro, equation's D": "$\\alpha_{micro}$, $D$",
    "alpha_flow from sigma_Y": "$\\alpha_{flow}$ from $\\sigma_Y$ (paper's value)",
    "alpha_flow from A": "$\\alpha_{flow}$ from A",
}


def check(found: BlockParameters) -> None:
    """Assert that the columns mean what their heads say."""
    columns = {name: one for name, one in found.couplings.items() if isinstance(one, Estimate)}
    for name in ("alpha_HL", "alpha_micro"):
        paper, equation = (columns[f"{name}, {whose} D"] for whose in ("paper's", "equation's"))
        # <ds^2>/t is twice the D of the equation, in value and in error
        assert math.isclose(paper.value, 2.0 * equation.value, rel_tol=1e-12), name
        assert math.isclose(paper.stderr, 2.0 * equation.stderr, rel_tol=1e-12), name
    # eqs. (3) and (8) differ by the unit of stress alone
    share = found.drop.value / found.sigma_c.value
    ratio = columns["alpha_HL, paper's D"].value / columns["alpha_micro, paper's D"].value
    assert math.isclose(ratio, share**2, rel_tol=1e-12), (ratio, share)
    # the couplings of the flow curve give back what they were read from
    if "alpha_flow from sigma_Y" in columns:
        back = closed_form.yield_stress_of_alpha(columns["alpha_flow from sigma_Y"].value)
        measured = found.sigma_Y.value / found.sigma_c.value
        assert math.isclose(float(back), measured, rel_tol=1e-9), (back, measured)
    if "alpha_flow from A" in columns:
        back = closed_form.prefactor_of_alpha(columns["alpha_flow from A"].value)
        unit = math.sqrt(found.G0.value * found.sigma_c.value * found.tau_p.value)
        measured = found.A.value / unit
        assert math.isclose(float(back), measured, rel_tol=1e-9), (back, measured)


def table(rows: Mapping[str, BlockParameters | str]) -> str:
    """Return our columns in Markdown, the paper's values in brackets.

    Parameters
    ----------
    rows : mapping
        What the row is called, beginning with its density, to its parameters or why there are none.
    """
    lines = [
        "| density | at rate | " + " | ".join(_HEADS[name] for name in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for name, found in rows.items():
        density = float(name.split(",")[0])
        cells = [name, "" if isinstance(found, str) else f"{found.shear_rate:g}"]
        for column in COLUMNS:
            value = found if isinstance(found, str) else found.couplings[column]
            text = str(value) if isinstance(value, Estimate) else "none"
            if column in _PRINTED:
                text += f" ({_PRINTED[column][density]})"
            cells.append(text)
        lines.append("| " + " | ".join(cells) + " |")
    missing = [f"- {name}: {why}\n" for name, why in rows.items() if isinstance(why, str)]
    return "\n".join(lines) + "\n" + ("\n" + "".join(missing) if missing else "")


def main() -> None:
    """Print the table of the campaign."""
    from validation.particles import campaign, reduced

    rows = reduced.parameter_rows(campaign.load())
    for found in rows.values():
        if not isinstance(found, str):
            check(found)
    print(table(rows), end="")


if __name__ == "__main__":
    main()
