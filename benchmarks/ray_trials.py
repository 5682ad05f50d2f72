"""Trials as Ray Tune leaves them on disk, written by Ray's own trial and logger classes without the hours of running them."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ray.train._internal.storage import StorageContext
from ray.tune.execution.placement_groups import PlacementGroupFactory
from ray.tune.experiment import Trial
from ray.tune.logger.csv import CSVLoggerCallback
from ray.tune.logger.json import JsonLoggerCallback
from ray.tune.logger.tensorboardx import TBXLoggerCallback
from ray.tune.utils.serialization import TuneFunctionEncoder

from benchmarks.fake_trials import FakeTrial


class _WrittenInPlace(StorageContext):  # type: ignore[misc]
    """Loggers write where Ray would copy their files to in the end, so that no Ray needs to run."""

    @property
    def experiment_driver_staging_path(self) -> str:
        return str(self.experiment_fs_path)


_STARTED = datetime(2026, 1, 1).timestamp()
_SECONDS_PER_REPORT = 0.1


def write_as_ray(root: Path, trials: Iterator[FakeTrial]) -> Path:
    """The directory of a finished experiment: what `ExperimentAnalysis` and `Tuner.restore` read, with Tune's three default loggers.

    The TensorBoard logger flushes to the disk at every report, which is left out here.
    """
    with patch.object(os, "fsync"):
        states = [_write_trial(trial, number, root) for number, trial in enumerate(trials)]
    path = root / "fake"
    state = {"trial_data": states, "runner_data": {}, "stats": {"start_time": _STARTED}}
    with open(path / "experiment_state-2026-01-01_00-00-00.json", "w") as file:
        json.dump(state, file, cls=TuneFunctionEncoder)
    return path


def _write_trial(fake: FakeTrial, number: int, root: Path) -> tuple[str, str]:
    """Reports every row of a trial to Ray's loggers; returns its part of the experiment's state."""
    config = {**fake.values, "training.seed": 0}
    tag = f"{number}_" + ",".join(f"{key.replace('.', '_')}={value:.4f}" for key, value in fake.values.items())
    trial = Trial("fake", stub=True, config=config, trial_id=f"00000_{number:05d}", experiment_tag=tag)
    trial.set_storage(_WrittenInPlace(str(root), "fake"))
    trial.placement_group_factory = PlacementGroupFactory([{"CPU": 1.0}])
    trial.run_metadata.start_time = _STARTED
    trial.init_local_path()
    loggers = [JsonLoggerCallback(), CSVLoggerCallback(), TBXLoggerCallback()]
    for logger in loggers:
        logger.log_trial_start(trial)
    for iteration, row in enumerate(fake.rows, 1):
        result = _result({name: value for name, value in row.items() if value is not None}, iteration, trial, iteration == len(fake.rows))
        for logger in loggers:
            logger.log_trial_result(iteration, trial, result)
        trial.update_last_result(result)
    for logger in loggers:
        logger.log_trial_end(trial)
    trial.set_storage(StorageContext(str(root), "fake", trial_dir_name=trial.relative_logdir))
    trial.set_status(Trial.TERMINATED)
    settings, metadata = trial.get_json_state()
    return settings, metadata


def _result(metrics: Mapping[str, float | int], iteration: int, trial: Trial, done: bool) -> dict[str, Any]:
    """What a function reports, with the keys that Ray adds to it."""
    seconds = iteration * _SECONDS_PER_REPORT
    when = _STARTED + seconds
    return {
        **metrics,
        "timestamp": int(when),
        "checkpoint_dir_name": None,
        "done": done,
        "training_iteration": iteration,
        "trial_id": trial.trial_id,
        "date": datetime.fromtimestamp(when).strftime("%Y-%m-%d_%H-%M-%S"),
        "time_this_iter_s": _SECONDS_PER_REPORT,
        "time_total_s": seconds,
        "pid": os.getpid(),
        "hostname": socket.gethostname(),
        "node_ip": "127.0.0.1",
        "config": trial.config,
        "time_since_restore": seconds,
        "iterations_since_restore": iteration,
    }
