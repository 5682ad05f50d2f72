"""``python -m trainable.evaluate RUN_DIR``: validation, test and out-of-distribution metrics of a run's checkpoint."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from trainable.data.prepared import open_directory
from trainable.downstream import Downstream
from trainable.load_run import load_learner
from trainable.spec.atomic_write import write_json
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_DONE, WrongRequest
from trainable.spec.run_dir import RunDir

_ALL = 10**9


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the metrics and writes them to ``evaluation.json`` in the run directory."""
    parser = argparse.ArgumentParser(prog="python -m trainable.evaluate", description="Score a run's checkpoint on whole data sets.")
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--checkpoint", default="best", help="best, final or a step")
    parser.add_argument("--batches", type=int, default=_ALL, help="at most this many batches of each set (default: all)")
    given = parser.parse_args(arguments)
    if given.batches < 1:
        raise WrongRequest([f"--batches {given.batches} must be above 0"])
    metrics = evaluate(RunDir(given.run), given.checkpoint, given.batches)
    for name, value in metrics.items():
        print(f"{name:<22} {'-' if value is None else f'{value:.4f}'}")
    write_json(given.run / "evaluation.json", {"checkpoint": given.checkpoint, "metrics": metrics})
    scored = "whole splits" if given.batches == _ALL else f"at most {given.batches:,} batches of each split"
    print(f"of the checkpoint {given.checkpoint}, on {scored}; written: evaluation.json in {given.run}")
    return EXIT_DONE


def evaluate(run_dir: RunDir, checkpoint: str, batches: int) -> dict[str, float | None]:
    """Metrics by their names. Raises `WrongRequest` when the run or the checkpoint cannot be read."""
    learner = load_learner(run_dir, checkpoint)
    scores = {"eval": learner.score(learner.data.val, batches), "test": learner.score(learner.data.test, batches)}
    metrics = {f"{split}/{name}": getattr(score, name) for split, score in scores.items() for name in ("loss", "perplexity")}
    if learner.config.data.ood_path:
        metrics["test/ood_perplexity"] = learner.score(open_directory(Path(learner.config.data.ood_path)).test, batches).perplexity
    return metrics | Downstream(learner, batches).metrics()


if __name__ == "__main__":
    sys.exit(run_command(main))
