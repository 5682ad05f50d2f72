"""How far one driver goes: the real plan, rules and ledger on disk, and as many workers as wanted that only pretend to train; no Ray."""

import argparse
import json
import random
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from trainable.spec.mistakes import WrongRequest

_EVALUATIONS = 10
_INTERVAL_STEPS = 10
_METRICS = "train/loss train/perplexity eval/perplexity memory/allocated_gb memory/peak_gb time/tokens_per_sec optimizer/grad_norm epoch"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", nargs="+", default=["100x16", "1000x100", "10000x500"], metavar="TRIALSxWORKERS")
    parser.add_argument("--scheduler", default="asha")
    parser.add_argument("--searcher", default="random")
    parser.add_argument("--seconds", type=float, default=120.0, help="CPU seconds after which a case is broken off, and says so")


def _run(given: argparse.Namespace) -> Outcome:
    cases = [_case(text) for text in given.cases]
    measured = {text: _measure(*case, given) for text, case in zip(given.cases, cases, strict=True)}
    first, last = measured[given.cases[0]], measured[given.cases[-1]]
    value = last["evaluations_per_cpu_second"] / first["evaluations_per_cpu_second"]
    note = "1.0: a sweep of any size costs the same for each evaluation"
    ratios = {"evaluations per CPU second": Ratio(value, f"{given.cases[-1]} beside {given.cases[0]}", note=note)}
    return Outcome(ratios, measured, {"scheduler": given.scheduler, "searcher": given.searcher, "evaluations_per_trial": _EVALUATIONS})


def _case(text: str) -> tuple[int, int]:
    trials, _, workers = text.partition("x")
    if not (trials.isdecimal() and workers.isdecimal() and int(trials) and int(workers)):
        raise WrongRequest([f"--cases {text}: a case is TRIALSxWORKERS, such as 1000x100"])
    return int(trials), int(workers)


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


def _measure(trials: int, workers: int, given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        begin = time.process_time()
        conductor = _conductor(Path(scratch), trials, given.scheduler, given.searcher)
        composed = time.process_time() - begin
        windows = _carry_out(conductor, workers, trials, given.seconds)
        conductor.ledger.close()
        ledger_bytes = (Path(scratch) / "sweep" / "ledger.jsonl").stat().st_size
        return {
            **_summary(windows, conductor, ledger_bytes),
            "composing_cpu_seconds": composed,
            "replay_cpu_seconds": _replay(Path(scratch)),
        }


def _conductor(folder: Path, trials: int, scheduler: str, searcher_name: str) -> Any:
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

    steps = _EVALUATIONS * _INTERVAL_STEPS
    base = ["model=micro", f"training.max_steps={steps}", f"training.eval_interval={_INTERVAL_STEPS}", "schedule.warmup_steps=0"]
    space = {"optimizer.lr": tune.loguniform(1e-5, 1.0)}
    sweep = Sweep("driver_scale", "A driver goes far.", space, {"optimizer.lr": 1e-3}, [Claim("better", 0.0)], base=base)
    settings = [f"explore.samples={trials}", f"searcher={searcher_name}", f"scheduler={scheduler}"]
    settings += ["confirm.finalists=1", "sweep.seeds=[1]"]
    blueprint = draw_up(sweep, settings)
    ledger = Ledger(SweepDir(folder / "sweep"))
    ledger.append("driver_started", host="here", pid=1, command="", commit=None)
    searcher = build_searcher(sweep.spaces[0], blueprint.settings, folder / "study.log")
    return Conductor(blueprint, ledger, SCHEDULERS[scheduler](), searcher, folder / "runs", Limits())


def _carry_out(conductor: Any, workers: int, trials: int, limit_seconds: float) -> list[tuple[int, float]]:
    """(evaluations, CPU seconds) since the start, some twenty times on the way."""
    max_steps, begin = _EVALUATIONS * _INTERVAL_STEPS, time.process_time()
    at_work: list[_Worker] = []
    windows, evaluations, every = [(0, 0.0)], 0, max(1, trials * _EVALUATIONS // 40)
    while time.process_time() - begin < limit_seconds:
        while len(at_work) < workers and isinstance(answer := conductor.next_trial(), dict):
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


def _summary(windows: list[tuple[int, float]], conductor: Any, ledger_bytes: int) -> dict[str, Any]:
    evaluations, seconds = windows[-1]
    return {
        "finished": conductor.finished is not None,
        "trials": len(conductor.ledger.state.trials),
        "evaluations": evaluations,
        "cpu_seconds": seconds,
        "evaluations_per_cpu_second": evaluations / seconds,
        "evaluations_per_cpu_second_in_the_first_half": _rate(windows[0], windows[len(windows) // 2]),
        "evaluations_per_cpu_second_in_the_second_half": _rate(windows[len(windows) // 2], windows[-1]),
        "ledger_bytes_per_evaluation": ledger_bytes / evaluations,
        "ledger_mb": ledger_bytes / 1e6,
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }


def _rate(earlier: tuple[int, float], later: tuple[int, float]) -> float | None:
    return (later[0] - earlier[0]) / (later[1] - earlier[1]) if later[1] > earlier[1] else None


def _replay(folder: Path) -> float:
    from trainable.spec.ledger import read_events, replay

    begin = time.process_time()
    replay(read_events(folder / "sweep" / "ledger.jsonl")[0])
    return time.process_time() - begin


DRIVER_SCALE = Benchmark("how many trials and workers does one driver carry?", _run, _arguments)
