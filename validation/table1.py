"""Table 1 of Puosi, Olivier and Martens (2015): couplings at four densities.

In the text of the paper the pair 2.57 ± 0.26, 3.28 ± 0.16 stands beside rho = 1.149; it is the row
of column means (docs/errata.md), and is not used here.
"""

from __future__ import annotations

from hebraud import Estimate

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
    """The column's mean, with the mean of its errors, as the paper prints them."""
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
