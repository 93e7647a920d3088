"""Runs in time, drawn: the figure and its claims, the plots, the progress bar."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import hebraud as hl
from hebraud.solvers.transient.progress import progress
from validation.figures import transients


@pytest.fixture(scope="module")
def result():
    return transients.compute()


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.mark.slow
def test_figure_holds_and_draws(result, tmp_path):
    transients.check(result)
    with hl.plot.style():
        figure = Figure(figsize=(6.78, 5.42), layout="constrained")
        transients.draw(result, figure.subplots())
        figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 40_000
    assert len(figure.axes) == 5  # four panels and a colour bar


def changed(runs, key, **columns):
    return runs | {key: replace(runs[key], **columns)}


def test_checks_can_fail(result):
    """Each claim, broken by a little more than it allows."""
    slow, spectra, old = result.startups[0.01], result.spectra, result.ageing
    even = spectra[1.0].storage + 1e-4 * np.eye(transients.ORDERS)[1]
    wrong = [
        {"steady": result.steady | {1.0: 1.001 * result.steady[1.0]}},
        {"startups": changed(result.startups, 0.01, stress=np.minimum(slow.stress, 0.36))},
        {"image_stress": 1.01 * result.image_stress},
        {"spectra": changed(spectra, 1.0, storage=even)},
        {"spectra": changed(spectra, 1.0, loss=1.003 * spectra[1.0].loss)},
        {"spectra": changed(spectra, 0.5, periodicity=1e-3)},
        {"ageing": changed(old, 0.5, diffusion=1.02 * old[0.5].diffusion)},
        {"ageing": changed(old, 0.3, diffusion=old[0.3].diffusion * old[0.3].time ** 0.01)},
        {"slope": 1.02 * result.slope},
    ]
    for change in wrong:
        with pytest.raises(AssertionError):
            transients.check(replace(result, **change))


def test_stress_strain_marks_the_overshoot(result, ax):
    run = result.startups[0.1]
    at = hl.plot.stress_strain(run, ax)
    assert at == (run.strain[run.stress.argmax()], run.stress.max())
    assert len(ax.lines) == 2
    mirrored = replace(run, strain=-run.strain, stress=-run.stress)
    assert hl.plot.stress_strain(mirrored, ax) == (-at[0], -at[1])
    assert hl.plot.stress_strain(result.startups[1.0], ax) is None
    assert hl.plot.stress_strain(run, ax, overshoot=0.4) is None
    assert "sigma_c" in ax.get_xlabel()


@pytest.mark.parametrize("projection", ["strain", "rate"])
def test_lissajous_is_one_closed_period(result, ax, projection):
    run = result.oscillations[2.0]
    hl.plot.lissajous(run, transients.OMEGA, ax, projection=projection)
    x, y = ax.lines[0].get_xydata().T
    # periodic to rtol 1e-4; the first point is linear between two rows (1e-3 of the amplitude)
    assert abs(y[0] - y[-1]) < 2e-3 * np.abs(y).max()
    assert abs(x[0] - x[-1]) < 2e-3 * np.abs(x).max()
    assert x.max() == pytest.approx(2.0 if projection == "strain" else 0.6, rel=2e-3)
    # once round, not less and not more
    angle = np.unwrap(np.arctan2(y / np.abs(y).max(), x / np.abs(x).max()))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2.0 * np.pi, abs=0.01)
    assert projection in ax.get_xlabel()


def test_ageing_leaves_out_what_a_logarithm_cannot_show(result, ax):
    run = result.ageing[0.5]
    hl.plot.ageing(run, ax)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert len(ax.lines) == 3
    assert np.all(ax.lines[0].get_xydata() > 0.0)
    end, last = ax.lines[0].get_xydata()[-1]
    guides = zip(ax.lines[1:], ax.texts, (-1.0, -2.0), strict=True)
    for line, text, slope in guides:
        (t0, D0), (t1, D1) = line.get_xydata()
        assert (t0, t1, D1) == pytest.approx((1e-2 * end, end, 3.0 * last))
        assert np.log(D1 / D0) / np.log(t1 / t0) == pytest.approx(slope)
        t, height = text.xy  # on the guide
        assert height == pytest.approx(D1 * (t / t1) ** slope)
    frozen = replace(run, diffusion=np.zeros_like(run.diffusion))
    with pytest.raises(ValueError, match="D > 0"):
        hl.plot.ageing(frozen, ax)


def test_density_image_holds_the_mass(ax):
    """Starts, stationary states and ends of runs, with one threshold or classes of them.

    The mean of the image is that of the same run to the order of the run's cells: to 2e-4 at rtol
    1e-3; at 1e-2 it is off by 3e-5 to 3e-3, after how long the grid has been the same.
    """
    model = hl.Model(0.3, thresholds=hl.Redrawn(np.array([0.8, 1.0, 1.3])))
    run = hl.evolve(model, hl.Startup(1.0), hl.gaussian(0.3), until=2.0, rtol=1e-3)
    states = [hl.gaussian(0.3), run.final, hl.steady_state(hl.Model(0.3), 1.0)]
    mesh = hl.plot.density_image([0.0, 1.0, 4.0], states, ax)
    pixels = np.asarray(mesh.get_array()).reshape(400, 3)
    edges = np.asarray(mesh.get_coordinates())[:, 0, 1]
    np.testing.assert_allclose(mesh.get_coordinates()[0, :, 0], [0.0, 0.5, 2.5, 4.0])
    mass = np.diff(edges) @ pixels
    np.testing.assert_allclose(mass, 1.0, atol=2e-4)  # all but 1e-4 of each
    assert pixels.min() >= 0.0
    mean = (0.5 * (edges[1:] + edges[:-1]) * np.diff(edges)) @ pixels
    # the 1e-4 left out lies at a stress of a few sigma_c
    np.testing.assert_allclose(mean, [0.0, run.stress[-1], states[2].stress], atol=2e-3)
    hl.plot.density_image([0.0, 1.0, 4.0], states, ax, norm=LogNorm(1e-3, 1.0), faces=edges)


def test_plots_refuse_what_they_cannot_draw(result, ax):
    run, start = result.oscillations[2.0], hl.gaussian(0.3)
    with pytest.raises(ValueError, match="projection"):
        hl.plot.lissajous(run, 0.3, ax, projection="stress")
    with pytest.raises(ValueError, match="one period"):
        hl.plot.lissajous(run, 0.01, ax)
    with pytest.raises(ValueError, match="angular_frequency"):
        hl.plot.lissajous(run, 0.0, ax)
    for times in ([0.0], [0.0, 0.0], [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match="times"):
            hl.plot.density_image(times, [start, start], ax)
    with pytest.raises(ValueError, match="faces"):
        hl.plot.density_image([0.0, 1.0], [start, start], ax, faces=[1.0, 0.0])


class Terminal(io.StringIO):
    def __init__(self, terminal=True):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by half a second at each look."""
    monkeypatch.setenv("TERM", "xterm")
    ticks = iter(np.arange(0.0, 1e6, 0.5))
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))


def test_progress_draws_after_two_seconds_and_cleans_up(clock):
    out = Terminal()
    with progress(50.0, stream=out) as update:
        for reached in (1.0, 2.0, 3.0):
            update(reached)
        assert out.getvalue() == ""
        for reached in (25.0, 60.0):  # past the end by whatever: full, not more
            update(reached)
    drawn = out.getvalue()
    assert "50 of 50" in drawn
    assert "60 of 50" not in drawn
    assert "\x1b[2K" in drawn  # the line is wiped


def test_progress_cleans_up_after_an_error(clock):
    out = Terminal()

    def broken():
        with progress(1.0, after=0.0, stream=out) as update:
            update(0.5)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert "\x1b[2K" in out.getvalue()


@pytest.mark.parametrize("where", ["file", "none", "short"])
def test_progress_is_off_elsewhere(clock, monkeypatch, where):
    out = Terminal(where != "file")
    monkeypatch.setattr("sys.stderr", None if where == "none" else out)
    with progress(1.0) as update:
        update(0.5)
        if where != "short":
            for _ in range(20):
                update(0.5)
    assert out.getvalue() == ""
