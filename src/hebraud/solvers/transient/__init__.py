"""Runs in time: implicit steps on grids that follow the distribution."""
