r"""Linear response of any model: G*(omega) and G(t) from the linearised generator.

The masses of the cells obey dm/dt = A(D, g) m. About a stationary state m0 with D0 at the shear
rate g0, a small dg(t) makes

    d(dm)/dt = A dm + (dA/dD m0) dD + (dA/dg m0) dg,      dD = c . dm,

where c is the coupling's functional (linear in the yield). The slope in D is that of the hop
rates, exactly; that in g is written as a shift of m0 by one, which keeps mass and moves the mean
by one as the hops do, and is right to second order at the threshold itself. With b = dA/dg m0 and
the whole linear operator L,

    G*(omega) = i omega s . (i omega - L)^-1 b,           G(t) = s . exp(L t) b,

per unit of strain, in units of G0. The grid keeps the stress balance to round-off, so that also
1 - G* = (released stress rate)/(i omega gamma0): each form is used where what it gives is small.

A resolvent is O(cells x classes): a tridiagonal elimination, and then the landing. With fixed
landings that is a chain of two sides (two unknowns a class); with other rules the complex yield is
found by GMRES with sweeps of O(cells x lines), few of them because a sweep smooths. The feedback
of D is of rank one. Conservation (dm has no mass, in each class that keeps its blocks) stands in
the place of the equation that fails as omega -> 0, so that omega = 0, the viscosity, is as good as
any other frequency. Layers of width sqrt(D/omega) need no cells of their own: what they change in
G* falls faster than their width.

G(t) is marched by an A-stable rational approximation of exp(L t), which is three resolvents a
step: whatever the spectrum, nothing grows that should decay. A state that swings for long after a
step (in flow, for some 1/(4 pi^2 alpha) cycles where alpha << 1) costs several steps a swing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hebraud._typing import Array
from hebraud.errors import ConvergenceError
from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.steady.null_vector import Stationary

__all__ = ["Linearised"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_SOLVED = 1e-13
"""Relative residual of the yield at which GMRES stops at the latest."""
_GONE = 1e-3
"""Masses times 1 + |s| below which a disturbance is gone, in units of its tolerance."""
_KEPT = 12
"""Resolvents kept for the next time step of the same length."""


class Linearised:
    """The linearised generator about the stationary masses of a chain at its root D."""

    def __init__(
        self, chain: Stationary, diffusion: float, mass: Floats, solved: float = _SOLVED
    ) -> None:
        from hebraud._kernels.grids.response import apply_hops, hop_slopes

        self.generator: Generator = chain.generator
        self.shear_rate = chain.shear_rate
        self.diffusion = diffusion
        self.mass = mass
        self.solved = max(solved, _SOLVED)
        self.fixed = chain.model.relaxation.fixed_points is not None
        self.hops = self.generator.transport(diffusion, self.shear_rate)
        shift, spread = hop_slopes(self.generator.grid.centres, diffusion, self.shear_rate)
        self.loading = apply_hops(*shift, mass)
        self.spreading = apply_hops(*spread, mass)
        noise = chain.model.noise
        per_yield = noise.per_event + noise.per_square * self.generator.landing.release_square
        # at rest a disturbance that is odd in s makes no noise: by symmetry there is no feedback
        self.feedback = per_yield if self.shear_rate != 0.0 else np.zeros_like(per_yield)

    def total_yield(self, change: Array) -> Array:
        """Return the yield of every cell, all classes together."""
        return np.asarray(np.einsum("ij,ij->i", self.generator.rates, change))

    def stress(self, change: Array) -> Any:
        """Return the mean stress s . dm."""
        return self.generator.grid.centres @ change.sum(axis=1)

    def released(self, change: Array) -> Any:
        """Return the rate at which yielding releases stress."""
        return self.generator.landing.release @ self.total_yield(change)

    def resolvent(self, z: complex) -> Callable[[Array], Complexes]:
        """Return (z - L)^-1 as a function, for sources without mass."""
        part = _Resolvent(self, z)
        if not self.feedback.any():
            return part
        spread = part(self.spreading)
        gain = 1.0 / (1.0 - self.feedback @ self.total_yield(spread))

        def whole(source: Array) -> Complexes:
            change = part(source)
            noise = self.feedback @ self.total_yield(change)
            return np.asarray(change + (gain * noise) * spread)

        return whole

    def modulus(self, omega: float) -> complex:
        """Return G*(omega) on this grid."""
        z = 1j * omega
        change = self.resolvent(z)(self.loading)
        low = complex(z * self.stress(change))
        return low if abs(low) < 0.5 else 1.0 - complex(self.released(change))

    def viscosity(self) -> float:
        """Return d(stress)/dg on this grid: G*/(i omega) at omega = 0."""
        return float(self.stress(self.resolvent(0.0)(self.loading)).real)

    def relaxation(self, times: Floats, tolerance: float) -> Floats:
        """Return G(t) on this grid for ascending times > 0.

        Steps double or halve until two halves agree with the whole, as masses weighted by
        1 + |s|; times within a step get a step of their own from its start, so that what is
        asked for does not change what is computed.
        """
        from hebraud._kernels.grids.response import rational_exponential

        poles, residues = rational_exponential()
        kept: dict[complex, Callable[[Array], Complexes]] = {}
        weight = 1.0 + np.abs(self.generator.grid.centres)[:, None]

        def step(length: float, change: Floats, keep: bool) -> Floats:
            after = np.zeros_like(change)
            for pole, residue in zip(poles, residues, strict=True):
                z = complex(pole / length)
                solve = kept.get(z) or self.resolvent(z)
                if keep:
                    kept[z] = solve
                after -= 2.0 * np.real(residue / length * solve(change))
            return after

        values = np.empty_like(times)
        now, length, done, change = 0.0, 2.0**-10, 0, self.loading
        while done < times.size:
            if float(np.sum(weight * np.abs(change))) < _GONE * tolerance:
                values[done:] = 0.0  # what is left is round-off, which does not decay
                break
            half = step(0.5 * length, change, True)
            twice = step(0.5 * length, half, True)
            error = float(np.sum(weight * np.abs(twice - step(length, change, True))))
            if error > tolerance:
                length *= 0.5
                if length < 1e-13:
                    raise ConvergenceError(
                        f"G(t) does not advance beyond t = {now:g}: a step of {length:.0e} is in "
                        f"error by {error:.0e}; loosen rtol"
                    )
                continue
            while done < times.size and times[done] <= now + length:
                values[done] = float(self.stress(step(times[done] - now, change, False)))
                done += 1
            now, change = now + length, twice
            length *= 2.0 if error < 0.1 * tolerance else 1.0
            while len(kept) > _KEPT:
                del kept[next(iter(kept))]
        return values


class _Resolvent:
    """(z - A)^-1 at fixed D, for sources without mass (in each class that keeps its blocks)."""

    def __init__(self, about: Linearised, z: complex) -> None:
        from hebraud._kernels.grids.elimination import factor

        generator = about.generator
        rates = generator.rates
        self.about, self.z = about, z
        self.middle = generator.grid.first_right
        self.sink: Array = np.asarray(rates + z)  # real where z is
        self.inverse: Array = np.empty_like(self.sink)
        self.leak: Array = np.empty((2, rates.shape[1]), dtype=self.sink.dtype)
        factor(*about.hops, self.sink, self.middle, self.inverse, self.leak)
        self.columns = 1 if generator.redraws else rates.shape[1]
        self.share = generator.weights if generator.redraws else np.ones(rates.shape[1])
        self._solve = self._prepare_sides() if about.fixed else self._prepare_sweeps()

    def __call__(self, source: Array) -> Complexes:
        return self._solve(self.stay(source))

    def stay(self, source: Array) -> Complexes:
        """Return what a source keeps in every cell until its blocks yield."""
        from hebraud._kernels.grids.elimination import occupation

        mass, blocks = np.empty_like(self.sink), np.asarray(source, dtype=self.sink.dtype)
        occupation(*self.about.hops, self.inverse, self.leak, self.middle, blocks, self.share, mass)
        return mass

    def pool(self, numbers: Array) -> Array:
        """Add up the last axis, the classes, where blocks change class."""
        return np.asarray(numbers.sum(axis=-1, keepdims=True)) if self.columns == 1 else numbers

    def _prepare_sides(self) -> Callable[[Complexes], Complexes]:
        """Return the solution by two unknowns, the yields y on the left and on the right.

        dm = dm0 + y_left M_left + y_right M_right, with no mass, and with y_right its yield on
        the right. What lands from the left and yields on neither side stays: the chance to yield
        on the right after a yield there is 1 - z M - (chance on the left), without cancellation.
        """
        generator, middle = self.about.generator, self.middle
        rates = generator.rates
        ends = np.zeros((rates.shape[0], 2))
        ends[0, 0] = ends[-1, 1] = 1.0
        landed = generator.landing.land(ends)
        left, right = (self.stay(landed[:, k : k + 1] * np.ones(self.columns)) for k in (0, 1))

        def on(side: slice, mass: Complexes) -> Array:
            return self.pool(np.einsum("ij,ij->j", rates[side], mass[side]))

        sides = slice(None, middle), slice(middle, None)
        held_left, held_right = self.pool(left.sum(axis=0)), self.pool(right.sum(axis=0))
        crosses, leaves = on(sides[1], left), self.z * held_right + on(sides[0], right)
        determinant = held_left * leaves + held_right * crosses

        def solve(first: Complexes) -> Complexes:
            held, yielded = self.pool(first.sum(axis=0)), on(sides[1], first)
            y_left = -(held * leaves + yielded * held_right) / determinant
            y_right = (yielded * held_left - held * crosses) / determinant
            return np.asarray(first + y_left * left + y_right * right)

        return solve

    def _prepare_sweeps(self) -> Callable[[Complexes], Complexes]:
        """Return the solution by GMRES for the yield of every cell.

        The map of a yield to the next has the eigenvalue 1 at z = 0: it conserves the number of
        yields. Where mass is found, an outflow of it in proportion to the stationary yield moves
        that eigenvalue; the solution has no mass, and is not changed.
        """
        from scipy.sparse.linalg import LinearOperator, gmres

        about, land = self.about, self.about.generator.landing.land
        stationary = self.pool(about.generator.rates * about.mass)
        outflow = stationary / self.pool(about.mass.sum(axis=0))
        shape = stationary.shape

        def yields(mass: Complexes) -> Array:
            left = outflow * self.pool(mass.sum(axis=0))
            return np.asarray(self.pool(about.generator.rates * mass) - left)

        def miss(flat: Array) -> Array:
            rho = np.ascontiguousarray(flat.reshape(shape))
            return np.asarray((rho - yields(self.stay(land(rho)))).ravel())

        size = stationary.size
        operator = LinearOperator((size, size), matvec=miss, dtype=self.sink.dtype)

        def solve(first: Complexes) -> Complexes:
            right = yields(first).ravel()
            rho, failed = gmres(
                operator, right, rtol=about.solved, atol=0.0, restart=80, maxiter=10
            )
            if failed:
                left_over = np.linalg.norm(miss(rho) - right) / np.linalg.norm(right)
                raise ConvergenceError(
                    f"the yield at z = {self.z:g} was not found: relative residual "
                    f"{left_over:.1e} after {failed} GMRES steps"
                )
            return np.asarray(first + self.stay(land(rho.reshape(shape))))

        return solve
