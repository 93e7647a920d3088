"""The model's parameters as particles give them, and the couplings that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Bools, Floats
from hebraud.analytic import closed_form
from hebraud.errors import MeasurementError, check_number
from hebraud.md.measure.resampling import spread
from hebraud.md.results.couplings import (
    alpha_of_prefactor,
    drop_noise_alpha,
    largest_drop_fraction,
    noise_alpha,
    noise_diffusion,
)
from hebraud.md.results.symbols import ROWS, quantity_rows
from hebraud.model.coupling import DropNoise
from hebraud.model.model import Model
from hebraud.model.relaxation import FractionalDrop
from hebraud.model.scales import Scales
from hebraud.model.thresholds import Redrawn
from hebraud.rheology.estimate import Estimate, Missing, or_missing
from hebraud.rheology.flow_curve import FlowCurve

__all__ = ["BlockParameters", "BothConventions", "flow_curve_replicates"]

_REPLICATES = 2000  # the error of an error is then 2 %
#: Up to this fraction of replicates may lie where a coupling does not exist; they are left out. The
#: central 68 % that the error is made of would not be seen whole with more.
_OUTSIDE = 0.1


@dataclass(frozen=True)
class BothConventions:
    """A coupling made from a stress diffusion coefficient.

    Attributes
    ----------
    paper : Estimate
        From D_sigma = <ds^2>/t.
    equation : Estimate
        From D = <ds^2>/(2 t), which multiplies d2P/ds2: half of the paper's.
    """

    paper: Estimate
    equation: Estimate


@dataclass(frozen=True, eq=False)
class BlockParameters:
    """The model's parameters as measured on one glass at one shear rate, with errors.

    Parameters
    ----------
    density : float
        Particles per area, in 1/sigma_AA^2.
    shear_rate : float
        At which Gamma and D_sigma were measured, in 1/tau_0, > 0.
    block_width : float
        W of the blocks, in sigma_AA.
    G0, sigma_c, sigma_c_std, drop, tau_p, Gamma, D_sigma, l_pl, sigma_Y, A : Estimate
        Shear modulus; mean and standard deviation of the local yield stress; stress drop of an
        event; its duration; plastic activity of a block; <ds^2>/t of eq. (7) (the paper's
        convention, twice the D of the equation); size of an event; yield stress and prefactor of
        Sigma = sigma_Y + A sqrt(shear_rate). In Lennard-Jones units, each value > 0;
        docs/measurements.md defines each.
    replicates : mapping of str to (R,) array
        Joint bootstrap replicates of some of them: the k-th entries belong to one draw. The others
        are drawn from their error bars, normal and independent.

    Raises ``ValueError`` for values that are not > 0 or replicates that do not match.
    """

    density: float
    shear_rate: float
    block_width: float
    G0: Estimate
    sigma_c: Estimate
    sigma_c_std: Estimate
    drop: Estimate
    tau_p: Estimate
    Gamma: Estimate
    D_sigma: Estimate
    l_pl: Estimate
    sigma_Y: Estimate
    A: Estimate
    replicates: Mapping[str, ArrayLike] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("density", "shear_rate", "block_width"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), above=0.0))
        for name in ROWS:
            estimate = getattr(self, name)
            if not isinstance(estimate, Estimate):
                raise ValueError(f"{name} must be an Estimate(value, stderr), got {estimate!r}")
            check_number(f"{name}.value", estimate.value, above=0.0)
        arrays = {name: np.asarray(drawn, np.float64) for name, drawn in self.replicates.items()}
        unknown = sorted(set(arrays) - set(ROWS))
        if unknown:
            raise ValueError(f"replicates must be of {', '.join(ROWS)}, got {', '.join(unknown)}")
        shapes = {drawn.shape for drawn in arrays.values()}
        if len(shapes) > 1 or any(len(shape) != 1 or shape[0] < 100 for shape in shapes):
            raise ValueError(
                f"replicates must be rows of one length, at least 100, got shapes {sorted(shapes)}"
            )
        object.__setattr__(self, "replicates", arrays)

    def changed(self, **estimates: Estimate) -> BlockParameters:
        """Return a copy with other estimates; their replicates are dropped."""
        kept = {name: drawn for name, drawn in self.replicates.items() if name not in estimates}
        return replace(self, replicates=kept, **estimates)  # type: ignore[arg-type]

    # -- units and models
    @property
    def scales(self) -> Scales:
        """Return the units of the model: G0, sigma_c, tau_p."""
        return Scales(self.G0.value, self.sigma_c.value, self.tau_p.value)

    @property
    def drop_fraction(self) -> Estimate:
        """Return the fraction of the local yield stress that an event releases, drop/sigma_c."""
        return self._derived(np.divide, _positive, "drop", "sigma_c")

    def model(self, alpha: Estimate | None = None) -> Model:
        """Return the classical model with this coupling, of the equation's convention.

        None takes ``alpha_micro.equation``: the paper compares it with the classical model,
        although it is in units of the drop.
        """
        return Model((alpha or self.alpha_micro.equation).value)

    def modified_model(self) -> Model:
        """Return the model with measured events: drops, and a law of thresholds.

        D = alpha_micro Gamma <(s - s')^2> in the equation's convention; an event releases
        ``drop_fraction`` of the stress; thresholds are redrawn from a normal law with the measured
        mean (1 in reduced units) and standard deviation, conditioned on being > 0.
        """
        from scipy.stats import norm

        return Model(
            DropNoise(self.alpha_micro.equation.value),
            relaxation=FractionalDrop(self.drop_fraction.value),
            thresholds=Redrawn(norm(1.0, self.sigma_c_std.value / self.sigma_c.value)),
        )

    # -- couplings
    @property
    def alpha_HL(self) -> BothConventions:
        """Return D/(sigma_c^2 Gamma), eq. (3)."""
        return self._noise_alpha("sigma_c")

    @property
    def alpha_micro(self) -> BothConventions:
        """Return D/(drop^2 Gamma), eq. (8)."""
        return self._noise_alpha("drop")

    @property
    def alpha_flow(self) -> Estimate:
        """Return the coupling whose yield stress is sigma_Y/sigma_c; of the equation's convention.

        Raises ``MeasurementError`` unless sigma_Y/sigma_c lies between 0 and 1/2.
        """
        return self._derived(
            lambda yield_stress, threshold: closed_form.alpha_of_yield_stress(
                yield_stress / threshold
            ),
            lambda yield_stress, threshold: (yield_stress > 0.0) & (yield_stress < threshold / 2),
            "sigma_Y",
            "sigma_c",
            limits="sigma_Y/sigma_c must lie between 0 and 1/2",
        )

    @property
    def alpha_flow_prefactor(self) -> Estimate:
        """Return the coupling whose prefactor is A/sqrt(G0 sigma_c tau_p), likewise."""
        return self._derived(
            lambda A, G0, threshold, tau: alpha_of_prefactor(A / np.sqrt(G0 * threshold * tau)),
            _positive,
            "A",
            "G0",
            "sigma_c",
            "tau_p",
        )

    @property
    def D_noise(self) -> Estimate:
        """Return the equation's D without a block's own events (`couplings.noise_diffusion`).

        The macroscopic stress is sigma_Y + A sqrt(shear_rate). Raises ``MeasurementError`` if
        nothing is left.
        """
        return self._from_spread(noise_diffusion)

    @property
    def alpha_drop_noise(self) -> Estimate:
        """Return the coupling of ``DropNoise`` from eq. (7) alone (`couplings.drop_noise_alpha`).

        Of the equation's convention; errors as for ``D_noise``.
        """
        return self._from_spread(drop_noise_alpha)

    @property
    def largest_drop_fraction(self) -> Estimate:
        """Return the largest fraction of its stress that an event can release (`couplings`).

        Below 1 it excludes the classical model.
        """
        rate = self.shear_rate
        return self._derived(
            lambda D, G0, Y, A: largest_drop_fraction(D, G0 * rate * (Y + A * np.sqrt(rate))),
            _positive,
            *("D_sigma", "G0", "sigma_Y", "A"),
        )

    @property
    def couplings(self) -> dict[str, Estimate | Missing]:
        """Return all couplings by name, each naming its convention."""
        readings: dict[str, Callable[[], Estimate]] = {
            "alpha_HL, paper's D": lambda: self.alpha_HL.paper,
            "alpha_HL, equation's D": lambda: self.alpha_HL.equation,
            "alpha_micro, paper's D": lambda: self.alpha_micro.paper,
            "alpha_micro, equation's D": lambda: self.alpha_micro.equation,
            "alpha of DropNoise from eq. (7), equation's D": lambda: self.alpha_drop_noise,
            "alpha_flow from sigma_Y": lambda: self.alpha_flow,
            "alpha_flow from A": lambda: self.alpha_flow_prefactor,
        }
        return {name: or_missing(reading) for name, reading in readings.items()}

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (symbol, value, unit, meaning) of parameters and couplings, to print."""
        measured = quantity_rows({name: getattr(self, name) for name in ROWS})
        derived = [(name, str(value), "1", "coupling") for name, value in self.couplings.items()]
        return [*measured, *derived]

    # -- propagation of errors
    def draws(self, name: str) -> Floats:
        """Return replicates of one parameter: joint, or normal ones, always the same."""
        if name in self.replicates:
            return np.asarray(self.replicates[name])
        count = next((len(np.asarray(a)) for a in self.replicates.values()), _REPLICATES)
        estimate: Estimate = getattr(self, name)
        rng = np.random.default_rng([f.name for f in fields(self)].index(name))
        return estimate.value + estimate.stderr * rng.standard_normal(count)

    def _derived(
        self,
        formula: Callable[..., Any],
        domain: Callable[..., Any],
        *names: str,
        limits: str = "all must be > 0",
    ) -> Estimate:
        values = [np.float64(getattr(self, name).value) for name in names]
        if not np.all(domain(*values)):
            said = ", ".join(f"{n} = {float(v):.4g}" for n, v in zip(names, values, strict=True))
            raise MeasurementError(f"{limits}; measured: {said}")
        value = float(formula(*values))
        drawn = [self.draws(name) for name in names]
        inside = np.asarray(domain(*drawn), dtype=bool)
        outside = 1.0 - float(inside.mean())
        if outside > _OUTSIDE:
            raise MeasurementError(
                f"{100 * outside:.0f} % of the replicates of {', '.join(names)} lie where this "
                f"does not exist (at most {100 * _OUTSIDE:.0f} %): the errors are too large"
            )
        note = f"{100 * outside:.1f} % of the replicates have none" if outside else ""
        return Estimate(value, spread(formula(*(row[inside] for row in drawn))), note=note)

    def _from_spread(self, formula: Callable[[Any, Any, Any], Any]) -> Estimate:
        rate = self.shear_rate

        def inputs(D: Any, drop: Any, threshold: Any, G0: Any, Y: Any, A: Any) -> Any:
            return D, drop / threshold, G0 * rate * (Y + A * np.sqrt(rate))

        def possible(*values: Any) -> Any:
            D_sigma, f, power = inputs(*values)
            return (f > 0.0) & (f <= 1.0) & ((2.0 - f) * D_sigma > 2.0 * f * power)

        names = ("D_sigma", "drop", "sigma_c", "G0", "sigma_Y", "A")
        return self._derived(
            lambda *values: formula(*inputs(*values)),
            possible,
            *names,
            limits="no noise of other blocks is left after a block's own events, or drop > sigma_c",
        )

    def _noise_alpha(self, stress: str) -> BothConventions:
        paper = self._derived(noise_alpha, _positive, "D_sigma", stress, "Gamma")
        return BothConventions(
            replace(paper, note="paper's convention: <ds^2>/t"),
            Estimate(
                paper.value / 2.0, paper.stderr / 2.0, note="equation's convention: <ds^2>/(2 t)"
            ),
        )


def _positive(*values: Floats) -> Bools:
    return np.asarray(np.all([row > 0.0 for row in values], axis=0))


def flow_curve_replicates(
    curve: FlowCurve, replicates: int = _REPLICATES, seed: int = 0
) -> dict[str, Floats]:
    """Return joint replicates of sigma_Y and A of Sigma = sigma_Y + A sqrt(shear_rate).

    Stresses are drawn from their error bars and fitted by weighted least squares, because yield
    stress and prefactor of one fit are anticorrelated.

    Raises ``ValueError`` if the curve has no error bars or fewer than two rates.
    """
    if curve.stress_err is None or len(curve) < 2:
        raise ValueError("curve must have error bars (stress_err) and at least two shear rates")
    design = np.stack([np.ones(len(curve)), np.sqrt(curve.shear_rate)], axis=1)
    solve = np.linalg.pinv(design / curve.stress_err[:, None])
    noise = np.random.default_rng(seed).standard_normal((replicates, len(curve)))
    yield_stress, prefactor = solve @ (curve.stress / curve.stress_err + noise).T
    return {"sigma_Y": yield_stress, "A": prefactor}
