"""The command line, as a user types it."""

from __future__ import annotations

import csv
import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import hebraud as hl
from hebraud.cli import app, commands, registry
from hebraud.cli.registry import build

STEADY = ["steady", "--alpha", "0.3", "--shear-rate", "1e-3"]


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    return result


def test_steady_as_json_and_csv(tmp_path):
    state = hl.steady_state(hl.Model(0.3), 1e-3)
    found = json.loads(run(*STEADY).stdout)
    assert found["stress"] == state.stress
    assert found["solver"] == "Exact()"
    path = tmp_path / "state.csv"
    assert run(*STEADY, "--format", "csv", "--output", path).stdout == ""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert float(next(csv.DictReader(lines))["diffusion"]) == state.diffusion


def test_steady_of_variants():
    partial = json.loads(run(*STEADY, "--drop", "0.5", "--rtol", "1e-4").stdout)
    assert partial["solver"].startswith("FiniteVolume")
    residual = json.loads(run(*STEADY, "--residual", "0.2").stdout)
    model = hl.Model(0.3, relaxation=hl.ResidualStress(0.2))
    assert residual["stress"] == hl.steady_state(model, 1e-3).stress
    noise = json.loads(run(*STEADY, "--drop-noise").stdout)
    assert "DropNoise" in noise["model"]


def test_flow_curve_with_fit():
    window = ["--from", "1e-6", "--to", "1e-3", "--points", 5]
    out = run("flow-curve", "--alpha", "0.3", *window, "--fit")
    rows = list(csv.DictReader(line for line in out.stdout.splitlines() if line[0] != "#"))
    rates = [float(row["shear_rate"]) for row in rows]
    curve = hl.flow_curve(hl.Model(0.3), rates)
    assert [float(row["stress"]) for row in rows] == curve.stress.tolist()
    assert "# herschel_bulkley" in out.stdout


def test_closed_form_from_each_argument():
    one = json.loads(run("closed-form", "--alpha", "0.3").stdout)
    for name in ("u", "yield_stress"):
        option = "--" + name.replace("_", "-")
        other = json.loads(run("closed-form", option, repr(one[name])).stdout)
        assert other["alpha"] == pytest.approx(0.3, rel=1e-14)
        assert other["prefactor"] == pytest.approx(one["prefactor"], rel=1e-13)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_plots_are_written(tmp_path, suffix):
    for command in (STEADY, ["flow-curve", "--alpha", "0.3", "--fit"]):
        path = tmp_path / f"{command[0]}.{suffix}"
        run(*command, "--plot", path)
        assert path.stat().st_size > 2000


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["steady", "--alpha", "-1", "--shear-rate", "1"], 2, "alpha must be"),
        (["steady", "--alpha", "0.3", "--shear-rate", "nan"], 2, "shear_rate must be"),
        (["steady", "--alpha", "0.3", "--shear-rate", "0"], 3, "no stationary state"),
        ([*STEADY, "--drop", "0.5", "--residual", "0.1"], 2, "not both"),
        ([*STEADY, "--drop", "0.5", "--solver", "exact"], 2, "exact solver needs"),
        ([*STEADY, "--plot", "x.bmp"], 2, "--plot must end in"),
        ([*STEADY, "--output", "no/such/folder/x.json"], 6, "no/such/folder"),
        (["flow-curve", "--alpha", "0.3", "--from", "0"], 2, "0 < from < to"),
        (["closed-form"], 2, "exactly one"),
        (["closed-form", "--alpha", "0.3", "--u", "1"], 2, "exactly one"),
        (["closed-form", "--alpha", "0.6"], 2, "alpha must be"),
    ],
)
def test_errors_are_one_line_with_a_code(arguments, code, words):
    result = run(*arguments, code=code)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("hebraud: error: ")
    assert words in lines[0]
    assert result.stdout == "" or "--plot" in arguments


def test_usage():
    assert run("steady", "--bogus", code=2).stdout == ""
    assert "flow-curve" in run("--help").stdout


# -- a command of one's own -----------------------------------------------------------------------
def shout(word: str) -> None:
    """Say a word aloud."""
    if not word:
        raise ValueError("word must have letters")
    typer.echo(word.upper())


def test_one_file_is_a_command(tmp_path, monkeypatch):
    """Its name is that of the file, its errors are one line; a Typer brings commands of its own."""
    (tmp_path / "say_it.py").write_text("from test_cli import shout as command\n")
    (tmp_path / "many.py").write_text(
        "import typer\nfrom test_cli import shout\n"
        "command = typer.Typer()\ncommand.command('one')(shout)\ncommand.command('two')(shout)\n"
    )
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    mine = build()
    assert CliRunner().invoke(mine, ["say-it", "yes"]).stdout == "YES\n"
    assert CliRunner().invoke(mine, ["many", "two", "yes"]).stdout == "YES\n"
    refused = CliRunner().invoke(mine, ["many", "one", ""])
    assert (refused.exit_code, refused.stderr) == (
        2,
        "hebraud: error: word must have letters\n",
    )
    assert "steady" in CliRunner().invoke(mine, ["--help"]).stdout
    for module in ("say_it", "many"):
        monkeypatch.delitem(sys.modules, f"{commands.__name__}.{module}")
        monkeypatch.delattr(commands, module)


def test_another_package_adds_a_command(monkeypatch):
    def points(group):
        assert group == "hebraud.commands"
        return [EntryPoint(name, "test_cli:shout", group) for name in names]

    monkeypatch.setattr(registry, "entry_points", points)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    names = ["shout"]
    assert CliRunner().invoke(build(), ["shout", "yes"]).stdout == "YES\n"
    names = ["steady"]
    with pytest.raises(ValueError, match="two commands are called 'steady'"):
        build()
