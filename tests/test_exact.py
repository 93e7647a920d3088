"""The exact stationary state: against arbitrary precision, moment identities and symmetries."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hebraud as hl
from hebraud.analytic import exact
from hebraud.analytic.chain import Chain
from hebraud.analytic.renewal import cycle, occupation, split_cycle
from twins.matching import reference

log_alpha = st.floats(-6, 6)
log_rate = st.floats(-14, 8)


@settings(max_examples=150)
@given(log_alpha, log_rate)
@example(np.log10(0.5), -14.0)
@example(np.log10(0.5), -3.0)
@example(np.log10(0.5 + 1e-9), -9.0)
@example(np.log10(0.5 - 1e-9), -9.0)
@example(-6.0, -14.0)
@example(6.0, -14.0)
@example(-6.0, 8.0)
@example(6.0, 8.0)
def test_classical_state_to_twelve_digits_over_the_whole_range(log_alpha, log_rate):
    alpha, g = 10.0**log_alpha, 10.0**log_rate
    curve = exact.classical_curve(alpha, np.array([g, -g]))
    stress, D = reference(alpha, g, curve.diffusion[0])
    conditioning = curve.error[0] / (8 * np.finfo(float).eps)
    assert conditioning >= 1.0
    # the bound, and a tighter one that holds: 1e-14 of it
    for allowed in (1e-12 * conditioning, 40 * curve.error[0] + 1e-13):
        assert abs(float(curve.stress[0] / stress - 1)) < allowed
        assert abs(float(curve.diffusion[0] / D - 1)) < allowed
    assert curve.stress[1] == -curve.stress[0]
    assert curve.diffusion[1] == curve.diffusion[0]
    assert curve.activity[0] == pytest.approx(curve.diffusion[0] / alpha, rel=1e-15)


def test_conditioning_is_the_derivative():
    """d ln D/d ln alpha by a symmetric difference of step 1e-6: relative error about 1e-8."""
    for alpha, g in ((0.1, 1e-3), (0.49, 1e-6), (0.5, 1e-9), (0.7, 1e-5), (30.0, 2.0)):
        h = 1e-6
        up, down = (
            exact.classical_curve(alpha * np.exp(sign * h), np.array([g])).diffusion[0]
            for sign in (1, -1)
        )
        slope = np.log(up / down) / (2 * h)
        error = exact.classical_curve(alpha, np.array([g])).error[0]
        assert error == pytest.approx(8 * np.finfo(float).eps * max(1, slope), rel=1e-4)


def test_rest():
    for alpha in (0.5 + 1e-12, 0.6, 2.0, 1e6):
        state = hl.steady_state(hl.Model(alpha), 0.0)
        root = np.sqrt(state.diffusion)
        assert root + state.diffusion == pytest.approx(alpha - 0.5, rel=1e-14)
        assert state.stress == 0.0
        assert state.density(0.3) == state.density(-0.3)
    for alpha in (1e-6, 0.3, 0.5):
        with pytest.raises(hl.NoStationaryState, match="no stationary state at shear rate 0"):
            hl.steady_state(hl.Model(alpha), 0.0)
        with pytest.raises(hl.NoStationaryState):
            hl.flow_curve(hl.Model(alpha), [1e-3, 0.0])
    with pytest.raises(hl.NoStationaryState):
        hl.steady_state(hl.Model(0.37, relaxation=hl.ResidualStress(0.5)), 0.0)
    assert hl.steady_state(hl.Model(0.38, relaxation=hl.ResidualStress(0.5)), 0.0).diffusion > 0


def test_noise_that_feeds_itself_has_no_state():
    with pytest.raises(hl.NoStationaryState, match="without bound"):
        hl.steady_state(hl.Model(hl.DropNoise(0.6)), 0.1)


def test_more_than_one_root_is_reported_and_the_stable_one_is_the_state():
    """Above its critical coupling this model has a second root, where coupling(D)/D rises."""
    model = hl.Model(hl.DropNoise(1.0), relaxation=hl.ResidualStress(0.5))
    state = hl.steady_state(model, 1e-3)
    (other,) = state.other_roots
    chain = Chain.of(model)

    def ratio(D):
        means = chain.means(D, 1e-3)
        return model.coupling.diffusion(float(means.activity), float(means.released_square)) / D

    assert ratio(state.diffusion) == pytest.approx(1.0, rel=1e-10)
    assert ratio(other) == pytest.approx(1.0, rel=1e-10)
    assert ratio(0.9 * state.diffusion) > 1 > ratio(1.1 * state.diffusion)
    assert ratio(0.9 * other) < 1 < ratio(1.1 * other)


RANDOM_LAWS = [
    1.0,
    0.7,
    hl.Redrawn([0.3, 1.0, 2.0]),
    hl.Quenched([0.3, 1.0, 2.0]),
    hl.Redrawn(scipy.stats.norm(1.0, 0.3)),
    hl.Quenched(scipy.stats.uniform(0.5, 1.0)),
    hl.Redrawn(scipy.stats.weibull_min(2.0)),
]
RANDOM_LANDINGS = [
    hl.FractionalDrop(1.0),
    hl.ResidualStress(0.25),
    hl.ResidualStress(0.9),
    hl.ResidualStress(1.4),
    hl.Landing([0.2, -0.3, 0.5], [0.2, 0.3, 0.5], relative=False),
]
couplings = st.one_of(
    st.floats(-2, 1.5).map(lambda x: hl.ActivityNoise(10.0**x)),
    st.floats(0.02, 0.2).map(hl.DropNoise),
    st.floats(-4, 2).map(lambda x: hl.FixedNoise(10.0**x)),
)
models = st.builds(
    lambda coupling, relaxation, thresholds: hl.Model(
        coupling, relaxation=relaxation, thresholds=thresholds
    ),
    couplings,
    st.sampled_from(RANDOM_LANDINGS),
    st.sampled_from(RANDOM_LAWS),
)


def quadrature(state):
    """Stresses and weights times P(s): tanh-sinh between the kinks of P, where its layers are."""
    c = np.atleast_1d(state.model.thresholds.nodes()[0])
    landings = np.abs(state.model.relaxation.fixed_points.offset)
    g, D = abs(state.shear_rate), state.diffusion
    far = max(c.max(), landings.max()) + 45 * (g + np.sqrt(g * g + 4 * D)) / 2
    kinks = np.unique(np.concatenate([-c, c, landings, -landings, [0.0, -far, far]]))
    t = np.linspace(-3.6, 3.6, 401)
    x, slope = np.tanh(np.pi / 2 * np.sinh(t)), np.pi / 2 * np.cosh(t)
    w = slope / np.cosh(np.pi / 2 * np.sinh(t)) ** 2 * (t[1] - t[0])
    a, b = kinks[:-1, None], kinks[1:, None]
    s = (0.5 * (a + b) + 0.5 * (b - a) * x).ravel()
    return s, (0.5 * (b - a) * w).ravel() * state.density(s)


@settings(max_examples=100)
@given(
    st.builds(
        lambda coupling, relaxation, thresholds: hl.Model(
            coupling, relaxation=relaxation, thresholds=thresholds
        ),
        couplings,
        st.sampled_from(RANDOM_LANDINGS),
        st.sampled_from(RANDOM_LAWS[:4]),
    ),
    st.floats(-3, 1),
    st.booleans(),
)
def test_density_has_the_mass_and_stress_of_the_state(model, log_rate, mirrored):
    g = 10.0**log_rate * (-1 if mirrored else 1)
    state = hl.steady_state(model, g)
    s, weight = quadrature(state)
    # the quadrature's own error, by halving its step, is below 1e-10
    assert weight.sum() == pytest.approx(1.0, abs=1e-9)
    assert weight @ s == pytest.approx(state.stress, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("relaxation", RANDOM_LANDINGS, ids=repr)
@pytest.mark.parametrize("coupling", [hl.ActivityNoise(0.4), hl.DropNoise(0.15)], ids=repr)
def test_activity_and_released_square_of_the_density(relaxation, coupling):
    """Gamma and int nu <(s - s')^2> P by quadrature of P over the threshold, and D from them."""
    state = hl.steady_state(hl.Model(coupling, relaxation=relaxation), 0.05)
    s, weight = quadrature(state)
    over = np.abs(s) > 1.0
    lines = relaxation.quadrature(1)
    drop = np.abs(s[:, None]) - lines.offset
    released = weight[over] @ (drop[over] ** 2 @ lines.weight)
    assert weight[over].sum() == pytest.approx(state.activity, rel=1e-8)
    assert coupling.diffusion(state.activity, released) == pytest.approx(state.diffusion, rel=1e-8)


@settings(max_examples=150)
@given(models, st.floats(-6, 3))
def test_identities_mirror_and_coupling(model, log_rate):
    """2 g Sigma + 2 D = Gamma <s_y^2 - s_l^2> is not used by the solver; the mirror is exact."""
    g = 10.0**log_rate
    state = hl.steady_state(model, g)
    mirrored = hl.steady_state(model, -g)
    assert mirrored.stress == -state.stress
    assert mirrored.diffusion == state.diffusion
    landing = model.relaxation.fixed_points
    means = Chain.of(model).means(state.diffusion, g)
    assert float(means.activity) == pytest.approx(state.activity, rel=1e-12)
    noise = model.coupling.diffusion(float(means.activity), float(means.released_square))
    assert noise == pytest.approx(state.diffusion, rel=1e-9)
    # <s_y^2 - s_l^2> from <(s_y - s_l)^2> = <s_y^2> - 2 <s_y s_l> + <s_l^2>: here only where the
    # landing is full, so that both are <s_y^2>
    if not landing.offset.any():
        left = 2 * g * state.stress + 2 * state.diffusion
        assert left == pytest.approx(float(means.released_square), rel=1e-9)


@settings(max_examples=100)
@given(st.floats(0.05, 3), st.floats(-4, 4), st.floats(-6, 3), st.floats(0, 2))
def test_moment_identities_of_one_cycle(c, log_D, log_rate, x):
    """g T = <s_y> - x and 2 g M + 2 D T = <s_y^2> - x^2 for a start anywhere, T and M by cycle."""
    D, g = 10.0**log_D, 10.0**log_rate
    for start in (x, -x):
        one = cycle(np.array(c), np.array(start), D, g)
        assert one.right + one.left == pytest.approx(1.0, rel=1e-13)
        first = one.right_stress + one.left_stress - start
        scale = abs(start) + c + g + np.sqrt(D)  # both sides cancel down from this size
        assert g * one.time == pytest.approx(first, rel=1e-11, abs=1e-12 * scale)
        second = one.right_square + one.left_square - start**2
        left = 2 * g * one.stress_time + 2 * D * one.time
        assert left == pytest.approx(second, rel=1e-11, abs=1e-12 * scale**2)


@settings(max_examples=100)
@given(st.floats(0.05, 3), st.floats(-4, 4), st.floats(-4, 0), st.floats(0, 4))
def test_split_and_direct_arithmetic_agree(c, log_D, log_k, x):
    """The pairs of even and odd parts, put together at +g, against plain numbers.

    In these what is odd is a difference of numbers 1/k larger, which loses as many digits.
    """
    D = 10.0**log_D
    k = 10.0**log_k
    g, digits = k * D / (2 * c), 1e-12 + 5e-15 / k
    for start in (x, -x):
        plain = cycle(np.array(c), np.array(start), D, g)
        pairs = split_cycle(np.array(c), np.array(start), D, g)
        for a, b in zip(plain, pairs, strict=True):
            size = abs(float(np.max(b.even))) + abs(float(np.max(b.odd)))
            assert float(a) == pytest.approx(float(b.even + b.odd), rel=digits, abs=1e-13 * size)


@given(models, st.floats(-4, 2), st.floats(-1, 1))
@settings(max_examples=60)
def test_scale_covariance(model, log_rate, log_l):
    """c, r -> l c, l r; alpha (ActivityNoise), D -> l^2; g -> l g: stress -> l Sigma."""
    l, g = 10.0**log_l, 10.0**log_rate
    c = model.thresholds.nodes()[0]
    if len(c) > 3:
        return  # a continuous law has no scaled twin among the samples
    landing = model.relaxation.fixed_points
    kind = type(model.coupling)
    value = {hl.ActivityNoise: "alpha", hl.DropNoise: "alpha", hl.FixedNoise: "D"}[kind]
    factor = 1.0 if kind is hl.DropNoise else l * l
    thresholds = model.thresholds
    scaled = hl.Model(
        kind(getattr(model.coupling, value) * factor),
        relaxation=hl.Landing(l * landing.offset, landing.weight, relative=False),
        thresholds=l * c[0] if len(c) == 1 else type(thresholds)(l * c),
    )
    one, other = hl.steady_state(model, g), hl.steady_state(scaled, l * g)
    tolerance = one.error_estimate + other.error_estimate + 1e-12
    assert other.stress == pytest.approx(l * one.stress, rel=10 * tolerance)
    assert other.diffusion == pytest.approx(l * l * one.diffusion, rel=10 * tolerance)


@settings(max_examples=100)
@given(st.floats(-4, 4), st.floats(-12, 6))
def test_general_chain_contains_the_classical_model(log_alpha, log_rate):
    """ResidualStress(0) goes by the general chain, FractionalDrop(1) by the kernel."""
    alpha, g = 10.0**log_alpha, 10.0**log_rate
    chain = hl.steady_state(hl.Model(alpha, relaxation=hl.ResidualStress(0.0)), g)
    kernel = hl.steady_state(hl.Model(alpha), g)
    assert chain.stress == pytest.approx(kernel.stress, rel=20 * chain.error_estimate)
    assert chain.diffusion == pytest.approx(kernel.diffusion, rel=20 * chain.error_estimate)
    assert chain.other_roots == ()


@pytest.mark.parametrize("kind", [hl.Redrawn, hl.Quenched])
def test_one_sample_is_a_single_threshold(kind):
    landing = hl.ResidualStress(0.3)
    one = hl.steady_state(hl.Model(0.4, relaxation=landing, thresholds=0.8), 1e-2)
    law = hl.steady_state(hl.Model(0.4, relaxation=landing, thresholds=kind([0.8])), 1e-2)
    assert law.stress == pytest.approx(one.stress, rel=1e-12)
    assert law.density(0.1) == pytest.approx(one.density(0.1), rel=1e-12)


def test_occupation_solves_the_equation():
    """Residual of -g G' + D G'' - theta G by central differences, away from kinks."""
    D, g, c = 0.05, 0.1, 0.8
    for x in (0.3, -0.3, 1.2, -1.2):
        s = np.array([-1.7, -1.0, -0.6, -0.1, 0.55, 0.95, 1.5])
        h = 1e-4
        left, here, right = (occupation(s + d, c, x, D, g) for d in (-h, 0.0, h))
        residual = (
            -g * (right - left) / (2 * h)
            + D * (right - 2 * here + left) / h**2
            - (np.abs(s) > c) * here
        )
        # truncation h^2 G''' ~ 1e-8 (1/0.2)^3 and round-off 1e-16/h^2 ~ 1e-8, of G ~ 1
        assert np.abs(residual).max() < 1e-5


def test_density_is_continuous_at_every_kink():
    for model in (hl.Model(0.3), hl.Model(0.3, relaxation=hl.ResidualStress(0.4), thresholds=0.8)):
        state = hl.steady_state(model, 0.1)
        for s in (-1.0, -0.8, -0.4, 0.0, 0.4, 0.8, 1.0):
            around = state.density(np.array([s - 1e-9, s, s + 1e-9]))
            assert np.ptp(around) < 1e-7


def test_exact_refuses_what_it_does_not_solve():
    for model in (
        hl.Model(0.3, relaxation=hl.FractionalDrop(0.5)),
        hl.Model(0.3, yielding=hl.PowerRate(1.0)),
    ):
        with pytest.raises(ValueError, match="the exact solver needs ConstantRate"):
            hl.steady_state(model, 0.1, hl.Exact())


def test_blocks_that_land_over_their_threshold_do_not_hide_the_state_of_rest():
    """The square of their small drops was lost to round-off: roots were looked for in noise."""
    law = hl.Quenched(scipy.stats.norm(1.0, 0.3))
    for alpha, r in ((0.4, 0.54), (0.35, 0.33), (0.35, 0.59), (0.35, 0.86)):
        model = hl.Model(hl.DropNoise(alpha), relaxation=hl.ResidualStress(r), thresholds=law)
        assert alpha < hl.critical_coupling(model)
        assert np.isposinf(hl.viscosity(model))
        with pytest.raises(hl.NoStationaryState):
            hl.steady_state(model, 0.0)
