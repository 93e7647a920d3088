"""Files are whole, checked, and the same every time."""

import errno
import os

import numpy as np
import pytest

from hebraud._files import write_whole
from hebraud.md import CorruptCheckpoint
from hebraud.md.campaign.files import read_arrays, write_arrays

pytest.importorskip("h5py", reason='h5py is not installed: pip install "hebraud[md]"')
pytestmark = pytest.mark.md
ARRAYS = {"position": np.random.default_rng(0).normal(size=(50, 2)), "steps": np.array([7])}


def test_there_and_back(tmp_path):
    write_arrays(tmp_path / "a.h5", ARRAYS, {"seed": 1})
    write_arrays(tmp_path / "b.h5", ARRAYS, {"seed": 1})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    back = read_arrays(tmp_path / "a.h5", {"seed": 1})
    assert all(np.array_equal(back[name], ARRAYS[name]) for name in ARRAYS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "b.h5"]


def test_damage_anywhere_is_seen(tmp_path):
    path = tmp_path / "a.h5"
    write_arrays(path, ARRAYS, {"seed": 1})
    whole = path.read_bytes()
    at = whole.index(ARRAYS["position"].tobytes()) + 100
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(CorruptCheckpoint, match=r"a\.h5 is damaged \(its checksum.*delete it"):
        read_arrays(path, {"seed": 1})
    for short in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:short])
        with pytest.raises(CorruptCheckpoint, match=r"a\.h5 is damaged"):
            read_arrays(path, {"seed": 1})


def test_another_runs_file_is_refused(tmp_path):
    write_arrays(tmp_path / "a.h5", ARRAYS, {"seed": 1, "lammps": 1})
    with pytest.raises(CorruptCheckpoint, match=r"another campaign \(seed = 1, not 2\)"):
        read_arrays(tmp_path / "a.h5", {"seed": 2, "lammps": 1})


def test_a_full_disk_harms_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        OSError, match=r"could not write .*a\.txt: No space left.*free space"
    ) as seen:
        write_whole(path, "new")
    assert seen.value.errno == errno.ENOSPC
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
