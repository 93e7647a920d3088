"""Fourier harmonics of the stress under an oscillating strain of any amplitude."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud._typing import Floats, Ints
from hebraud.checks import check_array, check_row
from hebraud.errors import check_number, check_whole_number, shown

__all__ = ["Harmonics", "harmonics"]

_GAUSS = np.polynomial.legendre.leggauss(8)
"""Eight Gauss points integrate a cubic times exp(-i x) over |x| <= pi/4 to 1e-16."""
_LONGEST = 0.25
"""Longest interval between times in periods of the highest order, for which that holds."""
_ROUND_OFF = 1e-9
"""Part of a period by which a run of whole periods may be too short: its end is rounded."""
_MARGIN = 8
"""Times kept before the periods used, so that the end of the spline does not disturb them."""


@dataclass(frozen=True, eq=False)
class Harmonics:
    """Harmonics of the stress under the strain gamma0 sin(omega t).

    stress(t) = mean + gamma0 sum_n [G'_n sin(n omega t) + G''_n cos(n omega t)]

    Attributes
    ----------
    amplitude : float
        gamma0, in the unit of strain (reduced: sigma_c/G0).
    angular_frequency : float
        omega, in the inverse of the unit of time (reduced: 1/tau).
    orders : ndarray of int, (number,)
        n = 1, 2, ...
    storage, loss : ndarray, (number,)
        G'_n, in phase with the strain, and G''_n, in phase with the shear rate, in the unit of
        stress over strain (reduced: G0).
    mean : float
        Mean stress over the periods, in the unit of stress.
    periodicity : float
        Largest difference of the stress between the last period and the one before, over the
        largest |stress| of the two: 0 where the run has become periodic.
    """

    amplitude: float
    angular_frequency: float
    orders: Ints
    storage: Floats
    loss: Floats
    mean: float
    periodicity: float

    @property
    def complex_modulus(self) -> NDArray[np.complex128]:
        """G'_n + i G''_n of every order; the first is G*(omega) at small amplitudes."""
        return np.asarray(self.storage + 1j * self.loss, dtype=np.complex128)

    @property
    def intensity(self) -> Floats:
        """|G*_n|/|G*_1| of every order (NaN where there is no first harmonic)."""
        size = np.abs(self.complex_modulus)
        return np.asarray(size / size[0] if size[0] > 0.0 else np.full(size.shape, np.nan))

    def stress(self, time: ArrayLike) -> Floats:
        """Return the sum of the harmonics at ``time``, counted from a zero of the strain."""
        omega = self.angular_frequency * self.orders
        phase = np.multiply.outer(check_array("time", time), omega)
        waves = np.sin(phase) @ self.storage + np.cos(phase) @ self.loss
        return np.asarray(self.mean + self.amplitude * waves)


def harmonics(
    time: ArrayLike,
    stress: ArrayLike,
    amplitude: float,
    angular_frequency: float,
    number: int = 5,
    periods: int = 1,
    origin: float = 0.0,
) -> Harmonics:
    """Return the Fourier harmonics of the stress over the last whole periods of a run.

    G'_n + i G''_n = 2i/(gamma0 m T) int stress(t) exp(-i n omega (t - origin)) dt, T = 2 pi/omega,

    over the last m = ``periods`` periods. The stress between the times is a cubic spline, and its
    integral is exact to round-off; so the error is that of the spline, of fourth order in the
    spacing where the stress is smooth: below 1e-6 of the first harmonic from 100 times a period
    on for the fifth. A kink of the stress costs of the order of the spacing squared.

    Parameters
    ----------
    time : array_like, shape (n,)
        Ascending, spaced in any way. Of equal times (both sides of a join in a run) the last
        counts.
    stress : array_like, shape (n,)
        In its own unit; the activity or D may take its place.
    amplitude : float
        Strain amplitude gamma0, not 0; the moduli are per unit of it.
    angular_frequency : float
        omega > 0, in the inverse of the unit of time.
    number : int
        Orders 1 ... number.
    periods : int
        How many periods, the last ones, are averaged over.
    origin : float
        Time of the zero of the strain gamma0 sin(omega (t - origin)): where the oscillation is a
        later part of a ``Sequence``, its start.

    Returns
    -------
    Harmonics

    Raises
    ------
    ValueError
        If an argument is not of its kind; if there are fewer than two whole periods (the
        periodicity compares two) or fewer than ``periods``; if two times of these periods are
        farther apart than a quarter of a period of the highest order.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.0, 20.0, 1001)
    >>> h = harmonics(t, 0.5 * np.sin(2 * t) + 0.1 * np.cos(6 * t), 0.5, 2.0, number=3)
    >>> print(h.storage.round(6) + 0.0, h.loss.round(6) + 0.0)
    [1. 0. 0.] [0.  0.  0.2]
    """
    gamma0 = check_number("amplitude", amplitude)
    if gamma0 == 0.0:
        raise ValueError("amplitude must not be 0: the moduli are per unit of it")
    omega = check_number("angular_frequency", angular_frequency, above=0.0)
    t, y = _columns(time, stress)
    hint = "a period must hold four times for each order"
    count = check_whole_number("number", number, at_least=1, at_most=t.size, hint=hint)
    orders = np.arange(1, count + 1)
    many = check_whole_number("periods", periods, at_least=1)
    zero = check_number("origin", origin)

    period = 2.0 * math.pi / omega
    end, need = float(t[-1]), max(many, 2)
    # a run that ends at a whole number of periods must not fall short by round-off
    if (end - max(float(t[0]), zero)) < need * period * (1.0 - _ROUND_OFF):
        raise ValueError(
            f"time must hold at least {need} whole periods of {period:.6g} from the start of the "
            f"oscillation, got {(end - max(float(t[0]), zero)) / period:.4g} periods; run longer"
        )
    first = max(int(np.searchsorted(t, end - need * period)) - _MARGIN, 0)
    t, y = t[first:], y[first:]
    begin = max(end - many * period, float(t[0]))
    inside = t[t > end - need * period]
    widest = float(np.diff(inside).max()) if inside.size > 1 else float(t[-1] - t[-2])
    limit = _LONGEST * period / orders[-1]
    if widest > limit:
        raise ValueError(
            "time must be spaced by at most a quarter of a period of the highest order, "
            f"{limit:.4g}, got {widest:.4g}; ask for fewer orders (number) or give "
            "more times (t_eval)"
        )

    from scipy.interpolate import CubicSpline

    spline = CubicSpline(t, y)
    edges = np.concatenate([[begin], t[t > begin]])
    nodes, weights = _GAUSS
    half = 0.5 * np.diff(edges)
    points = 0.5 * (edges[1:] + edges[:-1])[:, None] + half[:, None] * nodes
    values = spline(points) * (half[:, None] * weights)
    phase = omega * (points - zero)
    waves = np.array([np.sum(values * np.exp(-1j * n * phase)) for n in (0, *orders)])
    waves /= end - begin
    moduli = 2j * waves[1:] / gamma0

    late = np.append(max(end - period, float(t[0])), edges[edges > end - period])
    early = spline(np.maximum(late - period, t[0]))
    size = float(max(np.abs(spline(late)).max(), np.abs(early).max()))
    change = float(np.abs(spline(late) - early).max())
    return Harmonics(
        gamma0,
        omega,
        orders,
        moduli.real.copy(),
        moduli.imag.copy(),
        float(waves[0].real),
        change / size if size > 0.0 else 0.0,
    )


def _columns(time: ArrayLike, stress: ArrayLike) -> tuple[Floats, Floats]:
    """Return checked columns with the last entry of each time."""
    t = check_row("time", time)
    if t.size < 2 or np.any(np.diff(t) < 0.0):
        raise ValueError(f"time must be at least two ascending numbers, got {shown(time)}")
    y = check_row("stress", stress, length=t.size)
    keep = np.append(np.diff(t) > 0.0, True)
    return t[keep], y[keep]
