"""The statement of a sweep as it lies on disk, or why there is none."""

from pathlib import Path

from trainable.spec.mistakes import WrongRequest, did_you_mean
from trainable.spec.statement import Statement
from trainable.spec.sweep_dir import SweepDir, sweeps_dir


def read_statement(sweep_dir: SweepDir) -> Statement:
    """Raises `WrongRequest` for a directory that holds no sweep, naming those that are near, and for a damaged statement."""
    if not sweep_dir.statement.exists():
        raise WrongRequest([f"{sweep_dir.path} holds no sweep: sweep.json is missing{_near(sweep_dir.path)}"])
    try:
        return Statement.from_json(sweep_dir.read_statement())
    except (ValueError, KeyError, TypeError) as error:
        raise WrongRequest([f"{sweep_dir.statement} cannot be read: {error}"]) from error


def _near(path: Path) -> str:
    """Sweeps beside `path`, in it, or in the results folder that it is."""
    folders = (path.parent, path, sweeps_dir(path))
    found = {entry for folder in folders for entry in folder.glob("*") if SweepDir(entry).statement.exists()}
    return did_you_mean(str(path), map(str, found))
