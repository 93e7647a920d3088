"""Stationary states: the null vector of the chain, and the root for D around it."""
