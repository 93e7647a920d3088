from __future__ import annotations

import numpy as np
import pytest

from hebraud.errors import (
    ConvergenceError,
    HebraudError,
    MissingDependency,
    NoStationaryState,
    check_number,
    check_whole_number,
)

NOT_NUMBERS = [np.nan, np.inf, -np.inf, "1", None, True, 1j, [1.0, 2.0], b"1"]


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_what_is_not_a_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="alpha must be a finite number"):
        check_number("alpha", value)


def test_message_names_argument_value_and_bounds():
    with pytest.raises(ValueError, match=r"f must be a finite number > 0 and <= 1, got 1\.5; try"):
        check_number("f", 1.5, above=0.0, at_most=1.0, hint="try 1")
    with pytest.raises(ValueError, match=r"f must be a finite number >= 0 and < 1, got 1"):
        check_number("f", 1, at_least=0.0, below=1.0)


def test_numbers_of_other_kinds_are_taken():
    for value in (1, np.float32(1.0), np.array(1.0), np.int64(1)):
        assert check_number("x", value) == 1.0
        assert type(check_number("x", value)) is float


@pytest.mark.parametrize("value", [1.5, -1, np.nan, "3"])
def test_whole_numbers(value):
    with pytest.raises(ValueError, match="cells must be"):
        check_whole_number("cells", value)
    assert check_whole_number("cells", 3.0) == 3


def test_one_base_and_the_builtin_that_users_expect():
    for error, builtin in (
        (NoStationaryState, ValueError),
        (ConvergenceError, RuntimeError),
        (MissingDependency, ImportError),
    ):
        assert issubclass(error, HebraudError)
        assert issubclass(error, builtin)
