"""The model's parameters from dump files of one steady flow, as far as they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import MeasurementError
from hebraud.md.glass.configuration import Configuration
from hebraud.md.glass.dumps import read_column, read_dump
from hebraud.md.glass.mixture import Mixture
from hebraud.md.glass.trajectory import Frames
from hebraud.md.measure.block_stress import atom_block_stress, block_count, block_stress, epochs
from hebraud.md.measure.diffusion import stress_differences
from hebraud.md.measure.duration import event_duration, late_event_duration
from hebraud.md.measure.local_stress import block_stress_law, time_block_moments
from hebraud.md.measure.local_yield import DROPS, block_grid, local_yield
from hebraud.md.measure.plastic import plastic_activity
from hebraud.md.measure.yield_means import yield_means
from hebraud.md.observers import Plastic
from hebraud.md.results.measures import balance, diffusion_estimates, event_estimates
from hebraud.md.results.symbols import DROP_SYMBOLS, quantity_rows
from hebraud.rheology.estimate import Estimate, Missing, or_missing

__all__ = ["DumpMeasures", "measure_dumps"]

Estimates = dict[str, Estimate | Missing]
_TIME_BLOCKS = 8  # the fewest that give an error bar
_NEEDS = {
    "G0": "a start-up of two or more samples; give shear_modulus where it is needed",
    "sigma_Y": "steady stresses at several shear rates",
    "A": "steady stresses at several shear rates",
}


@dataclass(frozen=True, eq=False)
class DumpMeasures:
    """Measures of one trajectory in steady flow.

    Attributes
    ----------
    shear_rate : float
        Mean over the frames, in 1/tau_0; its sign is that of the flow.
    density, block_width : float
        Particles per area, and W of the blocks.
    particles, frames : int
    estimates : mapping
        By symbol (`symbols.ROWS`), in Lennard-Jones units.
    block_stress : (F, M^2) array or None
        Of every frame, where the potential or the column of stresses was given.
    """

    shear_rate: float
    density: float
    block_width: float
    particles: int
    frames: int
    estimates: Mapping[str, Estimate | Missing]
    block_stress: Floats | None = field(repr=False)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return (symbol, value or why it is missing, unit, meaning), to print."""
        return quantity_rows(self.estimates)


def measure_dumps(
    paths: Sequence[str | PathLike[str]],
    timestep: float,
    type_map: Mapping[int, int] | None = None,
    mixture: Mixture | None = None,
    shear_modulus: Estimate | None = None,
    stress_column: str | None = None,
    plastic: Plastic | None = None,
    yield_every: float = 0.2,
) -> DumpMeasures:
    """Return the measures of dump files of one steady flow, without its transient.

    From positions: the fraction of active particles, l_pl, Gamma and tau_p. With the potential, or
    a column of per-atom stresses: D_sigma and block stresses. With the potential: local yield
    stresses and drops (a quarter of a minute for 100 blocks). Errors are those of eight parts.

    Parameters
    ----------
    paths : sequence of paths
        LAMMPS dump files in the order of time (`hebraud.md.read_dump`).
    timestep : float
        In tau_0.
    type_map : mapping of int to int, optional
        From the types of the files to 1 for A, 2 for B.
    mixture : Mixture, optional
        The potential. Block stresses then need vx, vy in the files.
    shear_modulus : Estimate, optional
        G0, for eq. (7) to the letter and for the balance of events and load.
    stress_column : str, optional
        Column of stress x area, xy (such as ``"c_stress[4]"``), instead of the potential.
    plastic : Plastic, optional
        How events are counted; None takes the defaults.
    yield_every : float
        Strain between two snapshots that are probed for local yield stresses.

    Raises
    ------
    MissingDependency
        If OVITO is not installed.
    ValueError
        As `hebraud.md.read_dump` does, or if the box is not sheared.
    """
    frames = read_dump(paths, timestep, type_map)
    if len(frames) < 2 or frames.strain[0] == frames.strain[-1]:
        raise ValueError("the box of these files is not sheared: no strain between two snapshots")
    rate = float(np.ptp(frames.strain) / np.ptp(frames.time))
    observer = plastic or Plastic()
    blocks = block_count(float(frames.box[0]), observer.mesoblock_width)

    def stresses() -> Floats:
        if stress_column is not None:
            return atom_block_stress(frames, read_column(paths, stress_column), blocks)
        if mixture is None:
            raise MeasurementError(
                "block stresses need a mixture (the potential) or a stress_column"
            )
        return block_stress(read_dump(paths, timestep, type_map, velocities=True), mixture, blocks)

    estimates: Estimates = {name: Missing(f"needs {needs}") for name, needs in _NEEDS.items()}
    if shear_modulus is not None:
        estimates["G0"] = shear_modulus
    kept = or_missing(stresses)
    estimates |= _each(
        ("D_sigma", "block stress"), lambda: _stresses(frames, kept, rate, shear_modulus)
    )
    estimates |= _each(("Gamma", "l_pl", "tau_p"), lambda: _events(frames, observer))
    estimates |= _each(
        ("sigma_c", "sigma_c_std", "drop"),
        lambda: _yields(frames, mixture, observer.mesoblock_width, yield_every),
    )
    estimates |= balance(estimates, rate)
    return DumpMeasures(
        shear_rate=float(np.sign(frames.strain[-1] - frames.strain[0])) * rate,
        density=frames.particles / float(np.prod(frames.box)),
        block_width=float(frames.box[0]) / blocks,
        particles=frames.particles,
        frames=len(frames),
        estimates=estimates,
        block_stress=None if isinstance(kept, Missing) else kept,
    )


