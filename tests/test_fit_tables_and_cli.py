"""Files to fits: headers, units, errors by name, the command line, comparison, figures."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest
from typer.testing import CliRunner

import hebraud as hl
from hebraud.cli import app
from hebraud.inference import (
    Comparison,
    compare_flow_curves,
    fit_flow_curve,
    fit_herschel_bulkley_law,
    read_flow_curve,
)
from validation.figures import fit_examples

RATES = np.geomspace(1e-3, 10.0, 30)
STRESS = 50.0 * hl.flow_curve(hl.Model(0.3), RATES * 20.0 / 50.0).stress
STRESS = STRESS * (1.0 + 0.02 * np.random.default_rng(0).standard_normal(30))


def write(path, header="shear rate (1/s),stress (Pa)", rows=None, delimiter=","):
    rows = zip(RATES, STRESS, strict=True) if rows is None else rows
    body = [delimiter.join(str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([header, *body]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "delimiter", "rate_factor", "stress_factor"),
    [
        ("shear rate (1/s),stress (Pa)", ",", 1.0, 1.0),
        ("Shear Rate [s^-1];Shear Stress [kPa]", ";", 1.0, 1e3),
        ("gamma_dot\tsigma (mPa)", "\t", 1.0, 1e-3),
        ("sigma", ",", None, None),
        ("shear_rate_1/s,stress_Pa", ",", 1.0, 1.0),
        ("Shear rate / 1/min,Stress / MPa", ",", 1.0 / 60.0, 1e6),
        ("shear rate (s⁻¹),stress (dyn/cm²)", ",", 1.0, 0.1),
        ("rate,stress", ",", 1.0, 1.0),
    ],
)
def test_headers_and_units(tmp_path, header, delimiter, rate_factor, stress_factor):
    path = write(tmp_path / "a.txt", header if rate_factor else f"x,{header}", delimiter=delimiter)
    if rate_factor is None:
        with pytest.raises(ValueError, match=r"no column for shear_rate; .*'x', 'sigma'"):
            read_flow_curve(path)
        assert read_flow_curve(path, {"shear_rate": "x"}).units["stress"] == ""
        return
    table = read_flow_curve(path)
    assert table.shear_rate == pytest.approx(RATES * rate_factor, rel=1e-14)
    assert table.stress == pytest.approx(STRESS * stress_factor, rel=1e-14)
    assert table.stress_err is None
    assert table.lines == tuple(range(2, 32))


def test_errors_selection_and_comments(tmp_path):
    rows = [("a", 1.0, 2.0, 0.1), ("b", 2.0, 3.0, 0.2), ("a", 4.0, 5.0, 0.3)]
    path = write(tmp_path / "b.csv", "# a note\nsample,rate,stress,stress_err", rows)
    table = read_flow_curve(path, where={"sample": "a"})
    assert table.stress_err.tolist() == [0.1, 0.3]
    assert table.lines == (3, 5)
    assert read_flow_curve(path, exclude=(4,)).lines == (3, 5)
    for arguments, message in (
        ({"where": {"sample": "c"}}, "never 'c'; it is a, b"),
        ({"where": {"none": "c"}}, "no column 'none'"),
        ({"exclude": (77,)}, r"exclude, \[77\]"),
        ({"columns": {"stress": "none"}}, "no column 'none' for stress"),
    ):
        with pytest.raises(ValueError, match=message):
            read_flow_curve(path, **arguments)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("rate,stress", [(1, 2), (0, 3), (-1, 4)], "line 3: shear_rate 0; line 4: shear_rate -1"),
        ("rate,stress", [(1, 2), ("x", 3)], "line 3, column 'rate': 'x' is not a number"),
        ("rate;stress", [("1.5;2",), ("2,5;3",)], "all decimals with a point, or all with a comma"),
        ("rate;stress", [("1.000,5;2",)], "'1.000,5' is not a number"),
        ("rate,stress,std,sd", [(1, 2, 3, 4)], "more than one column for stress_err: 'std', 'sd'"),
        ("0.1,0.2", [(1, 2)], "line 1 must name the columns.* got numbers: 0.1, 0.2"),
        ("shear rate stress", [("1 2",)], "line 2 has 2 cells .* 3 .blanks separate columns"),
        ("rate,stress", [(1, 2), (1, 2, 3)], "line 3 has 3 cells where the header has 2"),
        ("rate (furlong),stress", [(1, 2)], "unit 'furlong' of 'rate .furlong.' is not known"),
        ("rate,stress,sigma", [(1, 2, 3)], "more than one column for stress: 'stress', 'sigma'"),
        ("rate,stress", [], "at least one row"),
    ],
)
def test_wrong_files_say_where(tmp_path, header, rows, message):
    with pytest.raises(ValueError, match=message):
        read_flow_curve(write(tmp_path / "c.csv", header, rows))


def test_other_peoples_files(tmp_path):
    """A table of numpy, units in a line of their own, decimal commas, symbols, errors in %."""
    path = tmp_path / "d.txt"
    np.savetxt(path, np.stack([RATES, STRESS], 1), header="shear_rate_1/s stress_kPa")
    assert read_flow_curve(path).stress == pytest.approx(1e3 * STRESS, rel=1e-14)
    units = [("1/s", "[kPa]"), *zip(RATES, STRESS, strict=True)]
    table = read_flow_curve(write(path, "Shear Rate γ̇,Shear Stress τ", units))
    assert table.stress == pytest.approx(1e3 * STRESS, rel=1e-14)
    assert table.units == {"shear_rate": "1/s", "stress": "kPa"}
    assert table.lines[0] == 3
    commas = [f"{r};{s};5".replace(".", ",") for r, s in zip(RATES, STRESS, strict=True)]
    path.write_text("rate (1/s);stress (kPa);sd (%);T (C)\n" + ";20\n".join(commas) + ";20\n")
    table = read_flow_curve(path)
    assert table.shear_rate.tolist() == RATES.tolist()
    assert table.stress_err == pytest.approx(50.0 * STRESS, rel=1e-14)
    assert table.unused == ("T (C)",)
    assert "sd (%)" in str(table)
    assert "not used: 'T (C)'" in str(table)
    path = write(path, "rate,stress (kPa),uncertainty", [(1, 2, 0.1)])
    assert read_flow_curve(path).stress_err.tolist() == [100.0]  # in the unit of the stress
    for content in (b"rate;\xb5\n1;2\n", b"PK\x03\x04\xff", "rate,stress\n1,2\n".encode("utf-16")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"d\.txt is no UTF-8 text.*save or export"):
            read_flow_curve(path)


def test_the_command_line_says_what_it_read_and_which_lines_it_doubts(tmp_path):
    rows = [[rate, stress, 7] for rate, stress in zip(RATES, STRESS, strict=True)]
    rows[4][1] *= 1.25
    rows.append(rows[9])
    path = write(tmp_path / "a.csv", "rate,stress,temperature", rows)
    report = run(path).stdout
    assert "not used: 'temperature'" in report
    assert "no column of errors" in report
    assert "point 4 is line 6, point 30 is line 32" in report
    found = json.loads(run(path, "--json", "--exclude", 32).stdout)
    assert [w["lines"] for w in found["warnings"] if w["kind"] == "outlier"] == [[6]]
    assert found["excluded"] == [32]
    assert found["unused"] == ["temperature"]


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["fit", *(str(a) for a in arguments)])
    assert result.exit_code == code, result.output
    return result


def test_command_line(tmp_path):
    path = write(tmp_path / "data.csv")
    fit = fit_flow_curve(RATES, STRESS)
    report = run(path, "--compare").stdout
    assert "alpha = 0.30" in report
    assert "Herschel-Bulkley" in report
    found = json.loads(run(path, "--json", "--compare", "--threshold", 50).stdout)
    assert found["parameters"]["threshold"]["stderr"] == 0.0
    assert found["comparison"][0]["name"] == "classical"
    out, figure = tmp_path / "out.json", tmp_path / "fit.png"
    assert run(path, "--json", "--output", out, "--plot", figure, "--exclude", 31).stdout == ""
    low, high = json.loads(out.read_text())["parameters"]["alpha"]["low"], 1.0
    assert 0.0 < low < fit.alpha.value < high
    assert figure.stat().st_size > 10_000
    for arguments, code in (
        ((tmp_path / "none.csv",), 6),
        ((path, "--plot", "a.txt"), 2),
        ((path, "--where", "x"), 2),
        ((path, "--exclude", 500), 2),
    ):
        result = run(*arguments, code=code)
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_comparison_prefers_the_law_that_made_the_data():
    comparison = compare_flow_curves(
        RATES, STRESS, 0.02 * STRESS, models={"classical": hl.Model(0.3)}
    )
    assert comparison.best == "classical"
    first, second = comparison.rows
    assert first.delta_aic == 0.0
    assert second.delta_aic == pytest.approx(second.delta_bic)  # as many parameters
    assert first.weight + second.weight == pytest.approx(1.0)
    assert "Herschel-Bulkley" in comparison.report()
    law = 12.0 + 20.0 * RATES**0.8
    other = compare_flow_curves(RATES, law, 0.02 * law, models={"classical": hl.Model(0.3)})
    assert other.best == "Herschel-Bulkley"
    with pytest.raises(ValueError, match="same data and errors"):
        Comparison(
            {
                "a": fit_flow_curve(RATES, STRESS),
                "b": fit_herschel_bulkley_law(RATES, STRESS, 0.02 * STRESS),
            }
        )
    with pytest.raises(ValueError, match="at least two"):
        Comparison({"a": fit_flow_curve(RATES, STRESS)})


def test_criteria_are_likelihoods():
    """AIC without given errors is that of a normal law of ln(stress), up to a constant."""
    one, two = fit_flow_curve(RATES, STRESS), fit_flow_curve(RATES, STRESS, threshold=60.0)

    def aic(fit):
        variance = fit.chi_square / 30
        logs = -0.5 * 30 * (np.log(2 * np.pi * variance) + 1.0)
        return -2.0 * logs + 2.0 * len(fit.free)

    assert two.aic - one.aic == pytest.approx(aic(two) - aic(one), rel=1e-10)
    assert one.bic - one.aic == pytest.approx(3 * (np.log(30) - 2.0))


def test_figures_show_what_they_should():
    fit = fit_flow_curve(RATES, STRESS)
    figure = fit.plot(units={"stress": "Pa", "shear_rate": "1/s", "modulus_time": "Pa s"})
    assert isinstance(figure, matplotlib.figure.Figure)
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels[:2] == ["stress (Pa)", "residual/error"]
    assert "modulus time\n(Pa s)" in labels
    assert len(figure.axes) == 5
    assert len(fit_flow_curve(RATES, STRESS, threshold=50.0, alpha=0.3).plot().axes) == 2
    comparison = Comparison({"a": fit, "b": fit_herschel_bulkley_law(RATES, STRESS)})
    assert len(comparison.plot().axes) == 3


def test_the_worked_examples_hold():
    fit_examples.check(fit_examples.compute())


def test_example_data_are_what_their_certificate_says():
    import hashlib

    folder = Path(fit_examples.DATA) / "flow_curves"
    certificate = json.loads((folder / "provenance.json").read_text())
    for name, curve in certificate["curves"].items():
        stored = (folder / name).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == curve["sha256 of the file here"]
        assert len(stored.splitlines()) == curve["points"] + 1
    assert "MIT" in (folder / "LICENSE").read_text()
