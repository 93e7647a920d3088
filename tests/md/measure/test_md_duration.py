"""How long events last: decays that are known, and what the window makes of a jump."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handmade import crystal, record_of
from hebraud.errors import ConvergenceError
from hebraud.md.measure.duration import (
    apparent_event_duration,
    decay_time,
    event_duration,
    late_decay_time,
    late_event_duration,
    plastic_correlation,
    seen_event,
    windowed_decay_time,
)


@given(tau=st.floats(0.3, 8.0), spacing=st.floats(0.05, 1.0))
@settings(max_examples=40, deadline=None)
def test_an_exponential_gives_its_time(tau, spacing):
    time = np.arange(round(20.0 / spacing) + 1) * spacing
    assert decay_time(time, np.exp(-time / tau)) == pytest.approx(tau, rel=1e-5)


@given(tau=st.floats(0.5, 4.0), amplitude=st.floats(0.05, 1.0), plateau=st.floats(0.0, 0.3))
@settings(max_examples=40, deadline=None)
def test_the_late_part_knows_neither_amplitude_nor_plateau_nor_the_start(tau, amplitude, plateau):
    time = np.arange(0.0, 20.0, 0.25)
    curve = plateau + amplitude * np.exp(-time / tau)
    curve[time < 4.0] = 1.0 - time[time < 4.0] / 8.0
    assert late_decay_time(time, curve, 4.0) == pytest.approx(tau, rel=1e-4)


def jump(lag, spacing, longest=20.0):
    """The decay time of C_p of sudden jumps: two windows share one as long as they overlap."""
    time = np.arange(round(longest / spacing) + 1) * spacing
    return decay_time(time, np.maximum(0.0, 1.0 - time / lag))


def test_a_jump_seen_through_a_window():
    """Least squares of exp(-t/tau) through 1 - t/lag: stationarity of the integral gives 0.534."""
    x = np.linspace(0.0, 12.0, 1_200_001)
    triangle = np.maximum(0.0, 1.0 - x)

    def slope(tau):
        return np.trapezoid((triangle - np.exp(-x / tau)) * x * np.exp(-x / tau), x)

    low, high = 0.3, 0.9
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    assert low == pytest.approx(0.534, abs=5e-4)
    for spacing, accuracy in ((0.004, 1e-4), (1.0, 0.02)):
        assert jump(4.0, spacing) / 4.0 == pytest.approx(low, rel=accuracy)
    # frames no finer than the lag: windows do not overlap, nothing is to be fitted
    with pytest.raises(ConvergenceError, match="finer frames"):
        jump(1.0, 1.0)


def test_jumps_have_the_duration_of_the_window():
    records = [
        record_of(crystal([(30, i)], frames=81)) for i in (5, 105, 205, 305, 355, 405, 505, 605)
    ]
    time, correlation, plateau = plastic_correlation(records[0])
    np.testing.assert_allclose(correlation, np.maximum(0.0, 1.0 - time / 4.0), atol=1e-12)
    assert 0.0 < plateau < 0.01
    found = apparent_event_duration(records, replicates=100)
    assert found.value == pytest.approx(jump(4.0, 0.5, 10.0), rel=1e-6)
    assert found.stderr < 1e-6
    with pytest.raises(ConvergenceError, match="finer frames or for longer"):
        event_duration(records, replicates=100)  # no duration but the window's
    with pytest.raises(ConvergenceError, match="finer frames or for longer"):
        late_event_duration(records, replicates=100)  # nothing is left once the windows are apart


def test_an_event_that_dies_out_keeps_its_time_behind_the_window():
    """Displacement d (1 - exp(-t/T)): windows that begin late hold exp(-t/T), D2min its square."""
    frames = crystal([], frames=121, spacing=0.25)
    lasting = 3.0
    since = np.maximum(0.0, frames.time - 4.0)
    frames.position[:, 340] += np.outer(1.0 - np.exp(-since / lasting), [0.7, 0.4])
    records = [record_of(frames)] * 8
    # D2min(t0) D2min(t0 + t) for t0 and t0 + t after the start falls as exp(-2 t/T) exactly; the
    # windows that see the start spoil it by little
    late = late_event_duration(records, replicates=100)
    assert late.value == pytest.approx(lasting / 2.0, rel=0.1)
    # pairs begin only at windows above the threshold, a sixth of the largest: 13 % too low
    assert event_duration(records, replicates=100).value == pytest.approx(lasting / 2.0, rel=0.15)


@given(tau=st.floats(0.05, 6.0), lag=st.floats(0.5, 6.0))
@settings(max_examples=10, deadline=None)
def test_an_event_in_a_window_is_the_integral_that_it_says(tau, lag):
    start = np.linspace(-lag, 60.0 * tau, 100_001)
    step = start[1] - start[0]
    moved = np.where(
        start < 0.0,
        1.0 - np.exp(-(start + lag) / (2.0 * tau)),
        np.exp(-start / (2.0 * tau)) * (1.0 - np.exp(-lag / (2.0 * tau))),
    )
    square = moved**2
    apart = np.unique(np.round(np.array([0.0, 0.3, 0.9, 1.0, 1.7, 3.0]) * lag / step).astype(int))
    apart = apart[apart < len(start) // 2]
    sums = [np.trapezoid(square[: len(square) - k] * square[k:], dx=step) for k in apart]
    # the trapezoid rule over the kink at 0
    np.testing.assert_allclose(
        seen_event(apart * step, tau, lag), np.array(sums) / sums[0], rtol=0, atol=1e-5
    )


@given(tau=st.floats(0.2, 6.0), lag=st.floats(1.0, 6.0), plateau=st.floats(0.0, 0.6))
@settings(max_examples=15, deadline=None)
def test_the_window_and_the_plateau_are_taken_into_account(tau, lag, plateau):
    time = np.arange(0.0, 20.5, 0.5)
    curve = plateau + (1.0 - plateau) * seen_event(time, tau, lag)
    assert windowed_decay_time(time, curve, lag, plateau) == pytest.approx(tau, rel=1e-4)


def test_limits_of_an_event_in_a_window():
    time = np.array([0.0, 1.0, 3.0, 4.0, 9.0])
    jump = np.maximum(0.0, 1.0 - time / 4.0)
    np.testing.assert_allclose(seen_event(time, 1e-4, 4.0), jump, rtol=0, atol=1e-3)
    np.testing.assert_allclose(seen_event(time, 2.0, 1e-3), np.exp(-time / 2.0), rtol=1e-3)


def test_nothing_active_is_said():
    with pytest.raises(ConvergenceError, match="no particle was active in 53 windows"):
        plastic_correlation(record_of(crystal([])))
    with pytest.raises(ValueError, match="n >= 5"):
        late_decay_time([0.0, 1.0, 2.0], [1.0, 0.5, 0.2], 1.0)
