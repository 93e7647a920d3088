"""Observers as a user writes them, from docs/particles.md."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Wandering:
    """Mean square displacement over a lag, with a merge of its own: sums are added."""

    lag: int = 2
    name: str = "wandering"

    def frames_before(self, spacing):
        return self.lag

    def reduce(self, frames, before):
        seen = frames if before is None else type(frames).join([before, frames])
        moved = seen.position[self.lag :] - seen.position[: -self.lag]
        return {"sum": np.array([np.square(moved).sum()]), "count": np.array([moved.size])}

    def merge(self, records):
        return {name: np.sum([record[name] for record in records], axis=0) for name in records[0]}


@dataclass(frozen=True)
class Heights:
    """The mean height of each frame, and how many there are; joined as they come."""

    name: str = "heights"

    def frames_before(self, spacing):
        return 0

    def reduce(self, frames, before):
        return {"height": frames.position[..., 1].mean(axis=1), "frames": len(frames)}
