"""Linear response of any model: against closed forms, whole matrices, flow curves, sum rules."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.analytic import exact, linear
from hebraud.errors import ConvergenceError, NoStationaryState
from hebraud.solvers.chain.generator import Generator
from hebraud.solvers.linear_response import moduli
from hebraud.solvers.linear_response.linearised import Linearised
from hebraud.solvers.steady.finite_volume import solve
from hebraud.solvers.steady.null_vector import Stationary
from hebraud.solvers.steady.roots import Family
from strategies import relaxations, yieldings
from twins import stationary as naive

SAMPLES = [0.7, 1.0, 1.3]
VARIED = {
    "classical": hl.Model(0.8),
    "drop noise": hl.Model(hl.DropNoise(0.3)),
    "fixed noise": hl.Model(hl.FixedNoise(0.1)),
    "residual": hl.Model(0.8, relaxation=hl.ResidualStress(0.4)),
    "residual, redrawn": hl.Model(
        0.8, relaxation=hl.ResidualStress(0.8), thresholds=hl.Redrawn(SAMPLES)
    ),
    "quenched": hl.Model(0.8, thresholds=hl.Quenched(SAMPLES)),
    "fraction": hl.Model(0.8, relaxation=hl.FractionalDrop(0.5)),
    "fraction, quenched": hl.Model(
        0.8, relaxation=hl.FractionalDrop(0.5), thresholds=hl.Quenched(SAMPLES)
    ),
    "gaussian, redrawn, power": hl.Model(
        hl.DropNoise(0.3),
        relaxation=hl.GaussianLanding(0.8, 0.2),
        thresholds=hl.Redrawn(SAMPLES),
        yielding=hl.PowerRate(0.7),
    ),
}


def linearised(model, g, cells):
    """The linearised generator about the finite-volume state on so many cells, or about it."""
    state = solve(model, g, cells=cells)
    density = state.distribution
    n = density.grid.centres.size
    lines = min(max(n // 20, 8), 256)
    generator = Generator.of(model, density.grid, density.values, density.weights, lines)
    return Linearised(Stationary(model, generator, g), state.diffusion, density.masses.T)


def whole_matrix(about, model, g):
    """The linear operator as one matrix: the generator, and the feedback by differences."""
    generator = about.generator
    matrix = generator.matrix(about.diffusion, g).toarray()
    mass = about.mass.T.ravel()
    d, h = about.diffusion, 1e-3 * about.diffusion
    ahead, behind = (generator.matrix(x, g) @ mass for x in (d + h, d - h))
    yielded = generator.rates.T
    square = (yielded * generator.landing.release_square).ravel()
    noise = model.coupling.diffusion
    row = np.array(
        [
            noise(a, b) - noise(0.0, 0.0)
            for a, b in zip(yielded.ravel().tolist(), square.tolist(), strict=True)
        ]
    )
    return matrix + np.outer((ahead - behind) / (2.0 * h), row)


AT_REST = [name for name, model in VARIED.items() if not isinstance(model.coupling, hl.DropNoise)]


@pytest.mark.parametrize(
    ("name", "g"),
    [(name, g) for name in VARIED for g in (0.1, -0.5)] + [(name, 0.0) for name in AT_REST],
)
def test_the_resolvent_is_the_inverse_of_the_whole_matrix(name, g):
    """Tridiagonal + landing + feedback, against a dense solve with the matrix of another room."""
    model = VARIED[name]
    about = linearised(model, g, 150)
    matrix = whole_matrix(about, model, g)
    size = matrix.shape[0]
    source = about.loading
    for z in (0.01j, 1.0j, 30.0j, 0.5 + 2.0j):
        dense = np.linalg.solve(z * np.eye(size) - matrix, source.T.ravel())
        found = about.resolvent(z)(source).T.ravel()
        # the differences leave 1e-13 of mass, and 1/z = 100 times that in the dense solution
        assert np.abs(found - dense).sum() <= 1e-8 * np.abs(dense).sum()
    # no mass, in all or in every class that keeps its blocks, down to omega = 0
    still = about.resolvent(0.0)(source)
    held = still.sum(axis=0) if not model.thresholds.redraws else still.sum()
    assert np.abs(held).max() <= 1e-12 * np.abs(still).sum()
    assert np.abs(matrix @ still.T.ravel() + source.T.ravel()).sum() < 1e-8 * np.abs(source).sum()


@pytest.mark.parametrize("name", ["classical", "fraction", "quenched"])
def test_the_loading_is_the_slope_in_the_shear_rate_to_second_order(name):
    """Exactly a unit of stress; against dA/dg on smooth functions of stress, order two."""
    model, g, misfits = VARIED[name], 0.1, []
    for cells in (200, 400, 800):
        about = linearised(model, g, cells)
        assert about.stress(about.loading) == pytest.approx(1.0, abs=1e-12)
        assert abs(about.loading.sum()) < 1e-14
        mass = about.mass.T.ravel()
        matrices = [about.generator.matrix(about.diffusion, g * (1 + e)) for e in (1e-4, -1e-4)]
        slope = ((matrices[0] - matrices[1]) @ mass / (2e-4 * g)).reshape(about.mass.T.shape).T
        smooth = np.tanh(3.0 * about.generator.grid.centres - 1.0)
        misfits.append(abs(smooth @ (slope - about.loading).sum(axis=1)))
    assert misfits[2] < 1e-4
    assert math.log2(misfits[0] / misfits[2]) / 2.0 > 1.6


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
@pytest.mark.parametrize("alpha", [0.55, 0.8, 3.0, 1e3])
def test_the_closed_form_within_the_estimated_error(alpha, rtol):
    model, w = hl.Model(alpha), np.geomspace(1e-3, 1e3, 9)
    found, estimate = moduli._modulus(model, w, 0.0, rtol)
    truth = linear.complex_modulus(model, w)
    error = np.abs(found - truth) / np.minimum(np.abs(truth), np.abs(1.0 - truth))
    assert np.all(error <= estimate)
    assert np.all(estimate <= rtol)
    # omega G'' tends to a constant: its relative accuracy is kept
    assert found.imag == pytest.approx(truth.imag, rel=2.0 * rtol)


@pytest.mark.parametrize("alpha", [0.55, 0.8, 3.0])
def test_relaxation_modulus_of_the_closed_form(alpha):
    """G(t) of the classical model at rest against mpmath's Talbot inversion.

    The naive transform loses exp(sqrt(z/D)), and z reaches some 30/t: hence the digits.
    """
    times = [0.1, 1.0, 20.0]

    def transform(z):
        with mp.workdps(500):  # mpmath sets its own digits around every call
            return naive.classical_transform(mp.mpf(alpha), z)

    truth = [float(mp.invertlaplace(transform, t, method="talbot", degree=40)) for t in times]
    model = hl.Model(alpha)
    assert moduli.relaxation_modulus(model, times) == pytest.approx(truth, abs=1e-12)
    found, estimate = moduli._relaxation(model, np.array(times), 0.0, 1e-6)
    assert np.all(np.abs(found - truth) <= estimate + 1e-7)
    assert np.all(estimate <= 1e-6)


@pytest.mark.parametrize(
    ("name", "g"),
    [("classical", 0.0), ("classical", 0.3), ("fraction, quenched", 0.1), ("drop noise", -0.1),
     ("gaussian, redrawn, power", 0.2)],
)  # fmt: skip
def test_relaxation_against_the_exponential_of_the_whole_matrix(name, g):
    model = VARIED[name]
    about = linearised(model, g, 130)
    matrix = whole_matrix(about, model, g)
    times = np.array([1e-3, 1.0, 15.0])
    s = np.tile(about.generator.grid.centres, about.mass.shape[1])
    source = about.loading.T.ravel()
    truth = [s @ (scipy.linalg.expm(t * matrix) @ source) for t in times]
    found = about.relaxation(times, 1e-8)
    # local errors of 1e-8 at most, over some ten steps
    assert found == pytest.approx(truth, abs=3e-8)
    # what is asked for does not change what is computed
    assert about.relaxation(times[2:], 1e-8)[0] == found[2]


@pytest.mark.parametrize(("name", "g"), [("residual", 0.0), ("fraction", 0.3), ("drop noise", 1.0)])
def test_the_integral_of_the_relaxation_modulus_is_the_viscosity(name, g):
    about = linearised(VARIED[name], g, 150)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    edges = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 22)])
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    times = (middle[:, None] + half[:, None] * nodes).ravel()
    values = about.relaxation(times, 1e-9).reshape(-1, 12)
    # step errors of 1e-9 over relaxation times of order 10
    assert half @ (values @ weights) == pytest.approx(about.viscosity(), rel=1e-7)


@pytest.mark.parametrize(
    "model",
    [
        hl.Model(0.8, relaxation=hl.ResidualStress(0.4)),
        hl.Model(0.8, thresholds=hl.Redrawn(SAMPLES)),
        hl.Model(0.9, thresholds=hl.Quenched(SAMPLES), relaxation=hl.ResidualStress(0.2)),
        hl.Model(hl.FixedNoise(0.3)),
    ],
)
def test_zero_frequency_at_rest_is_the_slope_of_the_exact_flow_curve(model):
    rest = exact.stationary(model, 0.0)
    rate = 1e-7 * rest.diffusion
    slope = exact.stationary(model, rate).stress / rate
    omega = 1e-6 / slope
    assert complex(moduli.complex_modulus(model, omega) / (1j * omega * slope)) == pytest.approx(
        1.0, abs=3e-6
    )  # rtol, and a term of order omega times the slope
    assert moduli.viscosity(model) == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        # exact flow curves: differences of order four are right to 1e-8
        (hl.Model(0.3), 2e-6),
        (hl.Model(hl.DropNoise(0.3)), 2e-6),
        # finite volumes of rtol 1e-8 or so, over a twentieth of the rate
        (hl.Model(0.3, relaxation=hl.FractionalDrop(0.5)), 1e-5),
        (hl.Model(0.3, relaxation=hl.GaussianLanding(0.8, 0.2)), 3e-5),
        (hl.Model(0.3, yielding=hl.PowerRate(0.5)), 1e-5),
    ],
)
def test_zero_frequency_in_flow_is_the_slope_of_the_flow_curve(model, tolerance):
    g, h = 0.1, 0.005 if not exact.applies(model) else 0.001

    def stress(rate):
        if exact.applies(model):
            return exact.stationary(model, rate).stress
        return solve(model, rate, cells=5120).stress

    near, far = ((stress(g + k * h) - stress(g - k * h)) / (2 * k * h) for k in (1, 2))
    slope = (4.0 * near - far) / 3.0
    found = complex(moduli.complex_modulus(model, 1e-6, shear_rate=g))
    assert found.imag / 1e-6 == pytest.approx(slope, rel=tolerance)
    assert abs(found.real) < 1e-4 * found.imag


@pytest.mark.parametrize(("alpha", "g"), [(0.3, 0.1), (0.8, 1.0), (0.8, 0.0)])
def test_high_frequency_is_the_density_at_the_threshold(alpha, g):
    """omega G'' -> int theta s (-P') = P(1) + P(-1) + Gamma, from the exact state; G' -> 1."""
    model = hl.Model(alpha)
    state = exact.stationary(model, g)
    limit = float(state.density(np.array([1.0, np.nextafter(-1.0, -2.0)])).sum()) + state.activity
    w = np.array([1e4, 1e6, 1e8])
    found = moduli._modulus(model, w, g, 1e-6)[0]
    assert w[1:] * found.imag[1:] == pytest.approx(limit, rel=3e-6)
    assert np.all(np.abs(1.0 - found.real) < 10.0 / w**1.5)


def test_viscosity_of_any_model():
    # no exact formula: against a slow flow, whose stress is odd in the rate
    for model in (hl.Model(0.8, relaxation=hl.FractionalDrop(0.5)),
                  hl.Model(0.9, yielding=hl.PowerRate(1.0))):  # fmt: skip
        state = solve(model, 1e-5, rtol=1e-6)
        assert moduli.viscosity(model) == pytest.approx(state.stress / 1e-5, rel=3e-6)
    for below in (hl.Model(0.5), hl.Model(0.3, relaxation=hl.FractionalDrop(0.5)),
                  hl.Model(0.2, thresholds=hl.Redrawn(SAMPLES))):  # fmt: skip
        assert moduli.viscosity(below) == math.inf
    # a noise that feeds itself without bound leaves no state at all: not an infinite viscosity
    with pytest.raises(NoStationaryState, match="without bound"):
        moduli.viscosity(hl.Model(hl.DropNoise(0.7)))


samples = st.sampled_from([hl.Redrawn(SAMPLES), hl.Quenched(SAMPLES), hl.Redrawn([0.5, 2.0])])
couplings = st.one_of(
    st.floats(0.05, 3.0),
    st.floats(0.05, 0.45).map(hl.DropNoise),
    st.floats(0.01, 2.0).map(hl.FixedNoise),
)
any_model = st.builds(
    lambda a, r, t, y: hl.Model(a, relaxation=r, thresholds=t, yielding=y),
    couplings,
    relaxations,
    st.one_of(st.floats(0.3, 3.0), samples),
    yieldings,
)


@settings(max_examples=40)
@given(model=any_model, log_g=st.floats(-3.0, 1.0), log_w=st.floats(-3.0, 4.0))
def test_any_model_in_flow(model, log_g, log_w):
    """Finite, mirrored exactly, and both forms of G* one: the stress balance."""
    g, w = 10.0**log_g, 10.0**log_w
    try:
        one, two = linearised(model, g, 200), linearised(model, -g, 200)
    except (NoStationaryState, ConvergenceError, ValueError):
        assume(False)
    found = one.modulus(w)
    assert np.isfinite(found)
    assert two.modulus(w) == pytest.approx(found, rel=1e-7)
    change = one.resolvent(1j * w)(one.loading)
    low, high = 1j * w * one.stress(change), 1.0 - one.released(change)
    size = w * np.abs(one.generator.grid.centres) @ np.abs(change).sum(axis=1)
    assert abs(low - high) <= 1e-9 * (1.0 + size)


@settings(max_examples=30)
@given(model=any_model, log_w=st.floats(-3.0, 4.0))
def test_any_model_at_rest(model, log_w):
    """G'' > 0: a small strain on a state of rest costs work."""
    try:
        about = linearised(model, 0.0, 200)
    except (NoStationaryState, ConvergenceError, ValueError):
        assume(False)
    found = about.modulus(10.0**log_w)
    assert np.isfinite(found)
    assert found.imag > 0.0
    assert 0.0 < found.real <= 1.0 + 1e-3


def test_shapes():
    model = hl.Model(0.8, relaxation=hl.ResidualStress(0.2))
    assert moduli.complex_modulus(model, np.ones((2, 3)), rtol=1e-3).shape == (2, 3)
    assert moduli.complex_modulus(model, 1.0, rtol=1e-3).shape == ()
    assert moduli.complex_modulus(model, [], rtol=1e-3).shape == (0,)
    values = moduli.relaxation_modulus(model, [[1.0, 0.0], [0.1, 1.0]], rtol=1e-3)
    assert values.shape == (2, 2)
    assert values[0, 1] == 1.0
    assert values[0, 0] == values[1, 1] < values[1, 0] < 1.0


@pytest.mark.parametrize(
    "model", [hl.Model(0.5), hl.Model(0.3, thresholds=0.9),
              hl.Model(0.3, relaxation=hl.FractionalDrop(0.5))]
)  # fmt: skip
def test_below_the_critical_coupling(model):
    with pytest.raises(NoStationaryState, match="shear_rate > 0"):
        moduli.complex_modulus(model, 1.0)
    with pytest.raises(NoStationaryState, match="shear_rate > 0"):
        moduli.relaxation_modulus(model, 1.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, [1.0, 0.0], "fast"])
def test_bad_frequencies(bad):
    for model in (hl.Model(0.8), hl.Model(0.8, thresholds=0.5)):
        with pytest.raises(ValueError, match="omega must be a finite number > 0, got"):
            moduli.complex_modulus(model, bad)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"t must be a finite number >= 0, got t\[0\] = -1"):
        moduli.relaxation_modulus(hl.Model(0.8), [-1.0, 0.0])
    with pytest.raises(ValueError, match="model must be a hebraud"):
        moduli.complex_modulus(0.8, 1.0)
    with pytest.raises(ValueError, match="shear_rate must be a finite number, got nan"):
        moduli.complex_modulus(hl.Model(0.8), 1.0, shear_rate=math.nan)
    with pytest.raises(ValueError, match=r"rtol must be a finite number >= 1e-10 and <= 0.1, got"):
        moduli.relaxation_modulus(hl.Model(0.8), 1.0, rtol=0.0)


def test_a_modulus_that_needs_too_many_cells_is_refused(monkeypatch):
    monkeypatch.setattr(Family, "most_cells", lambda self: 1000)
    model = hl.Model(0.8, relaxation=hl.GaussianLanding(0.5, 0.3))
    with pytest.raises(ConvergenceError, match=r"only on .* cells, .* loosen rtol"):
        moduli.complex_modulus(model, 1e3, rtol=1e-10)


@pytest.mark.slow
def test_a_law_of_thresholds_that_needs_too_many_cells_is_refused():
    law = hl.Redrawn(scipy.stats.norm(1.0, 0.3))
    model = hl.Model(0.8, relaxation=hl.GaussianLanding(0.5, 0.3), thresholds=law)
    with pytest.raises(ConvergenceError, match="loosen rtol"):
        moduli.complex_modulus(model, 1e3, rtol=1e-10)
