"""The commands ``hebraud md run | prepare | shear | ...``: particle simulations.

A campaign has the steps ``prepare``, ``shear``, ``measure``, ``frozen-matrix``, ``aggregate``.
A step reads files, writes files and does no work twice. ``run`` has Snakemake run all of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]

command = typer.Typer(help="Particle simulations with LAMMPS (extra: md).", no_args_is_help=True)

PresetOption = Annotated[str, typer.Option(help="demo, laptop, paper, or a campaign file (.toml).")]
Tier = Annotated[int, typer.Option(help="Leave out runs of a higher tier.")]
Folder = Annotated[Path | None, typer.Option(help="Folder of the run; runs/PRESET by default.")]
Sample = Annotated[Path, typer.Argument(help="Folder of a sample: RUN/density.../seed...")]
Chain = Annotated[Path, typer.Argument(help="Folder of a chain: RUN/density.../seed.../rate...")]
Run = Annotated[Path, typer.Argument(help="Folder of the run.")]


def _run_folder(preset: str, output: Path | None) -> Path:
    return Path("runs") / Path(preset).stem if output is None else output


def _resume(preset: str, tier: int) -> str:
    return f"hebraud md run --preset {preset}" + (f" --tier {tier}" if tier > 1 else "")


@command.command("run")
def md_run(
    campaign: Annotated[
        Path | None, typer.Argument(help="A campaign file, instead of --preset.")
    ] = None,
    preset: PresetOption = "demo",
    output: Folder = None,
    processes: Annotated[int | None, typer.Option(help="Steps at a time; all cores.")] = None,
    tier: Tier = 1,
    profile: Annotated[
        Path | None, typer.Option(help="Snakemake profile (a cluster, say); here by default.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the steps and what they cost; do nothing.")
    ] = False,
) -> None:
    """Run a campaign, or go on where it was stopped; ends with its tables."""
    from hebraud.md.campaign.cost import print_outlook
    from hebraud.md.campaign.plan_file import campaign_named
    from hebraud.md.results.aggregate import run

    chosen = preset if campaign is None else str(campaign)
    folder = _run_folder(chosen, output)
    if dry_run:
        cores = os.cpu_count() or 1 if processes is None else processes
        print_outlook(campaign_named(chosen).up_to(tier), folder, cores)
        return
    try:
        run(chosen, folder, processes, tier=tier, profile=profile, command=_resume(chosen, tier))
    except KeyboardInterrupt:
        typer.echo(
            f"hebraud: stopped; the same command goes on from what is in {str(folder)!r}", err=True
        )
        raise typer.Exit(130) from None
    _draw(folder)


def _draw(folder: Path) -> None:
    """Draw the measurements of each density of a run; name the pages that could not be drawn."""
    from hebraud.md.results.report import EVIDENCE
    from hebraud.plot.particles import write_figures

    for evidence in sorted(folder.glob(f"*/{EVIDENCE}")):
        drawn = write_figures(evidence.parent)
        for page, outcome in drawn.items():
            if isinstance(outcome, str):
                typer.echo(f"no figure of {page}: {outcome}")
        count = sum(isinstance(outcome, Path) for outcome in drawn.values())
        typer.echo(f"{count} figures in {evidence.parent / 'figures'}")


@command.command("prepare")
def md_prepare(sample: Sample) -> None:
    """Step: quench a sample."""
    from hebraud.md.campaign.workflow import work

    work.follow_front()
    work.prepare_sample(sample)


@command.command("shear")
def md_shear(
    chain: Chain, segments: Annotated[int, typer.Option(help="How many it is to have.")]
) -> None:
    """Step: shear a sample until its chain has so many segments."""
    from hebraud.md.campaign.workflow import work

    work.follow_front()
    work.shear_chain(chain, segments)


@command.command("frozen-matrix")
def md_frozen_matrix(chain: Chain) -> None:
    """Step: local yield stresses in the configurations that a chain keeps."""
    from hebraud.md.campaign.workflow import work

    work.follow_front()
    work.freeze_chain(chain)


@command.command("measure")
def md_measure(
    paths: Annotated[
        list[Path], typer.Argument(help="Folders of chains, or dump files in order of time.")
    ],
    timestep: Annotated[float, typer.Option(help="Of the dump files, in tau_0.")] = 0.005,
    type_map: Annotated[
        str | None, typer.Option(help="Types of the dump files, such as 2:1,1:2 (1 is A, 2 is B).")
    ] = None,
    potential: Annotated[
        bool, typer.Option(help="The particles are the paper's mixture: block stress, thresholds.")
    ] = True,
    stress_column: Annotated[
        str | None, typer.Option(help="Per-atom stress x area, xy, in the dump: c_stress[4].")
    ] = None,
) -> None:
    """Step: reduce chains to measured data; or measure dump files of other programs."""
    if paths[0].is_dir():
        from hebraud.md.campaign.workflow import work

        work.follow_front()
        work.measure_chains(paths)
        return
    from rich.console import Console
    from rich.table import Table

    from hebraud.md.glass.mixture import Mixture
    from hebraud.md.results.from_dumps import measure_dumps

    found = measure_dumps(
        paths,
        timestep,
        type_map=_type_map(type_map),
        mixture=Mixture() if potential else None,
        stress_column=stress_column,
    )
    table = Table(
        title=f"{found.frames} frames of {found.particles} particles at density "
        f"{found.density:.4g}, shear rate {found.shear_rate:.4g}/τ0"
    )
    for head in ("", "value", "unit", "what"):
        table.add_column(head)
    for row in found.rows():
        table.add_row(*row)
    Console().print(table)


def _type_map(said: str | None) -> dict[int, int] | None:
    if said is None:
        return None
    try:
        pairs = [pair.split(":") for pair in said.split(",")]
        return {int(theirs): int(ours) for theirs, ours in pairs}
    except ValueError:
        raise ValueError(f"--type-map must be pairs such as 2:1,1:2, got {said!r}") from None


@command.command("aggregate")
def md_aggregate(
    folder: Run,
    so_far: Annotated[
        bool,
        typer.Option("--so-far", help="Take unfinished chains as they are, and show."),
    ] = False,
) -> None:
    """Step: the tables of a campaign, from its chains."""
    from hebraud.md.campaign.plan_file import read_campaign
    from hebraud.md.campaign.workflow import work
    from hebraud.md.campaign.workflow.steps import CAMPAIGN
    from hebraud.md.results.aggregate import aggregate, print_results

    work.follow_front()
    results = aggregate(read_campaign(folder / CAMPAIGN), folder, so_far=so_far)
    if so_far:
        print_results(results)


@command.command("export")
def md_export(
    folder: Run,
    destination: Annotated[Path, typer.Argument(help="Folder to write.")],
    preset: Annotated[
        str | None, typer.Option(help="The campaign, if the run was not begun by hebraud md run.")
    ] = None,
    tier: Tier = 1,
) -> None:
    """Export a run as it stands, in little space: reduced chains and last checkpoints."""
    from hebraud.md.campaign.archive import export_run

    typer.echo(export_run(folder, destination, preset, tier))


@command.command("import")
def md_import(
    source: Annotated[Path, typer.Argument(help="Folder that export wrote.")], folder: Run
) -> None:
    """Unpack an exported run, so that hebraud md run goes on from it."""
    from hebraud.md.campaign.archive import import_run

    typer.echo(import_run(source, folder))
