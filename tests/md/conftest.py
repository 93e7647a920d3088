"""What the particle tests share."""

from __future__ import annotations

import os

import pytest

from hebraud.errors import MissingDependency
from hebraud.md.lammps.engine import require_lammps


@pytest.fixture(scope="session")
def lammps():
    """Skip with the message of the missing piece where LAMMPS cannot be run; under CI fail."""
    try:
        require_lammps()
    except MissingDependency as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
