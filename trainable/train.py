"""One run without Ray: ``python -m trainable.train [--resume RUN_DIR] [overrides]``; also under torchrun."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from trainable.base_training import prepare_base
from trainable.data.prepare import prepare
from trainable.device import pick_device
from trainable.launch_environment import launch_mistakes
from trainable.load_run import run_config
from trainable.request import request_run
from trainable.run_record import RunIdentity, now
from trainable.spec.command import run_command
from trainable.spec.config import RunConfig
from trainable.spec.experiment_id import ExperimentId, value_slug
from trainable.spec.identity import TrialKey, cell_of
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, WrongRequest
from trainable.spec.run_dir import RunDir, claim_run_name, runs_dir
from trainable.spec.run_summary import end_summary
from trainable.spec.status import Status
from trainable.spec.writable_folder import writable_mistakes
from trainable.tracker.readiness import tracker_mistakes
from trainable.trainer import Evaluation, Trainer


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains to the end; the exit code is 0 for a completed run, 1 for one that diverged or ran out of memory."""
    parser = argparse.ArgumentParser(prog="python -m trainable.train", description="Train one configuration.")
    parser.add_argument("overrides", nargs="*", help="group=choice and key.path=value")
    parser.add_argument("--resume", type=Path, metavar="RUN_DIR", help="continue an interrupted run from its newest whole checkpoint")
    given = parser.parse_args(arguments)
    config, run_dir = _resumed(given.resume, given.overrides) if given.resume else _new_run(given.overrides)
    is_main = os.environ.get("RANK", "0") == "0"
    report: Callable[[str], None] = partial(print, flush=True) if is_main else lambda _: None
    prepare(config.data, report=report)
    prepare_base(config, report)
    report(f"results in {run_dir.path}")
    cell, seed = cell_of(config), config.training.seed
    trainer = Trainer(config, run_dir, RunIdentity(trial=str(TrialKey(cell, seed)), cell=cell, seed=seed))
    try:
        _train(trainer, config, report)
    except KeyboardInterrupt:
        if is_main:
            end_summary(run_dir, Status.INTERRUPTED, "interrupted by Ctrl-C", now())
            print(f"to continue: python -m trainable.train --resume {shlex.quote(str(run_dir.path))}", file=sys.stderr)
        raise
    return EXIT_DONE if trainer.status == Status.COMPLETED else EXIT_FAILED


def _train(trainer: Trainer, config: RunConfig, report: Callable[[str], None]) -> None:
    try:
        while not trainer.done:
            report(_line(trainer.advance(), config))
    finally:
        trainer.close()


def _new_run(overrides: Sequence[str]) -> tuple[RunConfig, RunDir]:
    config = request_run(overrides)
    pick_device(config.training.device)
    mistakes = [*launch_mistakes(os.environ), *writable_mistakes(config.experiment.results_dir), *tracker_mistakes(config.tracking)]
    if config.resources.storage is not None:
        mistakes.append("resources.storage is for the runs of a sweep; a single run is written into experiment.results_dir")
    if mistakes:
        raise WrongRequest(mistakes)
    runs = runs_dir(config.experiment.results_dir)
    name = ExperimentId(
        started=datetime.now(),
        phase=config.experiment.phase,
        category=config.experiment.category or config.optimizer.name,
        description=config.experiment.description or f"{config.model.name}{config.data.name}",
        variant=config.experiment.variant or value_slug("optimizer.lr", config.optimizer.lr),
        seed=config.training.seed,
    )
    # Under torchrun every rank must come to the same name: the launcher's id keeps the minute from passing between them.
    launch = os.environ.get("TORCHELASTIC_RUN_ID")
    taken = str(name) if launch is None else str(replace(name, variant=f"{name.variant}-{launch[:8]}"))
    return config, RunDir(runs / (claim_run_name(runs, taken) if launch is None else taken))


def _resumed(run: Path, overrides: Sequence[str]) -> tuple[RunConfig, RunDir]:
    run_dir = RunDir(run)
    mistakes = ["--resume takes the run's own configuration; leave the overrides out"] if overrides else []
    if not run_dir.config.is_file():
        mistakes.append(f"--resume {run}: no {run_dir.config.name} there, so it is not a run directory")
    if mistakes:
        raise WrongRequest(mistakes)
    return run_config(run_dir), run_dir


def _line(evaluation: Evaluation, config: RunConfig) -> str:
    names = ("train/loss", "eval/loss", "eval/perplexity", "time/tokens_per_sec", "test/loss")
    shown = [(name, value) for name in names if (value := evaluation.metrics.get(name)) is not None]
    numbers = "  ".join(f"{name} {value:{',.0f' if value >= 1000 else '.4g'}}" for name, value in shown)
    reason = f"  {evaluation.stop_reason}" if evaluation.stop_reason else ""
    return f"step {evaluation.step}/{config.training.max_steps}  {evaluation.status}  {numbers}{reason}"


if __name__ == "__main__":
    sys.exit(run_command(main))
