"""The interactive page in headless Chromium: its numbers are the library's, its sliders move it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import hebraud as hl
from browser import Browser, chromium
from hebraud.analytic.asymptote import asymptote
from hebraud.errors import NoStationaryState

PAGE = Path(__file__).parents[1] / "docs/interactive/explorer.html"

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
FRAMES = "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"

# alpha, f, width, rate: classical and not, below and above the critical coupling, all corners
POINTS = [
    (0.3, 1.0, 0.0, 1e-4),
    (0.05, 1.0, 0.0, 1.0),
    (0.6, 1.0, 0.0, 1e-3),
    (0.3, 1.0, 0.3, 1e-2),
    (0.6, 1.0, 0.5, 1e-5),
    (0.1, 0.2, 0.0, 1e-3),
    (0.2, 0.5, 0.0, 3.0),
    (0.1, 0.2, 0.3, 0.1),
    (0.2, 0.7, 0.0, 1e-5),
    (0.05, 0.3, 0.5, 1e-2),
    (0.3, 0.2, 0.5, 1.0),
]


def library_model(alpha: float, f: float, width: float) -> hl.Model:
    """The page's model: thresholds of mean 1 from a uniform law."""
    half = math.sqrt(3.0) * width
    law = hl.Redrawn(stats.uniform(1.0 - half, 2.0 * half)) if width else 1.0
    return hl.Model(alpha, relaxation=hl.FractionalDrop(f), thresholds=law)


def accuracy(f: float, width: float) -> float:
    """What the page says of its stresses.

    At f = 1 nothing is discretised but the law of thresholds, to 16 nodes: what is left without
    disorder is round-off. Elsewhere blocks land on a grid.
    """
    return 4e-4 if f < 1.0 else 5e-6 if width else 1e-10


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser):
    """The page as it opens; nothing may come on the console, and nothing but it be asked for."""
    browser.open(PAGE)
    yield browser
    assert browser.complaints == []
    assert browser.requests == [PAGE.resolve().as_uri()]


def solve(page: Browser, alpha: float, f: float, width: float) -> str:
    return f"({json.dumps({'alpha': alpha, 'f': f, 'width': width})}"


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_steady_state_is_the_library_s(page, point):
    *model, rate = point
    _, f, width = model
    stresses = np.linspace(-1.6, 2.4, 41)
    found = page.evaluate(
        f"(() => {{ const state = hebraud.steady{solve(page, *model)}, {rate});"
        "const P = hebraud.density(state), {stress, activity, D} = state;"
        f"return {{stress, activity, D, P: {stresses.tolist()}.map(P)}}; }})()"
    )
    state = hl.steady_state(library_model(*model), shear_rate=rate)
    rtol = accuracy(f, width)
    assert found["stress"] == pytest.approx(state.stress, rel=rtol, abs=2e-6 if f < 1.0 else 0.0)
    # noise is steeper in the coupling than stress, and grows without bounds towards alpha_c
    assert found["D"] == pytest.approx(state.diffusion, rel=10 * rtol)
    assert found["activity"] == pytest.approx(state.activity, rel=10 * rtol)
    # the mean of 16 densities has kinks where that of a continuous law has none
    density = state.density(stresses)
    exact = f == 1.0 and not width
    np.testing.assert_allclose(found["P"], density, atol=(1e-9 if exact else 0.03) * density.max())


SLOW = pytest.mark.slow
# partial drops with spread thresholds have no closed form: the library's stresses take long
SMALL_RATES = [
    pytest.param(model, marks=SLOW if model[1] < 1.0 and model[2] else ())
    for model in sorted({point[:3] for point in POINTS})
]


