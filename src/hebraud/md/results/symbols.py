"""Symbols, units and meanings of what is measured, and rows to print."""

from __future__ import annotations

from collections.abc import Mapping

from hebraud.rheology.estimate import Estimate, Missing

__all__ = ["BESIDE", "DROP_SYMBOLS", "ROWS", "quantity_rows"]

#: The model's parameters. Symbol: (unit, what it is).
ROWS = {
    "G0": ("ε/σ²", "shear modulus, start-up"),
    "sigma_c": ("ε/σ²", "local yield stress, mean over blocks"),
    "sigma_c_std": ("ε/σ²", "local yield stress, standard deviation over blocks"),
    "drop": ("ε/σ²", "stress drop of an event, by relaxation at fixed strain"),
    "tau_p": ("τ0", "duration of an event, behind the window of D2min"),
    "Gamma": ("1/τ0", "plastic activity of a block, new clusters"),
    "D_sigma": ("(ε/σ²)²/τ0", "stress diffusion <ds²>/t (paper's convention, 2 D)"),
    "l_pl": ("σ", "size of an event"),
    "sigma_Y": ("ε/σ²", "macroscopic yield stress"),
    "A": ("(ε/σ²) τ0^½", "Herschel-Bulkley prefactor, exponent 1/2"),
}

#: Other readings of them, and what tells how far to trust them.
BESIDE = {
    "G0 branches": ("ε/σ²", "elastic branches in steady flow: a lower bound"),
    "drop one_step": ("ε/σ²", "largest drop in one strain step"),
    "drop to_minimum": ("ε/σ²", "from the maximum to the next minimum"),
    "Gamma onsets": ("1/τ0", "blocks that turn active"),
    "Gamma area": ("1/τ0", "active area over the lag"),
    "Gamma drop/(G0 rate)": ("1", "what events release over what is loaded; 1 in the model"),
    "active": ("1", "fraction of active particles"),
    "tau_p late": ("τ0", "decay at times beyond the window only"),
    "tau_p apparent": ("τ0", "plain exponential through C_p, mostly the window"),
    "D_sigma eq. (7)": ("(ε/σ²)²/τ0", "with G0 rate t subtracted, to the letter"),
    "exponent": ("1", "of <ds²> in the linear window; 1 for normal diffusion"),
    "excess kurtosis": ("1", "of the stress differences; 0 for Gaussian ones"),
    "block stress": ("ε/σ²", "mean over blocks and time"),
    "block stress std": ("ε/σ²", "standard deviation over blocks and time"),
}

#: The symbol of each definition of the drop (`hebraud.md.measure.local_yield.DROPS`).
DROP_SYMBOLS = {
    "at_fixed_strain": "drop",
    "one_step": "drop one_step",
    "to_minimum": "drop to_minimum",
}


def quantity_rows(estimates: Mapping[str, Estimate | Missing]) -> list[tuple[str, str, str, str]]:
    """Return (symbol, value or why there is none, unit, meaning), parameters first."""
    known = {**ROWS, **BESIDE}
    return [(name, str(estimates[name]), *known[name]) for name in known if name in estimates]
