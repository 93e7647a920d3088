"""The steps that a campaign has left, and their cost."""

from __future__ import annotations

from pathlib import Path

from hebraud.md.campaign.chain import segments_done
from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.workflow.steps import Step, campaign_steps

__all__ = ["print_outlook", "time_left"]


def time_left(plan: Campaign, folder: Path) -> list[tuple[Step, float]]:
    """Return the unfinished steps with the processor time (s) that each may still take."""
    done = {str(point.folder(Path())): segments_done(point, folder) for point in plan.chains}
    left: list[tuple[Step, float]] = []
    before: dict[str, int] = {}
    for step in campaign_steps(plan):
        if step.kind == "shear":
            _, chain, _, segments = step.command
            start, end = before.get(chain, 0), int(segments)
            before[chain] = end
            fraction = (end - min(max(done[chain], start), end)) / (end - start)
            if fraction:
                left.append((step, fraction * step.seconds))
        elif not (folder / step.output).exists():
            left.append((step, step.seconds))
    # an imported chain with a complete first stage does not need its glass
    needed = {path for step, _ in left for path in step.inputs}
    return [(step, cost) for step, cost in left if step.kind != "prepare" or step.output in needed]


def _span(seconds: float) -> str:
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def print_outlook(plan: Campaign, folder: Path, cores: int) -> None:
    """Print the unfinished steps with their estimated cost, and the sum."""
    from rich.console import Console
    from rich.table import Table

    left = time_left(plan, folder)
    table = Table(title=f"Campaign {plan.name}: {len(left)} steps left, in the order of work")
    table.add_column("hebraud md ...")
    table.add_column("processor time", justify="right")
    for step, seconds in left:
        more = f" and {len(step.command) - 2} more" if step.kind == "measure" else ""
        told = step.command[:2] if more else step.command
        table.add_row(" ".join(told) + more, _span(seconds))
    console = Console()
    console.print(table)
    total = sum(seconds for _, seconds in left)
    longest = max((seconds for _, seconds in left), default=0.0)
    wall = max(total / cores, longest)
    console.print(
        f"{_span(total)} of one core in all; about {_span(wall)} on {cores} cores. Estimated at 9 "
        "million particle-steps a second of each core"
    )
