"""Trials per minute: whole runs as lanes of one process beside the same runs one after another, in one slot each."""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.timing import CPU, WALL, medians, take_turns_by
from trainable.request import request_run
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir

ALONE = "the same trials one after another"
CPU_AIM, GPU_AIM, AUTO_AIM = 2.0, 8.0, 1.0
# Parameters up to which the aims are stated.
CPU_SMALL, GPU_SMALL = 300_000, 10_000_000
NO_GPU = "no CUDA device here"
SHAPES: dict[str, list[str]] = {
    "micro": ["model=micro", "training.batch_size=4"],
    "micro, batch 16": ["model=micro", "training.batch_size=16"],
    "width 64": ["model=micro", "model.d_model=64", "model.d_ff=172", "training.batch_size=4"],
    "width 64, context 64": ["model=micro", "model.d_model=64", "model.d_ff=172", "model.context_length=64", "training.batch_size=8"],
    "tiny": ["model=tiny"],
}
# Six million parameters: too much for a core, little for a GPU.
ON_GPU = {"width 256": ["model=tiny", "model.num_layers=6", "model.d_model=256", "model.d_ff=688", "model.context_length=128"]}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shapes",
        nargs="+",
        choices=[*SHAPES, *ON_GPU],
        default=list(SHAPES),
        metavar="SHAPE",
        help=f"{', '.join(SHAPES)}; and {', '.join(ON_GPU)}",
    )
    parser.add_argument("--lanes", nargs="+", type=int, default=[2, 4, 8, 16, 32], help="numbers of lanes; 2 4 8 16 32")
    parser.add_argument("--steps", type=int, default=40, help="steps of a trial, evaluated twice")
    parser.add_argument("--rounds", type=int, default=3, help="medians count")
    parser.add_argument("overrides", nargs="*", help="of every trial, such as data.vocab_size=512")


def _run(given: argparse.Namespace) -> Outcome:
    import torch

    from trainable.data.prepare import prepare

    on_gpu = torch.cuda.is_available()
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for shape in given.shapes:
            config = _config(shape, given)
            prepare(config.data)
            found[shape] = _measured(config, given, Path(folder) / shape.replace(" ", "-"))
    settings = {"lanes": given.lanes, "steps": given.steps, "rounds": given.rounds, "overrides": given.overrides, "threads": 1}
    return Outcome(_ratios(found, on_gpu), found, settings, torch.cuda.get_device_name() if on_gpu else "cpu")


def _config(shape: str, given: argparse.Namespace) -> RunConfig:
    quiet = ["tracking.wandb=off", "tracking.plots=false", "training.test_batches=0", "training.eval_batches=2"]
    length = [f"training.max_steps={given.steps}", f"training.eval_interval={given.steps // 2}", "training.num_threads=1"]
    return request_run(["data.vocab_size=512", *{**SHAPES, **ON_GPU}[shape], *quiet, *length, *given.overrides])


def _measured(config: RunConfig, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds of a trial by the number of lanes (1: one after another), and what ``resources.fuse=auto`` would take."""
    from sweeps.runner.fused.fusing import best_lanes
    from trainable.lanes.step_seconds import step_seconds
    from trainable.model.size import parameter_count

    alone, taken = min(4, max(given.lanes)), best_lanes(step_seconds(config, max(given.lanes)))
    contenders: dict[str, Callable[[], None]] = {"1": partial(_alone, config, alone, folder)}
    contenders |= {str(lanes): partial(_in_lanes, config, lanes, folder) for lanes in sorted({*given.lanes, taken} - {1})}
    for work in contenders.values():
        work()
    times = take_turns_by({"wall": WALL, "cpu": CPU}, contenders, given.rounds)
    trials = {name: alone if name == "1" else int(name) for name in contenders}
    return {
        "parameters": parameter_count(config.model),
        "tokens_per_step": config.training.batch_size * config.model.context_length,
        "seconds_per_trial": {clock: {n: t / trials[n] for n, t in medians(by).items()} for clock, by in times.items()},
        "auto_lanes": taken,
    }


def _trainer(config: RunConfig, number: int, folder: Path, **how: Any) -> Any:
    import shutil

    from trainable.run_record import RunIdentity
    from trainable.trainer import Trainer

    own = replace(config, optimizer=replace(config.optimizer, lr=1e-3 * (1 + number / 32)), training=replace(config.training, seed=number))
    shutil.rmtree(folder / str(number), ignore_errors=True)
    return Trainer(own, RunDir(folder / str(number)), RunIdentity(str(number), "cell", number, ""), **how)


def _finish(trainer: Any) -> None:
    while not trainer.done:
        trainer.advance()
    trainer.close()


def _alone(config: RunConfig, trials: int, folder: Path) -> None:
    for number in range(trials):
        _finish(_trainer(config, number, folder))


def _in_lanes(config: RunConfig, lanes: int, folder: Path) -> None:
    from trainable.lanes.lane_learner import LaneLearner
    from trainable.lanes.round import Round

    together = Round(lanes)

    def work(number: int, lane: Any) -> None:
        _finish(_trainer(config, number, folder, learn=partial(LaneLearner, lane=lane, lanes=together)))

    for done in [together.submit(str(number), partial(work, number)) for number in range(lanes)]:
        done.result()
    together.close()


def _ratios(found: Mapping[str, Any], on_gpu: bool) -> dict[str, Ratio]:
    ratios: dict[str, Ratio] = {}
    small, aim = (GPU_SMALL, GPU_AIM) if on_gpu else (CPU_SMALL, CPU_AIM)
    for shape, measured in found.items():
        for clock, seconds in measured["seconds_per_trial"].items():
            gains = {lanes: seconds["1"] / spent for lanes, spent in seconds.items() if lanes != "1"}
            ratios |= {f"{shape}, {lanes} lanes, {clock}": Ratio(gain, ALONE) for lanes, gain in gains.items()}
            best = max(gains.values())
            ratios[f"{shape}, best, {clock}"] = Ratio(best, ALONE, aim=aim if measured["parameters"] < small else None)
            taken = str(measured["auto_lanes"])
            note = f"auto takes {taken} {'lane, which is a trial alone' if taken == '1' else 'lanes'}"
            ratios[f"{shape}, auto, {clock}"] = Ratio(1.0 if taken == "1" else gains[taken], ALONE, aim=AUTO_AIM, note=note)
    if not on_gpu:
        ratios["a model under 10 M parameters on a GPU"] = Ratio(None, ALONE, aim=GPU_AIM, note=NO_GPU)
    return ratios


FUSED_TRIALS = Benchmark("how many more trials a minute do lanes of one process finish?", _run, _arguments)
