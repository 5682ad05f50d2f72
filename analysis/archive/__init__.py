"""Sweeps and runs as checksummed BagIt bags for a paper: written, verified, restored, and their figures rebuilt."""
