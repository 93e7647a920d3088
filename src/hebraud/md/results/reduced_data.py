"""Reduced data at one density and shear rate: what parameters and figures are made from."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from hebraud._files import write_whole
from hebraud._typing import Arrays, Floats
from hebraud.errors import MeasurementError
from hebraud.md.measure.diffusion import StressDifferences
from hebraud.md.measure.local_stress import StressDensity
from hebraud.md.measure.modulus import ChainStart
from hebraud.md.measure.plastic import EventRecord, pack_records, unpack_records
from hebraud.md.observers import PLASTIC
from hebraud.rheology.estimate import Missing
from hebraud.rheology.flow_curve import FlowCurve

__all__ = ["BlockStresses", "LocalYields", "ReducedData"]


@dataclass(frozen=True, eq=False)
class BlockStresses:
    """Block stresses of the steady flow.

    Parameters
    ----------
    differences : StressDifferences
        Nothing subtracted: about the mean increment of steady flow, which is zero.
    moments : (U, 3) array
        Number, sum and sum of squares of the block stresses in each time block.
    density : StressDensity
        P(sigma).
    """

    differences: StressDifferences
    moments: Floats
    density: StressDensity


@dataclass(frozen=True, eq=False)
class LocalYields:
    """Local yield stresses in K snapshots of the steady flow, in the sense of the flow.

    Parameters
    ----------
    strain : (K,) array
        Of the snapshot.
    threshold : (K, B) array
        One column a block; NaN where it has not yielded.
    drops : mapping of (K, B) arrays
        By definition (`local_yield.DROPS`).
    """

    strain: Floats
    threshold: Floats
    drops: Mapping[str, Floats]


_T = TypeVar("_T")


def _known(found: _T | Missing) -> _T:
    if isinstance(found, Missing):
        raise MeasurementError(found.reason)
    return found


@dataclass(frozen=True, eq=False)
class ReducedData:
    """Reduced data of a campaign at one density and shear rate, and its flow curve.

    Parameters
    ----------
    density, shear_rate, block_width : float
        In Lennard-Jones units.
    settled : float
        Strain before which all but ``stress`` is left out.
    strain, stress : (n,) and (k, n) arrays
        Macroscopic stress of k samples from the quench on, each value the mean over one tau_0.
    start_ups : tuple of ChainStart
        The first segment of every chain at the rates that are slow enough for G0 (`slow_rates`).
    records : mapping
        By name of a `Plastic` observer, one record for each time block of each sample.
    blocks : BlockStresses or Missing
    yields : LocalYields or Missing
    curve : FlowCurve
    observed : mapping
        By name of another observer, one merged record for each time block of each sample.
    """

    density: float
    shear_rate: float
    block_width: float
    settled: float
    strain: Floats
    stress: Floats
    start_ups: tuple[ChainStart, ...]
    records: Mapping[str, Sequence[EventRecord]]
    blocks: BlockStresses | Missing
    yields: LocalYields | Missing
    curve: FlowCurve
    observed: Mapping[str, Sequence[Arrays]] = field(default_factory=dict)

    @property
    def events(self) -> Sequence[EventRecord]:
        """Return the records of plastic events, or raise ``MeasurementError``."""
        if PLASTIC not in self.records:
            raise MeasurementError(f"no Plastic observer named {PLASTIC!r} has recorded events")
        return self.records[PLASTIC]

    @property
    def known_blocks(self) -> BlockStresses:
        """Return ``blocks``, or raise ``MeasurementError`` with the reason."""
        return _known(self.blocks)

    @property
    def known_yields(self) -> LocalYields:
        """Return ``yields``, or raise ``MeasurementError`` with the reason."""
        return _known(self.yields)

    def write(self, path: Path) -> None:
        """Write a file that `read` reads; equal content gives equal bytes.

        Stresses of the box are in single precision. Raises ``OSError``.
        """
        arrays: Arrays = {
            name: np.asarray(getattr(self, name))
            for name in ("density", "shear_rate", "block_width", "settled", "strain")
        }
        arrays["stress"] = self.stress.astype(np.float32)
        for place, one in enumerate(self.start_ups):
            arrays |= {f"start_ups.{place}.{name}": np.asarray(a) for name, a in vars(one).items()}
            arrays[f"start_ups.{place}.stress"] = one.stress.astype(np.float32)
        for name in ("shear_rate", "stress", "stress_err"):
            arrays[f"curve.{name}"] = getattr(self.curve, name)
        for observer, records in self.records.items():
            packed = pack_records(records)
            arrays |= {f"records.{observer}.{name}": array for name, array in packed.items()}
        for observer, found in self.observed.items():
            for unit, record in enumerate(found):
                head = f"observed.{observer}.{unit}."
                arrays |= {f"{head}{name}": np.asarray(a) for name, a in record.items()}
        if isinstance(self.blocks, Missing):
            arrays["blocks"] = np.array(self.blocks.reason)
        else:
            arrays["blocks.moments"] = self.blocks.moments
            for part in ("differences", "density"):
                content = asdict(getattr(self.blocks, part))
                arrays |= {f"blocks.{part}.{name}": np.asarray(a) for name, a in content.items()}
        if isinstance(self.yields, Missing):
            arrays["yields"] = np.array(self.yields.reason)
        else:
            arrays["yields.strain"] = self.yields.strain
            arrays["yields.threshold"] = self.yields.threshold
            arrays |= {f"yields.drops.{name}": a for name, a in self.yields.drops.items()}
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **arrays)
        write_whole(path, stream.getvalue())

    @classmethod
    def read(cls, path: Path) -> ReducedData:
        """Return the content of a file; raise ``OSError`` if there is none."""
        with np.load(path) as packed:
            arrays: Arrays = dict(packed)
        numbers = {
            name: float(arrays[name])
            for name in ("density", "shear_rate", "block_width", "settled")
        }
        return cls(
            **numbers,
            strain=arrays["strain"],
            stress=arrays["stress"].astype(np.float64),
            start_ups=_start_ups_of(arrays),
            records={
                observer: unpack_records(_under(f"records.{observer}.", arrays))
                for observer in sorted({n.split(".")[1] for n in arrays if n[:8] == "records."})
            },
            observed=_observed_of(arrays),
            blocks=_blocks_of(arrays),
            yields=_yields_of(arrays),
            curve=FlowCurve(
                arrays["curve.shear_rate"], arrays["curve.stress"], arrays["curve.stress_err"]
            ),
        )


def _under(head: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(head): a for name, a in arrays.items() if name.startswith(head)}


def _start_ups_of(arrays: Arrays) -> tuple[ChainStart, ...]:
    if "start_strain" in arrays:  # files from before there were several rates
        stress = arrays["start_stress"].astype(np.float64)
        seeds = tuple(range(1, 1 + len(stress)))
        return (ChainStart(float(arrays["shear_rate"]), seeds, arrays["start_strain"], stress),)
    places = sorted({int(n.split(".")[1]) for n in arrays if n.startswith("start_ups.")})
    return tuple(
        ChainStart(
            shear_rate=float(one["shear_rate"]),
            seeds=tuple(one["seeds"].tolist()),
            strain=one["strain"],
            stress=one["stress"].astype(np.float64),
        )
        for one in (_under(f"start_ups.{place}.", arrays) for place in places)
    )


def _observed_of(arrays: Arrays) -> dict[str, list[Arrays]]:
    found: dict[str, dict[int, Arrays]] = {}
    for name, array in _under("observed.", arrays).items():
        observer, unit, key = name.split(".", 2)
        found.setdefault(observer, {}).setdefault(int(unit), {})[key] = array
    return {observer: [units[k] for k in sorted(units)] for observer, units in found.items()}


def _blocks_of(arrays: Arrays) -> BlockStresses | Missing:
    if "blocks" in arrays:
        return Missing(str(arrays["blocks"]))
    edges, density, stderr, outside = (
        arrays[f"blocks.density.{name}"] for name in ("edges", "density", "stderr", "outside")
    )
    return BlockStresses(
        differences=StressDifferences(
            *(arrays[f"blocks.differences.{name}"] for name in ("lag", "count", "sums"))
        ),
        moments=arrays["blocks.moments"],
        density=StressDensity(edges, density, stderr, float(outside)),
    )


def _yields_of(arrays: Arrays) -> LocalYields | Missing:
    if "yields" in arrays:
        return Missing(str(arrays["yields"]))
    return LocalYields(
        arrays["yields.strain"], arrays["yields.threshold"], _under("yields.drops.", arrays)
    )
