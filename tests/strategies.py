"""Strategies for hypothesis: random choices for the slots of a model."""

from __future__ import annotations

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
