"""The local yield stress: shear a block inside a frozen matrix until it yields (Section 3.4).

Everything outside a square block follows the affine shear; the atoms inside are carried along and
then relax downhill, strain step by strain step (athermal, quasi-static). Only the block and a shell
of the matrix are kept: what lies farther cannot reach a target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hebraud._typing import Bools, Floats, Ints
from hebraud.errors import MeasurementError, check_number
from hebraud.md.glass.configuration import Configuration
from hebraud.md.glass.mixture import Mixture

__all__ = ["DROPS", "BlockYield", "block_grid", "local_yield"]


#: Definitions of the stress drop; the first is the default.
DROPS = ("at_fixed_strain", "one_step", "to_minimum")
_DRIFT = 1.5  # how far a target may move against the affine flow, in sigma_AA
_HALVINGS = 6  # of the strain step, to place the drop at fixed strain
_ELASTIC = 0.01  # strain over which the modulus is measured
_MOST_STEPS = 2000  # Newton steps for one minimum


@dataclass(frozen=True, eq=False)
class BlockYield:
    """One row a block; stresses in eps_AA/sigma_AA^2, over the undeformed area of the block.

    Parameters
    ----------
    centre : (B, 2) array
        In sigma_AA, in the box of the configuration.
    sign : int
        +1: sheared in the direction +x; -1: the other way.
    atoms : (B,) array of int
        Target atoms.
    stress_before : (B,) array
        sigma_xy of the block as it was, without its kinetic part: the second sum of eq. (6).
    stress_start : (B,) array
        The same after the block has relaxed at zero strain; the curve starts here.
    displacement_start : (B,) array
        Longest displacement of an atom in that relaxation, in sigma_AA: about 1e-3 in slow flow;
        above 0.1 the block was caught in the middle of an event, and the relaxation was one.
    modulus : (B,) array
        Slope d sigma/d gamma of the line through the strains up to 0.01.
    threshold : (B,) array
        Local yield stress sigma_c: ``sign`` times the block's whole stress at the first maximum,
        the one followed by a fall of more than ``fall``. NaN where the block has not yielded.
        Negative where a block yields before its stress has turned to the sense of the shear.
    strain_at_yield : (B,) array
        Strain (> 0) from the start to that maximum.
    drop : dict of (B,) arrays
        Stress lost in the event, > 0, by definition. ``at_fixed_strain``: by relaxation alone at
        the strain where the state before becomes unstable (placed by halving the strain step
        of ``one_step`` six times); ``one_step``: the largest in a single strain step, between the
        maximum and the next minimum; ``to_minimum``: from that maximum to that minimum, the one
        followed by a rise of more than ``fall``. NaN where there was none before ``max_strain``.
    iterations : (B,) array of int
        Newton steps tried, to the next minimum.
    """

    centre: Floats
    sign: int
    atoms: Ints
    stress_before: Floats
    stress_start: Floats
    displacement_start: Floats
    modulus: Floats
    threshold: Floats
    strain_at_yield: Floats
    drop: dict[str, Floats]
    iterations: Ints

    @property
    def yielded(self) -> Bools:
        """Return where the stress has fallen before ``max_strain``."""
        return np.isfinite(self.threshold)

    @property
    def distance(self) -> Floats:
        """Return the stress still to go to the threshold, from the relaxed start."""
        return self.threshold - self.sign * self.stress_start

    def __str__(self) -> str:
        """Return the means over the blocks that have yielded, and how many have not."""
        done = np.isfinite(self.drop[DROPS[0]])
        said = f"{len(self.atoms)} blocks, {np.sum(~self.yielded)} not yielded"
        if not done.any():
            return said
        threshold = self.threshold[self.yielded]
        drops = ", ".join(
            f"{name} {self.drop[name][done].mean() / self.threshold[done].mean():.3f}"
            for name in DROPS
        )
        return (
            f"{said}; threshold {threshold.mean():.3f}, std {threshold.std():.3f}; "
            f"drop/threshold: {drops}"
        )


def block_grid(configuration: Configuration, width: float) -> tuple[Floats, float]:
    """Return the centres of M x M squares that tile the sheared box, and their side L/M.

    M is the whole number nearest to L/width. The squares stand upright at any tilt: they lie in
    rows, and a row closes upon itself along x.
    """
    width = check_number("width", width, above=0.0, at_most=configuration.side)
    blocks = max(1, round(configuration.side / width))
    side = configuration.side / blocks
    along = side * (np.arange(blocks) + 0.5)
    x, y = np.meshgrid(along, along)
    return np.column_stack([x.ravel(), y.ravel()]), side


def potential(mixture: Mixture) -> Floats:
    """Return rows 4 eps sigma^12, 4 eps sigma^6, V(cutoff) before the shift; columns AA, AB, BB."""
    energy, diameter = np.array(mixture.energy), np.array(mixture.diameter)
    six = 4.0 * energy * diameter**6
    twelve = six * diameter**6
    return np.array([twelve, six, twelve / mixture.cutoff**12 - six / mixture.cutoff**6])


@dataclass(frozen=True, eq=False)
class _Block:
    """A block and its shell: places relative to the centre, targets first."""

    place: Floats
    kind: Ints
    targets: int
    area: float
    shell: float
    potential: Floats
    cutoff: float
    tolerance: float

    def follow(
        self, place: Floats, strain_step: float, steps: int, fall: float
    ) -> tuple[Floats, Floats, int]:
        """Return stresses, the targets' places at each row and the Newton steps tried."""
        from hebraud._kernels.particles import frozen

        verdict, virials, states, tried = frozen.follow(
            place.copy(),
            self.kind,
            self.targets,
            self.potential,
            self.cutoff,
            strain_step,
            steps,
            fall * self.area,
            self.shell,
            self.tolerance,
            _MOST_STEPS,
        )
        strain = strain_step * (len(virials) - 1)
        if verdict == frozen.STUCK:
            raise MeasurementError(
                f"no minimum within {_MOST_STEPS} Newton steps at strain {strain:g}, force "
                f"tolerance {self.tolerance:g}; take a larger tolerance"
            )
        if verdict == frozen.LEFT_SHELL:
            raise MeasurementError(
                f"a target has moved more than {_DRIFT:g} sigma_AA against the affine flow by "
                f"strain {strain:g} and may see atoms that are not kept; take a smaller max_strain"
            )
        return virials / self.area, states, tried

    def sheared(self, state: Floats, strain: float) -> Floats:
        """Return all places with the targets at ``state`` and the matrix at ``strain``."""
        place = self.place.copy()
        place[0::2] += strain * place[1::2]
        place[: state.size] = state
        return place


