"""Weights & Biases: a run under ``wandb/`` of the run directory, offline unless asked. The only file that imports wandb."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainable.spec.atomic_write import write_text
from trainable.spec.status import Status
from trainable.tracker.description import with_status
from trainable.tracker.tracker import Row, RunDescription, Tracker

_FAILED = (Status.FAILED, Status.OUT_OF_MEMORY, Status.INTERRUPTED)

# Provenance, packages and the machine are in provenance.json, scrubbed of secrets; wandb's own copies are not.
# Artifacts are hard links, which outlive a move of the run directory.
# A setting that the installed wandb does not know is left out.
_SETTINGS = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "symlink": False,
    "init_timeout": 30.0,
    "finish_timeout": 60.0,
}


class Wandb(Tracker):
    """A resumed run keeps its id (``wandb/run_id.txt``): online it is one run, offline the parts join when they are synced.

    Nothing global is left behind: runs of one process follow each other, or run beside each other.
    """

    def __init__(self, mode: str = "offline") -> None:
        self._mode: Any = mode

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        _prepare_environment()
        import wandb  # here: a third of a second that a run without it need not spend

        self._root, self._tags = run.run_dir.resolve(), list(run.tags)
        settings = wandb.Settings(**{name: value for name, value in _SETTINGS.items() if name in wandb.Settings.model_fields})
        wandb.setup(settings)
        self._run: Any = wandb.init(
            project=run.project,
            name=run.experiment_id,
            id=_run_id(self._root, resume_step),
            resume=None if resume_step is None else "allow",
            config=run.config,
            tags=self._tags,
            notes=run.notes,
            group=run.group,
            dir=str(self._root),
            mode=self._mode,
            reinit="create_new",
            settings=settings,
        )

    def log(self, row: Row, step: int) -> None:
        self._run.log({name: value for name, value in row.items() if value is not None}, step=step)

    def log_summary(self, summary: Mapping[str, Any]) -> None:
        self._run.summary.update({name: value for name, value in summary.items() if value is not None and name != "config"})

    def log_artifact(self, path: Path) -> None:
        path = path.resolve()
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        base = self._root if path.is_relative_to(self._root) else path.parent
        for file in files:
            self._run.save(str(file), base_path=str(base), policy="now")

    def finish(self, status: str) -> None:
        self._run.tags = with_status(self._tags, status)
        self._run.finish(exit_code=int(status in _FAILED))
        wandb_dir = self._root / "wandb"
        for path in [*wandb_dir.iterdir(), *wandb_dir.glob("*run-*/logs/*")]:
            if path.is_symlink():  # shortcuts, also to a log in the home directory: they dangle wherever this one is taken
                path.unlink()


def _prepare_environment() -> None:
    """What wandb reads when it is imported and when its service starts; a user's own choice stands."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else it reports usage over the network, even offline
    try:
        (Path.home() / ".cache" / "wandb").mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home to write to, as in many containers: its service would then log to the terminal
        os.environ.setdefault("WANDB_CACHE_DIR", tempfile.gettempdir())


def _run_id(root: Path, resume_step: int | None) -> str:
    """The id the run already has when it goes on, else a new one, kept for the next time."""
    kept = root / "wandb" / "run_id.txt"
    if resume_step is not None and kept.exists():
        return kept.read_text().strip()
    run_id = secrets.token_hex(4)
    write_text(kept, f"{run_id}\n", sync=False)
    return run_id
