"""What the particle campaign says, density by density, as far as its runs have come.

``load()`` reads the data that are shipped, ``read_run(folder)`` a run's own folder. Chains that are
not finished count as far as they go. Parameters are measured at the lowest rate at which all of
them can be; a rate or a measure that is missing is a sentence that says why.

``python -m validation.particles.campaign --store RUN`` (a run of ``hebraud md run --preset
laptop --output RUN``) exports it into the shipped data, with its provenance.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hebraud import Estimate, FlowCurve, HerschelBulkley
from hebraud.errors import ConvergenceError
from hebraud.md.campaign.archive import import_run
from hebraud.md.campaign.chain import segments_done
from hebraud.md.campaign.frozen_matrix import kept_segments, snapshot_yields, yields_file
from hebraud.md.campaign.plan import Preset
from hebraud.md.campaign.plan_file import read_campaign
from hebraud.md.campaign.reduced_chain import Condensed, condense
from hebraud.md.campaign.workflow.steps import CAMPAIGN
from hebraud.md.measure.modulus import slow_rates
from hebraud.md.measure.stress import steady_stress
from hebraud.md.results.measures import Measured, measure
from hebraud.md.results.parameters import BlockParameters
from hebraud.md.results.rates import AtRate, at_rate
from hebraud.md.results.reduced_data import Evidence, LocalYields
from hebraud.md.results.reduction import evidence_of, joined_yields, start_ups
from hebraud.md.results.symbols import ROWS
from validation import DATA, ROOT
from validation.particles.provenance import store_run

STORED = DATA / "campaign"
CACHE = ROOT / "build" / "campaign"
#: The note of a stress whose error rests on eight blocks a run, too few to show that they are long
#: enough.
ROUGH = "rough error: eight blocks a run"
#: Fastest rate at which clusters are apart, so that they can be counted; at three times it new ones
#: are a third per strain.
APART = 1e-3

Floats = NDArray[np.float64]
_CODE = ("md", "rheology")  # what numbers of particles come from
_BLOCKS = 8
_SHORTEST_BLOCK = 0.1  # strain: some sigma_Y/G0, in which the stress forgets itself


@dataclass(frozen=True, eq=False)
class Stress:
    """The steady stress at one rate.

    ``seeds`` samples, each sheared to ``strain``, transient included; ``wanted`` is how many the
    campaign will have in the end. ``value`` is a sentence where there is no error bar.
    """

    shear_rate: float
    seeds: tuple[int, ...]
    strain: float
    wanted: int
    value: Estimate | str


@dataclass(frozen=True, eq=False)
class AtDensity:
    """What is known of one density; Lennard-Jones units.

    Attributes
    ----------
    density : float
    particles : int
    stresses : tuple of Stress
        Every rate of the campaign, rising; without seeds where nothing has run.
    curve : FlowCurve or str
        The rates that have an error bar.
    fit, free_fit : HerschelBulkley or str
        Exponent 1/2, and free.
    evidence : mapping of float to Evidence
        By shear rate, where the flow has settled: records of the observers, stress differences,
        P(sigma), local yield stresses (a sentence in ``.yields`` where there are none), the
        macroscopic stress. Any measure of `hebraud.md` can be made of it.
    measured : Measured or None
        ``measure(evidence[rate])`` at the rate that parameters rest on.
    rates : tuple of AtRate
        Activity and stress diffusion, at the rates of ``evidence``.
    samples : mapping of float to int
        By shear rate, how many seeds ``evidence`` rests on.
    """

    density: float
    particles: int
    stresses: tuple[Stress, ...]
    curve: FlowCurve | str
    fit: HerschelBulkley | str
    free_fit: HerschelBulkley | str
    evidence: Mapping[float, Evidence]
    measured: Measured | None
    rates: tuple[AtRate, ...]
    samples: Mapping[float, int]

    @property
    def parameters(self) -> BlockParameters | None:
        """All of the model's parameters; None where one is missing."""
        return None if self.measured is None else self.measured.parameters

    def estimate(self, symbol: str) -> Estimate | str:
        """Return a measure by its symbol (`hebraud.md.results.symbols`), or why there is none."""
        if self.measured is None:
            return "none: no chain has settled"
        return self.measured.estimates.get(symbol, "none: not measured")


@dataclass(frozen=True, eq=False)
class Campaign:
    """A campaign as far as it has come: its plan, and what each density says."""

    plan: Preset
    at: Mapping[float, AtDensity]

    @property
    def missing(self) -> str:
        """What is not there yet, in words for a caption; empty where all is."""
        parts: dict[str, list[str]] = {}
        for rate in sorted(self.plan.shear_rates, reverse=True):
            wanted = len(self.plan.seeds_at(rate))
            strain = max(run.strain for run in self.plan.runs if run.shear_rate == rate)
            found = [s for one in self.at.values() for s in one.stresses if s.shear_rate == rate]
            fewest = min(len(s.seeds) for s in found)
            least = min(s.strain for s in found)
            if not fewest:
                parts.setdefault("all", []).append(f"{rate:g}")
            elif fewest < wanted:
                parts.setdefault(f"{wanted - fewest} of {wanted} seeds", []).append(f"{rate:g}")
            elif least < strain - 1e-9:
                parts.setdefault(f"strain {least:g} to {strain:g}", []).append(f"{rate:g}")
        return "; ".join(f"{what} at rate {', '.join(rates)}" for what, rates in parts.items())


def load(data: Path = STORED, cache: Path = CACHE) -> Campaign:
    """Return what the exported data say.

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
        found: Campaign = pickle.loads(kept.read_bytes())
        return found
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


def read_run(folder: Path) -> Campaign:
    """Return what a run's folder says now (made by ``hebraud md run`` or ``import``)."""
    plan = read_campaign(folder / CAMPAIGN)
    at = {density: _at_density(plan.at(density), folder) for density in plan.densities}
    return Campaign(plan, at)


