"""Protocols as constructors of segments."""

from __future__ import annotations

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest

import hebraud as hl
from hebraud.errors import shown
from hebraud.model.protocols import Imposed, Segment, fastest, segments_of
from names import without_address


def test_constant_rates():
    (segment,) = hl.Startup(-0.2).segments(3.0)
    assert (segment.duration, segment.stress, segment.strain_step) == (3.0, None, 0.0)
    assert segment.shear_rate(0.0) == segment.shear_rate(2.9) == -0.2
    (segment,) = hl.Cessation().segments(2.0)
    assert segment.shear_rate(1.0) == 0.0
    assert segment.strain_step == 0.0


def test_strain_step_shifts_once_and_then_rests():
    (segment,) = hl.StrainStep(0.7).segments(2.0)
    assert segment.strain_step == 0.7
    assert segment.shear_rate(1.0) == 0.0


def test_oscillation_is_the_rate_of_its_strain():
    protocol = hl.Oscillation(0.3, 2.0)
    (segment,) = protocol.segments(5.0)
    for t in (0.0, 0.4, 3.1):  # the central difference is right to h^2 omega^3/6 = 1e-10
        h = 1e-5
        strain = [0.3 * math.sin(2.0 * x) for x in (t - h, t + h)]
        assert segment.shear_rate(t) == pytest.approx((strain[1] - strain[0]) / (2 * h), abs=1e-9)


def test_breakpoints_within_the_run_only():
    protocol = hl.ShearRate(lambda t: t, breakpoints=[1.0, 2.0, 3.0])
    assert protocol.breakpoints == (1.0, 2.0, 3.0)
    assert protocol.segments(2.0)[0].breakpoints == (1.0,)  # an end is not a breakpoint
    assert protocol.segments(2.5)[0].breakpoints == (1.0, 2.0)
    assert protocol.segments(9.0)[0].shear_rate(0.5) == 0.5


def test_creep_imposes_stress_and_no_rate():
    assert hl.Creep(0.3).segments(4.0) == (Segment(4.0, None, stress=0.3),)


def test_sequence_is_its_parts_in_order():
    parts = [(hl.Startup(0.1), 2.0), (hl.Creep(0.2), 3.0), (hl.StrainStep(0.5), 4.0)]
    whole = hl.Sequence(parts).segments(None)
    assert whole == tuple(s for protocol, length in parts for s in protocol.segments(length))
    nested = hl.Sequence([(hl.Startup(0.1), 2.0), (hl.Creep(0.2), 3.0)])
    assert [s.duration for s in nested.segments(None)] == [2.0, 3.0]


def test_a_sequence_may_come_from_an_iterator_and_be_used_twice():
    sequence = hl.Sequence((hl.Startup(rate), 1.0) for rate in (0.1, 0.2))
    assert len(sequence.segments(None)) == len(sequence.segments(None)) == 2


@pytest.mark.parametrize(
    "protocol",
    [hl.Startup(1.0), hl.Cessation(), hl.StrainStep(1.0), hl.Oscillation(1.0, 1.0), hl.Creep(0.1),
     hl.ShearRate(math.cos), hl.Sequence([(hl.Cessation(), 1.0)])],
)  # fmt: skip
def test_every_protocol_is_one(protocol):
    assert isinstance(protocol, Imposed)


