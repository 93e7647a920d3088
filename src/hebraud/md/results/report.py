"""From segments to a flow curve: the reduction, its files and its table."""

from __future__ import annotations

import csv
import io
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hebraud._files import sha256, write_whole
from hebraud.errors import ConvergenceError
from hebraud.md.campaign.plan import Preset
from hebraud.md.campaign.reduced_chain import condense
from hebraud.md.lammps.engine import lammps_version
from hebraud.md.measure.stress import steady_stress
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.rates import AtRate, activity_exponent, at_rates
from hebraud.md.results.reduced_data import Evidence
from hebraud.md.results.reduction import gather
from hebraud.rheology.estimate import Estimate
from hebraud.rheology.flow_curve import FlowCurve
from hebraud.rheology.herschel_bulkley import HerschelBulkley

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "COLUMNS",
    "EVIDENCE",
    "Results",
    "SteadyRun",
    "print_summary",
    "reduce",
    "too_short",
    "write_results",
]

#: The file of what the parameters are measured from.
EVIDENCE = "evidence.npz"

#: What the columns of the CSV files hold.
COLUMNS = {
    "shear_rate": "imposed shear rate, 1/tau_0",
    "seed": "seed of the sample",
    "stress": "mean shear stress sigma_xy after the transient, eps_AA/sigma_AA^2",
    "stress_err": "its standard error (one standard deviation, by blocking over all samples of the "
    "rate), eps_AA/sigma_AA^2",
    "seeds": "number of independent samples",
    "strain": "strain behind the mean, transient left out, all samples together",
    "temperature": "mean kinetic temperature relative to the affine flow, eps_AA/k_B",
    "dissipation": "heat given to the friction per area, time and shear rate, "
    "2 (density - 1/area) temperature damping/(mass shear_rate), eps_AA/sigma_AA^2",
    "storage": "kinetic and potential energy gained per area and strain between the first and the "
    "last steady sample, eps_AA/sigma_AA^2; work in = heat out + storage: the virial part of "
    "stress = dissipation + storage",
}


@dataclass(frozen=True)
class SteadyRun:
    """Means over the steady part of one chain, a row of ``seeds.csv`` (see `COLUMNS`)."""

    shear_rate: float
    seed: int
    stress: float
    strain: float
    temperature: float
    dissipation: float
    storage: float


@dataclass(frozen=True)
class Results:
    """What a preset gave: every steady run, the stress at each rate in rising order, the fits.

    A fit that cannot be made, or parameters that cannot be measured, are a string that says why.
    """

    preset: Preset
    runs: tuple[SteadyRun, ...]
    stresses: tuple[Estimate, ...]
    curve: FlowCurve
    fit: HerschelBulkley | str
    free_fit: HerschelBulkley | str
    evidence: Evidence | str
    parameters: Measured | str
    rates: tuple[AtRate, ...]

    def at(self, shear_rate: float) -> list[SteadyRun]:
        """Return the runs at one shear rate."""
        return [run for run in self.runs if run.shear_rate == shear_rate]


def _at_rate(plan: Preset, folder: Path, rate: float) -> tuple[list[SteadyRun], Estimate]:
    points = [plan.point(rate, seed) for seed in plan.seeds_at(rate)]
    series = [condense(plan, point, folder).series for point in points]
    strain = series[0].strain
    total = plan.chains[points[0]] * points[0].segment_strain
    steady = strain > plan.transient
    freedom = 2.0 * (plan.density - plan.density / plan.particles)
    heat = freedom * plan.mixture.damping / (plan.mixture.mass * rate)
    runs = []
    for seed, one in zip(plan.seeds_at(rate), series, strict=True):
        temperature = float(one.temperature[steady].mean())
        energy = (one.energy + one.temperature * (1.0 - 1.0 / plan.particles))[steady]
        gained = float(energy[-1] - energy[0])
        runs.append(
            SteadyRun(
                shear_rate=rate,
                seed=seed,
                stress=float(one.stress[steady].mean()),
                strain=round(total - plan.transient, 9),
                temperature=temperature,
                dissipation=heat * temperature,
                storage=plan.density * gained / float(np.ptp(strain[steady])),
            )
        )
    return runs, steady_stress(strain, np.array([one.stress for one in series]), plan.transient)


