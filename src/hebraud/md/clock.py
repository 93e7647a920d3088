"""What the time of this process goes into: a stopwatch for each kind of work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["KINDS", "spent", "spent_on"]

#: Kinds of work, and whether they are done in LAMMPS or compiled kernels.
KINDS: Mapping[str, bool] = {
    "LAMMPS": True,
    "observers": True,
    "frozen matrix": True,
    "dumps": False,
    "files": False,
    "condensing": False,
}
_spent: dict[str, float] = dict.fromkeys(KINDS, 0.0)


@contextmanager
def spent_on(kind: str) -> Iterator[None]:
    """Count the wall time of this block, which holds no other such block, for a kind of work."""
    begin = time.perf_counter()
    try:
        yield
    finally:
        _spent[kind] += time.perf_counter() - begin


def spent() -> dict[str, float]:
    """Return the seconds so far by kind."""
    return dict(_spent)
