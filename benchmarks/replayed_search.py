"""Searches over recorded curves: our plan and conductor carried out without a Ray, and Ray's own schedulers called directly."""

import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.recorded_curves import Curve, RecordedCurves

AT_ONCE = 4
Space = dict[str, list[Any]]


@dataclass(frozen=True)
class Found:
    """What a search chose (None: nothing), what it cost in full runs, and its cells from best to worst as far as it knows them."""

    values: dict[str, Any] | None
    full_runs: float
    best_cells: list[dict[str, Any]]


def explore_and_confirm(
    curves: RecordedCurves, space: Space, baseline: dict[str, Any], trials: int, seed: int, confirm_seeds: list[int], folder: Path
) -> Found:
    """ASHA and TPE, then the two best and the baseline on fresh seeds: through the real conductor, `AT_ONCE` trials at a time."""
    conductor = _conductor(curves.base, space, baseline, trials, seed, confirm_seeds, folder)
    at_work: list[_Replayed] = []
    while conductor.finished is None:
        while len(at_work) < AT_ONCE and isinstance(answer := conductor.next_trial(), dict):
            trial = answer["identity"]["trial"]
            record = conductor.ledger.state.trials[trial]
            at_work.append(_Replayed(trial, curves.of(record.values, record.seed), conductor.blueprint.base.training.eval_interval))
        at_work = [one for one in at_work if not conductor.on_result(one.trial, one.advance())]
    conductor.ledger.close()
    return _found(conductor)


@dataclass
class _Replayed:
    trial: str
    curve: Curve
    interval: int
    told: int = 0

    def advance(self) -> str:
        """The next evaluation, as `trainable.ray_trainable` gives it."""
        loss = self.curve[self.told]
        self.told += 1
        ended = "completed" if self.told == len(self.curve) else "running"
        status, metrics = ("diverged", {}) if loss is None else (ended, {"eval/loss": loss})
        result = {"step": self.told * self.interval, "metrics": metrics, "status": status, "stop_reason": None, "history": []}
        return json.dumps(result)


def _conductor(
    base: Sequence[str], space: Space, baseline: dict[str, Any], trials: int, seed: int, confirm_seeds: list[int], folder: Path
) -> Any:
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

    domains = {key: tune.choice(values) for key, values in space.items()}
    sweep = Sweep("search_cost", "A search costs less.", domains, baseline, [Claim("The winner is better.", 0.0)], base=list(base))
    interval = next(text.partition("=")[2] for text in base if text.startswith("training.eval_interval="))
    settings = [f"explore.samples={trials}", f"explore.seed={seed}", f"sweep.seeds={confirm_seeds}", "confirm.finalists=2"]
    settings += ["searcher=optuna-tpe", "scheduler=asha", f"scheduler.grace_steps={interval}"]
    blueprint = draw_up(sweep, settings)
    ledger = Ledger(SweepDir(folder / "sweep"))
    ledger.append("driver_started", host="here", pid=1, command="", commit=None)
    searcher = build_searcher(sweep.spaces[0], blueprint.settings)
    return Conductor(blueprint, ledger, SCHEDULERS["asha"](), searcher, folder / "runs", Limits())


def _found(conductor: Any) -> Found:
    records, max_steps = conductor.ledger.state.trials.values(), conductor.blueprint.base.training.max_steps
    ends: dict[str, list[float]] = {}
    values: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.stage == "confirm":
            values[record.cell] = record.values
            ends.setdefault(record.cell, []).append(record.evaluations.get(max_steps, {}).get("eval/loss", math.inf))
    ranked = sorted(ends, key=lambda cell: sum(ends[cell]) / len(ends[cell]))
    return Found(values[ranked[0]], sum(record.step for record in records) / max_steps, [values[cell] for cell in ranked])


def ray_asha(curves: RecordedCurves, space: Space, trials: int, seed: int) -> Found:
    """Random draws and Ray's `ASHAScheduler`, `AT_ONCE` trials at a time; the choice is that of `ResultGrid.get_best_result`."""
    from ray.tune.schedulers import ASHAScheduler, TrialScheduler

    draws = _drawn(space, trials, seed)
    length = len(curves.of(draws[0], seed))
    scheduler = ASHAScheduler("training_iteration", "loss", "min", max_t=length, grace_period=1, reduction_factor=3)
    waiting, at_work, last = list(enumerate(draws)), list[tuple[_Stub, int]](), dict[int, float]()
    spent = 0
    while waiting or at_work:
        while waiting and len(at_work) < AT_ONCE:
            number, values = waiting.pop(0)
            at_work.append((_Stub(str(number), number, values), 0))
            scheduler.on_trial_add(None, at_work[-1][0])
        still: list[tuple[_Stub, int]] = []
        for trial, told in at_work:
            loss = curves.of(trial.values, seed)[told]
            last[trial.number] = math.nan if loss is None else loss
            spent += 1
            result = {"training_iteration": told + 1, "loss": last[trial.number]}
            with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of a rung that holds nothing but NaN
                goes_on = told + 1 < length and scheduler.on_trial_result(None, trial, result) != TrialScheduler.STOP
            still += [(trial, told + 1)] if goes_on else []
        at_work = still
    return _best(draws, last, spent / length)


@dataclass(frozen=True)
class _Stub:
    """What Ray's scheduler asks of a trial."""

    trial_id: str
    number: int
    values: dict[str, Any]


def full_length(curves: RecordedCurves, space: Space, trials: int, seed: int) -> Found:
    """Random search: every draw is trained to its end."""
    draws = _drawn(space, trials, seed)
    ends = {number: curves.of(values, seed)[-1] for number, values in enumerate(draws)}
    return _best(draws, {number: math.nan if end is None else end for number, end in ends.items()}, float(trials))


def _drawn(space: Space, trials: int, seed: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(seed)
    return [{key: values[int(draw.integers(len(values)))] for key, values in space.items()} for _ in range(trials)]


def _best(draws: list[dict[str, Any]], last: dict[int, float], full_runs: float) -> Found:
    ranked = [draws[number] for number in sorted(last, key=last.__getitem__) if math.isfinite(last[number])]
    ranked = [cell for place, cell in enumerate(ranked) if cell not in ranked[:place]]
    return Found(ranked[0] if ranked else None, full_runs, ranked)