def _cut(
    configuration: Configuration,
    mixture: Mixture,
    centre: Floats,
    width: float,
    shell: float,
    tolerance: float,
) -> _Block:
    away = configuration.position - centre
    rows = np.round(away[:, 1] / configuration.side)
    away -= rows[:, None] * [configuration.tilt, configuration.side]
    away[:, 0] -= configuration.side * np.round(away[:, 0] / configuration.side)
    inside = np.all((away >= -0.5 * width) & (away < 0.5 * width), axis=1)
    gap = np.maximum(np.abs(away) - 0.5 * width, 0.0)
    near = np.hypot(gap[:, 0], gap[:, 1]) < shell
    order = np.concatenate([np.flatnonzero(inside), np.flatnonzero(near & ~inside)])
    if not inside.any():
        raise MeasurementError(
            f"the block of width {width:g} at {centre.tolist()} holds no particle; take a larger "
            "width"
        )
    return _Block(
        place=away[order].ravel(),
        kind=configuration.species[order].astype(np.int64) - 1,
        targets=int(inside.sum()),
        area=width * width,
        shell=shell,
        potential=potential(mixture),
        cutoff=mixture.cutoff,
        tolerance=tolerance,
    )


def _virial_stress(block: _Block) -> float:
    from hebraud._kernels.particles import frozen

    listed = frozen.pairs(block.place, block.kind, block.targets, block.cutoff)
    force = np.empty(2 * block.targets)
    _, virial, _ = frozen.push(
        block.place, block.targets, listed, block.potential, block.cutoff, force
    )
    return float(virial) / block.area


def _first_fall(stress: Floats, fall: float) -> tuple[int, int] | None:
    """Return the rows of the maximum before the first fall and where the fall is seen."""
    highest = np.maximum.accumulate(stress)
    fallen = np.flatnonzero(stress < highest - fall)
    if fallen.size == 0:
        return None
    return int(np.argmax(stress[: fallen[0]])), int(fallen[0])


def _drop_at_fixed_strain(block: _Block, state: Floats, strain: float, step: float) -> float:
    """Return the drop by relaxation alone, within one strain step from a stable state."""
    sign = np.sign(step)
    drop = 0.0
    for _ in range(_HALVINGS):
        step *= 0.5
        stress, states, _ = block.follow(block.sheared(state, strain), step, 2, np.inf)
        first, second = -sign * np.diff(stress)
        if second > first:
            state, strain = states[1], strain + step
        drop = float(max(first, second))
    return drop


