"""Shared settings: hypothesis profiles, a backend that draws to files."""

from __future__ import annotations

import os

import matplotlib as mpl
from hypothesis import settings

mpl.use("Agg")

# Deadlines measure a shared machine, not the code. Draws are the same in every run, so that a
# red run can be repeated; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
