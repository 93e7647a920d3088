"""Stored evidence gives the stored parameters and passes its check; every page can be drawn."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure

import hebraud as hl
from hebraud.md.results.measures import measure
from hebraud.plot.particles import PAGES, first_sample, write_figures
from hebraud.rheology.estimate import Missing
from validation.particles import demo_measures as page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result():
    return page.compute()


def test_stored_data_pass_their_check(result):
    page.check(result)


def test_the_table_in_the_docs_is_that_of_the_data(result):
    text = page.PAGE.read_text(encoding="utf-8")
    stored = text.split(page.MARKS[0])[1].split(page.MARKS[1])[0]
    assert stored.strip() == page.table(result).strip()


def changed(result, **parts):
    """Return the result with another evidence, what is measured on it as it was."""
    return dataclasses.replace(result, evidence=dataclasses.replace(result.evidence, **parts))


def found(result, **estimates):
    """Return the result with other estimates."""
    other = {**result.measured.estimates, **estimates}
    measured = dataclasses.replace(result.measured, estimates=other)
    return dataclasses.replace(result, measured=measured)


def test_the_check_sees_another_run(result):
    seen = result.evidence
    (begun,) = seen.start_ups
    other = dataclasses.replace(begun, stress=begun.stress + 1e-6)
    with pytest.raises(AssertionError, match="recording has changed the run"):
        page._check_the_run(changed(result, start_ups=(other,)))
    curve = hl.FlowCurve(seen.curve.shear_rate, 1.1 * seen.curve.stress, seen.curve.stress_err)
    with pytest.raises(AssertionError, match=r"rate 0\.001"):
        page._check_the_run(changed(result, curve=curve))
    other = changed(result, records={"plastic": seen.records["cutoff25"]})
    with pytest.raises(AssertionError, match="Gamma"):
        page._check_the_run(dataclasses.replace(other, measured=measure(other.evidence)))


def test_the_check_sees_what_the_anchors_and_the_measures_exclude(result):
    with pytest.raises(AssertionError, match=r"tau_p = 0\.60"):
        page._check_anchors(found(result, tau_p=hl.Estimate(0.6, 0.1)))
    with pytest.raises(AssertionError, match=r"drop/sigma_c = 0\.299"):
        page._check_anchors(found(result, drop=hl.Estimate(1.0, 0.1)))
    with pytest.raises(AssertionError, match="C_p is missed by"):
        page._check_measures(found(result, tau_p=hl.Estimate(2.0, 0.1)))
    yields = result.evidence.yields
    skew = dataclasses.replace(yields, threshold=yields.threshold**3 / 10.0)
    with pytest.raises(AssertionError, match="not Gaussian"):
        page._check_measures(changed(result, yields=skew))
    with pytest.raises(AssertionError, match="the particles reach"):
        page._check_start_up(changed(result, stress=1.5 * result.evidence.stress))
    with pytest.raises(AssertionError, match=r"of the modulus"):
        page._check_start_up(found(result, G0=hl.Estimate(20.0, 1.0)))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_drawn(result, name, tmp_path):
    with hl.plot.style():
        figure = Figure(figsize=(3.39, 2.7), layout="constrained")
        ax = figure.subplots()
        page.draw(result, ax, name)
        figure.savefig(tmp_path / "page.png")
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_a_run_gets_its_figures_or_a_reason(result, tmp_path):
    none = {"blocks": Missing("no blocks here"), "yields": Missing("too narrow")}
    bare = dataclasses.replace(result.evidence, **none)
    bare.write(tmp_path / "evidence.npz")
    written = write_figures(tmp_path)
    assert set(written) == set(PAGES)
    assert written["stress_diffusion"] == "none: no blocks here"
    assert written["local_yield"] == written["drops"] == "none: too narrow"
    assert written["flow_curve"] == tmp_path / "figures" / "flow_curve.png"
    assert written["flow_curve"].stat().st_size > 20_000


def test_a_rate_too_fast_for_the_modulus_is_said(result, tmp_path):
    """At rate 0.05 no sample lies within the first strains: a reason, not a crash."""
    (begun,) = result.evidence.start_ups
    begun = dataclasses.replace(begun, strain=100.0 * begun.strain)
    fast = dataclasses.replace(result.evidence, start_ups=(begun,))
    fast.write(tmp_path / "evidence.npz")
    assert "holds 0 strains" in write_figures(tmp_path)["modulus"]


def test_activity_drawn_beside_a_stress_is_of_the_same_sample():
    records = [{"strain": np.array([a, a + 0.1])} for a in (1.0, 1.1, 1.2, 1.0, 1.1)]
    assert first_sample(records) == records[:3]
    assert first_sample(records[:2]) == records[:2]
    assert first_sample([{"strain": -r["strain"]} for r in records])[2]["strain"][0] == -1.2


def test_a_changed_file_is_refused(tmp_path):
    shutil.copytree(page.STORED, tmp_path / "data")
    table = tmp_path / "data" / "parameters.json"
    table.write_text(table.read_text().replace("Gamma", "gamma"))
    with pytest.raises(ValueError, match=r"parameters\.json is not the file"):
        page.compute(tmp_path / "data")


def test_provenance_says_what_is_needed_and_no_more(result):
    text = (page.STORED / "provenance.json").read_text()
    provenance = json.loads(text)
    assert {"command", "date", "versions", "preset", "sha256", "tolerance"} <= set(provenance)
    assert provenance["command"] == page.COMMAND
    assert '"/' not in text, "an absolute path"
    assert sum(f.stat().st_size for f in page.STORED.iterdir()) < 1_000_000
    assert len(page.preset().recording.observers) == len(result.evidence.records)
    assert np.array_equal(result.evidence.curve.shear_rate, [1e-3, 3e-3, 1e-2, 3e-2])
