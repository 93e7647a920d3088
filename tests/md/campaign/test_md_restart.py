"""A run that is killed and started again ends with the same bytes."""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hebraud.md import CorruptCheckpoint, Frames, Preparation, Recording
from hebraud.md.campaign.chain import advance, read_chain, read_series, segments_done
from hebraud.md.campaign.state_point import Glass, StatePoint

pytestmark = [pytest.mark.md, pytest.mark.usefixtures("lammps")]


@dataclasses.dataclass(frozen=True)
class Wander:
    """An observer that looks back across the border of segments, and imports nothing."""

    back: int = 3
    name: str = "wander"

    def frames_before(self, spacing):
        return self.back

    def reduce(self, frames, before):
        seen = frames if before is None else Frames.join([before, frames])
        moved = seen.position[self.back :] - seen.position[: -self.back]
        return {"time": seen.time[self.back :], "square": (moved**2).mean(axis=(1, 2))}


QUICK = Preparation(melt_time=2.0, equilibrium_time=2.0, quench_rate=0.5, rest_time=10.0)
RECORDING = Recording(observers=(Wander(),), keep_from=1.0, keep_every=1.0)
POINT = StatePoint(
    Glass(120, 1.189, 5, preparation=QUICK),
    0.02,
    segment_steps=2000,
    recording=RECORDING,
)
SEGMENTS = 20
CHAIN = """
import sys
from pathlib import Path
from test_md_restart import POINT, SEGMENTS
from hebraud.md.campaign.chain import advance
while advance(POINT, Path(sys.argv[1])) < SEGMENTS:
    pass
"""


def start(script, tmp_path, directory):
    path = tmp_path / "script.py"
    path.write_text(script)
    folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    return subprocess.Popen([sys.executable, str(path), str(directory)], env=env)


def kill_after(process, directory, files, delay):
    """SIGKILL the process ``delay`` seconds after it has written ``files`` more segments."""
    goal = len(list(directory.rglob("segment*.h5"))) + files
    end = time.monotonic() + 60.0
    while process.poll() is None and len(list(directory.rglob("segment*.h5"))) < goal:
        assert time.monotonic() < end, "no segment was written in a minute"
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()


def content(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "provenance.json"
    }


def killed_chain(tmp_path, directory):
    """Kill a chain three times; return how far it had come at each."""
    reached = []
    for _ in range(3):
        kill_after(start(CHAIN, tmp_path, directory), directory, 2, random.uniform(0.0, 0.12))
        reached.append(segments_done(POINT, directory))
    return reached


def test_a_killed_chain_ends_with_the_same_bytes(tmp_path):
    whole = tmp_path / "whole"
    while advance(POINT, whole) < SEGMENTS:
        pass
    # a stall of this process can let the chain reach its end first: then try again
    for attempt in range(4):
        killed = tmp_path / f"killed{attempt}"
        reached = killed_chain(tmp_path, killed)
        if reached[-1] < SEGMENTS:
            break
    assert 0 < reached[0] < reached[-1] < SEGMENTS, f"killed at {reached}"
    assert start(CHAIN, tmp_path, killed).wait() == 0
    for part in killed.rglob(".*.part"):
        part.unlink()
    assert content(killed) == content(whole), f"killed at {reached}"
    strain = read_series(POINT, killed).strain
    assert len(strain) == SEGMENTS * 50
    chain = read_chain(POINT, killed)
    assert len(chain.snapshots) == 4
    time = np.concatenate([part["time"] for part in chain.observed["wander"]])
    assert time == pytest.approx(np.arange(4.0, SEGMENTS * 10 + 1))
    assert strain[-1] == pytest.approx(SEGMENTS * 0.2)


def test_a_damaged_or_missing_segment_is_reported(tmp_path):
    for _ in range(3):
        advance(POINT, tmp_path)
    last = POINT.segment_file(tmp_path, 3)
    whole = last.read_bytes()
    last.write_bytes(whole[:-500])
    with pytest.raises(CorruptCheckpoint, match=r"segment000003\.h5 is damaged"):
        advance(POINT, tmp_path)
    last.unlink()
    assert advance(POINT, tmp_path) == 3
    assert last.read_bytes() == whole
    POINT.segment_file(tmp_path, 2).unlink()
    with pytest.raises(CorruptCheckpoint, match=r"segment000002\.h5 is missing"):
        advance(POINT, tmp_path)


def test_other_settings_in_the_same_place_are_refused(tmp_path):
    advance(POINT, tmp_path)
    other = dataclasses.replace(POINT, segment_steps=4000)
    with pytest.raises(CorruptCheckpoint, match=r"another campaign \(segment_steps = 2000, not 4"):
        advance(other, tmp_path)
