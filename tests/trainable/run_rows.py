"""What runs that are said to be equal have in common."""

import csv
from pathlib import Path

from trainable.spec.run_dir import RunDir

# Columns that measure the machine and not the run.
OF_THE_MACHINE = ("time/", "memory/", "eval/tokens_per_sec")


def rows(run: RunDir | Path) -> list[dict[str, str]]:
    """The rows of a run, or of the one in a folder, without what measures the machine."""
    run_dir = RunDir(run) if isinstance(run, Path) else run
    with open(run_dir.metrics_csv) as file:
        return [{name: value for name, value in row.items() if not name.startswith(OF_THE_MACHINE)} for row in csv.DictReader(file)]
