"""A sample of blocks as a start, and what a protocol imposes on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hebraud._typing import Floats
from hebraud.model.protocols import Segment
from hebraud.model.thresholds import Thresholds

__all__ = ["Sample", "ShearImposed", "StressImposed", "imposed_by"]


_GAUSS = 0.5 + np.array([-0.5, 0.5]) / math.sqrt(3.0)
"""Two-point Gauss quadrature of the shear rate over a step: exact for cubics."""


class _Blocks(Protocol):
    """The part of the blocks that a segment needs."""

    stress: Floats
    release: float


@dataclass(frozen=True, eq=False, repr=False)
class Sample:
    """A start made of blocks: the state at the end of :func:`simulate_blocks`.

    Parameters
    ----------
    stress, threshold : ndarray, (n,)
        Stress and local yield stress of each block, in sigma_c.
    """

    stress: Floats
    threshold: Floats

    def __repr__(self) -> str:
        return f"Sample({self.stress.size} blocks, mean stress {self.stress.mean():.6g})"

    def mass(self, faces: Floats, thresholds: Thresholds) -> Floats:
        """Return the fraction of blocks in every class and cell; beyond the faces none counts.

        A block belongs to the class whose share of the law, in order of c, holds its threshold.
        """
        faces = np.asarray(faces, dtype=np.float64)
        values, weights = thresholds.nodes()
        cuts = thresholds.ppf(np.cumsum(weights)[:-1])
        middle = 0.5 * (values[1:] + values[:-1])
        cuts = np.where((cuts > values[:-1]) & (cuts < values[1:]), cuts, middle)
        row = np.searchsorted(cuts, self.threshold, side="right")
        cells = faces.size - 1
        column = np.searchsorted(faces, self.stress, side="right") - 1
        inside = (column >= 0) & (column < cells)
        counts = np.bincount(row[inside] * cells + column[inside], minlength=values.size * cells)
        return np.asarray(counts.reshape(values.size, cells) / self.stress.size)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return n of the blocks: all of them in their order where n is their number.

        Else every block as often as it goes, and the rest drawn without repetition.
        """
        whole, rest = divmod(n, self.stress.size)
        chosen = np.tile(np.arange(self.stress.size), whole)
        chosen = np.concatenate([chosen, rng.permutation(self.stress.size)[:rest]])
        return self.stress[chosen], self.threshold[chosen]

    @property
    def extent(self) -> tuple[float, float]:
        """The smallest and the largest stress, rounded outwards."""
        low, high = float(self.stress.min()), float(self.stress.max())
        return math.nextafter(low, -math.inf), math.nextafter(high, math.inf)

    @property
    def nodes(self) -> None:
        """None: any classes will do."""
        return None


class ShearImposed:
    """A segment of imposed rate, as a step sees it."""

    def __init__(self, rate: Callable[[float], float]) -> None:
        self.rate = rate

    def now(self, blocks: _Blocks, time: float) -> float:
        """Return the rate at a time."""
        return float(self.rate(time))

    def over(self, blocks: _Blocks, time: float, step: float, before: float | None) -> float:
        """Return the mean rate over the coming step."""
        return float(np.mean([self.rate(time + step * x) for x in _GAUSS]))

    def idle(self, time: float, step: float) -> bool:
        """Return True where nothing is imposed over a step."""
        return all(self.rate(time + step * x) == 0.0 for x in (0.0, *_GAUSS, 1.0))

    def missing(self, blocks: _Blocks) -> float:
        """Return the shift that is still due after a move: none."""
        return 0.0


class StressImposed:
    """A segment of imposed stress: the rate is what the events release."""

    def __init__(self, stress: float) -> None:
        self.stress = stress

    def now(self, blocks: _Blocks, time: float) -> float:
        """Return the rate that keeps the stress: the release."""
        return blocks.release

    def over(self, blocks: _Blocks, time: float, step: float, before: float | None) -> float:
        """Return the release in the middle of the coming step, extrapolated."""
        now = blocks.release
        return now if before is None else 1.5 * now - 0.5 * before

    def idle(self, time: float, step: float) -> bool:
        """Return True: where nothing yields nothing moves."""
        return True

    def missing(self, blocks: _Blocks) -> float:
        """Return the shift that brings the mean of the moved sample to the imposed stress."""
        return self.stress - float(blocks.stress.mean())


def imposed_by(segment: Segment) -> ShearImposed | StressImposed:
    """Return a segment as a step sees it."""
    if segment.shear_rate is not None:
        return ShearImposed(segment.shear_rate)
    assert segment.stress is not None
    return StressImposed(segment.stress)
