"""Results in files: `save`, `load` and `provenance`; docs/files.md documents the format."""

from hebraud.io.records import UnreadableFile
from hebraud.io.results import FORMAT, load, provenance, save

__all__ = ["FORMAT", "UnreadableFile", "load", "provenance", "save"]
