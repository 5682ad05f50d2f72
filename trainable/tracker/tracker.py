"""What a tracker is: five verbs, and what it is told about the run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, float | int | None]


@dataclass(frozen=True)
class RunDescription:
    """What a tracker knows of a run; `metric_names` are the columns a row may have, in order, with ``step`` first."""

    experiment_id: str
    run_dir: Path
    config: dict[str, Any]
    metric_names: Sequence[str]
    tags: Sequence[str] = ()
    notes: str = ""
    group: str | None = None
    project: str = "efficient-optimization-research"


class Tracker(ABC):
    """Records one run; made for it, started once, finished once."""

    @abstractmethod
    def start(self, run: RunDescription, resume_step: int | None) -> None:
        """Opens what is written to. With `resume_step` the run goes on after that step and what was recorded later is dropped."""

    @abstractmethod
    def log(self, row: Row, step: int) -> None:
        """The metrics measured at `step`, by name; None or absent was not measured."""

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """The results of the whole run as plain values."""

    def log_artifact(self, path: Path) -> None:
        """A file or folder of the run that belongs with its record."""

    @abstractmethod
    def finish(self, status: str) -> None:
        """Closes everything; `status` is one of `trainable.spec.status.Status`."""
