"""Yield stress and prefactor of the modified model with the paper's measured parameters.

Puosi, Olivier and Martens (2015) find that an event releases only a fifth of the local yield
stress, measure the coupling in units of that drop (their eq. 8), and compare it with the coupling
that the model *with full relaxation* needs for the measured yield stress (their Table 1). Here the
drop goes into the model itself: ``DropNoise(alpha)`` with ``FractionalDrop(0.2)``, with one
threshold and with the measured spread of thresholds, redrawn at each event or quenched.
docs/modified_model.md gives the conclusion.

``python -m validation.figures.modified_model`` prints the table (some minutes) and writes
figures/modified_model.png and figures/modified_model.pdf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.stats
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

import hebraud as hl
from validation.drawing import COLUMN, make
from hebraud.model.thresholds import Thresholds
from hebraud.plot import COLOURS
from hebraud.solvers.steady.residence import redraw_law
from validation.claims.table1 import (
    ALPHA_FLOW_MEAN,
    ALPHA_MICRO,
    ALPHA_MICRO_MEAN,
    DROP,
    OWN_PREFACTOR,
    OWN_YIELD_STRESS,
    READINGS,
    SPREAD,
)

SNAPSHOT_RATE = 1e-3
"""Reduced rate at which the particles' snapshot is taken to find the thresholds it finds."""
RATES = 4e-3 / 4.0 ** np.arange(4)
"""Reduced rates from which the limit of vanishing rate is taken."""
ALPHAS = np.array([0.08, 0.13, 0.2, 0.3, 0.5, 0.9, 1.5, 2.2, 2.8, 3.3, 3.7, 4.0, 4.2])
DROPS = (0.2, 0.4, 0.6, 0.8, 1.0)
SOLVER = hl.FiniteVolume(rtol=3e-6)


class Setting(NamedTuple):
    """Parameters of the model: coupling, released fraction, std/mean of the measured thresholds."""

    alpha: float
    drop: float = DROP.value
    spread: float = SPREAD.value
    snapshot_rate: float = SNAPSHOT_RATE


def _modified(setting: Setting, thresholds: Thresholds | float = 1.0) -> hl.Model:
    return hl.Model(
        hl.DropNoise(setting.alpha),
        relaxation=hl.FractionalDrop(setting.drop),
        thresholds=thresholds,
    )


def one_threshold(setting: Setting) -> hl.Model:
    """Return the model with all thresholds 1."""
    return _modified(setting)


def redrawn(setting: Setting) -> hl.Model:
    """Return the model with thresholds redrawn from the law whose snapshot at the snapshot's rate is normal with mean 1."""
    law = redraw_law(
        scipy.stats.norm(1.0, setting.spread),
        _modified(setting),
        setting.snapshot_rate,
        hl.FiniteVolume(rtol=1e-4),
    )
    return _modified(setting, hl.Redrawn(law))


def quenched(setting: Setting) -> hl.Model:
    """Return the model with quenched normal thresholds of mean 1, as a snapshot finds them."""
    return _modified(setting, hl.Quenched(scipy.stats.norm(1.0, setting.spread)))


VARIANTS: dict[str, Callable[[Setting], hl.Model]] = {
    "one threshold": one_threshold,
    "redrawn": redrawn,
    "quenched": quenched,
}


class Limit(NamedTuple):
    """Yield stress and prefactor at vanishing rate, with their change at one order less."""

    yield_stress: float
    prefactor: float
    yield_stress_error: float
    prefactor_error: float


def limit(model: hl.Model) -> Limit:
    """Return sigma_Y and A of sigma_Y + A g^(1/2) + B g + C g^(3/2) through four small rates."""
    stress = hl.flow_curve(model, RATES, SOLVER).stress
    root = np.sqrt(RATES)
    best = np.polynomial.polynomial.polyfit(root, stress, 3)
    lower = np.polynomial.polynomial.polyfit(root[1:], stress[1:], 2)
    error = np.abs(best - np.append(lower, 0.0))
    return Limit(*map(float, (best[0], best[1], error[0], error[1])))


