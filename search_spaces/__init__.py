"""Values only, in Ray Tune's own domains: one file for each ablation."""
