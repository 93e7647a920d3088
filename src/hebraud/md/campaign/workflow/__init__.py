"""Files of the workflow: Snakefile, Slurm profile, presets."""
