"""Every Python block of the pages runs, and prints what the page says it prints.

A page is one session: its blocks run in order, with the same names, in a directory of their own in
which `data.csv` is a measured flow curve. A ```text block straight after a Python block is what it
prints, numbers to one unit in the last digit shown: a run in time is right to its tolerance, and
may round either way on another machine. A line that is an expression with numbers as its comment
has that value, likewise.
`<!-- not run: reason -->` before a block says that it needs particles, or minutes.
"""

from __future__ import annotations

import ast
import importlib
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import hebraud as hl
import hebraud.inference

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DATA = ROOT / "validation/data/flow_curves/emulsion_paredes2013.csv"
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^>]+) -->\n+)?```python\n(?P<code>.*?)^```$"
    r"(?:\n+```text\n(?P<output>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)

NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


def blocks(page: Path) -> list[re.Match[str]]:
    return list(BLOCK.finditer(page.read_text(encoding="utf-8")))


def last_digit(number: str) -> float:
    """One unit in the last digit of a number as it is printed; 0 for a whole one."""
    mantissa, _, exponent = number.partition("e")
    decimals = len(mantissa.partition(".")[2])
    whole = not decimals and not exponent
    return 0.0 if whole else 1.01 * 10.0 ** (int(exponent or 0) - decimals)


def assert_same(printed: str, said: str) -> None:
    """Equal but for the last digits of numbers, which may differ by one, and widths of padding."""
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", said).split(), printed
    for found, text in zip(NUMBER.findall(printed), NUMBER.findall(said), strict=True):
        assert abs(float(found) - float(text)) <= last_digit(text), (found, text)


def run_block(code: str, names: dict[str, object], where: str) -> None:
    """Execute the statements one by one, and hold values against numbers in comments."""
    lines = code.splitlines()
    for node in ast.parse(code).body:
        if not isinstance(node, ast.Expr):
            exec(compile(ast.Module([node], []), where, "exec", dont_inherit=True), names)
            continue
        value = eval(compile(ast.Expression(node.value), where, "eval", dont_inherit=True), names)
        comment = lines[node.end_lineno - 1].partition("#")[2].strip()
        if re.fullmatch(r"[-+\d.e]+(, [-+\d.e]+)*", comment):
            said = comment.split(", ")
            for text, found in zip(said, np.atleast_1d(value), strict=True):
                assert abs(float(found) - float(text)) <= last_digit(text), lines[node.lineno - 1]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.stem)
def test_blocks_run_and_print_what_the_page_says(page, tmp_path, monkeypatch, capsys):
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    shutil.copy(DATA, "data.csv")
    names: dict[str, object] = {"__name__": "page"}
    for number, block in enumerate(blocks(page), start=1):
        if block["why"]:
            continue
        run_block(block["code"], names, f"{page.name}, block {number}")
        printed = capsys.readouterr().out
        if block["output"] is not None:
            assert_same(printed, block["output"])


def test_no_block_escapes():
    """Every ```python is one that the pattern finds, and every mark stands before one."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found = blocks(page)
        assert len(found) == len(re.findall(r"^\s*```\s*py", text, re.MULTILINE)), page.name
        assert sum(bool(b["why"]) for b in found) == text.count("<!-- not run"), page.name


def test_few_blocks_are_not_run():
    """At most one in four, in all pages together; the reasons name what is missing."""
    every = [block for page in PAGES for block in blocks(page)]
    reasons = [block["why"] for block in every if block["why"]]
    assert len(reasons) <= len(every) // 4, reasons
    assert all(len(reason) > 10 for reason in reasons)


def test_the_contents_name_every_page():
    contents = (ROOT / "docs/index.md").read_text(encoding="utf-8").splitlines()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.stem == "index" or page.stem in contents, page.name


@pytest.mark.parametrize("room", [hl, hebraud.inference, hl.md], ids=lambda room: room.__name__)
def test_the_reference_holds_every_public_name(room):
    """What can be called or made has an entry; submodules and data are named."""
    reference = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for name in room.__all__:
        thing = getattr(room, name)
        entry = rf":: (hebraud|{room.__name__})\.{name}\n" if callable(thing) else rf"`{name}[`(]"
        assert re.search(entry, reference), name


def test_what_the_pages_name_is_there():
    """Files, tests, and dotted names of the package; a page that outlives them is stale."""
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(
            r"\b(?:validation|tests|docs|src)/[\w./-]*\w\.(?:py|md|json|csv)", text
        ):
            assert (ROOT / path).exists(), (page.name, path)
        for module in re.findall(r"python -m ((?:validation|benchmarks)[\w.]+\w)", text):
            assert (ROOT / f"{module.replace('.', '/')}.py").exists(), (page.name, module)
        for name in re.findall(r"`(test_\w+)`", text):
            assert f"def {name}(" in tests, (page.name, name)
        for name in re.findall(r"`(hebraud(?:\.\w+)+)[`(]", text):
            thing: object = hl
            for part in name.split(".")[1:]:
                if not hasattr(thing, part):
                    importlib.import_module(f"{thing.__name__}.{part}")
                thing = getattr(thing, part)


def test_every_file_that_the_architecture_names_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", text))
    assert len(named) > 30
    missing = [n for n in named if not any((r / n).exists() for r in (ROOT, ROOT / "src/hebraud"))]
    assert missing == []
