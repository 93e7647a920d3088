"""Fits of runs in time: startup of shear and creep, through ``evolve``.

In reduced units a run f(t; alpha, drive) is driven by one number, the shear rate or the stress, and
physical units stretch it:

    startup   stress = threshold f(t/tau; alpha, rate G0 tau/threshold)
    creep     strain = (threshold/G0) f(t/tau; alpha, stress/threshold)

so that all derivatives follow from those of f with respect to ln t, ln alpha and ln drive. The
stress of startup is interpolated between runs on a lattice in (ln alpha, ln drive). A fit makes
these runs where it needs them and keeps them for its profiles. The strain of creep changes by
decades where the stress passes the yield stress of the start, so that no lattice can hold it: there
every value of the law is a run, and derivatives are central differences of runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import check_number
from hebraud.inference.fit import ModelFit
from hebraud.inference.problem import (
    Problem,
    check_column,
    check_enough,
    check_positive,
    held_values,
    solve,
)
from hebraud.inference.reduced import coupling_of, cubic, with_coupling
from hebraud.model.model import Model, check_model
from hebraud.model.protocols import Creep, Startup
from hebraud.model.scales import Scales, check_scales
from hebraud.model.starts import Start, check_start
from hebraud.rheology.estimate import Estimate
from hebraud.solvers.transient.evolve import evolve

if TYPE_CHECKING:
    from lmfit.minimizer import MinimizerResult
    from scipy.interpolate import CubicSpline

    Runs = dict[tuple[int, int, int], CubicSpline]

__all__ = [
    "CREEP",
    "EXPERIMENTS",
    "STARTUP",
    "Experiment",
    "LatticeLaw",
    "TransientFit",
    "TransientLaw",
    "fit_creep",
    "fit_run",
    "fit_startup",
]

_STEP = 0.04
"""Step of central differences in ln alpha and in ln drive, well above the error of a run."""
_LATTICE = 0.1
"""Step of the lattice in ln alpha and ln drive: stresses between its points are right to 6e-4."""
_LONGER = 4.0
"""Runs of the lattice end at powers of this in tau, so that few lengths serve a whole fit."""
_RTOL = 1e-4
"""Tolerance of the runs, below the error of the lattice."""


@dataclass(frozen=True)
class Experiment:
    """The imposed and the measured quantity of a run, and how both scale.

    Rows of ``scaling``: powers of (threshold, shear_modulus, plastic_time) in the measured quantity
    and in the drive. ``lattice`` tells whether runs are interpolated.
    """

    imposed: Callable[[float], Startup | Creep]
    measured: str
    scaling: tuple[tuple[int, int, int], tuple[int, int, int]]
    lattice: bool


STARTUP = Experiment(Startup, "stress", ((1, 0, 0), (-1, 1, 1)), True)
CREEP = Experiment(Creep, "strain", ((1, -1, 0), (-1, 0, 0)), False)
EXPERIMENTS = {kind.measured: kind for kind in (STARTUP, CREEP)}


@dataclass(frozen=True)
class TransientLaw:
    """A run at the data's times, computed anew for every value of the parameters."""

    experiment: Experiment
    model: Model
    before: Start
    time: Floats
    drive: float
    names: tuple[str, ...] = ("alpha", "threshold", "shear_modulus", "plastic_time")
    quick: bool = False

    def _spline(self, log_alpha: float, log_drive: float, until: float) -> CubicSpline:
        """Return f as a function of reduced time."""
        from scipy.interpolate import CubicSpline

        history = evolve(
            with_coupling(self.model, math.exp(log_alpha)),
            self.experiment.imposed(math.exp(log_drive)),
            self.before,
            until=until,
            rtol=_RTOL,
        )
        values = getattr(history, self.experiment.measured)
        # of entries at one time the last is the state after the jump
        keep = np.append(np.diff(history.time) > 0.0, True)
        return CubicSpline(history.time[keep], values[keep])

    def _value(self, log_alpha: float, log_drive: float, time: Floats) -> Floats:
        """Return f at reduced times."""
        return np.asarray(self._spline(log_alpha, log_drive, float(time.max()))(time))

    def _slopes(self, log_alpha: float, log_drive: float, time: Floats) -> Floats:
        """Return f and its derivatives by ln alpha, ln drive and ln t, (4, n)."""
        run = self._spline(log_alpha, log_drive, float(time.max()))
        by_alpha, by_drive = (
            (
                self._value(log_alpha + in_alpha, log_drive + in_drive, time)
                - self._value(log_alpha - in_alpha, log_drive - in_drive, time)
            )
            / (2.0 * _STEP)
            for in_alpha, in_drive in ((_STEP, 0.0), (0.0, _STEP))
        )
        return np.array([run(time), by_alpha, by_drive, time * run(time, 1)])

    def _reduced(self, log: Floats) -> tuple[float, float, Floats]:
        """Return the measured quantity's unit, ln drive, and the times over tau."""
        unit, drive = np.array(self.experiment.scaling) @ log[1:]
        return math.exp(unit), math.log(self.drive) + drive, self.time * math.exp(-log[3])

    def values(self, log: Floats) -> Floats:
        """Return the measured quantity at the data's times."""
        unit, log_drive, time = self._reduced(log)
        return unit * self._value(float(log[0]), log_drive, time)

    def slopes(self, log: Floats) -> tuple[Floats, Floats]:
        """Return the measured quantity and its derivatives."""
        unit, log_drive, time = self._reduced(log)
        f, by_alpha, by_drive, by_time = self._slopes(float(log[0]), log_drive, time)
        columns = [by_alpha]
        for j, (in_unit, in_drive) in enumerate(zip(*self.experiment.scaling, strict=True)):
            columns.append(in_unit * f + in_drive * by_drive - (by_time if j == 2 else 0.0))
        return unit * f, unit * np.stack(columns, axis=1)

    def at(self, abscissa: Floats) -> Self:
        """Return the law at other times."""
        return replace(self, time=abscissa)


