"""Where the files of one sweep lie: ``results/sweeps/<sweep name>-<8 hex of the base config>/``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SWEEP_FORMAT = 1


@dataclass(frozen=True)
class SweepDir:
    path: Path

    @property
    def statement(self) -> Path:
        return self.path / "sweep.json"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def lock(self) -> Path:
        return self.path / "driver.lock"

    @property
    def trials(self) -> Path:
        return self.path / "trials.parquet"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.parquet"

    @property
    def results(self) -> Path:
        return self.path / "RESULTS.md"

    @property
    def page(self) -> Path:
        return self.path / "report.html"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def tables(self) -> Path:
        return self.path / "tables"

    @property
    def optuna_journal(self) -> Path:
        return self.path / "optuna.journal"

    def read_statement(self) -> dict[str, Any]:
        """The sweep as it was written down before the first trial. Raises ValueError when it is not ours."""
        statement = json.loads(self.statement.read_text())
        if not isinstance(statement, dict) or statement.get("format") != SWEEP_FORMAT:
            raise ValueError(f"{self.statement} is not a sweep statement of format {SWEEP_FORMAT}")
        return statement


def sweeps_dir(results_dir: str | Path) -> Path:
    return Path(results_dir) / "sweeps"
