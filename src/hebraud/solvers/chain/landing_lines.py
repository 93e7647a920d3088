"""The number of lines that stand for a continuous landing law in a run.

Noise blurs where blocks have landed, so that a noisy run needs fewer lines.

The lines of neighbouring cells are shifted against each other, so that they make no comb together.
Still, the mass that lands beyond a threshold, or near it, is known only to a fraction of the
distance of two lines. Where noise moves a block farther than that in a tau, the error disappears.
"""

from __future__ import annotations

import math

from hebraud.model.model import Model

__all__ = ["run_lines"]

_MOST = 256
"""The most lines, whatever the tolerance: the cost of a step grows with their number."""
_FEWEST = 8
"""The fewest lines, whatever the tolerance."""
_SHARP = 8
"""Lines of the coarsest grid where nothing blurs them; with the fineness, as errors fall as 1/lines
(case 23 of the reliability list at 1e-6: 2 and 8 ``rtol`` from 237 and 66) ..."""
_BLURRED = 12
"""... and the least there, with its square root, where noise does (cases 12, 21, 63 and 69: 0.02
``rtol`` or less) ..."""
_BLUR = 5.0
"""... which is where it moves a block so many times the distance of two lines."""


def run_lines(model: Model, fineness: float, diffusion: float) -> int:
    """Return the number of landing lines for a run, given D and how fine its grid is.

    ``fineness`` is the number of cells, in units of that of the coarsest grid.
    """
    sharp = min(max(int(_SHARP * fineness), _FEWEST), _MOST)
    if not model.scatters or diffusion == 0.0:
        return sharp
    offset = model.relaxation.quadrature(sharp).offset
    blurred = math.ceil(_BLUR * float(offset.max() - offset.min()) / math.sqrt(diffusion))
    return min(max(blurred, math.ceil(_BLURRED * math.sqrt(fineness))), sharp)
