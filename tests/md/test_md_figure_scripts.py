"""Figures 4 and 5, P(sigma) and finite size: drawn, and their checks fail where they should."""

import dataclasses
import json
import shutil
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from hebraud import Estimate, plot
from validation.figures import fig4, fig5, fig_block_stress
from validation.particles import active_particles, campaign, finite_size


@cache
def small():
    """The stored box of 1000 particles as a campaign of one density."""
    return campaign.load(finite_size.STORED / "N1000")


@cache
def computed(script):
    return script.compute(small())


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", [fig4, fig5, fig_block_stress, finite_size], ids=lambda script: script.__name__
)
def test_a_figure_is_checked_and_drawn(script, tmp_path):
    script.check(computed(script))
    with plot.style():
        figure = Figure(figsize=(7.0, 7.5), layout="constrained")
        script.draw(computed(script), figure.subplots())
        figure.savefig(tmp_path / "page.png", dpi=60)
    assert len(figure.axes) >= 3
    assert (tmp_path / "page.png").stat().st_size > 20_000


@pytest.mark.slow
def test_fig4_sees_diffusion_that_does_not_follow_the_rate():
    result = computed(fig4)
    key = (1.189, 1e-2)
    fit = result.fits[key]
    fast = dataclasses.replace(fit, D_sigma=Estimate(3.0 * fit.D_sigma.value, 0.0))
    with pytest.raises(AssertionError):
        fig4.check(dataclasses.replace(result, fits={**result.fits, key: fast}))
    calm = dataclasses.replace(fit, excess_kurtosis=Estimate(-0.1, 0.1))
    with pytest.raises(AssertionError, match=r"0\.01"):
        fig4.check(dataclasses.replace(result, fits={**result.fits, key: calm}))
    with pytest.raises(AssertionError):
        fig4.check(dataclasses.replace(result, falling={1.189: 0.1}))


@pytest.mark.slow
def test_fig5_sees_other_durations_and_thresholds():
    result = computed(fig5)
    key = (1.189, 1e-3)
    slow = dataclasses.replace(result.durations[key], tau=Estimate(2.0, 0.1))
    with pytest.raises(AssertionError):
        fig5.check(dataclasses.replace(result, durations={**result.durations, key: slow}))
    assert result.stands_in, "one snapshot a chain makes no law: the demo's is drawn"
    one = result.yields[1.189]
    large = {**one.means, "at_fixed_strain": Estimate(0.4 * one.means["sigma_c"].value, 0.1)}
    other = dataclasses.replace(one, means=large)
    with pytest.raises(AssertionError):
        fig5.check(dataclasses.replace(result, yields={1.189: other}))


@pytest.mark.slow
def test_block_stress_sees_models_that_spread_no_more_than_the_particles():
    result = computed(fig_block_stress)
    demo = result.stands_in
    near = dataclasses.replace(demo, predicted_std={"classical": 1.5 * demo.std.value})
    with pytest.raises(AssertionError):
        fig_block_stress.check(dataclasses.replace(result, stands_in=near))


@pytest.mark.slow
def test_finite_size_sees_a_stress_of_another_size():
    result = computed(finite_size)
    rows = result.sizes[1000]
    stress = Estimate(1.1 * rows[1e-3]["stress"].value, 0.01)
    other = {**rows, 1e-3: {**rows[1e-3], "stress": stress}}
    with pytest.raises(AssertionError):
        finite_size.check(dataclasses.replace(result, sizes={1000: rows, 4000: other}))
    spreading = Estimate(1.1 * rows[1e-3]["D_sigma/rate"].value, 0.01)
    other = {**rows, 1e-3: {**rows[1e-3], "D_sigma/rate": spreading}}
    with pytest.raises(AssertionError):
        finite_size.check(dataclasses.replace(result, sizes={1000: rows, 4000: other}))


