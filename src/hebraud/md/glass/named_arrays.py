"""Records of arrays, as files hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np

from hebraud._typing import Array, Arrays

__all__ = ["NamedArrays"]


@dataclass(frozen=True, eq=False)
class NamedArrays:
    """Arrays with one row a time; a file holds them under names that begin with ``PREFIX``."""

    PREFIX: ClassVar[str]

    def arrays(self) -> Arrays:
        """Return the content by name."""
        content = {f"{self.PREFIX}_{one.name}": getattr(self, one.name) for one in fields(self)}
        return {name: array for name, array in content.items() if array is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """Return the record of these arrays."""
        names = [one.name for one in fields(cls) if f"{cls.PREFIX}_{one.name}" in arrays]
        return cls(**{name: arrays[f"{cls.PREFIX}_{name}"] for name in names})

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return consecutive records as one."""
        names = [one.name for one in fields(cls)]
        return cls(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})
