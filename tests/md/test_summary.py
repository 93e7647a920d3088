"""The summary of docs/verdict.md is held against numbers and verdicts of the data."""

import dataclasses

import pytest

from hebraud import Estimate
from validation.claims import summary, verdict
from validation.claims.readings import Prediction, Range
from validation.claims.statements import REJECTED, STATEMENTS, SUPPORTED, UNDECIDED

PAGE = verdict.PAGE.read_text(encoding="utf-8")
# what the page's tables say, at the densities of the smallest and the largest number
NUMBERS = {
    "alpha_flow": (0.3256, 0.3147), "collapse": (0.0599,), "alpha_flow from A": (0.308, 0.1708),
    "on the curve": (-0.046, -0.361), "linear": (1.18, 2.0), "D over rate": (0.9894, 1.0481),
    "Gaussian": (17.3, 48.7), "D over activity": (1.207, 1.306), "D over onsets": (1.187, 1.293),
    "duration": (1.163, 1.025), "size": (5.547, 7.073), "drop": (0.2047, 0.1915),
    "alpha_micro": (0.875, 1.384), "alpha_micro halved": (0.438, 0.692),
    "alpha_micro of density": (0.455,), "alpha_HL": (0.0367, 0.0522),
}  # fmt: skip


def prediction(slow, yield_stress):
    one = Estimate(1.0, 0.1)
    return Prediction(
        "eq. (8)", one, 4.5, Estimate(slow, 0.1), one, Estimate(yield_stress, 0.1), one
    )


@pytest.fixture
def data():
    """The numbers that the page has now."""
    found = {
        name: {at: Estimate(v, 0.01) for at, v in zip(("1.149", "1.322"), values, strict=False)}
        for name, values in NUMBERS.items()
    }
    verdicts = dict.fromkeys((one.name for one in STATEMENTS), REJECTED) | summary.VERDICTS
    verdicts |= dict.fromkeys(("exponent", "size"), UNDECIDED)
    reach = Range("alpha_micro, paper's D", Estimate(0.9, 0.1), (0.22, "a"), (1.5, "b"))
    rows = {"1.149": [prediction(3.2, 0.55), "none: no coupling"], "1.322": [prediction(4.2, 0.8)]}
    return summary.Data(1e-4, 4000, found, verdicts, rows, {"1.149": [reach]})


def test_the_summary_says_what_the_tables_say(data):
    summary.check_summary(PAGE, data)


def test_every_verdict_and_every_number_is_held(data):
    for name, said in summary.VERDICTS.items():
        other = REJECTED if said == SUPPORTED else SUPPORTED
        with pytest.raises(AssertionError):
            summary.check_summary(
                PAGE, dataclasses.replace(data, verdicts={**data.verdicts, name: other})
            )
    for name, numbers in data.found.items():
        moved = {at: Estimate(3.0 * one.value, 0.01) for at, one in numbers.items()}
        with pytest.raises(AssertionError):
            summary.check_summary(
                PAGE, dataclasses.replace(data, found={**data.found, name: moved})
            )
    close = {"1.149": [prediction(1.2, 0.55)]}
    narrow = Range("alpha_micro, paper's D", Estimate(0.9, 0.1), (0.5, "a"), (1.5, "b"))
    for change in (
        {"slowest": 1e-6},
        {"particles": 16000},
        {"predictions": close},
        {"choices": {"1.149": [narrow]}},
    ):
        with pytest.raises(AssertionError):
            summary.check_summary(PAGE, dataclasses.replace(data, **change))


def test_one_number_is_no_span():
    assert summary.span([0.204, 0.196]) == "0.20"
    assert summary.span([123.4, 0.0123]) == "0.012 to 123"
