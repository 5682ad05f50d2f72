"""Trials that report and sleep but do not train, carried out by our runner, by stock Ray Tune and by Optuna: what is left is overhead.

Each contender has a process of its own (``python -m benchmarks.idle_trials NAME JSON``), for they set Ray up differently and their
memory is measured.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.growth import Growth


@dataclass(frozen=True)
class Load:
    """`trials` trials, `at_once` of them at a time, each with `evaluations` reports and `seconds` of sleep."""

    trials: int
    evaluations: int = 1
    seconds: float = 0.0
    at_once: int = 2


@dataclass
class Toll:
    """What carrying a load out took, the driver's process alone for CPU time and memory.

    `start_seconds` is Ray's start, `wall_seconds` everything after it, `growth_kib` the driver's growth for each of the later trials
    (None when there are too few).
    """

    start_seconds: float
    wall_seconds: float
    cpu_seconds: float
    trials: int
    evaluations: int
    growth_kib: float | None


def toll(contender: str, load: Load) -> dict[str, Any]:
    """What `load` takes with `contender`, in a process of its own; with that process's whole wall time."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.idle_trials", contender, json.dumps(asdict(load))]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise RuntimeError(f"{contender}: {answer.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return {**found, "process_seconds": time.perf_counter() - begin}


def _ours(load: Load) -> Toll:
    from io import StringIO
    from unittest.mock import patch

    from ray import tune
    from rich.console import Console

    from benchmarks.idle_trainable import IdleTrainable
    from sweeps.runner import launch
    from sweeps.runner.progress import Progress

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        conductor, ledger = _conductor(load, folder)
        begin = time.perf_counter()
        stack.enter_context(launch.running_ray(None))
        started, cpu, growth = time.perf_counter(), time.process_time(), Growth(load.trials)
        progress = stack.enter_context(
            Progress(Console(file=StringIO()), conductor.blueprint.statement("", ledger.state), ledger.state, None)
        )

        def beat() -> None:
            progress.beat()
            growth.look(len(ledger.state.trials))

        idle = IdleTrainable.sleeping(load.seconds)
        stack.enter_context(patch.object(launch, "_placed", lambda resources: tune.with_resources(idle, {"cpu": resources.cpus_per_trial})))
        launch.run_trials(conductor, conductor.blueprint.base.resources, beat)
        taken = time.perf_counter() - started
        evaluations = sum(len(record.evaluations) for record in ledger.state.trials.values())
        cpu, trials = time.process_time() - cpu, len(ledger.state.trials)
        ledger.close()
    return Toll(started - begin, taken, cpu, trials, evaluations, growth.kib)


def _conductor(load: Load, folder: Path) -> tuple[Any, Any]:
    """A sweep of exactly `load.trials` trials, at least 4: random draws and the baseline, then the winner and the baseline again."""
    import os

    from ray import tune

    from sweeps.runner.blueprint import draw_up
    from sweeps.runner.conductor import Conductor
    from sweeps.runner.ledger import Ledger
    from sweeps.runner.plan import Limits
    from sweeps.runner.schedulers.registry import SCHEDULERS
    from sweeps.runner.searchers.registry import build_searcher
    from sweeps.runner.sweep import Sweep
    from trainable.spec.statement import Claim
    from trainable.spec.sweep_dir import SweepDir

    steps = load.evaluations
    base = ["model=micro", f"training.max_steps={steps}", "training.eval_interval=1", "schedule.warmup_steps=0"]
    base += [f"resources.max_concurrent_trials={load.at_once}", f"resources.cpus_per_trial={max(1, (os.cpu_count() or 1) // load.at_once)}"]
    space = {"optimizer.lr": tune.loguniform(1e-5, 1.0)}
    sweep = Sweep("idle", "Trials cost nothing.", space, {"optimizer.lr": 1e-3}, [Claim("They do.", 0.0)], base=base)
    settings = [f"explore.samples={load.trials - 3}", "searcher=random", "sweep.seeds=[1]", "confirm.finalists=1"]
    # ASHA with its only rung just before the end: it is asked at every report, and stops no trial that is as good as the others.
    settings += ["scheduler=asha", f"scheduler.grace_steps={steps - 1}"] if steps > 1 else ["scheduler=fifo"]
    blueprint = draw_up(sweep, settings)
    ledger = Ledger(SweepDir(folder / "sweep"))
    ledger.append("driver_started", host="here", pid=1, command="", commit=None)
    searcher = build_searcher(sweep.spaces[0], blueprint.settings)
    rule = SCHEDULERS[blueprint.settings.scheduler.name]()
    return Conductor(blueprint, ledger, rule, searcher, folder / "runs", Limits()), ledger


def _ray(load: Load, *, reuse_actors: bool) -> Toll:
    """Ray Tune as its documentation shows it: a class trainable, its default loggers, a metric, a number of samples."""
    import ray
    from ray import tune

    from benchmarks.idle_trainable import StockIdle, Watching

    begin = time.perf_counter()
    ray.init(log_to_driver=False, logging_level="ERROR")
    started, cpu, growth = time.perf_counter(), time.process_time(), Growth(load.trials)
    with tempfile.TemporaryDirectory() as folder:
        results = tune.Tuner(
            tune.with_resources(StockIdle, {"cpu": 1}),
            param_space={"lr": tune.loguniform(1e-5, 1.0), "evaluations": load.evaluations, "seconds": load.seconds},
            tune_config=tune.TuneConfig(
                metric="loss", mode="min", num_samples=load.trials, max_concurrent_trials=load.at_once, reuse_actors=reuse_actors
            ),
            run_config=tune.RunConfig(name="idle", storage_path=folder, verbose=0, callbacks=[Watching(growth)]),
        ).fit()
        taken, cpu = time.perf_counter() - started, time.process_time() - cpu
        evaluations = sum(result.metrics["training_iteration"] for result in results)
    ray.shutdown()
    return Toll(started - begin, taken, cpu, len(results), evaluations, growth.kib)


def _optuna(load: Load) -> Toll:
    """Optuna in this process, one trial after the other: no workers, no files."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    growth = Growth(load.trials)

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("lr", 1e-5, 1.0, log=True)
        for step in range(load.evaluations):
            time.sleep(load.seconds / load.evaluations)
            trial.report(1.0 / (step + 1), step)
            trial.should_prune()
        growth.look(trial.number)
        return 1.0

    begin, cpu = time.perf_counter(), time.process_time()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=load.trials)
    taken, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return Toll(0.0, taken, cpu, load.trials, load.trials * load.evaluations, growth.kib)


CONTENDERS: dict[str, Callable[[Load], Toll]] = {
    "ours": _ours,
    "ray_reused": lambda load: _ray(load, reuse_actors=True),
    "ray_fresh": lambda load: _ray(load, reuse_actors=False),
    "optuna": _optuna,
}


if __name__ == "__main__":
    print(json.dumps(asdict(CONTENDERS[sys.argv[1]](Load(**json.loads(sys.argv[2]))))))
