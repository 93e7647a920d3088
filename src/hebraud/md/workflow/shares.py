"""What the cores of a campaign were busy with, as the clocks of its steps have it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hebraud.md.clock import KINDS

__all__ = ["Shares", "work_shares"]


@dataclass(frozen=True)
class Shares:
    """Shares of the wall time of so many cores.

    Parameters
    ----------
    wall : float
        In seconds.
    cores : int
    by_kind : mapping of str to float
        `hebraud.md.clock.KINDS` and "starts and waiting": Python and LAMMPS getting going, the
        workflow engine, the tables, cores without a step. They add up to 1.
    """

    wall: float
    cores: int
    by_kind: Mapping[str, float]

    @property
    def computing(self) -> float:
        """Share that was spent in LAMMPS and in compiled kernels."""
        return sum(share for kind, share in self.by_kind.items() if KINDS.get(kind, False))

    def __str__(self) -> str:
        parts = ", ".join(f"{kind} {100.0 * one:.1f} %" for kind, one in self.by_kind.items())
        return (
            f"{100.0 * self.computing:.0f} % of the time of {self.cores} cores ({self.wall:.0f} s) "
            f"was spent in LAMMPS and kernels: {parts}"
        )


def work_shares(folder: Path, cores: int, begin: float, end: float) -> Shares:
    """Return what the steps that were done between two times (since 1970, in s) took.

    Work that was lost when a step was killed counts as waiting.
    """
    total = dict.fromkeys(KINDS, 0.0)
    for path in folder.glob("density*/**/*.json"):
        said = json.loads(path.read_text(encoding="utf-8"))
        if "spent" in said and begin <= said["begin"] and said["end"] <= end:
            for kind, seconds in said["spent"].items():
                total[kind] += seconds * said.get("ranks", 1)
    available = cores * (end - begin)
    by_kind = {kind: seconds / available for kind, seconds in total.items()}
    by_kind["starts and waiting"] = 1.0 - sum(by_kind.values())
    return Shares(end - begin, cores, by_kind)
