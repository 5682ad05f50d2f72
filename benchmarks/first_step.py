"""From ``python -m sweeps.lr_ablation`` to the first training step, part by part; beside stock Ray Tune around the same model and data."""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.marked_start import CONFIG, DRIVER_MARKS
from trainable.data.prepare import prepare
from trainable.request import request_run
from trainable.spec.atomic_write import write_json
from trainable.spec.compose import to_plain
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest

# What lies between one mark and the next, in order.
PARTS = {
    "python_running": "python",
    "sweep_imported": "imports_of_the_driver",
    "composed": "composing_and_checking",
    "data_and_statement_ready": "data_check_and_statement",
    "ray_running": "ray_init",
    "first_trial_given": "tune_to_the_first_trial",
    "worker_reached": "worker_start",
    "torch_imported": "import_of_torch",
    "code_imported": "imports_of_the_worker",
    "actor_ready": "actor",
    "asked_to_train": "tune_to_the_first_call",
    "trainer_open": "model_optimizer_data",
    "first_step": "first_step",
}
CONTENDERS = {"ours": "python -m sweeps.lr_ablation", "ray": "stock Ray Tune around the same training code"}
_PATIENCE_SECONDS = 300.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, help="starts of each; medians count")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("overrides", nargs="*", help="of the sweep, such as model=micro")


def _run(given: argparse.Namespace) -> Outcome:
    if given.rounds < 1:
        raise WrongRequest([f"--rounds {given.rounds}: at least 1 is needed"])
    config = _config(given.overrides)
    prepare(config.data)  # a second start: what is done once and for all is not counted
    turns = [{name: _start(name, config, given.overrides) for name in given.contenders} for _ in range(given.rounds)]
    found = {name: _typical([turn[name] for turn in turns]) for name in given.contenders}
    ratio = Ratio(None, CONTENDERS["ray"], note="--contenders leaves one out")
    if len(found) == len(CONTENDERS):
        ratio = Ratio(found["ray"]["total"] / found["ours"]["total"], CONTENDERS["ray"])
    settings = {"rounds": given.rounds, "overrides": given.overrides, "data": "prepared before"}
    return Outcome({"start to the first training step": ratio}, {"seconds": found, "all_seconds": turns}, settings)


def _config(overrides: list[str]) -> RunConfig:
    """Of the sweep's runs; a worker has its own working directory."""
    from sweeps.lr_ablation import SWEEP

    config = request_run([*SWEEP.base, *overrides])
    return replace(config, data=replace(config.data, root=str(Path(config.data.root).resolve())))


def _start(contender: str, config: RunConfig, overrides: list[str]) -> dict[str, float]:
    """Seconds of each part of one start; the sweep is interrupted after its first training step."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, log = Path(scratch), Path(scratch) / "output.txt"
        write_json(folder / CONFIG, to_plain(config))
        begin = time.time()
        with open(log, "w") as output:
            command = [sys.executable, "-m", "benchmarks.marked_start", contender, scratch, *overrides]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            try:
                marks = _await_marks(folder, process, log)
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    return _parts(begin, marks)


def _await_marks(folder: Path, process: "subprocess.Popen[bytes]", log: Path) -> dict[str, float]:
    deadline = time.time() + _PATIENCE_SECONDS
    while time.time() < deadline:
        found = next(folder.rglob("first_step.json"), None)
        if found is not None:
            marks: dict[str, float] = json.loads((folder / DRIVER_MARKS).read_text()) | json.loads(found.read_text())
            return marks
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"no training step was taken:\n{log.read_text()[-2000:]}")


def _parts(begin: float, marks: dict[str, float]) -> dict[str, float]:
    """Seconds between the marks; a worker that Ray had started ahead was reached before it was asked for, and took no time then."""
    times = [begin]
    for mark in PARTS:
        times.append(max(times[-1], marks[mark]))
    parts = {part: later - earlier for part, (earlier, later) in zip(PARTS.values(), pairwise(times), strict=True)}
    return {**parts, "total": times[-1] - begin}


def _typical(starts: list[dict[str, float]]) -> dict[str, Any]:
    return {part: median(start[part] for start in starts) for part in starts[0]}


FIRST_STEP = Benchmark("how long does a sweep take to its first training step, and where does the time go?", _run, _arguments)
