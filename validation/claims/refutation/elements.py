"""A twin of runs in time for moderate rates: spectral elements in stress, RODAS in time.

It shares no code with the library. The density is nodal on Gauss-Lobatto-Legendre elements, graded
towards every stress at which it has a kink: thresholds, landings, images of one under the other.
With test functions v, and landing lines s' = k s + o sign(s) of weight w,

    int v P_j' = int v_s (g P_j - D P_j,s) - int nu_j v P_j + sum_q w_q int nu v(s') P

so that no mass is lost on any elements, as the nodal v sum to one. Blocks beyond an outflow end,
which cannot come back, are two moments: mass B and stress S,

    B' = F - B,      S' = a F + g B + D P(a) - S,      F = g P(a).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from scipy import sparse
from scipy.linalg import lapack
from scipy.sparse.linalg import splu
from scipy.special import ndtr

Floats = np.ndarray


@dataclass(frozen=True)
class Physics:
    """A model in plain numbers.

    D = noise[0] + noise[1] Gamma + noise[2] (released square); landing lines are rows (scale,
    offset, weight); thresholds are rows (value, weight), redrawn or kept; nu = overstress^eta.
    """

    noise: tuple[float, float, float]
    landing: tuple[tuple[float, float, float], ...] = ((0.0, 0.0, 1.0),)
    thresholds: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    redrawn: bool = False
    eta: float = 0.0


def _graded(a: float, b: float, finest: float, ratio: float, widest: float) -> list[float]:
    """Return edges from a to b with sizes that grow from both ends."""
    sizes, left, right = finest, [a], [b]
    while right[-1] - left[-1] > 2.5 * sizes:
        left.append(left[-1] + sizes)
        right.append(right[-1] - sizes)
        sizes = min(sizes / ratio, widest)
    middle = int(np.ceil((right[-1] - left[-1]) / sizes))
    inside = np.linspace(left[-1], right[-1], max(middle, 1) + 1)[1:-1]
    return [*left, *inside.tolist(), *right[::-1]]


def mesh(points: Sequence[float], ends: tuple[float, float], finest: float, widest: float,
         ratio: float = 0.4) -> Floats:  # fmt: skip
    """Return the edges of elements between ``ends``, graded towards the points between them."""
    stops = sorted({round(p, 12) for p in points if ends[0] < p < ends[1]})
    edges = [ends[0]]
    for a, b in itertools.pairwise([ends[0], *stops, ends[1]]):
        edges += _graded(a, b, min(finest, 0.4 * (b - a)), ratio, widest)[1:]
    return np.array(edges)


class Elements:
    """The equation of a :class:`Physics` on given elements."""

    def __init__(self, physics: Physics, edges: Floats, order: int = 8,
                 outflow: bool = False) -> None:  # fmt: skip
        self.physics, self.outflow = physics, outflow
        self.edges, self.order = edges, order
        basis = legendre.Legendre.basis(order)
        self.nodes = np.concatenate([[-1.0], basis.deriv().roots(), [1.0]])
        gauss = 2.0 / (order * (order + 1) * basis(self.nodes) ** 2)
        steps = self.nodes[:, None] - self.nodes + np.eye(order + 1)
        self.scale = steps.prod(axis=1)
        slope = self.scale[:, None] / self.scale / steps
        slope[np.diag_indices(order + 1)] = 0.0
        slope -= np.diag(slope.sum(axis=1))
        n = (edges.size - 1) * order + 1
        self.mass, self.s = np.zeros(n), np.zeros(n)
        self.drift, self.noise = np.zeros((n, n)), np.zeros((n, n))
        for k, (a, b) in enumerate(itertools.pairwise(edges)):
            own, J = slice(k * order, (k + 1) * order + 1), 0.5 * (b - a)
            self.s[own] = 0.5 * (a + b) + J * self.nodes
            self.mass[own] += J * gauss
            self.drift[own, own] += slope.T * gauss
            self.noise[own, own] -= slope.T @ (gauss[:, None] * slope) / J
        if outflow:
            self.drift[-1, -1] -= 1.0
        self.drift /= self.mass[:, None]
        self.noise /= self.mass[:, None]
        self.classes = len(physics.thresholds)
        self.shares = np.array([w for _, w in physics.thresholds])
        parts = [self._yield(c) for c, _ in physics.thresholds]
        self.gain = [part[0] for part in parts]
        self.sink, self.release, self.square = (
            np.array([part[m] for part in parts]) for m in (1, 2, 3)
        )
        self.landed = sum(w * o for _, o, w in physics.landing) if outflow else 0.0
        self._assemble()

    def _at(self, x: Floats) -> Floats:
        """Return the values of all nodal functions at points, (points, nodes)."""
        k = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, self.edges.size - 2)
        a, b = self.edges[k], self.edges[k + 1]
        z = (2.0 * x - a - b) / (b - a)
        out = np.zeros((x.size, self.s.size))
        distance = z[:, None] - self.nodes
        for j in range(self.order + 1):
            others = np.delete(distance, j, axis=1).prod(axis=1)
            out[np.arange(x.size), k * self.order + j] = others / self.scale[j]
        return out

    def _yield(self, c: float) -> tuple[Floats, Floats, Floats, Floats]:
        """Return, for nodal densities: where yields land, their rate, release and its square."""
        lines, n = self.physics.landing, self.s.size
        cuts = [*self.edges, -c, c]
        for k, o, _ in lines:
            if k != 0.0:
                back = [((self.edges - sign * o) / k, sign) for sign in (-1.0, 1.0)]
                cuts += [x for xs, sign in back for x in xs if sign * x > c]
        low, high = self.edges[0], self.edges[-1]
        stops = np.unique(np.round([x for x in cuts if low <= x <= high], 13))
        stops[0], stops[-1] = low, high
        x, w = np.polynomial.legendre.leggauss(self.order + 4)
        gain, moments = np.zeros((n, n)), np.zeros((3, n))
        for a, b in itertools.pairwise(stops):
            if abs(0.5 * (a + b)) <= c or b - a < 1e-12:
                continue
            s, sign = 0.5 * (a + b) + 0.5 * (b - a) * x, np.sign(a + b)
            if self.physics.eta > 0.0 and min(abs(a), abs(b)) < c + 1e-9:
                # a power law at its threshold: Gauss points in a variable that takes the root out
                far = b if sign > 0 else a
                u = 0.5 * (1.0 + x)
                s = sign * c + (far - sign * c) * u**4
                weight = 0.5 * w * abs(far - sign * c) * 4.0 * u**3
            else:
                weight = 0.5 * (b - a) * w
            rate = weight * (np.maximum(np.abs(s) - c, 0.0) ** self.physics.eta)
            own = self._at(s)
            for k, o, p in lines:
                to = k * s + o * sign
                there = self._at(to)
                rows, cols = (np.flatnonzero(v.any(axis=0)) for v in (there, own))
                gain[np.ix_(rows, cols)] += p * there[:, rows].T @ (rate[:, None] * own[:, cols])
                moments += np.array([p * rate * (s - to) ** m for m in (0, 1, 2)]) @ own
        return gain, *moments

    def _assemble(self) -> None:
        """Split the Jacobian: a banded (or sparse) part, and columns times rows.

        The unknowns are the classes one after another, then B, S and the strain.
        """
        n, k, order = self.s.size, self.classes, self.order
        size = k * n + 3
        self.fixed = all(scale == 0.0 for scale, _, _ in self.physics.landing)
        blocks = [-sparse.diags(sink / self.mass) for sink in self.sink]
        self.columns, self.rows = [], []
        if self.fixed:
            for side in (-1.0, 1.0):
                to = sum(w * self._at(np.array([side * o]))[0] for _, o, w in self.physics.landing)
                yields = self.sink * (side * self.s > 0.0)
                groups = [range(k)] if self.physics.redrawn else [[j] for j in range(k)]
                for group in groups:
                    column, row = np.zeros((2, size))
                    for j in group:
                        share = self.shares[j] if self.physics.redrawn else 1.0
                        column[j * n : (j + 1) * n] = share * to / self.mass
                        row[j * n : (j + 1) * n] = yields[j]
                    row[-3] = 1.0 if self.outflow and side > 0.0 else 0.0
                    self.columns.append(column)
                    self.rows.append(row)
        core = sparse.block_diag(blocks)
        if not self.fixed:
            gains = [[self.shares[i] * self.gain[j] / self.mass[:, None]
                      if self.physics.redrawn else self.gain[j] / self.mass[:, None] * (i == j)
                      for j in range(k)] for i in range(k)]  # fmt: skip
            core = core + sparse.csr_matrix(np.block(gains))
        tail = np.diag([-1.0, -1.0, 0.0]) if self.outflow else np.zeros((3, 3))
        self._still = sparse.csr_matrix(sparse.block_diag([core, tail]))
        move = sparse.block_diag([sparse.csr_matrix(self.drift)] * k + [np.zeros((3, 3))]).tolil()
        wide = sparse.block_diag([sparse.csr_matrix(self.noise)] * k + [np.zeros((3, 3))]).tolil()
        if self.outflow:
            end, a = k * n - 1, self.edges[-1]
            move[-3, end], move[-2, end], move[-2, -3], wide[-2, end] = 1.0, a, 1.0, 1.0
        self._move, self._wide = move.tocsr(), wide.tocsr()
        _, a, b = self.physics.noise
        self._dD, self._dg = np.zeros((2, size))
        self._dD[:-3] = a * self.sink.ravel() + b * self.square.ravel()
        self._dg[:-3] = self.release.ravel()
        self._sinks = np.append(self.sink.ravel(), [float(self.outflow), 0.0, 0.0])
        if self.outflow:
            self._dD[-3] = a
            self._dg[-3:-1] = -self.landed, 1.0
        self._band = order
        self._bands = [self._banded(m) for m in (self._still, self._move, self._wide)]

    def _banded(self, matrix: Any) -> Floats:
        """Return a matrix in LAPACK's band storage, with room for its factors."""
        w, whole = self._band, matrix.tocoo()
        out = np.zeros((3 * w + 1, matrix.shape[0]))
        if self.fixed:
            np.add.at(out, (2 * w + whole.row - whole.col, whole.col), whole.data)
        return out

    # -- the system of ordinary equations: (classes x nodes), B, S, strain -----------------------
    def fields(self, y: Floats) -> tuple[float, float]:
        """Return the activity and D of a state."""
        return float(self._sinks @ y), self.physics.noise[0] + float(self._dD @ y)

    def slope(self, t: float, y: Floats, rate: Callable[[float], float] | None) -> Floats:
        """Return dy/dt."""
        g = float(self._dg @ y) if rate is None else rate(t)
        D = self.fields(y)[1]
        out = self._still @ y + g * (self._move @ y) + D * (self._wide @ y)
        for column, row in zip(self.columns, self.rows, strict=True):
            out += column * float(row @ y)
        out[-1] = g
        return out

    def _solver(self, t: float, y: Floats, rate: Callable[[float], float] | None,
                shift: float) -> Callable[[Floats], Floats]:  # fmt: skip
        """Return the solver of (shift - Jacobian) x = b."""
        g = float(self._dg @ y) if rate is None else rate(t)
        D = self.fields(y)[1]
        U, V = [*self.columns, self._wide @ y], [*self.rows, self._dD]
        if rate is None:
            column = self._move @ y
            column[-1] = 1.0
            U, V = [*U, column], [*V, self._dg]
        if self.fixed:
            w = self._band
            bands = -(self._bands[0] + g * self._bands[1] + D * self._bands[2])
            bands[2 * w] += shift
            lu, pivots, info = lapack.dgbtrf(bands, w, w)
            if info:
                raise RuntimeError(f"singular at t = {t}")

            def inner(b: Floats) -> Floats:
                return lapack.dgbtrs(lu, w, w, b, pivots)[0]

        else:
            whole = shift * sparse.identity(y.size) - self._still - g * self._move - D * self._wide
            inner = splu(whole.tocsc()).solve
        columns, rows = np.array(U).T, np.array(V)
        done = inner(columns)
        small = np.linalg.inv(np.eye(len(U)) - rows @ done)

        def solve(b: Floats) -> Floats:
            x = inner(b)
            return x + done @ (small @ (rows @ x))

        return solve

    def start(self, std: float, mean: float = 0.0) -> Floats:
        """Return the state of a Gaussian that a strain ``mean`` has shifted from 0.

        What of it lies beyond an outflow end is in B and S.

        Raises
        ------
        ValueError
            If the elements do not hold it.
        """
        y = np.zeros(self.classes * self.s.size + 3)
        P = np.exp(-0.5 * ((self.s - mean) / std) ** 2) / (np.sqrt(2.0 * np.pi) * std)
        y[:-3], y[-1] = np.outer(self.shares, P).ravel(), mean
        if self.outflow:
            z = (self.edges[-1] - mean) / std
            y[-3] = ndtr(-z)
            y[-2] = mean * y[-3] + std * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
        if abs(self.total(y) - 1.0) > 1e-7:
            raise ValueError(f"the elements hold {self.total(y)} of the start")
        return y

    def stress(self, y: Floats) -> float:
        """Return the mean stress of a state."""
        return float(y[:-3].reshape(self.classes, -1).sum(axis=0) @ (self.mass * self.s) + y[-2])

    def total(self, y: Floats) -> float:
        """Return the total probability of a state."""
        return float(y[:-3].reshape(self.classes, -1).sum(axis=0) @ self.mass + y[-3])

    def run(
        self,
        y: Floats,
        rate: Callable[[float], float] | None,
        times: Floats,
        tolerance: float,
        begin: float = 0.0,
        stops: Sequence[float] = (),
    ) -> tuple[Floats, Floats]:
        """Return rows (stress, activity, strain) at ``times``, and the state at the last one.

        The integrator ends a step at every time of output and at every stop.
        """
        rows, h, before = [], 1e-9 * (max([*times, *stops]) - begin), 0.0
        for end in np.unique(np.concatenate([times, stops])):
            while begin < end:
                h, last = min(h, end - begin), h >= end - begin
                new, error = self._step(begin, y, h, rate)
                size = tolerance * (1.0 + np.maximum(np.abs(y), np.abs(new)))
                size[-3:] = tolerance * (1.0 + np.abs(new[-3:]))
                wrong = float(np.sqrt(np.mean((error / size) ** 2)))
                factor = min(5.0, max(0.2, 0.9 * max(wrong, 1e-10) ** -0.25))
                if wrong <= 1.0:
                    y, begin = new, float(end) if last else begin + h
                    self.steps += 1
                    self.peak = max(self.peak, abs(self.stress(y)))
                    h = h * factor if not last else max(h * factor, before)
                else:
                    h *= factor
                before = h
                if h < 1e-15 * end:
                    raise RuntimeError(f"the step vanishes at t = {begin}")
            self._held(y)
            if end in times:
                rows.append((self.stress(y), self.fields(y)[0], y[-1]))
        return np.array(rows).reshape(-1, 3).T, y

    steps, peak = 0, 0.0

    def _held(self, y: Floats) -> None:
        """Raise if the density has come to an end of the elements where there is no outflow."""
        P, w = y[:-3].reshape(self.classes, -1), self.order + 1
        ends = [np.abs(P[:, :w] * self.mass[:w]).sum()]
        if not self.outflow:
            ends.append(np.abs(P[:, -w:] * self.mass[-w:]).sum())
        if max(ends) > 1e-7:
            raise RuntimeError(f"the elements are too short: a mass of {max(ends):.1e} at an end")

    def _step(self, t: float, y: Floats, h: float,
              rate: Callable[[float], float] | None) -> tuple[Floats, Floats]:  # fmt: skip
        """Return a step of the Rosenbrock method RODAS (Hairer and Wanner), and its error."""
        solve = self._solver(t, y, rate, 1.0 / (0.25 * h))
        dt = np.zeros_like(y)
        if rate is not None:
            small = 1e-6 * h
            change = (rate(t + small) - rate(t)) / small
            dt = change * (self._move @ y)
            dt[-1] = change
        stages: list[Floats] = []
        for a, c, time, d in _RODAS:
            at = y + sum((w * k for w, k in zip(a, stages, strict=False)), np.zeros_like(y))
            right = self.slope(t + time * h, at, rate) + h * d * dt
            for w, k in zip(c, stages, strict=True):
                right += (w / h) * k
            stages.append(solve(right))
        return at + stages[-1], stages[-1]


_A5 = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895)
_RODAS = (
    ((), (), 0.0, 0.25),
    ((1.544,), (-5.6688,), 0.386, -0.1043),
    ((0.9466785280815826, 0.2557011698983284), (-2.430093356833875, -0.2063599157091915),
     0.21, 0.1035),
    ((3.314825187068521, 2.896124015972201, 0.9986419139977817),
     (-0.1073529058151375, -9.594562251023355, -20.47028614809616), 0.63, -0.0362),
    (_A5, (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.7089089320616), 1.0, 0.0),
    ((*_A5, 1.0), (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136,
                   -6.058818238834054), 1.0, 0.0),
)  # fmt: skip
