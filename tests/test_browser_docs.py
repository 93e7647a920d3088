"""The built documentation in headless Chromium, on a phone's width.

Links lead somewhere, images and formulas show, nothing is asked of the network or said on the
console, and no page scrolls sideways.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlparse

import pytest

from browser import chromium, find_browser

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[1] / "docs"
PHONE = 360
"""CSS pixels: the narrowest screen in wide use."""

# What one visit reads off a page, once its formulas are set and its fonts loaded.
VISIT = """
(async () => {
  await document.fonts.ready;
  if (window.MathJax) await MathJax.startup.promise;
  const images = [...document.images];
  images.forEach(image => { image.loading = "eager"; });
  await Promise.allSettled(images.map(image => image.decode()));
  const width = document.documentElement.clientWidth;
  const all = [...document.body.querySelectorAll("*")];
  // the theme's .content scrolls where html does not: that is the page, too
  const columns = [document.documentElement, ...document.querySelectorAll(".content")];
  const scrolls = x => x && !columns.includes(x)
    && (getComputedStyle(x).overflowX !== "visible" || scrolls(x.parentElement));
  return {
    links: [...document.querySelectorAll("a[href]")].map(a => a.href),
    anchors: [...document.querySelectorAll("[id]")].map(x => x.id),
    missing: images.filter(image => !image.naturalWidth).map(image => image.src),
    formulas: document.querySelectorAll(".math").length,
    set: document.querySelectorAll(".math mjx-container").length,
    errors: document.querySelectorAll("mjx-merror, mjx-container [style*='color: red']").length,
    width: Math.max(...columns.map(x => x.scrollWidth)),
    wide: all.filter(x => x.getBoundingClientRect().right > width + 1 && !scrolls(x.parentElement))
      .map(x => x.tagName + "." + x.className + " " + x.textContent.slice(0, 60)),
  };
})()
"""


@pytest.fixture(scope="module")
def visits(tmp_path_factory) -> Iterator[dict[Path, dict[str, Any]]]:
    """Every built page with what was found on it."""
    find_browser()
    root = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    command += ["-d", str(root / "doctrees"), str(DOCS), str(root / "html")]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    found = {}
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        for page in sorted((root / "html").glob("*.html")):
            browser.open(page, width=PHONE, height=740)
            found[page] = browser.evaluate(VISIT)
            found[page]["complaints"] = list(browser.complaints)
            found[page]["requests"] = list(browser.requests)
    return found


def test_every_page_is_built(visits):
    names = {page.stem for page in visits}
    assert names >= {page.stem for page in DOCS.glob("*.md")} | {"explorer"}


def test_every_internal_link_has_its_file_and_anchor(visits):
    dead, internal = [], 0
    for page, visit in visits.items():
        for link in visit["links"]:
            address, anchor = urldefrag(link)
            if urlparse(address).scheme != "file":
                continue
            internal += 1
            target = Path(unquote(urlparse(address).path))
            if not target.is_file() or (
                anchor and target in visits and unquote(anchor) not in visits[target]["anchors"]
            ):
                dead.append(f"{page.name}: {target.name}#{anchor}")
    assert internal > 500
    assert not dead, "\n".join(sorted(set(dead)))


def test_every_image_loads(visits):
    missing = {page.name: visit["missing"] for page, visit in visits.items() if visit["missing"]}
    assert not missing, missing


def test_every_formula_is_set(visits):
    for page, visit in visits.items():
        assert visit["set"] == visit["formulas"], page.name
        assert visit["errors"] == 0, page.name
    assert sum(visit["formulas"] for visit in visits.values()) > 500


def test_no_page_complains_or_asks_the_network(visits):
    for page, visit in visits.items():
        assert visit["complaints"] == [], page.name
        outside = [r for r in visit["requests"] if not r.startswith(("file:", "data:", "blob:"))]
        assert outside == [], page.name


def test_no_page_scrolls_sideways_on_a_phone(visits):
    too_wide = {
        p.name: (v["width"], v["wide"][:3]) for p, v in visits.items() if v["width"] > PHONE
    }
    assert not too_wide, too_wide
