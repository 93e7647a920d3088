"""What is computed: grids, the generator, stationary states."""
