"""The stored flow curve reproduces its own fit and passes its own check; no LAMMPS."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from validation.particles import demo_flow_curve as page


@pytest.fixture(scope="module")
def result():
    return page.compute()


def test_stored_data_pass_their_check(result):
    page.check(result)


def test_stored_data_reproduce_their_fit(result):
    stored = result.stored_fits["exponent_half"]
    assert result.fit.yield_stress.value == pytest.approx(stored["yield_stress"]["value"], rel=1e-5)
    assert result.fit.prefactor.value == pytest.approx(stored["prefactor"]["value"], rel=1e-5)
    assert result.fit.exponent.value == 0.5


@pytest.mark.parametrize("change", [0.9, 1.1])
def test_the_check_sees_a_wrong_stress(result, change):
    for at in range(len(result.curve)):
        stress = result.curve.stress.copy()
        stress[at] *= change
        curve = type(result.curve)(result.curve.shear_rate, stress, result.curve.stress_err)
        with pytest.raises(AssertionError):
            page.check(dataclasses.replace(result, curve=curve))


def test_the_stored_series_give_the_stored_means(result):
    from hebraud.md.measure.stress import steady_stress

    plan = page.preset()
    with np.load(page.STORED / "stress_series.npz") as packed:
        for at, rate in enumerate(result.curve.shear_rate.tolist()):
            series = np.array([packed[f"rate{rate:g}_seed{seed}"] for seed in plan.seeds_at(rate)])
            step = page.THIN * plan.sample_every * plan.mixture.timestep * rate
            strain = step * np.arange(1, series.shape[1] + 1)
            again = steady_stress(strain, series, plan.transient)
            assert again.value == pytest.approx(result.curve.stress[at], rel=2e-3)
            assert again.stderr == pytest.approx(result.curve.stress_err[at], rel=0.35)


def test_a_changed_file_is_refused(tmp_path):
    shutil.copytree(page.STORED, tmp_path / "data")
    table = tmp_path / "data" / "flow_curve.csv"
    table.write_text(table.read_text().replace("0.01,", "0.02,"))
    with pytest.raises(ValueError, match=r"flow_curve\.csv is not the file"):
        page.compute(tmp_path / "data")


def test_provenance_says_what_is_needed_and_no_more():
    text = (page.STORED / "provenance.json").read_text()
    provenance = json.loads(text)
    assert {"command", "date", "versions", "preset", "columns", "sha256"} <= set(provenance)
    assert '"/' not in text, "an absolute path"
    assert " /" not in text.replace(" / ", " "), "an absolute path"
    assert sum(f.stat().st_size for f in page.STORED.iterdir()) < 400_000
