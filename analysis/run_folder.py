"""A folder of run directories, of any sweeps or of none: one trial for each directory, also for those that are no run."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.load import Trial, is_run, load_run
from analysis.remembered import Remembered

# Where and how a run was done says nothing about what was tried.
_NOT_TRIED = ("tracking.", "resources.", "experiment.", "training.seed", "training.num_threads", "data.root")


@dataclass(frozen=True)
class RunFolder:
    """`trials` in the order of their names; `varied` are the keys in which their configurations differ."""

    trials: list[Trial]
    varied: list[str]
    remembered: Remembered


def is_run_folder(path: Path) -> bool:
    return path.is_dir() and any(is_run(folder) for folder in path.iterdir())


def load_run_folder(path: Path) -> RunFolder:
    """Every directory in `path`; hidden ones are left out."""
    return load_run_dirs(
        [folder for folder in sorted(path.iterdir()) if folder.is_dir() and not folder.name.startswith(".")], Remembered(path)
    )


def load_run_dirs(folders: Sequence[Path], remembered: Remembered | None = None) -> RunFolder:
    """These directories; a name that two of them give themselves becomes the name of the directory."""
    remembered = remembered if remembered is not None else Remembered(None)
    loaded = [_loaded(folder, remembered) for folder in folders]
    used = Counter(trial.trial for trial in loaded)
    named = [trial if used[trial.trial] == 1 else _renamed(trial) for trial in loaded]
    varied = _varied([trial.values for trial in named if trial.values])
    kept = [replace(trial, values={key: trial.values[key] for key in varied if key in trial.values}) for trial in named]
    return RunFolder(sorted(kept, key=lambda trial: trial.trial), varied, remembered)


def _loaded(folder: Path, remembered: Remembered) -> Trial:
    trial = load_run(folder, remembered)
    if trial.summary is None and not is_run(folder):
        return replace(trial, notes=("no file of a run is in this directory",))
    config = trial.told("config")
    return replace(trial, values=dict(_flat(config)) if isinstance(config, dict) else {})


def _renamed(trial: Trial) -> Trial:
    return replace(trial, trial=trial.run_dir.experiment_id, notes=(*trial.notes, f"another directory is also trial {trial.trial}"))


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _varied(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    keys = dict.fromkeys(key for config in configs for key in config if not key.startswith(_NOT_TRIED))
    return [key for key in keys if len({json.dumps(config.get(key), sort_keys=True) for config in configs}) > 1]