def _yield_of(block: _Block, strain_step: float, steps: int, fall: float) -> dict[str, float]:
    """Return one row of ``BlockYield``, the drops under their own names."""
    sign = np.sign(strain_step)
    stress, states, tried = block.follow(block.place, strain_step, steps, fall)
    moved = (states[0] - block.place[: states.shape[1]]).reshape(-1, 2)
    few = min(round(_ELASTIC / abs(strain_step)), len(stress) - 1) + 1
    row = dict.fromkeys(("threshold", "strain_at_yield", *DROPS), np.nan) | {
        "atoms": block.targets,
        "stress_before": _virial_stress(block),
        "stress_start": float(stress[0]),
        "displacement_start": float(np.hypot(moved[:, 0], moved[:, 1]).max()),
        "modulus": float(np.polyfit(strain_step * np.arange(few), stress[:few], 1)[0]),
        "iterations": tried,
    }
    along = sign * stress
    found = _first_fall(along, fall)
    if found is None:
        return row
    top, seen = found
    row["threshold"] = float(along[top])
    row["strain_at_yield"] = top * abs(strain_step)
    after = _first_fall(-along[seen:], fall)
    if after is None:
        return row
    bottom = seen + after[0]
    falls = -np.diff(along[top : bottom + 1])
    steepest = top + int(np.argmax(falls))
    row["to_minimum"] = float(along[top] - along[bottom])
    row["one_step"] = float(falls.max())
    row["at_fixed_strain"] = _drop_at_fixed_strain(
        block, states[steepest], steepest * strain_step, strain_step
    )
    return row


def local_yield(
    configuration: Configuration,
    mixture: Mixture,
    centres: ArrayLike,
    width: float,
    sign: int = 1,
    strain_step: float = 1e-3,
    fall: float = 0.05,
    max_strain: float = 0.5,
    tolerance: float = 1e-8,
) -> BlockYield:
    """Shear blocks inside their frozen surroundings until they yield; return all of them.

    A block is what lies in the upright square of side ``width`` at the start; its atoms stay its
    own. Velocities play no part. The frozen matrix hinders relaxation: modulus and threshold are
    too high for small blocks, by tens of per cent at width 6.

    Parameters
    ----------
    configuration : Configuration
        A state of the steady flow, or a glass at rest.
    mixture : Mixture
    centres : (B, 2) array_like
        Centres of the blocks in sigma_AA, anywhere; ``block_grid`` gives a tiling.
    width : float
        Side W of a block in sigma_AA.
    sign : {1, -1}
        Shear in the direction of +x or against it.
    strain_step : float
        Strain between two minimisations, at most 0.005. Thresholds do not depend on it.
    fall : float
        Fall below the running maximum that counts as yielding, in eps_AA/sigma_AA^2.
    max_strain : float
        Where to give up; blocks that have not yielded have NaN.
    tolerance : float
        Largest force component left on a target, in eps_AA/sigma_AA.

    Raises
    ------
    ValueError
        For arguments outside their range.
    MeasurementError
        If the box is too small for a block and its shell, (cutoff + 1.5)/(sqrt(1 + max_strain^2/4)
        - max_strain/2) on each side; a block is empty; a minimum is not found; or an atom moves
        farther than the shell allows. The message names the block.
    """
    from hebraud._kernels.particles.frozen import shrinks

    width = check_number("width", width, above=0.0)
    strain_step = check_number("strain_step", strain_step, above=0.0, at_most=0.005)
    fall = check_number("fall", fall, above=0.0)
    max_strain = check_number("max_strain", max_strain, at_least=_ELASTIC, at_most=1.0)
    tolerance = check_number("tolerance", tolerance, above=0.0)
    if sign not in (1, -1):
        raise ValueError(f"sign must be 1 or -1, got {sign!r}")
    places = np.atleast_2d(np.asarray(centres, dtype=np.float64))
    if places.ndim != 2 or places.shape[1] != 2 or not np.isfinite(places).all():
        raise ValueError(f"centres must be finite, of shape (B, 2), got shape {places.shape}")
    shell = (mixture.cutoff + _DRIFT) / shrinks(max_strain)
    if width + 2.0 * shell > configuration.side:
        raise MeasurementError(
            f"a block of width {width:g} with its shell of {shell:.3g} on each side does not fit "
            f"the box of side {configuration.side:.4g}; take a smaller width or max_strain, or "
            "more particles"
        )
    steps = round(max_strain / strain_step)
    rows = []
    for centre in places:
        block = _cut(configuration, mixture, centre, width, shell, tolerance)
        try:
            rows.append(_yield_of(block, sign * strain_step, steps, fall))
        except MeasurementError as error:
            raise MeasurementError(f"block at {centre.tolist()}: {error}") from error
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    drop = {name: columns.pop(name) for name in DROPS}
    return BlockYield(centre=places, sign=int(sign), drop=drop, **columns)