@pytest.mark.parametrize(
    "protocol",
    [hl.Startup(1.0), hl.Cessation(), hl.StrainStep(1.0), hl.Oscillation(1.0, 1.0), hl.Creep(0.1),
     hl.ShearRate(math.cos)],
)  # fmt: skip
@pytest.mark.parametrize("until", [None, 0.0, -1.0, math.inf, math.nan, "long"])
def test_until(protocol, until):
    with pytest.raises(ValueError, match="until"):
        protocol.segments(until)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: hl.Startup(math.nan), "rate"),
        (lambda: hl.Startup("fast"), "rate"),
        (lambda: hl.StrainStep(math.inf), "amplitude"),
        (lambda: hl.Oscillation(math.nan, 1.0), "amplitude"),
        (lambda: hl.Oscillation(1.0, 0.0), "angular_frequency"),
        (lambda: hl.Oscillation(1.0, -1.0), "angular_frequency"),
        (lambda: hl.ShearRate(0.1), "rate"),
        (lambda: hl.ShearRate(math.cos, [2.0, 1.0]), "breakpoints"),
        (lambda: hl.ShearRate(math.cos, [1.0, 1.0]), "breakpoints"),
        (lambda: hl.ShearRate(math.cos, [0.0]), "breakpoints"),
        (lambda: hl.Creep(None), "stress"),
        (lambda: hl.ShearRate(math.cos, 1.0), "breakpoints must be a row of times"),
        (lambda: hl.ShearRate(math.cos, None), "breakpoints"),
        (lambda: hl.ShearRate(math.cos, {1.0, 2.0}), "breakpoints"),
        (lambda: hl.ShearRate(math.cos, [True]), "breakpoints"),
        (lambda: hl.Sequence(None), "parts must be pairs"),
        (lambda: hl.Sequence("ab"), "parts must be pairs"),
        (lambda: hl.Sequence([]), "parts"),
        (lambda: hl.Sequence([hl.Startup(0.1)]), "parts"),
        (lambda: hl.Sequence([(0.1, 1.0)]), "parts"),
        (lambda: hl.Sequence([(hl.Startup(0.1), 0.0)]), "duration"),
        (lambda: hl.Sequence([(hl.Startup(0.1), 1.0)]).segments(2.0), "until"),
    ],
)
def test_bad_arguments_are_named(make, name):
    with pytest.raises(ValueError, match=name):
        make()


def test_a_sequence_within_a_sequence_is_its_parts():
    inner = hl.Sequence([(hl.Startup(0.1), 1.0), (hl.Cessation(), 2.0)])
    outer = hl.Sequence([inner, (hl.Creep(0.3), 3.0), hl.Sequence([inner])])
    assert outer.parts == (*inner.parts, (hl.Creep(0.3), 3.0), *inner.parts)
    with pytest.raises(ValueError, match="a Sequence alone and not in a pair"):
        hl.Sequence([(inner, 3.0)])


RATES = [
    *(0.5, 1, np.float32(0.5), np.array(0.5), np.int64(1), Fraction(1, 2), np.longdouble(0.5)),
]
NO_RATES = [
    *(math.nan, math.inf, -math.inf, None, 1j, "0.1", True, np.array([0.1]), [0.1], np.ma.masked),
    *(10**400, object(), np.complex64(1), np.datetime64("2020"), float),
]


@pytest.mark.parametrize("value", RATES, ids=repr)
def test_a_rate_may_be_any_real_number(value):
    rate = hl.ShearRate(lambda t: value).segments(1.0)[0].shear_rate(0.3)
    assert type(rate) is float
    assert rate == float(value)


@pytest.mark.parametrize("value", NO_RATES, ids=without_address(shown))
def test_what_a_rate_must_not_be_is_told_with_its_time(value):
    rate = hl.ShearRate(lambda t: value if t > 3.0 else 0.1).segments(5.0)[0].shear_rate
    assert rate(3.0) == 0.1
    with pytest.raises(ValueError, match=r"^shear rate must be a finite number, .* at t = 3\.2"):
        rate(3.2)


class OwnError(Exception):
    pass


def own_failure(t):
    raise OwnError(t)


