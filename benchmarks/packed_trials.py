"""Trials a minute of a whole sweep: one after another on a GPU, several that share it as their predicted memory allows, and as lanes.

Without a GPU it is the cores that are shared: one trial at a time, and as many as the machine holds.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from trainable.spec.mistakes import WrongRequest

ONE = "one"
AGAINST = "the same sweep with one trial at a time"
ON_GPU = {
    ONE: ["resources.gpus_per_trial=1"],
    "packed": ["resources.gpus_per_trial=auto"],
    "fused": ["resources.gpus_per_trial=1", "resources.fuse=auto"],
}
ON_CPU = {ONE: ["resources.max_concurrent_trials=1"], "packed": []}
NO_GPU = "no CUDA device here"
_ROOT = Path(__file__).parent.parent


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="tiny", metavar="PRESET", help="of the trials; tiny by default")
    parser.add_argument("--steps", type=int, default=200, help="steps of a trial in full, evaluated ten times")
    parser.add_argument("overrides", nargs="*", help="of every trial, such as training.batch_size=4")


def _run(given: argparse.Namespace) -> Outcome:
    import torch

    if given.steps < 10:
        raise WrongRequest([f"--steps {given.steps}: at least 10 are needed"])
    on_gpu = torch.cuda.is_available()
    length = [
        f"training.max_steps={given.steps}",
        f"training.eval_interval={given.steps // 10}",
        "schedule.warmup_steps=0",
        "scheduler=fifo",
        "scheduler.grace_steps=1",
    ]
    quiet = ["tracking.wandb=off", "tracking.plots=false"]
    shared = [f"model={given.model}", *length, *quiet, *given.overrides]
    found = {name: _measured([*shared, *how]) for name, how in (ON_GPU if on_gpu else ON_CPU).items()}
    settings = {"model": given.model, "steps": given.steps, "overrides": given.overrides}
    return Outcome(_ratios(found, on_gpu), found, settings, torch.cuda.get_device_name() if on_gpu else "cpu")


def _measured(overrides: list[str]) -> dict[str, Any]:
    """A sweep in a process of its own, from its start to its verdict; the memory of its trials as predicted and as metered."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sweeps.lr_ablation", *overrides, f"experiment.results_dir={folder}"]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT)
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            raise WrongRequest([f"{' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}"])
        return {"seconds": seconds, **_of_trials(Path(folder))}


def _of_trials(results: Path) -> dict[str, Any]:
    import pandas as pd

    (table,) = results.glob("sweeps/*/trials.parquet")
    trials = pd.read_parquet(table)
    return {
        "trials": len(trials),
        "trial_seconds": float(trials["duration_seconds"].sum()),
        "step_time_ms": float(trials["time/step_time_ms"].median()),
        "predicted_peak_memory_gb": float(trials["predicted_peak_memory_gb"].max()),
        "peak_memory_gb": None if (peak := trials["memory/peak_gb"].max()) != peak else float(peak),
    }


def _ratios(found: Mapping[str, Mapping[str, Any]], on_gpu: bool) -> dict[str, Ratio]:
    rates = {name: measured["trials"] / measured["seconds"] for name, measured in found.items()}
    ratios = {f"{name}, trials a minute": Ratio(rate / rates[ONE], AGAINST) for name, rate in rates.items() if name != ONE}
    for name, measured in found.items():
        if measured["peak_memory_gb"]:
            ratios[f"{name}, predicted peak"] = Ratio(measured["predicted_peak_memory_gb"] / measured["peak_memory_gb"], "the metered peak")
    if not on_gpu:
        ratios["trials that share a GPU"] = Ratio(None, AGAINST, note=NO_GPU)
    return ratios


PACKED_TRIALS = Benchmark("how many more trials a minute does a sweep finish when they share a GPU?", _run, _arguments)
