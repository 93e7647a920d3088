"""Monte Carlo: a sample of blocks, an independent check that uses no grid.

One step of length h holds D and g still. Given these it samples the linear process *exactly*,
whatever h is: every block makes one Gaussian move; candidates for yielding come as a Poisson
process at a rate R that bounds nu; the position at a candidate's time is drawn from the Brownian
bridge between the ends of the move; it yields with probability nu/R, lands, and moves on from
there for the rest of the step. A block that crosses its threshold and comes back within a step is
thus counted with the right weight. What is left of the error in time is that of holding D and g
still; they are extrapolated to the middle of the step, which makes it of order h^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hebraud.errors import ConvergenceError, check_number, check_whole_number
from hebraud.model.model import Model, check_model
from hebraud.model.protocols import Imposed, Segment, segments_of
from hebraud.model.starts import Start, check_start
from hebraud.solvers.block_thresholds import check_sample
from hebraud.solvers.history import History, as_made, output_times
from hebraud.solvers.monte_carlo.sample import Sample, ShearImposed, StressImposed, imposed_by

__all__ = ["simulate_blocks"]

Floats = NDArray[np.float64]

_REACH = 8.0
"""Standard deviations beyond which no block goes: a normal number is larger with probability 6e-16,
and a path between given ends strays beyond both by as many with probability exp(-8^2/2) = 1e-14."""
_CHUNK = 16_384
"""Normal numbers drawn at a time: as many as stay in the fast cache."""
_LINES = 64
"""Lines that stand for a continuous landing law: its first two moments need two."""
_MOST_BLOCKS = 100_000_000
"""The most blocks: five numbers of 8 bytes each and the random draws take some 5 GB."""
_MOST_STEPS = 10_000_000
"""The most steps: each is a line of the record, together some 2 GB."""


def midstep(now: float, before: float | None) -> float:
    """Return D in the middle of the coming step from D at its start and one step before.

    D (1 + (D - D')/(D + D')): the linear extrapolation to second order in the step, and between
    0 and 2 D always. Without a D', D itself.
    """
    return now if before is None or now == 0.0 else 2.0 * now * (now / (now + before))


def _open_quantiles(rng: np.random.Generator, n: int) -> Floats:
    """Return n numbers in (0, 1), neither end included, mirrored by 1 - q without rounding."""
    return np.asarray((rng.integers(0, 1 << 52, n) + 0.5) * 2.0**-52, dtype=np.float64)


@dataclass
class _Blocks:
    """The sample as it moves; every number here is of the present time."""

    model: Model
    stress: Floats
    threshold: Floats
    rng: np.random.Generator
    activity: float = 0.0
    release: float = 0.0
    diffusion: float = 0.0
    mean: float = 0.0
    stderr: float = 0.0
    events: int = 0
    candidates: int = 0
    block_steps: int = 0
    _highest: float = -math.inf
    _buffers: tuple[Floats, Floats, Floats] = field(init=False)
    _moments: tuple[float, float, float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        n = self.stress.size
        self._buffers = np.empty(n), np.empty(n), np.zeros(_CHUNK)  # 0 x garbage may be nan
        scale, offset, weight = self.model.relaxation.quadrature(_LINES)
        self._moments = (
            float(weight @ (1.0 - scale)),
            -float(weight @ offset),
            float(weight @ (1.0 - scale) ** 2),
            -2.0 * float(weight @ ((1.0 - scale) * offset)),
            float(weight @ offset**2),
        )
        self.shift(0.0)

    def shift(self, strain: float) -> None:
        """Shift all stresses, and take the mean fields of the present time afresh."""
        from hebraud._kernels.blocks import survey, weigh

        n = self.stress.size
        excess, over, _ = self._buffers
        count, self._highest, self.mean, variance = survey(
            self.stress, self.threshold, strain, excess, over
        )
        self.stderr = math.sqrt(variance)
        rates = self.model.yielding.rate(excess[:count])
        activity, release, square = weigh(rates, over[:count], *self._moments)
        self.activity, self.release = activity / n, release / n
        self.diffusion = self.model.noise.diffusion(self.activity, square / n)

    def advance(self, step: float, rate: float, diffusion: float) -> None:
        """Move and yield for one step at the given g and D: exact in law whatever the step."""
        from hebraud._kernels.blocks import move

        n, normals = self.stress.size, self._buffers[2]
        spread = math.sqrt(2.0 * diffusion * step)
        reach = abs(rate) * step + _REACH * spread
        limit = float(self.model.yielding.rate(np.array([self._highest + reach]))[0])
        block, time = self._arrivals(limit, step)
        begin = self.stress[block]
        half = n - n // 2
        first, second = self.stress[:half], self.stress[half:]
        for low in range(0, half, _CHUNK):
            part = slice(low, min(low + _CHUNK, half))
            z = normals[: part.stop - low]
            if spread > 0.0:
                self.rng.standard_normal(out=z)
            move(first[part], second[part], z, rate * step, spread)
        self._yield(block, time, begin, limit, step, rate, diffusion)
        self.block_steps += n

    def _arrivals(self, limit: float, step: float) -> tuple[NDArray[np.int64], Floats]:
        """Return blocks and times of the first candidate in each block that has one."""
        length = self.stress.size * step * limit
        if length == 0.0:
            return np.empty(0, dtype=np.int64), np.empty(0)
        # One Poisson process on the blocks' steps laid end to end, in units of 1/limit.
        mean_count = length + 6.0 * math.sqrt(length) + 10.0
        line = np.cumsum(self.rng.standard_exponential(int(mean_count)))
        while line[-1] < length:
            more = self.rng.standard_exponential(int(mean_count))
            line = np.concatenate([line, line[-1] + np.cumsum(more)])
        line = line[: np.searchsorted(line, length)] / (limit * step)
        block = np.minimum(line.astype(np.int64), self.stress.size - 1)
        fresh = np.concatenate([[True], block[1:] != block[:-1]])[: block.size]
        block = block[fresh]
        return block, np.minimum((line[fresh] - block) * step, step)

    def _yield(
        self,
        block: NDArray[np.int64],
        time: Floats,
        begin: Floats,
        limit: float,
        step: float,
        rate: float,
        diffusion: float,
    ) -> None:
        """Put every candidate to the test, then the next one of its block, till none is left."""
        from hebraud._kernels.blocks import bridge

        model, rng = self.model, self.rng
        # A block far below its threshold at both ends of its move was never over it.
        far = np.maximum(np.abs(begin), np.abs(self.stress[block])) - self.threshold[block]
        near = np.flatnonzero(far + _REACH * math.sqrt(0.5 * diffusion * step) > 0.0)
        block, time, begin = block[near], time[near], begin[near]
        since, limits = np.zeros(block.size), np.full(block.size, limit)
        while block.size:
            self.candidates += block.size
            normals = rng.standard_normal(block.size)
            here = bridge(begin, self.stress[block], since, time, step, diffusion, normals)
            nu = model.yielding.rate(np.abs(here) - self.threshold[block])
            if np.any(nu > limits):
                worst = int(np.argmax(nu - limits))
                raise ConvergenceError(
                    f"the yield rate {nu[worst]:.6g} at stress {here[worst]:.6g} exceeds its bound "
                    f"{limits[worst]:.6g} from larger overstresses: simulate_blocks needs a rate "
                    "that does not fall with overstress"
                )
            hit = np.flatnonzero(rng.random(block.size) * limits < nu)
            if hit.size:
                self.events += hit.size
                who, rest = block[hit], step - time[hit]
                landed = model.relaxation.land(here[hit], _open_quantiles(rng, hit.size))
                if model.thresholds.redraws:
                    self.threshold[who] = model.thresholds.ppf(_open_quantiles(rng, hit.size))
                here[hit] = landed
                spread = np.sqrt(2.0 * diffusion * rest)
                self.stress[who] = landed + rate * rest + spread * rng.standard_normal(hit.size)
                reach = abs(rate) * rest + _REACH * spread
                limits[hit] = model.yielding.rate(np.abs(landed) - self.threshold[who] + reach)
            # A block's limit is 0 where it cannot be over threshold again within the step.
            wait = rng.standard_exponential(block.size)
            left = np.flatnonzero(wait < limits * (step - time))
            block, since, begin, limits = block[left], time[left], here[left], limits[left]
            time = np.minimum(since + wait[left] / limits, step)


_COLUMNS = ("time", "strain", "shear_rate", "stress", "stress_err", "activity", "diffusion")


class _Run:
    """One run: what is imposed, step by step, and the record of it."""

    def __init__(self, blocks: _Blocks, step: float) -> None:
        self.blocks, self.step = blocks, step
        self.strain = 0.0
        self.steps = 0
        self.frozen_at: float | None = None
        self.rows: list[tuple[float, ...]] = []

    def segment(self, segment: Segment, start: float) -> None:
        """Run one segment: stretches of equal steps between its breakpoints."""
        imposed = imposed_by(segment)
        jump = segment.strain_step
        if segment.stress is not None:
            jump += segment.stress - self.blocks.mean - segment.strain_step
        if jump != 0.0:
            self.blocks.shift(jump)
            self.strain += jump
            self.frozen_at = None
        edges = [0.0, *segment.breakpoints, segment.duration]
        for low, high in pairwise(edges):
            self._stretch(imposed, low, high, start)

    def _stretch(
        self, imposed: ShearImposed | StressImposed, low: float, high: float, start: float
    ) -> None:
        # A whole number of steps; the 1e-9 forgives the rounding of (high - low)/step.
        count = max(1, math.ceil((high - low) / self.step - 1e-9))
        ends, h = np.linspace(low, high, count + 1), (high - low) / count
        # At a jump of the rate its two values belong to the two sides.
        asked = ends.copy()
        asked[0] += 1e-9 * h
        asked[-1] -= 1e-9 * h
        blocks = self.blocks
        before: tuple[float | None, float | None] = None, None
        rate = imposed.now(blocks, asked[0])
        self._record(start + low, rate)
        for k in range(count):
            if blocks.activity == blocks.diffusion == 0.0 and imposed.idle(ends[k], h):
                if self.frozen_at is None:
                    self.frozen_at = start + float(ends[k])
            else:
                self.frozen_at = None
                strained = imposed.over(blocks, ends[k], h, before[0])
                middle = midstep(blocks.diffusion, before[1])
                before = rate, blocks.diffusion
                blocks.advance(h, strained, middle)
                missing = imposed.missing(blocks)
                blocks.shift(missing)
                self.strain += strained * h + missing
                self.steps += 1
            rate = imposed.now(blocks, asked[k + 1])
            self._record(start + float(ends[k + 1]), rate)

    def _record(self, time: float, rate: float) -> None:
        b = self.blocks
        self.rows.append((time, self.strain, rate, b.mean, b.stderr, b.activity, b.diffusion))


def _draw(
    model: Model, start: Start, blocks: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    stress, threshold = start.sample(blocks, rng)
    if threshold is None:
        threshold = model.thresholds.ppf(_open_quantiles(rng, blocks))
    else:
        check_sample(model, stress, threshold)
    threshold = np.array(threshold, dtype=np.float64)
    return np.array(stress, dtype=np.float64), threshold


def simulate_blocks(
    model: Model,
    protocol: Imposed,
    start: Start,
    until: float | None = None,
    blocks: int = 100_000,
    step: float = 1e-2,
    t_eval: ArrayLike | None = None,
    seed: int = 0,
) -> History:
    """Follow a sample of blocks in time: Monte Carlo, for every model, protocol and start.

    Block i follows ds = g dt + sqrt(2 D) dW, yields at the rate nu(abs(s) - c) and lands by the
    model's relaxation; D = coupling(mean nu, mean nu E[(s - s')^2]) over all blocks at once.

    Within a step D and g are still (D from its values at the start of this and of the last step,
    extrapolated to the middle), and the linear process is then sampled exactly: yielding by
    Poisson candidates whose positions come from Brownian bridges. So there is no error of
    crossing: with :class:`FixedNoise` and a constant rate the results have no error in the step
    at all, elsewhere weak error O(step^2) where D(t) and g(t) are smooth, plus O(1/blocks) from
    the noise of D in a finite sample.

    Variance: the activity is the mean of nu over all blocks, not a count of events; blocks i and
    i + blocks/2 move with opposite noise, which leaves every mean unbiased.

    Under imposed stress g = mean nu (s - E[s'|s]), and what the sample mean still misses at the
    end of a step is put right by an affine shift of all blocks, which counts as strain.

    Parameters
    ----------
    model : Model
        Its yield rate must not fall with overstress.
    protocol : Startup, Cessation, StrainStep, Oscillation, ShearRate, Creep or Sequence
    start : Start
        The state at t = 0: ``gaussian(std)``, ``density(f)``, the ``final`` of a run.
    until : float, optional
        End in tau, > 0; None for a ``Sequence``.
    blocks : int
        Number of blocks, 2 ... 1e8 (which take 5 GB).
    step : float
        Longest step in tau, > 0. Steps are cut so that segments and breakpoints end with one.
        The cost of a step grows with step times the largest yield rate.
    t_eval : array_like, optional
        Times of output, ascending, between 0 and the end; by linear interpolation between the ends
        of steps, so that they never change the run. None: 201 times evenly spaced. At a jump, and
        at t = 0, the value after it.
    seed : int
        Whole number >= 0; the same seed gives the same run, bit for bit.

    Returns
    -------
    History
        ``stress_err`` is the standard error of the mean stress from the scatter of the blocks
        (pairs), in sigma_c, at the D(t) of this run; what the noise of D adds is not in it. That
        makes the scatter between seeds up to 1.4 times as large in Startup(0.1) at alpha = 0.3,
        and up to 3 times in slow flow near the critical coupling: use several seeds there.
        ``final`` is a :class:`Sample`. ``statistics``: steps, block_steps, events, candidates.
        ``frozen_at``: since when no block is over threshold and there is neither noise nor shear;
        a finite sample freezes when its last block over threshold has yielded.

    Raises
    ------
    ValueError
        If an argument is not of its kind; the message names it.
    ConvergenceError
        If the yield rate falls with overstress, so that its bound does not hold.

    Examples
    --------
    >>> import hebraud as hl
    >>> from hebraud.model.protocols import Startup
    >>> from hebraud.model.starts import gaussian
    >>> run = simulate_blocks(hl.Model(0.3), Startup(0.1), gaussian(0.3), until=20.0)
    >>> bool(abs(run.stress[-1] - hl.steady_state(hl.Model(0.3), 0.1).stress) < 0.02)
    True
    """
    check_model(model)
    segments = segments_of(protocol, until)
    check_start(start)
    count = check_whole_number("blocks", blocks, at_least=2, at_most=_MOST_BLOCKS)
    longest = check_number("step", step, above=0.0)
    most = max(segment.duration for segment in segments) / longest
    if most > _MOST_STEPS:
        raise ValueError(
            f"step must make at most {_MOST_STEPS} steps of a part of the run (each is recorded), "
            f"got {longest!r}, which makes {most:.3g}"
        )
    rng = np.random.Generator(np.random.SFC64(check_whole_number("seed", seed)))
    starts = np.cumsum([0.0, *(segment.duration for segment in segments)])
    end = float(starts[-1])
    times = np.linspace(0.0, end, 201) if t_eval is None else output_times(t_eval, end)
    numbers = {"until": end, "blocks": count, "step": longest, "seed": int(seed)}
    sample = _Blocks(model, *_draw(model, start, count, rng), rng)
    run = _Run(sample, longest)
    for segment, begin in zip(segments, starts[:-1], strict=True):
        run.segment(segment, float(begin))
    columns = dict(zip(_COLUMNS, np.array(run.rows).T, strict=True))
    knots = columns.pop("time")
    return History(
        model=model,
        time=times,
        mass_error=np.zeros(times.size),
        final=Sample(sample.stress, sample.threshold),
        frozen_at=run.frozen_at,
        statistics={
            "steps": run.steps,
            "block_steps": sample.block_steps,
            "events": sample.events,
            "candidates": sample.candidates,
        },
        settings=as_made("simulate_blocks", protocol, start, **numbers),
        **{name: np.interp(times, knots, column) for name, column in columns.items()},
    )
