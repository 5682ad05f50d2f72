"""What the pages of a sweep are computed from: its files, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis.checkpoints.verify import RunCheckpoints
from analysis.columns import Row
from analysis.compare import CellSummary
from analysis.figures.curves import Curve, curves_of
from analysis.load import Sweep, Trial
from analysis.study import Study
from analysis.verdict import Verdict
from analysis.witnesses import about_curve
from trainable.spec.status import Stage, Status

Curves = Mapping[str, Curve]


@dataclass(frozen=True)
class Evidence:
    """`figures` are the drawn files, `checkpoints` what was found of each trial, by trial."""

    sweep: Sweep
    study: Study
    verdicts: Sequence[Verdict]
    cells: Sequence[CellSummary]
    figures: Sequence[Path]
    checkpoints: Mapping[str, RunCheckpoints]

    @cached_property
    def trials(self) -> dict[str, Trial]:
        return {trial.trial: trial for trial in self.sweep.trials}

    @cached_property
    def evaluations(self) -> Curves:
        """eval/loss of each trial, by trial."""
        return self._curves("eval/loss")

    @cached_property
    def training(self) -> Curves:
        """train/loss of each trial, by trial."""
        return self._curves("train/loss")

    @cached_property
    def gradients(self) -> Curves:
        """optimizer/grad_norm of each trial, by trial."""
        return self._curves("optimizer/grad_norm")

    @cached_property
    def rates(self) -> Curves:
        """optimizer/lr of each trial, by trial."""
        return self._curves("optimizer/lr")

    @cached_property
    def speeds(self) -> Curves:
        """time/tokens_per_sec of each trial, by trial."""
        return self._curves("time/tokens_per_sec")

    @cached_property
    def altered_curves(self) -> dict[str, str]:
        """What ``metrics.csv`` tells of the sweep's metric otherwise than the ledger, by trial."""
        metric = self.sweep.statement.metric
        curves = self.evaluations if metric == "eval/loss" else self._curves(metric)
        by_step = {trial: dict(zip(curve.steps.astype(int), curve.values, strict=True)) for trial, curve in curves.items()}
        records = self.sweep.state.trials
        told = {trial: about_curve(records[trial], curve, metric) for trial, curve in by_step.items() if trial in records}
        return {trial: sentence for trial, sentence in told.items() if sentence is not None}

    def _curves(self, metric: str) -> Curves:
        return {curve.trial: curve for curve in curves_of(self.study, metric)}

    @property
    def runs_dir(self) -> Path:
        return self.sweep.directory.path / self.sweep.statement.runs_dir

    @property
    def winner(self) -> CellSummary | None:
        """The confirmed cell that the exploration put first, without one the best of all; None before a confirmation."""
        statement = self.sweep.statement
        measured = [(cell.mean, cell) for cell in self.cells if cell.mean is not None]
        if statement.explores or not measured:
            return next((cell for cell in self.cells if cell.rank == 1), None)
        return (max if statement.higher_is_better else min)(measured, key=lambda pair: pair[0])[1]

    @property
    def baseline(self) -> CellSummary | None:
        return next((cell for cell in self.cells if cell.is_baseline), None)

    def run_path(self, row: Row) -> str:
        """A run directory as a command of this page names it."""
        return as_given(self.runs_dir / row["run_id"])

    def title(self, cell: str) -> str:
        return self.study.cells[cell].title

    def completed(self, cell: str) -> list[Row]:
        """The cell's completed confirmations, by seed."""
        return sorted((row for row in self.study.rows_by_cell.get(cell, []) if counts(row)), key=lambda row: row["seed"] or 0)

    @cached_property
    def explored_merits(self) -> list[float]:
        """The sweep's metric at the end of the exploration's complete trials, the best first and such that lower is better."""
        metric, sign = self.sweep.statement.metric, self.sign
        full = (row for row in self.study.rows if row["stage"] == Stage.EXPLORE and row["status"] == Status.COMPLETED)
        return sorted(sign * row[metric] for row in full if row.get(metric) is not None)

    @property
    def sign(self) -> int:
        """-1 where a higher metric is better, else 1."""
        return -1 if self.sweep.statement.higher_is_better else 1


def counts(row: Row) -> bool:
    """Whether the trial may carry weight: a completed confirmation."""
    return bool(row["stage"] == Stage.CONFIRM and row["status"] == Status.COMPLETED)


def as_given(path: Path) -> str:
    """Relative to the working directory where that is possible; else the last three parts, since what lies above says nothing to others."""
    absolute = path.resolve()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(Path(*absolute.parts[-3:]))
