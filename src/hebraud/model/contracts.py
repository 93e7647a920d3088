"""What the slots promise, tried out when a model is built: solvers rely on that and on no more.

A slot is any object with the methods of its protocol. Each function here asks it at some points,
refuses what breaks a promise in one line that names the point, and returns what solvers want to
know beyond the protocol's methods. What lies between the points is taken on trust.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import HebraudError, check_number
from hebraud.model.coupling import NoiseTerms
from hebraud.model.relaxation import LandingLines

__all__ = ["Onset", "YieldAnswers", "landing_answers", "noise_terms", "one_threshold", "yields"]

Floats = NDArray[np.float64]
Answer = TypeVar("Answer")

_NUMBERS = (0.0, 1e-12, 1e-6, 1e-3, 0.1, 0.37, 1.0, 7.3, 1e3, 1e6)
"""Activities and released squares at which a coupling is asked, each with each."""
_AFFINE = 1e-9
"""Share of D by which a coupling's method may be off its three numbers: round-off, generously."""
_NEAR = 1e-16
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
_STRESSES = (1e-3, 0.4, 1.0, 1.7, 30.0)
"""Stresses at which a landing rule is asked, on both sides."""
_LOGITS = np.linspace(-30.0, 30.0, 1025)
_QUANTILES = np.ldexp(np.round(np.ldexp(1.0 / (1.0 + np.exp(-_LOGITS)), 53)), -53)
"""Quantiles, dense at both ends; of so many digits that 1 - q is without rounding."""
_CHANCES = _QUANTILES * (1.0 - _QUANTILES) * (_LOGITS[1] - _LOGITS[0])
"""Weights that integrate over them, to 1e-12."""
_LINES = 64
"""Lines that stand for a continuous landing law where its moments are compared."""
_MOMENTS = 1e-3
"""Share of the mean square by which the moments of lines and of landings may differ."""
_SUM = 1e-9
"""By how much the weights of lines or of nodes may miss 1."""
_LOOSE = 1e-2
"""The tolerance at which thresholds are asked for nodes ..."""
_AGREE = 0.02
"""... and by how much nodes and quantiles may differ in the mean of c/(c + median)."""


