"""The one door between reduced and physical units."""

from __future__ import annotations

from dataclasses import dataclass

from hebraud.checks import check_size
from hebraud.errors import instead_of, shown

__all__ = ["Scales", "check_scales"]


@instead_of(
    G0="shear_modulus", sigma_c="threshold", tau="plastic_time", stress="threshold",
    time="plastic_time",
)  # fmt: skip
@dataclass(frozen=True)
class Scales:
    """The three physical numbers that turn reduced units into physical ones.

    In reduced units stress is measured in sigma_c, time in tau, the shear rate in
    sigma_c/(G0 tau) and strain in sigma_c/G0. A physical quantity is a reduced one times the
    unit of the same name below.

    Parameters
    ----------
    shear_modulus : float
        G0, in any unit of stress (Pa, or epsilon/sigma_AA^2 of a particle simulation), > 0.
    threshold : float
        sigma_c, the local yield stress, in the same unit, > 0.
    plastic_time : float
        tau, the time to yield once over the threshold, in any unit of time, > 0.
    """

    shear_modulus: float
    threshold: float
    plastic_time: float

    def __post_init__(self) -> None:
        for name in ("shear_modulus", "threshold", "plastic_time"):
            object.__setattr__(self, name, check_size(name, getattr(self, name)))

    @property
    def stress(self) -> float:
        """Unit of stress, sigma_c."""
        return self.threshold

    @property
    def time(self) -> float:
        """Unit of time, tau."""
        return self.plastic_time

    @property
    def strain(self) -> float:
        """Unit of strain, sigma_c/G0."""
        return self.threshold / self.shear_modulus

    @property
    def shear_rate(self) -> float:
        """Unit of shear rate, sigma_c/(G0 tau)."""
        return self.strain / self.plastic_time

    @property
    def activity(self) -> float:
        """Unit of plastic activity, 1/tau."""
        return 1.0 / self.plastic_time

    @property
    def diffusion(self) -> float:
        """Unit of the stress diffusion coefficient, sigma_c^2/tau."""
        return self.threshold**2 / self.plastic_time

    @property
    def viscosity(self) -> float:
        """Unit of viscosity, G0 tau."""
        return self.shear_modulus * self.plastic_time


def check_scales(scales: object, name: str = "scales") -> Scales:
    """Return scales as they are, or raise ``ValueError`` saying what they are."""
    if not isinstance(scales, Scales):
        raise ValueError(
            f"{name} must be a hebraud.Scales(shear_modulus, threshold, plastic_time), got "
            f"{shown(scales)}"
        )
    return scales
