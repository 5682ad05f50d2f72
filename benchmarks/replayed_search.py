"""Our search over recorded curves: plan, rules, searcher, ledger and conductor carried out without a Ray."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    conductor = _conductor(curves, space, baseline, trials, seed, confirm_seeds, folder)
    at_work: list[_Replayed] = []
    while conductor.finished is None:
        while len(at_work) < AT_ONCE and isinstance(answer := conductor.next_trial(), dict):
            trial = answer["identity"]["trial"]
            record = conductor.ledger.state.trials[trial]
            at_work.append(_Replayed(trial, curves.of(record.values, record.seed), curves.interval))
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
    curves: RecordedCurves, space: Space, baseline: dict[str, Any], trials: int, seed: int, confirm_seeds: list[int], folder: Path
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
    sweep = Sweep("search_cost", "A search costs less.", domains, baseline, [Claim("The winner is better.", 0.0)], base=curves.base)
    settings = [f"explore.samples={trials}", f"explore.seed={seed}", f"sweep.seeds={confirm_seeds}", "confirm.finalists=2"]
    settings += ["searcher=optuna-tpe", "scheduler=asha", f"scheduler.grace_steps={curves.interval}"]
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
