"""Shared settings: hypothesis profiles, the validation scripts on the path."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import matplotlib as mpl
from hypothesis import settings

mpl.use("Agg")
sys.path.insert(0, str(Path(__file__).parents[1] / "validation"))

# Deadlines measure a shared machine, not the code. Draws are the same in every run, so that a
# red run can be repeated; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
