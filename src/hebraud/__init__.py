"""hebraud: mean-field rheology of yield-stress materials.

Start with :class:`Model`, :func:`steady_state` and :func:`flow_curve`. Submodules and names are
loaded on first use; importing hebraud imports nothing heavy.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
