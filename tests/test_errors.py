"""Exceptions, and the checks of numbers and arrays that raise them."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import pickle
import pkgutil
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import hebraud
import hebraud as hl
from hebraud.checks import as_floats, check_array, check_row
from hebraud.errors import (
    ConvergenceError,
    HebraudError,
    MissingDependency,
    NoStationaryState,
    check_number,
    check_whole_number,
    shown,
)
from names import without_address

MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
NOT_NUMBERS = [
    *(np.nan, np.inf, -np.inf, "1", None, True, 1j, [1.0, 2.0], b"1", bytearray(b"1"), {}, set()),
    *(np.True_, np.complex64(1), np.str_("1"), np.array("0.3"), np.array(True), np.array([1.0])),
    *(np.ma.masked, np.ma.array(1.0, mask=True), np.datetime64("2020"), np.timedelta64(1, "s")),
    *(
        10**400,
        -(10**5000),
        Decimal("nan"),
        Decimal("sNaN"),
        Decimal("1e999"),
        float,
        object(),
        pd.NA,
    ),
    *(pd.Timestamp("2020"), np.array(None), np.array(1j)),
]


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=without_address(shown))
def test_what_is_not_a_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="alpha must be a finite number"):
        check_number("alpha", value)


def test_message_names_argument_value_and_bounds():
    with pytest.raises(ValueError, match=r"f must be a finite number > 0 and <= 1, got 1\.5; try"):
        check_number("f", 1.5, above=0.0, at_most=1.0, hint="try 1")
    with pytest.raises(ValueError, match=r"f must be a finite number >= 0 and < 1, got 1"):
        check_number("f", 1, at_least=0.0, below=1.0)


def test_numbers_of_other_kinds_are_taken():
    for value in (
        *(1, np.float32(1.0), np.array(1.0), np.int64(1), Fraction(1), Decimal(1)),
        *(np.ma.array(1.0), np.array(Fraction(1)), np.longdouble(1), xr.DataArray(1.0)),
    ):
        assert check_number("x", value) == 1.0
        assert type(check_number("x", value)) is float


@pytest.mark.parametrize("value", [1.5, -1, np.nan, "3"])
def test_whole_numbers(value):
    with pytest.raises(ValueError, match="cells must be"):
        check_whole_number("cells", value)
    assert check_whole_number("cells", 3.0) == 3


def test_whole_numbers_keep_digits_that_floats_have_not():
    for value in (2**53 + 1, np.uint64(2**63 + 1), np.array(2**60 + 1)):
        assert check_whole_number("seed", value) == int(value)
    with pytest.raises(ValueError, match=r"cells must be a finite number >= 0 and <= 10, got 11"):
        check_whole_number("cells", 11, at_most=10)
    with pytest.raises(ValueError, match=r"cells must be a whole number >= 0 and <= 10, got 1\.5"):
        check_whole_number("cells", 1.5, at_most=10)


class _Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_message_quotes_any_value_in_one_line():
    assert shown(_Unprintable()) == "an object of class _Unprintable"
    assert "\n" not in shown(np.zeros((3, 3)))
    assert len(shown("x" * 10_000)) == 200
    with pytest.raises(ValueError, match="got an object of class int"):
        check_number("x", 10**5000)


NO_ARRAYS = [
    *([value] for value in NOT_NUMBERS if np.ndim(value) == 0 and not isinstance(value, float)),
    *(MASKED, [MASKED], [1.0, np.ma.masked], [1.0, True], np.array([True]), "12", b"12", None),
    *(np.array(["1"]), np.array([b"1"]), np.array([1j]), np.array(["2020"], "M8[D]")),
    *(np.array([1], "m8[s]"), np.array([1.0, None]), np.array([(1, 2.0)], "i8,f8")),
    *([[1.0, 2.0], [3.0]], {1.0, 2.0}, {1.0: 2.0}, object(), float, [[[], [1]]]),
    *(pd.Series([True]), pd.Series(["1"]), pd.Series([1.0, pd.NA], dtype=object)),
    *(pd.Series(pd.to_datetime(["2020"])), xr.DataArray([1j]), np.array([10**400, 1])),
]


@pytest.mark.parametrize("values", NO_ARRAYS, ids=without_address(shown))
def test_what_is_no_array_of_real_numbers_is_refused(values):
    for check in (as_floats, check_array, check_row):
        with pytest.raises(ValueError, match=r"^rates(\[1\]|\[0\])? must "):
            check("rates", values)


def test_masked_entries_are_told_from_none():
    with pytest.raises(ValueError, match=r"no masked entries, got 1 of 2: .*compressed.*filled"):
        check_array("rates", MASKED)
    with pytest.raises(ValueError, match=r"rates\[1\] = "):  # the mask of pandas
        check_array("rates", pd.Series([1.0, pd.NA], dtype="Float64"))
    assert check_array("rates", np.ma.array([1.0, 2.0])).tolist() == [1.0, 2.0]


ARRAYS = [
    *([1, 2.0], (1, 2), range(1, 3), iter([1, 2]), np.array([1, 2]), np.array([1, 2], "u1")),
    *(np.ma.array([1.0, 2.0]), [Fraction(1), Decimal(2)], [np.float32(1), np.array(2)]),
    *(pd.Series([1.0, 2.0], index=["a", "b"]), pd.Series([1, 2], dtype="Int64"), {1: 0, 2: 0}.keys),
    *(xr.DataArray([1.0, 2.0]), np.array([1.0, 2.0], "f2"), np.array([1, Fraction(2)])),
]


@pytest.mark.parametrize("values", ARRAYS, ids=without_address(shown))
def test_arrays_of_other_kinds_are_taken(values):
    given = list(values()) if callable(values) else values
    array = check_row("rates", given)
    assert array.tolist() == [1.0, 2.0]
    assert array.dtype == np.float64
    assert array is not values


def test_shapes_are_kept_and_the_first_bad_number_is_named():
    assert check_array("u", 1).shape == ()
    assert check_array("u", [[1], [2]]).shape == (2, 1)
    assert check_array("u", []).shape == (0,)
    assert np.isnan(as_floats("u", [1.0, np.nan])[1])
    for value, says in (
        (-1.0, r"^u must be a finite number > 0, got -1\.0; x"),
        ([1, -1], r"^u must be a finite number > 0, got u\[1\] = -1\.0; x"),
        ([[1, np.nan]], r"^u must be a finite number > 0, got u\[0, 1\] = nan"),
        (np.longdouble("1e4000"), r"^u must be a finite number > 0, got inf"),
    ):
        with pytest.raises(ValueError, match=says):
            check_array("u", value, above=0.0, hint="x")
    with pytest.raises(ValueError, match=r"^u must be a finite number, got u\[0\] = '1'"):
        check_array("u", iter("12"))
    for value in (1.0, [], [[1.0]], [1.0, 2.0]):
        with pytest.raises(ValueError, match=r"^u must be one row of 3 numbers.*got"):
            check_row("u", value, length=3)


def test_one_base_and_the_builtin_that_users_expect():
    for error, builtin in (
        (NoStationaryState, ValueError),
        (ConvergenceError, RuntimeError),
        (MissingDependency, ImportError),
    ):
        assert issubclass(error, HebraudError)
        assert issubclass(error, builtin)


def _subclasses(kind):
    return {kind}.union(*map(_subclasses, kind.__subclasses__()))


def _every_error():
    """Every exception of the house, once all of its modules are there."""
    for module in pkgutil.walk_packages(hebraud.__path__, "hebraud."):
        if module.name != "hebraud.__main__":
            importlib.import_module(module.name)
    house = [kind for kind in _subclasses(HebraudError) if kind.__module__.startswith("hebraud.")]
    return sorted(house, key=lambda kind: kind.__name__)


def test_every_error_pickles_and_copies():
    kinds = _every_error()
    names = {kind.__name__ for kind in kinds}
    assert names >= {"EvolutionFailed", "UnreadableFile", "UnstableRun", "MissingDependency"}
    for kind in kinds:
        extra = {"time": 3.0, "state": MASKED.data} if kind is hl.EvolutionFailed else {}
        error = kind("what went wrong", *extra.values())
        error.add_note("where")
        copies = [pickle.loads(pickle.dumps(error, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)]
        for again in (*copies, copy.copy(error), copy.deepcopy(error)):
            assert type(again) is kind
            assert again.args == error.args == ("what went wrong",)
            assert str(again) == "what went wrong"
            assert again.__notes__ == ["where"]
            for name, value in extra.items():
                assert np.array_equal(getattr(again, name), value)


class TwoNumbers(HebraudError, OSError):
    """An error of somebody's own, with a constructor of its own."""

    def __init__(self, one, *, other):
        super().__init__(f"{one} and {other}")
        self.both = one, other


def test_an_error_with_any_constructor_pickles():
    again = pickle.loads(pickle.dumps(TwoNumbers(1, other=2)))
    assert (str(again), again.both) == ("1 and 2", (1, 2))


def failing_run(rtol):
    """A run that stops where the rate has no bound; called in a process of its own."""

    def wild(t):
        return abs(1.0 - t) ** -1.5 if t != 1.0 else 1e9

    return hl.evolve(hl.Model(0.3), hl.ShearRate(wild), hl.gaussian(0.3), 2.0, rtol=rtol)


def test_a_failed_run_comes_back_from_a_pool():
    """With its time and its state; a pool waits for ever for what cannot be unpickled."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer = pool.map_async(failing_run, [1e-2])
        with pytest.raises(hl.EvolutionFailed, match="loosen rtol") as caught:
            answer.get(timeout=300)
    assert 0.5 < caught.value.time <= 1.0
    again = hl.evolve(hl.Model(0.3), hl.Startup(0.1), caught.value.state, 1.0, rtol=1e-2)
    assert np.all(np.isfinite(again.stress))
