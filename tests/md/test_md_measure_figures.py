"""The drawing of measures with made-up data: checks hold, and fail where they must."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import hebraud as hl
import particle_measures as pages
from hebraud.md.parameters import BlockParameters

E = hl.Estimate


@pytest.fixture(scope="module")
def parameters():
    numbers = {
        "G0": 18.0, "sigma_c": 3.4, "sigma_c_std": 1.0, "drop": 0.7, "tau_p": 1.0, "Gamma": 2e-3,
        "D_sigma": 2.4e-4, "l_pl": 6.0, "sigma_Y": 0.69, "A": 3.0,
    }  # fmt: skip
    return BlockParameters(1.2, 1e-2, 6.0, **{k: E(v, 0.03 * v) for k, v in numbers.items()})


def draw(page, result, folder):
    with hl.plot.style():
        figure = Figure(figsize=(3.39, 2.7), layout="constrained")
        ax = figure.subplots()
        getattr(pages, f"draw_{page}")(result, ax)
        figure.savefig(folder / "page.png")
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert (folder / "page.png").stat().st_size > 20_000


def test_diffusion(tmp_path):
    rng = np.random.default_rng(0)
    run = np.cumsum(0.1 * rng.standard_normal((4000, 20)), axis=0)
    result = pages.compute_diffusion([run], 0.2, 0.0)
    pages.check_diffusion(result)
    draw("diffusion", result, tmp_path)
    narrow = replace(result, fit=replace(result.fit, window=(1.0, 2.0)))
    with pytest.raises(AssertionError, match="window 1 to 2"):
        pages.check_diffusion(narrow)


def test_scaling(tmp_path):
    activity = [E(a, 0.02 * a) for a in (1e-4, 1e-3, 1e-2)]
    result = pages.compute_scaling([E(0.3 * a.value, 0.3 * a.stderr) for a in activity], activity)
    pages.check_scaling(result)
    draw("scaling", result, tmp_path)
    bent = pages.compute_scaling([E(a.value**0.8, 1e-4) for a in activity], activity)
    with pytest.raises(AssertionError, match="to the power"):
        pages.check_scaling(bent)


def test_density_and_start_up(tmp_path, parameters):
    model = parameters.model(parameters.alpha_flow)
    state = hl.steady_state(model, parameters.shear_rate / parameters.scales.shear_rate)
    blocks = [3.4 * state.sample(20_000, np.random.default_rng(1))[0].reshape(100, 200)]
    density = pages.compute_density(
        blocks, np.linspace(-5.0, 6.0, 56), parameters, {"classical": model}
    )
    pages.check_density(density)
    draw("density", density, tmp_path)
    short = pages.compute_density(blocks, np.linspace(-1.0, 1.0, 9), parameters, {"c": model})
    with pytest.raises(AssertionError, match="outside the bins"):
        pages.check_density(short)

    strain = np.linspace(0.0, 0.3, 61)
    stress = np.minimum(18.0 * strain, 0.8) + np.array([[-0.02], [0.02]])
    curve = pages.compute_start_up(strain, stress, parameters, {"classical": model}, 0.5)
    pages.check_start_up(curve)
    draw("start_up", curve, tmp_path)
    with pytest.raises(AssertionError, match="starts with slope"):
        pages.check_start_up(replace(curve, stress=0.5 * curve.stress))


def test_elastic(tmp_path):
    strain = np.arange(1, 5001) * 1e-4
    stress = 18.0 * strain - 0.36 * np.floor(strain / 0.02)
    result = pages.compute_elastic(strain, stress)
    pages.check_elastic(result)
    draw("elastic", result, tmp_path)
    with pytest.raises(AssertionError, match="3 branches"):
        pages.check_elastic(pages.compute_elastic(strain[:900], stress[:900]))