@pytest.mark.parametrize("model", SMALL_RATES, ids=str)
def test_small_rates_are_the_library_s(page, model):
    """Critical coupling, yield stress, prefactor; where the library has none, the page says so."""
    alpha, f, width = model
    found = page.evaluate(f"hebraud.smallRates{solve(page, *model)})")
    theirs = library_model(*model)
    # the library's own is right to 1e-4 where blocks land over thresholds
    critical = hl.critical_coupling(theirs)
    assert found["critical"] == pytest.approx(critical, rel=1e-4 if f < 1 and width else 1e-6)
    if alpha >= critical:
        assert found["kind"] == "none"
        assert "yieldStress" not in found
        return
    if f < 1 and width:
        assert found["kind"] == "fit"
        with pytest.raises(NotImplementedError):
            asymptote(theirs)
        # the same parabola through the library's stresses, at rates smaller by a hundred
        root = np.sqrt([1e-7, 4e-7, 1.6e-6])
        stress = [hl.steady_state(theirs, shear_rate=g).stress for g in root**2]
        yield_stress, prefactor, _ = np.linalg.solve(np.vander(root, increasing=True), stress)
        assert found["yieldStress"] == pytest.approx(yield_stress, rel=4e-4)
        assert found["prefactor"] == pytest.approx(prefactor, rel=1e-2)
        return
    law = asymptote(theirs)
    assert found["kind"] == "exact"
    rtol = 5e-6 if width else 1e-12
    assert found["yieldStress"] == pytest.approx(law.yield_stress, rel=rtol)
    assert found["prefactor"] == pytest.approx(law.prefactor, rel=rtol)


def test_no_yield_stress_above_the_critical_coupling(page):
    """There the library raises; the page has words and no point in the third picture."""
    with pytest.raises(NoStationaryState):
        asymptote(library_model(0.51, 1.0, 0.0))
    assert page.evaluate("document.querySelectorAll('#relation .mark').length") == 1
    move(page, "alpha", "ArrowRight", 42)
    assert readouts(page)["alpha-value"] == "0.510"
    assert "No yield stress" in page.evaluate("document.getElementById('verdict').textContent")
    assert readouts(page)["yield-stress"] == readouts(page)["prefactor"] == "none"
    assert page.evaluate("document.querySelectorAll('#relation .mark, #flow .second').length") == 0


def test_no_fit_just_below_the_critical_coupling(page):
    """Where two fits of A would differ by 2 % there is no number and no point, but a reason."""
    move(page, "alpha", "ArrowLeft", 4)
    move(page, "f", "Home")
    move(page, "width", "End")
    assert 0.9 < 0.28 / hl.critical_coupling(library_model(0.28, 0.2, 0.5)) < 1.0
    assert readouts(page)["yield-stress"] == readouts(page)["prefactor"] == "not fitted"
    assert "cannot be fitted" in page.evaluate("document.getElementById('verdict').textContent")
    assert page.evaluate("document.querySelectorAll('#relation .mark, #flow .second').length") == 0


def drawn(page: Browser, chart: str) -> np.ndarray:
    """The points of a chart's main line, in the units of its axes, read off its tick labels."""
    path, x, y = page.evaluate(
        f"(() => {{ const chart = document.getElementById('{chart}'), of = anchor =>"
        "[...chart.querySelectorAll(`text[text-anchor=${anchor}]:not([transform])`)].map("
        "t => [+t.getAttribute('x'), +t.getAttribute('y'), t.textContent]);"
        "return [chart.querySelector('.main').getAttribute('d'), of('middle'), of('end')]; })()"
    )
    points = np.array(re.findall(r"([-\d.]+),([-\d.]+)", path), dtype=float)

    def axis(ticks, where, offset):
        ticks = [tick for tick in ticks if tick[2].startswith("10")]
        at = [tick[where] - offset for tick in ticks]
        return np.polyfit(at, [int(tick[2][2:].translate(SUPERSCRIPTS)) for tick in ticks], 1)

    return 10.0 ** np.stack(
        [np.polyval(axis(x, 0, 0.0), points[:, 0]), np.polyval(axis(y, 1, 4.0), points[:, 1])]
    )


def test_the_drawn_flow_curve_is_the_library_s(page):
    """Coordinates are rounded to 0.01 of 246 units for four decades: 4e-4 of the stress."""
    rates, stress = drawn(page, "flow")
    np.testing.assert_allclose(rates, np.geomspace(1e-5, 10.0, 25), rtol=1e-3)
    curve = hl.flow_curve(hl.Model(0.3), np.geomspace(1e-5, 10.0, 25))
    np.testing.assert_allclose(stress, curve.stress, rtol=4e-4)


