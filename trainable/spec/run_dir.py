"""Where the files of one run lie: ``results/runs/<experiment id>/``."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunDir:
    path: Path

    @property
    def experiment_id(self) -> str:
        return self.path.name

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def summary_markdown(self) -> Path:
        return self.path / "summary.md"

    @property
    def provenance(self) -> Path:
        return self.path / "provenance.json"

    @property
    def train_log(self) -> Path:
        return self.path / "logs" / "train.log"

    @property
    def metrics_csv(self) -> Path:
        return self.path / "logs/metrics.csv"

    @property
    def hang_traceback(self) -> Path:
        return self.path / "logs" / "hang.log"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def plots(self) -> Path:
        return self.path / "plots"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    def has(self, name: str) -> bool:
        """Whether there is a file of this name; asked of every run of a sweep."""
        return os.path.isfile(f"{self.path}/{name}")  # noqa: PTH113 - a Path takes longer to make than the look

    def checkpoint(self, name: int | str) -> Path:
        """``checkpoints/checkpoint-<step>`` for a step, ``checkpoints/best`` or ``final`` for a name."""
        return self.checkpoints / (f"checkpoint-{name}" if isinstance(name, int) else name)


def runs_dir(results_dir: str | Path) -> Path:
    return Path(results_dir) / "runs"


def claim_run_name(runs: Path, wanted: str, taken: frozenset[str] | set[str] = frozenset()) -> str:
    """`wanted`, or the first of ``<wanted>-2``, ``<wanted>-3``, ... that no directory and no name in `taken` has; its directory is made.

    Names say the minute of a start: the directory keeps another process from taking the same one. The number goes before a
    ``_seedN`` ending, so that the name remains an experiment id.
    """
    head, separator, seed = wanted.rpartition("_seed")
    head, ending = (head, separator + seed) if separator and seed.isdecimal() else (wanted, "")
    name, number = wanted, 1
    while name in taken or not _make(runs / name):
        number += 1
        name = f"{head}-{number}{ending}"
    return name


def _make(folder: Path) -> bool:
    """Whether the folder was made now, and by us."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True
