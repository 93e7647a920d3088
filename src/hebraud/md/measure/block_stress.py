"""The stress of square blocks of the sheared box, eq. (6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Floats, Ints
from hebraud.errors import MeasurementError, check_number, check_whole_number
from hebraud.md.glass.mixture import Mixture
from hebraud.md.glass.trajectory import Frames

__all__ = ["atom_block_stress", "block_count", "block_stress", "cells", "cells_at", "epochs"]

_ROUNDING = 1e-9  # strains are products of many steps


def block_count(side: float, width: float = 6.0) -> int:
    """Return M = round(side/width), the number of blocks of width side/M along an edge.

    The default width is the size of a plastic event in the paper's Section 3.2. Raises
    ``ValueError`` if the box is narrower than half a block.
    """
    side = check_number("side", side, above=0.0)
    width = check_number("width", width, above=0.0, at_most=2.0 * side)
    return max(1, round(side / width))


def epochs(strain: ArrayLike, aspect: float = 1.0) -> Ints:
    """Return how often the box has flipped at each strain.

    Past a tilt of half a box edge the box is replaced by the one tilted the other way: the same
    lattice with other blocks, so that no stress difference may be taken across a flip. A tilt of
    half an edge (to 1e-9) has not flipped yet, as in LAMMPS.

    Parameters
    ----------
    strain : array
        Continuous shear strain of a box that was square at strain 0.
    aspect : float
        ly/lx of the box.
    """
    tilt = np.asarray(strain, dtype=np.float64) * aspect
    flips = np.ceil(np.abs(tilt) - 0.5 - _ROUNDING).astype(np.int64)
    return np.asarray(np.where(tilt < 0.0, -flips, flips))


def cells(
    position: Floats, strain: float, box: Floats, counts: tuple[int, int]
) -> tuple[Floats, Ints]:
    """Return where particles are in the tilted box (in units of its edges), and their cells.

    Cells are equal parallelograms along the edges of the box; they move with the affine flow and
    are redefined where it flips.
    """
    lx, ly = (float(edge) for edge in box)
    return cells_at(position, strain * ly - lx * float(epochs(strain, ly / lx)), box, counts)


def cells_at(
    position: Floats, tilt: float, box: Floats, counts: tuple[int, int]
) -> tuple[Floats, Ints]:
    """Return the places of particles in the box and their cells, for a given tilt of the box."""
    lx, ly = (float(edge) for edge in box)
    up = position[:, 1] / ly
    place = np.stack([(position[:, 0] - tilt * up) / lx, up], axis=1)
    place -= np.floor(place)
    place[place >= 1.0] = 0.0  # -1e-20 is rounded up to 1: the same place
    return place, np.minimum((place * counts).astype(np.int64), np.array(counts) - 1)


def atom_block_stress(frames: Frames, virial: ArrayLike, blocks: int) -> Floats:
    """Return the stress of M x M blocks from the virials of the particles, shape (F, M^2).

    Parameters
    ----------
    frames : Frames
    virial : (F, N) array
        Stress times area of each particle, tension positive: the xy column of LAMMPS'
        ``compute stress/atom`` in two dimensions.
    blocks : int
        M.

    Raises ``ValueError`` if ``blocks`` is no whole number >= 1 or the shapes do not match.
    """
    blocks = check_whole_number("blocks", blocks, at_least=1)
    each = np.asarray(virial, dtype=np.float64)
    if each.shape != frames.position.shape[:2]:
        raise ValueError(
            f"virial must have shape {frames.position.shape[:2]}, got {each.shape}: one number "
            "for each particle and frame"
        )
    area = float(np.prod(frames.box)) / blocks**2
    stress = np.empty((len(frames), blocks**2))
    for k, (strain, position) in enumerate(zip(frames.strain, frames.position, strict=True)):
        _, cell = cells(position, float(strain), frames.box, (blocks, blocks))
        block = cell[:, 0] * blocks + cell[:, 1]
        stress[k] = np.bincount(block, each[k], blocks**2) / area
    return stress


def block_stress(frames: Frames, mixture: Mixture, blocks: int) -> Floats:
    """Return the shear stress of M x M blocks in every frame, eq. (6) of the paper.

        sigma_m = (1/W^2) [-sum_{i in m} m v_ix v_iy + (1/2) sum_{i in m} sum_j V'(r_ij) x y / r]

    with W^2 the area of a block. A pair across a border gives half of its virial to either side, so
    that the mean over the blocks is the stress of the box (the paper says "summation", which holds
    for forces). Block (i, j), i along x, is column i M + j; see `cells`.

    Parameters
    ----------
    frames : Frames
        With velocities (relative to the affine flow).
    mixture : Mixture
        The pair potential, and the mass.
    blocks : int
        M.

    Returns
    -------
    stress : (F, M^2) array
        In eps_AA/sigma_AA^2; a positive shear rate makes it positive.

    Raises
    ------
    MeasurementError
        If the frames have no velocities.
    ValueError
        If ``blocks`` is no whole number >= 1.
    """
    from hebraud._kernels.particles.block_stress import add_pair_virials

    blocks = check_whole_number("blocks", blocks, at_least=1)
    if frames.velocity is None:
        raise MeasurementError(
            "frames have no velocities, and eq. (6) has a kinetic part; record the velocities"
        )
    aa, ab, bb = mixture.energy
    energy = np.array([[aa, ab], [ab, bb]])
    aa, ab, bb = mixture.diameter
    diameter = np.array([[aa, ab], [ab, bb]])
    species = np.asarray(frames.species, dtype=np.int64) - 1
    if not np.isin(species, (0, 1)).all():
        raise ValueError(f"species must be 1 (A) or 2 (B), got {np.unique(frames.species)}")
    lx, ly = (float(edge) for edge in frames.box)
    stress = np.empty((len(frames), blocks * blocks))
    for frame, (strain, position, velocity) in enumerate(
        zip(frames.strain, frames.position, frames.velocity, strict=True)
    ):
        tilt = strain * ly - lx * float(epochs(strain, ly / lx))
        fraction, cell = cells(position, float(strain), frames.box, (blocks, blocks))
        block = cell[:, 0] * blocks + cell[:, 1]
        kinetic = -mixture.mass * velocity[:, 0] * velocity[:, 1]
        total = np.bincount(block, kinetic, blocks * blocks).astype(np.float64)
        edges = np.array([lx, ly, tilt])
        add_pair_virials(fraction, species, block, edges, energy, diameter, mixture.cutoff, total)
        stress[frame] = total * (blocks * blocks / (lx * ly))
    return stress
