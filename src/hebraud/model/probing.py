"""How a slot is asked what it says: once a value, with its exceptions made sentences."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import HebraudError, shown

__all__ = ["called", "float_array", "once_a_value"]

Slot = TypeVar("Slot")
Answer = TypeVar("Answer")


def once_a_value(ask: Callable[[Slot], Answer]) -> Callable[[Slot], Answer]:
    """Ask slots that are values, frozen dataclasses, once a value, and all others each time."""
    kept = functools.lru_cache(maxsize=256)(ask)

    @functools.wraps(ask)
    def asked(slot: Slot) -> Answer:
        # of the class itself: a subclass may hold more than its base compares
        own = vars(type(slot)).get("__dataclass_params__")
        try:
            if own is not None and own.frozen:
                hash(slot)
                return kept(slot)
        except TypeError:  # a frozen dataclass of things that cannot be hashed
            pass
        return ask(slot)

    return asked


def called(what: str, ask: Callable[..., Answer], *arguments: object) -> Answer:
    """Return what a method of a slot says; what it raises becomes a sentence."""
    try:
        with np.errstate(all="ignore"):
            return ask(*arguments)
    except HebraudError:
        raise
    except Exception as error:
        raise ValueError(f"{what} raised {type(error).__name__}: {error}") from error


def float_array(what: str, value: object, shape: tuple[int, ...]) -> Floats:
    """Return an array of finite floats of a shape, or say what came instead."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.shape != shape:
        came = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else shown(value)
        raise ValueError(f"{what} must be an array of float64 of shape {shape}, got {came}")
    return value
