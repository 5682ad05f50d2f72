"""The files that a trainer opens and counts on in its run directory."""

import os
from pathlib import Path

from trainable.distributed import World
from trainable.probes.registry import probe_metrics
from trainable.run_record import RunIdentity
from trainable.spec.config import RunConfig
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.run_dir import RunDir
from trainable.tracker.metrics_csv import kept_lines
from trainable.tracker.registry import Tracker, describe_run, start_trackers
from trainable.tracker.tracker import Row, RunDescription


class Silent(Tracker):
    """The tracker of ranks other than the first."""

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        """Nothing: the first rank writes."""

    def log(self, row: Row, step: int) -> None:
        """Nothing: the first rank writes."""

    def finish(self, status: str) -> None:
        """Nothing: the first rank writes."""


def open_trackers(config: RunConfig, run_dir: RunDir, identity: RunIdentity, world: World, resume_step: int | None) -> Tracker:
    """The configured trackers of a run, continued after `resume_step` if given."""
    if not world.is_main:
        return Silent()
    columns = [*EVERY_RUN, *probe_metrics(config.training.probes)]
    return start_trackers(config, describe_run(config, run_dir.path, metric_names=columns, group=identity.group), resume_step)


def whole_rows(path: Path, last_step: int) -> int:
    """Whole rows of a ``metrics.csv`` up to `last_step`."""
    if not path.exists():
        return 0
    _, lines = kept_lines(path.read_text(encoding="utf-8", errors="replace"), ["step"], last_step)
    return len(lines)


def sync_file(path: Path) -> None:
    """Makes what was written to `path` survive a power cut."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
