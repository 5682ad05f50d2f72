"""MLflow: the run in ``mlruns/`` beside ``runs/``, or on a tracking server. The only file that imports mlflow."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from trainable.spec.atomic_write import write_text
from trainable.spec.folder_lock import alone_in
from trainable.spec.status import Status
from trainable.tracker.description import with_status
from trainable.tracker.tracker import Row, RunDescription, Tracker

# A user's own choice stands. MLflow reports usage over the network by default, and takes a folder only when it is told to.
_ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
_ENDS = {Status.COMPLETED: "FINISHED", Status.STOPPED_EARLY: "FINISHED", Status.INTERRUPTED: "KILLED", Status.PAUSED: "KILLED"}
_BATCH = 500  # MLflow takes 1000 metrics at once, and 100 parameters
_PARAMETERS = 100


class MLflow(Tracker):
    """`store` is ``files`` or the address of a server. MLflow cannot take back what was logged: a run that is resumed becomes a new
    one there, with what holds of the earlier, which is deleted."""

    def __init__(self, store: str = "files") -> None:
        self._store, self._is_local = store, "://" not in store

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:  # here and not above: an extra, and several seconds
            from mlflow.entities import Metric, Param, RunTag
            from mlflow.tracking import MlflowClient
        except ModuleNotFoundError as error:
            raise RuntimeError(f"{error}; pip install 'transformer-sweeps[mlflow]'") from error
        root = run.run_dir.resolve()
        folder = root.parent.parent / "mlruns"
        self._metric: Any = Metric
        self._client: Any = MlflowClient(folder.as_uri() if self._is_local else self._store)
        self._tags, kept = list(run.tags), root / "mlflow_run_id.txt"
        # In a folder, two processes that find no experiment would create two of one name.
        with alone_in(folder) if self._is_local else nullcontext():
            experiment = self._experiment(run.project)
        self._id = self._client.create_run(experiment, run_name=run.experiment_id).info.run_id
        if resume_step is not None and kept.exists():
            self._take_over(kept.read_text().strip(), resume_step)
        write_text(kept, f"{self._id}\n", sync=False)
        params = [Param(name, str(value)) for name, value in _flat(run.config)]
        for first in range(0, len(params), _PARAMETERS):
            self._client.log_batch(self._id, params=params[first : first + _PARAMETERS])
        named = {"mlflow.note.content": run.notes, "group": run.group or "", **_as_pairs(self._tags)}
        self._client.log_batch(self._id, tags=[RunTag(name, value) for name, value in named.items() if value])

    def log(self, row: Row, step: int) -> None:
        now = int(time.time() * 1000)
        self._log([self._metric(name, float(value), now, step) for name, value in row.items() if value is not None and name != "step"])

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """Numbers of the end as metrics at step 0 would spoil their curves, so they are tags."""
        for name, value in (summary.get("metrics") or {}).items():
            if value is not None:
                self._client.set_tag(self._id, f"final.{name}", str(value))

    def log_artifact(self, path: Path) -> None:
        """A copy of a file; folders, such as checkpoints, stay where they are."""
        if path.is_file():
            self._client.log_artifact(self._id, str(path))

    def finish(self, status: str) -> None:
        for name, value in _as_pairs(with_status(self._tags, status)).items():
            self._client.set_tag(self._id, name, value)
        self._client.set_terminated(self._id, _ENDS.get(Status(status), "FAILED"))

    def _experiment(self, name: str) -> str:
        """Its id; of trials that find none on a server at the same time and create it, one succeeds."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except Exception:  # MLflow's own, of a type that its stores do not share
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _take_over(self, earlier: str, last_step: int) -> None:
        for name in self._client.get_run(earlier).data.metrics:
            self._log([metric for metric in self._client.get_metric_history(earlier, name) if metric.step <= last_step])
        self._client.delete_run(earlier)

    def _log(self, metrics: list[Any]) -> None:
        for first in range(0, len(metrics), _BATCH):
            self._client.log_batch(self._id, metrics=metrics[first : first + _BATCH])


def _flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif value is not None and value != "":
            yield f"{above}{name}", value


def _as_pairs(tags: list[str]) -> dict[str, str]:
    """``phase:baseline`` as a pair; a tag without a value says true."""
    return {name: value or "true" for name, _, value in (tag.partition(":") for tag in tags)}