@dataclass(frozen=True)
class Curve:
    """One variant: its limits against alpha, and the numbers of the conclusion."""

    limits: list[Limit]
    predicted: dict[str, dict[str, tuple[hl.Estimate, ...]]]
    """reading -> density or "mean" -> (sigma_Y/sigma_c, A)."""
    needed: hl.Estimate
    """alpha (of the equation) that gives the sigma_Y/sigma_c of alpha_flow."""
    needed_prefactor: hl.Estimate
    """A there."""
    snapshot_rates: tuple[float, ...]
    """sigma_Y/sigma_c at the mean alpha_micro, snapshot taken at 1e-2 and at 1e-4."""

    @property
    def yield_stress(self) -> NDArray[np.float64]:
        """Return the yield stresses at ``ALPHAS``."""
        return np.array([one.yield_stress for one in self.limits])

    @property
    def prefactor(self) -> NDArray[np.float64]:
        """Return the prefactors at ``ALPHAS``."""
        return np.array([one.prefactor for one in self.limits])


@dataclass(frozen=True)
class Result:
    """Data of the figure and of the page."""

    curves: dict[str, Curve]
    by_drop: list[Limit]
    """One threshold, mean alpha_micro as printed, over ``DROPS``."""
    target: hl.Estimate
    target_prefactor: hl.Estimate


def implied(alpha_flow: hl.Estimate) -> hl.Estimate:
    """Return the sigma_Y/sigma_c of the model with full relaxation at Table 1's alpha_flow."""
    value, high, low = (
        float(hl.closed_form.yield_stress_of_alpha(alpha_flow.value + sign * alpha_flow.stderr))
        for sign in (0.0, -1.0, 1.0)
    )
    return hl.Estimate(value, 0.5 * (high - low))


def _ends(variant: Callable[[Setting], object], setting: Setting) -> list[NDArray[np.float64]]:
    """Return half the change of ``variant`` over ± the errors of drop and spread."""
    return [
        0.5
        * np.subtract(
            *(
                np.array(variant(setting._replace(**{name: one.value + sign * one.stderr})))
                for sign in (1.0, -1.0)
            )
        )
        for name, one in (("drop", DROP), ("spread", SPREAD))
    ]


def _curve(variant: Callable[[Setting], hl.Model], target: hl.Estimate) -> Curve:
    def limit_of(setting: Setting) -> Limit:
        return limit(variant(setting))

    limits = [limit_of(Setting(float(alpha))) for alpha in ALPHAS]
    log_alpha = np.log(ALPHAS)
    lines = [PchipInterpolator(log_alpha, column) for column in list(zip(*limits, strict=True))[:2]]
    slopes = [line.derivative() for line in lines]

    def at(alpha: hl.Estimate, others: NDArray[np.float64]) -> tuple[hl.Estimate, ...]:
        x, width = np.log(alpha.value), alpha.stderr / alpha.value
        return tuple(
            hl.Estimate(float(line(x)), float(np.hypot(slope(x) * width, other)))
            for line, slope, other in zip(lines, slopes, others, strict=True)
        )

    def needed(setting: Setting, stress: float = target.value) -> tuple[float, float]:
        """Return log alpha that gives the yield stress, and A there; three steps of the secant."""
        x, slope = np.log(setting.alpha), float(slopes[0](np.log(setting.alpha)))
        here = limit_of(setting)
        for _ in range(3):
            step = (stress - here.yield_stress) / slope
            new = limit_of(setting._replace(alpha=float(np.exp(x + step))))
            slope, x, here = (new.yield_stress - here.yield_stress) / step, x + step, new
        return float(x), here.prefactor

    rows = {**{str(density): a for density, a in ALPHA_MICRO.items()}, "mean": ALPHA_MICRO_MEAN}
    predicted = {}
    for reading, factor in READINGS.items():
        changes = _ends(limit_of, Setting(factor * ALPHA_MICRO_MEAN.value))
        others = np.hypot(*changes)[:2]
        predicted[reading] = {
            name: at(hl.Estimate(factor * a.value, factor * a.stderr), others)
            for name, a in rows.items()
        }
    guess = float(np.exp(np.interp(-target.value, -lines[0](log_alpha), log_alpha)))
    x, prefactor = needed(Setting(guess))
    there = Setting(float(np.exp(x)))
    changes = [
        *_ends(needed, there),
        np.array(needed(there, target.value + target.stderr)) - (x, prefactor),
    ]
    x_error, prefactor_error = np.sqrt(np.sum(np.square(changes), axis=0))
    return Curve(
        limits,
        predicted,
        hl.Estimate(there.alpha, float(there.alpha * x_error)),
        hl.Estimate(prefactor, float(prefactor_error)),
        tuple(
            limit_of(Setting(ALPHA_MICRO_MEAN.value, snapshot_rate=rate)).yield_stress
            for rate in (1e-2, 1e-4)
        ),
    )


