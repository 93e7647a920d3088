"""The model: four independent slots, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hebraud.model.coupling import ActivityNoise, Coupling
from hebraud.model.relaxation import FractionalDrop, Relaxation
from hebraud.model.thresholds import Single, Thresholds
from hebraud.model.yielding import ConstantRate, Yielding

__all__ = ["Model"]


def _fits(value: Any, protocol: type) -> bool:
    """True for an object with the protocol's methods; a class is not one."""
    return isinstance(value, protocol) and not isinstance(value, type)


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
    relaxation : Relaxation
        Where a yielded block lands: ``FractionalDrop(f)``, ``ResidualStress(r)``,
        ``GaussianLanding(drop, std)``, ``Landing(points, weights)``.
    thresholds : float or Thresholds
        Local yield stress: a number (in units of sigma_c; the classical model has 1),
        ``Redrawn(law)`` or ``Quenched(law)``.
    yielding : Yielding
        Yield rate over the threshold: ``ConstantRate()`` or ``PowerRate(eta)``.

    Raises
    ------
    ValueError
        If a slot holds something that does not fit it; the message names the slot.
    """

    coupling: Coupling
    relaxation: Relaxation
    thresholds: Thresholds
    yielding: Yielding

    def __init__(
        self,
        coupling: float | Coupling,
        *,
        relaxation: Relaxation = FractionalDrop(1.0),  # noqa: B008 - frozen
        thresholds: float | Thresholds = 1.0,
        yielding: Yielding = ConstantRate(),  # noqa: B008 - frozen
    ) -> None:
        slots = {
            "coupling": coupling if _fits(coupling, Coupling) else ActivityNoise(coupling),  # type: ignore[arg-type]
            "relaxation": relaxation,
            "thresholds": thresholds if _fits(thresholds, Thresholds) else Single(thresholds),  # type: ignore[arg-type]
            "yielding": yielding,
        }
        if not _fits(relaxation, Relaxation):
            raise ValueError(
                f"relaxation must be a landing rule such as ResidualStress(r), got {relaxation!r}"
            )
        if not _fits(yielding, Yielding):
            raise ValueError(
                f"yielding must be a yield law such as PowerRate(eta), got {yielding!r}"
            )
        for name, slot in slots.items():
            object.__setattr__(self, name, slot)

    def __repr__(self) -> str:
        """Show the coupling and the slots that differ from the classical model's."""
        varied = [
            f"{name}={getattr(self, name)!r}"
            for name, classical in _CLASSICAL_SLOTS.items()
            if getattr(self, name) != classical
        ]
        return f"Model({', '.join([repr(self.coupling), *varied])})"

    @property
    def classical(self) -> bool:
        """True for the Hébraud-Lequeux model itself, with any alpha."""
        return isinstance(self.coupling, ActivityNoise) and all(
            getattr(self, name) == classical for name, classical in _CLASSICAL_SLOTS.items()
        )


_CLASSICAL_SLOTS: dict[str, Any] = {
    "relaxation": FractionalDrop(1.0),
    "thresholds": Single(1.0),
    "yielding": ConstantRate(),
}
