"""A synthetic flow curve with 2 % noise, and a file of it: shared by tests of fits and commands."""

from __future__ import annotations

import numpy as np

import hebraud as hl

RATES = np.geomspace(1e-3, 10.0, 30)
STRESS = 50.0 * hl.flow_curve(hl.Model(0.3), RATES * 20.0 / 50.0).stress
STRESS = STRESS * (1.0 + 0.02 * np.random.default_rng(0).standard_normal(30))


def write(path, header="shear rate (1/s),stress (Pa)", rows=None, delimiter=","):
    rows = zip(RATES, STRESS, strict=True) if rows is None else rows
    body = [delimiter.join(str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([header, *body]) + "\n", encoding="utf-8")
    return path
