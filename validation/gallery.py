"""The pictures of the documentation: each made by a script, and made again when that changes.

``python validation/gallery.py`` runs the scripts of all pictures in docs/images that are out of
date and copies what they draw; NAME ... takes these scripts only, ``--all`` all of them.
docs/images/provenance.json says of each picture which script made it, with which hebraud, and the
SHA-256 of the script with the modules beside it that it imports and the data that it reads.
tests/test_gallery.py holds the pictures against it.
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

import hebraud as hl

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PROVENANCE = IMAGES / "provenance.json"
SHARED = {"figures.py"}  # how to draw, not what: a change to it shows in no number
DATA = {
    "campaign.py": "validation/data/campaign",
    "finite_size.py": "validation/data/finite_size",
    "peers.py": "validation/data/peers.csv",
}
ARGUMENTS = {"peers": ("--stored",)}  # the peers have an environment of their own


def scripts() -> list[Path]:
    """Return the scripts that make a figure."""
    examples = sorted((ROOT / "docs" / "examples").glob("*.py"))
    figures = sorted((ROOT / "validation").glob("*.py"))
    return [*examples, *(p for p in figures if re.search(r"^    +make\(", p.read_text(), re.M))]


def shown() -> set[str]:
    """Return the names of the pictures that pages show."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = "".join(page.read_text(encoding="utf-8") for page in pages)
    return set(re.findall(r"\]\((?:docs/)?images/([^)]+)\.png\)", texts))


def sources(script: Path) -> list[Path]:
    """Return the script, what it imports from beside it, and the data that come with that."""
    found, new = set(), {script}
    while new:
        path = new.pop()
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            beside = {path.parent / f"{name}.py" for name in names}
            new |= {p for p in beside if p.exists() and p.name not in SHARED} - found
    for name, folder in DATA.items():
        if script.parent / name in found:
            place = ROOT / folder
            found |= {p for p in (place, *place.rglob("*")) if p.is_file()}
    return sorted(found)


def digest(script: Path) -> str:
    """Return the SHA-256 of all that a picture is made from, hebraud apart."""
    total = hashlib.sha256()
    for path in sources(script):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def stale(script: Path, known: dict[str, dict[str, str]]) -> bool:
    """True where the script, its modules or its data are not those of its pictures."""
    name = script.relative_to(ROOT).as_posix()
    made = [entry for entry in known.values() if entry["script"] == name]
    return not made or any(entry["sha256"] != digest(script) for entry in made)


def remake(script: Path, known: dict[str, dict[str, str]]) -> list[str]:
    """Run a script, which checks its claims, and take over the pictures that pages show."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(
            [sys.executable, str(script), *ARGUMENTS.get(script.stem, ())],
            cwd=place,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "MPLBACKEND": "Agg"},
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
