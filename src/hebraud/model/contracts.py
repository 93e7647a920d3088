"""The promises of the slots, tried out when a model is built: solvers rely on these and no more.

A slot is any object with the methods of its protocol. Each function here asks it at some points,
refuses what breaks a promise in one line that names the point, and returns what solvers want to
know beyond the protocol's methods. What lies between the points is taken on trust.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import check_number, shown
from hebraud.model.coupling import NoiseTerms, Stated
from hebraud.model.probing import called, float_array, once_a_value
from hebraud.model.yielding import Yielding

__all__ = ["Onset", "YieldAnswers", "noise_terms", "yields"]

_NUMBERS = (0.0, 1e-12, 1e-6, 1e-3, 0.1, 0.37, 1.0, 7.3, 1e3, 1e6)
"""Activities and released squares at which a coupling is asked, each with each."""
_AFFINE = 1e-9
"""Relative error of D allowed between a coupling's method and its terms: generous round-off."""
_NEAR = 1e-16
"""The smallest overstress from which on the rate must be > 0, and is asked 16 times a decade."""
_OVER = np.concatenate([[5e-324, 1e-300, 1e-100, 1e-30], np.geomspace(_NEAR, 1e3, 19 * 16 + 1)])
"""Overstresses > 0 at which a yield law is asked (and at minus them): 16 a decade."""
_FAR = np.geomspace(1e3, 1e8, 31)
"""How far over its threshold a constant rate must stay what it is: grids reach no further."""
_UNDERFLOW = 1e-200
"""A rate is zero at an overstress > 0 by underflow where those beside it are below this."""
_ONSETS = ((-60, -100), (-30, -50), (-10, -20), (-3, -7))
"""Powers of two between which the rate is looked at for its power law at the threshold."""
_POWER = 1e-12
"""How exactly the rate midway must be that of the power law."""


# -- coupling -------------------------------------------------------------------------------------
@once_a_value
def noise_terms(coupling: Any) -> NoiseTerms:
    """Return the three numbers of a coupling: those it states, or those of its ``diffusion``.

    Raises
    ------
    ValueError
        If they are no three finite numbers >= 0, are all zero, or if its ``diffusion`` is not
        affine with these numbers at every pair of activity and released square that is tried.
    """
    if hasattr(coupling, "terms"):
        stated = called(f"terms of {shown(coupling)}", lambda: coupling.terms)
        if not isinstance(stated, tuple) or len(stated) != len(NoiseTerms._fields):
            raise ValueError(
                "coupling must state terms = NoiseTerms(constant, per_event, per_square), got "
                f"{shown(stated)} from {shown(coupling)}"
            )
    else:
        at_zero, event, square = (_noise(coupling, *at) for at in ((0, 0), (1, 0), (0, 1)))
        stated = (at_zero, event - at_zero, square - at_zero)
    terms = NoiseTerms(
        *(
            check_number(f"{name} in the terms of {shown(coupling)}", number, at_least=0.0)
            for name, number in zip(NoiseTerms._fields, stated, strict=True)
        )
    )
    if not any(terms):
        raise ValueError(f"coupling must make noise, got three terms 0 from {shown(coupling)}")
    says = getattr(type(coupling), "diffusion", None)
    if hasattr(coupling, "diffusion") and says not in (Stated.diffusion, NoiseTerms.diffusion):
        for activity, square in itertools.product(_NUMBERS, _NUMBERS):
            said, wanted = _noise(coupling, activity, square), terms.diffusion(activity, square)
            if not abs(said - wanted) <= _AFFINE * wanted:
                raise ValueError(
                    "coupling must be D = constant + per_event activity + per_square released "
                    f"square, got {shown(coupling)} with diffusion({activity:g}, {square:g}) = "
                    f"{said:.9g}, where its terms ({', '.join(f'{n:.6g}' for n in terms)}) make "
                    f"{wanted:.9g}; a noise that is not affine in them is not supported"
                )
    return terms


def _noise(coupling: Any, activity: float, square: float) -> float:
    """Return D of an object with a ``diffusion``, asked twice."""
    what = f"diffusion({activity:g}, {square:g}) of {shown(coupling)}"
    first, again = (
        check_number(what, called(what, coupling.diffusion, activity, square), at_least=0.0)
        for _ in range(2)
    )
    if first != again:
        raise ValueError(f"{what} must be the same each time, got {first!r} and {again!r}")
    return first


