"""Birth certificate of results_format_2/: as results_format_1.py, which see.

Format 2 has the settings of a run besides, and fits with the layout that they had then: their data,
starts and bounds as a ``Problem`` with its law. Written by ``PYTHONPATH=tests/io python
tests/data/results_format_2.py`` with hebraud 0.1.0, format 2; all else is as in format 1.
"""

from pathlib import Path

from test_io import FITS

import hebraud as hl
from hebraud.io import save

FOLDER = Path(__file__).with_suffix("")


def write() -> None:
    """Write the file, and print the numbers that it must give."""
    run = hl.evolve(hl.Model(0.3), hl.Startup(0.1), hl.gaussian(0.3), 0.5, [0.1, 0.5], rtol=0.01)
    FOLDER.mkdir(exist_ok=True)
    save(run, FOLDER / "run.h5", note="golden file of format 2")
    print([x.hex() for x in run.stress.tolist()], run.settings)
    for kind in ("flow curve", "startup"):
        save(FITS[kind](), FOLDER / f"{kind.replace(' ', '_')}.h5", dated=False)


if __name__ == "__main__":
    write()
