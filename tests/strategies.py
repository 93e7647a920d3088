"""Strategies for hypothesis: random choices for the slots of a model, and for all of them."""

from __future__ import annotations

import numpy as np
import scipy.stats
from hypothesis import strategies as st

import hebraud as hl

relaxations = st.one_of(
    st.floats(0.05, 1.0).map(hl.FractionalDrop),
    st.floats(0.0, 2.0).map(hl.ResidualStress),
    st.builds(hl.GaussianLanding, st.floats(0.1, 1.0), st.floats(0.05, 1.0)),
    st.sampled_from(
        [
            hl.Landing((0.5, -0.3), (0.25, 0.75)),
            hl.Landing((0.9, 0.0, -0.9), (0.25, 0.5, 0.25)),
            hl.Landing((0.4, -0.2), (0.5, 0.5), relative=False),
            hl.Landing((1.0, 0.1), (0.5, 0.5)),
        ]
    ),
)
laws = st.sampled_from(
    [
        scipy.stats.norm(1.0, 0.3),
        scipy.stats.expon(),
        scipy.stats.weibull_min(2.0),
        [0.5, 1.0, 1.0, 1.5],
    ]
)
thresholds = st.one_of(st.floats(0.3, 3.0), laws.map(hl.Redrawn), laws.map(hl.Quenched))
yieldings = st.one_of(st.just(hl.ConstantRate()), st.floats(0.0, 3.0).map(hl.PowerRate))
models = st.builds(
    lambda r, t, y: hl.Model(0.3, relaxation=r, thresholds=t, yielding=y),
    relaxations,
    thresholds,
    yieldings,
)


# -- all four slots, in any unit of stress l: c, r, std -> l and alpha -> l^2 alpha ----------------
LAWS = [
    lambda l: scipy.stats.norm(l, 0.3 * l),
    lambda l: scipy.stats.expon(scale=l),
    lambda l: scipy.stats.weibull_min(1.5, scale=l),
    lambda l: scipy.stats.uniform(0.5 * l, l),
    lambda l: [0.5 * l, l, l, 1.5 * l],
]
RELAXATIONS = [
    lambda f, w, l: hl.FractionalDrop(1.0),
    lambda f, w, l: hl.FractionalDrop(f),
    lambda f, w, l: hl.ResidualStress(0.9 * (1.0 - f) * l),
    lambda f, w, l: hl.GaussianLanding(f, 0.5 * w * l),
    lambda f, w, l: hl.Landing((1.0 - f, -0.3), (1.0 - 0.5 * w, 0.5 * w)),
    lambda f, w, l: hl.Landing((1.0 - f, 0.0), (1.0 - 0.5 * w, 0.5 * w)),
    lambda f, w, l: hl.Landing((0.5 * w * l, -0.2 * l), (0.6, 0.4), relative=False),
]


@st.composite
def families(draw):
    """A model as a function of the unit of stress."""
    law, relaxation = draw(st.sampled_from(LAWS)), draw(st.sampled_from(RELAXATIONS))
    drop, width = draw(st.floats(0.05, 1.0)), draw(st.floats(0.05, 1.0))
    kind = draw(st.sampled_from([hl.Redrawn, hl.Quenched, None]))
    coupling = draw(st.sampled_from([hl.ActivityNoise, hl.DropNoise, hl.FixedNoise]))
    alpha = draw(st.floats(0.05, 0.4))
    size = 0.0 if coupling is hl.DropNoise else 2.0
    c = draw(st.floats(0.3, 2.0))
    yielding = draw(st.sampled_from([hl.ConstantRate(), hl.PowerRate(0.5), hl.PowerRate(1.3)]))

    def family(l):
        return hl.Model(
            coupling(alpha * l**size),
            relaxation=relaxation(drop, width, l),
            thresholds=c * l if kind is None else kind(law(l)),
            # the yield rate is that of a constant unit of stress: an overstress of 1 sigma_c
            yielding=yielding if l == 1.0 else Scaled(yielding, l),
        )

    return family


class Scaled:
    """A yield law in another unit of stress."""

    def __init__(self, law, unit):
        self.law, self.unit = law, unit

    def rate(self, overstress):
        return self.law.rate(np.asarray(overstress) / self.unit)

    def __repr__(self):
        return f"{self.law!r} in units of {self.unit:g}"
