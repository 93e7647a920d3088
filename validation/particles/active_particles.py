"""Store and check the active particles at one moment of a run, for the map of Fig. 4.

``python -m validation.particles.active_particles --run DIR`` takes from a campaign's run at density
1.189 its slowest chain of seed 1 that keeps a configuration behind strain 1, shears the segment
that follows once more (bit for bit the chain's own: checked), and stores the moment at which the
stress falls most within one lag: positions, D2min, and the stress of the segment. Without ``--run``
it checks what is stored.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hebraud._files import sha256
from validation import DATA
from validation.particles.provenance import check_provenance

if TYPE_CHECKING:
    from hebraud.md.glass.configuration import Configuration
    from hebraud.md.glass.trajectory import Frames

STORED = DATA / "active_particles"
FILE = "active_particles.npz"
DENSITY, SEED = 1.189, 1
LAG, CUTOFF, THRESHOLD = 4.0, 2.0, 0.1  # of the observer `hebraud.md.observers.Plastic`

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moment:
    """One window of D2min and its segment of the run, in Lennard-Jones units.

    Attributes
    ----------
    position : (N, 2) array
        At the beginning of the window, within the box of edges (side, 0) and (strain side, side).
    d2min : (N,) array
    side, shear_rate : float
    strain : float
        Of the run, at the beginning of the window.
    series_strain, series_stress : (n,) arrays
        Strain and stress of the segment.
    active_strain, active : (m,) arrays
        Strain at the beginning of each of its windows, and how many particles are active.
    """

    position: Floats
    d2min: Floats
    side: float
    shear_rate: float
    strain: float
    series_strain: Floats
    series_stress: Floats
    active_strain: Floats
    active: NDArray[np.int64]

    @property
    def is_active(self) -> NDArray[np.bool_]:
        """Return True for each active particle."""
        return self.d2min > THRESHOLD


def read(data: Path = STORED) -> Moment:
    """Return what is stored; raises ``ValueError`` if it is not what its provenance describes."""
    check_provenance(data)
    with np.load(data / FILE) as packed:
        arrays = dict(packed)
    side, shear_rate, strain = (float(arrays.pop(n)) for n in ("side", "shear_rate", "strain"))
    return Moment(
        side=side,
        shear_rate=shear_rate,
        strain=strain,
        active=arrays.pop("active").astype(np.int64),
        **{name: array.astype(np.float64) for name, array in arrays.items()},
    )


def check(moment: Moment) -> None:
    """Assert that the moment is one of that segment, and active particles stand together."""
    from hebraud.md.measure.clusters import active_blocks, label_clusters

    count = int(np.count_nonzero(moment.is_active))
    window = int(np.argmin(np.abs(moment.active_strain - moment.strain)))
    assert count == moment.active[window], (count, moment.active[window])
    assert abs(len(moment.position) / moment.side**2 - DENSITY) < 1e-9
    # active particles stand in clusters: at most half as many as of particles strewn at random
    box, blocks = (moment.side, moment.side), (round(moment.side / 2.0),) * 2
    rng = np.random.default_rng(0)

    def clusters(active: Floats) -> int:
        return label_clusters(active_blocks(active, moment.strain, box, blocks))[1]

    strewn = np.mean([clusters(rng.permutation(moment.position)[:count]) for _ in range(20)])
    found = clusters(moment.position[moment.is_active])
    assert found < 0.5 * strewn, f"{found} clusters, {strewn:.0f} by chance"


def store(run: Path, destination: Path = STORED) -> Moment:
    """Measure a moment of the run in a folder (which is only read), and store it."""
    from hebraud.md.campaign.chain import read_segment
    from hebraud.md.campaign.plan_file import read_campaign
    from hebraud.md.campaign.workflow.steps import CAMPAIGN
    from hebraud.md.glass.configuration import Configuration
    from hebraud.md.glass.trajectory import Frames
    from hebraud.md.lammps.engine import lammps_version
    from hebraud.md.lammps.segment import Series, shear
    from hebraud.md.measure.nonaffine import d2min_series

    plan = read_campaign(run / CAMPAIGN)
    points = [plan.point(rate, SEED, DENSITY) for rate in sorted(plan.shear_rates)]
    point, before = next(
        (point, number)
        for point in points
        for number in range(1, plan.chains[point])
        if number * point.segment_strain > plan.settled - 1e-9
        and point.keeps(number)
        and point.segment_file(run, number + 1).exists()
    )
    start = Configuration.from_arrays(read_segment(point, run, before))
    assert point.recording is not None
    _, series, record = shear(
        point.glass.mixture,
        start,
        point.shear_rate,
        point.segment_steps,
        point.sample_every,
        recording=point.recording,
    )
    own = Series.from_arrays(read_segment(point, run, before + 1))
    if not np.array_equal(own.stress, series.stress):
        raise ValueError("this machine does not repeat the run bit for bit; run the chain here")
    frames = Frames.join([_first_frame(start, record.frames), record.frames])
    d2min = d2min_series(frames, LAG, CUTOFF)
    active = np.count_nonzero(d2min > THRESHOLD, axis=1)
    at = np.interp(frames.strain, series.strain, series.stress)
    apart = len(frames.strain) - len(d2min)
    window = int(np.argmin(at[apart:] - at[:-apart]))
    strain = float(frames.strain[window])
    arrays = {
        "position": _wrapped(frames.position[window], strain, start.side).astype(np.float32),
        "d2min": d2min[window].astype(np.float32),
        "side": start.side,
        "shear_rate": point.shear_rate,
        "strain": strain,
        "series_strain": series.strain,
        "series_stress": series.stress.astype(np.float32),
        "active_strain": frames.strain[: len(active)],
        "active": active.astype(np.uint16),
    }
    destination.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(destination / FILE, allow_pickle=False, **arrays)
    provenance = {
        "command": "python -m validation.particles.active_particles --run DIR, where DIR holds a "
        f"run of hebraud md run --preset {plan.name}",
        "date": datetime.now(UTC).date().isoformat(),
        "what": f"segment {before + 1} of {point.folder(Path())}: the window of D2min (lag {LAG:g},"
        f" cutoff {CUTOFF:g}) over which the stress falls most; a particle is active above "
        f"{THRESHOLD:g}",
        "versions": {name: version(name) for name in ("hebraud", "lammps", "numpy")}
        | {"lammps engine": str(lammps_version()), "python": platform.python_version()},
        "tolerance": "the same bits where the chain itself is repeated bit for bit (same LAMMPS, "
        "same kind of processor); elsewhere another moment of the same statistics",
        "sha256": {FILE: sha256((destination / FILE).read_bytes())},
    }
    (destination / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")
    return read(destination)


def _first_frame(start: Configuration, frames: Frames) -> Frames:
    """Return the configuration that a segment begins from as the frame before its first."""
    from hebraud.md.glass.trajectory import Frames

    return Frames(
        time=frames.time[:1] - frames.spacing,
        strain=np.array([start.strain]),
        position=start.unwrapped[None],
        species=frames.species,
        box=frames.box,
        velocity=start.velocity[None],
    )


def _wrapped(position: Floats, strain: float, side: float) -> Floats:
    """Return places within the box of edges (side, 0) and (tilt, side), abs(tilt) <= side/2."""
    tilt = np.remainder(strain + 0.5, 1.0) - 0.5
    up = position[:, 1] / side
    along = (position[:, 0] - tilt * position[:, 1]) / side
    u, v = along - np.floor(along), up - np.floor(up)
    return np.stack([side * (u + tilt * v), side * v], axis=1)


def main() -> None:
    """Check what is stored, or measure it again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", metavar="DIR", type=Path, help="a run's folder; it is only read")
    run = parser.parse_args().run
    moment = read() if run is None else store(run)
    check(moment)
    print(
        f"{np.count_nonzero(moment.is_active)} of {len(moment.d2min)} particles are active at "
        f"strain {moment.strain:.4f}, shear rate {moment.shear_rate:g}"
    )


if __name__ == "__main__":
    main()
