"""Read formats 1 and 2, which held the layout of solvers and fits, as format 3."""

from __future__ import annotations

from hebraud.io.outcomes import Members
from hebraud.solvers.chain.distributions import ExactStart

__all__ = ["upgraded"]

_GONE = (
    *("CellDensity", "ClassStart", "method", "Problem", "transient", "Classical", "Tabulated"),
    *("FlowCurveLaw", "HerschelBulkleyLaw", "TransientLaw", "LatticeLaw"),
)
"""Kinds that format 3 does not have; their members are read as a mapping."""
_FITS = ("FlowCurveFit", "HerschelBulkleyFit", "TransientFit")
_ADDED: dict[str, dict[str, object]] = {
    "History": {"settings": {}},
    "Gaussian": {"thresholds": None},
}
"""Members that came later, with the values that older files mean."""


def upgraded(kind: str, members: Members) -> tuple[str, Members]:
    """Return the kind and members of format 3 for those of format 1 or 2.

    Raises
    ------
    KeyError
        If a member is missing.
    """
    if kind in _GONE:
        return "mapping", members
    if kind == "Grid":
        return kind, {"faces": members["faces"]}
    if kind == "SteadyState":
        start = members.pop("start")
        del members["density"]
        if isinstance(start, dict):  # a ClassStart, whose densities were a method of the state
            start = ExactStart(start["densities"]["object"], start["values"], start["weights"])
        return kind, {**members, "distribution": start}
    if kind in _FITS:
        problem = members.pop("problem")
        del members["axes"]
        if kind == "TransientFit":
            law = problem["law"]
            members |= {"before": law["before"], "drive": law["drive"], **law["protocol"]}
        return kind, members | {key: problem[key] for key in ("data", "error", "start", "held")}
    return kind, _ADDED.get(kind, {}) | members
