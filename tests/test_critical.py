"""Critical couplings: known formulas, and the onset of rest with D > 0 in the exact solver."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import hebraud as hl

UNIFORM = scipy.stats.uniform(0.5, 1.0)  # on (0.5, 1.5)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (hl.Model(0.3), 0.5),
        (hl.Model(0.3, thresholds=2.0), 2.0),
        (hl.Model(0.3, relaxation=hl.ResidualStress(0.5)), 0.375),
        (hl.Model(0.3, relaxation=hl.FractionalDrop(0.2)), (1 - 0.64) / 2),
        (hl.Model(0.3, relaxation=hl.Landing([0.5, -0.5], [0.5, 0.5])), 0.375),
        (hl.Model(hl.DropNoise(0.3)), 0.5),
        (hl.Model(hl.DropNoise(0.3), relaxation=hl.FractionalDrop(0.2)), 1.8 / 0.4),
        (hl.Model(0.3, thresholds=hl.Redrawn(scipy.stats.expon())), 1.0),  # <c^2>/2
        (hl.Model(0.3, thresholds=hl.Redrawn(UNIFORM)), (1 + 1 / 12) / 2),
        (hl.Model(0.3, thresholds=hl.Quenched(UNIFORM)), 0.375),  # <c^-2> = 4/3
        (hl.Model(0.3, thresholds=hl.Quenched([0.5, 2.0])), 1 / (4 + 0.25)),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.expon())), 0.0),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.norm(1.0, 0.3))), 0.0),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.weibull_min(2.0))), 0.0),
        (hl.Model(0.3, thresholds=hl.Quenched(scipy.stats.weibull_min(1.5))), 0.0),
    ],
    ids=str,
)
def test_known_values(model, expected):
    # 1e-7: the quadrature of a threshold law
    assert hl.critical_coupling(model) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    "slots",
    [
        {},
        {"relaxation": hl.ResidualStress(0.5)},
        {"thresholds": hl.Redrawn([0.4, 1.0, 1.7]), "relaxation": hl.ResidualStress(0.6)},
        {"thresholds": hl.Quenched([0.4, 1.0, 1.7]), "relaxation": hl.ResidualStress(0.1)},
    ],
    ids=repr,
)
def test_rest_begins_at_the_critical_coupling(slots):
    """D at rest rises as the square of the distance: 1e-3 above there is one, 1e-3 below none."""
    critical = hl.critical_coupling(hl.Model(1.0, **slots))
    above = hl.steady_state(hl.Model(1.001 * critical, **slots), 0.0)
    assert 0 < above.diffusion < 1e-4
    with pytest.raises(hl.NoStationaryState):
        hl.steady_state(hl.Model(0.999 * critical, **slots), 0.0)


def test_value_of_the_coupling_does_not_matter():
    for coupling in (hl.ActivityNoise, hl.DropNoise):
        values = {
            hl.critical_coupling(hl.Model(coupling(a), relaxation=hl.FractionalDrop(0.5)))
            for a in (0.25, 0.5, 4.0)
        }
        assert len(values) == 1


def test_what_is_not_known_is_said():
    with pytest.raises(ValueError, match="needs a coupling with feedback"):
        hl.critical_coupling(hl.Model(hl.FixedNoise(0.1)))
    wide = hl.Redrawn(scipy.stats.uniform(0.1, 2.0))
    with pytest.raises(NotImplementedError, match="land over a threshold"):
        hl.critical_coupling(hl.Model(0.3, relaxation=hl.FractionalDrop(0.2), thresholds=wide))


def test_weibull_of_shape_three_is_quenched_above_zero():
    """<c^-2> = Gamma(1 - 2/3); the nodes near c = 0 limit the quadrature to 1e-3."""
    law = scipy.stats.weibull_min(3.0)
    expected = 1 / (2 * law.expect(lambda c: c**-2.0))
    found = hl.critical_coupling(hl.Model(0.3, thresholds=hl.Quenched(law)))
    assert found == pytest.approx(expected, rel=2e-2)
    assert np.isfinite(found)