def _at_density(plan: Preset, folder: Path) -> AtDensity:
    rates = sorted(plan.shear_rates)
    chains = {rate: _chains(plan, rate, folder) for rate in rates}
    stresses = tuple(_stress(plan, rate, chains[rate]) for rate in rates)
    curve = _curve(stresses)
    begun = start_ups({r: chains[r] for r in slow_rates(r for r in rates if chains[r])})
    evidence: dict[float, Evidence] = {}
    found: list[AtRate] = []
    samples: dict[float, int] = {}
    for rate in rates:
        settled = [one for one in chains[rate].values() if one.time_blocks]
        if settled and isinstance(curve, FlowCurve):
            point = plan.point(rate, plan.seeds_at(rate)[0])
            yields = _yields(plan, rate, folder)
            evidence[rate] = evidence_of(point, settled, plan.settled, yields, curve, begun)
            samples[rate] = len(settled)
            found.append(at_rate(rate, settled))
    return AtDensity(
        density=plan.density,
        particles=plan.particles,
        stresses=stresses,
        curve=curve,
        fit=_fit(curve, 0.5),
        free_fit=_fit(curve, None),
        evidence=evidence,
        measured=_measured(evidence),
        rates=tuple(found),
        samples=samples,
    )


def _chains(plan: Preset, rate: float, folder: Path) -> dict[int, Condensed]:
    points = {seed: plan.point(rate, seed) for seed in plan.seeds_at(rate)}
    return {
        seed: condense(plan, point, folder)
        for seed, point in points.items()
        if segments_done(point, folder)
    }


def _stress(plan: Preset, rate: float, chains: Mapping[int, Condensed]) -> Stress:
    """Take the longest chains, as many and as far as makes the most steady strain in all."""
    wanted = len(plan.seeds_at(rate))
    each = plan.point(rate, plan.seeds_at(rate)[0]).segment_strain
    longest = sorted(chains, key=lambda seed: -chains[seed].segments)

    def steady(count: int) -> float:
        return count * (chains[longest[count - 1]].segments * each - plan.transient)

    counts = range(1, len(longest) + 1)
    count = max(counts, key=steady, default=0)
    if not count or steady(count) <= 0.0:
        return Stress(rate, (), 0.0, wanted, "none: not run beyond the transient")
    taken = [chains[seed].series for seed in longest[:count]]
    bins = len(taken[-1].stress)
    stress = np.array([one.stress[:bins] for one in taken])
    value = _mean(taken[-1].strain, stress, plan.transient)
    strain = round(chains[longest[count - 1]].segments * each, 9)
    return Stress(rate, tuple(sorted(longest[:count])), strain, wanted, value)


def _mean(strain: Floats, stress: Floats, transient: float) -> Estimate | str:
    """Mean by blocking; where that finds too few blocks, over eight a run, and the note says so."""
    try:
        return steady_stress(strain, stress, transient)
    except (ValueError, ConvergenceError) as error:
        steady = stress[:, strain > transient]
        length = steady.shape[1] // _BLOCKS
        if length * (strain[1] - strain[0]) < _SHORTEST_BLOCK:
            return f"none: {error}"
    means = steady[:, : _BLOCKS * length].reshape(-1, length).mean(axis=1)
    error_bar = float(means.std(ddof=1)) / len(means) ** 0.5
    return Estimate(float(steady.mean()), error_bar, len(means), ROUGH)


def _curve(stresses: Sequence[Stress]) -> FlowCurve | str:
    known = [(one.shear_rate, one.value) for one in stresses if isinstance(one.value, Estimate)]
    if not known:
        return "none: no rate has run long enough for an error bar"
    return FlowCurve(
        [rate for rate, _ in known],
        [value.value for _, value in known],
        [value.stderr for _, value in known],
    )


def _fit(curve: FlowCurve | str, exponent: float | None) -> HerschelBulkley | str:
    if isinstance(curve, str):
        return curve
    try:
        return curve.herschel_bulkley(exponent=exponent)
    except (ValueError, ConvergenceError) as error:
        return f"none: {error}"


def _yields(plan: Preset, rate: float, folder: Path) -> LocalYields | str:
    """Join the local yield stresses that have been measured, at whatever snapshots."""
    points = [plan.point(rate, seed) for seed in plan.seeds_at(rate)]
    rows = [
        snapshot_yields(point, folder, number)
        for point in points
        for number in kept_segments(point, plan.chains[point])
        if number * point.segment_strain > plan.settled - 1e-9
        and yields_file(point, folder, number).exists()
    ]
    return joined_yields(rows) if rows else f"no frozen matrices have been made at {rate:g} yet"


def _measured(evidence: Mapping[float, Evidence]) -> Measured | None:
    """Measure at the lowest rate that gives all parameters, or else gives most."""
    best: Measured | None = None
    for rate in sorted(evidence, key=lambda rate: (isinstance(evidence[rate].yields, str), rate)):
        found = measure(evidence[rate])
        if found.parameters is not None:
            return found
        if best is None or _known(found) > _known(best):
            best = found
    return best


def _known(found: Measured) -> int:
    return sum(isinstance(found.estimates.get(symbol), Estimate) for symbol in ROWS)


def caption(particles: Campaign) -> str:
    """Return what a figure rests on and what is missing, in a line or two."""
    said = f"N = {particles.plan.particles}, campaign {particles.plan.name!r}"
    missing = particles.missing
    return f"{said}; not there yet:\n{missing}" if missing else f"{said}, complete"


def chosen(name: str, about: str) -> tuple[str, Campaign]:
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
