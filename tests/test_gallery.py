"""The gallery: no picture is out of date, none is missing, and the quick scripts still hold."""

from __future__ import annotations

import importlib.util
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

import hebraud as hl
from validation import gallery

EXAMPLES = gallery.ROOT / "docs" / "examples"
QUICK = ("startup_overshoot", "ageing_overshoot", "local_stresses", "critical_modulus",
         "fit_emulsion")  # fmt: skip


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", QUICK)
def test_an_example_holds_and_draws(name, tmp_path):
    script = example(name)
    result = script.compute()
    script.check(result)
    with hl.plot.style():
        figure = Figure(figsize=(6.8, 4.4), layout="constrained")
        script.draw(result, figure.subplots())
        figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_the_checks_can_fail():
    """A run of another model, a wrong height, a modulus without its terminal slope."""
    startup = example("startup_overshoot")
    runs, steady = startup.compute()
    with pytest.raises(AssertionError):
        startup.check((runs, {alpha: 1.01 * stress for alpha, stress in steady.items()}))
    modulus = example("critical_modulus")
    found = modulus.compute()
    with pytest.raises(AssertionError):
        modulus.check({alpha: g.real + 1.01j * g.imag for alpha, g in found.items()})
    local = example("local_stresses")
    states = local.compute()
    with pytest.raises(AssertionError):
        local.check(dict(zip(states, reversed(states.values()), strict=True)))
    ageing = example("ageing_overshoot")
    rests = ageing.compute()
    with pytest.raises(AssertionError):
        ageing.check(dict(zip(rests, reversed(rests.values()), strict=True)))
    fit = example("fit_emulsion")
    rate, stress = np.geomspace(1e-4, 1e3, 30), np.linspace(1.0, 2.0, 30)
    with pytest.raises(AssertionError):
        fit.check(hl.fit_flow_curve(rate, stress))


def test_every_picture_is_shown_and_every_one_shown_is_there():
    there = {path.stem for path in gallery.IMAGES.glob("*.png")}
    assert there == gallery.shown()
    assert there == gallery.provenance().keys()


@pytest.mark.parametrize("name", sorted(gallery.provenance()))
def test_no_picture_is_out_of_date(name):
    """`make gallery` makes it again where its script, what that imports or its data changed."""
    entry = gallery.provenance()[name]
    assert entry["sha256"] == gallery.digest(gallery.ROOT / entry["script"]), "make gallery"


def test_every_script_that_draws_is_named_in_a_page():
    pages = "".join(path.read_text("utf-8") for path in (gallery.ROOT / "docs").glob("*.md"))
    for script in gallery.scripts():
        command = " ".join(gallery.command(script)).replace(f"{gallery.ROOT}/", "")
        assert re.search(rf"python {re.escape(command)}\b|`make {script.stem}`", pages), script


def test_what_a_picture_is_made_from(tmp_path, monkeypatch):
    """A change in a module that the script imports, or in the data of that, makes it stale."""
    monkeypatch.setattr(gallery, "ROOT", tmp_path)
    monkeypatch.setattr(gallery, "DATA", {"room/other.py": "data"})
    names = ("room/a.py", "room/other.py", "validation/drawing.py", "data/x")
    script, other, drawing, data = (tmp_path / name for name in names)
    for path in (script, drawing, data):
        path.parent.mkdir()
    script.write_text("from room import other\nfrom validation.drawing import make\n")
    other.write_text("import json\n\ndef half(x):\n    return x / 2\n")
    drawing.write_text("import json\n")
    data.write_text("1")
    assert gallery.sources(script) == [data, script, other]
    digests = {gallery.digest(script)}
    for path in (script, other):
        path.write_text(path.read_text() + "x = 1\n")
        digests.add(gallery.digest(script))
    data.write_text("2")
    digests.add(gallery.digest(script))
    assert len(digests) == 4
    known = {"a": {"script": "room/a.py", "sha256": gallery.digest(script)}}
    assert not gallery.stale(script, known)
    assert gallery.stale(other, known)
    other.write_text('"""Why."""\nimport json\ndef half(x):\n    """Halve."""\n    return x/2\nx=1')
    assert not gallery.stale(script, known), "words make no picture stale"
    script.write_text(script.read_text().replace("drawing import make", "drawing import panels"))
    assert not gallery.stale(script, known), "nor where a name comes from"
    other.write_text(other.read_text().replace("x/2", "x/3"))
    assert gallery.stale(script, known)
