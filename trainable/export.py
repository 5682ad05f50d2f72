"""``python -m trainable.export RUN_DIR --format merged``: a run's weights in a form that others, or further runs, start from."""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trainable.adapters.registry import ADAPTERS
from trainable.export_sublora import export_sublora
from trainable.learner import Learner
from trainable.load_run import load_learner
from trainable.model.exported import save_exported
from trainable.model.pretrained import PretrainedLM
from trainable.model.size import resolved
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_DONE, WrongRequest, unknown
from trainable.spec.run_dir import RunDir
from trainable.whole_folder import whole_folder


def export_merged(learner: Learner, folder: Path) -> None:
    """The plain model, an adapter merged into it, with the tokenizer: what `model.pretrained` and `data.tokenizer` take.

    A model of the transformers library is written in that library's form. Raises `WrongRequest` when the adapter cannot be merged.
    """
    model = ADAPTERS[learner.config.adapter.name].merged(learner.model)
    if isinstance(model, PretrainedLM):
        model.save(folder)
    else:
        save_exported(model, resolved(learner.config.model), folder)
    shutil.copy2(learner.data.directory / "tokenizer.json", folder)


# Each writes the model of a learner, loaded from a checkpoint, into an empty folder.
EXPORTS: dict[str, Callable[[Learner, Path], None]] = {
    "merged": export_merged,
    "sublora": export_sublora,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes ``exports/<format>`` in the run directory, or the folder given."""
    parser = argparse.ArgumentParser(prog="python -m trainable.export", description="Write a run's weights in another form.")
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--format", required=True, help=", ".join(EXPORTS))
    parser.add_argument("--checkpoint", default="best", help="best, final or a step")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: RUN_DIR/exports/<format>, replaced if it is there")
    given = parser.parse_args(arguments)
    if mistakes := _mistakes(given.format, given.out):
        raise WrongRequest(mistakes)
    learner = load_learner(RunDir(given.run), given.checkpoint)
    target = given.out or given.run / "exports" / given.format
    with whole_folder(target) as folder:
        EXPORTS[given.format](learner, folder)
    print(f"{given.format} weights of {given.run} ({given.checkpoint}) in {target}")
    return EXIT_DONE


def _mistakes(wanted: str, out: Path | None) -> list[str]:
    found = [] if wanted in EXPORTS else [unknown("format", wanted, EXPORTS)]
    if out is not None and out.exists():
        found.append(f"--out {out}: exists already, and an export replaces nothing that it did not write; choose another folder")
    return found


if __name__ == "__main__":
    sys.exit(run_command(main))
