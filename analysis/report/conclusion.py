"""The end of a sweep: tables, figures, page and verdicts from what lies on disk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.amendments import changes
from analysis.checkpoints.hashes import Hashes
from analysis.checkpoints.of_sweep import verify_trials
from analysis.compare import CellSummary, compare
from analysis.figures.registry import draw_figures
from analysis.load import Sweep, load_sweep
from analysis.page.page import Judged, write_page
from analysis.report.cells import HEADER, row_of, statuses
from analysis.report.evidence import Evidence
from analysis.report.exploration import Savings, savings
from analysis.report.pages import write_pages
from analysis.study import Study
from analysis.summarize import rows_of_sweep, summarize
from analysis.tables.registry import write_tables
from analysis.verdict import Verdict, verdicts
from trainable.spec.sweep_dir import SweepDir

HASHES = "checkpoint_hashes.json"


@dataclass(frozen=True)
class Conclusion:
    """`table` is the comparison of the cells as texts, `header` its first line; `cells` has the numbers; `notes` counts what is amiss."""

    verdicts: list[Verdict]
    cells: list[CellSummary]
    header: list[str]
    table: list[list[str]]
    savings: Savings
    trials: str
    notes: list[str]
    files: list[Path]

    def as_text(self) -> str:
        """For a plain terminal: the table, then each verdict with its reason."""
        judged = [f"{v.outcome}: {v.claim}{f' ({v.subject})' if v.subject else ''}\n  {v.reason}" for v in self.verdicts]
        return "\n".join([self.trials, *_aligned([self.header, *self.table]), *judged, *(f"note: {note}" for note in self.notes)])


def conclude(directory: SweepDir, *, hash_checkpoints: bool = False) -> Conclusion:
    """Writes ``trials.parquet``, ``metrics.parquet``, ``figures/``, ``tables/`` and the pages of a sweep, finished or not,
    and judges its claims.

    Reads only files. Every checkpoint is opened; with `hash_checkpoints` those that are new or changed are hashed too, which takes a
    second for each gigabyte or so. Raises ValueError when ``sweep.json`` cannot be read, OSError when the directory cannot be written.
    """
    sweep = load_sweep(directory)
    study = Study(sweep.statement, summarize(sweep), directory.metrics)
    figures = draw_figures(study, directory.figures)
    tables = write_tables(directory, directory.tables)
    conclusion = judge(sweep, study, [directory.trials, directory.metrics, *figures, *tables, directory.results])
    hashes = Hashes(directory.path / HASHES, compute=hash_checkpoints)
    evidence = Evidence(sweep, study, conclusion.verdicts, conclusion.cells, figures, verify_trials(sweep.trials, hashes))
    hashes.remember()
    altered = len(evidence.altered_curves)
    about_curves = (
        [f"metrics.csv of {altered} trials tells {sweep.statement.metric} otherwise than the ledger (RESULTS.md)"] if altered else []
    )
    notes = [*about_curves, *write_pages(evidence)]
    write_page(study, directory, conclusion.files, Judged(conclusion.verdicts, conclusion.cells))
    return replace(conclusion, notes=[*conclusion.notes, *notes])


def look(directory: SweepDir, metric: str | None = None) -> Conclusion:
    """The comparison and the verdicts without writing anything; `metric` replaces the sweep's own in the comparison."""
    sweep = load_sweep(directory)
    return judge(sweep, Study(sweep.statement, rows_of_sweep(sweep), directory.metrics), [], metric)


def judge(sweep: Sweep, study: Study, files: Sequence[Path], metric: str | None = None) -> Conclusion:
    """Comparison, verdicts and savings of a loaded sweep."""
    statement, rows = sweep.statement, study.rows
    cells = compare(statement, rows, metric)
    noted = sum(row["note"] is not None for row in rows)
    about_trials = [f"{noted} of {len(rows)} trials have missing, damaged or contradictory files (column `note`)"] if noted else []
    return Conclusion(
        verdicts=verdicts(statement, rows),
        cells=cells,
        header=HEADER,
        table=[row_of(cell, study.cells) for cell in cells],
        savings=savings(rows, statement.max_steps),
        trials=statuses(rows),
        notes=[*sweep.notes, *changes(statement), *about_trials],
        files=list(files),
    )


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
