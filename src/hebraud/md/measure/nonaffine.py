"""D2min: the motion of neighbours beyond a linear map."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import MeasurementError, check_number
from hebraud.md.glass.trajectory import Frames

__all__ = ["d2min", "d2min_series", "frames_in"]

#: Neighbours lie on a line where det(sum r r^T) is below this part of its squared trace (at most
#: 1/4): the best linear map is then not unique in double precision.
_FLAT = 1e-12

#: A lag is a whole number of frames to this part of one frame (times are rounded when stored).
_UNEVEN = 1e-6


def d2min(
    position: ArrayLike,
    later: ArrayLike,
    strain: float,
    later_strain: float,
    box: ArrayLike,
    cutoff: float = 2.0,
) -> Floats:
    """Return D2min of every particle, shape (N,), in sigma_AA^2 (eq. 5; Falk and Langer 1998).

    D2min_i = min over E of sum_j |r_ij(t + dt) - (1 + E) r_ij(t)|^2

    over the particles j within ``cutoff`` of i at the earlier time t, nearest images; a sum, not a
    mean over the neighbours. It does not see any affine motion of the whole, so it is the same
    whether displacements are counted from the imposed shear or not; here they are, which makes
    them periodic: u = X(t + dt) - x(t) - (strain' - strain) y(t) e_x with the strain followed
    across flips of the box. The residual is summed with the best E in hand, not as a difference.

    The paper gives no cutoff, and the number of active particles depends on it. 2.0 comes closest
    to its other numbers (mean plastic size about 6 at threshold 0.1 and rates up to 1e-4).

    Parameters
    ----------
    position, later : (N, 2) array
        x, y at t and t + dt, in sigma_AA, followed across periodic edges (as in `Frames`).
    strain, later_strain : float
        Shear strain at the two times, continuous across flips of the box.
    box : (2,) array
        Edges lx, ly, in sigma_AA.
    cutoff : float
        In sigma_AA, > 0 and at most half the shorter edge.

    Raises
    ------
    ValueError
        For arrays that do not match, a cutoff out of range, or a particle whose neighbours lie on
        one line, so that the best linear map is not defined: the cutoff is then too short.
    """
    from hebraud._kernels.particles.nonaffine import nonaffine

    before = np.ascontiguousarray(position, dtype=np.float64)
    after = np.asarray(later, dtype=np.float64)
    if before.ndim != 2 or before.shape[1] != 2 or before.shape != after.shape:
        raise ValueError(
            f"position and later must both have shape (N, 2), got {before.shape} and {after.shape}"
        )
    lx, ly = (float(edge) for edge in np.asarray(box, dtype=np.float64))
    cutoff = check_number(
        "cutoff", cutoff, above=0.0, at_most=0.5 * min(lx, ly), hint="at most half the shorter edge"
    )
    moved = after - before
    moved[:, 0] -= (later_strain - strain) * before[:, 1]
    if not (np.isfinite(moved).all() and math.isfinite(strain)):
        raise ValueError("positions and strains must be finite, got NaN or infinity")
    found = np.empty(len(before))
    tilt = math.remainder(strain * ly, lx)
    alone = nonaffine(before, moved, lx, ly, tilt, cutoff, _FLAT, found)
    if alone >= 0:
        raise MeasurementError(
            f"the neighbours of particle {alone} within cutoff = {cutoff:g} lie on one line (or "
            "there are none), so that no best linear map is defined; take a longer cutoff"
        )
    return found


def frames_in(frames: Frames, span: float, name: str = "lag") -> int:
    """Return how many frames a time ``span`` > 0 is, or raise ``ValueError`` if not a whole number.

    ``name`` is what the span is called in the message.
    """
    span = check_number(name, span, above=0.0)
    count = round(span / frames.spacing)
    if count < 1 or abs(span / frames.spacing - count) > _UNEVEN * count:
        raise MeasurementError(
            f"{name} must be a whole number of frames, {frames.spacing:g} tau_0 apart, "
            f"got {span:g} tau_0"
        )
    return count


def d2min_series(frames: Frames, lag: float = 4.0, cutoff: float = 2.0) -> Floats:
    """Return D2min from every frame to the one ``lag`` later, shape (F - lag/spacing, N).

    Row k belongs to the time of frame k, the earlier of the two.

    Parameters
    ----------
    frames : Frames
    lag : float
        In tau_0, a whole number of frame spacings; 4 in the paper.
    cutoff : float
        See `d2min`.

    Raises
    ------
    ValueError
        If there are no two frames ``lag`` apart, or as `d2min` does.
    """
    apart = frames_in(frames, lag)
    if apart >= len(frames):
        raise MeasurementError(
            f"lag = {lag:g} tau_0 is {apart} frames, and there are {len(frames)}; record for longer"
        )
    return np.array(
        [
            d2min(
                frames.position[k],
                frames.position[k + apart],
                float(frames.strain[k]),
                float(frames.strain[k + apart]),
                frames.box,
                cutoff,
            )
            for k in range(len(frames) - apart)
        ]
    )
