"""Progress of a campaign on a terminal: segments, strain at each rate, speed, time left."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.state_point import StatePoint

__all__ = ["ChainBars"]

Done = Mapping[StatePoint, int]


class ChainBars(Progress):
    """Bars for all segments, and for the strain at each shear rate.

    Parameters
    ----------
    plan : Campaign
    done : mapping of StatePoint to int
        Segments of each chain at the start.
    shown : bool
        False, or an output that is not a terminal, draws nothing.
    """

    def __init__(self, plan: Campaign, done: Done, shown: bool) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
        off = not (shown and console.is_terminal)
        super().__init__(*columns, TimeRemainingColumn(), console=console, disable=off)
        self._need, self._first, self._begin = plan.chains, dict(done), time.monotonic()
        rates = plan.shear_rates
        self._all = self.add_task("preparing", total=sum(self._need.values()), said="")
        self._bars = {rate: self.add_task(f"  rate {rate:g}", total=1.0, said="") for rate in rates}
        self.look(done)

    def look(self, done: Done) -> None:
        """Show how many segments each chain has now."""
        now = {point: min(done[point], need) for point, need in self._need.items()}
        new = {point: max(0, count - self._first[point]) for point, count in now.items()}
        steps = sum(n * p.segment_steps * p.glass.particles for p, n in new.items())
        if not steps:
            self._begin = time.monotonic()  # samples are being prepared
        speed = steps / max(time.monotonic() - self._begin, 1e-9) / 1e6
        finished = now == self._need
        self.update(
            self._all,
            completed=sum(now.values()),
            description="measuring" if finished else "shearing" if steps else "preparing",
            said="" if finished or not steps else f"{speed:.1f} M particle-steps/s",
        )
        for rate, bar in self._bars.items():
            here = [point for point in now if point.shear_rate == rate]
            strain = sum(now[point] * point.segment_strain for point in here)
            total = sum(self._need[point] * point.segment_strain for point in here)
            said = f"strain {strain:.1f}/{total:.1f}"
            self.update(bar, completed=strain, total=total, said=said)
