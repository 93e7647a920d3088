"""Random models and protocols, held against solvers that share no code with the library."""
