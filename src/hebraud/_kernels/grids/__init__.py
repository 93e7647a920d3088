"""Loops over the cells of a grid of stresses: grids, rates, elimination, landing, steps."""