def _cached(ask: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """Ask slots that are values, frozen dataclasses, once a value, and all others each time."""
    kept = functools.lru_cache(maxsize=256)(ask)

    @functools.wraps(ask)
    def asked(slot: Any) -> Answer:
        # of the class itself: a subclass may hold more than its base compares
        own = vars(type(slot)).get("__dataclass_params__")
        try:
            if own is not None and own.frozen:
                hash(slot)
                return kept(slot)
        except TypeError:  # a frozen dataclass of things that cannot be hashed
            pass
        return ask(slot)

    return asked


def _call(what: str, ask: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a method of a slot says; what it raises becomes a sentence."""
    try:
        with np.errstate(all="ignore"):
            return ask(*arguments)
    except HebraudError:
        raise
    except Exception as error:
        raise ValueError(f"{what} raised {type(error).__name__}: {error}") from error


def _array(what: str, value: Any, shape: tuple[int, ...]) -> Floats:
    """Return an array of finite floats of a shape, or say what came instead."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.shape != shape:
        came = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else repr(value)
        raise ValueError(f"{what} must be an array of float64 of shape {shape}, got {came}")
    return value


# -- coupling -------------------------------------------------------------------------------------
@_cached
def noise_terms(coupling: Any) -> NoiseTerms:
    """Return the three numbers of a coupling: those it states, or those of its ``diffusion``.

    Raises
    ------
    ValueError
        If they are no three finite numbers >= 0, are all zero, or if its ``diffusion`` is not
        affine with these numbers at every pair of activity and released square that is tried.
    """
    if hasattr(coupling, "terms"):
        stated = _call(f"terms of {coupling!r}", lambda: coupling.terms)
        if not isinstance(stated, tuple) or len(stated) != len(NoiseTerms._fields):
            raise ValueError(
                "coupling must state terms = NoiseTerms(constant, per_event, per_square), got "
                f"{stated!r} from {coupling!r}"
            )
    else:
        at_zero, event, square = (_noise(coupling, *at) for at in ((0, 0), (1, 0), (0, 1)))
        stated = (at_zero, event - at_zero, square - at_zero)
    terms = NoiseTerms(
        *(
            check_number(f"{name} in the terms of {coupling!r}", number, at_least=0.0)
            for name, number in zip(NoiseTerms._fields, stated, strict=True)
        )
    )
    if not any(terms):
        raise ValueError(f"coupling must make noise, got three terms 0 from {coupling!r}")
    if hasattr(coupling, "diffusion"):
        for activity, square in itertools.product(_NUMBERS, _NUMBERS):
            said, wanted = _noise(coupling, activity, square), terms.diffusion(activity, square)
            if not abs(said - wanted) <= _AFFINE * wanted:
                raise ValueError(
                    "coupling must be D = constant + per_event activity + per_square released "
                    f"square, got {coupling!r} with diffusion({activity:g}, {square:g}) = "
                    f"{said:.9g}, where its terms ({', '.join(f'{n:.6g}' for n in terms)}) make "
                    f"{wanted:.9g}; a noise that is not affine in them is not supported"
                )
    return terms


def _noise(coupling: Any, activity: float, square: float) -> float:
    """Return D of an object with a ``diffusion``, asked twice."""
    what = f"diffusion({activity:g}, {square:g}) of {coupling!r}"
    first, again = (
        check_number(what, _call(what, coupling.diffusion, activity, square), at_least=0.0)
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
    """What solvers ask of a yield law beyond its rate.

    Attributes
    ----------
    constant : float or None
        The rate above the threshold, in 1/tau, where it is the same at every overstress.
    onset : Onset or None
        The power law with which the rate sets in, where there is one.
    """

    constant: float | None
    onset: Onset | None


@_cached
def yields(yielding: Any) -> YieldAnswers:
    """Return what solvers ask of a yield law, from its rates at overstresses of -1e3 to 1e3.

    Raises
    ------
    ValueError
        If ``rate`` does not return an array of one float64 for each overstress; is not zero at and
        below the threshold; is negative, not finite or zero above it; or does not say the same of
        an overstress in other company.
    """
    what = f"rate(overstress) of yielding {yielding!r}"

    def rate(x: Floats) -> Floats:
        given = x.copy()
        said = _array(what, _call(what, yielding.rate, given), x.shape)
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


# -- relaxation -----------------------------------------------------------------------------------
@_cached
def landing_answers(relaxation: Any) -> bool:
    """Return True where the landing law is continuous: more lines when asked for more.

    Raises
    ------
    ValueError
        If its lines are none, ``land`` is not mirror symmetric, ``land`` and ``quadrature``
        disagree in the mean or the mean square of where blocks land, or ``fixed_points`` are not
        the lines of ``quadrature`` where all of these have scale zero (None elsewhere).
    """
    what = f"of relaxation {relaxation!r}"
    few, lines = (
        _lines(
            f"quadrature({n}) {what}", _call(f"quadrature({n}) {what}", relaxation.quadrature, n)
        )
        for n in (4, _LINES)
    )
    continuous = few.weight.size != lines.weight.size
    for stress in _STRESSES:
        _compare(relaxation, stress, lines, 0 if continuous else lines.weight.size)
    fixed = _call(f"fixed_points {what}", lambda: relaxation.fixed_points)
    if continuous or np.any(lines.scale):
        if fixed is not None:
            raise ValueError(f"fixed_points {what} must be None: its landings are not fixed points")
        return continuous
    if fixed is None or _rows(_lines(f"fixed_points {what}", fixed)) != _rows(lines):
        raise ValueError(
            f"fixed_points {what} must be the lines of its quadrature, which all have scale 0, got "
            f"{fixed!r}"
        )
    return continuous


def _rows(lines: LandingLines) -> list[tuple[float, ...]]:
    return sorted(zip(*(numbers.tolist() for numbers in lines), strict=True))


def _lines(what: str, said: Any) -> LandingLines:
    """Return lines as they are, or say why they are none."""
    if not isinstance(said, LandingLines):
        raise ValueError(f"{what} must be LandingLines(scale, offset, weight), got {said!r}")
    lines, size = said, np.size(said.weight)
    for name, numbers in lines._asdict().items():
        if size == 0 or not np.all(np.isfinite(_array(f"{name} in {what}", numbers, (size,)))):
            raise ValueError(f"{name} in {what} must be finite numbers, got {numbers!r}")
    if not (np.all(lines.weight > 0.0) and abs(lines.weight.sum() - 1.0) <= _SUM):
        raise ValueError(
            f"weight in {what} must be > 0 with sum 1, got a smallest of {lines.weight.min():g} "
            f"and a sum of {lines.weight.sum()!r}"
        )
    return lines


def _compare(relaxation: Any, stress: float, lines: LandingLines, steps: int) -> None:
    """Raise where ``land`` is not mirror symmetric, or has other moments than the lines.

    ``steps`` is how many steps ``land`` may have: each may lie a rounding error off on one side.
    """
    what = f"land(stress, quantile) of relaxation {relaxation!r}"
    s = np.full(_QUANTILES.size, stress)
    there = _array(what, _call(what, relaxation.land, s, _QUANTILES.copy()), s.shape)
    back = _array(what, _call(what, relaxation.land, -s, 1.0 - _QUANTILES), s.shape)
    if not (np.all(np.isfinite(there)) and np.all(np.isfinite(back))):
        raise ValueError(f"{what} must be finite, and is not at stress {stress:g}")
    image = lines.scale * stress + lines.offset
    unit = max(float(np.abs(there).max()), float(np.abs(image).max()), stress)
    odd = np.abs(there + back) > 1e-9 * unit
    if np.count_nonzero(odd) > steps:
        q = float(_QUANTILES[odd][0])
        raise ValueError(
            f"{what} must be mirror symmetric, land(-s, 1 - q) = -land(s, q), got "
            f"{there[odd][0]:.6g} at ({stress:g}, {q:.6g}) and {back[odd][0]:.6g} at the mirror"
        )
    for power in (1, 2):
        at, lands = (there / unit) ** power, (image / unit) ** power
        said, wanted = float(_CHANCES @ at), float(lines.weight @ lands)
        # a step between two quantiles may be anywhere between them
        known = np.abs(np.diff(at)) @ np.maximum(_CHANCES[1:], _CHANCES[:-1])
        allowed = _MOMENTS * float(lines.weight @ np.abs(lands)) + float(known)
        if not abs(said - wanted) <= allowed + 1e-12:
            raise ValueError(
                f"{what} and its quadrature({_LINES}) must agree in the mean and the mean square "
                f"of where blocks land, got <s'^{power}> = {said:.6g} and {wanted:.6g} in units of "
                f"{unit:.3g}^{power} from stress {stress:g}"
            )


# -- thresholds -----------------------------------------------------------------------------------
@_cached
def one_threshold(thresholds: Any) -> float | None:
    """Return the threshold where all blocks have one and the same, None elsewhere.

    Raises
    ------
    ValueError
        If nodes are not ascending and > 0 with weights > 0 of sum 1, if ``ppf`` is no rising
        function > 0 of the quantile or tells of another law than the nodes, or if ``redraws`` is
        not True or False.
    """
    what = f"of thresholds {thresholds!r}"
    redraws = _call(f"redraws {what}", lambda: thresholds.redraws)
    if not isinstance(redraws, bool):
        raise ValueError(f"redraws {what} must be True or False, got {redraws!r}")
    quantile = (np.arange(33) + 0.5) / 33.0
    drawn = _call(f"ppf {what}", thresholds.ppf, quantile)
    drawn = _array(f"ppf(quantile) {what}", drawn, quantile.shape)
    if not (np.all(np.isfinite(drawn) & (drawn > 0.0)) and np.all(np.diff(drawn) >= 0.0)):
        raise ValueError(f"ppf(quantile) {what} must rise, finite and > 0, got {drawn!r}")
    try:
        values, weights = _nodes(what, thresholds, _LOOSE)
        finest = _nodes(what, thresholds, 1e-9)[0] if values.size == 1 else values
    except HebraudError:
        return None  # a law without such nodes: which solver can do without is theirs to say
    median = float(drawn[drawn.size // 2])
    said, wanted = (drawn / (drawn + median)).mean(), weights @ (values / (values + median))
    if abs(said - wanted) > _AGREE:
        raise ValueError(
            f"ppf and nodes {what} must be of one law, got a mean of c/(c + {median:.4g}) of "
            f"{said:.4g} and {wanted:.4g}"
        )
    one = finest.size == 1 and bool(np.all(drawn == finest[0]))
    return float(finest[0]) if one and not redraws else None


def _nodes(what: str, thresholds: Any, rtol: float) -> tuple[Floats, Floats]:
    """Return nodes and weights of a rule, or say why they are none."""
    what = f"nodes(rtol, breaks, kinks) {what}"
    pair = _call(what, thresholds.nodes, rtol, np.zeros(1), 0.1)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise ValueError(f"{what} must be a pair (values, weights), got {pair!r}")
    size = np.size(pair[0])
    values, weights = (_array(what, each, (size,)) for each in pair)
    if size == 0 or not (np.all(np.diff(values, prepend=0.0) > 0.0) and np.isfinite(values[-1])):
        raise ValueError(f"{what} must have values > 0, finite and ascending, got {values!r}")
    if not (np.all(weights > 0.0) and abs(weights.sum() - 1.0) <= _SUM):
        raise ValueError(
            f"{what} must have weights > 0 with sum 1, got a smallest of {weights.min():g} and a "
            f"sum of {weights.sum()!r}"
        )
    return values, weights
