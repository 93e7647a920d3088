"""What a stationary solver returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud.model.model import Model

__all__ = ["SteadyState"]


@dataclass(frozen=True)
class SteadyState:
    """A stationary state in reduced units.

    Attributes
    ----------
    model : Model
    shear_rate : float
        g in sigma_c/(G0 tau).
    stress : float
        Mean stress <s> in sigma_c (eq. 4).
    activity : float
        Plastic activity Gamma in 1/tau (eq. 2).
    diffusion : float
        D in sigma_c^2/tau; it multiplies d2P/ds2.
    solver : Exact or FiniteVolume
        What computed it.
    error_estimate : float
        Estimated relative error, the largest of those of stress and D. For the exact solver:
        round-off times the conditioning of D in the coupling. For finite volumes: the
        difference between the last two grids, extrapolated.
    other_roots : tuple of float
        Other values of D that satisfy the coupling at this shear rate (empty in the classical
        model, whose stationary state is unique). The state is that of the largest D.
    """

    model: Model
    shear_rate: float
    stress: float
    activity: float
    diffusion: float
    solver: Any
    error_estimate: float
    other_roots: tuple[float, ...]
    _density: Callable[[NDArray[np.float64]], NDArray[np.float64]] = field(
        repr=False, compare=False
    )
    def density(self, stress: ArrayLike) -> NDArray[np.float64]:
        """Return P(s), all thresholds together, in 1/sigma_c; any shape of ``stress``.

        The exact state's density is exact. The finite-volume state's is the cell average of
        the cell that holds s, and 0 beyond the grid.
        """
        s = np.asarray(stress, dtype=np.float64)
        return self._density(s)
