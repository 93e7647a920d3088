"""First guesses of a step: D and the shear rate to come, from those of the last steps."""

from __future__ import annotations

__all__ = ["foreseen", "ways_ahead"]

Past = list[tuple[float, float]]


def foreseen(time: float, here: float, D: float, past: Past) -> float:
    """Return D at a time to come, from the last three: a first guess, never trusted."""
    if not past or past[0][0] >= here:
        return D
    (t1, D1) = past[0]
    slope = (D - D1) / (here - t1)
    ahead = D + (time - here) * slope
    if len(past) > 1:
        t2, D2 = past[1]
        bend = (slope - (D1 - D2) / (t1 - t2)) / (here - t2)
        ahead += (time - here) * (time - t1) * bend
    return ahead if 0.5 * D < ahead < 2.0 * D else D


def ways_ahead(
    here: float, rate: float, last: tuple[float, float] | None, h: float
) -> tuple[float, float, float]:
    """Return strains foreseen for a step of 2 h and its halves, where stress is imposed.

    ``last`` is the time of the last step and its shear rate.
    """
    slope = 0.0 if last is None or last[0] >= here else (rate - last[1]) / (here - last[0])
    first, whole = h * (rate + 0.5 * h * slope), 2.0 * h * (rate + h * slope)
    return whole, first, whole - first
