"""Flow curves from text files: headers, units, errors by name."""

from __future__ import annotations

import numpy as np
import pytest

from hebraud.inference import read_flow_curve
from measured_curve import RATES, STRESS, write


@pytest.mark.parametrize(
    ("header", "delimiter", "rate_factor", "stress_factor"),
    [
        ("shear rate (1/s),stress (Pa)", ",", 1.0, 1.0),
        ("Shear Rate [s^-1];Shear Stress [kPa]", ";", 1.0, 1e3),
        ("gamma_dot\tsigma (mPa)", "\t", 1.0, 1e-3),
        ("sigma", ",", None, None),
        ("shear_rate_1/s,stress_Pa", ",", 1.0, 1.0),
        ("Shear rate / 1/min,Stress / MPa", ",", 1.0 / 60.0, 1e6),
        ("shear rate (s⁻¹),stress (dyn/cm²)", ",", 1.0, 0.1),
        ("rate,stress", ",", 1.0, 1.0),
        ("rate (1/ms),stress (N/m2)", ",", 1e3, 1.0),
        ("rate (ms^-1),stress (uPa)".replace("u", "µ"), ",", 1e3, 1e-6),
        ("rate (min-1),stress (dynes/cm2)", ",", 1.0 / 60.0, 0.1),
    ],
)
def test_headers_and_units(tmp_path, header, delimiter, rate_factor, stress_factor):
    path = write(tmp_path / "a.txt", header if rate_factor else f"x,{header}", delimiter=delimiter)
    if rate_factor is None:
        with pytest.raises(ValueError, match=r"no column for shear_rate; .*'x', 'sigma'"):
            read_flow_curve(path)
        assert read_flow_curve(path, {"shear_rate": "x"}).units["stress"] == ""
        return
    table = read_flow_curve(path)
    assert table.shear_rate == pytest.approx(RATES * rate_factor, rel=1e-14)
    assert table.stress == pytest.approx(STRESS * stress_factor, rel=1e-14)
    assert table.stress_err is None
    assert table.lines == tuple(range(2, 32))


def test_errors_selection_and_comments(tmp_path):
    rows = [("a", 1.0, 2.0, 0.1), ("b", 2.0, 3.0, 0.2), ("a", 4.0, 5.0, 0.3)]
    path = write(tmp_path / "b.csv", "# a note\nsample,rate,stress,stress_err", rows)
    table = read_flow_curve(path, where={"sample": "a"})
    assert table.stress_err.tolist() == [0.1, 0.3]
    assert table.lines == (3, 5)
    assert read_flow_curve(path, exclude=(4,)).lines == (3, 5)
    for arguments, message in (
        ({"where": {"sample": "c"}}, "never 'c'; it is a, b"),
        ({"where": {"none": "c"}}, "no column 'none'"),
        ({"exclude": (77,)}, r"exclude, \[77\]"),
        ({"columns": {"stress": "none"}}, "no column 'none' for stress"),
    ):
        with pytest.raises(ValueError, match=message):
            read_flow_curve(path, **arguments)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("rate,stress", [(1, 2), (0, 3), (-1, 4)], "line 3: shear_rate 0; line 4: shear_rate -1"),
        ("rate,stress", [(1, 2), ("x", 3)], "line 3, column 'rate': 'x' is not a number"),
        ("rate;stress", [("1.5;2",), ("2,5;3",)], "all decimals with a point, or all with a comma"),
        ("rate;stress", [("1.000,5;2",)], "'1.000,5' is not a number"),
        ("rate,stress,std,sd", [(1, 2, 3, 4)], "more than one column for stress_err: 'std', 'sd'"),
        ("0.1,0.2", [(1, 2)], "line 1 must name the columns.* got numbers: 0.1, 0.2"),
        ("shear rate stress", [("1 2",)], "line 2 has 2 cells .* 3 .blanks separate columns"),
        ("rate,stress", [(1, 2), (1, 2, 3)], "line 3 has 3 cells where the header has 2"),
        ("rate (furlong),stress", [(1, 2)], "unit 'furlong' of 'rate .furlong.' is not known"),
        ("rate,stress,sigma", [(1, 2, 3)], "more than one column for stress: 'stress', 'sigma'"),
        ("rate,stress", [], "at least one row"),
    ],
)
def test_wrong_files_say_where(tmp_path, header, rows, message):
    with pytest.raises(ValueError, match=message):
        read_flow_curve(write(tmp_path / "c.csv", header, rows))


def test_other_peoples_files(tmp_path):
    """A table of numpy, units in a line of their own, decimal commas, symbols, errors in %."""
    path = tmp_path / "d.txt"
    np.savetxt(path, np.stack([RATES, STRESS], 1), header="shear_rate_1/s stress_kPa")
    assert read_flow_curve(path).stress == pytest.approx(1e3 * STRESS, rel=1e-14)
    units = [("1/s", "[kPa]"), *zip(RATES, STRESS, strict=True)]
    table = read_flow_curve(write(path, "Shear Rate γ̇,Shear Stress τ", units))
    assert table.stress == pytest.approx(1e3 * STRESS, rel=1e-14)
    assert table.units == {"shear_rate": "1/s", "stress": "kPa"}
    assert table.lines[0] == 3
    commas = [f"{r};{s};5".replace(".", ",") for r, s in zip(RATES, STRESS, strict=True)]
    path.write_text("rate (1/s);stress (kPa);sd (%);T (C)\n" + ";20\n".join(commas) + ";20\n")
    table = read_flow_curve(path)
    assert table.shear_rate.tolist() == RATES.tolist()
    assert table.stress_err == pytest.approx(50.0 * STRESS, rel=1e-14)
    assert table.unused == ("T (C)",)
    assert "sd (%)" in str(table)
    assert "not used: 'T (C)'" in str(table)
    path = write(path, "rate,stress (kPa),uncertainty", [(1, 2, 0.1)])
    assert read_flow_curve(path).stress_err.tolist() == [100.0]  # in the unit of the stress
    for content in (b"rate;\xb5\n1;2\n", b"PK\x03\x04\xff", "rate,stress\n1,2\n".encode("utf-16")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"d\.txt is no UTF-8 text.*save or export"):
            read_flow_curve(path)


def test_of_many_bad_lines_eight_are_named(tmp_path):
    rows = [(-1.0, 2.0)] * 10 + [(1.0, 2.0)]
    with pytest.raises(ValueError, match=r"line 9: shear_rate -1 and 2 more; exclude"):
        read_flow_curve(write(tmp_path / "a.csv", rows=rows))