@pytest.mark.parametrize("solve", [hl.evolve, hl.simulate_blocks])
def test_solvers_hear_of_a_bad_rate(solve):
    """At t > 0.5, and in the second part of a sequence, in its own time."""
    options = {"rtol": 1e-2} if solve is hl.evolve else {"blocks": 100, "step": 0.1}
    for value in (math.nan, None, 1j, "x", np.array([1.0, 2.0])):
        wild = hl.ShearRate(lambda t, value=value: 0.1 if t < 0.5 else value)
        with pytest.raises(ValueError, match=r"shear rate must be .* at t = 0\.[5-9]"):
            solve(hl.Model(0.3), wild, hl.gaussian(0.3), 1.0, **options)
        later = hl.Sequence([(hl.Startup(0.1), 2.0), (wild, 1.0)])
        with pytest.raises(ValueError, match=r"shear rate must be .* at t = 0\.[5-9]"):
            solve(hl.Model(0.3), later, hl.gaussian(0.3), **options)
    with pytest.raises(OwnError):
        solve(hl.Model(0.3), hl.ShearRate(own_failure), hl.gaussian(0.3), 1.0, **options)


class OwnProtocol:
    """A protocol of a user's own."""

    def __init__(self, *segments):
        self.made = segments

    def segments(self, duration):
        return self.made


@pytest.mark.parametrize("solve", [hl.evolve, hl.simulate_blocks])
def test_a_protocol_of_ones_own_is_checked(solve):
    for wrong in ((), (1.0,), [Segment(1.0, stress=0.1)]):
        own = OwnProtocol(*wrong)
        own.made = wrong
        with pytest.raises(ValueError, match="tuple of at least one Segment"):
            solve(hl.Model(0.3), own, hl.gaussian(0.3), 1.0)
    bad = OwnProtocol(Segment(1.0, lambda t: math.nan))
    with pytest.raises(ValueError, match=r"shear rate must be .*nan at t = 0|at t = \d"):
        solve(hl.Model(0.3), bad, hl.gaussian(0.3), 1.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"duration": 0.0, "stress": 0.1}, {"duration": math.nan, "stress": 0.1}, {"duration": 1.0},
        {"duration": 1.0, "stress": 0.1, "shear_rate": math.cos},
        {"duration": 1.0, "shear_rate": 0.1}, {"duration": 1.0, "stress": "x"},
        {"duration": 1.0, "stress": 0.1, "strain_step": math.inf},
        {"duration": 1.0, "shear_rate": math.cos, "breakpoints": (0.5, 1.0)},
        {"duration": 1.0, "shear_rate": math.cos, "breakpoints": (0.5, 0.2)},
    ],
)  # fmt: skip
def test_segments_that_are_none_are_refused(arguments):
    with pytest.raises(ValueError, match=r"must|either"):
        Segment(**arguments)


def test_guessed_keywords_are_answered():
    for make, says in (
        (lambda: hl.Oscillation(1.0, omega=1.0), "angular_frequency, in 1/tau"),
        (lambda: hl.Oscillation(1.0, frequency=1.0), "2 pi times"),
        (lambda: hl.Startup(shear_rate=1.0), "give rate"),
        (lambda: hl.Scales(G0=1.0, sigma_c=1.0, tau=1.0), "shear_modulus|threshold|plastic_time"),
    ):
        with pytest.raises(TypeError, match=says):
            make()
    assert str(inspect.signature(hl.Oscillation)).startswith("(amplitude: 'float', angular")


def test_a_class_in_the_place_of_a_protocol_is_refused():
    with pytest.raises(ValueError, match="parts"):
        hl.Sequence([(hl.Cessation, 1.0)])


def test_the_fastest_shear_rate_is_told_where_it_is_known():
    def of(protocol, until=4.0):
        return fastest(segments_of(protocol, until))

    assert of(hl.Startup(-0.3)) == 0.3
    assert of(hl.Cessation()) == 0.0
    assert of(hl.Sequence([(hl.Startup(0.1), 1.0), (hl.Startup(-2.0), 1.0)]), None) == 2.0
    for unknown in (hl.Creep(0.3), hl.StrainStep(0.3), hl.ShearRate(lambda t: 0.1)):
        assert of(unknown) == np.inf
        assert of(hl.Sequence([(hl.Startup(0.1), 1.0), (unknown, 1.0)]), None) == np.inf
