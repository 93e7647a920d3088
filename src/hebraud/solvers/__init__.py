"""Solvers: a Markov chain of cells, its stationary states, runs and response, and Monte Carlo."""
