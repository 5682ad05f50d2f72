"""Several machines: cluster files, SLURM scripts, nodes that come and go, and what they cost."""
