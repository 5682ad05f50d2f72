"""The options of every sweep's command line; what they lead to is `sweeps.runner.cli`."""

import argparse
from pathlib import Path

from trainable.spec.status import Status

RETRYABLE = (Status.FAILED, Status.INTERRUPTED, Status.OUT_OF_MEMORY, Status.DIVERGED)


def option_parser(name: str, hypothesis: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m sweeps.{name}",
        description=f"{hypothesis} The same command resumes, extends and repairs.",
    )
    parser.add_argument(
        "overrides", nargs="*", help="group=choice, key.path=value, settings (sweep.seeds=[1,2,3]), notify=command:...|webhook:URL"
    )
    parser.add_argument("--dry-run", action="store_true", help="compose and check every trial, print the price tag, start nothing")
    parser.add_argument("--address", help="a running Ray cluster (auto: the one of this machine); without it Ray is embedded")
    parser.add_argument("--cluster", type=Path, metavar="FILE", help="with --dry-run: the price on the nodes of this cluster file")
    parser.add_argument("--storage", help="folder of the results (experiment.results_dir=), or a URL for the runs (resources.storage=)")
    parser.add_argument("--fresh", action="store_true", help="start another sweep directory; the old one stays")
    parser.add_argument("--retry", default="failed,interrupted", help="ended trials to run again: " + ",".join(RETRYABLE))
    parser.add_argument("--dashboard", action="store_true", help="start Ray's dashboard on 127.0.0.1")
    parser.add_argument("--watch", metavar="SWEEP_DIR", type=Path, help="start nothing, show a sweep that runs elsewhere, or ran")
    return parser


def option_names() -> list[str]:
    """``--dry-run`` and so on."""
    return [option for option in option_parser("", "")._option_string_actions if option.startswith("--")]