@dataclass(frozen=True)
class LatticeLaw(TransientLaw):
    """The same, interpolated by cubics in ln alpha and ln drive between runs that it keeps."""

    rows: Runs = field(default_factory=dict, repr=False, compare=False)

    def _kept(self, row: int, column: int, ending: int) -> CubicSpline:
        key = row, column, ending
        if key not in self.rows:
            self.rows[key] = self._spline(row * _LATTICE, column * _LATTICE, _LONGER**ending)
        return self.rows[key]

    def _value(self, log_alpha: float, log_drive: float, time: Floats) -> Floats:
        return np.asarray(self._slopes(log_alpha, log_drive, time)[0])

    def _slopes(self, log_alpha: float, log_drive: float, time: Floats) -> Floats:
        row, column = math.floor(log_alpha / _LATTICE), math.floor(log_drive / _LATTICE)
        ending = math.ceil(math.log(float(time.max())) / math.log(_LONGER))
        points = np.arange(-1, 3)
        runs = [[self._kept(row + int(i), column + int(j), ending) for j in points] for i in points]
        table = np.array([[run(time) for run in line] for line in runs])
        slope = np.array([[time * run(time, 1) for run in line] for line in runs])
        alpha, by_alpha = cubic(np.array(log_alpha / _LATTICE - row))
        drive, by_drive = cubic(np.array(log_drive / _LATTICE - column))
        parts = (
            (alpha, drive, table), (by_alpha / _LATTICE, drive, table),
            (alpha, by_drive / _LATTICE, table), (alpha, drive, slope),
        )  # fmt: skip
        return np.array([np.einsum("i,j,ijn->n", *part) for part in parts])


@dataclass(frozen=True, eq=False)
class TransientFit(ModelFit):
    """Parameters from a run in time, which gives G0 and tau separately."""

    @classmethod
    def of(
        cls,
        abscissa: Floats,
        data: Floats,
        error: Floats | None,
        start: Mapping[str, float],
        held: Iterable[str],
        template: Model,
        measured: str,
        before: Start,
        drive: float,
        result: MinimizerResult | None = None,
        runs: Runs | None = None,
    ) -> Self:
        """Return the fit of checked data: solved, or with the result that is known."""
        experiment = EXPERIMENTS[measured]
        given = experiment, template, before, abscissa, drive
        kept: Runs = {} if runs is None else runs
        law = LatticeLaw(*given, rows=kept) if experiment.lattice else TransientLaw(*given)
        # a factor 50 either way: runs far outside are slow and do not help
        bounds = {name: (math.log(x) - 4.0, math.log(x) + 4.0) for name, x in start.items()}
        problem = Problem(law, data, error, False, start, frozenset(held), bounds)
        return cls(abscissa, problem, result or solve(problem), ("time", measured), template)

    @property
    def shear_modulus(self) -> Estimate:
        """G0, in the unit of the stress."""
        return self.estimate("shear_modulus")

    @property
    def plastic_time(self) -> Estimate:
        """tau, in the unit of the time."""
        return self.estimate("plastic_time")

    @property
    def scales(self) -> Scales:
        """The three units."""
        return Scales(self.shear_modulus.value, self.threshold.value, self.plastic_time.value)


