"""Figures in the house style: flow curves, distributions, runs in time. Needs matplotlib.

`hebraud.plot.particles` draws what was measured on particles.
"""

from hebraud.plot.results import (
    ageing,
    density,
    density_image,
    flow_curve,
    lissajous,
    stress_strain,
)
from hebraud.plot.style import COLOURS, MARKERS, style

__all__ = [
    "COLOURS",
    "MARKERS",
    "ageing",
    "density",
    "density_image",
    "flow_curve",
    "lissajous",
    "stress_strain",
    "style",
]
