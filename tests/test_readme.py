"""What README shows runs, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import hebraud as hl

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_run(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(block, names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("0.2333")
    assert printed[1].startswith("yield stress")
    assert printed[2].startswith("0.2204")
    assert names["run"].stress.max() > 1.2 * names["run"].stress[-1]  # the overshoot
    lines = [line for line in block.splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith("import")]) <= 10


def test_files_and_commands_are_there():
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / link).exists(), link
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z0-9-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_version_is_one():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{hl.__version__}"' in text
    assert f"version: {hl.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
