"""A whole campaign: run it, reduce it, write its tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from hebraud._files import write_whole
from hebraud.errors import MeasurementError
from hebraud.md.campaign.chain import segments_done
from hebraud.md.campaign.launch import launch
from hebraud.md.campaign.plan import Campaign
from hebraud.md.campaign.plan_file import campaign_named
from hebraud.md.campaign.workflow.steps import PARAMETERS
from hebraud.md.results.reduction import (
    CampaignResults,
    DensityResults,
    SteadyChain,
    reduce_campaign,
)
from hebraud.md.results.report import csv_text, print_summary, write_results
from hebraud.rheology.estimate import Estimate, Missing
from hebraud.rheology.flow_curve import FlowCurve

__all__ = ["aggregate", "print_results", "run"]


def run(
    preset: str | Campaign,
    directory: str | os.PathLike[str],
    processes: int | None = None,
    progress: bool = True,
    tier: int = 1,
    profile: str | os.PathLike[str] | None = None,
    command: str | None = None,
) -> dict[float, FlowCurve]:
    """Run a campaign under ``directory``, or go on with it; return the flow curve by density.

    Snakemake runs its steps, each a process of its own. Stop it in any way at any time: the same
    call goes on from the last complete segment of each chain, and ends with the same bytes as an
    undisturbed one, whatever the number of processes. Written besides the segments: the tables of
    `aggregate`, ``campaign.json`` (the campaign with every setting), ``benchmarks/`` (time and
    memory of each step) and ``workflow.log``.

    Parameters
    ----------
    preset : str or Campaign
        ``"demo"`` (minutes on two cores), ``"laptop"`` (hours), ``"paper"`` (a cluster), the name
        of a campaign file, or your own.
    directory : path
        Made if it does not exist.
    processes : int, optional
        Steps at a time, one core each; None takes all cores. Where a profile's executor runs the
        steps elsewhere, None leaves this to the profile, and a number caps the cores of a step.
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
        If Snakemake, LAMMPS or its MPI library is missing.
    HebraudError
        If another process works in ``directory``, or a step fails: its message, and where to read
        more. What is stored stays valid.
    MeasurementError
        If no rate of a density gives a steady stress.
    OSError
        If a file cannot be written.
    """
    plan, folder = campaign_named(preset).up_to(tier), Path(directory)
    with launch(plan, folder, processes, progress, profile):
        said = command or f"hebraud md run --preset {plan.name}"
        results = aggregate(plan, folder, said)
    if progress:
        print_results(results)
    curves = {}
    for density, one in results.at.items():
        if isinstance(one.curve, Missing):
            raise MeasurementError(f"there is no flow curve at density {density:g}: {one.curve}")
        curves[density] = one.curve
    return curves


def aggregate(
    plan: Campaign, folder: Path, command: str = "hebraud md aggregate", so_far: bool = False
) -> CampaignResults:
    """Reduce a campaign, write the tables of each density, and return the results.

    In the folder of each density that has a flow curve: what `write_results` writes. For all of
    them: ``flow_curves.csv`` (every chain, as ``seeds.csv``, with its density) and
    ``parameters.csv`` (density, symbol, value, standard error; a row without numbers says why there
    are none).

    Parameters
    ----------
    plan : Campaign
    folder : path
    command : str
        Recorded in the provenance.
    so_far : bool
        Whether chains may be unfinished.

    Raises
    ------
    ValueError
        If chains are unfinished and ``so_far`` is False.
    CorruptCheckpoint, OSError
        As files raise them.
    """
    left = [point for point, need in plan.chains.items() if segments_done(point, folder) < need]
    if left and not so_far:
        raise ValueError(
            f"{len(left)} of {len(plan.chains)} chains are unfinished, first "
            f"{left[0].folder(Path())}; hebraud md run goes on, --so-far takes them as they are"
        )
    results = reduce_campaign(plan, folder)
    names = [one.name for one in fields(SteadyChain)]
    curves: list[list[object]] = []
    rows: list[list[object]] = []
    for density, one in results.at.items():
        if isinstance(one.curve, Missing):
            continue
        point = next(iter(one.plan.chains))
        write_results(one, point.glass.folder(folder).parent, command)
        runs = [run for stress in one.stresses for run in stress.chains]
        curves += [[density, *(getattr(run, name) for name in names)] for run in runs]
        rows += [[density, *row] for row in _parameter_rows(one)]
    write_whole(folder / "flow_curves.csv", csv_text(["density", *names], curves))
    heads = ["density", "symbol", "value", "stderr", "note"]
    write_whole(folder / PARAMETERS, csv_text(heads, rows))
    return results


def print_results(results: CampaignResults) -> None:
    """Print what each density gave, and what was left out."""
    for one in results.at.values():
        print_summary(one)
    for why in results.left_out:
        print(f"left out: {why}")


def _parameter_rows(results: DensityResults) -> Iterator[list[object]]:
    found = results.measured
    if isinstance(found, Missing):
        yield ["all", "", "", found]
        return
    for symbol, value in {**found.estimates, **found.couplings}.items():
        if isinstance(value, Estimate):
            yield [symbol, value.value, value.stderr, value.note]
        else:
            yield [symbol, "", "", value]
