"""LAMMPS: opening it, its MPI ranks, one segment of shear, and what is recorded of it."""
