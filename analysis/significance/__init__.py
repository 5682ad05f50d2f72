"""Statistics that verdicts rest on: intervals, tests, effect sizes, power, and Holm's correction."""
