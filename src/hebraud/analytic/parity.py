"""Numbers split into their even and odd parts in the shear rate.

At small rates an odd quantity such as the mean stress is a small difference of two large even
ones. Arithmetic on the pair (even, odd) keeps the odd part to full relative precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from hebraud._typing import Floats

__all__ = ["Parity"]

Operand = Union["Parity", Floats, float]


@dataclass(frozen=True, eq=False)
class Parity:
    """even + odd, where the odd part changes sign with the shear rate; both arrays broadcast."""

    even: Floats | float
    odd: Floats | float

    __array_ufunc__ = None  # numpy arrays on the left give way to the methods below

    @staticmethod
    def of(value: Operand) -> Parity:
        """Return ``value`` as a pair; a bare number or array is even."""
        return value if isinstance(value, Parity) else Parity(value, 0.0)

    @property
    def mirrored(self) -> Parity:
        """The same quantity at the opposite shear rate."""
        return Parity(self.even, -self.odd)

    def __neg__(self) -> Parity:
        return Parity(-self.even, -self.odd)

    def __add__(self, other: Operand) -> Parity:
        o = Parity.of(other)
        return Parity(self.even + o.even, self.odd + o.odd)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Parity:
        return self + (-Parity.of(other))

    def __rsub__(self, other: Operand) -> Parity:
        return Parity.of(other) + (-self)

    def __mul__(self, other: Operand) -> Parity:
        o = Parity.of(other)
        return Parity(self.even * o.even + self.odd * o.odd, self.even * o.odd + self.odd * o.even)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Parity:
        o = Parity.of(other)
        product = self * o.mirrored
        norm = (o.even - o.odd) * (o.even + o.odd)
        return Parity(product.even / norm, product.odd / norm)

    def __rtruediv__(self, other: Operand) -> Parity:
        return Parity.of(other) / self
