"""The error of a run that fails, with the state that it reached."""

from __future__ import annotations

from hebraud.errors import ConvergenceError
from hebraud.model.starts import Start

__all__ = ["EvolutionFailed"]


class EvolutionFailed(ConvergenceError):
    """A run that could not meet its tolerance.

    Attributes
    ----------
    time : float
        The time reached, in tau.
    state : Start
        The last good state: a start for another attempt.
    """

    def __init__(self, message: str, time: float, state: Start) -> None:
        super().__init__(message)
        self.time = time
        self.state = state
