"""The model: four independent slots, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hebraud._typing import Floats
from hebraud.errors import shown
from hebraud.model.contracts import YieldAnswers, noise_terms, yields
from hebraud.model.coupling import ActivityNoise, Coupling, NoiseTerms
from hebraud.model.law_contracts import ThresholdAnswers, normal, scatters, spread
from hebraud.model.relaxation import (
    FractionalDrop,
    LandingLines,
    NormalScatter,
    Relaxation,
    Spread,
)
from hebraud.model.thresholds import Single, Thresholds
from hebraud.model.yielding import ConstantRate, Yielding

__all__ = ["Model", "check_model"]


def _fits(value: object, protocol: type) -> bool:
    """Return True for an object with the protocol's methods; a class is not one."""
    return isinstance(value, protocol) and not isinstance(value, type)


def _makes_noise(value: object) -> bool:
    """Return True for an object that states the terms of a coupling or has a method for D."""
    return _fits(value, Coupling) or (hasattr(value, "diffusion") and not isinstance(value, type))


def _activity(coupling: Any, alpha: Any) -> ActivityNoise:
    return ActivityNoise(alpha if coupling is None else coupling)


@dataclass(frozen=True, init=False)
class Model:
    """The Hébraud-Lequeux equation (eq. 1) with its four slots, in reduced units::

        dP/dt = -g dP/ds + D d2P/ds2 - nu(s, c) P + (landing of what yields)

    with Gamma = int nu P ds (eq. 2) and D from the coupling (eq. 3 in the classical model).
    ``Model(alpha)`` is the classical model.

    Parameters
    ----------
    coupling : float or Coupling
        Mechanical noise. A bare number alpha means ``ActivityNoise(alpha)``.
    alpha : float
        The same bare number by its name, in the place of ``coupling``.
    relaxation : Relaxation
        Where a yielded block lands: ``FractionalDrop(f)``, ``ResidualStress(r)``,
        ``GaussianLanding(drop, std)``, ``Landing(points, weights)``.
    thresholds : float or Thresholds
        Local yield stress: a number (in units of sigma_c; the classical model has 1),
        ``Redrawn(law)`` or ``Quenched(law)``.
    yielding : Yielding
        Yield rate over the threshold: ``ConstantRate()`` or ``PowerRate(eta)``.

    Attributes
    ----------
    noise : NoiseTerms
        The three numbers that the coupling states: all that solvers know of it.
    yields : YieldAnswers
        The constant rate, and the power law at the threshold, of a yield law that has one.
    spread : ThresholdAnswers
        The one threshold, where all blocks have the same, and whether thresholds are a few values.
    scatters : bool
        True where landings are spread out continuously.
    normal : NormalScatter or None
        The landing law, where it is a normal one.

    Raises
    ------
    ValueError
        If a slot holds something that does not fit it, or that breaks a promise of its protocol
        (:mod:`hebraud.model.contracts`, :mod:`hebraud.model.law_contracts`); the message names it.
    """

    coupling: Coupling
    relaxation: Relaxation
    thresholds: Thresholds
    yielding: Yielding
    noise: NoiseTerms = field(init=False, repr=False, compare=False)
    yields: YieldAnswers = field(init=False, repr=False, compare=False)
    spread: ThresholdAnswers = field(init=False, repr=False, compare=False)
    scatters: bool = field(init=False, repr=False, compare=False)
    normal: NormalScatter | None = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        coupling: float | Coupling | None = None,
        *,
        alpha: float | None = None,
        relaxation: Relaxation = FractionalDrop(1.0),  # noqa: B008 - frozen
        thresholds: float | Thresholds = 1.0,
        yielding: Yielding = ConstantRate(),  # noqa: B008 - frozen
    ) -> None:
        if (coupling is None) == (alpha is None):
            raise ValueError(
                "coupling or alpha must be given, and not both, got "
                f"coupling={shown(coupling)} and alpha={shown(alpha)}; try Model(0.3)"
            )
        rule = thresholds if _fits(thresholds, Thresholds) else Single(thresholds)  # type: ignore[arg-type]
        slots = {
            "coupling": coupling if _makes_noise(coupling) else _activity(coupling, alpha),
            "relaxation": relaxation,
            "thresholds": rule,
            "yielding": yielding,
        }
        if not _fits(relaxation, Relaxation):
            raise ValueError(
                "relaxation must be a landing rule such as ResidualStress(r), got "
                f"{shown(relaxation)}"
            )
        if not _fits(yielding, Yielding):
            raise ValueError(
                f"yielding must be a yield law such as PowerRate(eta), got {shown(yielding)}"
            )
        answers = {
            "noise": noise_terms(slots["coupling"]),
            "scatters": scatters(relaxation),
            "normal": normal(relaxation),
            "spread": spread(rule),  # type: ignore[arg-type]
            "yields": yields(yielding),
        }
        for name, value in (slots | answers).items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Show the coupling and the slots that differ from the classical model's."""
        varied = [
            f"{name}={getattr(self, name)!r}"
            for name, classical in _CLASSICAL_SLOTS.items()
            # a user's slot may compare equal with an object of another class
            if type(slot := getattr(self, name)) is not type(classical) or slot != classical
        ]
        return f"Model({', '.join([repr(self.coupling), *varied])})"

    @property
    def shifted(self) -> Callable[[int, Floats], LandingLines] | None:
        """The rule's landing lines at other places (`Spread.shifted`); None where it has none."""
        rule = self.relaxation
        return rule.shifted if self.scatters and isinstance(rule, Spread) else None

    @property
    def classical(self) -> bool:
        """True for the Hébraud-Lequeux model itself, with any alpha."""
        fixed = self.relaxation.fixed_points
        return (
            self.noise == (0.0, self.noise.per_event, 0.0)
            and fixed is not None
            and not fixed.offset.any()
            and self.spread.one == 1.0
            and self.yields.constant == 1.0
        )


def check_model(model: object) -> Model:
    """Return a model as it is, or raise ``ValueError`` saying what one is."""
    if not isinstance(model, Model):
        raise ValueError(
            f"model must be a hebraud.Model, got {shown(model)}; try hebraud.Model(0.3)"
        )
    return model


_CLASSICAL_SLOTS: dict[str, object] = {
    "relaxation": FractionalDrop(1.0),
    "thresholds": Single(1.0),
    "yielding": ConstantRate(),
}
"""The slots of the classical model, which are not shown when a model is printed."""
