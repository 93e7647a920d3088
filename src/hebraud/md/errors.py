"""Errors of particle simulations."""

from __future__ import annotations

from hebraud.errors import HebraudError

__all__ = ["CorruptCheckpoint", "UnstableRun"]


class UnstableRun(HebraudError, RuntimeError):
    """The simulation left the physics; the message says what was seen and what to try."""


class CorruptCheckpoint(HebraudError, RuntimeError):
    """A stored file is damaged or belongs to another campaign; the message names it."""
