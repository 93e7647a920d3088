"""Types of arrays, by the names that signatures use."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Arrays", "Bools", "Floats", "Ints"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Array: TypeAlias = NDArray[Any]
"""An array of numbers of any kind."""
Arrays: TypeAlias = dict[str, Array]
"""Named arrays, as a file holds them."""
