"""``RESULTS.md``, the runs' summaries and the experiment log, section by section."""
