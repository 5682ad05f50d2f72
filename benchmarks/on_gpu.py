"""``python -m benchmarks.on_gpu``: all that is to be measured on a GPU, one process after another, each kept as soon as it is done.

The most wanted come first, each under a limit of its own, so that a machine to be had for half an hour suffices and one that is taken
away leaves what was measured. Text is Python's own library: nothing is downloaded.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import RESULTS
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, WrongRequest

MINUTES = 25.0
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Part:
    """One call of a benchmark; `name` tells its result file from those of the benchmark's other parts. `toy` is its size for a test."""

    benchmark: str
    name: str
    options: Sequence[str]
    minutes: float
    toy: Sequence[str]


_TOY_MODEL = [
    "model.num_layers=1",
    "model.d_model=16",
    "model.num_heads=2",
    "model.d_ff=32",
    "model.context_length=8",
    "data.vocab_size=300",
]
_TOY_STEP = ["--rounds", "1", "--steps", "2", "--matrix", "32", "--eager-only", "--graphs", *_TOY_MODEL]
_TOY_LANES = ["--lanes", "2", "--steps", "4", "--rounds", "1", "data.vocab_size=300"]
PARTS = (
    Part("train_step", "gpt2-small", ["--models", "gpt2-small"], 4, _TOY_STEP),
    Part("optimizer_step", "gpt2-small", ["--model", "gpt2-small"], 4, ["--optimizers", "adamw", "hybrid8", "--rounds", "1", *_TOY_MODEL]),
    Part("train_step", "small", ["--models", "micro", "tiny"], 4, [*_TOY_STEP, "model.vocab_size=300"]),
    Part("fused_trials", "tiny", ["--shapes", "tiny"], 4, _TOY_LANES),
    Part("packed_trials", "tiny", [], 5, ["--model", "micro", "--steps", "10", "data.vocab_size=300"]),
    Part("train_step", "gpt2-medium", ["--models", "gpt2-medium", "--rounds", "5"], 4, _TOY_STEP),
    Part("train_step", "llama-1b", ["--models", "llama-1b", "--rounds", "3"], 5, [*_TOY_STEP, "model.num_kv_heads=1"]),
    Part("fused_trials", "micro", ["--shapes", "micro"], 3, _TOY_LANES),
    Part("fused_trials", "6m", ["--shapes", "width 256"], 4, [*_TOY_LANES, *_TOY_MODEL]),
    Part("subspace_step", "", [], 3, ["--rounds", "1", "model.context_length=16"]),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a part could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.on_gpu", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"for all parts together; {MINUTES:g}")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="where the result files go")
    parser.add_argument("--parts", nargs="+", type=int, metavar="NUMBER", help=f"of 1 to {len(PARTS)}; all by default")
    parser.add_argument("--toy", action="store_true", help="at a size that says nothing, on whatever is here: whether the parts work")
    parser.add_argument("overrides", nargs="*", help="of every run, such as data.root=elsewhere")
    given = parser.parse_args(arguments)
    if wrong := [f"--parts {number}: a number from 1 to {len(PARTS)}" for number in given.parts or () if not 1 <= number <= len(PARTS)]:
        raise WrongRequest(wrong)
    if not (given.toy or _has_gpu()):
        raise WrongRequest(["no CUDA device here; --toy tries every part at a size that says nothing"])
    end = time.monotonic() + given.minutes * 60
    chosen = [PARTS[number - 1] for number in given.parts or range(1, len(PARTS) + 1)]
    outcomes = [_outcome(part, given, end) for part in chosen]
    print("\n".join(f"{part.benchmark:<16} {part.name:<12} {outcome}" for part, outcome in zip(chosen, outcomes, strict=True)))
    return EXIT_DONE if all(outcome == _MEASURED for outcome in outcomes) else EXIT_FAILED


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


_MEASURED = "measured"


def _outcome(part: Part, given: argparse.Namespace, end: float) -> str:
    """Measures one part, with all it has started ended when its time is over."""
    seconds = min(part.minutes * 60, end - time.monotonic())
    if seconds <= 0:
        return "left out: no time"
    options = [*(["--part", part.name] if part.name else []), *part.options, *(part.toy if given.toy else []), *given.overrides]
    command = [sys.executable, "-m", "benchmarks", part.benchmark, "--results", str(given.results.absolute()), *options]
    print(f"\n{' '.join(command[1:])}", flush=True)
    process = subprocess.Popen(command, cwd=_ROOT, start_new_session=True)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return f"cut after {seconds:.0f} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return _MEASURED if code == 0 else f"failed with exit code {code}"


if __name__ == "__main__":
    sys.exit(run_command(main))
