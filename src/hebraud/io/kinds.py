"""Kinds of objects that a file may hold, with their names and members.

A kind lists the members that a file stores and the attribute that each comes from. Members are
data, options and parameters. The layout of solvers and fits is not stored; it is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import NamedTuple

from hebraud.analytic.exact import ExactState
from hebraud.inference.flow_curves import FlowCurveFit
from hebraud.inference.herschel_bulkley import HerschelBulkleyFit
from hebraud.inference.transients import TransientFit
from hebraud.model.coupling import ActivityNoise, DropNoise, FixedNoise, NoiseTerms
from hebraud.model.laws.threshold_law import Conditioned, ThresholdLaw
from hebraud.model.model import Model
from hebraud.model.relaxation import FractionalDrop, GaussianLanding, Landing, ResidualStress
from hebraud.model.scales import Scales
from hebraud.model.starts import Gaussian
from hebraud.model.thresholds import Quenched, Redrawn, Single
from hebraud.model.yielding import PowerRate
from hebraud.rheology.columns import COLUMNS, Column
from hebraud.rheology.estimate import Estimate
from hebraud.rheology.flow_curve import FlowCurve
from hebraud.solvers.chain.distributions import CellStart, ExactStart
from hebraud.solvers.chain.grid import Grid
from hebraud.solvers.history import History
from hebraud.solvers.monte_carlo.sample import Sample
from hebraud.solvers.steady.residence import Reweighted
from hebraud.solvers.steady.state import SteadyState
from hebraud.solvers.steady.steady_state import Exact, FiniteVolume

__all__ = ["KINDS", "KIND_OF", "RESULTS", "Kind"]


class Kind(NamedTuple):
    """Class of objects in files.

    ``members`` maps the name in the file to the attribute, ``make`` takes the names in the file as
    keywords, and ``columns`` describes some of them.
    """

    cls: type
    members: Mapping[str, str]
    make: Callable[..., object]
    columns: Mapping[str, Column]

    def apart(self, value: object) -> dict[str, object]:
        """Return the members of an object."""
        return {name: attrgetter(path)(value) for name, path in self.members.items()}


def _plain(cls: type, columns: Mapping[str, Column] | None = None) -> Kind:
    """Return the kind of a dataclass whose fields are its data."""
    names = [field.name for field in fields(cls) if field.init]
    return Kind(cls, dict(zip(names, names, strict=True)), cls, columns or {})


_FIT = {
    "abscissa": "abscissa", "data": "problem.data", "error": "problem.error",
    "start": "problem.start", "held": "problem.held", "result": "result",
}  # fmt: skip
"""Members of every fit: data, start, held parameters, and the result of lmfit."""
_VALUES = Column("c", "sigma_c", "", "thresholds of the classes")
_WEIGHTS = Column("", "1", "", "probability of drawing each class")
_RESULTS = (
    _plain(FlowCurve, COLUMNS),
    _plain(SteadyState, COLUMNS),
    _plain(History, COLUMNS),
    Kind(FlowCurveFit, {**_FIT, "template": "template"}, FlowCurveFit.of, {}),
    Kind(HerschelBulkleyFit, _FIT, HerschelBulkleyFit.of, {}),
    Kind(
        TransientFit,
        {
            **_FIT,
            "template": "template",
            "measured": "problem.law.experiment.measured",
            "before": "problem.law.before",
            "drive": "problem.law.drive",
        },
        TransientFit.of,
        {},
    ),
)
_PLAIN: tuple[type, ...] = (
    *(Model, ActivityNoise, DropNoise, FixedNoise),
    *(FractionalDrop, ResidualStress, GaussianLanding, Landing),
    *(Single, Redrawn, Quenched, ThresholdLaw, Conditioned, Reweighted, PowerRate),
    *(Scales, Estimate, Exact, FiniteVolume, Gaussian),
)
_PARTS = (
    *map(_plain, _PLAIN),
    Kind(NoiseTerms, {name: name for name in NoiseTerms._fields}, NoiseTerms, {}),
    _plain(
        ExactState,
        {
            **COLUMNS,
            "mixture": Column("", "", "", "rate of landing in 1/tau, threshold, stress of landing"),
        },
    ),
    _plain(ExactStart, {"values": _VALUES, "weights": _WEIGHTS}),
    Kind(
        Grid,
        {"faces": "faces"},
        Grid.from_faces,
        {"faces": Column("s", "sigma_c", "", "faces of the cells of local stress, ascending")},
    ),
    _plain(
        CellStart,
        {
            "masses": Column("", "1", "", "probability in every cell, (classes, cells)"),
            "values": _VALUES,
            "weights": _WEIGHTS,
        },
    ),
    _plain(
        Sample,
        {
            "stress": Column("s", "sigma_c", "", "local stress of every block"),
            "threshold": Column("c", "sigma_c", "", "threshold of every block"),
        },
    ),
)

RESULTS: tuple[type, ...] = tuple(kind.cls for kind in _RESULTS)
"""Classes of the results that a file may hold."""
KINDS = {kind.cls.__name__: kind for kind in (*_RESULTS, *_PARTS)}
"""All kinds by the name that a file has for them."""
KIND_OF = {kind.cls: kind for kind in KINDS.values()}
