"""What fits of a model to a flow curve and to a run in time have in common."""

from __future__ import annotations

from dataclasses import dataclass

from hebraud.inference.fit import Fit
from hebraud.inference.reduced import with_coupling
from hebraud.model.model import Model
from hebraud.rheology.estimate import Estimate

__all__ = ["ModelFit"]


@dataclass(frozen=True, eq=False)
class ModelFit(Fit):
    """Parameters of a model: ``template`` says which, with the alpha that the fit began at."""

    template: Model

    @property
    def alpha(self) -> Estimate:
        """The coupling, in the unit of the model's own kind of coupling."""
        return self.estimate("alpha")

    @property
    def threshold(self) -> Estimate:
        """sigma_c, in the unit of the stress."""
        return self.estimate("threshold")

    @property
    def model(self) -> Model:
        """The model with the fitted alpha."""
        return with_coupling(self.template, self.alpha.value)

    def _title(self) -> str:
        shown = with_coupling(self.template, float(f"{self.alpha.value:.6g}"))
        return f"{shown!r}: {super()._title()}"
