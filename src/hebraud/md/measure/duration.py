"""The duration of a plastic event: the decay of the D2min autocorrelation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import MeasurementError
from hebraud.md.measure.plastic import EventRecord, merge_records
from hebraud.md.measure.resampling import bootstrap_weights, resampled_ratio, spread
from hebraud.rheology.estimate import Estimate

__all__ = [
    "apparent_event_duration",
    "decay_time",
    "event_duration",
    "late_decay_time",
    "late_event_duration",
    "plastic_correlation",
    "seen_event",
    "windowed_decay_time",
]


#: Decay times are looked for between this part of the spacing and this multiple of the range.
_SHORTEST, _LONGEST = 0.05, 20.0


def plastic_correlation(record: EventRecord) -> tuple[Floats, Floats, float]:
    """Return times t, C_p(t), and the plateau of C_p of unrelated values.

    C_p(t) = <D2min(t0) D2min(t0 + t)>/<D2min(t0)^2>, over particles active at t0 (D2min above the
    threshold) and all t0 with both windows inside one stretch of frames; C_p(0) = 1. Where the
    plateau <D2min> <D2min(t0)>_active/<D2min(t0)^2>_active is not small, the flow is too fast for
    single events to be told apart.

    Raises ``MeasurementError`` if no particle was active.
    """
    kept = record["square"] > 0.0
    if not kept.any():
        raise MeasurementError(
            f"no particle was active in {len(record['time'])} windows (threshold "
            f"{float(record['threshold'][0]):g}); record longer stretches, or lower the threshold"
        )
    times: Floats = np.arange(len(kept), dtype=np.float64) * float(record["spacing"][0])
    values = len(record["time"]) * float(record["particles"][0])
    plateau = float(record["d2min"][0] / values * record["active_d2min"][0] / record["square"][0])
    return times[kept], record["product"][kept] / record["square"][kept], plateau


def _least(cost: Callable[[float], float], time: Floats) -> float:
    """Return the decay time of least cost, which must lie inside the range."""
    from scipy.optimize import minimize_scalar

    low = np.log(_SHORTEST * (time[1] - time[0]))
    high = np.log(_LONGEST * (time[-1] - time[0]))
    start = np.linspace(low, high, 30)
    least = int(np.argmin([cost(float(np.exp(s))) for s in start]))
    if least in (0, len(start) - 1):
        raise MeasurementError(
            "the autocorrelation does not fix a decay time between "
            f"{np.exp(low):.3g} and {np.exp(high):.3g} tau_0; record finer frames or for longer"
        )
    found = minimize_scalar(
        lambda s: cost(float(np.exp(s))),
        bounds=(start[least - 1], start[least + 1]),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(np.exp(found.x))


def _curve(time: ArrayLike, correlation: ArrayLike, fewest: int) -> tuple[Floats, Floats]:
    t, c = np.asarray(time, dtype=np.float64), np.asarray(correlation, dtype=np.float64)
    if t.ndim != 1 or t.shape != c.shape or len(t) < fewest:
        raise MeasurementError(
            f"time and correlation must be arrays of one shape (n,) with n >= {fewest}, got "
            f"{t.shape} and {c.shape}; record finer frames or for longer"
        )
    return t, c


def decay_time(time: ArrayLike, correlation: ArrayLike) -> float:
    """Return tau of the least-squares exp(-t/tau) through C_p at all t >= 0.

    Raises ``MeasurementError`` for fewer than 3 points, or if no decay time in the range is best.
    """
    t, c = _curve(time, correlation, 3)
    return _least(lambda tau: float(((c - np.exp(-t / tau)) ** 2).sum()), t)


def late_decay_time(time: ArrayLike, correlation: ArrayLike, lag: float) -> float:
    """Return tau of a exp(-t/tau) + p through C_p at t >= lag, where windows no longer overlap.

    Amplitude a and plateau p are fitted too. An event whose motion dies out as exp(-t/T) has
    tau = T/2, because D2min is a square.

    Raises ``MeasurementError`` for fewer than 5 points at t >= lag, or if no decay time in the
    range is best.
    """
    t, c = (np.asarray(array, dtype=np.float64) for array in (time, correlation))
    late = t >= lag * (1.0 - 1e-9)
    t, c = _curve(t[late], c[late], 5)

    def cost(tau: float) -> float:
        shape = np.exp(-(t - t[0]) / tau)
        shape -= shape.mean()
        away = c - c.mean()
        return float(((away - shape * (shape @ away) / (shape @ shape)) ** 2).sum())

    return _least(cost, t)


def seen_event(time: ArrayLike, tau: float, lag: float) -> Floats:
    """Return C(t) of events that die out exponentially, as D2min with this lag sees them; C(0) = 1.

    A displacement that goes as 1 - exp(-s/T), s > 0 the time since its start, moves within the
    window from t0 to t0 + lag by g(t0); D2min is g^2, and C(t) is the integral of
    g^2(t0) g^2(t0 + t) over all t0. Once the window has left the start behind, D2min decays as
    exp(-2 t0/T) = exp(-t0/tau): tau = T/2. C -> max(0, 1 - t/lag) for tau -> 0.

    Parameters
    ----------
    time : array
        t >= 0, in tau_0.
    tau, lag : float
        In tau_0, > 0.
    """
    T = 2.0 * tau

    def area(t: Floats) -> Floats:
        apart, overlap = np.exp(-t / T), np.maximum(lag - t, 0.0)

        def powers(k: int, end: Floats) -> Floats:  # the integral of exp(-k s/T) from 0 to end
            return end if k == 0 else np.asarray(-T * np.expm1(-k * end / T) / k)

        # (1 - q)^2 (1 - q apart)^2 in powers of q = exp(-s/T): both windows hold the start
        terms = (
            np.ones_like(t),
            -2.0 - 2.0 * apart,
            1.0 + 4.0 * apart + apart**2,
            -2.0 * apart * (1.0 + apart),
            apart**2,
        )
        both = sum(term * powers(k, overlap) for k, term in enumerate(terms))
        # the first window holds the start, the second comes after it
        until, rest = np.minimum(t, lag), np.exp(-overlap / T)
        one = powers(2, until) - 2.0 * rest * powers(3, until) + rest**2 * powers(4, until)
        whole = np.expm1(-lag / T) ** 2
        one = one * whole * np.exp(-2.0 * np.maximum(t - lag, 0.0) / T)
        return np.asarray(both + one + whole**2 * np.exp(-2.0 * t / T) * T / 4.0)

    at = np.asarray(time, dtype=np.float64)
    return area(at) / area(np.zeros(()))


def windowed_decay_time(
    time: ArrayLike, correlation: ArrayLike, lag: float, plateau: float
) -> float:
    """Return tau of the least-squares p + (1 - p) `seen_event` through C_p at all t >= 0.

    p is the plateau of `plastic_correlation`; only tau is fitted, and all points count alike.

    Raises ``MeasurementError`` for fewer than 3 points, or if no decay time in the range is best:
    events are too short for the spacing, or the plateau leaves too little of them.
    """
    t, c = _curve(time, correlation, 3)
    return _least(
        lambda tau: float(((c - plateau - (1.0 - plateau) * seen_event(t, tau, lag)) ** 2).sum()),
        t,
    )


def event_duration(records: Sequence[EventRecord], replicates: int = 200) -> Estimate:
    """Return tau_p, the decay time of D2min of an event in tau_0, the window accounted for.

    `windowed_decay_time` of C_p: exponential events, seen through windows of this lag, beside the
    plateau of unrelated values. An event whose displacement goes as 1 - exp(-t/T) has tau_p = T/2.
    Where the plateau is high (fast flow), little is left to fit; where events are not exponential,
    tau_p depends on the lag: measure at two lags and say which.

    Parameters
    ----------
    records : sequence of records
        At least 8 independent ones (see `plastic_activity`), of a slow flow.
    replicates : int
        Bootstrap replicates behind the error, each with its own fit; >= 100.

    Raises ``MeasurementError`` for fewer than 8 records, without an active particle, or if C_p
    does not fix a decay time.
    """
    merge_records(records)
    lag = float(records[0]["lag"][0])
    return _fitted(records, replicates, lambda t, c, p: windowed_decay_time(t, c, lag, p))


def apparent_event_duration(records: Sequence[EventRecord], replicates: int = 200) -> Estimate:
    """Return the decay time of a plain exponential through C_p at all t >= 0, in tau_0.

    It holds both the event and the window: sudden jumps, with C_p = max(0, 1 - t/lag), give 0.53
    lag. With a lag of 4 and events of about 1 it is mostly the window, and at high rates the
    plateau.
    Arguments and errors as for `event_duration`.
    """
    return _fitted(records, replicates, lambda t, c, _: decay_time(t, c))


def late_event_duration(records: Sequence[EventRecord], replicates: int = 200) -> Estimate:
    """Return the decay time of C_p at t >= lag only, in tau_0 (`late_decay_time`).

    Free of the window's overlap: it sees the end of long events, and what they set off, and leaves
    out events shorter than the lag. Arguments and errors as for `event_duration`; late parts are
    noisy and need many records.
    """
    merge_records(records)
    lag = float(records[0]["lag"][0])
    return _fitted(records, replicates, lambda t, c, _: late_decay_time(t, c, lag))


def _fitted(
    records: Sequence[EventRecord], replicates: int, fit: Callable[[Floats, Floats, float], float]
) -> Estimate:
    """Fit C_p and its plateau, as measured and in every draw of the records."""
    time, correlation, plateau = plastic_correlation(merge_records(records))
    rows = bootstrap_weights(len(records), replicates)

    def sums(name: str) -> Floats:
        return np.array([record[name] for record in records], dtype=np.float64)

    square = sums("square")[:, : len(time)]
    curves = resampled_ratio(rows, sums("product")[:, : len(time)], square)
    values = np.array([len(one["time"]) * float(one["particles"][0]) for one in records])
    plateaus = resampled_ratio(rows, sums("d2min")[:, 0], values) * resampled_ratio(
        rows, sums("active_d2min")[:, 0], square[:, 0]
    )
    drawn = [fit(time, one, float(p)) for one, p in zip(curves, plateaus, strict=True)]
    best = fit(time, correlation, plateau)
    return Estimate(best, spread(drawn), len(records), "bootstrap of time blocks")
