"""Measure the model's parameters on the stored demo of the particle glass; draw and check them.

Claims, on the demo run (density 1.189, N = 1000, parameters at shear rate 1e-3): recording does not
change the run; the parameters follow from the stored reduced data; the anchors by which open
choices were made hold (docs/measurements.md); block stresses diffuse with exponent 1 over a window;
exponential events seen through the window of D2min describe its autocorrelation.

``compute`` reads the stored data; ``--regenerate DIR`` runs it again (ten minutes on one
core, resumable in DIR) and replaces them; ``--figures DIR`` draws; ``--table`` writes the
sensitivity table into docs/measurements.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hebraud import Estimate, FlowCurve, plot
from hebraud.md.measure.duration import plastic_correlation, seen_event
from hebraud.md.measure.plastic import merge_records, plastic_activity
from hebraud.md.measure.threshold_fits import fit_thresholds
from hebraud.md.observers import PLASTIC
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.predictions import predicted_start_up
from hebraud.md.results.reduced_data import ReducedData
from hebraud.md.results.report import EVIDENCE
from hebraud.md.results.sensitivity import SensitivityRow, alternatives, sensitivity
from hebraud.plot.particles import PAGES
from validation import DATA, ROOT
from validation.particles.provenance import check_provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hebraud.md import Campaign

UNRECORDED = DATA / "particles_demo"
STORED = UNRECORDED / "parameters"
PAGE = ROOT / "docs" / "measurements.md"
COMMAND = "python -m validation.particles.demo_measures --regenerate DIR"
MARKS = ("<!-- sensitivity table -->", "<!-- end of sensitivity table -->")
FILES = (
    "flow_curve.csv",
    "seeds.csv",
    "herschel_bulkley.json",
    "parameters.json",
    "rates.json",
    EVIDENCE,
    "provenance.json",
)


def preset() -> Campaign:
    """Return the demo, with further observers for the sensitivity table."""
    from hebraud.md import PRESETS
    from hebraud.md.observers import Plastic

    demo = PRESETS["demo"]
    assert demo.recording is not None
    observers = (
        *demo.recording.observers,
        Plastic(cutoff=1.5, name="cutoff15"),
        Plastic(cutoff=2.5, name="cutoff25"),
        Plastic(threshold=0.01, name="threshold001"),
        Plastic(lag=2.0, name="lag2"),
        Plastic(corners=True, name="corners"),
    )
    return replace(demo, recording=replace(demo.recording, observers=observers))


@dataclass(frozen=True, eq=False)
class Result:
    """Reduced data of the demo, the parameters measured now, and the stored ones.

    ``unrecorded`` is the flow curve of an earlier run with more strain that recorded nothing but
    the stress; ``beginnings`` its stresses at the lowest rate of this one, by seed, every 8th.
    """

    evidence: ReducedData
    measured: Measured
    stored: dict[str, Any]
    unrecorded: FlowCurve
    beginnings: np.ndarray


def compute(data: Path = STORED) -> Result:
    """Read the stored data, after checking them against their provenance, and measure.

    Raises ``ValueError`` if a file is not the one that its provenance describes.
    """
    check_provenance(data)
    seen = ReducedData.read(data / EVIDENCE)
    rows = np.genfromtxt(UNRECORDED / "flow_curve.csv", delimiter=",", names=True)
    with np.load(UNRECORDED / "stress_series.npz") as series:
        seeds = range(1, len(seen.stress) + 1)
        begun = np.array([series[f"rate{seen.shear_rate:g}_seed{seed}"][:62] for seed in seeds])
    return Result(
        evidence=seen,
        measured=measure(seen),
        stored=json.loads((data / "parameters.json").read_text()),
        unrecorded=FlowCurve(rows["shear_rate"], rows["stress"], rows["stress_err"]),
        beginnings=begun,
    )


def _estimate(result: Result, symbol: str) -> Estimate:
    estimate = result.measured.estimates[symbol]
    assert isinstance(estimate, Estimate), f"{symbol}: {estimate}"
    return estimate


def check(result: Result) -> None:
    """Assert the claims, in numbers."""
    _check_the_run(result)
    _check_anchors(result)
    _check_measures(result)
    _check_start_up(result)


def _check_the_run(result: Result) -> None:
    """Assert that recording changes no stress and that the parameters are the stored ones."""
    (begun,) = (one.stress.astype(np.float32)[:, 7::8] for one in result.evidence.start_ups)
    assert np.array_equal(begun, result.beginnings), "recording has changed the run"
    curve, before = result.evidence.curve, result.unrecorded
    assert curve.stress_err is not None
    assert before.stress_err is not None
    for rate, stress, error in zip(curve.shear_rate, curve.stress, curve.stress_err, strict=True):
        at = int(np.flatnonzero(np.isclose(before.shear_rate, rate))[0])
        apart = abs(stress - before.stress[at])
        assert apart < 3.0 * np.hypot(error, before.stress_err[at]), f"rate {rate:g}: {apart:.3f}"
    for symbol, stored in result.stored["parameters"].items():
        now = result.measured.estimates[symbol]
        assert isinstance(now, str) == ("failed" in stored), symbol
        if isinstance(now, Estimate):  # stresses are stored in single precision
            assert np.isclose(now.value, stored["value"], rtol=1e-5), symbol
            assert np.isclose(now.stderr, stored["stderr"], rtol=1e-3), symbol


def _check_anchors(result: Result) -> None:
    """Assert the numbers of the paper that fixed open choices, as far as they hold here."""
    tau = _estimate(result, "tau_p").value
    assert 0.7 < tau < 1.4, f"tau_p = {tau:.2f}, not about 1/zeta"
    threshold = _estimate(result, "sigma_c").value
    drop = _estimate(result, "drop").value / threshold
    assert 0.15 < drop < 0.25, f"drop/sigma_c = {drop:.3f}, not about 0.2"
    share = _estimate(result, "sigma_Y").value / threshold
    assert 0.17 < share < 0.23, f"sigma_Y/sigma_c = {share:.3f}, not about 0.2"
    records = result.evidence.records
    few, many = (plastic_activity(records[name]).active for name in (PLASTIC, "threshold001"))
    assert 3.0 < many.value / few.value < 5.0, f"{many.value / few.value:.2f} times as many active"


def _check_measures(result: Result) -> None:
    """Assert what the measures assume about the data."""
    blocks, yields = result.evidence.blocks, result.evidence.yields
    assert not isinstance(blocks, str)
    assert not isinstance(yields, str)
    fit = blocks.differences.diffusion()
    low, high = fit.window
    assert high / low >= 10.0**0.8, f"window {low:g} to {high:g}"
    assert abs(fit.exponent.value - 1.0) < 3.0 * fit.exponent.stderr, f"exponent {fit.exponent}"
    assert fit.excess_kurtosis.value > 3.0, "differences are few large jumps at this rate"
    assert blocks.density.outside == 0.0

    merged = merge_records(result.evidence.records[PLASTIC])
    time, correlation, plateau = plastic_correlation(merged)
    shape = seen_event(time, _estimate(result, "tau_p").value, float(merged["lag"][0]))
    missed = correlation - plateau - (1.0 - plateau) * shape
    assert np.abs(missed).max() < 0.05, f"C_p is missed by {np.abs(missed).max():.3f}"
    plain = correlation - np.exp(-time / _estimate(result, "tau_p apparent").value)
    assert np.sum(missed**2) < 0.2 * np.sum(plain**2), "a plain exponential does as well"

    snapshots = np.repeat(np.arange(len(yields.threshold)), yields.threshold.shape[1])
    law = fit_thresholds(yields.threshold.ravel(), snapshots)
    assert law.gaussian.p_value > 0.05, f"not Gaussian: p = {law.gaussian.p_value:.3f}"
    assert law.unyielded == 0


def _check_start_up(result: Result) -> None:
    """Assert that both models have the measured modulus and exceed twice the particles' stress."""
    seen, parameters = result.evidence, result.measured.parameters
    assert parameters is not None
    first = seen.strain[:600]  # to 0.6; bins of 0.001
    reached = seen.stress[:, :600].mean(axis=0).reshape(-1, 10).mean(axis=1).max()
    assert reached < 1.0, f"the particles reach {reached:.2f}"
    spread = _estimate(result, "block stress std").value
    for model in (parameters.modified_model(), parameters.model(parameters.alpha_flow)):
        stress = predicted_start_up(parameters, model, seen.shear_rate, first, spread, rtol=1e-3)
        slope = stress[20] / first[20] / _estimate(result, "G0").value
        assert abs(slope - 1.0) < 0.01, f"{slope:.3f} of the modulus"
        assert stress.max() > 2.0 * reached, f"{model} reaches {stress.max():.2f}"
    steady = _estimate(result, "block stress")  # the classical alpha is that of the flow curve
    assert abs(stress[-1] - steady.value) < 3.0 * steady.stderr, f"{stress[-1]:.3f}"


