"""Figures of the measures on particles: for each its compute, check and draw.

The functions take arrays, so that they serve any stored runs. Claims are those of the paper's
Section 3 and 4 that the particles have to bear out; a check that fails is a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from hebraud import Estimate, Model
from hebraud.md.measure.couplings import Proportionality, scaling
from hebraud.md.measure.diffusion import StressDifferences, StressDiffusion, stress_differences
from hebraud.md.measure.local_stress import StressDensity, stress_density
from hebraud.md.measure.modulus import Branches, elastic_branches
from hebraud.md.parameters import BlockParameters
from hebraud.md.predictions import predicted_density, predicted_start_up

STRESS = r"($\varepsilon/\sigma^2$)"


# -- mean-square stress difference (Fig. 4b of the paper)


@dataclass(frozen=True, eq=False)
class Diffusion:
    """Stress differences of one state point, and D from them."""

    differences: StressDifferences
    fit: StressDiffusion


def compute_diffusion(
    stress: Sequence[ArrayLike],
    interval: float,
    elastic_rate: float,
    epoch: Sequence[ArrayLike] | None = None,
) -> Diffusion:
    """Measure eq. (7) and fit its linear window; raises where there is none."""
    differences = stress_differences(stress, interval, elastic_rate, epoch)
    return Diffusion(differences, differences.diffusion())


def check_diffusion(result: Diffusion) -> None:
    """Assert that the stress diffuses normally in the mean square."""
    exponent = result.fit.exponent
    low, high = result.fit.window
    assert abs(exponent.value - 1.0) < 0.1, f"exponent {exponent}"
    assert high / low >= 10.0**0.5 * (1.0 - 1e-9), f"window {low:g} to {high:g}"
    error = result.fit.D_sigma.stderr / result.fit.D_sigma.value
    assert error < 0.2, f"D_sigma is known to {error:.0%} only"


def draw_diffusion(result: Diffusion, ax: Axes) -> None:
    """Draw <ds^2> against the lag, the linear window, and the straight line through it."""
    lag = result.differences.lag
    ax.axvspan(*result.fit.window, color="0.9", lw=0)
    ax.loglog(lag, result.differences.mean_square, "o", ms=2.5)
    line = result.fit.offset.value + result.fit.D_sigma.value * lag
    ax.loglog(lag, line, color="0.35", lw=1.0)
    ax.set_xlabel(r"lag $t$ ($\tau_0$)")
    ax.set_ylabel(r"$\langle\Delta\sigma^2\rangle$ ($\varepsilon^2/\sigma^4$)")


# -- D against the activity


@dataclass(frozen=True, eq=False)
class Scaling:
    """D_sigma and the activity of several shear rates, and how one goes with the other."""

    D_sigma: Sequence[Estimate]
    activity: Sequence[Estimate]
    fit: Proportionality


def compute_scaling(D_sigma: Sequence[Estimate], activity: Sequence[Estimate]) -> Scaling:
    """Fit D_sigma = k Gamma^p."""
    return Scaling(D_sigma, activity, scaling(D_sigma, activity))


def check_scaling(result: Scaling) -> None:
    """Assert eq. (3): D proportional to Gamma."""
    p = result.fit.exponent
    assert abs(p.value - 1.0) < 3.0 * p.stderr, f"D goes as Gamma to the power {p}"


def draw_scaling(result: Scaling, ax: Axes) -> None:
    """Draw D_sigma against Gamma, and the line of a constant ratio."""
    x, x_err, y, y_err = (
        np.array([getattr(estimate, part) for estimate in estimates])
        for estimates in (result.activity, result.D_sigma)
        for part in ("value", "stderr")
    )
    ax.errorbar(x, y, y_err, x_err, fmt="o", ms=2.5, capsize=2.0)
    ends = np.array([0.7 * x.min(), 1.4 * x.max()])
    ax.loglog(ends, result.fit.ratio.value * ends, color="0.35", lw=1.0)
    ax.set_xlabel(r"plastic activity $\Gamma$ ($1/\tau_0$)")
    ax.set_ylabel(r"$D_\sigma=\langle\Delta\sigma^2\rangle/t$ ($\varepsilon^2/\sigma^4\tau_0$)")


# -- distribution of local stresses


@dataclass(frozen=True, eq=False)
class Density:
    """P(sigma) of the blocks, and of models, by name, at the same stresses."""

    measured: StressDensity
    models: dict[str, np.ndarray]


def compute_density(
    stress: Sequence[ArrayLike],
    edges: ArrayLike,
    parameters: BlockParameters,
    models: Mapping[str, Model],
) -> Density:
    """Take the histogram, and what the models say with these parameters at their shear rate."""
    measured = stress_density(stress, edges)
    return Density(
        measured,
        {
            name: predicted_density(parameters, model, parameters.shear_rate, measured.middle)
            for name, model in models.items()
        },
    )


def check_density(result: Density) -> None:
    """Assert that nothing is cut off and that the densities are normalised alike."""
    assert result.measured.outside < 1e-3, f"{result.measured.outside:.2%} are outside the bins"
    width = np.diff(result.measured.edges)
    for name, density in result.models.items():
        total = float(np.sum(density * width))
        assert abs(total - 1.0) < 0.05, f"{name} holds {total:.3f} within the bins"


def draw_density(result: Density, ax: Axes) -> None:
    """Draw the histogram with its errors, and the models as lines."""
    seen = result.measured
    ax.errorbar(seen.middle, seen.density, seen.stderr, fmt="o", ms=2.0, lw=0.8, label="blocks")
    for (name, density), style in zip(result.models.items(), ("-", "--", ":", "-."), strict=False):
        ax.plot(seen.middle, density, style, label=name)
    ax.set_xlabel(rf"local stress $\sigma$ {STRESS}")
    ax.set_ylabel(r"$P(\sigma)$ ($\sigma^2/\varepsilon$)")
    ax.set_ylim(bottom=0.0)
    ax.legend(frameon=False)


# -- start-up


@dataclass(frozen=True, eq=False)
class StartUp:
    """Stress against strain in the start-up, mean over samples, and what models say."""

    strain: np.ndarray
    stress: np.ndarray
    stress_err: np.ndarray
    models: dict[str, np.ndarray]


def compute_start_up(
    strain: ArrayLike,
    stress: ArrayLike,
    parameters: BlockParameters,
    models: Mapping[str, Model],
    start_std: float,
) -> StartUp:
    """Average the samples (runs, n), and start the models with blocks of this spread."""
    gamma, sigma = np.asarray(strain, dtype=float), np.asarray(stress, dtype=float)
    return StartUp(
        strain=gamma,
        stress=sigma.mean(axis=0),
        stress_err=sigma.std(axis=0, ddof=1) / np.sqrt(len(sigma)),
        models={
            name: predicted_start_up(parameters, model, parameters.shear_rate, gamma, start_std)
            for name, model in models.items()
        },
    )


def check_start_up(result: StartUp) -> None:
    """Assert that the glass and the models load elastically at first, by the same modulus."""
    first = result.strain <= 0.005
    seen = np.polyfit(result.strain[first], result.stress[first], 1)[0]
    for name, stress in result.models.items():
        slope = np.polyfit(result.strain[first], stress[first], 1)[0]
        assert abs(slope / seen - 1.0) < 0.2, (
            f"{name} starts with slope {slope:.3g}, not {seen:.3g}"
        )


def draw_start_up(result: StartUp, ax: Axes) -> None:
    """Draw the mean stress with its error as a band, and the models as lines."""
    low, high = result.stress - result.stress_err, result.stress + result.stress_err
    ax.fill_between(result.strain, low, high, color="0.8", lw=0)
    ax.plot(result.strain, result.stress, color="0.2", lw=1.0, label="particles")
    for (name, stress), style in zip(result.models.items(), ("-", "--", ":", "-."), strict=False):
        ax.plot(result.strain, stress, style, label=name)
    ax.set_xlabel(r"strain $\gamma$")
    ax.set_ylabel(rf"shear stress {STRESS}")
    ax.legend(frameon=False)


# -- elastic branches (Fig. 4a of the paper)


@dataclass(frozen=True, eq=False)
class Elastic:
    """A piece of a stress-strain curve and its elastic branches."""

    strain: np.ndarray
    stress: np.ndarray
    branches: Branches


def compute_elastic(
    strain: ArrayLike, stress: ArrayLike, fall: float = 0.1, shortest: float = 2e-3
) -> Elastic:
    """Find the branches; ``fall`` in standard deviations of the stress."""
    gamma, sigma = np.asarray(strain, dtype=float), np.asarray(stress, dtype=float)
    branches = elastic_branches(gamma, sigma, fall * float(sigma.std()), shortest)
    return Elastic(gamma, sigma, branches)


def check_elastic(result: Elastic) -> None:
    """Assert that there are branches, and that they rise."""
    assert result.branches.slope.size >= 8, f"{result.branches.slope.size} branches"
    assert np.all(result.branches.slope > 0.0), "a branch falls"


def draw_elastic(result: Elastic, ax: Axes) -> None:
    """Draw the curve, its branches thick."""
    ax.plot(result.strain, result.stress, color="0.6", lw=0.6)
    for start, end in zip(result.branches.start, result.branches.end, strict=True):
        on = (result.strain >= start) & (result.strain <= end)
        ax.plot(result.strain[on], result.stress[on], color="C0", lw=1.4)
    ax.set_xlabel(r"strain $\gamma$")
    ax.set_ylabel(rf"shear stress {STRESS}")
