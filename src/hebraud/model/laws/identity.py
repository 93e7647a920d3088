"""Identity of a frozen law: a key by which two are equal, and a text that tells them apart.

Every frozen law of ``scipy.stats`` has its own instance of its class. A law is identified by its
class, by the arguments of that instance where the class is not one of scipy's own (the bins of
``rv_histogram``, the members of a user's class), and by the values of its parameters, whether they
were given by position or by name.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from hebraud._typing import Floats

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_continuous, rv_frozen

__all__ = ["bin_edges", "law_key", "law_text", "parameters"]

_SHOWN = 12
"""The most bins that are shown one by one."""


def parameters(law: rv_frozen) -> dict[str, Any]:
    """Return the values of a frozen law's parameters by name: shapes, ``loc`` and ``scale``."""
    shapes = [name.strip() for name in (law.dist.shapes or "").split(",") if name.strip()]
    values = {"loc": 0.0, "scale": 1.0}
    values |= dict(zip([*shapes, "loc", "scale"], law.args, strict=False))
    return {name: _plain(value) for name, value in (values | law.kwds).items()}


def law_key(law: rv_frozen) -> tuple[object, ...]:
    """Return a hashable key, equal for two frozen laws if and only if they are the same law.

    It is the same for copies and pickles, except where members of a user's class have no equality.
    """
    return type(law.dist), _own(law.dist), tuple(sorted(parameters(law).items()))


def law_text(law: rv_frozen) -> str:
    """Return the law as one would write it; a histogram of many bins with a checksum of them."""
    arguments = [repr(a) for a in law.args]
    arguments += [f"{name}={value!r}" for name, value in law.kwds.items()]
    kind = type(law.dist)
    own = dict(_own(law.dist))
    if "histogram" in own:
        heights, edges = (np.asarray(a) for a in law.dist._updated_ctor_param()["histogram"])
        if heights.size > _SHOWN:
            number = zlib.crc32(repr(own).encode())
            bins = f"{heights.size} bins from {edges[0]:g} to {edges[-1]:g}, checksum {number:08x}"
        else:
            bins = f"({heights.tolist()!r}, {edges.tolist()!r})"
        if own.get("density") is not None:
            bins += f", density={own['density']}"
        return f"scipy.stats.rv_histogram({bins})({', '.join(arguments)})"
    if kind.__module__.startswith("scipy.stats."):
        return f"scipy.stats.{law.dist.name}({', '.join(arguments)})"
    inside = ", ".join(f"{name}={value!r}" for name, value in own.items())
    return f"{kind.__module__}.{kind.__qualname__}({inside})({', '.join(arguments)})"


def bin_edges(law: rv_frozen) -> Floats | None:
    """Return the edges of a histogram's bins, in sigma_c, ascending; None for any other law."""
    made = law.dist._updated_ctor_param() if hasattr(law.dist, "_updated_ctor_param") else {}
    if "histogram" not in made:
        return None
    place = parameters(law)
    edges = np.asarray(made["histogram"][1], dtype=np.float64)
    return np.asarray(place["loc"] + place["scale"] * edges)


def _own(dist: rv_continuous) -> tuple[tuple[str, object], ...]:
    """Return what a distribution holds beyond its class: nothing for scipy's own, by name."""
    from scipy import stats

    reference = getattr(stats, str(dist.name), None)
    usual = reference is not None and type(reference) is type(dist)
    if usual and all(getattr(reference, end) == getattr(dist, end) for end in ("a", "b")):
        return ()
    made = dict(dist._updated_ctor_param()) if hasattr(dist, "_updated_ctor_param") else {}
    plain = vars(stats.rv_continuous(name="usual")).keys()
    made |= {name: value for name, value in vars(dist).items() if name not in plain}
    # the seed is a state, and the texts are no part of the law
    for name in ("seed", "longname", "extradoc", "badvalue", "xtol"):
        made.pop(name, None)
    return tuple(sorted((name, _plain(value)) for name, value in made.items()))


def _plain(value: Any) -> Any:
    """Return a value as something that can be compared and hashed."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return tuple(sorted((name, _plain(member)) for name, member in value.items()))
    if isinstance(value, list | tuple):
        return tuple(_plain(member) for member in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value
