"""Reads what lies on disk: Parquet, comparison, verdicts, figures, pages and archives; never torch or Ray."""
