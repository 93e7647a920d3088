"""Slow twins of the frozen matrix: all pairs and nine images, and plain steepest descent."""

import itertools

import numpy as np


def energies(configuration, mixture, place, chosen, gamma=0.0):
    """Energy of the pairs with an atom in ``chosen``, and the same with a half for an outer one.

    ``place``: all positions, sheared by ``gamma`` more, box and all.
    """
    c, kind = configuration, configuration.species - 1
    whole = weighted = 0.0
    for i, (a, b) in itertools.product(
        np.flatnonzero(chosen), itertools.product((-1, 0, 1), repeat=2)
    ):
        gap = place - place[i] + [a * c.side + b * c.tilt, b * c.side]
        gap[:, 0] += gamma * gap[:, 1]
        r = np.hypot(*gap.T)
        near = (r < mixture.cutoff) & (r > 0.0)
        pair = kind[near] + kind[i]
        eps, sig = np.array(mixture.energy)[pair], np.array(mixture.diameter)[pair]
        v = [4 * eps * ((sig / x) ** 12 - (sig / x) ** 6) for x in (r[near], mixture.cutoff)]
        whole += np.sum((v[0] - v[1]) * np.where(chosen[near], 0.5, 1.0))
        weighted += 0.5 * np.sum(v[0] - v[1])
    return whole, weighted


def descend(place, push, step, tolerance):
    """Steepest descent with a fixed step; ``push`` gives the forces on the first atoms."""
    while np.abs(force := push(place)).max() > tolerance:
        place[: force.size] += step * force
    return place
