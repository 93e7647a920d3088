"""Make the pictures of the documentation, and make one again when its script changes.

``python -m validation.gallery`` runs the scripts of all pictures in docs/images that are out of
date and copies what they draw. NAME ... takes these scripts only, ``--all`` all of them.
docs/images/provenance.json says which script made a picture, with which hebraud, and a SHA-256 of
the script, of the project's modules that it imports and of the data that these read.
tests/test_gallery.py holds the pictures against it. A change of imports, comments,
docstrings or layout makes no picture out of date.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import hebraud as hl
from validation import ROOT

IMAGES = ROOT / "docs" / "images"
PROVENANCE = IMAGES / "provenance.json"
SHARED = {"validation/__init__.py", "validation/drawing.py"}  # how to draw, not what
DATA = {
    "validation/particles/campaign.py": "validation/data/campaign",
    "validation/particles/finite_size.py": "validation/data/finite_size",
    "validation/peers/compare.py": "validation/data/peers.csv",
}
ARGUMENTS = {"compare": ("--stored",)}  # the peers have an environment of their own


def scripts() -> list[Path]:
    """Return the scripts that make a figure."""
    examples = sorted((ROOT / "docs" / "examples").glob("*.py"))
    figures = sorted((ROOT / "validation").rglob("*.py"))
    return [*examples, *(p for p in figures if re.search(r"^    +make\(", p.read_text(), re.M))]


def shown() -> set[str]:
    """Return the names of the pictures that pages show."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = "".join(page.read_text(encoding="utf-8") for page in pages)
    return set(re.findall(r"\]\((?:docs/)?images/([^)]+)\.png\)", texts))


def imported(path: Path) -> set[Path]:
    """Return the files of the project, src/ apart, that a script imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{one.name}" for one in node.names)}
    files = {ROOT / f"{name.replace('.', '/')}.py" for name in names}
    return {file for file in files if file.exists()}


def sources(script: Path) -> list[Path]:
    """Return the script, what it imports from the project, and the data that come with that."""
    found, new = set(), {script}
    while new:
        path = new.pop()
        found.add(path)
        new |= {p for p in imported(path) if p.relative_to(ROOT).as_posix() not in SHARED} - found
    for name, folder in DATA.items():
        if ROOT / name in found:
            place = ROOT / folder
            found |= {p for p in (place, *place.rglob("*")) if p.is_file()}
    return sorted(found)


def code(text: str) -> str:
    """Return a module's statements without imports, comments, docstrings and layout.

    Fields that are empty are left out: which there are depends on the version of Python.
    """

    def written(node: Any) -> str:
        if isinstance(node, list):
            kept = [one for one in node if not isinstance(one, ast.Import | ast.ImportFrom)]
            return f"[{','.join(map(written, kept))}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        said = ",".join(f"{name}={written(value)}" for name, value in fields)
        return f"{type(node).__name__}({said})"

    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            del node.body[0]
    return written(tree)


def digest(script: Path) -> str:
    """Return the SHA-256 of all that a picture is made from, hebraud apart."""
    total = hashlib.sha256()
    for path in sources(script):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        content = path.read_bytes()
        if path.suffix == ".py":
            content = code(content.decode()).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def stale(script: Path, known: dict[str, dict[str, str]]) -> bool:
    """Return True if the script, its modules or its data changed since its pictures were made."""
    name = script.relative_to(ROOT).as_posix()
    made = [entry for entry in known.values() if entry["script"] == name]
    return not made or any(entry["sha256"] != digest(script) for entry in made)


def command(script: Path) -> tuple[str, ...]:
    """Return the arguments of Python that run a script: a module of the project, or a file."""
    place = script.relative_to(ROOT)
    if place.parts[0] == "docs":
        return (str(script),)
    return ("-m", ".".join(place.with_suffix("").parts))


def remake(script: Path, known: dict[str, dict[str, str]]) -> list[str]:
    """Run a script, which checks its claims, and take over the pictures that pages show."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(
            [sys.executable, *command(script), *ARGUMENTS.get(script.stem, ())],
            cwd=place,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": path},
        )
        drawn = [p for p in sorted(Path(place).rglob("*.png")) if p.stem in shown()]
        for picture in drawn:
            shutil.copy(picture, IMAGES / picture.name)
            known[picture.stem] = {
                "script": script.relative_to(ROOT).as_posix(),
                "hebraud": hl.__version__,
                "sha256": digest(script),
            }
    PROVENANCE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return [picture.stem for picture in drawn]


def provenance() -> dict[str, dict[str, str]]:
    """Return what is known of the pictures."""
    if not PROVENANCE.exists():
        return {}
    return dict(json.loads(PROVENANCE.read_text(encoding="utf-8")))


def main() -> None:
    """Remake what is out of date, or what is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="scripts, without .py")
    parser.add_argument("--all", action="store_true", help="those that are up to date too")
    asked = parser.parse_args()
    every = {script.stem: script for script in scripts()}
    unknown = set(asked.names) - every.keys()
    if unknown:
        parser.error(f"no such scripts: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    failed = []
    for name, script in every.items():
        known = provenance()
        wanted = name in asked.names if asked.names else asked.all or stale(script, known)
        if not wanted:
            continue
        try:
            print(f"{name}: {', '.join(remake(script, known)) or 'no page shows it'}", flush=True)
        except subprocess.CalledProcessError:
            failed.append(name)
    if failed:
        sys.exit(f"these failed, and their pictures stay as they were: {', '.join(failed)}")


if __name__ == "__main__":
    main()
