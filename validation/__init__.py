"""Checks of the library: figures, claims, particle data and peers, one script each."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "validation" / "data"
