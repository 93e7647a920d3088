"""What the cores were busy with: clocks of the steps, and the shares made of them."""

import contextlib
import json
import time

import pytest

from hebraud.md.clock import KINDS, spent, spent_on
from hebraud.md.workflow.shares import work_shares


def test_a_stopwatch_counts_its_own_kind_only():
    before = spent()
    with spent_on("files"):
        time.sleep(0.02)
    with contextlib.suppress(ValueError), spent_on("dumps"):
        time.sleep(0.01)
        raise ValueError
    took = {kind: seconds - before[kind] for kind, seconds in spent().items()}
    assert 0.02 <= took.pop("files") < 0.5
    assert 0.01 <= took.pop("dumps") < 0.5
    assert set(took.values()) == {0.0}


def receipt(folder, name, begin, end, **more):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps({"begin": begin, "end": end, **more}))


def test_shares_add_up_and_leave_out_what_is_not_of_this_run(tmp_path):
    chain = tmp_path / "density1-N4" / "seed1" / "rate0.1"
    receipt(chain, "shear000002.json", 101.0, 105.0, spent={"LAMMPS": 3.0, "observers": 0.5})
    receipt(chain, "frozen-matrix000002.json", 105.0, 107.0, spent={"frozen matrix": 1.5})
    two = {"LAMMPS": 2.0, "files": 0.5}
    receipt(chain.parent, "prepare.json", 100.0, 103.0, ranks=2, spent=two)
    receipt(chain, "shear000001.json", 90.0, 95.0, spent={"LAMMPS": 5.0})  # of an earlier run
    receipt(chain, "shear000003.json", 101.0, 102.0)  # of an earlier version
    (tmp_path / "density1-N4" / "parameters.json").write_text("{}")
    found = work_shares(tmp_path, 2, 100.0, 110.0)
    assert sum(found.by_kind.values()) == pytest.approx(1.0, abs=1e-12)
    assert found.by_kind["LAMMPS"] == pytest.approx(7.0 / 20.0)  # two ranks are two cores
    assert found.computing == pytest.approx(9.0 / 20.0)
    assert found.by_kind["files"] == pytest.approx(1.0 / 20.0)
    assert str(found).startswith(
        "45 % of the time of 2 cores (10 s) was spent in LAMMPS and kernels"
    )
    assert set(found.by_kind) == {*KINDS, "starts and waiting"}
