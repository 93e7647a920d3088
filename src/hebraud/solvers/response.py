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

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud.analytic import exact, linear
from hebraud.errors import ConvergenceError, NoStationaryState, check_number
from hebraud.model.model import Model
from hebraud.solvers.generator import Generator
from hebraud.solvers.null_vector import Stationary

__all__ = ["Linearised", "complex_modulus", "relaxation_modulus", "viscosity"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_SOLVED = 1e-13
"""Relative residual of the yield at which GMRES stops."""
_FIRST = 480
"""Cells of the first grid; more where the model has many thresholds."""
_KEPT = 12
"""Resolvents kept for the next time step of the same length."""


_SLOW = 1e-4
"""Shear rate at which a model without a state of rest is asked whether it flows at all."""


class Linearised:
    """The linearised generator about the stationary masses of a chain at its root D."""

    def __init__(self, chain: Stationary, diffusion: float, mass: Floats) -> None:
        from hebraud._kernels.response import apply_hops, hop_slopes

        self.generator: Generator = chain.generator
        self.shear_rate = chain.shear_rate
        self.diffusion = diffusion
        self.mass = mass
        self.fixed = chain.model.relaxation.fixed_points is not None
        self.hops = self.generator.transport(diffusion, self.shear_rate)
        shift, spread = hop_slopes(self.generator.grid.centres, diffusion, self.shear_rate)
        self.loading = apply_hops(*shift, mass)
        self.spreading = apply_hops(*spread, mass)
        noise, square = chain.model.coupling.diffusion, self.generator.release_square
        base = noise(0.0, 0.0)
        per_yield = noise(1.0, 0.0) - base + (noise(0.0, 1.0) - base) * square
        # at rest what is odd in s makes no noise: the feedback is zero by symmetry
        self.feedback = per_yield if self.shear_rate != 0.0 else np.zeros_like(per_yield)

    def total_yield(self, change: NDArray[Any]) -> NDArray[Any]:
        """Return the yield of every cell, all classes together."""
        return np.asarray(np.einsum("ij,ij->i", self.generator.rates, change))

    def stress(self, change: NDArray[Any]) -> Any:
        """Return the mean stress s . dm."""
        return self.generator.grid.centres @ change.sum(axis=1)

    def released(self, change: NDArray[Any]) -> Any:
        """Return the rate at which yielding releases stress."""
        return self.generator.release @ self.total_yield(change)

    def resolvent(self, z: complex) -> Callable[[NDArray[Any]], Complexes]:
        """Return (z - L)^-1 as a function, for sources without mass."""
        part = _Resolvent(self, z)
        if not self.feedback.any():
            return part
        spread = part(self.spreading)
        gain = 1.0 / (1.0 - self.feedback @ self.total_yield(spread))

        def whole(source: NDArray[Any]) -> Complexes:
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
        from hebraud._kernels.response import rational_exponential

        poles, residues = rational_exponential()
        kept: dict[complex, Callable[[NDArray[Any]], Complexes]] = {}
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
        from hebraud._kernels.tridiagonal import factor

        generator = about.generator
        rates = generator.rates
        self.about, self.z = about, z
        self.middle = generator.grid.first_right
        self.sink: NDArray[Any] = np.asarray(rates + z, dtype=np.complex128)
        self.inverse: NDArray[Any] = np.empty_like(self.sink)
        self.leak: NDArray[Any] = np.empty((2, rates.shape[1]), dtype=np.complex128)
        factor(*about.hops, self.sink, self.middle, self.inverse, self.leak)
        self.columns = 1 if generator.redraws else rates.shape[1]
        self.share = generator.weights if generator.redraws else np.ones(rates.shape[1])
        self._solve = self._prepare_sides() if about.fixed else self._prepare_sweeps()

    def __call__(self, source: NDArray[Any]) -> Complexes:
        return self._solve(self.stay(source))

    def stay(self, source: NDArray[Any]) -> Complexes:
        """Return what a source keeps in every cell until its blocks yield."""
        from hebraud._kernels.tridiagonal import occupation

        mass, blocks = np.empty_like(self.sink), np.asarray(source, dtype=self.sink.dtype)
        occupation(*self.about.hops, self.inverse, self.leak, self.middle, blocks, self.share, mass)
        return mass

    def pool(self, numbers: NDArray[Any]) -> NDArray[Any]:
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
        landed = generator.land(ends)
        left, right = (self.stay(landed[:, k : k + 1] * np.ones(self.columns)) for k in (0, 1))

        def on(side: slice, mass: Complexes) -> NDArray[Any]:
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

        about, land = self.about, self.about.generator.land
        stationary = self.pool(about.generator.rates * about.mass)
        outflow = stationary / self.pool(about.mass.sum(axis=0))
        shape = stationary.shape

        def yields(mass: Complexes) -> NDArray[Any]:
            left = outflow * self.pool(mass.sum(axis=0))
            return np.asarray(self.pool(about.generator.rates * mass) - left)

        def miss(flat: NDArray[Any]) -> NDArray[Any]:
            rho = np.ascontiguousarray(flat.reshape(shape), dtype=self.sink.dtype)
            return np.asarray((rho - yields(self.stay(land(rho)))).ravel())

        size = stationary.size
        operator = LinearOperator((size, size), matvec=miss, dtype=np.complex128)

        def solve(first: Complexes) -> Complexes:
            right = yields(first).ravel()
            rho, failed = gmres(operator, right, rtol=_SOLVED, atol=0.0, restart=80, maxiter=10)
            if failed:
                left_over = np.linalg.norm(miss(rho) - right) / np.linalg.norm(right)
                raise ConvergenceError(
                    f"the yield at z = {self.z:g} was not found: relative residual "
                    f"{left_over:.1e} after {failed} GMRES steps"
                )
            return np.asarray(first + self.stay(land(rho.reshape(shape))))

        return solve


def _refine(
    model: Model,
    g: float,
    rtol: float,
    measure: Callable[[Linearised, NDArray[np.intp]], tuple[NDArray[Any], Floats]],
    size: int,
) -> tuple[NDArray[Any], Floats]:
    """Return ``measure`` and its estimated error, on grids fine enough for each of its numbers.

    ``measure`` returns values and the sizes against which their errors count. Grids of one family
    err by a constant over the square of their cells, cleanly, so that the values are extrapolated
    from N and 2 N cells; the estimate is twice what that moved by from N/2 and N, or a tenth of
    the correction where that is more: the numbers of cells between faces are whole, which makes a
    little noise, and once in a while what moved is small by chance.
    """
    from hebraud.solvers.finite_volume import _root
    from hebraud.solvers.roots import Family, no_root, root_guesses, threshold_nodes

    log_d = root_guesses(model, g)[0]
    nodes, nodes_error = threshold_nodes(model, g, math.exp(log_d), rtol)
    family = Family.around(model, g, math.exp(log_d), nodes)
    slope, before_d = -0.6, 0.0
    last, values = np.full((2, size), np.nan, dtype=np.complex128)
    errors, todo = np.full(size, np.inf), np.arange(size)
    number, before = max(_FIRST, 2 * math.ceil(0.75 * family.layout.fewest_cells())), 1
    while todo.size:
        chain = family.chain(number)
        d, found, slope = _root(chain, log_d, slope)
        if g == 0.0 and d < 0.25 * before_d:
            # a root made by the error of the grid: it falls as the cells do
            raise no_root(model, 0.0, math.log(d), 0.0)
        new, scale = measure(Linearised(chain, d, found.mass), todo)
        correction = (new - last[todo]) / ((number / before) ** 2 - 1.0)
        better = new + correction
        moved = np.maximum(2.0 * np.abs(better - values[todo]), 0.1 * np.abs(correction))
        errors[todo] = np.where(np.isnan(moved), np.inf, moved / scale + nodes_error / abs(slope))
        last[todo], values[todo] = new, better
        worst = float(np.max(errors[todo]))
        todo = todo[errors[todo] > rtol]
        if todo.size == 0:
            break
        log_d, before_d, before = math.log(d), d, number
        number = min(2 * number, family.most_cells())
        if nodes_error > rtol * abs(slope):
            raise ConvergenceError(
                f"the quadrature of the threshold law of {model!r} at shear rate {g:g} is right "
                f"to {nodes_error / abs(slope):.1e} only, not to rtol={rtol:g}; loosen rtol, or "
                "give samples of the law"
            )
        if number < 1.2 * before:
            raise ConvergenceError(
                f"the linear response of {model!r} at shear rate {g:g} is right to {worst:.1e} "
                f"only on {before} cells, not to rtol={rtol:g}, and finer grids are not tried; "
                "loosen rtol"
            )
    return values, errors


def _checked(name: str, values: ArrayLike, at_least: bool) -> Floats:
    allowed = "finite and >= 0" if at_least else "finite and > 0"
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {allowed}, got {values!r}") from None
    good = np.isfinite(array) & ((array >= 0.0) if at_least else (array > 0.0))
    if not np.all(good):
        raise ValueError(f"{name} must be {allowed}, got {float(array[~good].flat[0])!r}")
    return array


def _check_state(model: Any, shear_rate: Any, rtol: Any) -> tuple[float, float]:
    if not isinstance(model, Model):
        raise ValueError(f"model must be a hebraud.Model, got {model!r}; try hebraud.Model(0.8)")
    tolerance = check_number("rtol", rtol, at_least=1e-10, at_most=0.1)
    g = check_number("shear_rate", shear_rate)
    if g == 0.0 and exact.applies(model) and not model.classical:
        exact.stationary(model, 0.0)  # raises where there is no state of rest
    return g, tolerance


def complex_modulus(
    model: Model, omega: ArrayLike, shear_rate: float = 0.0, rtol: float = 1e-6
) -> Complexes:
    r"""Return G*(omega) = G' + i G'' of the state of rest or of a steady flow, in units of G0.

    A small strain gamma0 exp(i omega t) on top of the stationary state changes the mean stress by
    G* gamma0 exp(i omega t), in the plane and direction of the flow (parallel superposition).

    Parameters
    ----------
    model : Model
        Any; above its critical coupling where ``shear_rate`` is 0. Where several states are
        stationary, the one with the largest D is disturbed, as in ``steady_state``.
    omega : array_like
        Angular frequency in 1/tau, > 0, any shape.
    shear_rate : float
        g of the steady flow in sigma_c/(G0 tau), any sign; 0 means the state of rest.
    rtol : float
        Between 1e-10 and 0.1: the grid is refined until the estimated error of every G* is below
        ``rtol`` times the smaller of \|G*\| and \|1 - G*\|. So G'' keeps its accuracy at high
        frequency; at low frequency G', which falls as omega^2, need not. The closed form
        (classical model at rest) is right to 1e-12 whatever ``rtol``.

    Returns
    -------
    ndarray of complex
        Of the shape of ``omega``. Tends to i omega d(stress)/d(shear rate) at low frequency, to 1
        at high.

    Raises
    ------
    NoStationaryState
        If there is no state to disturb: at rest at or below the critical coupling (give
        shear_rate > 0, or raise the coupling).
    ConvergenceError
        If the tolerance is not reached.
    ValueError
        If an argument is not of its kind.

    Examples
    --------
    >>> import hebraud as hl
    >>> float(abs(hl.complex_modulus(hl.Model(0.8), 1.0)))  # doctest: +ELLIPSIS
    0.935...
    """
    w = _checked("omega", omega, at_least=False)
    g, tolerance = _check_state(model, shear_rate, rtol)
    if g == 0.0 and model.classical:
        return linear.complex_modulus(model, w)
    return _modulus(model, w, g, tolerance)[0]


def _modulus(model: Model, w: Floats, g: float, rtol: float) -> tuple[Complexes, Floats]:
    """Return G* by the generator and its estimated relative errors, closed form or not."""
    flat = w.ravel()

    def measure(about: Linearised, todo: NDArray[np.intp]) -> tuple[NDArray[Any], Floats]:
        values = np.array([about.modulus(float(flat[i])) for i in todo])
        return values, np.minimum(np.abs(values), np.abs(1.0 - values))

    values, errors = _refine(model, g, rtol, measure, flat.size)
    return values.reshape(w.shape), errors.reshape(w.shape)


def relaxation_modulus(
    model: Model, t: ArrayLike, shear_rate: float = 0.0, rtol: float = 1e-6
) -> Floats:
    """Return G(t), the stress that is left of a small strain step at t = 0, per strain and G0.

    The step is made on the state of rest or on a steady flow that goes on. G(0) = 1; the integral
    of G over all times is the viscosity d(stress)/d(shear rate).

    Parameters
    ----------
    model : Model
        Any; above its critical coupling where ``shear_rate`` is 0.
    t : array_like
        Time since the step in tau, >= 0, any shape.
    shear_rate : float
        g of the steady flow in sigma_c/(G0 tau), any sign; 0 means the state of rest.
    rtol : float
        Between 1e-10 and 0.1: the estimated error of every G(t) is below ``rtol`` times G(0) = 1.
        Where G has fallen below ``rtol``, nothing is said of it. The closed form (classical model
        at rest) is right to 1e-12 of G(0).

    Raises
    ------
    NoStationaryState, ConvergenceError, ValueError
        As :func:`complex_modulus`.

    Examples
    --------
    >>> import hebraud as hl
    >>> hl.relaxation_modulus(hl.Model(0.8), [0.0, 1.0]).round(3)
    array([1.   , 0.693])
    """
    times = _checked("t", t, at_least=True)
    g, tolerance = _check_state(model, shear_rate, rtol)
    if g == 0.0 and model.classical:
        return linear.relaxation_modulus(model, times)
    return _relaxation(model, times, g, tolerance)[0]


def _relaxation(model: Model, times: Floats, g: float, rtol: float) -> tuple[Floats, Floats]:
    """Return G(t) by the generator and its estimated errors, closed form or not."""
    distinct, where = np.unique(times, return_inverse=True)
    later = distinct[distinct > 0.0]

    def measure(about: Linearised, todo: NDArray[np.intp]) -> tuple[NDArray[Any], Floats]:
        return about.relaxation(later[todo], 0.05 * rtol), np.ones(todo.size)

    values, errors = np.ones(distinct.size), np.zeros(distinct.size)
    if later.size:
        found, estimate = _refine(model, g, rtol, measure, later.size)
        values[-later.size :], errors[-later.size :] = found.real, estimate
    return values[where].reshape(times.shape), errors[where].reshape(times.shape)


def viscosity(model: Model, rtol: float = 1e-6) -> float:
    """Return the Newtonian viscosity lim stress/shear_rate of the state of rest, in G0 tau.

    ``inf`` at or below the critical coupling, where there is a yield stress or a power law.

    Parameters
    ----------
    model : Model
        Any.
    rtol : float
        Relative tolerance where no exact formula applies (the linearised generator at zero
        frequency), between 1e-10 and 0.1.

    Raises
    ------
    NoStationaryState
        If the noise feeds itself without bound, so that no state flows either.
    ConvergenceError
        If the tolerance is not reached.
    ValueError
        If an argument is not of its kind.
    """
    try:
        _, tolerance = _check_state(model, 0.0, rtol)
        if exact.applies(model):
            return linear.viscosity(model)

        def measure(about: Linearised, todo: NDArray[np.intp]) -> tuple[NDArray[Any], Floats]:
            value = np.array([about.viscosity()])
            return value, np.abs(value)

        return float(_refine(model, 0.0, tolerance, measure, 1)[0][0].real)
    except NoStationaryState:
        # states that flow: a yield stress. None either: that is the error to raise
        if exact.applies(model):
            exact.stationary(model, _SLOW)
        else:
            from hebraud.solvers.finite_volume import solve

            solve(model, _SLOW, rtol=1e-3)
        return math.inf
