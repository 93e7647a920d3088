"""A step of a run, and what takes it: one argument list for grids that rest and grids that move."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hebraud.solvers.chain.grid import Grid

__all__ = ["Step", "Stepped", "Stepper"]

Floats = NDArray[np.float64]
Three = tuple[float, float, float]


class Step(NamedTuple):
    """A step of 2 h, to be taken once whole and once in halves.

    Attributes
    ----------
    h : float
        Half its length, in tau.
    D : tuple of float
        D at the start, and guesses for the middle and the end.
    g : tuple of float
        Mean shear rates of the whole step and of its halves; where stress is imposed the rate at
        the start, and guesses for the middle and the end.
    ways : tuple of float
        Strains by which a grid moves in the whole step and in its halves; a grid at rest ignores
        them.
    close : float
        Relative accuracy of D.
    renew : bool
        True where the derivatives in ``slopes`` are to be made anew.
    slopes : ndarray
        Derivatives of the Newton corrections, updated in place.
    target : float or None
        The imposed stress, in sigma_c; None where the shear rate is imposed.
    """

    h: float
    D: Three
    g: Three
    ways: Three
    close: float
    renew: bool
    slopes: Floats
    target: float | None


class Stepped(NamedTuple):
    """The end of a step, as :func:`hebraud._kernels.grids.patankar.doubled` returns it.

    Attributes
    ----------
    status, solves : int
        0 where all went well, and the number of linear solves.
    D_whole : float
        D of the first stage of the whole step.
    g_middle, g_end, g_whole : float
        Shear rates in the middle and at the end, and at the end of the whole step.
    apart : float
        Mass that the whole step displaced against the halves.
    top : float
        The largest density at the end.
    """

    status: int
    solves: int
    D_whole: float
    g_middle: float
    g_end: float
    g_whole: float
    apart: float
    top: float


class Stepper(Protocol):
    """One model on one grid, which takes steps.

    Attributes
    ----------
    grid : Grid
        Where the cells are now.
    noise_at_yield : float
        What one event adds to D where blocks first yield.
    """

    grid: Grid
    noise_at_yield: float

    def means(self, mass: Floats) -> tuple[float, float, float, float, float]:
        """Return total mass, stress, activity, D and released stress."""
        ...

    def doubled(self, mass: Floats, step: Step) -> tuple[Stepped, Floats, Floats]:
        """Take a step whole and in halves.

        Returns its end, then masses and their means after the first half, after both, and after the
        whole step, (3, ...).
        """
        ...

    def carry(self, by: float) -> None:
        """Move the cells, and what is in them, by a strain; a grid at rest stays."""
        ...
