"""Exact results: matched expansion, closed forms, stationary states, linear response."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules={"asymptote", "closed_form", "symbolic", "symbolic_variants"}
)
