"""Everything inside one run, usable without Ray: trainer, checkpoints, measurements, exports."""
