"""The cache of compiled kernels: never stale, never in the way, one cache for many processes."""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import hebraud
import hebraud._kernels
from hebraud._kernels.compiled import stamp
from hebraud.cli import app

PACKAGE = Path(hebraud.__file__).parent

CALLEE = """
from hebraud._kernels.compiled import kernel

@kernel()
def factor(x: float) -> float:
    return 2.0 * x
"""
CALLER = """
from hebraud._kernels.callee import factor
from hebraud._kernels.compiled import kernel

@kernel()
def total(x: float) -> float:
    return factor(x) + 1.0
"""
CALL = "from hebraud._kernels.caller import total; print(total({}))"
# numba's event for every compilation that is not a load from the disk
COUNT = """
from numba.core import event
class Count(event.Listener):
    names = []
    def on_start(self, event): self.names.append(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event): pass
event.register("numba:compile", Count())
"""


@pytest.fixture
def house(tmp_path):
    """Return a copy of the package, with a kernel that calls one of another file."""
    copy = tmp_path / "src" / "hebraud"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "_kernels" / "callee.py").write_text(CALLEE)
    (copy / "_kernels" / "caller.py").write_text(CALLER)
    return copy


def command(house, script, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")}
    return {
        "args": [sys.executable, "-W", "error", "-c", script],
        "env": inherited | {"PYTHONPATH": str(house.parent)} | environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def run(house, script, **environment):
    done = subprocess.run(**command(house, script, **environment), timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_a_kernel_follows_a_change_in_the_file_of_another_that_it_calls(house):
    assert run(house, CALL.format(3.0)) == ("7.0", "")
    callee = house / "_kernels" / "callee.py"
    callee.write_text(CALLEE.replace("2.0 * x", "5.0 * x + 0.0"))  # longer: Python looks at sizes
    assert run(house, CALL.format(3.0)) == ("16.0", "")


def entries(house):
    return sorted((house / "_kernels" / "__pycache__").glob("*.kernel"))


def test_what_has_not_changed_is_not_compiled_again_and_what_is_old_is_dropped(house):
    script = COUNT + CALL + "; print(Count.names)"
    assert run(house, script.format(3.0))[0] == "7.0\n['total', 'factor']"
    first = entries(house)
    assert len(first) == 2
    assert run(house, script.format(4.0))[0] == "9.0\n[]"
    assert entries(house) == first
    (house / "_kernels" / "remap.py").write_text("# another kernel file, longer or shorter")
    assert run(house, script.format(4.0))[0] == "9.0\n['total', 'factor']"
    assert len(entries(house)) == 2
    assert not set(entries(house)) & set(first)


def test_a_torn_entry_is_compiled_again(house):
    run(house, CALL.format(3.0))
    for entry in entries(house):
        entry.write_bytes(entry.read_bytes()[:-1])
    assert run(house, COUNT + CALL.format(3.0) + "; print(len(Count.names))")[0] == "7.0\n2"
    assert run(house, COUNT + CALL.format(3.0) + "; print(len(Count.names))")[0] == "7.0\n0"


def blocked(house):
    """Let nothing be written: a file where a folder would be made, which binds root as well."""
    for place in (house / "_kernels", house):
        shutil.rmtree(place / "__pycache__", ignore_errors=True)
        (place / "__pycache__").write_text("")
    return dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), "/dev/null")


def test_without_a_place_to_write_to_kernels_work_and_one_line_says_so(house):
    out, said = run(house, CALL.format(3.0), **blocked(house))
    assert out == "7.0"
    assert said.count("\n") == 1
    assert "set NUMBA_CACHE_DIR" in said


def test_a_place_that_is_lost_after_the_import_is_no_error_either(house):
    script = (
        "import pathlib, shutil; from hebraud._kernels import caller\n"
        "kept = pathlib.Path(caller.__file__).parent / '__pycache__'\n"
        "shutil.rmtree(kept); kept.write_text(''); print(caller.total(3.0))"
    )
    out, said = run(house, script)
    assert out == "7.0"
    assert said.count("\n") == 1
    assert "set NUMBA_CACHE_DIR" in said


def test_the_line_can_be_silenced_as_any_other_of_logging(house):
    quiet = "import logging; logging.getLogger('hebraud').setLevel('ERROR')\n"
    assert run(house, quiet + CALL.format(3.0), **blocked(house)) == ("7.0", "")


def test_processes_that_compile_at_once_keep_their_entries_apart(house):
    # a float and a complex number: two signatures of one kernel, each compiled twice at once.
    # In numba's index the last to write wins, and its entry may hold another's machine code.
    calls = {"3.0": "7.0", "3j": "(1+6j)"}
    racing = [subprocess.Popen(**command(house, CALL.format(x))) for x in [*calls, *calls]]
    for process, right in zip(racing, [*calls.values()] * 2, strict=True):
        out, said = process.communicate(timeout=100)
        assert (out.strip(), said) == (right, "")
    for x, right in calls.items():
        script = COUNT + CALL.format(x) + "; print(Count.names)"
        assert run(house, script)[0] == f"{right}\n[]"
    assert len(entries(house)) == 4
    left = [path.name for path in entries(house)[0].parent.iterdir()]
    assert all(name.endswith((".kernel", ".pyc")) for name in left)


def said_on_a_terminal(house, script):
    master, slave = os.openpty()
    try:
        done = subprocess.run(**command(house, script) | {"stderr": slave}, timeout=100)
        os.close(slave)
        assert done.returncode == 0
        try:
            return os.read(master, 1000).decode().splitlines()
        except OSError:  # Linux: nothing was written, and nobody is left to write
            return []
    finally:
        os.close(master)


def test_who_waits_at_a_terminal_is_told_that_it_is_once(house):
    said = said_on_a_terminal(house, CALL.format(3.0))
    assert len(said) == 1
    assert said[0].startswith("hebraud: compiling once")
    assert said_on_a_terminal(house, CALL.format(3.0)) == []


def test_who_waits_in_a_notebook_is_told_too(house):
    notebook = (
        "import sys, types; shell = types.SimpleNamespace(kernel=object())\n"
        "sys.modules['IPython'] = types.SimpleNamespace(get_ipython=lambda: shell)\n"
    )
    out, said = run(house, notebook + CALL.format(3.0))
    assert out == "7.0"
    assert said.startswith("hebraud: compiling once")
    assert said.count("\n") == 1
    assert run(house, notebook + CALL.format(3.0)) == ("7.0", "")


LOG = "sys.stderr = type('Log', (), {'write': lambda *_: 0, 'flush': lambda _: None})()"


@pytest.mark.parametrize("odd", ["sys.stderr = None", LOG, "sys.stderr.close()"])
def test_a_standard_error_that_is_no_terminal_of_any_kind_is_no_error(house, odd):
    assert run(house, f"import sys; {odd}\n" + CALL.format(3.0)) == ("7.0", "")


EVERYDAY = (
    COUNT
    + """
import numpy as np
from scipy.stats import norm
import hebraud as hl
rest, rates = hl.gaussian(0.3), np.geomspace(1e-3, 1.0, 6)
law = norm(1.0, 0.2)
for model in (
    hl.Model(1, relaxation=hl.ResidualStress(0.6), thresholds=hl.Redrawn(law)),
    hl.Model(hl.DropNoise(0.3), relaxation=hl.FractionalDrop(0.3)),
    hl.Model(0.2, relaxation=hl.Landing([-0.2, 0.3], [0.5, 0.5]), yielding=hl.PowerRate(0.5)),
    hl.Model(0.3, relaxation=hl.GaussianLanding(0.8, 0.2), thresholds=hl.Redrawn(law)),
    hl.Model(0.3, relaxation=hl.FractionalDrop(0.8), thresholds=hl.Quenched(law)),
):
    hl.steady_state(model, 0.2, hl.FiniteVolume(rtol=1e-2))
    hl.evolve(model, hl.Startup(1), rest, 1, rtol=1e-2)
    hl.evolve(model, hl.Startup(100), rest, 0.02, rtol=1e-2)
    hl.evolve(model, hl.Creep(0.2), rest, 1, rtol=1e-2)
    hl.evolve(model, hl.Oscillation(3.0, 2.0), rest, 1, rtol=1e-2)
    hl.simulate_blocks(model, hl.StrainStep(1), rest, 1, blocks=500, seed=2)
    hl.complex_modulus(model, [0.3, 3], 0.3, rtol=1e-2)
hl.relaxation_modulus(hl.Model(0.4, relaxation=hl.FractionalDrop(0.8)), [0.1, 1.0], 0.3, rtol=1e-2)
fit = hl.fit_flow_curve(rates, hl.flow_curve(hl.Model(0.25), rates).stress)
from hebraud.md.measure.clusters import label_clusters
from hebraud.md.measure.diffusion import stress_differences
label_clusters(np.ones((3, 4), dtype=bool).T, corners=True)
stress_differences([np.ones((64, 4), dtype=np.float32)], 0.1, 0.0, time_blocks=2, lags=[1, 2])
print(Count.names)
"""
)


def kernels():
    """Yield the folder that keeps it, the file and the name of every kernel compiled by itself."""
    for file in pkgutil.walk_packages(hebraud._kernels.__path__, "hebraud._kernels."):
        module = importlib.import_module(file.name)
        for name, found in vars(module).items():
            if (
                hasattr(found, "py_func")
                and found.py_func.__module__ == module.__name__
                and found.targetoptions.get("inline") != "always"
            ):
                yield Path(found._cache.cache_path), f"{file.name.rpartition('.')[2]}.{name}"


@pytest.mark.slow
def test_after_the_warm_up_nothing_is_left_to_compile():
    # in the cache that the other tests use; a minute where this is the first
    done = CliRunner().invoke(app, ["warm-up"])
    assert done.exit_code == 0, done.output
    again = CliRunner().invoke(app, ["warm-up"])
    assert again.stdout.startswith("all kernels are compiled (")
    missing = [
        name for place, name in kernels() if not list(place.glob(f"{name}-*.{stamp()}.kernel"))
    ]
    assert missing == []
    fresh = subprocess.run(
        [sys.executable, "-c", EVERYDAY], capture_output=True, text=True, timeout=100
    )
    assert fresh.stdout == "[]\n", fresh.stderr


def test_a_warm_up_that_cannot_be_kept_is_an_error_in_one_line(house):
    done = subprocess.run(
        **command(house, "from hebraud.cli import app; app(['warm-up'])", **blocked(house))
    )
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert "set NUMBA_CACHE_DIR" in done.stderr
