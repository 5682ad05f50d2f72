"""What runs and sweeps are on paper and on disk: configuration, identity, files, metrics; neither torch nor Ray."""
