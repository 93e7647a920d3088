"""What to beware of in a fit: each test names what it found, and changes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hebraud.inference.fit import Fit

__all__ = ["FitWarning", "cautions"]


@dataclass(frozen=True)
class FitWarning:
    """What to beware of: ``kind`` is one word, ``message`` says it in full.

    undetermined : the data hardly bound a parameter. degenerate : a combination of parameters is
    bound much worse than each alone would be. misfit : the scatter about the fit exceeds the error
    bars. trend : neighbouring residuals have the same sign too often. outlier : points too
    far off for their number; they are in the fit all the same. repeated : points that are there
    twice. ``points`` are the indices of those that the message is about.
    """

    kind: str
    message: str
    points: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def cautions(fit: Fit) -> tuple[FitWarning, ...]:
    """Return what all tests found."""
    tests = (_undetermined, _misfit, _trend, _outliers, _repeated)
    return tuple(warning for test in tests for warning in test(fit))


def _undetermined(fit: Fit) -> list[FitWarning]:
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
                f"one standard error covers a large factor in {', '.join(loose)}; {fit._window()}",
            )
        )
    if fit.condition_number > 100.0:
        found.append(
            FitWarning(
                "degenerate",
                f"the confidence region is {fit.condition_number:.3g} times as long as wide "
                f"(log parameters): a combination of {', '.join(fit.free)} is left open; "
                f"{fit._window()}",
            )
        )
    return found


def _misfit(fit: Fit) -> list[FitWarning]:
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


def _trend(fit: Fit) -> list[FitWarning]:
    """The test of Wald and Wolfowitz on the signs of the residuals, at three sigma."""
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
            "otherwise than the data, and the intervals are about the law, not the material",
        )
    ]


def _outliers(fit: Fit) -> list[FitWarning]:
    """The generalised test of Rosner: 1 % a data set, for up to a fifth of the points.

    The worst point is taken out and the others are fitted anew (linearised), again and again,
    so that outliers cannot hide each other; those up to the last that is beyond Student's law
    of the others are named.
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
        share = 1.0 - (q**2).sum(axis=1)
        size = np.where(share > 1e-9, np.abs(rest) / np.sqrt(np.maximum(share, 1e-9)), 0.0)
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


def _repeated(fit: Fit) -> list[FitWarning]:
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
