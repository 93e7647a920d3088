"""Every public callable with every kind of wrong argument: an answer, or a sentence of ours.

A raw traceback is an error that numpy, scipy or Python raised on our behalf: who gave a wrong
argument cannot read from it which one. So an exception must be one of ours or a ``ValueError`` or a
``TypeError`` whose innermost frame is a ``raise`` in the house; its message is one line.
"""

from __future__ import annotations

import dis
import math
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import hebraud as hl
from hebraud.checks import check_signed, check_size
from hebraud.errors import shown
from hebraud.inference import fit_herschel_bulkley_law
from hebraud.rheology.herschel_bulkley import fit_herschel_bulkley

HOUSE = str(Path(hl.__file__).parent)
NORM = scipy.stats.norm
MASKED = np.ma.array([1.0, 2.0], mask=[False, True])

# wrong where a number, an array or an object of the house is due
KINDS = [
    *(None, object(), "x", b"x", True, math.nan, math.inf, -math.inf, 1j, 10**400, {}, set()),
    *([[]], ["x"], [None], [1j], [True], [math.nan], [10**400], (), lambda: 0.0, np.True_),
    *(np.ma.masked, MASKED, [MASKED], np.datetime64("2020"), np.complex64(1), np.array("0.3")),
    *(np.array([True]), np.array(["2020"], "M8[D]"), np.array(None), np.array([1.0, None])),
    *(hl.Model, hl.Model(0.3), hl.Startup, hl.gaussian, NORM, NORM(1.0, [0.3]), np.random, int),
]  # fmt: skip
# numbers that are allowed in one place and not in another
SIZES = [-1, 0, 1e-300, 1e-150, 1e150, 1e300, 2, 0.5, 10**9, [1.0], [0.0, 1.0], [], [[1.0, 2.0]]]

CLASSICAL = hl.Model(0.3)
VARIANT = hl.Model(0.3, relaxation=hl.FractionalDrop(0.5))
RATE = np.geomspace(0.01, 10.0, 12)
CURVE = hl.flow_curve(CLASSICAL, RATE)
CSV = Path(tempfile.mkdtemp()) / "curve.csv"
CSV.write_text("shear rate,stress\n1,1\n2,2\n")


class Given:
    """A call that works, and what may be changed of it."""

    def __init__(self, name, call, sizes=True, only=None, **arguments):
        self.name, self.call, self.arguments = name, call, arguments
        self.sizes, self.only = sizes, only


def given(call, sizes=True, only=None, **arguments):
    return Given(getattr(call, "__qualname__", repr(call)), call, sizes, only, **arguments)