def draw(result: Result, ax: Axes, page: str = "stress_diffusion") -> None:
    """Draw one of the pages of `hebraud.plot.particles`."""
    PAGES[page](result.evidence, result.measured, ax)


def sensitivity_table(
    rows: Sequence[SensitivityRow], couplings: Sequence[str] | None = None
) -> str:
    """Return the rows as a Markdown table, one column a coupling (None: all of them)."""
    names = list(rows[0].couplings if couplings is None else couplings)
    lines = [
        "| choice | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for row in rows:
        cells = []
        for name in names:
            value, change = row.couplings[name], row.change[name]
            text = str(value) if isinstance(value, Estimate) else "none"
            moved = f" ({100 * change:+.0f} %)" if change and row is not rows[0] else ""
            cells.append(text + moved)
        lines.append(f"| {row.choice} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def table(result: Result) -> str:
    """Return the sensitivity table in Markdown, and below it what had no result."""
    assert result.measured.parameters is not None
    values, failed = alternatives(result.evidence, result.measured)
    rows = sensitivity(result.measured.parameters, values)
    shown = [name for name in rows[0].couplings if not name.endswith(", equation's D")]
    shown.insert(2, "alpha of DropNoise from eq. (7), equation's D")
    none = [f"- {choice}: none, {why}\n" for choice, why in failed.items()]
    return sensitivity_table(rows, shown) + "\n" + "".join(none)


def write_table(result: Result) -> None:
    """Replace the table in docs/measurements.md."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    new = f"{before}{MARKS[0]}\n{table(result)}{MARKS[1]}{after}"
    PAGE.write_text(new, encoding="utf-8")


def regenerate(directory: Path, processes: int = 1) -> None:
    """Run the simulation in ``directory`` (resumed if begun) and replace the stored data."""
    from hebraud.md import run

    plan = preset()
    run(plan, directory, processes=processes, command=COMMAND)
    store(next(iter(plan.chains)).glass.folder(directory).parent)


def store(tables: Path) -> None:
    """Copy the results from the folder of a density, and say what may differ elsewhere."""
    STORED.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(tables / name, STORED / name)
    provenance = json.loads((STORED / "provenance.json").read_text())
    provenance[EVIDENCE] = (
        "what parameters and figures are made from: hebraud.md.results.reduced_data.ReducedData"
    )
    provenance["tolerance"] = (
        "A run on the same kind of processor with the same versions gives the same bytes. "
        "Elsewhere chaos makes other trajectories of the same statistics: estimates agree within "
        "3 of their standard errors."
    )
    (STORED / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


def main() -> None:
    """Check the stored data, draw them, or measure them again."""
    from matplotlib.figure import Figure

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regenerate", metavar="DIR", type=Path, help="run the simulation in DIR")
    parser.add_argument("--processes", type=int, default=1, help="state points run at a time")
    parser.add_argument("--figures", metavar="DIR", type=Path, help="draw every page into DIR")
    parser.add_argument("--table", action="store_true", help="write the table into the docs")
    options = parser.parse_args()
    if options.regenerate is not None:
        regenerate(options.regenerate, options.processes)
    result = compute()
    check(result)
    for symbol, value, unit, meaning in result.measured.rows():
        print(f"{symbol:48s} {value}  {unit}  {meaning}")
    if options.table:
        write_table(result)
    if options.figures is not None:
        options.figures.mkdir(parents=True, exist_ok=True)
        for page in PAGES:
            with plot.style():
                figure = Figure(figsize=(3.39, 2.7), layout="constrained")
                draw(result, figure.subplots(), page)
                figure.savefig(options.figures / f"{page}.png")


if __name__ == "__main__":
    main()
