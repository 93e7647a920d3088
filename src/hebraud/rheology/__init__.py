"""The nouns shared by theory, particles and experiment: estimates, flow curves, fits of them."""