def _fit(curve: FlowCurve, exponent: float | None) -> HerschelBulkley | str:
    try:
        return curve.herschel_bulkley(exponent=exponent)
    except (ConvergenceError, ValueError) as error:
        return f"no fit: {error}"


def _evidence(plan: Preset, folder: Path, curve: FlowCurve) -> Evidence | str:
    try:
        return gather(plan, folder, curve)
    except ValueError as error:
        return f"no parameters: {error}"


def too_short(plan: Preset, folder: Path) -> dict[float, str]:
    """Return the rates whose stress has no error bar, and why. Raises what `condense` raises."""
    found = {}
    for rate in plan.shear_rates:
        try:
            _at_rate(plan, folder, rate)
        except (ConvergenceError, ValueError) as error:
            found[rate] = str(error)
    return found


def reduce(plan: Preset, folder: Path) -> Results:
    """Return the flow curve of a preset whose chains are complete, its fits and its parameters.

    Raises what `condense` and `steady_stress` raise.
    """
    rates = sorted(plan.shear_rates)
    parts = [_at_rate(plan, folder, rate) for rate in rates]
    stresses = tuple(stress for _, stress in parts)
    curve = FlowCurve(
        np.array(rates),
        np.array([stress.value for stress in stresses]),
        np.array([stress.stderr for stress in stresses]),
    )
    evidence = _evidence(plan, folder, curve)
    return Results(
        preset=plan,
        runs=tuple(run for runs, _ in parts for run in runs),
        stresses=stresses,
        curve=curve,
        fit=_fit(curve, 0.5),
        free_fit=_fit(curve, None),
        evidence=evidence,
        parameters=evidence if isinstance(evidence, str) else measure(evidence),
        rates=at_rates(plan, folder),
    )


