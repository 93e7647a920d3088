"""Compiled kernels (numba): arrays and floats only, nothing of the house."""
