"""Protocols as constructors of segments."""

from __future__ import annotations

import math

import pytest

import hebraud as hl
from hebraud.model.protocols import Imposed, Segment


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


def test_a_sequence_within_a_sequence_is_refused():
    """Its parts have durations of their own."""
    with pytest.raises(ValueError, match="until"):
        hl.Sequence([(hl.Sequence([(hl.Startup(0.1), 1.0)]), 1.0)]).segments(None)


def test_a_class_in_the_place_of_a_protocol_is_refused():
    with pytest.raises(ValueError, match="parts"):
        hl.Sequence([(hl.Cessation, 1.0)])
