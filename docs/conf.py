"""Sphinx configuration."""

project = "hebraud"
author = "The hebraud developers"
extensions = ["myst_parser", "sphinx.ext.mathjax", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
extensions += ["sphinx-mathjax-offline"]  # formulas need no network
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "hebraud"
html_static_path = ["_static"]
html_css_files = ["hebraud.css"]
html_extra_path = ["interactive"]  # explorer.html, beside the pages
exclude_patterns = ["_build", "interactive"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types, units and shapes
napoleon_google_docstring = False
napoleon_use_ivar = False
napoleon_use_rtype = False


def _plain_bars(app, what, name, obj, options, lines):
    """Docstrings write absolute values as |s|, which is a substitution to reStructuredText."""
    lines[:] = [line.replace("\\|", "|").replace("|", "\\|") for line in lines]


def setup(app):
    """Register what is above."""
    app.connect("autodoc-process-docstring", _plain_bars, priority=900)
