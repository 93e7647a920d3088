"""Names of test cases that are the same in every process: side by side, workers compare them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def without_address(name: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return the naming function without the addresses of objects in what it returns."""
    return lambda value: re.sub(r" at 0x[0-9a-f]+", "", name(value))