def compute(variants: Sequence[str] = tuple(VARIANTS)) -> Result:
    """Return the curves of the variants and the numbers of the verdict."""
    target = implied(ALPHA_FLOW_MEAN)
    prefactor = [
        float(hl.closed_form.prefactor_of_alpha(ALPHA_FLOW_MEAN.value + s * ALPHA_FLOW_MEAN.stderr))
        for s in (0.0, 1.0, -1.0)
    ]
    return Result(
        {name: _curve(VARIANTS[name], target) for name in variants},
        [limit(one_threshold(Setting(ALPHA_MICRO_MEAN.value, drop))) for drop in DROPS],
        target,
        hl.Estimate(prefactor[0], 0.5 * abs(prefactor[1] - prefactor[2])),
    )


def check(result: Result) -> None:
    """Assert the verdict."""
    closed = hl.closed_form
    for name, curve in result.curves.items():
        # 1. The limits are limits: what a lower order changes is far below the errors told.
        for one in curve.limits:
            assert one.yield_stress_error < 1e-4, (name, one)
            assert one.prefactor_error < 0.01, (name, one)
        # 2. Noise makes it softer: sigma_Y falls as alpha rises.
        assert np.all(np.diff(curve.yield_stress) < 0.0), (name, curve.yield_stress)
        # 3. With the measured alpha_micro and drop the yield stress is over three times, and over
        #    ten standard errors above, what is measured: each density, either reading.
        for reading, rows in curve.predicted.items():
            for density, (stress, _) in rows.items():
                assert stress.value > 3.0 * result.target.value, (name, reading, density, stress)
                error = np.hypot(stress.stderr, result.target.stderr)
                assert stress.value - result.target.value > 10.0 * error, (name, reading, density)
        # 4. When in its strain the snapshot is taken does not change that.
        assert min(curve.snapshot_rates) > 3.0 * result.target.value, (name, curve.snapshot_rates)
        # 5. The coupling it would take is ten times the measured one at least.
        assert curve.needed.value > 10.0 * ALPHA_MICRO_MEAN.value, (name, curve.needed)
        # 6. There the prefactor is below that of Table 1's alpha_flow, and below our particles'.
        for prefactor in (result.target_prefactor, OWN_PREFACTOR):
            gap = prefactor.value - curve.needed_prefactor.value
            error = np.hypot(prefactor.stderr, curve.needed_prefactor.stderr)
            assert gap > 3.0 * error, (name, prefactor, curve.needed_prefactor)
    # 7. Without noise a block goes evenly from 1 - f to 1, and D/g = alpha f lowers the mean.
    single = result.curves["one threshold"]
    for alpha, stress in zip(ALPHAS, single.yield_stress, strict=True):
        if alpha <= 0.5:
            straight = 1.0 - 0.5 * DROP.value - alpha * DROP.value
            assert abs(stress - straight) < 2e-4, (alpha, stress, straight)
    # 8. Whatever the drop: at alpha_micro sigma_Y falls with it to the classical model's 0.255.
    by_drop = [one.yield_stress for one in result.by_drop]
    assert np.all(np.diff(by_drop) < 0.0), by_drop
    classical = float(closed.yield_stress_of_alpha(ALPHA_MICRO_MEAN.value))
    assert abs(by_drop[-1] - classical) < 1e-4, (by_drop, classical)
    assert classical > result.target.value + 3.0 * result.target.stderr, classical
    # 9. Our own particles have the yield stress that Table 1's alpha_flow stands for.
    difference = OWN_YIELD_STRESS.value - result.target.value
    assert abs(difference) < 2.0 * np.hypot(OWN_YIELD_STRESS.stderr, result.target.stderr)


def table(result: Result) -> str:
    """Return the numbers of the verdict as a table."""
    lines = [
        "sigma_Y/sigma_c and A/sqrt(G0 sigma_c tau)",
        f"alpha_flow = {ALPHA_FLOW_MEAN}: {result.target}, {result.target_prefactor}",
        f"our own particles: {OWN_YIELD_STRESS}, {OWN_PREFACTOR}",
        "",
        f"{'variant':14} {'alpha_micro':11} {'density':7} {'sigma_Y/sigma_c':16} A",
    ]
    for name, curve in result.curves.items():
        for reading, rows in curve.predicted.items():
            lines += [
                f"{name:14} {reading:11} {density:7} {stress!s:16} {prefactor}"
                for density, (stress, prefactor) in rows.items()
            ]
    lines.append("")
    for name, curve in result.curves.items():
        ratios = [curve.needed.value / (k * ALPHA_MICRO_MEAN.value) for k in READINGS.values()]
        lines.append(
            f"{name:14} needs alpha = {curve.needed} ({ratios[0]:.1f} and {ratios[1]:.1f} times "
            f"alpha_micro), where A = {curve.needed_prefactor}; snapshot at 1e-2, 1e-4: sigma_Y = "
            f"{curve.snapshot_rates[0]:.3f}, {curve.snapshot_rates[1]:.3f}"
        )
    drops = ", ".join(
        f"{drop:g}: {one.yield_stress:.3f}" for drop, one in zip(DROPS, result.by_drop, strict=True)
    )
    return "\n".join([*lines, "", f"one threshold, alpha_micro as printed, by drop: {drops}"])


