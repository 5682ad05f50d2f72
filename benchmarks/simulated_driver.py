"""The real plan, rules, searcher and ledger on disk, and as many workers as wanted that only pretend to train; no Ray."""

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVALUATIONS = 10
_INTERVAL_STEPS = 10
_METRICS = "train/loss train/perplexity eval/perplexity memory/allocated_gb memory/peak_gb time/tokens_per_sec optimizer/grad_norm epoch"


@dataclass(frozen=True)
class Case:
    """Random draws from one key with a logarithmic domain, or the draws of another searcher."""

    trials: int
    workers: int
    scheduler: str
    searcher: str


@dataclass
class _Worker:
    trial: str
    draw: random.Random
    step: int = 0

    def evaluation(self, max_steps: int) -> str:
        self.step += _INTERVAL_STEPS
        metrics = {name: self.draw.random() for name in _METRICS.split()}
        metrics["eval/loss"] = 3.0 + self.draw.random() / 10 - self.step / 1000
        status = "completed" if self.step >= max_steps else "running"
        return json.dumps({"step": self.step, "metrics": metrics, "status": status, "stop_reason": None, "history": []})


def conductor_of(case: Case, folder: Path) -> Any:
    """A conductor of a sweep that has just begun."""
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

    steps = EVALUATIONS * _INTERVAL_STEPS
    base = ["model=micro", f"training.max_steps={steps}", f"training.eval_interval={_INTERVAL_STEPS}", "schedule.warmup_steps=0"]
    space = {"optimizer.lr": tune.loguniform(1e-5, 1.0)}
    sweep = Sweep("driver_scale", "A driver goes far.", space, {"optimizer.lr": 1e-3}, [Claim("better", 0.0)], base=base)
    settings = [f"explore.samples={case.trials}", f"searcher={case.searcher}", f"scheduler={case.scheduler}"]
    settings += ["confirm.finalists=1", "sweep.seeds=[1]"]
    blueprint = draw_up(sweep, settings)
    ledger = Ledger(SweepDir(folder / "sweep"))
    ledger.append("driver_started", host="here", pid=1, command="", commit=None)
    searcher = build_searcher(sweep.spaces[0], blueprint.settings, folder / "study.log")
    return Conductor(blueprint, ledger, SCHEDULERS[case.scheduler](), searcher, folder / "runs", Limits())


def carry_out(conductor: Any, case: Case, limit_seconds: float) -> list[tuple[int, float]]:
    """(evaluations, CPU seconds) since the start, some twenty times on the way; breaks off after `limit_seconds` of CPU time."""
    max_steps, begin = EVALUATIONS * _INTERVAL_STEPS, time.process_time()
    at_work: list[_Worker] = []
    windows, evaluations, every = [(0, 0.0)], 0, max(1, case.trials * EVALUATIONS // 40)
    while time.process_time() - begin < limit_seconds:
        while len(at_work) < case.workers and isinstance(answer := conductor.next_trial(), dict):
            name = answer["identity"]["trial"]
            at_work.append(_Worker(name, random.Random(name)))
        if not at_work:
            break
        still = []
        for worker in at_work:
            ended = conductor.on_result(worker.trial, worker.evaluation(max_steps))
            still += [] if ended else [worker]
            evaluations += 1
            if evaluations % every == 0:
                windows.append((evaluations, time.process_time() - begin))
        at_work = still
        conductor.searcher.publish()
    conductor.searcher.publish(final=True)
    return [*windows, (evaluations, time.process_time() - begin)]
