"""A few atoms that relax inside a matrix that only follows the affine shear.

Atoms 0 ... targets-1 relax; all others are frozen. The pair potential of kind k = 0 (AA), 1 (AB),
2 (BB) is V(r) = twelve[k] r^-12 - six[k] r^-6 - shift[k] for r < cutoff. Pairs of two frozen atoms
never enter. Degrees of freedom are ordered x0, y0, x1, y1, ...

The minimiser is Newton's method with a Cholesky factor that is kept while it serves; where the
Hessian is not positive a multiple of the identity is added, steps are short, and the energy may
not rise: from an unstable state it goes downhill.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = [
    "CONVERGED",
    "LEFT_SHELL",
    "STUCK",
    "curvature",
    "follow",
    "minimise",
    "pairs",
    "push",
    "shrinks",
]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

CONVERGED, STUCK, LEFT_SHELL = 0, 1, 2
_SKIN = 0.3  # width by which the neighbour list exceeds the cutoff
_SHEARED = 0.04  # affine strain after which the list is built again
_LONGEST = 0.05  # longest displacement of an atom in one Newton step
_ROUNDING = 1e-10  # rise of the energy (some hundred eps) that may be rounding


@kernel()
def shrinks(strain: float) -> float:
    """Return the least ratio of lengths after and before a simple shear."""
    return math.hypot(1.0, 0.5 * strain) - 0.5 * abs(strain)


@kernel()
def pairs(place: Floats, kind: Whole, targets: int, reach: float) -> Whole:
    """Return rows (i, j, kind of pair) of all pairs within ``reach``, i < targets, i < j."""
    atoms = kind.size
    found = np.empty((targets * atoms, 3), np.int64)
    count = 0
    for i in range(targets):
        for j in range(i + 1, atoms):
            dx = place[2 * i] - place[2 * j]
            dy = place[2 * i + 1] - place[2 * j + 1]
            if dx * dx + dy * dy < reach * reach:
                found[count, 0] = i
                found[count, 1] = j
                found[count, 2] = kind[i] + kind[j]
                count += 1
    return found[:count].copy()


@kernel(fastmath={"contract"})
def push(
    place: Floats, targets: int, listed: Whole, potential: Floats, cutoff: float, force: Floats
) -> tuple[float, float, float]:
    """Fill the forces on the targets; return energy, virial and the largest force component.

    The virial is sum V'(r) x y / r over pairs, one half of it where one atom is frozen: eq. (6)
    times the area of the block.
    """
    force[:] = 0.0
    energy = 0.0
    virial = 0.0
    for p in range(listed.shape[0]):
        i, j, k = listed[p, 0], listed[p, 1], listed[p, 2]
        dx = place[2 * i] - place[2 * j]
        dy = place[2 * i + 1] - place[2 * j + 1]
        square = dx * dx + dy * dy
        if square < cutoff * cutoff:
            inverse = 1.0 / square
            cube = inverse * inverse * inverse
            repelled = potential[0, k] * cube * cube
            attracted = potential[1, k] * cube
            energy += repelled - attracted - potential[2, k]
            pull = (6.0 * attracted - 12.0 * repelled) * inverse
            force[2 * i] -= pull * dx
            force[2 * i + 1] -= pull * dy
            share = 0.5
            if j < targets:
                force[2 * j] += pull * dx
                force[2 * j + 1] += pull * dy
                share = 1.0
            virial += share * pull * dx * dy
    largest = 0.0
    for a in range(2 * targets):
        largest = max(largest, abs(force[a]))
    return energy, virial, largest


@kernel(fastmath={"contract"})
def curvature(
    place: Floats, targets: int, listed: Whole, potential: Floats, cutoff: float, hessian: Floats
) -> None:
    """Fill the lower triangle of the second derivatives of the energy."""
    hessian[:] = 0.0
    for p in range(listed.shape[0]):
        i, j, k = listed[p, 0], listed[p, 1], listed[p, 2]
        dx = place[2 * i] - place[2 * j]
        dy = place[2 * i + 1] - place[2 * j + 1]
        square = dx * dx + dy * dy
        if square < cutoff * cutoff:
            inverse = 1.0 / square
            cube = inverse * inverse * inverse
            repelled = potential[0, k] * cube * cube
            attracted = potential[1, k] * cube
            pull = (6.0 * attracted - 12.0 * repelled) * inverse
            stiff = (168.0 * repelled - 48.0 * attracted) * inverse * inverse
            xx, xy, yy = stiff * dx * dx + pull, stiff * dx * dy, stiff * dy * dy + pull
            hessian[2 * i, 2 * i] += xx
            hessian[2 * i + 1, 2 * i] += xy
            hessian[2 * i + 1, 2 * i + 1] += yy
            if j < targets:
                hessian[2 * j, 2 * j] += xx
                hessian[2 * j + 1, 2 * j] += xy
                hessian[2 * j + 1, 2 * j + 1] += yy
                hessian[2 * j, 2 * i] -= xx
                hessian[2 * j, 2 * i + 1] -= xy
                hessian[2 * j + 1, 2 * i] -= xy
                hessian[2 * j + 1, 2 * i + 1] -= yy


@kernel(fastmath={"reassoc", "contract"})
def _factorise(hessian: Floats, added: float, factor: Floats) -> bool:
    """Fill the Cholesky factor of hessian + added identity; False where that is not positive."""
    n = hessian.shape[0]
    for i in range(n):
        row = factor[i]
        for j in range(i):
            other = factor[j]
            total = hessian[i, j]
            for m in range(j):
                total -= row[m] * other[m]
            row[j] = total * other[j]
        total = hessian[i, i] + added
        for m in range(i):
            total -= row[m] * row[m]
        if not total > 1e-10 * hessian[i, i]:
            return False
        row[i] = 1.0 / math.sqrt(total)  # the diagonal is kept inverted
    return True


@kernel(fastmath={"reassoc", "contract"})
def _solve(factor: Floats, right: Floats, step: Floats) -> None:
    n = right.size
    for i in range(n):
        total = right[i]
        for m in range(i):
            total -= factor[i, m] * step[m]
        step[i] = total * factor[i, i]
    for i in range(n - 1, -1, -1):
        step[i] *= factor[i, i]
        for m in range(i):
            step[m] -= factor[i, m] * step[i]


@kernel()
def _shorten(step: Floats) -> None:
    longest = 0.0
    for a in range(0, step.size, 2):
        longest = max(longest, math.hypot(step[a], step[a + 1]))
    if longest > _LONGEST:
        step *= _LONGEST / longest


@kernel()
def _copy(source: Floats, out: Floats) -> None:
    """Fill ``out`` from the first entries; ``out[:] = source[:n]`` takes seconds to compile."""
    for a in range(out.size):
        out[a] = source[a]


@kernel()
def minimise(
    place: Floats,
    kind: Whole,
    targets: int,
    potential: Floats,
    cutoff: float,
    tolerance: float,
    most: int,
    listed: Whole,
    built: Floats,
    hessian: Floats,
    factor: Floats,
    held: bool,
) -> tuple[bool, float, Whole, int, bool]:
    """Move the targets downhill until no force component exceeds ``tolerance``, in place.

    ``listed`` serves while no target is too far from ``built``, where it was made (sheared since,
    as everything is); ``held`` says that ``factor`` is a Cholesky factor from nearby.
    Returns whether it got there, the virial, the list, the Newton steps tried, and ``held``.
    """
    n = 2 * targets
    force, trial, step, saved = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    energy, virial, largest = push(place, targets, listed, potential, cutoff, force)
    slack = 0.5 * (shrinks(_SHEARED) * (cutoff + _SKIN) - cutoff)
    added = 0.0
    fresh = False
    tried = 0
    while not largest <= tolerance:
        if tried == most or added > 1e12:
            return False, virial, listed, tried, held
        tried += 1
        newton = not held
        if newton:
            if not fresh:
                curvature(place, targets, listed, potential, cutoff, hessian)
                fresh = True
            while not _factorise(hessian, added, factor):
                added = max(4.0 * added, 1.0)
        _solve(factor, force, step)
        _shorten(step)
        _copy(place, saved)
        drift = 0.0
        for a in range(0, n, 2):
            place[a] += step[a]
            place[a + 1] += step[a + 1]
            drift = max(drift, math.hypot(place[a] - built[a], place[a + 1] - built[a + 1]))
        if drift > slack:
            listed = pairs(place, kind, targets, cutoff + _SKIN)
            _copy(place, built)
        lower, moved, weaker = push(place, targets, listed, potential, cutoff, trial)
        good = lower <= energy + _ROUNDING and (newton or weaker < 0.3 * largest)
        held = good and (weaker < 0.3 * largest and added == 0.0)
        if good:
            energy, virial, largest = lower, moved, weaker
            _copy(trial, force)
            fresh = False
            added = 0.25 * added if added > 1.0 else 0.0
        else:
            for a in range(n):
                place[a] = saved[a]
            if newton:
                added = max(4.0 * added, 1.0)
    return True, virial, listed, tried, held


@kernel()
def follow(
    place: Floats,
    kind: Whole,
    targets: int,
    potential: Floats,
    cutoff: float,
    strain_step: float,
    steps: int,
    fall: float,
    shell: float,
    tolerance: float,
    most: int,
) -> tuple[int, Floats, Floats, int]:
    """Shear in steps: affine for all atoms, then downhill for the targets.

    ``fall`` is a virial. It ends after ``steps``, or when strain_step's sign times the virial has
    fallen by more than ``fall`` below its running maximum and has then risen by more than ``fall``
    above the minimum after it. No atom within the cutoff of a target may ever be missing, if those
    left out began at least ``shell`` away from the targets.

    Returns a verdict, the virial (row 0: relaxed, before any strain), the targets' places at each
    row, and the Newton steps tried.
    """
    n = 2 * targets
    virials = np.empty(steps + 1)
    states = np.empty((steps + 1, n))
    start = place.copy()
    built = place.copy()
    listed = pairs(place, kind, targets, cutoff + _SKIN)
    hessian, factor = np.zeros((n, n)), np.zeros((n, n))
    held = False
    tried = 0
    since = 0.0
    sign = math.copysign(1.0, strain_step)
    highest = -math.inf
    lowest = math.inf
    fallen = False
    for row in range(steps + 1):
        if row > 0:
            for a in range(0, place.size, 2):
                place[a] += strain_step * place[a + 1]
                built[a] += strain_step * built[a + 1]
            since += abs(strain_step)
            if since > _SHEARED:
                since = 0.0
                _copy(place, built)
                listed = pairs(place, kind, targets, cutoff + _SKIN)
        done, virial, listed, more, held = minimise(
            place, kind, targets, potential, cutoff, tolerance, most,
            listed, built, hessian, factor, held,
        )  # fmt: skip
        tried += more
        virials[row] = virial
        _copy(place, states[row])
        if not done:
            return STUCK, virials[: row + 1], states[: row + 1], tried
        strain = row * strain_step
        drift = 0.0
        for a in range(0, n, 2):
            across = place[a] - start[a] - strain * start[a + 1]
            drift = max(drift, math.hypot(across, place[a + 1] - start[a + 1]))
        if shrinks(strain) * shell - drift < cutoff:
            return LEFT_SHELL, virials[: row + 1], states[: row + 1], tried
        if not fallen:
            highest = max(highest, sign * virial)
            fallen = sign * virial < highest - fall
        if fallen:
            lowest = min(lowest, sign * virial)
            if sign * virial > lowest + fall:
                return CONVERGED, virials[: row + 1], states[: row + 1], tried
    return CONVERGED, virials, states, tried
