"""Random models x protocols x starts; the long list is ``validation/claims/reliability.py``."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hebraud as hl
from validation.claims import reliability


@st.composite
def cases(draw):
    """Cases as those of the long list, with runs short enough for every commit."""

    def real(low, high):
        return draw(st.floats(low, high, allow_subnormal=False))

    def sign():
        return draw(st.sampled_from([-1.0, 1.0]))

    kind = draw(st.sampled_from(
        ["startup", "cessation", "step", "oscillation", "creep", "jump", "sequence"]
    ))  # fmt: skip
    size = real(0.0, 0.9) if kind == "creep" else 10.0 ** real(-2.0, 0.3)
    coupling = draw(st.sampled_from(["activity", "drop", "fixed"]))
    most = 0.4 if coupling == "drop" else 1.0  # above 1/2 noise of full drops runs away
    return reliability.Case(
        (coupling, most * 10.0 ** real(-2.0, 0.0)),
        (draw(st.sampled_from(["drop", "residual", "gaussian"])),
         draw(st.one_of(st.just(1.0), st.floats(0.3, 1.0))), real(0.05, 0.4)),
        (draw(st.sampled_from(["one", "redrawn", "quenched"])), real(0.7, 1.4), real(0.05, 0.4)),
        draw(st.sampled_from([0.0, 0.5, 1.0])),
        (kind, sign() * size, 10.0 ** real(-0.5, 0.7)),
        (0.0, real(0.1, 1.0)),
        10.0 ** real(-0.5, 0.3),
        1e-2,
    )  # fmt: skip


random_runs = given(case=cases(), scale=st.sampled_from([None, None, None, 0.01, 7.0]))


@settings(max_examples=40)
@random_runs
def test_nothing_goes_wrong(case, scale):
    assert reliability.problems_of(case, scale) == []


@pytest.mark.slow
@settings(max_examples=200)
@random_runs
def test_nothing_goes_wrong_in_many(case, scale):
    assert reliability.problems_of(case, scale) == []


def test_a_narrow_start_with_far_landings():
    model = hl.Model(1.0, relaxation=hl.GaussianLanding(1.0, 0.375))
    hl.evolve(model, hl.Startup(1.0), hl.gaussian(0.125), 1.0, rtol=1e-2)


def test_creep_over_a_new_grid():
    """Case of the long list: the imposed stress is off by 1e-5 after the move to a new grid."""
    case = reliability.Case(
        ("activity", 0.04842318016578179), ("residual", 0.9595157034152293, 0.38412978077179755),
        ("normal", 1.1205167576006891, 0.27002704558652985), 1.0,
        ("creep", -0.000758024299782778, 0.6548661907410643),
        (0.2686218501434817, 0.765387893823872), 2.9647785863455463, 0.0012000439973297234,
    )  # fmt: skip
    assert reliability.problems_of(case) == []


def test_the_list_is_the_same_every_time():
    assert reliability.numbered(0, 7) == reliability.numbered(0, 7)
    assert reliability.numbered(0, 7) != reliability.numbered(0, 8)
    assert reliability.numbered(0, 7)[1] is None
    assert reliability.numbered(0, 10)[1] is not None


def plain_case():
    return reliability.Case(
        ("activity", 0.3), ("drop", 1.0, 0.1), ("one", 1.0, 0.1), 0.0, ("startup", 0.5, 1.0),
        (0.0, 0.3), 1.0, 1e-2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "damage", "word"),
    [
        ("stress", lambda x: x * np.nan, "finite"),
        ("activity", lambda x: x - 1.0, "negative"),
        ("mass_error", lambda x: x + 1e-9, "mass error"),
        ("time", lambda x: x[::-1], "backwards"),
    ],
)
def test_what_is_wrong_is_seen(monkeypatch, field, damage, word):
    """The checks themselves: damage one column of the first run."""
    whole = reliability.Case.run

    def run(self, scale=1.0, mirrored=False):
        history = whole(self, scale, mirrored)
        if mirrored or scale != 1.0:
            return history
        return dataclasses.replace(history, **{field: damage(getattr(history, field))})

    monkeypatch.setattr(reliability.Case, "run", run)
    assert any(word in problem for problem in reliability.problems_of(plain_case()))


@pytest.mark.parametrize(("mirrored", "word"), [(True, "mirrored"), (False, "scaled")])
def test_what_is_not_covariant_is_seen(monkeypatch, mirrored, word):
    whole = reliability.Case.run

    def run(self, scale=1.0, mirrored=False):
        return whole(self, scale * (1.0 + 0.1 * (mirrored or scale != 1.0)), mirrored)

    monkeypatch.setattr(reliability.Case, "run", run)
    found = reliability.problems_of(plain_case(), None if mirrored else 7.0)
    assert any(problem.startswith(word) for problem in found)


def test_a_run_that_raises_is_a_failure():
    broken = dataclasses.replace(plain_case(), until=math.nan)
    assert "until" in reliability.problems_of(broken)[0]


def test_the_script(capsys):
    assert reliability.main(["--count", "8", "--drift-steps", "0"]) == 0
    assert "0 failed" in capsys.readouterr().out
    assert reliability.main(["--only", "3"]) == 0
