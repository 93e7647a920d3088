"""The command ``hebraud fit``, as a user types it."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from hebraud.cli import app
from hebraud.inference import fit_flow_curve
from measured_curve import RATES, STRESS, write


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
