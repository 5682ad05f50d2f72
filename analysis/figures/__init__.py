"""Figures of a sweep: what each shows is computed apart from drawing it; a registry has them all."""
