"""What can go wrong in a particle run."""

from __future__ import annotations

from hebraud.errors import HebraudError

__all__ = ["CorruptCheckpoint", "UnstableRun"]


class UnstableRun(HebraudError, RuntimeError):
    """The simulated particles left the physics; the message says what was seen and what to try."""


class CorruptCheckpoint(HebraudError, RuntimeError):
    """A stored file is damaged or belongs to another run; the message names it and the way out."""
