"""Trains the base that `model.pretraining` asks for, once for all runs that start from it."""

from collections.abc import Callable
from pathlib import Path

from trainable.base_config import base_config, base_folder
from trainable.data.prepare import prepare
from trainable.distributed import outside_world
from trainable.export import export_merged
from trainable.load_run import load_learner
from trainable.model.exported import is_exported
from trainable.run_record import RunIdentity
from trainable.spec.config import RunConfig
from trainable.spec.folder_lock import alone_in
from trainable.spec.identity import TrialKey, cell_of
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.trainer import Trainer
from trainable.whole_folder import whole_folder

Report = Callable[[str], None]


def prepare_base(config: RunConfig, report: Report = print) -> None:
    """Trains and exports the base of `config` unless that is done; one process at a time, and from where an earlier one ended.

    Raises `WrongRequest` for a mistake in `model.pretraining`, and for a base whose loss does not stay finite.
    """
    if config.model.pretraining is None:
        return
    base = base_config(config)
    folder = base_folder(base)
    run_dir = RunDir(folder.with_name(f"{folder.name}-run"))
    with alone_in(run_dir.path):
        if is_exported(str(folder)):
            return
        prepare(base.data, report=report)
        report(f"training the base of {config.model.name} ({' '.join(config.model.pretraining)})")
        with outside_world():  # the other ranks wait for the folder
            _train(base, run_dir, folder, report)


def _train(base: RunConfig, run_dir: RunDir, folder: Path, report: Report) -> None:
    cell, seed = cell_of(base), base.training.seed
    trainer = Trainer(base, run_dir, RunIdentity(str(TrialKey(cell, seed)), cell, seed, stage="base"))
    try:
        while not trainer.done:
            evaluation = trainer.advance()
    finally:
        trainer.close()
    if evaluation.status != Status.COMPLETED:
        raise WrongRequest([f"model.pretraining: the base ended as {evaluation.status}: {evaluation.stop_reason}"])
    with whole_folder(folder) as beside:
        export_merged(load_learner(run_dir, "final"), beside)
    report(f"base in {folder}: eval/loss {evaluation.metrics['eval/loss']:.4f}")