def readouts(page: Browser) -> dict[str, str]:
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('output, dd')].map("
        "x => [x.id, x.textContent]))"
    )


def number(text: str) -> float:
    mantissa, _, exponent = text.lstrip("≈ ").replace("−", "-").partition("·10")
    return float(mantissa) * 10.0 ** int(exponent.translate(SUPERSCRIPTS) or 0)


def move(page: Browser, slider: str, key: str, times: int = 1) -> None:
    """Press a key on a slider and wait for the picture that follows."""
    page.evaluate(f"document.getElementById('{slider}').focus()")
    page.press(key, times)
    page.evaluate(FRAMES)


def test_sliders_move_the_readouts(page):
    """By keyboard, from slider to slider by Tab; what is read is what the library says."""
    before = readouts(page)
    pictures = "['flow', 'stresses', 'relation'].map(id => document.getElementById(id).innerHTML)"
    drawn_before = page.evaluate(pictures)
    page.evaluate("document.getElementById('alpha').focus()")
    for key in ("ArrowLeft", "Tab", "ArrowLeft", "Tab", "ArrowRight", "Tab", "ArrowRight"):
        page.press(key, 1 if key == "Tab" else 4)
    page.evaluate(FRAMES)
    after = readouts(page)
    assert [after[f"{x}-value"] for x in ("alpha", "f", "width")] == ["0.280", "0.80", "0.20"]
    assert all(before[name] != after[name] for name in before), (before, after)
    assert all(a != b for a, b in zip(drawn_before, page.evaluate(pictures), strict=True))
    state = hl.steady_state(library_model(0.28, 0.8, 0.2), shear_rate=10**-1.6)
    assert number(after["rate-value"]) == pytest.approx(10**-1.6, rel=1e-3)
    for name in ("stress", "activity", "diffusion"):
        # four digits are shown
        assert number(after[name]) == pytest.approx(getattr(state, name), rel=1e-3), name


def test_pictures_follow_a_slider_while_it_is_dragged(page):
    """The mouse button is still down when the readouts have moved."""
    left, width, y = page.evaluate(
        "(r => [r.left, r.width, r.top + r.height / 2])"
        "(document.getElementById('rate').getBoundingClientRect())"
    )
    before = readouts(page)
    for kind, x in (("mousePressed", 0.5), ("mouseMoved", 0.6), ("mouseMoved", 0.9)):
        page.call(
            "Input.dispatchMouseEvent",
            type=kind,
            x=left + x * width,
            y=y,
            button="left",
            buttons=1,
            clickCount=1,
        )
    page.evaluate(FRAMES)
    after = readouts(page)
    assert {name for name in before if before[name] != after[name]} == {
        *("rate-value", "stress", "activity", "diffusion"),
    }
    state = hl.steady_state(hl.Model(0.3), shear_rate=number(after["rate-value"]))
    # the rate itself is shown to four digits
    assert number(after["stress"]) == pytest.approx(state.stress, rel=1e-3)


def test_every_slider_has_a_label_and_a_readout(page):
    named = page.evaluate(
        "[...document.querySelectorAll('input')].map(x => x.type === 'range' "
        "&& x.labels.length === 1 && !!document.querySelector(`output[for=${x.id}]`).value)"
    )
    assert named == [True] * 4
    spoken = "[...document.querySelectorAll('svg')].map(x => x.getAttribute('aria-label').length)"
    assert min(page.evaluate(spoken)) > 20


def test_it_fits_a_phone(browser):
    browser.open(PAGE, width=360, height=740)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 360
    widths = browser.evaluate("[...document.querySelectorAll('svg')].map(x => x.clientWidth)")
    assert min(widths) > 300


def test_ends_of_the_sliders_are_solved(page):
    """Every corner of the four sliders: no error, and stress that rises with the rate."""
    corners = page.evaluate(
        "[0.02, 0.8].flatMap(alpha => [0.2, 1].flatMap(f => [0, 0.5].map(width => "
        "hebraud.flowCurve({alpha, f, width}, [1e-5, 1e-3, 0.1, 10]).map(x => x.stress))))"
    )
    assert np.all(np.diff(corners, axis=1) > 0.0)
