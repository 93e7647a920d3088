"""Load the particle campaign, density by density, as far as its runs have come.

``load()`` reads the shipped data, ``read_run(folder)`` a run's own folder. Both are reduced as
``hebraud md aggregate`` does (`hebraud.md.results.reduction`).

``python -m validation.particles.campaign --store RUN`` (a run of ``hebraud md run --preset
laptop --output RUN``) exports it into the shipped data, with its provenance.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import tempfile
from itertools import chain
from pathlib import Path

from hebraud.md.campaign.archive import import_run
from hebraud.md.campaign.plan_file import read_campaign
from hebraud.md.campaign.workflow.steps import CAMPAIGN
from hebraud.md.results.reduction import CampaignResults, reduce_density
from validation import DATA, ROOT
from validation.drawing import report
from validation.particles.provenance import store_run

STORED = DATA / "campaign"
CACHE = ROOT / "build" / "campaign"
#: Fastest rate at which clusters are apart, so that they can be counted; at three times it new ones
#: are a third per strain.
APART = 1e-3

_CODE = ("md", "rheology")  # what numbers of particles come from


def load(data: Path = STORED, cache: Path = CACHE) -> CampaignResults:
    """Return the results of the exported data.

    What was computed is kept in ``cache`` under a checksum of the data and of the code.

    Raises ``FileNotFoundError`` if no data are there, ``ValueError`` if a file is not the one that
    was exported.
    """
    index = data / "index.json"
    if not index.exists():
        raise FileNotFoundError(
            f"there are no campaign data in {data}; hebraud md export RUN {data} writes them"
        )
    kept = cache / f"{_checksum(data)}.pickle"
    if kept.exists():
        found: CampaignResults = pickle.loads(kept.read_bytes())
        return found
    report("reading the stored campaign, once: its numbers are kept in build/")
    with tempfile.TemporaryDirectory() as folder:
        import_run(data, Path(folder))
        campaign = read_run(Path(folder))
    cache.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(".part")
    part.write_bytes(pickle.dumps(campaign))
    part.replace(kept)
    return campaign


def _checksum(data: Path) -> str:
    code = [sorted((ROOT / "src" / "hebraud" / part).rglob("*.py")) for part in _CODE]
    files = [data / "index.json", data / CAMPAIGN, Path(__file__), *chain.from_iterable(code)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def read_run(folder: Path) -> CampaignResults:
    """Return the results of a run's folder, made by ``hebraud md run`` or ``import``."""
    plan = read_campaign(folder / CAMPAIGN)
    found = {}
    for number, density in enumerate(plan.densities, start=1):
        report(f"campaign {plan.name}: density {density:g}, {number} of {len(plan.densities)}")
        found[density] = reduce_density(plan.at(density), folder)
    return CampaignResults(plan, found)


def caption(particles: CampaignResults) -> str:
    """Return the data that a figure rests on, and the missing ones, in a line or two."""
    said = f"N = {particles.plan.particles}, campaign {particles.plan.name!r}"
    missing = particles.missing
    return f"{said}; not there yet:\n{missing}" if missing else f"{said}, complete"


def chosen(name: str, about: str) -> tuple[str, CampaignResults]:
    """Read a figure's command line: the shipped data, or ``--run DIR`` and a name of its own."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--run", metavar="DIR", type=Path, help="a run's folder, not the data here")
    folder = parser.parse_args().run
    return (name, load()) if folder is None else (f"{name}_{folder.name}", read_run(folder))


def main() -> None:
    """Export a run into the shipped data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", metavar="RUN", type=Path, required=True)
    parser.add_argument("--remarks", default="", help="what else is to be known of the run")
    given = parser.parse_args()
    name = read_campaign(given.store / CAMPAIGN).name
    command = (
        f"hebraud md run --preset {name} --output RUN",
        "python -m validation.particles.campaign --store RUN",
    )
    print(store_run(given.store, STORED, command, given.remarks))


if __name__ == "__main__":
    main()
