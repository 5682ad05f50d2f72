"""Reads a sweep for its pages without drawing figures and without opening checkpoints."""

from analysis.compare import compare
from analysis.load import load_sweep
from analysis.report.evidence import Evidence
from analysis.study import Study
from analysis.summarize import summarize
from analysis.verdict import verdicts
from trainable.spec.sweep_dir import SweepDir


def gather(directory: SweepDir) -> Evidence:
    """Brings both tables up to date and judges the claims. Raises ValueError when ``sweep.json`` cannot be read, OSError for the tables."""
    sweep = load_sweep(directory)
    rows = summarize(sweep)
    study = Study(sweep.statement, rows, directory.metrics)
    return Evidence(sweep, study, verdicts(sweep.statement, rows), compare(sweep.statement, rows), [], {})
