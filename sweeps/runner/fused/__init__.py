"""Trials that are lanes of one process: hosts, the small actors that speak to Ray Tune for them, and how many pay."""