GOOD = [
    given(hl.Model, coupling=0.3, relaxation=hl.FractionalDrop(1.0), thresholds=1.0,
          yielding=hl.ConstantRate()),
    given(hl.Model, alpha=0.3),
    given(hl.ActivityNoise, alpha=0.3), given(hl.DropNoise, alpha=0.3), given(hl.FixedNoise, D=0.3),
    given(hl.FractionalDrop, fraction=0.3), given(hl.ResidualStress, residual=0.3),
    given(hl.GaussianLanding, drop=0.3, std=0.1), given(hl.PowerRate, eta=0.5),
    given(hl.Landing, points=[0.3, 0.1], weights=[0.5, 0.5], relative=True),
    given(hl.Redrawn, law=[0.5, 1.0]), given(hl.Quenched, law=[0.5, 1.0]),
    given(hl.ThresholdLaw, values=[0.5, 1.0], weights=[0.5, 0.5], density=None, error_estimate=0.0),
    given(hl.ThresholdLaw([0.5, 1.0], [0.5, 0.5]).cdf, threshold=0.3),
    given(hl.ThresholdLaw([0.5, 1.0], [0.5, 0.5]).ppf, quantile=0.3),
    given(hl.ThresholdLaw([0.5, 1.0], [0.5, 0.5]).pdf, threshold=0.3),
    given(hl.Scales, shear_modulus=1.0, threshold=1.0, plastic_time=1.0),
    given(hl.Estimate, value=1.0, stderr=0.1, n=2),
    given(hl.FlowCurve, shear_rate=[1.0, 2.0], stress=[1.0, 2.0], stress_err=[0.1, 0.1],
          activity=[1.0, 1.0], diffusion=[1.0, 1.0], scales=None, model=None),
    given(CURVE.physical, scales=hl.Scales(1.0, 1.0, 1.0)),
    given(CURVE.reduced, scales=hl.Scales(1.0, 1.0, 1.0)),
    given(CURVE.herschel_bulkley, sizes=False, exponent=0.5),
    given(CURVE.herschel_bulkley().stress, shear_rate=0.1),
    given(fit_herschel_bulkley, sizes=False, shear_rate=RATE, stress=CURVE.stress,
          stress_err=CURVE.stress, exponent=0.5),
    given(hl.Startup, rate=0.1), given(hl.Creep, stress=0.1), given(hl.StrainStep, amplitude=0.1),
    given(hl.Oscillation, amplitude=0.1, angular_frequency=1.0),
    given(hl.ShearRate, rate=math.cos, breakpoints=[0.5]),
    given(hl.Sequence, parts=[(hl.Cessation(), 1.0)]),
    Given("Sequence of a pair", lambda one, two: hl.Sequence([(one, two)]), one=hl.Cessation(),
          two=1.0),
    given(hl.Startup(0.1).segments, duration=1.0),
    given(hl.gaussian, std=0.3), given(hl.density, function=NORM(0.0, 0.3).pdf),
    given(hl.rest, model=hl.Model(0.8)),
    given(hl.FiniteVolume, rtol=1e-3, cells=64),
    given(hl.steady_state, model=CLASSICAL, shear_rate=0.1, solver=None),
    given(hl.steady_state, model=VARIANT, shear_rate=0.1, solver=hl.FiniteVolume(cells=64)),
    given(hl.flow_curve, model=CLASSICAL, shear_rate=[0.1], solver=None),
    given(hl.flow_curve, model=VARIANT, shear_rate=[0.1], solver=hl.FiniteVolume(cells=64)),
    given(hl.steady_state(CLASSICAL, 0.1).density, stress=0.1),
    given(hl.evolve, sizes=False, model=CLASSICAL, protocol=hl.Startup(0.1), start=hl.gaussian(0.3),
          until=1e-3, t_eval=[0.0, 1e-3], rtol=1e-1, atol=1e-9),
    given(hl.evolve, only=("until", "t_eval", "rtol", "atol"), model=CLASSICAL,
          protocol=hl.Startup(0.1), start=hl.gaussian(0.3), until=1e-3, t_eval=[0.0, 1e-3],
          rtol=1e-1, atol=1e-9),
    given(hl.simulate_blocks, model=CLASSICAL, protocol=hl.Startup(0.1), start=hl.gaussian(0.3),
          until=0.5, blocks=10, step=0.1, t_eval=[0.0, 0.1], seed=0),
    given(hl.complex_modulus, model=hl.Model(0.8), omega=[1.0], shear_rate=0.0, rtol=1e-2),
    given(hl.relaxation_modulus, model=hl.Model(0.8), t=[1.0], shear_rate=0.0, rtol=1e-2),
    given(hl.viscosity, model=hl.Model(0.8), rtol=1e-2),
    given(hl.snapshot_law, model=hl.Model(0.3, thresholds=hl.Redrawn([0.8, 1.2])), shear_rate=0.1,
          solver=None),
    given(hl.redraw_law, snapshot=[0.8, 1.2], model=CLASSICAL, shear_rate=0.1, solver=None),
    given(hl.critical_coupling, model=CLASSICAL), given(hl.asymptote, model=CLASSICAL),
    given(hl.asymptote_at, model=CLASSICAL, u=1.0), given(hl.critical_asymptote, model=CLASSICAL),
    given(hl.asymptote(CLASSICAL).stress, shear_rate=0.1),
    given(hl.harmonics, time=np.linspace(0.0, 20.0, 201), stress=np.linspace(0.0, 20.0, 201),
          amplitude=1.0, angular_frequency=1.0, number=2, periods=1, origin=0.0),
    given(hl.fit_flow_curve, sizes=False, shear_rate=RATE, stress=CURVE.stress,
          stress_err=CURVE.stress, model=CLASSICAL, alpha=0.3, threshold=1.0),
    given(fit_herschel_bulkley_law, sizes=False, shear_rate=RATE, stress=CURVE.stress,
          stress_err=CURVE.stress, exponent=0.5),
    given(hl.fit_startup, sizes=False, only=("time", "stress", "shear_rate", "stress_err", "start",
          "guess"), time=RATE, stress=RATE, shear_rate=0.1, stress_err=RATE, model=CLASSICAL,
          start=hl.gaussian(0.3), guess=hl.Scales(1.0, 1.0, 1.0)),
    given(hl.fit_creep, sizes=False, only=("time", "strain", "stress", "strain_err", "start",
          "guess"), time=RATE, strain=RATE, stress=0.1, strain_err=RATE, model=CLASSICAL,
          start=hl.gaussian(0.3), guess=hl.Scales(1.0, 1.0, 1.0)),
    given(hl.compare_flow_curves, sizes=False, shear_rate=RATE, stress=CURVE.stress,
          stress_err=CURVE.stress, models={"classical": CLASSICAL}),
    given(hl.sample_posterior, sizes=False, only=("fit",), fit=None, steps=10),
    given(hl.read_flow_curve, path="nowhere.csv"),
    given(hl.read_flow_curve, only=("columns", "where", "exclude"), path=CSV, columns=None,
          where=None, exclude=()),
    given(hl.closed_form.yield_stress, alpha=0.3), given(hl.closed_form.prefactor, u=0.3),
    given(hl.closed_form.alpha, u=1.0), given(hl.closed_form.u_of_alpha, alpha=0.3),
    given(hl.closed_form.alpha_of_yield_stress, yield_stress=0.3),
    given(hl.load, path="nowhere.h5"), given(hl.save, result=None, path="/nowhere/nowhere.h5"),
    given(hl.io.provenance, path="nowhere.h5"),
]  # fmt: skip


