"""Sphinx configuration."""

project = "hebraud"
author = "The hebraud developers"
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
html_theme = "furo"
html_title = "hebraud"
exclude_patterns = ["_build"]
