"""Optimizers behind one entry: building, exact bytes of state, settings; schedules."""
