"""The trackers by name, and which of them a run has."""

from collections.abc import Callable

from trainable.spec.config import RunConfig, TrackingConfig
from trainable.tracker.background import PATIENCE, Patience
from trainable.tracker.description import describe_run, run_tags
from trainable.tracker.flat import FlatLog
from trainable.tracker.log_file import LogFile
from trainable.tracker.metrics_csv import MetricsCsv
from trainable.tracker.mlflow_tracker import MLflow
from trainable.tracker.plots import Plots
from trainable.tracker.tensorboard_tracker import TensorBoard
from trainable.tracker.tracker import RunDescription, Tracker
from trainable.tracker.tracker_set import TrackerSet
from trainable.tracker.wandb_tracker import Wandb

__all__ = [
    "REMOTE",
    "TRACKERS",
    "Patience",
    "RunDescription",
    "Tracker",
    "TrackerSet",
    "active_trackers",
    "describe_run",
    "run_tags",
    "start_trackers",
]

TRACKERS: dict[str, Callable[[TrackingConfig], Tracker]] = {
    "log_file": lambda _: LogFile(),
    "csv": lambda _: MetricsCsv(),
    "flat": lambda _: FlatLog(),
    "plots": lambda _: Plots(),
    "wandb": lambda tracking: Wandb(tracking.wandb),
    "tensorboard": lambda _: TensorBoard(),
    "mlflow": lambda tracking: MLflow(tracking.mlflow),
}
# These may reach beyond the machine, so they run in the background and never stop a run.
REMOTE = frozenset({"wandb", "tensorboard", "mlflow"})


def active_trackers(config: RunConfig) -> list[str]:
    """The names of a run's trackers; the files of its own are always there."""
    tracking = config.tracking
    chosen = {
        "plots": tracking.plots,
        "wandb": tracking.wandb != "off",
        "tensorboard": tracking.tensorboard,
        "mlflow": tracking.mlflow != "off",
    }
    return [name for name in TRACKERS if chosen.get(name, True)]


def start_trackers(config: RunConfig, run: RunDescription, resume_step: int | None = None, *, patience: Patience = PATIENCE) -> TrackerSet:
    """Starts every configured tracker. Raises `WrongRequest` naming each that cannot, and why; then none is left running.

    With `resume_step` the run goes on after that step, and what its files hold of later steps is dropped.
    """
    trackers = {name: TRACKERS[name](config.tracking) for name in active_trackers(config)}
    local = {name: tracker for name, tracker in trackers.items() if name not in REMOTE}
    remote = {name: tracker for name, tracker in trackers.items() if name in REMOTE}
    started = TrackerSet(local, remote, patience)
    started.start(run, resume_step)
    return started