# -- yielding -------------------------------------------------------------------------------------
class Onset(NamedTuple):
    """nu = coefficient x^exponent just over the threshold, x the overstress."""

    coefficient: float
    exponent: float


class YieldAnswers(NamedTuple):
    """Properties of a yield law that solvers use beyond its rate.

    Attributes
    ----------
    constant : float or None
        The rate above the threshold, in 1/tau, where it is the same at every overstress.
    onset : Onset or None
        The power law with which the rate sets in, where there is one.
    """

    constant: float | None
    onset: Onset | None


@once_a_value
def yields(yielding: Yielding) -> YieldAnswers:
    """Return the properties of a yield law, from its rates at overstresses of -1e3 to 1e3.

    Raises
    ------
    ValueError
        If ``rate`` does not return an array of one float64 for each overstress; is not zero at and
        below the threshold; is negative, not finite or zero above it; or does not say the same of
        an overstress in other company.
    """
    what = f"rate(overstress) of yielding {shown(yielding)}"

    def rate(x: Floats) -> Floats:
        given = x.copy()
        said = float_array(what, called(what, yielding.rate, given), x.shape)
        if not np.array_equal(given, x):
            raise ValueError(f"{what} must leave its argument as it is; let it work on a copy")
        return said

    below, above = rate(np.append(-_OVER, 0.0)), rate(_OVER)
    wrong = below != 0.0
    if np.any(wrong):
        x = np.append(-_OVER, 0.0)[wrong][0]
        why = "yielding below the threshold (activated yielding) is not supported"
        raise ValueError(
            f"{what} must be 0 at and below the threshold, got {below[wrong][0]:.6g} at {x:g}: "
            + (why if x < 0.0 else "a block at its threshold does not yield")
        )
    bad = ~(np.isfinite(above) & (above >= 0.0))
    if np.any(bad):
        raise ValueError(
            f"{what} must be finite and >= 0 up to 1e3, got {above[bad][0]:g} at {_OVER[bad][0]:g}"
        )
    gap = np.flatnonzero((above == 0.0) & (_OVER >= _NEAR))
    beside = np.maximum(np.append(above[1:], 0.0), np.insert(above[:-1], 0, 0.0))[gap]
    if not above.any() or np.any(beside > _UNDERFLOW):
        at = gap[np.argmax(beside)]
        raise ValueError(
            f"{what} must be > 0 over the threshold (but for underflow), got 0 at {_OVER[at]:g}; "
            "where blocks begin to yield is for thresholds to say"
        )
    both = np.concatenate([-_OVER[-4:], _OVER[::-1]])
    apart = np.concatenate([np.zeros(4), above[::-1]])
    table = rate(both[:300].reshape(3, 100))
    alone = np.concatenate([rate(both[i : i + 1]) for i in (0, 4, 150)])
    rate(np.empty(0))
    same = np.array_equal(rate(both), apart) and np.array_equal(table.ravel(), apart[:300])
    if not (same and np.array_equal(alone, apart[[0, 4, 150]])):
        raise ValueError(
            f"{what} must be the same for an overstress each time, whatever else is in the array"
        )
    constant = bool(np.all(above == above[0])) and np.all(rate(_FAR) == above[0])
    return YieldAnswers(float(above[0]) if constant else None, _onset(rate))


def _onset(rate: Callable[[Floats], Floats]) -> Onset | None:
    """Return the power law at the threshold: where the rate midway, in logs, is that of the ends.

    Very near the threshold any correction to the power has gone; only where the power itself
    underflows there is it looked for further off.
    """
    for high, low in _ONSETS:
        a, middle, b = rate(np.ldexp(1.0, [low, (low + high) // 2, high]))
        if a < _UNDERFLOW:
            continue
        # powers of two: the exponent of a pure power law comes out to the last digit
        exponent = (math.log2(b) - math.log2(a)) / (high - low)
        if abs(middle / math.sqrt(a * b) - 1.0) > _POWER:
            return None
        return Onset(float(b * 2.0 ** (-high * exponent)), exponent)
    return None
