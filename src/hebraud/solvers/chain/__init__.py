"""The Markov chain of cells that stands for the equation: grid, generator, states on grids."""
