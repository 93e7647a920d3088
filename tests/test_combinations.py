"""Every public function takes every combination of the four slots.

Ninety models. Each is asked for a stationary state and, in turn, for one of the dearer things, so
that each of these meets every pair of slots (of relaxation and yielding every other pair).
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

import hebraud as hl
from hebraud.model.threshold_law import ThresholdLaw

COUPLINGS = (hl.ActivityNoise(0.3), hl.DropNoise(0.3), hl.FixedNoise(0.1))
RELAXATIONS = (
    hl.FractionalDrop(1.0),
    hl.FractionalDrop(0.2),
    hl.ResidualStress(0.3),
    hl.GaussianLanding(0.5, 0.2),
    hl.Landing((0.1, 0.6), (0.5, 0.5)),
)
THRESHOLDS = (
    1.0,
    hl.Redrawn(scipy.stats.norm(1.0, 0.3)),
    hl.Quenched(scipy.stats.uniform(0.6, 0.8)),
)
YIELDINGS = (hl.ConstantRate(), hl.PowerRate(1.0))
RATE = 0.5
COARSE = hl.FiniteVolume(rtol=1e-3)


def startup(model, until=1.0):
    """Mass is kept, none is negative, the stress stays below the elastic one."""
    run = hl.evolve(
        model, hl.Startup(RATE), start=hl.gaussian(0.3), until=until, rtol=1e-3, atol=1e-6
    )
    assert np.abs(run.mass_error).max() < 1e-12
    faces = np.linspace(*run.final.extent, 200)
    assert run.final.mass(faces, hl.Quenched(ThresholdLaw(*run.final.nodes))).min() >= 0.0
    assert 0.0 < run.stress[-1] < RATE * until
    return run


def blocks(model):
    """Twenty thousand blocks and the equation, after two strains: 5 standard errors."""
    run = startup(model, 4.0)
    sample = hl.simulate_blocks(
        model, hl.Startup(RATE), hl.gaussian(0.3), 4.0, blocks=20_000, step=0.05, t_eval=[4.0]
    )
    # 0.002: D held for a step of the blocks, and the tolerance of the run
    assert abs(sample.stress[-1] - run.stress[-1]) < 5.0 * sample.stress_err[-1] + 2e-3


def modulus(model):
    """G*(omega) of the steady flow is solid at high frequency: 1 - G* falls as 1/omega."""
    (value,) = hl.complex_modulus(model, [50.0], shear_rate=RATE, rtol=1e-2)
    assert value.real == pytest.approx(1.0, abs=0.05)
    assert 0.0 < value.imag < 0.1


def curve(model):
    """Stress rises with the rate, also through the solver that the model would choose itself."""
    found = hl.flow_curve(model, [RATE, 4.0 * RATE], COARSE)
    assert 0.0 < found.stress[0] < found.stress[1]
    assert np.all(found.diffusion > 0.0)
    if not isinstance(model.coupling, hl.FixedNoise):
        assert found.activity[0] < found.activity[1]


def critical(model):
    """A coupling is above or below its critical value, as the viscosity is finite or not."""
    if isinstance(model.coupling, hl.FixedNoise):
        with pytest.raises(ValueError, match="feedback"):
            hl.critical_coupling(model)
        return
    value = hl.critical_coupling(model)
    assert 0.0 < value < 10.0
    assert np.isinf(hl.viscosity(model, rtol=1e-2)) == (model.coupling.alpha < value)


def viscosity(model):
    """The slope of the flow curve at rest; infinite where there is a yield stress."""
    value = hl.viscosity(model, rtol=1e-3)
    slow = hl.steady_state(model, 1e-5, COARSE).stress
    if np.isinf(value):
        assert slow > 0.01
    else:
        assert slow / 1e-5 == pytest.approx(value, rel=1e-2)


TURNS = (startup, blocks, modulus, curve, critical, viscosity)
CASES = [
    pytest.param(
        hl.Model(coupling, relaxation=relaxation, thresholds=thresholds, yielding=yielding),
        turn := TURNS[(2 * i + j + 2 * k + m) % 6],
        id=f"{turn.__name__}-{i}{j}{k}{m}",
    )
    for (i, coupling), (j, relaxation), (k, thresholds), (m, yielding) in itertools.product(
        *map(enumerate, (COUPLINGS, RELAXATIONS, THRESHOLDS, YIELDINGS))
    )
]


@pytest.mark.parametrize(("model", "turn"), CASES)
def test_every_combination(model, turn):
    state = hl.steady_state(model, RATE, COARSE)
    cells, lines = state.distribution, model.relaxation.quadrature(64)
    s = cells.grid.centres
    rate = cells.masses * model.yielding.rate(np.abs(s) - cells.values[:, None])
    drop = s * (1.0 - lines.scale @ lines.weight) - np.sign(s) * (lines.offset @ lines.weight)
    # the masses, and g = Gamma <s_yield - s_landing>, to round-off on any grid
    assert cells.masses.min() >= 0.0
    assert cells.masses.sum() == pytest.approx(1.0, abs=1e-12)
    assert rate.sum() == pytest.approx(state.activity, rel=1e-12)
    assert (rate @ drop).sum() == pytest.approx(RATE, rel=1e-12)
    turn(model)
