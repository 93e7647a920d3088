"""How far a run has come: strain at each rate, speed, time left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.state_point import StatePoint

__all__ = ["Watch"]


class Watch:
    """Progress bars on a terminal: one for all segments, one for the strain at each shear rate.

    Parameters
    ----------
    plan : Campaign
    done : mapping of StatePoint to int
        Segments there are already.
    shown : bool
        False, or an output that is not a terminal, draws nothing.
    """

    def __init__(self, plan: Campaign, done: Mapping[StatePoint, int], shown: bool) -> None:
        console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self._done = {p: min(done[p], need) for p, need in plan.chains.items()}
        self._need = dict(plan.chains)
        self._new = 0
        self._begin = time.monotonic()
        start = sum(self._done.values())
        self._all = self._bars.add_task(
            "preparing", total=sum(self._need.values()), completed=start, said=""
        )
        self._rates: dict[float, TaskID] = {}
        for rate in plan.shear_rates:
            self._rates[rate] = self._bars.add_task(f"  rate {rate:g}", total=1.0, said="")
            self._show(rate)

    def __enter__(self) -> Watch:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def look(self, done: Mapping[StatePoint, int]) -> None:
        """Show how many segments each chain has now."""
        now = {point: min(done[point], need) for point, need in self._need.items()}
        moved = {point: count - self._done[point] for point, count in now.items()}
        self._done = now
        new = sum(n * p.segment_steps * p.glass.particles for p, n in moved.items())
        if new and not self._new:
            self._begin = time.monotonic()  # samples were prepared before
        self._new += new
        speed = self._new / max(time.monotonic() - self._begin, 1e-9) / 1e6
        finished = now == self._need
        self._bars.update(
            self._all,
            completed=sum(now.values()),
            description="measuring" if finished else "shearing",
            said="" if finished or not self._new else f"{speed:.1f} M particle-steps/s",
        )
        for rate in {point.shear_rate for point, count in moved.items() if count}:
            self._show(rate)

    def _show(self, rate: float) -> None:
        strain = sum(n * p.segment_strain for p, n in self._done.items() if p.shear_rate == rate)
        total = sum(n * p.segment_strain for p, n in self._need.items() if p.shear_rate == rate)
        self._bars.update(
            self._rates[rate],
            completed=strain,
            total=total,
            said=f"strain {strain:.1f}/{total:.1f}",
        )