def _table(columns: list[str], rows: list[list[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _curve_csv(results: Results) -> str:
    balance = ("temperature", "dissipation", "storage")
    rows: list[list[object]] = []
    for rate, stress in zip(results.curve.shear_rate.tolist(), results.stresses, strict=True):
        runs = results.at(rate)
        strain = round(sum(run.strain for run in runs), 9)
        means = [float(np.mean([getattr(run, name) for run in runs])) for name in balance]
        rows.append([rate, stress.value, stress.stderr, len(runs), strain, *means])
    head = ["shear_rate", "stress", "stress_err", "seeds", "strain"]
    return _table([*head, *balance], rows)


def _seeds_csv(results: Results) -> str:
    head = [column.name for column in fields(SteadyRun)]
    return _table(head, [[getattr(run, name) for name in head] for run in results.runs])


def _fit_dict(fit: HerschelBulkley | str) -> dict[str, Any]:
    if isinstance(fit, str):
        return {"failed": fit}
    chi = fit.reduced_chi_square
    numbers = {
        name: {"value": estimate.value, "stderr": estimate.stderr}
        for name in ("yield_stress", "prefactor", "exponent")
        for estimate in [getattr(fit, name)]
    }
    return {**numbers, "reduced_chi_square": None if math.isnan(chi) else chi}


def _either(found: Mapping[str, Estimate | str]) -> dict[str, Any]:
    return {
        name: {"failed": value} if isinstance(value, str) else asdict(value)
        for name, value in found.items()
    }


def _parameters_dict(found: Measured | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"failed": found}
    return {
        "shear_rate": found.shear_rate,
        "parameters": _either(found.estimates),
        "couplings": _either(found.couplings),
    }


def _rates_dict(rates: Sequence[AtRate]) -> dict[str, Any]:
    return {
        "rates": [{"shear_rate": one.shear_rate, **_either(one.measured)} for one in rates],
        **_either({"exponent of D_sigma in Gamma": activity_exponent(rates)}),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"


def write_results(results: Results, folder: Path, command: str) -> None:
    """Write the tables, the fits and their provenance; all but the last are the same every time.

    ``flow_curve.csv`` and ``seeds.csv`` have the columns of `COLUMNS`; ``herschel_bulkley.json``
    holds both fits, ``parameters.json`` the model's parameters, ``rates.json`` activity and stress
    diffusion at every rate (`rates.AtRate`), ``evidence.npz`` what parameters and figures are made
    from (`Evidence.read`); ``provenance.json`` says by which command, with which
    versions, settings and seeds, on which date, with the SHA-256 of the other files.

    Raises ``OSError`` if a file cannot be written.
    """
    fits = {
        "law": "stress = yield_stress + prefactor shear_rate^exponent",
        "exponent_half": _fit_dict(results.fit),
        "exponent_free": _fit_dict(results.free_fit),
    }
    files = {
        "flow_curve.csv": _curve_csv(results),
        "seeds.csv": _seeds_csv(results),
        "herschel_bulkley.json": json.dumps(fits, indent=2) + "\n",
        "parameters.json": json.dumps(_parameters_dict(results.parameters), indent=2) + "\n",
        "rates.json": json.dumps(_rates_dict(results.rates), indent=2) + "\n",
    }
    for name, text in files.items():
        write_whole(folder / name, text)
    sums = {name: sha256(text.encode()) for name, text in files.items()}
    if isinstance(results.evidence, Evidence):
        results.evidence.write(folder / EVIDENCE)
        sums[EVIDENCE] = sha256((folder / EVIDENCE).read_bytes())
    provenance = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {
            **{name: _version(name) for name in ("hebraud", "lammps", "numpy", "h5py", "lmfit")},
            "lammps engine": str(lammps_version()),
            "python": platform.python_version(),
        },
        "units": "Lennard-Jones of the A particles: eps_AA, sigma_AA, m_A, "
        "tau_0 = sigma_AA sqrt(m_A/eps_AA), k_B = 1; stress in 2D is force per length",
        "columns": COLUMNS,
        "preset": asdict(results.preset),
        "sha256": dict(sorted(sums.items())),
    }
    write_whole(folder / "provenance.json", json.dumps(provenance, indent=2) + "\n")


def print_summary(results: Results) -> None:
    """Print the flow curve, its Herschel-Bulkley fits and the model's parameters."""
    from rich.console import Console
    from rich.table import Table

    plan = results.preset
    table = Table(title=f"Flow curve at density {plan.density:g}, N = {plan.particles}, T = 0")
    for head in ("shear rate (1/τ0)", "stress (ε/σ²)", "samples", "strain"):
        table.add_column(head, justify="right")
    for rate, stress in zip(results.curve.shear_rate, results.stresses, strict=True):
        runs = results.at(rate)
        strain = sum(run.strain for run in runs)
        table.add_row(f"{rate:g}", str(stress), str(len(runs)), f"{strain:.1f}")
    console = Console()
    console.print(table)
    for name, fit in (("1/2", results.fit), ("free", results.free_fit)):
        console.print(f"Herschel-Bulkley, exponent {name}: {fit}")
    if isinstance(results.parameters, str):
        console.print(results.parameters)
    else:
        _print_parameters(console, results.parameters)
    if results.rates:
        _print_rates(console, results.rates)


def _print_parameters(console: Console, found: Measured) -> None:
    from rich.table import Table

    table = Table(title=f"Parameters of the model, at shear rate {found.shear_rate:g}/τ0")
    for head in ("", "value", "unit", "what"):
        table.add_column(head)
    for row in found.rows():
        table.add_row(*row)
    console.print(table)


def _print_rates(console: Console, rates: Sequence[AtRate]) -> None:
    from rich.table import Table

    table = Table(title=f"D_sigma = k Gamma^p, p = {activity_exponent(rates)}")
    table.add_column("shear rate (1/τ0)")
    for name in rates[0].measured:
        table.add_column(name)
    for one in rates:
        table.add_row(f"{one.shear_rate:g}", *map(str, one.measured.values()))
    console.print(table)
