"""One torchtune experiment as it lies on disk: its log, configuration, epochs and what else is there. What is not there is None."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.torchtune.epochs import Epoch, read_epochs
from analysis.torchtune.run_log import RunLog, parse_run_log

_LOG = re.compile(r"slurm-(\d+)(?:_\d+)?\.out")
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class TorchtuneExperiment:
    """`job` is the SLURM job of the newest log; `config` the torchtune configuration; `offline_runs` wandb's, not yet synced."""

    path: Path
    log_path: Path | None
    job: str | None
    log: RunLog
    config: Mapping[str, Any]
    epochs: list[Epoch]
    offline_runs: list[Path]
    wandb_summary: Mapping[str, Any]
    has_eval_script: bool
    problems: list[str]

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def model(self) -> str | None:
        """``llama3_2_1b`` of the builder ``torchtune.models.llama3_2.lora_llama3_2_1b``, or the base model that the adapter names."""
        component = _at(self.config, "model", "_component_")
        if isinstance(component, str):
            return component.rsplit(".", 1)[-1].removeprefix("qlora_").removeprefix("lora_")
        return next((epoch.base_model for epoch in self.epochs if epoch.base_model), None)

    @property
    def rank(self) -> int | None:
        rank = _at(self.config, "model", "lora_rank")
        return rank if isinstance(rank, int) else next((epoch.rank for epoch in self.epochs if epoch.rank is not None), None)

    @property
    def expected_epochs(self) -> int | None:
        epochs = self.config.get("epochs")
        return epochs if isinstance(epochs, int) and not isinstance(epochs, bool) else None

    def measured(self, key: str) -> float | None:
        """A number of the run's summary: wandb's own file, which is not rounded, before what it printed."""
        value = self.wandb_summary.get(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else self.log.number(key)


def is_experiment(path: Path) -> bool:
    return path.is_dir() and (any(path.glob("slurm-*.out")) or any(path.glob("epoch_*")))


def read_experiment(path: Path) -> TorchtuneExperiment:
    """The experiment in `path`; every file that is missing or cannot be read is one of its `problems`."""
    problems: list[str] = []
    logs = sorted((log for log in path.glob("slurm-*.out") if log.is_file()), key=lambda log: (log.stat().st_mtime_ns, log.name))
    newest = logs[-1] if logs else None
    log = RunLog() if newest is None else parse_run_log(_tail(newest, problems))
    if newest is None:
        problems.append("no slurm-*.out")
    elif not log.summaries:
        problems.append(f"{newest.name} has no run summary")
    if log.elided:
        problems.append(f"{newest.name if newest else ''}: {log.elided} keys of the run summary were not printed")
    config = _config(path, problems)
    epochs = read_epochs(path)
    problems += [f"epoch_{epoch.number}: {problem}" for epoch in epochs for problem in epoch.problems]
    offline = sorted([*path.glob("logs/wandb/offline-run-*"), *path.glob("wandb/offline-run-*")])
    problems += [sentence for run in offline if (sentence := _offline_problem(run))]
    matched = _LOG.fullmatch(newest.name) if newest else None
    has_eval = (path / "eval.py").is_file()
    return TorchtuneExperiment(
        path, newest, matched[1] if matched else None, log, config, epochs, offline, _wandb(offline), has_eval, problems
    )


def _tail(path: Path, problems: list[str]) -> str:
    """The text of a log; of one that is larger than any sensible one, its end."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _MOST_BYTES))
            return file.read().decode(errors="replace")
    except OSError as error:
        problems.append(f"{path.name} cannot be read: {error.strerror}")
        return ""


def _config(path: Path, problems: list[str]) -> Mapping[str, Any]:
    """The YAML file that names a torchtune model; torchtune copies it beside the checkpoints or into the log directory."""
    for file in sorted([*path.glob("*.yaml"), *path.glob("logs/*.yaml")]):
        try:
            values = yaml.safe_load(file.read_text(encoding="utf-8", errors="replace"))
        except (OSError, yaml.YAMLError, RecursionError):
            problems.append(f"{file.name} is no YAML")
            continue
        if isinstance(values, dict) and isinstance(values.get("model"), dict):
            return values
    problems.append("no torchtune configuration (*.yaml with a model)")
    return {}


def _offline_problem(run: Path) -> str | None:
    """What keeps ``wandb sync`` from sending an offline run."""
    files = list(run.glob("run-*.wandb"))
    if not files:
        return f"{run.name} has no run-*.wandb and cannot be synced"
    with open(files[0], "rb") as file:
        whole = file.read(4) == b":W&B"
    return None if whole else f"{run.name}: {files[0].name} is empty or damaged and cannot be synced"


def _wandb(offline: list[Path]) -> Mapping[str, Any]:
    """The summary of the newest offline run that wrote one."""
    for run in reversed(offline):
        try:
            values = json.loads((run / "files" / "wandb-summary.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(values, dict):
            return values
    return {}


def _at(config: Mapping[str, Any], group: str, name: str) -> Any:
    inner = config.get(group)
    return inner.get(name) if isinstance(inner, dict) else None
