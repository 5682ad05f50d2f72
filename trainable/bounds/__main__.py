"""``python -m trainable.bounds RUN_DIR``: PAC-Bayes bounds of a run's checkpoint, in ``bounds_metrics.pt`` and ``bounds_metrics.json``."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from trainable.bounds.certify import certify
from trainable.bounds.of_run import about_run, write_bounds
from trainable.bounds.report import lines
from trainable.load_run import load_learner, run_config
from trainable.spec.command import run_command
from trainable.spec.compose import compose_run
from trainable.spec.config import BoundsConfig, RunConfig
from trainable.spec.mistakes import EXIT_DONE, WrongRequest
from trainable.spec.overrides import overrides_of
from trainable.spec.run_dir import RunDir


def main(arguments: Sequence[str] | None = None) -> int:
    """Certifies the checkpoint with the run's own settings and those given, prints the outcome and writes the two files."""
    parser = argparse.ArgumentParser(prog="python -m trainable.bounds", description="PAC-Bayes bounds of a run's checkpoint.")
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("overrides", nargs="*", help="settings of the bounds other than the run's, such as bounds.levels=7")
    parser.add_argument("--checkpoint", default="best", help="best, final or a step")
    given = parser.parse_args(arguments)
    run_dir = RunDir(given.run)
    settings = settings_of(run_config(run_dir), given.overrides)
    learner = load_learner(run_dir, given.checkpoint)
    certificate, about = certify(learner, settings), about_run(learner, settings, given.checkpoint)
    write_bounds(run_dir, certificate, about)
    print("\n".join(lines(certificate, about)))
    print(f"written: bounds_metrics.pt, bounds_metrics.json in {run_dir.path}")
    return EXIT_DONE


def settings_of(config: RunConfig, overrides: Sequence[str]) -> BoundsConfig:
    """The run's settings of the bounds with `overrides` over them; a preset (``bounds=token``) takes their place.

    Raises `WrongRequest` with every mistake, and for settings of the run itself, which is what it is.
    """
    foreign = [text for text in overrides if not text.startswith(("bounds.", "bounds="))]
    if foreign:
        raise WrongRequest(f"'{text}' is no setting of the bounds (bounds.<key>=value), and the run is what it is" for text in foreign)
    has_preset = any(text.startswith("bounds=") for text in overrides)
    own = [] if has_preset else overrides_of((f"bounds.{key}", value) for key, value in asdict(config.bounds).items())
    length = config.model.context_length
    return compose_run([f"model.context_length={length}", *own, *overrides]).bounds


if __name__ == "__main__":
    sys.exit(run_command(main))
