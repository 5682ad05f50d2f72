"""What the trackers are told about a run, from its configuration: tags in the protocol's form, notes and group."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from trainable.spec.compose import to_plain
from trainable.spec.config import RunConfig
from trainable.spec.metric_names import EVERY_RUN
from trainable.spec.status import Status
from trainable.tracker.tracker import RunDescription

_STATUS = "status:"


def describe_run(
    config: RunConfig, run_dir: Path, *, metric_names: Sequence[str] = tuple(EVERY_RUN), group: str | None = None
) -> RunDescription:
    """`group` is the sweep's name; the configured one goes before it, the experiment's phase and category after it."""
    tracking, experiment = config.tracking, config.experiment
    return RunDescription(
        experiment_id=run_dir.name,
        run_dir=run_dir,
        config=to_plain(config),
        metric_names=list(metric_names),
        tags=run_tags(config),
        notes=tracking.notes or experiment.hypothesis,
        group=tracking.group or group or "-".join(filter(None, [experiment.paper, experiment.phase, experiment.category])),
        project=tracking.project,
    )


def run_tags(config: RunConfig, status: str = Status.RUNNING) -> list[str]:
    """``phase:baseline``, ``model:gpt2-small`` and so on for optimizer, dataset and paper (if given); the configured ones; ``status:``."""
    named = {
        "phase": config.experiment.phase,
        "model": config.model.name,
        "optimizer": config.optimizer.name,
        "dataset": config.data.name,
        "paper": config.experiment.paper,
    }
    tags = [f"{name}:{value}" for name, value in named.items() if value]
    return with_status([*tags, *config.tracking.tags], status)


def with_status(tags: Iterable[str], status: str) -> list[str]:
    """The tags, each once, with this status instead of any other."""
    return list(dict.fromkeys([*(tag for tag in tags if not tag.startswith(_STATUS)), f"{_STATUS}{status}"]))
