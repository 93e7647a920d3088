"""Tests of a fit. Each reports what it finds and changes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hebraud.inference.fitted import Fitted

__all__ = ["FitWarning", "cautions"]


@dataclass(frozen=True)
class FitWarning:
    """A reason not to trust a fit: ``kind`` is one word, ``message`` is the full sentence.

    undetermined : the data hardly bound a parameter. degenerate : the data bound a combination of
    parameters much less than each alone. misfit : the scatter about the fit exceeds the error
    bars. trend : neighbouring residuals have the same sign too often. outlier : points too far
    off for their number; the fit keeps them. repeated : points that are there twice. ``points``
    are the indices of the points that the message names.
    """

    kind: str
    message: str
    points: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def cautions(fit: Fitted) -> tuple[FitWarning, ...]:
    """Return the warnings of all tests."""
    tests = (_undetermined, _misfit, _trend, _outliers, _repeated)
    return tuple(warning for test in tests for warning in test(fit))


def _undetermined(fit: Fitted) -> list[FitWarning]:
    spread = np.sqrt(np.diag(fit.log_covariance))
    loose = [
        f"{name} (factor {math.exp(min(s, 700.0)):.3g})"
        for name, s in zip(fit.free, spread, strict=True)
        if s > 0.5
    ]
    found = []
    if loose:
        found.append(
            FitWarning(
                "undetermined",
                f"one standard error covers a large factor in {', '.join(loose)}; {fit.advice}",
            )
        )
    if fit.condition_number > 100.0:
        found.append(
            FitWarning(
                "degenerate",
                f"the confidence region is {fit.condition_number:.3g} times as long as wide "
                f"(log parameters): a combination of {', '.join(fit.free)} is left open; "
                f"{fit.advice}",
            )
        )
    return found


def _misfit(fit: Fitted) -> list[FitWarning]:
    from scipy.stats import chi2

    if fit.problem.scaled:
        return []
    chance = float(chi2.sf(fit.chi_square, fit.degrees_of_freedom))
    if chance > 1e-3:
        return []
    return [
        FitWarning(
            "misfit",
            f"chi-square per degree of freedom is {fit.reduced_chi_square:.3g} (chance "
            f"{chance:.1g}): the law does not describe the data within their error bars, and "
            "the intervals are too small",
        )
    ]


def _trend(fit: Fitted) -> list[FitWarning]:
    """Test the signs of the residuals with the runs test of Wald and Wolfowitz, at three sigma."""
    above = fit.residuals[np.argsort(fit.abscissa, kind="stable")] > 0.0
    n, up = above.size, int(above.sum())
    pairs = 2.0 * up * (n - up)
    if n < 8 or pairs == 0.0:
        return []
    runs = 1 + int(np.sum(above[1:] != above[:-1]))
    spread = math.sqrt(pairs * (pairs - n) / (n * n * (n - 1.0)))
    if runs >= 1.0 + pairs / n - 3.0 * spread:
        return []
    return [
        FitWarning(
            "trend",
            f"the residuals change sign only {runs - 1} times over {n} points: the law bends "
            "differently from the data, and the intervals describe the law, not the material",
        )
    ]


def _outliers(fit: Fitted) -> list[FitWarning]:
    """Find outliers with Rosner's generalised test: 1 % a data set, up to a fifth of the points.

    The loop takes out the worst point and fits the others anew (linearised), so that outliers
    cannot hide each other. The outliers are all points up to the last that lies beyond Student's
    law of the others.
    """
    from scipy.stats import t

    jacobian = fit.problem.jacobian(fit.result.params)
    raw = fit.problem.residual(fit.result.params)
    left = np.arange(raw.size)
    out: list[tuple[int, float]] = []
    named, limit = 0, math.inf
    while len(out) < max(1, raw.size // 5) and left.size - len(fit.free) > 1:
        q, _ = np.linalg.qr(jacobian[left])
        rest = raw[left] - q @ (q.T @ raw[left])
        spread = 1.0 - (q**2).sum(axis=1)  # variance of the residual over that of the point
        size = np.where(spread > 1e-9, np.abs(rest) / np.sqrt(np.maximum(spread, 1e-9)), 0.0)
        freedom = left.size - len(fit.free) - 1
        worst = int(np.argmax(size))
        others = (rest @ rest - size[worst] ** 2) / freedom
        out.append((int(left[worst]), float(rest[worst])))
        if size[worst] ** 2 > t.isf(0.005 / left.size, freedom) ** 2 * others:
            named, limit = len(out), float(t.isf(0.005 / left.size, freedom))
        left = np.delete(left, worst)
    return [
        FitWarning(
            "outlier",
            f"point {i} ({fit.axes[0]} {fit.abscissa[i]:.4g}, {fit.axes[1]} "
            f"{fit.problem.data[i]:.4g}) is {'above' if rest > 0.0 else 'below'} the fit "
            f"to the others by more than {limit:.1f} of their standard deviations; it was kept",
            (i,),
        )
        for i, rest in sorted(out[:named])
    ]


def _repeated(fit: Fitted) -> list[FitWarning]:
    pairs = np.stack([fit.abscissa, fit.problem.data], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    copies = tuple(int(i) for i in np.setdiff1d(np.arange(fit.abscissa.size), first))
    if not copies:
        return []
    return [
        FitWarning(
            "repeated",
            f"points {', '.join(map(str, copies))} are equal to earlier ones, {fit.axes[0]} "
            f"and {fit.axes[1]}: copies of one measurement count as several, and make the "
            "errors too small; they were kept",
            copies,
        )
    ]