def draw(result: Result, ax: Axes) -> None:
    """Draw sigma_Y and A over alpha into the two halves of ``ax``."""
    ax.set_axis_off()
    upper, lower = ax.inset_axes((0.0, 0.53, 1.0, 0.47)), ax.inset_axes((0.0, 0.0, 1.0, 0.47))
    styles = ("-", "--", ":")
    panels = (
        (upper, "yield_stress", result.target),
        (lower, "prefactor", result.target_prefactor),
    )
    alpha, fine = np.geomspace(0.06, 0.49, 100), np.geomspace(ALPHAS[0], ALPHAS[-1], 200)
    for panel, name, target in panels:
        of_alpha = getattr(hl.closed_form, f"{name}_of_alpha")
        panel.plot(alpha, of_alpha(alpha), color="0.5", lw=0.9, label="full relaxation")
        for (variant, curve), style, colour in zip(
            result.curves.items(), styles, COLOURS, strict=False
        ):
            line = PchipInterpolator(np.log(ALPHAS), getattr(curve, name))
            panel.plot(fine, line(np.log(fine)), style, color=colour, label=variant)
            panel.errorbar(
                curve.needed.value,
                curve.needed_prefactor.value if panel is lower else target.value,
                xerr=curve.needed.stderr,
                yerr=curve.needed_prefactor.stderr if panel is lower else target.stderr,
                fmt="o",
                mfc="none",
                ms=3,
                lw=0.7,
                color=colour,
            )
        panel.axhspan(
            target.value - target.stderr, target.value + target.stderr, color="0.8", lw=0, zorder=0
        )
        for factor in READINGS.values():
            ends = factor * (
                ALPHA_MICRO_MEAN.value + ALPHA_MICRO_MEAN.stderr * np.array([-1.0, 1.0])
            )
            panel.axvspan(*ends, color="#F0E442", alpha=0.5, lw=0, zorder=0)
        panel.set_xscale("log")
        panel.set_xlim(0.06, 6.0)
    upper.set_ylim(0.0, 1.0)
    lower.set_ylim(0.0, 0.6)
    upper.set_xticklabels([])
    for factor, name in zip(READINGS.values(), READINGS, strict=True):
        upper.text(factor * ALPHA_MICRO_MEAN.value, 0.03, name, fontsize=5.5, ha="center")
    upper.text(0.75, result.target.value + 0.03, r"from $\alpha_{\rm flow}$", fontsize=6)
    upper.set_ylabel(r"$\sigma_Y/\langle\sigma_c\rangle$")
    lower.set_ylabel(r"$A/\sqrt{G_0\langle\sigma_c\rangle\tau}$")
    lower.set_xlabel(r"coupling $\alpha$ (of the equation)")
    lower.text(0.75, result.target_prefactor.value + 0.035, r"from $\alpha_{\rm flow}$", fontsize=6)
    own = OWN_PREFACTOR.value + OWN_PREFACTOR.stderr * np.array([-1.0, 1.0])
    lower.axhspan(*own, fc="none", ec="0.4", hatch="////", lw=0, zorder=0)
    lower.text(0.75, own[0] - 0.025, "own particles", fontsize=6)
    upper.legend(loc="center left", fontsize=6, handlelength=1.8, bbox_to_anchor=(0.32, 0.41))
    upper.text(0.97, 0.95, "(a)", transform=upper.transAxes, va="top", ha="right", weight="bold")
    lower.text(0.97, 0.95, "(b)", transform=lower.transAxes, va="top", ha="right", weight="bold")


def _told() -> Result:
    result = compute()
    print(table(result))
    return result


if __name__ == "__main__":
    make("modified_model", _told, check, draw, size=(COLUMN, 1.35 * COLUMN))
