"""Measures on particle data: pure functions of arrays that return estimates with errors.

`block_stress` and `local_yield` are imported from the modules of their names.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
