"""The files of the workflow: the Snakefile, the profiles, and the campaigns that come along."""
