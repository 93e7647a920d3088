"""The cache of compiled kernels: never stale, never in the way, one cache for many processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hebraud

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
    for folder in (house / "_kernels", house):
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        (folder / "__pycache__").write_text("")
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
    # a float, an integer and a complex number: three signatures of one kernel, compiled at once.
    # In numba's index the last to write wins, and its entry may hold another's machine code.
    calls = {"3.0": "7.0", "3": "7.0", "3j": "(1+6j)"}
    racing = [subprocess.Popen(**command(house, CALL.format(x))) for x in [*calls, *calls]]
    for process, right in zip(racing, [*calls.values()] * 2, strict=True):
        out, said = process.communicate(timeout=100)
        assert (out.strip(), said) == (right, "")
    for x, right in calls.items():
        script = COUNT + CALL.format(x) + "; print(Count.names)"
        assert run(house, script)[0] == f"{right}\n[]"
    assert len(entries(house)) == 6
    left = [path.name for path in entries(house)[0].parent.iterdir()]
    assert all(name.endswith((".kernel", ".pyc")) for name in left)
