"""The particle glass behind the model: LAMMPS simulations of a sheared mixture, and measures.

Importing this module loads no LAMMPS; running needs ``pip install "hebraud[md]"``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
