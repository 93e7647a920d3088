"""The words of the verdict hold only what the numbers bear out."""

import dataclasses

import pytest

from hebraud import Estimate
from validation.claims import plain_words, verdict
from validation.claims.plain_words import PARAGRAPHS, Said, span
from validation.claims.readings import Prediction, Range

NUMBERS = {
    "alpha_flow": (0.314, 0.326), "alpha_flow of density": (0.034,), "collapse": (0.06,),
    "alpha_flow from A": (0.308, 0.171), "on the curve": (-0.046, -0.361), "linear": (1.18, 2.0),
    "D over rate": (0.989, 1.048), "Gaussian": (17.3, 148.7), "D over activity": (1.21, 1.31),
    "D over onsets": (1.19, 1.29), "duration": (1.16, 1.03), "drop": (0.205, 0.194),
    "alpha_micro": (0.875, 1.384), "alpha_micro halved": (0.438, 0.692),
    "alpha_micro of density": (0.455,), "alpha_HL": (0.0367, 0.0522), "size": (5.55, 7.07),
}
PREDICTED = Prediction(
    "eq. (8)", Estimate(0.9, 0.1), 4.5, Estimate(0.8, 0.1), Estimate(0.2, 0.1), Estimate(0.7, 0.1),
    Estimate(1.2, 0.1),
)


@pytest.fixture
def said():
    """Every premise holds."""
    found = {
        name: {at: Estimate(v, 0.01) for at, v in zip(("1.149", "1.322"), values, strict=False)}
        for name, values in NUMBERS.items()
    }
    verdicts = {name: verdict for premises, _ in PARAGRAPHS for name, verdict in premises.items()}
    reach = Range("alpha_micro, paper's D", Estimate(0.9, 0.1), (0.24, "a"), (1.57, "b"))
    predictions = {"1.149": [PREDICTED, "none: no coupling"]}
    return Said(1e-4, 4000, found, verdicts, predictions, {"1.149": [reach]})


def test_the_numbers_are_in_the_words(said):
    text = plain_words.plain_words(said)
    assert text.count("\n\n") == len(PARAGRAPHS) - 1
    for words in (
        "a coupling of 0.31 to 0.33 (paper: 0.33 ± 0.02)",
        "within 6.0 % at the reduced rate",
        "At 1.149 it does so as the model says, at 1.322 the prefactor is 36 % too low",
        "ask for a coupling of 0.17",
        "over 1.2 to 2.0 decades",
        "(exponent 0.989 to 1.05)",
        "excess kurtosis 17 to 149",
        "as its power 1.2 to 1.3)",
        "release 19 to 20 % of",
        "Other admissible definitions give 0.24 to 1.6, the paper's number among them.",
        "its yield stress is 0.70 of the local one",
        "4.0 times the particles'",
        "The slowest rate is 0.0001, the paper's 1e-06; boxes have 4000 particles",
    ):
        assert words in text, words


def test_a_paragraph_goes_with_its_premises(said):
    for premises, words in PARAGRAPHS:
        for name in premises:
            other = dataclasses.replace(said, verdicts={**said.verdicts, name: "not decided"})
            assert words(said) not in plain_words.plain_words(other), name
    none = dataclasses.replace(said, verdicts={})
    assert plain_words.plain_words(none) == "These data do not yet bear a summary."
    for name, at, value in (
        ("on the curve", "1.149", -0.3),  # no density agrees
        ("on the curve", "1.149", 0.4),  # one deviates the other way
        ("D over onsets", "1.322", 0.8),
    ):
        numbers = {**said.found[name], at: Estimate(value, 0.01)}
        turned = dataclasses.replace(said, found={**said.found, name: numbers})
        text = plain_words.plain_words(turned)
        assert text.count("\n\n") == len(PARAGRAPHS) - (3 if name[0] == "D" else 2), name
    fast = {**said.found["alpha_flow from A"], "1.322": "none: no A"}
    blind = dataclasses.replace(said, found={**said.found, "alpha_flow from A": fast})
    assert "The yield stress is the paper's" not in plain_words.plain_words(blind)
    close = dataclasses.replace(PREDICTED, slow=Estimate(0.25, 0.01))
    near = dataclasses.replace(said, predictions={"1.149": [PREDICTED, close]})
    assert "further off than without" not in plain_words.plain_words(near)


def test_one_number_is_no_span():
    assert span([0.204, 0.196]) == "0.20"
    assert span([123.4, 0.0123]) == "0.012 to 123"


def test_the_page_has_every_paragraph():
    """With the shipped data all premises hold; if they no longer do, the words are to be new."""
    page = verdict.written(verdict.PAGE.read_text(encoding="utf-8"), "plain words")
    assert page.strip().count("\n\n") == len(PARAGRAPHS) - 1