def _each(symbols: Sequence[str], measure: Callable[[], Estimates]) -> Estimates:
    """Return the estimates of a measure, or for each of its symbols why it is missing."""
    found = or_missing(measure)
    return dict.fromkeys(symbols, found) if isinstance(found, Missing) else found


def _events(frames: Frames, observer: Plastic) -> Estimates:
    if len(frames) < 2 * _TIME_BLOCKS:
        raise MeasurementError(
            f"{len(frames)} snapshots are too few for the errors of {_TIME_BLOCKS} parts"
        )
    before = observer.frames_before(frames.spacing)
    cuts = np.linspace(0, len(frames), _TIME_BLOCKS + 1).astype(int)
    records = [
        observer.reduce(frames[low:high], frames[max(0, low - before) : low] if low else None)
        for low, high in pairwise(cuts.tolist())
    ]
    return {
        **event_estimates(plastic_activity(records)),
        "tau_p": or_missing(lambda: event_duration(records)),
        "tau_p late": or_missing(lambda: late_event_duration(records)),
    }


def _stresses(
    frames: Frames, kept: Floats | Missing, rate: float, shear_modulus: Estimate | None
) -> Estimates:
    if isinstance(kept, Missing):
        raise MeasurementError(kept.reason)
    flips = epochs(frames.strain, float(frames.box[1] / frames.box[0]))
    differences = stress_differences(
        [kept], frames.spacing, elastic_rate=0.0, epoch=[flips], time_blocks=_TIME_BLOCKS
    )
    estimates: Estimates = {**block_stress_law(time_block_moments([kept], _TIME_BLOCKS))}
    estimates |= _each(("D_sigma",), lambda: {**diffusion_estimates(differences.diffusion())})
    if shear_modulus is not None:
        load = shear_modulus.value * rate
        estimates["D_sigma eq. (7)"] = or_missing(
            lambda: differences.less(load).diffusion().D_sigma
        )
    return estimates


def _yields(frames: Frames, mixture: Mixture | None, width: float, every: float) -> Estimates:
    if mixture is None:
        raise MeasurementError("local yield stresses need a mixture (the potential)")
    lx, ly = (float(edge) for edge in frames.box)
    if not np.isclose(lx, ly, rtol=1e-5):
        raise MeasurementError(
            f"local yield stresses need a square box, this one is {lx:g} x {ly:g}"
        )
    passed = np.abs(frames.strain - frames.strain[0])
    chosen = np.searchsorted(passed + 1e-9, np.arange(0.0, passed[-1] + 1e-9, every))
    sense = 1 if frames.strain[-1] > frames.strain[0] else -1
    found = []
    for k in chosen.tolist():
        strain = float(frames.strain[k])
        glass = Configuration(
            position=frames.position[k],
            velocity=np.zeros_like(frames.position[k]),
            species=frames.species.astype(np.int32),
            image=np.zeros(frames.position[k].shape, np.int64),
            side=lx,
            tilt=(strain - float(epochs(strain))) * lx,
            strain=strain,
        )
        found.append(local_yield(glass, mixture, *block_grid(glass, width), sense))
    drops = {name: np.array([one.drop[name] for one in found]) for name in DROPS}
    means, _ = yield_means(np.array([one.threshold for one in found]), drops)
    return {DROP_SYMBOLS.get(name, name): value for name, value in means.items()}