def fit_startup(
    time: ArrayLike,
    stress: ArrayLike,
    shear_rate: float,
    stress_err: ArrayLike | None = None,
    model: Model = Model(0.3),  # noqa: B008 - frozen
    *,
    start: Start,
    guess: Scales,
    alpha: float | None = None,
    threshold: float | None = None,
    shear_modulus: float | None = None,
    plastic_time: float | None = None,
) -> TransientFit:
    """Fit the stress after shear of a constant rate was switched on at time 0.

    Parameters
    ----------
    time, stress : array_like, shape (n,)
        The measured run, any consistent units; times > 0.
    shear_rate : float
        Imposed from time 0 on, > 0.
    stress_err : array_like, shape (n,), optional
        Standard errors, absolute. None: unknown and the same at every point, to be estimated from
        the scatter.
    model : Model
        Which model; the fit starts at its alpha.
    start : Start
        The state before, in reduced units, such as ``gaussian(0.3)``. It is held; the overshoot
        depends on it, so that alpha does too.
    guess : Scales
        Where the fit starts: G0 is the initial slope of stress against strain, the threshold
        some 1 ... 4 times the final stress.
    alpha, threshold, shear_modulus, plastic_time : float, optional
        Hold this parameter at this value.

    Raises
    ------
    ValueError, ConvergenceError, EvolutionFailed
        As ``fit_flow_curve`` and ``evolve``.
    """
    held = {
        "alpha": alpha, "threshold": threshold, "shear_modulus": shear_modulus,
        "plastic_time": plastic_time,
    }  # fmt: skip
    rate = check_number("shear_rate", shear_rate, above=0.0)
    return fit_run(STARTUP, rate, time, stress, stress_err, model, start, guess, held)


def fit_creep(
    time: ArrayLike,
    strain: ArrayLike,
    stress: float,
    strain_err: ArrayLike | None = None,
    model: Model = Model(0.3),  # noqa: B008 - frozen
    *,
    start: Start,
    guess: Scales,
    alpha: float | None = None,
    threshold: float | None = None,
    shear_modulus: float | None = None,
    plastic_time: float | None = None,
) -> TransientFit:
    """Fit the strain after a stress was switched on at time 0, the elastic jump included.

    Parameters
    ----------
    time, strain : array_like, shape (n,)
        The measured run, any consistent units; times > 0.
    stress : float
        Imposed from time 0 on, > 0.
    strain_err : array_like, shape (n,), optional
        Standard errors, absolute. None: unknown and the same at every point.
    model, start, guess, alpha, threshold, shear_modulus, plastic_time
        As ``fit_startup``.

    Raises
    ------
    ValueError, ConvergenceError, EvolutionFailed
        As ``fit_flow_curve`` and ``evolve``.
    """
    held = {
        "alpha": alpha, "threshold": threshold, "shear_modulus": shear_modulus,
        "plastic_time": plastic_time,
    }  # fmt: skip
    drive = check_number("stress", stress, above=0.0)
    return fit_run(CREEP, drive, time, strain, strain_err, model, start, guess, held)


def fit_run(
    experiment: Experiment,
    drive: float,
    time: ArrayLike,
    measured: ArrayLike,
    error: ArrayLike | None,
    model: Model,
    before: Start,
    guess: Scales,
    given: Mapping[str, float | None],
    runs: Runs | None = None,
) -> TransientFit:
    """Fit the run of an experiment; see :func:`fit_startup`.

    ``runs`` is a dictionary that keeps the runs of a lattice. Fits of one model and one start may
    share it.
    """
    check_model(model)
    check_start(before)
    check_scales(guess, "guess")
    times = check_positive("time", time)
    data = check_column(experiment.measured, measured, times.size)
    name = f"{experiment.measured}_err"
    errors = None if error is None else check_positive(name, error, times.size)
    held = held_values(given)
    check_enough(times.size, [name for name in TransientLaw.names if name not in held])
    start = {
        "alpha": coupling_of(model), "threshold": guess.threshold,
        "shear_modulus": guess.shear_modulus, "plastic_time": guess.plastic_time,
    } | held  # fmt: skip
    return TransientFit.of(
        times, data, errors, start, held, model, experiment.measured, before, drive, runs=runs
    )
