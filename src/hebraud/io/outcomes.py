"""The result of an lmfit fit as plain members, and back.

Parameters come back by number, never by an expression or a pickle from the file: a parameter NAME
beside its log_NAME stores only its error, its expression is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from lmfit.minimizer import MinimizerResult

__all__ = ["Members", "lmfit_members", "lmfit_result"]

Members: TypeAlias = dict[str, Any]
"""Members of an object by name, as a file holds them."""

_OUTCOME = (
    *("aborted", "aic", "bic", "chisqr", "covar", "errorbars", "ier", "init_vals", "init_values"),
    *("last_internal_values", "lmdif_message", "message", "method", "ndata", "nfev", "nfree"),
    *("nvarys", "redchi", "residual", "success", "var_names"),
)
_PARAMETER = ("name", "value", "vary", "min", "max", "stderr", "correl", "init_value")


def lmfit_members(result: MinimizerResult) -> dict[str, object]:
    """Return the members of an lmfit MinimizerResult: its numbers, and its parameters in order."""
    members = {name: getattr(result, name) for name in _OUTCOME if hasattr(result, name)}
    for name, value in members.items():
        members[name] = tuple(value) if isinstance(value, list) else value
    members["parameters"] = tuple(
        {name: getattr(parameter, name) for name in _PARAMETER}
        for parameter in result.params.values()
    )
    return members


def lmfit_result(members: Members) -> MinimizerResult:
    """Return the MinimizerResult of these members.

    Raises
    ------
    KeyError
        If one is missing.
    """
    import lmfit
    from lmfit.minimizer import MinimizerResult

    parameters = lmfit.Parameters()
    for stored in members["parameters"]:
        name = stored["name"]
        if name.startswith("log_"):
            limits = {key: stored[key] for key in ("value", "vary", "min", "max")}
            parameters.add(name, **limits)
        else:
            parameters.add(name, expr=f"exp(log_{name})")
        for key in ("stderr", "correl", "init_value"):
            setattr(parameters[name], key, stored[key])
    outcome = {name: members[name] for name in _OUTCOME if name in members}
    for name in ("var_names", "init_vals"):
        outcome[name] = list(outcome[name])
    return MinimizerResult(params=parameters, **outcome)
