"""The fault harness: proves that no fault loses a row, writes one twice or changes a bit. ``python -m tests.faults --rounds N``."""
