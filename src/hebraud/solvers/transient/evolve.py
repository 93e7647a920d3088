"""Time-dependent runs: any protocol, any model of the four slots, implicit and of second order.

The scheme is the modified Patankar step of :mod:`hebraud._kernels.grids.patankar`, positive and
conservative whatever the step, on grids that follow the run
(:mod:`hebraud.solvers.transient.regrid`). Each step is done twice, whole and in halves; the
difference controls the step, and the halves are kept (:mod:`hebraud.solvers.transient.run`). D, the
landing and, where stress is imposed, the shear rate are solved together in each step.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud.errors import check_number
from hebraud.model.model import Model, check_model
from hebraud.model.protocols import Imposed, Segment, fastest, segments_of
from hebraud.model.starts import Start, check_start
from hebraud.solvers.history import History, Row, Settings, as_made, output_times
from hebraud.solvers.transient.failure import EvolutionFailed
from hebraud.solvers.transient.progress import progress
from hebraud.solvers.transient.run import Run
from hebraud.solvers.transient.strain_path import StrainPath

__all__ = ["EvolutionFailed", "evolve"]

Floats = NDArray[np.float64]


def evolve(
    model: Model,
    protocol: Imposed,
    start: Start,
    until: float | None = None,
    t_eval: ArrayLike | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_step: float | None = None,
) -> History:
    """Run a model in time under a protocol.

    Parameters
    ----------
    model : Model
        Every model.
    protocol : protocol
        ``Startup``, ``Cessation``, ``StrainStep``, ``Oscillation``, ``ShearRate``, ``Creep`` or a
        ``Sequence`` of them.
    start : Start
        The state before t = 0: ``gaussian(std)``, ``density(function)``, ``rest(model)``, a
        ``SteadyState``, or the ``final`` of another run.
    until : float
        End of the run in tau, > 0; left out for a ``Sequence``.
    t_eval : array_like, optional
        Ascending times of output within the run. Columns are interpolated between steps (cubic),
        and the steps do not depend on them. None gives the solver's own times.
    rtol, atol : float
        Tolerances: the error of the stress (of the strain under ``Creep``) at all times is of the
        order of ``rtol`` times its largest value (0.4 to 1.9 times in five kinds of run from 1e-2
        to 1e-7, ``validation/claims/work_precision.py``). Steps and cells go in number as
        ``rtol^(-1/2)``: the error of each step in the stress is kept below ``rtol^(3/2)`` times a
        constant times the largest stress so far, that in the activity below the same times the
        activity, and the mass that it puts on the wrong side of any stress below the same times
        1/max(1, 6 alpha p^2), p the largest density. ``atol`` is added to each ``rtol``, for the
        activity ``atol/(1 + t)^2``. ``rtol`` is 1e-9 ... 0.1: below, the error of a step is
        round-off. Cells follow the mass, so that an activity far below 1, made by the tail that
        first reaches the threshold, is right to about ``rtol`` (in 1/tau) and not to that share
        of itself. Where that tail is steep, alpha abs(dP/ds) > 1 at the threshold, a small D feeds
        itself and errors of it grow with it: see Notes.
    max_step : float, optional
        Longest step in tau, > 0. A ``ShearRate`` is looked at about 3800 times in each piece
        between breakpoints, and 15 times in each ``max_step``; then more closely where it varies.
        A pulse narrower than the distance of these times cannot be seen: give ``max_step`` or
        breakpoints.

    Returns
    -------
    History
        In reduced units. At t = 0 and at the start of each part of a ``Sequence`` the entry is the
        state after a jump of strain or stress; with ``t_eval`` left out both sides are there.

    Raises
    ------
    ValueError
        If an argument is not of its kind; the message names it.
    EvolutionFailed
        If the tolerance cannot be met, with the time reached and the last good state.

    Notes
    -----
    The strain is the integral of the shear rate, to a tenth of ``rtol`` of its range, whatever the
    steps: in closed form where the protocol has one, else by adaptive quadrature. A run is frozen
    (``frozen_at``) only where nothing yields and the protocol says that no shear is to come, which
    a function of time cannot say.

    Where shear loads blocks in a small part of tau, the grid moves with it
    (:mod:`hebraud.solvers.transient.carried`): narrow pulses keep their shape over any strain.

    Under ``Creep`` the shear rate is what keeps the stress, g = int nu (s - E[s'|s]) P ds, and may
    be negative (recoil); the stress of every step is the imposed one to 1e-12.

    A narrow P that drifts to the threshold yields all at once, when a small D has grown as
    exp((alpha abs(dP/ds) - 1) t). What is then wrong of the stress is the time of that, amplified
    by the growth. In startup at alpha = 0.3 errors were 0.6 to 3 times ``rtol`` from Gaussians of
    std 0.3, 0.158, 0.1 and 0.05 at rates 0.1 and (std 0.158) 0.01, and 0.2 to 0.4 times at rate 1;
    but, in proportion to ``rtol``, 5 and 15 times from std 0.1 at rates 0.03 and 0.01, as growth
    has longer: at rates below about a third of the std, with 6 alpha p^2 above 10, ask for a tenth
    of the ``rtol`` wanted, or compare two. So too next to a critical coupling, where D answers
    strongly to small errors: 12 times in the steady flow of ``weibull_min(2)`` redrawn, a drop of
    0.2, alpha = 0.2 and rate 0.001; and 30 times in the burst of ``norm(1, 0.3)`` redrawn, a drop
    of 0.2, alpha = 0.3 and rate 0.001 from std 0.3.

    Examples
    --------
    >>> import hebraud as hl
    >>> run = hl.evolve(hl.Model(0.3), hl.Startup(0.1), hl.gaussian(0.3), until=50.0, rtol=1e-4)
    >>> round(float(run.stress[-1]), 4)
    0.387
    """
    tolerance = check_number("rtol", rtol, at_least=1e-9, at_most=0.1)
    absolute = check_number("atol", atol, at_least=0.0)
    longest = math.inf if max_step is None else check_number("max_step", max_step, above=0.0)
    return march(model, protocol, start, until, t_eval, tolerance, absolute, None, None, longest)


def march(
    model: Model,
    protocol: Imposed,
    start: Start,
    until: float | None,
    t_eval: ArrayLike | None,
    rtol: float,
    atol: float,
    cells: int | None,
    step: float | None,
    max_step: float = math.inf,
) -> History:
    """Run a model as :func:`evolve`; cells and step can be fixed, for studies of order."""
    check_model(model)
    segments = segments_of(protocol, until)
    check_start(start)
    end = sum(segment.duration for segment in segments)
    times = None if t_eval is None else output_times(t_eval, end)
    settings = as_made("evolve", protocol, start, until=end, rtol=rtol, atol=atol)
    first, rate = segments[0].strain_step, fastest(segments)
    run = Run(model, start, first, rtol, atol, cells, step, max_step, rate)
    pieces: list[list[Row]] = []
    with progress(end) as run.report:
        for n, segment in enumerate(segments):
            if n > 0:
                run.shift(segment.strain_step)
            if segment.stress is not None:
                run.shift_to(segment.stress)
            pieces += _run_segment(run, segment)
    return _history(model, run, pieces, times, settings)


def _run_segment(run: Run, segment: Segment) -> list[list[Row]]:
    """Advance through one segment, piece by piece between its breakpoints."""
    begin, pieces = run.time, []
    edges = [begin, *(begin + t for t in segment.breakpoints), begin + segment.duration]
    for a, b in itertools.pairwise(edges):
        record: list[Row] = []
        run.advance(segment, begin, a, b, record)
        pieces.append(record)
    return pieces


_FLAT = 0.3
"""Change of the stress between two rows, in units of its tolerance, that counts as none."""
_FALSE = 10.0
"""So little changes, in those units, where a balance that says more by as much cannot be right."""
_COLUMNS = ("time", "strain", "shear_rate", "stress", "activity", "diffusion", "total")


def _history(
    model: Model,
    run: Run,
    pieces: list[list[Row]],
    times: Floats | None,
    settings: Settings,
) -> History:
    parts = [
        {name: np.array([getattr(row, name) for row in piece]) for name in (*_COLUMNS, "slope")}
        for piece in pieces
    ]
    if times is not None:
        parts = _interpolated(parts, run.paths, times, run.rtol)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    total = columns.pop("total")
    return History(
        model,
        **columns,
        mass_error=total - 1.0,
        final=run.final(),
        frozen_at=run.frozen_at,
        statistics={name: float(value) for name, value in run.counts.items()},
        settings=settings,
    )


def _slopes(part: dict[str, Floats], flat: float) -> Floats:
    """Return slopes of the stress: its balance, and where it stays as it is those of its values.

    The balance g - (released stress) is right to a part of g; over the long steps of a stationary
    state that would be more than the stress changes.
    """
    time, stress, slope = part["time"], part["stress"], part["slope"].copy()
    if stress.size > 2:
        change = np.diff(stress)
        false = np.abs(change - 0.5 * np.diff(time) * (slope[1:] + slope[:-1])) > _FALSE * flat
        most = np.maximum(np.abs(change[1:]), np.abs(change[:-1]))
        still = (most <= flat) | ((most <= _FALSE * flat) & (false[1:] | false[:-1]))
        inside = np.flatnonzero(still) + 1
        slope[inside] = np.gradient(stress, time)[inside]
        if abs(change[-1]) <= flat or (abs(change[-1]) <= _FALSE * flat and false[-1]):
            slope[-1] = change[-1] / (time[-1] - time[-2])
    return slope


def _interpolated(
    parts: list[dict[str, Floats]], paths: list[StrainPath | None], times: Floats, rtol: float
) -> list[dict[str, Floats]]:
    """Return the columns at given times: cubic between steps, the later side at a join.

    Under an imposed shear rate the strain is its integral, and stress minus strain is smoother than
    both.
    """
    from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

    starts = np.array([part["time"][0] for part in parts])
    flat = _FLAT * rtol * max(float(np.abs(part["stress"]).max()) for part in parts)
    owner = np.searchsorted(starts, times, side="right") - 1
    out = []
    for n, (part, path) in enumerate(zip(parts, paths, strict=True)):
        own = times[owner == n]
        if own.size == 0:
            continue
        at: dict[str, Floats] = {"time": own}
        # between numbers below 1e-308 intermediate slopes overflow; the result is 0 all the same
        with np.errstate(over="ignore"):
            for name in _COLUMNS[1:]:
                at[name] = PchipInterpolator(part["time"], part[name])(own)
        time, strain, rate = part["time"], part["strain"], part["shear_rate"]
        slope = _slopes(part, flat)
        if path is None:
            at["stress"] = CubicHermiteSpline(time, part["stress"], slope)(own)
            at["strain"] = CubicHermiteSpline(time, strain, rate)(own)
        else:
            last = np.searchsorted(time, own, side="right") - 1
            since = [path.between(float(time[k]), float(t)) for k, t in zip(last, own, strict=True)]
            at["strain"] = strain[last] + np.array(since)
            short = CubicHermiteSpline(time, part["stress"] - strain, slope - rate)(own)
            at["stress"] = at["strain"] + short
        out.append(at)
    return out
