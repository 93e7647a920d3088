"""Rates of hops between neighbouring cells: what drift and diffusion do to the masses.

Stationary states have ``hop_rates``, which are positive at any width of the cells; where that
spreads masses more than D does, ``sharpen`` takes the excess out again. Runs in time have ``hops``,
exact on uneven grids for a linear density, with a limited slope where cells are too wide for that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hebraud._kernels.compiled import kernel

__all__ = ["excess", "hop_rates", "hops", "sharpen", "spacings"]

Floats = NDArray[np.float64]


@kernel()
def hop_rates(centres: Floats, diffusion: float, rate: float, up: Floats, down: Floats) -> None:
    """Fill the rates of the hops i -> i+1 (``up``) and i -> i-1 (``down``).

    The mean drift of every cell is exactly ``rate`` and the mean square of its hops exactly
    2 ``diffusion``, on uneven grids too, wherever a hop against the drift is not negative by
    that; elsewhere it is zero, which is the least diffusion that any positive hops have. No hop
    leaves the ends.
    """
    n = centres.size
    below = centres[1] - centres[0]
    for i in range(n):
        above = centres[i + 1] - centres[i] if i < n - 1 else below
        span = above + below
        if rate * above >= 2.0 * diffusion:
            up[i], down[i] = rate / above, 0.0
        elif -rate * below >= 2.0 * diffusion:
            up[i], down[i] = 0.0, -rate / below
        else:
            up[i] = (2.0 * diffusion + rate * below) / (above * span)
            down[i] = (2.0 * diffusion - rate * above) / (below * span)
        below = above
    down[0] = 0.0
    up[n - 1] = 0.0


@kernel()
def excess(centres: Floats, diffusion: float, rate: float, share: Floats) -> None:
    """Fill, for every face, the fraction of the spreading of `hop_rates` that is in excess.

    With spacing d it is 1 - 2 ``diffusion``/(``rate`` d) between two cells that have no hop against
    the drift, and zero at all other faces. ``share`` is (cells + 1,).
    """
    n = centres.size
    share[:] = 0.0
    forward = 1 if rate > 0.0 else 0
    for i in range(2, n):
        near, far = centres[i - 1] - centres[i - 2], centres[i] - centres[i - 1]
        if abs(rate) * min(near, far) >= 2.0 * diffusion:
            share[i - forward] = 1.0 - 4.0 * diffusion / (abs(rate) * (near + far))


@kernel()
def sharpen(mass: Floats, share: Floats, rate: float, speed: Floats) -> float:
    """Fill the factors by which blocks must leave every cell faster, so as to spread no more.

    ``share`` is that of `excess`. Of the masses m, m' on both sides of a face let

        H = m m'/(m + m') (1 - x^2/8),      x = (m - m')/(m + m').

    The hops of `hop_rates` then act on

        m + (share H)(ahead) - (share H)(behind)

    in the place of m. This is at least m/8, because H is at most 7/8 of either mass. The mean drift
    is still the shear rate, because every H is added once and subtracted once. The excess vanishes
    to second order, because H = (m + m')/4 to second order, with which this is Fromm's scheme.
    Returns the change of the factors, as a mean over the masses.
    """
    n, classes = mass.shape
    ahead = 1 if rate > 0.0 else -1
    change, total = 0.0, 0.0
    for i in range(n):
        for j in range(classes):
            here, new = mass[i, j], 1.0
            for side in (-1, 1):
                taken = share[i + (side + 1) // 2]
                if taken > 0.0:
                    pair = here + mass[i + side, j]
                    if pair > 0.0:
                        other = mass[i + side, j] / pair
                        uneven = 1.0 - 0.125 * (2.0 * other - 1.0) ** 2
                        new += side * ahead * taken * uneven * other
            change += here * abs(new - speed[i, j])
            total += here
            speed[i, j] = new
    return change / total


@kernel(error_model="numpy")
def spacings(centres: Floats, widths: Floats) -> Floats:
    """Return 1/(w h) and 1/(2 h) for widths w and distances h, upwards and downwards."""
    n = centres.size
    out = np.empty((4, n))
    for i in range(n):
        above = centres[i + 1] - centres[i] if i < n - 1 else widths[i]
        below = centres[i] - centres[i - 1] if i > 0 else widths[i]
        out[0, i], out[1, i] = 1.0 / (widths[i] * above), 0.5 / above
        out[2, i], out[3, i] = 1.0 / (widths[i] * below), 0.5 / below
    return out


@kernel(error_model="numpy")
def _at_face(behind: float, ahead: float, reach: float) -> float:
    """Return the density at the downstream face over that of the cell, >= 0.

    ``behind`` and ``ahead`` are the relative slopes to the neighbours, ``reach`` half the cell: the
    central slope, limited by twice either one (van Leer's monotonized central).
    """
    if behind * ahead <= 0.0:
        return 1.0
    slope = min(abs(behind), abs(ahead)) * 2.0
    slope = min(slope, 0.5 * abs(behind + ahead)) * reach
    return 1.0 + slope if ahead > 0.0 else max(1.0 - slope, 0.0)


@kernel(error_model="numpy")
def hops(
    spacing: Floats, widths: Floats, D: float, rate: float, mass: Floats, up: Floats, down: Floats
) -> None:
    """Fill the rates of hops upwards and downwards, (cells, classes).

    The diffusive flux is exact for a linear density on any grid. Drift is central, with the mean
    drift of every cell ``rate``, as far as that makes no hop against the drift negative (cells up
    to 2 D/rate wide). The rest of the drift, in wider cells, is that of the density at the
    downstream face, from a limited slope: a rate of the cell upstream alone, positive, and of
    second order.
    The rates are continuous in D and in ``rate``, as the search for D needs.
    """
    n, classes = mass.shape
    wide = 0.0
    for i in range(n):
        up[i, 0] = D * spacing[0, i] + rate * spacing[1, i]
        down[i, 0] = D * spacing[2, i] - rate * spacing[3, i]
        wide = max(wide, widths[i])
    for i in range(n if classes > 1 else 0):
        for j in range(1, classes):
            up[i, j], down[i, j] = up[i, 0], down[i, 0]
    if abs(rate) * wide * 1.001 <= 2.0 * D:  # central everywhere, round-off included
        pass
    elif rate > 0.0:
        for i in range(n - 1):
            if down[i + 1, 0] < 0.0:
                central = 2.0 * D / (rate * widths[i + 1])
                for j in range(classes):
                    face = 1.0
                    if i > 0 and mass[i, j] > 0.0:
                        here = 1.0 / widths[i]
                        behind = here - mass[i - 1, j] / mass[i, j] / widths[i - 1]
                        ahead = mass[i + 1, j] / mass[i, j] / widths[i + 1] - here
                        face = _at_face(
                            2.0 * spacing[3, i] * behind * widths[i],
                            2.0 * spacing[1, i] * ahead * widths[i],
                            0.5 * widths[i],
                        )
                    drift = central * spacing[1, i] + (1.0 - central) * face / widths[i]
                    up[i, j] = D * spacing[0, i] + rate * drift
                    down[i + 1, j] = 0.0
    else:
        for i in range(n - 1, 0, -1):
            if up[i - 1, 0] < 0.0:
                central = -2.0 * D / (rate * widths[i - 1])
                for j in range(classes):
                    face = 1.0
                    if i < n - 1 and mass[i, j] > 0.0:
                        here = 1.0 / widths[i]
                        behind = here - mass[i + 1, j] / mass[i, j] / widths[i + 1]
                        ahead = mass[i - 1, j] / mass[i, j] / widths[i - 1] - here
                        face = _at_face(
                            2.0 * spacing[1, i] * behind * widths[i],
                            2.0 * spacing[3, i] * ahead * widths[i],
                            0.5 * widths[i],
                        )
                    drift = central * spacing[3, i] + (1.0 - central) * face / widths[i]
                    down[i, j] = D * spacing[2, i] - rate * drift
                    up[i - 1, j] = 0.0
    for j in range(classes):
        down[0, j] = 0.0
        up[n - 1, j] = 0.0
