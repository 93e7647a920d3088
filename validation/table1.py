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
