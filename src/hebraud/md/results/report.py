"""Tables, files and printed summaries of one density, with their provenance."""

from __future__ import annotations

import csv
import io
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from hebraud._files import sha256, write_whole
from hebraud.md.lammps.engine import lammps_version
from hebraud.md.results.measures import Measured
from hebraud.md.results.rates import AtRate, activity_exponent
from hebraud.md.results.reduction import ROUGH, DensityResults, SteadyChain
from hebraud.rheology.estimate import Estimate, Missing
from hebraud.rheology.herschel_bulkley import HerschelBulkley

__all__ = ["COLUMNS", "EVIDENCE", "csv_text", "print_summary", "write_results"]

#: The file of the reduced data that the parameters are measured from (`ReducedData.write`).
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


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table as CSV, its columns named in the first line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _curve_csv(results: DensityResults) -> str:
    balance = ("temperature", "dissipation", "storage")
    rows: list[list[object]] = []
    for one in results.stresses:
        if isinstance(one.value, Estimate):
            strain = round(sum(run.strain for run in one.chains), 9)
            means = [float(np.mean([getattr(run, name) for run in one.chains])) for name in balance]
            numbers = [one.shear_rate, one.value.value, one.value.stderr]
            rows.append([*numbers, len(one.chains), strain, *means])
    head = ["shear_rate", "stress", "stress_err", "seeds", "strain"]
    return csv_text([*head, *balance], rows)


def _seeds_csv(results: DensityResults) -> str:
    head = [column.name for column in fields(SteadyChain)]
    runs = [run for one in results.stresses for run in one.chains]
    return csv_text(head, [[getattr(run, name) for name in head] for run in runs])


def _fit_dict(fit: HerschelBulkley | Missing) -> dict[str, Any]:
    if isinstance(fit, Missing):
        return {"failed": fit}
    chi = fit.reduced_chi_square
    numbers = {
        name: {"value": estimate.value, "stderr": estimate.stderr}
        for name in ("yield_stress", "prefactor", "exponent")
        for estimate in [getattr(fit, name)]
    }
    return {**numbers, "reduced_chi_square": None if math.isnan(chi) else chi}


def _either(found: Mapping[str, Estimate | Missing]) -> dict[str, Any]:
    return {
        name: {"failed": value} if isinstance(value, Missing) else asdict(value)
        for name, value in found.items()
    }


def _parameters_dict(found: Measured | Missing) -> dict[str, Any]:
    if isinstance(found, Missing):
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


def write_results(results: DensityResults, folder: Path, command: str) -> None:
    """Write the tables, the fits and their provenance; all but the last are the same every time.

    ``flow_curve.csv`` and ``seeds.csv`` have the columns of `COLUMNS`; ``herschel_bulkley.json``
    holds both fits, ``parameters.json`` the model's parameters, ``rates.json`` activity and stress
    diffusion at every rate, ``evidence.npz`` the reduced data; ``provenance.json`` the command, the
    versions, settings and seeds, the date, and the SHA-256 of the other files.

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
        "parameters.json": json.dumps(_parameters_dict(results.measured), indent=2) + "\n",
        "rates.json": json.dumps(_rates_dict(results.rates), indent=2) + "\n",
    }
    for name, text in files.items():
        write_whole(folder / name, text)
    sums = {name: sha256(text.encode()) for name, text in files.items()}
    if isinstance(results.measured, Measured):  # at a rate that has data
        results.data[results.measured.shear_rate].write(folder / EVIDENCE)
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
        "preset": asdict(results.plan),
        "sha256": dict(sorted(sums.items())),
    }
    write_whole(folder / "provenance.json", json.dumps(provenance, indent=2) + "\n")


def print_summary(results: DensityResults) -> None:
    """Print the flow curve, its Herschel-Bulkley fits and the model's parameters."""
    console, plan = Console(), results.plan
    heads = ("shear rate (1/τ0)", "stress (ε/σ²)", "samples", "strain")
    table = Table(title=f"Flow curve at density {plan.density:g}, N = {plan.particles}, T = 0")
    for head in heads:
        table.add_column(head, justify="right")
    for one in results.stresses:
        if isinstance(one.value, Estimate):
            mark = " (rough)" if one.value.note == ROUGH else ""
            strain = sum(run.strain for run in one.chains)
            cells = (f"{one.shear_rate:g}", f"{one.value}{mark}", str(len(one.chains)))
            table.add_row(*cells, f"{strain:.1f}")
    console.print(table)
    for name, fit in (("1/2", results.fit), ("free", results.free_fit)):
        console.print(f"Herschel-Bulkley, exponent {name}: {fit}")
    if isinstance(results.measured, Missing):
        console.print(f"Parameters of the model: {results.measured}")
    else:
        _print_parameters(console, results.measured)
    if results.rates:
        _print_rates(console, results.rates)


def _print_parameters(console: Console, found: Measured) -> None:
    table = Table(title=f"Parameters of the model, at shear rate {found.shear_rate:g}/τ0")
    for head in ("", "value", "unit", "what"):
        table.add_column(head)
    for row in found.rows():
        table.add_row(*row)
    console.print(table)


def _print_rates(console: Console, rates: Sequence[AtRate]) -> None:
    table = Table(title=f"D_sigma = k Gamma^p, p = {activity_exponent(rates)}")
    table.add_column("shear rate (1/τ0)")
    for name in rates[0].measured:
        table.add_column(name)
    for one in rates:
        table.add_row(f"{one.shear_rate:g}", *map(str, one.measured.values()))
    console.print(table)
