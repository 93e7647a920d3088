"""Quantities that theory, particles and experiment share: flow curves, estimates, harmonics."""
