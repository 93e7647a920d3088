"""The comparison with public tools: its truths, its table, and what it says without the peers."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

import hebraud as hl
from validation.peers import cases as peers_cases
from validation.peers import compare as peers
from validation.peers import with_hebraud as peers_hebraud


@pytest.fixture(scope="module")
def measures():
    return peers.stored()[0]


def test_the_page_holds_the_stored_measures():
    page = peers.PAGE.read_text(encoding="utf-8")
    between = page.split(peers.BEGIN)[1].split(peers.END)[0]
    assert between == "\n" + peers.table(*peers.stored())
    assert all(f"{package} " in between for package in peers.PACKAGES)  # with their versions


def test_the_claims_hold_and_can_fail(measures):
    peers.check(measures)
    exact = next(m for m in measures if m.setting == "plain: exact")
    others = tuple(m for m in measures if m is not exact)
    for broken in (replace(exact, error=1e-9), replace(exact, seconds=1e3)):
        better = replace(exact, tool="FiPy", error=0.0)
        with pytest.raises(AssertionError):
            peers.check((broken, better, *others))
    negative = tuple(replace(m, least=-1e-9) if m.tool == "hebraud" else m for m in measures)
    with pytest.raises(AssertionError):
        peers.check(negative)


def test_the_truths_are_the_library_s():
    """Exact states and closed forms to round-off: the truths are other code (mpmath)."""
    for run in peers_hebraud.RUNS:
        if run.setting in ("plain: exact", "plain: complex_modulus()"):
            # 1e-13: a few hundred units of round-off, as the benchmarks find
            assert peers_cases.errors(run.case, run.call().values).max() < 1e-13


def test_the_column_of_hebraud_is_found_again(measures):
    """Another machine rounds otherwise and may take a step more: within a fifth of the error."""
    (run,) = (r for r in peers_hebraud.RUNS if r.setting == "evolve, rtol 1e-03")
    (row,) = (m for m in measures if m.setting == run.setting)
    error = peers_cases.errors("startup", run.call().values).max()
    assert error == pytest.approx(row.error, rel=0.2)


def test_the_stored_startup_is_held_by_a_run_that_shares_nothing_with_it():
    """Elastic while nothing yields: stress = rate * time to the mass over the threshold."""
    stress = peers_cases.truth("startup")
    early = peers_cases.TIMES <= 0.5
    elastic = peers_cases.STARTUP_RATE * peers_cases.TIMES[early]
    assert np.abs(stress[early] - elastic).max() < 1e-8
    last = hl.steady_state(peers_hebraud.MODEL, peers_cases.STARTUP_RATE).stress
    assert stress[-1] == pytest.approx(last, rel=0.2)  # the last oscillation is still there


def test_missing_peers_are_named_with_the_way_to_get_them(monkeypatch, capsys):
    def absent(package):
        raise peers.PackageNotFoundError(package)

    monkeypatch.setattr(peers, "version", absent)
    monkeypatch.setattr(sys, "argv", ["peers.py"])
    assert peers.main() == 2
    said = capsys.readouterr().err
    for word in ("rheojax", "py-pde", "fipy", "make peers", "3.12"):
        assert word in said
