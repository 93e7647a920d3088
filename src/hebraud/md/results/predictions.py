"""Predictions of the model in units of the particles, with measured parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats
from hebraud.errors import check_number
from hebraud.md.results.parameters import BlockParameters
from hebraud.model.model import Model

__all__ = ["predicted_density", "predicted_start_up"]


def predicted_density(
    parameters: BlockParameters, model: Model, shear_rate: float, stress: ArrayLike
) -> Floats:
    """Return P(sigma) of the model's steady state, in 1/stress of the particles.

    Parameters
    ----------
    parameters : BlockParameters
        Gives the units: G0, sigma_c, tau_p.
    model : Model
        Such as ``parameters.model()`` or ``parameters.modified_model()``.
    shear_rate : float
        In 1/tau_0.
    stress : array
        Where, in eps_AA/sigma_AA^2.

    Raises what `hebraud.steady_state` raises.
    """
    from hebraud.solvers.steady.steady_state import steady_state

    scales = parameters.scales
    state = steady_state(model, check_number("shear_rate", shear_rate) / scales.shear_rate)
    return np.asarray(state.density(np.asarray(stress) / scales.stress) / scales.stress)


def predicted_start_up(
    parameters: BlockParameters,
    model: Model,
    shear_rate: float,
    strain: ArrayLike,
    start_std: float,
    rtol: float = 1e-6,
) -> Floats:
    """Return the model's stress at these strains of a start-up of shear.

    Parameters
    ----------
    parameters, model, shear_rate
        As for `predicted_density`; shear_rate > 0.
    strain : (n,) array
        Rising, >= 0.
    start_std : float
        Standard deviation of the block stresses of the glass at rest, in eps_AA/sigma_AA^2; the
        start is a normal law of mean 0.
    rtol : float
        As for `hebraud.evolve`, whose errors it raises.
    """
    from hebraud.model.protocols import Startup
    from hebraud.model.starts import gaussian
    from hebraud.solvers.transient.evolve import evolve

    scales = parameters.scales
    rate = check_number("shear_rate", shear_rate, above=0.0) / scales.shear_rate
    start = gaussian(check_number("start_std", start_std, above=0.0) / scales.stress)
    times = np.asarray(strain, dtype=np.float64) / (scales.strain * rate)
    run = evolve(model, Startup(rate), start, until=float(times[-1]), t_eval=times, rtol=rtol)
    return np.asarray(run.stress * scales.stress)
