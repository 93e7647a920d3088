"""The positive fixed point of a linear map that conserves sums, by restarted GMRES."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hebraud.errors import ConvergenceError

__all__ = ["ROUND_OFF", "fixed_point"]

Floats = NDArray[np.float64]

ROUND_OFF = 3e-15
"""Residual of the yield, relative to its sum, at which it is stationary to round-off."""
_KRYLOV = 40
"""Directions of one GMRES cycle."""
_CYCLES = 60
"""GMRES cycles after which the iteration has failed."""


def fixed_point(
    sweep: Callable[[Floats], Floats], start: Floats, accuracy: float, what: str
) -> tuple[Floats, float]:
    """Return the positive fixed point of a linear map that conserves sums of columns, and residual.

    Restarted GMRES for the correction. Every cycle starts from a positive vector: no entry falls
    by more than a factor 100 in one cycle. That chooses the next start and its inner product, not
    the answer: the answer is an image of the map, accepted by its residual.
    """
    yielded = start
    best = math.inf
    for _ in range(_CYCLES):
        image = sweep(yielded)
        misfit = image - yielded
        errors = np.abs(misfit).sum(axis=0) / yielded.sum(axis=0)
        error = float(errors.max())
        if error <= accuracy or (error <= 100.0 * ROUND_OFF and error > 0.3 * best):
            return image, error
        best = min(best, error)
        scale = np.sqrt(np.where(yielded > 0.0, yielded, 1.0))

        def apply(y: Floats, scale: Floats = scale) -> Floats:
            return y - sweep(scale * y) / scale

        reduction = 0.1 * accuracy / np.maximum(errors, 0.1 * accuracy)
        step = scale * _gmres(apply, misfit / scale, reduction)
        yielded = sweep(np.maximum(yielded + step, 0.01 * yielded))
    raise ConvergenceError(
        f"the yield of {what} did not become stationary: relative residual {best:.1e} after "
        f"{_CYCLES} GMRES cycles; try FiniteVolume with fewer cells, or a larger drop"
    )


def _gmres(apply: Callable[[Floats], Floats], right: Floats, reduction: Floats) -> Floats:
    """Return an approximate solution of ``apply(y) = right``, one cycle from zero.

    Each column is a problem of its own, with its own ``reduction`` of the residual. A column that
    is solved goes on with directions of length zero.
    """
    columns = right.shape[1]
    norm = np.linalg.norm(right, axis=0)
    basis = np.empty((_KRYLOV + 1, *right.shape))
    basis[0] = right / np.where(norm > 0.0, norm, 1.0)
    triangle = np.zeros((columns, _KRYLOV, _KRYLOV))
    target = np.zeros((_KRYLOV + 1, columns))
    target[0] = norm
    rotations: list[tuple[Floats, Floats]] = []
    for m in range(_KRYLOV):
        new = apply(basis[m])
        column = np.zeros((m + 2, columns))
        for _ in range(2):
            part = np.einsum("mij,ij->mj", basis[: m + 1], new)
            new = new - np.einsum("mj,mij->ij", part, basis[: m + 1])
            column[: m + 1] += part
        column[m + 1] = length = np.linalg.norm(new, axis=0)
        for i, (c, s) in enumerate(rotations):
            column[i], column[i + 1] = (
                c * column[i] + s * column[i + 1],
                c * column[i + 1] - s * column[i],
            )
        radius = np.hypot(column[m], length)
        done = length <= 1e-15 * radius
        inverse = 1.0 / np.where(radius > 0.0, radius, 1.0)
        c, s = np.where(done, 1.0, column[m] * inverse), np.where(done, 0.0, length * inverse)
        rotations.append((c, s))
        triangle[:, :m, m] = column[:m].T
        triangle[:, m, m] = np.where(radius > 0.0, radius, 1.0)
        target[m], target[m + 1] = c * target[m], -s * target[m]
        if np.all(np.abs(target[m + 1]) <= reduction * norm):
            break
        basis[m + 1] = new / np.where(done, np.inf, length)
    size = len(rotations)
    weights = np.linalg.solve(triangle[:, :size, :size], target[:size].T[:, :, None])[:, :, 0]
    return np.asarray(np.einsum("jm,mij->ij", weights, basis[:size]))