def test_sizes_are_compared_by_blocks_of_one_width():
    """A density of events and a density of noise, seen by blocks of 5.8 and of 6.1."""
    found = []
    for width in (5.8, 6.1):
        rows = {
            "stress": Estimate(0.78, 0.01),
            "D_sigma/rate": Estimate(240.0 / width**2, 2.4 / width**2),
            "Gamma/rate": Estimate(0.27 * width**2, 0.01),
            "onsets/rate": "none: no error bar",
        }
        at = SimpleNamespace(data={1e-3: SimpleNamespace(block_width=width)})
        found.append(finite_size.at_one_width(rows, at, 1e-3))
    for name in ("stress", "D_sigma/rate", "Gamma/rate"):
        assert found[0][name].value == pytest.approx(found[1][name].value, rel=1e-12)
    assert found[0]["D_sigma/rate"].stderr == pytest.approx(2.4 / 36.0)
    assert found[1]["onsets/rate"] == "none: no error bar"
    assert (found[0]["W"].value, found[1]["W"].value) == (5.8, 6.1)
    none = finite_size.at_one_width(rows, SimpleNamespace(data={}), 1e-3)
    assert isinstance(none["W"], str)


def test_laws_of_the_rate_are_found_and_excluded():
    """Exact data of each law: that law misses nothing, and says the right value at 1e-6."""
    rates = np.array([1e-4, 3e-4, 1e-3, 3e-3, 1e-2])
    true = {
        "a": lambda g: 7.0 + 0.0 * g,
        "a + b sqrt(rate)": lambda g: 5.0 + 40.0 * np.sqrt(g),
        "a + b ln(rate)": lambda g: 12.0 + 0.7 * np.log(g),
        "a rate^p": lambda g: 9.0 * g**0.2,
    }
    for name, law in true.items():
        data = {rate: Estimate(float(law(rate)), 0.01 * float(law(rate))) for rate in rates}
        fitted = {one.formula: one for one in finite_size.laws(data)}
        assert fitted[name].chi_square < 1e-15
        assert fitted[name].freedom == 5 - (1 if name == "a" else 2)
        assert fitted[name].at_slowest.value == pytest.approx(float(law(1e-6)), rel=1e-9)
        assert fitted["a"].excluded == (name != "a")
    one = finite_size.laws({1e-3: Estimate(7.0, 0.1)})
    assert [law.formula for law in one] == ["a"]
    assert one[0].p_value is None
    assert not one[0].excluded


def test_the_error_at_the_slowest_rate_is_that_of_many_draws():
    rng = np.random.default_rng(1)
    rates = np.array([1e-4, 3e-4, 1e-3])
    drawn = [
        [
            law.at_slowest.value
            for law in finite_size.laws({g: Estimate(5.0 + 0.1 * rng.normal(), 0.1) for g in rates})
        ]
        for _ in range(400)
    ]
    fitted = finite_size.laws({g: Estimate(5.0, 0.1) for g in rates})
    for law, spread in zip(fitted, np.std(drawn, axis=0), strict=True):
        assert law.at_slowest.stderr == pytest.approx(spread, rel=0.15), law.formula  # 4 sigma


def test_active_particles_stand_together():
    moment = active_particles.read()
    active_particles.check(moment)
    rng = np.random.default_rng(0)
    strewn = dataclasses.replace(moment, position=rng.permutation(moment.position))
    with pytest.raises(AssertionError, match="by chance"):
        active_particles.check(strewn)
    with pytest.raises(AssertionError):
        active_particles.check(dataclasses.replace(moment, strain=moment.strain + 0.05))


def test_stored_moments_have_a_birth_certificate(tmp_path):
    shutil.copytree(active_particles.STORED, tmp_path / "data")
    text = (tmp_path / "data" / "provenance.json").read_text()
    assert {"command", "date", "versions", "sha256", "tolerance"} <= set(json.loads(text))
    assert '"/' not in text, "an absolute path"
    assert sum(f.stat().st_size for f in (tmp_path / "data").iterdir()) < 100_000
    stored = tmp_path / "data" / active_particles.FILE
    stored.write_bytes(stored.read_bytes() + b" ")
    with pytest.raises(ValueError, match="is not the file"):
        active_particles.read(tmp_path / "data")
