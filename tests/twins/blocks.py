"""Slow twins of the Monte Carlo: plain Euler, plain loops, and the limit of many blocks."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm


def euler(alpha, rate, std, until, blocks, step, seed):
    """Classical model, the plainest way: move, count who is over, let them yield. Rows t, s, Gamma.

    Weak order one: a block that crosses and comes back within a step is missed.
    """
    rng = np.random.default_rng(seed)
    s = std * rng.standard_normal(blocks)
    rows = []
    for k in range(round(until / step)):
        over = np.abs(s) > 1.0
        activity = over.mean()
        rows.append((k * step, s.mean(), activity))
        s[over & (rng.random(blocks) < -np.expm1(-step))] = 0.0
        s += rate * step + np.sqrt(2.0 * alpha * activity * step) * rng.standard_normal(blocks)
    return np.array(rows).T


def move(stress, normals, shift, spread):
    """Block by block."""
    half = len(stress) - len(stress) // 2
    return np.array(
        [
            s + shift + spread * (normals[i] if i < half else -normals[i - half])
            for i, s in enumerate(stress)
        ]
    )


def means(stress, thresholds, nu, lines):
    """Mean stress, Gamma, release and released square, block by block and line by line."""
    sums = np.zeros(4)
    for s, c in zip(stress, thresholds, strict=True):
        rate = nu(abs(s) - c)
        sums += [s, rate, 0.0, 0.0]
        for scale, offset, weight in zip(*lines, strict=True):
            drop = s - scale * s - offset * np.sign(s)
            sums += [0.0, 0.0, rate * weight * drop, rate * weight * drop**2]
    return sums / len(stress)


class ManyBlocks:
    """The classical model with infinitely many blocks, on nodes in stress: no noise at all.

    The linear process is advanced by the exponential of its generator, so that all that differs
    between two steps is what a step does to D, or, in ``naive``, to the crossings.
    """

    def __init__(self, rate, cells=120, end=3.0):
        self.s = np.linspace(-end, end, 2 * cells + 1)
        n, dx = self.s.size, self.s[1] - self.s[0]
        self.zero = n // 2
        above = np.abs(self.s) - 1.0
        self.nu = np.where(abs(above) < 1e-9, 0.5, (above > 0.0).astype(float))
        up, down = np.eye(n, k=-1), np.eye(n, k=1)
        up_loss, down_loss = np.diag(up.sum(axis=0)), np.diag(down.sum(axis=0))
        self.noise = (up - up_loss + down - down_loss) / dx**2
        self.shear = rate * ((up - up_loss) - (down - down_loss)) / (2.0 * dx)
        self.yields = -np.diag(self.nu)
        self.yields[self.zero] += self.nu

    def run(self, alpha, p, until, step, middle):
        """Rows (stress, Gamma) at the ends of steps, D held at ``middle(D, D a step before)``."""
        rows, before = [(self.s @ p, self.nu @ p)], None
        for _ in range(round(until / step)):
            now = alpha * (self.nu @ p)
            held = middle(now, before)
            before = now
            p = expm(step * (self.shear + held * self.noise + self.yields)) @ p
            rows.append((self.s @ p, self.nu @ p))
        return np.array(rows)

    def stationary_activity(self, diffusion, step=None):
        """Gamma at fixed D: exact, or (given a step) of the naive Euler scheme."""
        moves = self.shear + diffusion * self.noise
        if step is None:
            matrix = moves + self.yields
        else:
            yields = -np.expm1(-step * self.nu)
            after = np.diag(1.0 - yields)
            after[self.zero] += yields
            matrix = after @ expm(step * moves) - np.eye(self.s.size)
        matrix[0] = 1.0  # the columns sum to zero: one row is free for the normalisation
        right = np.zeros(self.s.size)
        right[0] = 1.0
        p = np.linalg.solve(matrix, right)
        return self.nu @ p
