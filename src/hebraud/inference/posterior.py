"""Sample posteriors by Markov chain Monte Carlo (emcee, through lmfit)."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import MissingDependency, check_number, check_whole_number, shown
from hebraud.inference.fit import Fit
from hebraud.inference.fitted import Interval

if TYPE_CHECKING:
    from lmfit.minimizer import MinimizerResult

__all__ = ["Posterior", "sample_posterior"]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Samples of the free parameters, in the units of the fit, after the burn-in.

    Attributes
    ----------
    samples : dict of ndarray, (draws,)
        By the name of the parameter.
    correlation_time : float
        Of the slowest parameter, in steps; NaN where the chain is too short to tell.
    steps : int
        Steps of every walker, the burn-in included.
    acceptance : float
        Mean fraction of accepted steps.
    result : lmfit MinimizerResult
    """

    samples: dict[str, Floats]
    correlation_time: float
    steps: int
    acceptance: float
    result: MinimizerResult

    @property
    def converged(self) -> bool:
        """True where the chain is 50 times as long as its correlation time (emcee's rule)."""
        return bool(self.steps > 50.0 * self.correlation_time)

    def interval(self, name: str, level: float = 0.95) -> Interval:
        """Return the central credible interval of a parameter."""
        check_number("level", level, above=0.0, below=1.0)
        tail = 0.5 * (1.0 - level)
        low, high = np.quantile(self.samples[name], [tail, 1.0 - tail])
        return Interval(float(low), float(high))


def sample_posterior(
    fit: Fit, steps: int = 2000, walkers: int = 50, burn: int | None = None, seed: int = 0
) -> Posterior:
    """Sample the posterior of a fit's free parameters.

    The prior is flat in the logarithms of the parameters, within the bounds of the fit. Where no
    errors were given, the logarithm of their size is sampled too.

    Parameters
    ----------
    fit : Fit
    steps, walkers : int
        Their product is the number of evaluations of the curve.
    burn : int, optional
        Steps left out at the beginning; None leaves out a fifth.
    seed : int

    Raises
    ------
    MissingDependency
        If emcee is not installed.
    ValueError
        If the covariance of the fit is not finite: there is nothing to start the walkers from.
    """
    if importlib.util.find_spec("emcee") is None:
        raise MissingDependency(
            "posteriors need emcee; install it with: pip install 'hebraud[posterior]'"
        )
    if not isinstance(fit, Fit):
        raise ValueError(f"fit must be one such as fit_flow_curve(...) returns, got {shown(fit)}")
    check_whole_number("steps", steps, at_least=10)
    check_whole_number("walkers", walkers, at_least=2 * len(fit.free) + 2)
    left_out = steps // 5 if burn is None else check_whole_number("burn", burn)
    if not np.all(np.isfinite(fit.log_covariance)):
        raise ValueError(f"the data do not bound the parameters of this fit: {fit.warnings[0]}")
    rng = np.random.default_rng(seed)
    centre = fit.log_values[fit.problem.free]
    begin = rng.multivariate_normal(centre, 0.25 * fit.log_covariance, walkers)
    parameters = fit.problem.parameters()
    if fit.problem.scaled:
        parameters.add("__lnsigma", value=0.5 * np.log(fit.reduced_chi_square))
        size = parameters["__lnsigma"].value
        begin = np.column_stack([begin, size + 0.1 * rng.standard_normal(walkers)])
    # lmfit prints emcee's warning about short chains; here correlation_time tells of them
    with contextlib.redirect_stdout(io.StringIO()):
        result = fit.problem.minimizer().emcee(
            params=parameters, steps=steps, nwalkers=walkers, burn=left_out, pos=begin,
            is_weighted=not fit.problem.scaled, seed=seed, progress=False,
        )  # fmt: skip
    flat = result.chain.reshape(-1, result.chain.shape[-1])
    return Posterior(
        {name: np.exp(flat[:, result.var_names.index(f"log_{name}")]) for name in fit.free},
        float(np.max(getattr(result, "acor", np.nan))),
        steps,
        float(np.mean(result.acceptance_fraction)),
        result,
    )
