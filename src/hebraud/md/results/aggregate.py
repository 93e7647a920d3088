"""A whole campaign: run it, reduce the chains of each density, write the tables."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

from hebraud._files import write_whole
from hebraud.md.campaign.chain import segments_done
from hebraud.md.campaign.launch import launch
from hebraud.md.campaign.plan import Preset, Runs
from hebraud.md.campaign.plan_file import preset_named
from hebraud.md.campaign.workflow.steps import PARAMETERS
from hebraud.md.results.report import (
    Results,
    SteadyRun,
    print_summary,
    reduce,
    too_short,
    write_results,
)
from hebraud.rheology.estimate import Estimate
from hebraud.rheology.flow_curve import FlowCurve

__all__ = ["aggregate", "by_density", "complete_parts", "parts_so_far", "run"]


def run(
    preset: str | Preset,
    directory: str | os.PathLike[str],
    processes: int | None = None,
    progress: bool = True,
    tier: int = 1,
    profile: str | os.PathLike[str] | None = None,
    command: str | None = None,
) -> dict[float, FlowCurve]:
    """Run a campaign under ``directory``, or go on with it; return the flow curve by density.

    Snakemake runs its steps, each a process of its own. Stop it in any way at any time: the same
    call goes on from the last whole segment of each chain, and the results are the same to the
    byte as those of an undisturbed run, whatever the number of processes.

    Written besides the segments: what `aggregate` says, ``campaign.json`` (the campaign with every
    setting) and ``workflow.log`` (what Snakemake and the steps said).

    Parameters
    ----------
    preset : str or Preset
        ``"demo"`` (minutes on two cores), ``"laptop"`` (hours), ``"paper"`` (a cluster), the name
        of a campaign file, or your own.
    directory : path
        Made if it does not exist.
    processes : int, optional
        Steps at a time, one core each; None takes all cores. Where a profile's executor runs the
        steps elsewhere, None leaves their number and cores to the profile, and a number caps the
        cores that a step may have.
    progress : bool
        Show bars and tables. False prints nothing.
    tier : int
        Runs of a higher tier are left out.
    profile : path, optional
        A Snakemake profile: where the steps run (docs/campaign.md); None runs them here.
    command : str, optional
        The command that provenance records; None says ``hebraud md run --preset NAME``.

    Returns
    -------
    dict of float to FlowCurve
        By density: shear rate in 1/tau_0 (rising), stress and its standard error in
        eps_AA/sigma_AA^2.

    Raises
    ------
    ValueError
        For an unknown preset or a bad argument.
    MissingDependency
        If Snakemake, LAMMPS, its MPI library or h5py is missing.
    HebraudError
        If another run is at work in ``directory``, or a step fails: its own words and where to
        read more. What is stored stays valid.
    ConvergenceError, OSError
        As error bars and files raise them.
    """
    plan, folder = preset_named(preset).up_to(tier), Path(directory)
    with launch(plan, folder, processes, progress, profile):
        said = command or f"hebraud md run --preset {plan.name}"
        results = aggregate(by_density(plan), folder, said)
    if progress:
        for one in results.values():
            print_summary(one)
    return {density: one.curve for density, one in results.items()}


def aggregate(
    parts: Sequence[Preset], folder: Path, command: str = "hebraud md aggregate"
) -> dict[float, Results]:
    """Reduce campaigns of one density each, write their tables, return the results by density.

    In the folder of each density: what `write_results` writes. For all of them: ``flow_curves.csv``
    (every run, as ``seeds.csv``, with its density) and ``parameters.csv`` (density, symbol, value,
    standard error; a row without numbers says why there are none).

    Raises what `hebraud.md.results.report.reduce` raises.
    """
    results = {part.density: reduce(part, folder) for part in parts}
    names = [one.name for one in fields(SteadyRun)]
    curves: list[list[object]] = [["density", *names]]
    rows: list[list[object]] = [["density", "symbol", "value", "stderr", "note"]]
    for density, one in results.items():
        point = next(iter(one.preset.chains))
        write_results(one, point.glass.folder(folder).parent, command)
        curves += [[density, *(getattr(run, name) for name in names)] for run in one.runs]
        rows += [[density, *row] for row in _parameter_rows(one)]
    write_whole(folder / "flow_curves.csv", _table(curves))
    write_whole(folder / PARAMETERS, _table(rows))
    return results


def by_density(plan: Preset) -> list[Preset]:
    """Return the parts of a campaign, one for each density."""
    return [plan.at(density) for density in plan.densities]


def complete_parts(plan: Preset, folder: Path) -> list[Preset]:
    """Return, for each density, the runs whose chains are complete; no density without any.

    Where some seeds of a rate have gone further than others, all are taken to the same strain: that
    which makes the most steady strain in all.
    """
    parts = []
    for density in plan.densities:
        here = plan.at(density)
        complete = [one for one in here.runs if _complete(here, one, folder)]
        runs = tuple(_even(here, complete))
        if len(complete) == len(here.runs):
            parts.append(here)
        elif runs:
            parts.append(_with_runs(here, runs))
    return parts


def parts_so_far(plan: Preset, folder: Path) -> tuple[list[Preset], list[str]]:
    """Return the `complete_parts` less the rates whose stress has no error bar yet, and those.

    Raises what `condense` raises.
    """
    parts, said = [], []
    for part in complete_parts(plan, folder):
        short = too_short(part, folder)
        said += [f"density {part.density:g}, rate {rate:g}: {why}" for rate, why in short.items()]
        runs = tuple(one for one in part.runs if one.shear_rate not in short)
        if runs:
            parts.append(_with_runs(part, runs))
    return parts, said


def _with_runs(plan: Preset, runs: tuple[Runs, ...]) -> Preset:
    rates = {one.shear_rate for one in runs}
    return replace(
        plan, runs=runs, measured_rate=plan.measured_rate if plan.measured_rate in rates else None
    )


def _even(plan: Preset, complete: Sequence[Runs]) -> Iterator[Runs]:
    """Yield the runs of each rate as one, all of its seeds sheared to the same strain."""
    for rate in plan.shear_rates:
        here = [one for one in complete if one.shear_rate == rate]
        reached: dict[int, float] = {}
        for one in sorted(here, key=lambda one: one.strain):
            reached |= dict.fromkeys(one.seeds, one.strain)
        seeds = {
            strain: tuple(seed for seed in plan.seeds_at(rate) if reached.get(seed, 0.0) >= strain)
            for strain in sorted(set(reached.values()), reverse=True)
            if strain > plan.transient
        }
        if seeds:
            strain = max(seeds, key=lambda strain: len(seeds[strain]) * (strain - plan.transient))
            yield Runs(rate, strain, seeds[strain])


def _complete(plan: Preset, one: Runs, folder: Path) -> bool:
    points = [plan.point(one.shear_rate, seed) for seed in one.seeds]
    return all(segments_done(p, folder) >= p.segments_for(one.strain) for p in points)


def _parameter_rows(results: Results) -> Iterator[list[object]]:
    found = results.parameters
    if isinstance(found, str):
        yield ["all", "", "", found]
        return
    for symbol, value in {**found.estimates, **found.couplings}.items():
        if isinstance(value, Estimate):
            yield [symbol, value.value, value.stderr, value.note]
        else:
            yield [symbol, "", "", value]


def _table(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
