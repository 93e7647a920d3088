"""The contracts of landing rules and thresholds, tried out when a model is built.

As :mod:`hebraud.model.contracts` does for couplings and yield laws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import HebraudError, shown
from hebraud.model.probing import called, float_array, once_a_value
from hebraud.model.relaxation import LandingLines, NormalScatter, Relaxation, Scattered
from hebraud.model.thresholds import Thresholds

__all__ = ["ThresholdAnswers", "normal", "scatters", "spread"]

_STRESSES = (1e-3, 0.4, 1.0, 1.7, 30.0)
"""Stresses at which a landing rule is asked, on both sides."""
_LOGITS = np.linspace(-30.0, 30.0, 1025)
"""log(q/(1 - q)) of the quantiles below: evenly spaced, so that both tails are seen."""
_QUANTILES = np.ldexp(np.round(np.ldexp(1.0 / (1.0 + np.exp(-_LOGITS)), 53)), -53)
"""Quantiles, dense at both ends; of so many digits that 1 - q is without rounding."""
_CHANCES = _QUANTILES * (1.0 - _QUANTILES) * (_LOGITS[1] - _LOGITS[0])
"""Weights that integrate over them, to 1e-12."""
_LINES = 64
"""Lines that stand for a continuous landing law where its moments are compared."""
_MOMENTS = 1e-3
"""Share of the mean square by which the moments of lines and of landings may differ."""
_SUM = 1e-12
"""By how much the weights of lines may miss 1: as much mass is lost with each event ..."""
_NODES_SUM = 1e-9
"""... and those of nodes, which may come from a quadrature."""
_LOOSE = 1e-2
"""The tolerance at which thresholds are asked for nodes ..."""
_LESS = 0.01
"""... the part of what a kink does now, which asks for more of them ..."""
_TAIL = 0.1
"""(what of the law at either end is not looked at for that)"""
_FINEST = 1e-9
"""... and the least that any solver asks for, of means and of kinks."""
_AGREE = 0.02
"""By how much the means of c/(c + median) and of its square may differ from those of
quantiles: numbers between 0 and 1, whatever the tail of the law."""


# -- relaxation -----------------------------------------------------------------------------------
@once_a_value
def scatters(relaxation: Relaxation) -> bool:
    """Return True where the landing law is continuous: more lines when asked for more.

    Raises
    ------
    ValueError
        If its lines are none, ``land`` is not mirror symmetric, ``land`` and ``quadrature``
        disagree in the mean or the mean square of where blocks land, or ``fixed_points`` are not
        the lines of ``quadrature`` where all of these have scale zero (None elsewhere).
    """
    what = f"of relaxation {shown(relaxation)}"
    few, lines = (_quadrature(relaxation, n) for n in (4, _LINES))
    continuous = few.weight.size != lines.weight.size
    for stress in _STRESSES:
        _compare(relaxation, stress, lines, 0 if continuous else lines.weight.size)
    if hasattr(relaxation, "shifted"):
        _check_shifted(relaxation.shifted, shown(relaxation), lines)
    fixed = called(f"fixed_points {what}", lambda: relaxation.fixed_points)
    if continuous or np.any(lines.scale):
        if fixed is not None:
            raise ValueError(f"fixed_points {what} must be None: its landings are not fixed points")
        return continuous
    if fixed is None or _rows(_lines(f"fixed_points {what}", fixed)) != _rows(lines):
        raise ValueError(
            f"fixed_points {what} must be the lines of its quadrature, which all have scale 0, got "
            f"{shown(fixed)}"
        )
    return continuous


@once_a_value
def normal(relaxation: Relaxation) -> NormalScatter | None:
    """Return the landing law where the rule says that it is normal, else None.

    Raises
    ------
    ValueError
        If what it says is no normal law, or not that of ``land``.
    """
    if not isinstance(relaxation, Scattered):
        return None
    what = f"normal of relaxation {shown(relaxation)}"
    said = called(what, lambda: relaxation.normal)
    if not (
        isinstance(said, NormalScatter)
        and all(isinstance(x, float) and math.isfinite(x) for x in said)
        and said.std > 0.0
    ):
        raise ValueError(
            f"{what} must be NormalScatter(scale, offset, std) of finite floats with std > 0, "
            f"got {shown(said)}"
        )
    from scipy.special import ndtri

    for stress in _STRESSES:
        there = relaxation.land(np.full(_QUANTILES.size, stress), _QUANTILES.copy())
        image = said.scale * stress + said.offset + said.std * ndtri(_QUANTILES)
        unit = float(np.abs(image).max())
        if not float(np.abs(there - image).max()) <= 1e-9 * unit:
            raise ValueError(
                f"{what} must be the law of land(stress, quantile), and is not at stress "
                f"{stress:g}: got {shown(said)}"
            )
    return said


def _quadrature(relaxation: Relaxation, n: int) -> LandingLines:
    what = f"quadrature({n}) of relaxation {shown(relaxation)}"
    return _lines(what, called(what, relaxation.quadrature, n))


def _check_shifted(
    shifted: Callable[[int, Floats], LandingLines], relaxation: str, lines: LandingLines
) -> None:
    """Raise where moved lines are none in each row, or do not keep the mean of the lines."""
    what = f"shifted({_LINES}, phase) of relaxation {relaxation}"
    phase = np.array([-0.5, 0.0, 0.3])
    moved = called(what, shifted, _LINES, phase)
    shape = (phase.size, lines.weight.size)
    for name, numbers in zip(LandingLines._fields, moved, strict=True):
        float_array(f"{name} in {what}", numbers, shape)
    for row in zip(*moved, strict=True):
        each = _lines(what, LandingLines(*row))
        for a, b in ((each.scale, lines.scale), (each.offset, lines.offset)):
            if abs(each.weight @ a - lines.weight @ b) > 1e-9 * max(np.abs(a).max(), 1e-300):
                raise ValueError(f"{what} must keep the mean of quadrature({_LINES}) in every row")


def _rows(lines: LandingLines) -> list[tuple[float, ...]]:
    return sorted(zip(*(numbers.tolist() for numbers in lines), strict=True))


def _lines(what: str, said: object) -> LandingLines:
    """Return lines as they are, or say why they are none."""
    if not isinstance(said, LandingLines):
        raise ValueError(f"{what} must be LandingLines(scale, offset, weight), got {shown(said)}")
    lines, size = said, np.size(said.weight)
    for name, numbers in lines._asdict().items():
        if size == 0 or not np.all(np.isfinite(float_array(f"{name} in {what}", numbers, (size,)))):
            raise ValueError(f"{name} in {what} must be finite numbers, got {shown(numbers)}")
    if not (np.all(lines.weight > 0.0) and abs(lines.weight.sum() - 1.0) <= _SUM):
        raise ValueError(
            f"weight in {what} must be > 0 with sum 1, got a smallest of {lines.weight.min():g} "
            f"and a sum of {lines.weight.sum():.15g}"
        )
    return lines


def _compare(relaxation: Relaxation, stress: float, lines: LandingLines, steps: int) -> None:
    """Raise where ``land`` is not mirror symmetric, or has other moments than the lines.

    ``steps`` is how many steps ``land`` may have: each may lie a rounding error off on one side.
    """
    what = f"land(stress, quantile) of relaxation {shown(relaxation)}"
    s = np.full(_QUANTILES.size, stress)
    there = float_array(what, called(what, relaxation.land, s, _QUANTILES.copy()), s.shape)
    back = float_array(what, called(what, relaxation.land, -s, 1.0 - _QUANTILES), s.shape)
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
class ThresholdAnswers(NamedTuple):
    """Properties of thresholds that solvers use beyond their methods.

    Attributes
    ----------
    one : float or None
        The threshold, in sigma_c, where all blocks have one and the same for ever.
    discrete : bool
        True where the law is a few values, which are its nodes at every tolerance.
    """

    one: float | None
    discrete: bool


@once_a_value
def spread(thresholds: Thresholds) -> ThresholdAnswers:
    """Return whether thresholds are one, or a few.

    Raises
    ------
    ValueError
        If nodes are not ascending and > 0 with weights > 0 of sum 1; if ``ppf`` is no rising
        function > 0 of the quantile or tells of another law than the nodes; if those of a
        continuous law are the same with a break inside it, or those of a few values are not the
        same at every tolerance; or if ``redraws`` is not True or False.
    """
    # the project's own tests try the nodes of such a class, but not those of a subclass
    if vars(type(thresholds)).get("tried") and not getattr(thresholds, "discrete", True):
        return ThresholdAnswers(None, False)
    what = f"of thresholds {shown(thresholds)}"
    redraws = called(f"redraws {what}", lambda: thresholds.redraws)
    if not isinstance(redraws, bool):
        raise ValueError(f"redraws {what} must be True or False, got {redraws!r}")
    quantile = (np.arange(33) + 0.5) / 33.0
    drawn = called(f"ppf {what}", thresholds.ppf, quantile)
    drawn = float_array(f"ppf(quantile) {what}", drawn, quantile.shape)
    if not (np.all(np.isfinite(drawn) & (drawn > 0.0)) and np.all(np.diff(drawn) >= 0.0)):
        raise ValueError(f"ppf(quantile) {what} must rise, finite and > 0, got {shown(drawn)}")
    nowhere = np.zeros(1)
    try:
        values, weights = _nodes(thresholds, _LOOSE, nowhere)
        _check_one_law(what, drawn, values, weights)
        if not np.all(np.isin(drawn, values)):
            _check_heeded(thresholds, values, weights, drawn[10:11])
            return ThresholdAnswers(None, False)
        finest = _nodes(thresholds, _FINEST, nowhere, _FINEST)[0]
    except HebraudError:
        # a law without such nodes: a solver that needs them refuses it
        return ThresholdAnswers(None, False)
    if not np.array_equal(finest, values):
        raise ValueError(
            f"nodes {what} must be the same at every tolerance where these are the law"
        )
    return ThresholdAnswers(float(values[0]) if values.size == 1 and not redraws else None, True)


def _check_one_law(what: str, drawn: Floats, values: Floats, weights: Floats) -> None:
    """Raise where quantiles and nodes differ in the means of a number between 0 and 1."""
    median = float(drawn[drawn.size // 2])
    for power in (1, 2):
        said = float(((drawn / (drawn + median)) ** power).mean())
        wanted = float(weights @ (values / (values + median)) ** power)
        if abs(said - wanted) > _AGREE:
            raise ValueError(
                f"ppf and nodes {what} must be of one law, got means of (c/(c + {median:.4g}))^"
                f"{power} of {said:.4g} and {wanted:.4g}"
            )


def _check_heeded(thresholds: Thresholds, values: Floats, weights: Floats, inside: Floats) -> None:
    """Raise where a continuous law has the same nodes whatever they are asked for."""
    asked = f"a break at {inside[0]:.4g}"
    heeded = not np.array_equal(_nodes(thresholds, _LOOSE, inside)[0], values)
    if heeded and thresholds.redraws:
        # far less than what a kink does between two of these nodes, however that is reckoned; not
        # in the tail, where wide gaps hold next to nothing
        below = np.cumsum(weights)
        gaps, median = np.diff(values, prepend=0.0), values[np.searchsorted(below, 0.5)]
        inner = (below > _TAIL) & (below - weights < 1.0 - _TAIL) & (values > values[0])
        size = weights[inner] * gaps[inner] ** 2 if inner.any() else values**2
        kinks = _LESS * float(size.max() / median**2)
        asked = f"kinks = {kinks:.1g}"
        heeded = _nodes(thresholds, _LOOSE, np.zeros(1), kinks)[0].size > values.size
    if not heeded:
        raise ValueError(
            f"nodes(rtol, breaks, kinks) of thresholds {shown(thresholds)} must heed what they are "
            f"asked for: this law is continuous, and its {values.size} nodes are the same with "
            f"{asked}; give Redrawn or Quenched a law of scipy.stats, or samples"
        )


def _nodes(
    thresholds: Thresholds, rtol: float, breaks: Floats, kinks: float = math.inf
) -> tuple[Floats, Floats]:
    """Return nodes and weights of a rule, or say why they are none."""
    what = f"nodes(rtol, breaks, kinks) of thresholds {shown(thresholds)}"
    pair = called(what, thresholds.nodes, rtol, breaks, kinks)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise ValueError(f"{what} must be a pair (values, weights), got {shown(pair)}")
    size = np.size(pair[0])
    values, weights = (float_array(what, each, (size,)) for each in pair)
    if size == 0 or not (np.all(np.diff(values, prepend=0.0) > 0.0) and np.isfinite(values[-1])):
        raise ValueError(f"{what} must have values > 0, finite and ascending, got {shown(values)}")
    if not (np.all(weights > 0.0) and abs(weights.sum() - 1.0) <= _NODES_SUM):
        raise ValueError(
            f"{what} must have weights > 0 with sum 1, got a smallest of {weights.min():g} and a "
            f"sum of {weights.sum():.15g}"
        )
    return values, weights