def cases():
    for entry in GOOD:
        for argument in entry.arguments:
            if entry.only is None or argument in entry.only:
                yield pytest.param(entry, argument, id=f"{entry.name}-{argument}")


def by_raise(error):
    """True where the innermost frame is a raise statement of the house."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    code = last.tb_frame.f_code
    raised = code.co_code[last.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return raised and code.co_filename.startswith(HOUSE)


def is_sentence(error):
    """True for what the house says of a wrong argument."""
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        return True  # they name the file
    ours = hl.HebraudError, ValueError, TypeError, NotImplementedError
    text = str(error)
    return isinstance(error, ours) and by_raise(error) and bool(text) and "\n" not in text


def is_optional(value):
    """True for what may stand for nothing, and where any number will do, for all numbers."""
    return (
        value is None
        or (isinstance(value, list | tuple) and np.size(value) == 0)
        or (isinstance(value, float) and math.isinf(value))
    )


def has_nan(result):
    """True for an answer with a NaN among its numbers."""
    names = ("stress", "activity", "diffusion", "strain", "storage", "yield_stress", "prefactor")
    parts = [getattr(result, name, None) for name in names]
    numbers = [part for part in (result, *parts) if isinstance(part, float | np.ndarray)]
    return any(np.isnan(part).any() for part in numbers)


@pytest.mark.parametrize(("entry", "argument"), list(cases()))
def test_wrong_arguments_are_answered_in_words(entry, argument):
    failures = []
    good = entry.arguments[argument]
    numeric = isinstance(good, int | float | list | np.ndarray) and not isinstance(good, bool)
    for value in [*KINDS, *(SIZES if entry.sizes else ())]:
        if value is None and argument.endswith("_err"):
            continue  # errors may be unknown: the fit is made
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = entry.call(**(entry.arguments | {argument: value}))
        except Exception as error:
            if not is_sentence(error):
                failures.append(f"{shown(value)}: {type(error).__name__}: {error}")
        else:
            wrong = any(value is kind for kind in KINDS) and not is_optional(value)
            if numeric and wrong:
                failures.append(f"{shown(value)}: was taken, for {shown(result)}")
            if has_nan(result):
                failures.append(f"{shown(value)}: gave NaN, {shown(result)}")
    assert not failures, "\n".join(failures)


EXTREMES = [
    (name, size, make)
    for size in (1e-300, 1e-100, 1e-60, 1e-20, 1e20, 1e60, 1e100, 1e300)
    for name, make in (
        ("coupling", lambda x: hl.Model(x)),
        ("coupling, drop in part", lambda x: hl.Model(x, relaxation=hl.FractionalDrop(0.5))),
        ("threshold", lambda x: hl.Model(0.3, thresholds=x)),
        (
            "threshold, drop in part",
            lambda x: hl.Model(0.3, thresholds=x, relaxation=hl.FractionalDrop(0.5)),
        ),
        ("samples", lambda x: hl.Model(0.3, thresholds=hl.Redrawn([x, 2 * x, 1.0]))),
        ("residual", lambda x: hl.Model(0.3, relaxation=hl.ResidualStress(x))),
        (
            "fixed noise",
            lambda x: hl.Model(hl.FixedNoise(x), relaxation=hl.FractionalDrop(0.5)),
        ),
        ("exponent", lambda x: hl.Model(0.3, yielding=hl.PowerRate(x))),
        ("scatter", lambda x: hl.Model(0.3, relaxation=hl.GaussianLanding(0.5, x))),
    )
]


@pytest.mark.parametrize(("name", "size", "make"), EXTREMES)
def test_extreme_models_are_answered_in_words(name, size, make):
    """Numbers at the ends of what is taken: a state, or why there is none to be had."""
    failures = []
    for verb in (
        lambda model: hl.steady_state(model, 0.1, hl.FiniteVolume(rtol=1e-2)),
        lambda model: hl.steady_state(model, 0.1) if name in ("samples", "residual") else None,
        hl.critical_coupling,
        hl.asymptote,
        lambda model: hl.viscosity(model, 1e-2),
    ):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = verb(make(size))
        except Exception as error:
            if not is_sentence(error):
                failures.append(f"{type(error).__name__}: {error}")
        else:
            if has_nan(result):
                failures.append(f"NaN in {shown(result)}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("size", [1e15, 1e20, 1e60, 1e100])
@pytest.mark.parametrize("protocol", [hl.StrainStep, hl.Creep, hl.Startup])
def test_jumps_that_floats_cannot_hold_are_told(protocol, size):
    """A stress that jumps by so much that cells next to each other end up at one place."""
    said = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = hl.evolve(CLASSICAL, protocol(size), hl.gaussian(0.3), 1e-3 / size, rtol=0.1)
        said = not has_nan(run)
    except Exception as error:
        said = is_sentence(error)
    assert said


def test_sizes_end_where_their_squares_would_overflow():
    assert check_size("x", 1e100) == 1e100
    assert check_size("x", 1e-100) == 1e-100
    assert check_signed("x", -1e100) == -1e100
    beyond = ((check_size, 1.01e100), (check_size, 0.99e-100), (check_signed, -1.01e100))
    for check, value in beyond:
        with pytest.raises(ValueError, match="x must be a finite number"):
            check("x", value)
