"""Carries the plan out: asks it what is next, writes every event down, and answers Ray Tune's questions."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sweeps.runner.attempts import Start
from sweeps.runner.blueprint import Blueprint
from sweeps.runner.drawing import drawn
from sweeps.runner.endings import StorageFailed, code_trouble, node_trouble, storage_trouble, told_of_failure
from sweeps.runner.ledger import Ledger
from sweeps.runner.naming import run_name
from sweeps.runner.plan import Conclude, Finished, Limits, Sample, next_action
from sweeps.runner.resources import gpu_count, worker_count
from sweeps.runner.schedulers.rule import Action, Decision, Rule
from sweeps.runner.searchers.searcher import Searcher, Slot
from sweeps.runner.stored_sweep import StoredSweep
from sweeps.runner.tally import Tally
from trainable.spec.code_version import OtherCode
from trainable.spec.compose import to_plain
from trainable.spec.ledger import TrialRecord
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import end_summary
from trainable.spec.status import Stage, Status

# What a trial leaves behind when a scheduler ends it.
_ENDINGS = {Action.STOP: Status.STOPPED_EARLY, Action.PAUSE: Status.PAUSED, Action.EXPLOIT: Status.PAUSED}


class Conductor:
    """One driver's work on a sweep. Methods write the ledger first and answer afterwards."""

    def __init__(self, blueprint: Blueprint, ledger: Ledger, rule: Rule, searcher: Searcher, runs: Path, limits: Limits) -> None:
        self.blueprint, self.ledger, self.rule, self.searcher, self.runs = blueprint, ledger, rule, searcher, runs
        self._limits = limits
        self.gpus_per_trial = gpu_count(blueprint.base.resources)
        # On a cluster, the code that every worker must run.
        self.code: Mapping[str, str | None] | None = None
        # Where workers keep their runs, when that is not the folder `runs`.
        self.stored: StoredSweep | None = None
        self.tally = Tally(blueprint, ledger.state, limits.retry)
        self.finished: Finished | None = None
        searcher.resume(ledger.state.samples, ledger.state.trials, ledger.state.sampled_values)

    @property
    def at_work(self) -> int:
        """Trials that were started and have not ended."""
        return self.tally.running

    def next_trial(self) -> dict[str, Any] | Finished | None:
        """The next trial as `TransformerTrainable` takes it; None while there is none, `Finished` when none will come."""
        answer = self._next_trial()
        self.ledger.sync()
        return answer

    def _next_trial(self) -> dict[str, Any] | Finished | None:
        while True:
            action = next_action(self.tally, self.rule, replace(self._limits, spent=self._spent(), full=self._full()))
            if isinstance(action, Sample):
                self._sample(action.slot)
            elif isinstance(action, Conclude):
                self._conclude(action)
            elif isinstance(action, Start):
                return self._start(action)
            elif isinstance(action, Finished):
                if self.stored and self.stored.is_busy():
                    return None  # workers send what ended runs left, and would go with Ray
                self.finished = action
                return action
            else:
                return None

    def on_result(self, trial: str, payload: str) -> bool:
        """Takes in an evaluation (JSON, as the trainable gives it); whether the trial ends here."""
        record = self.ledger.state.trials[trial]
        if record.status != Status.RUNNING:
            return True
        ends = self._take_in(record, json.loads(payload))
        self.ledger.sync()
        return ends

    def _take_in(self, record: TrialRecord, result: Mapping[str, Any]) -> bool:
        for step, metrics in [*result["history"], [result["step"], result["metrics"]]]:
            self._evaluated(record, step, metrics)
        if result["status"] != Status.RUNNING:
            self._end(record, Status(result["status"]), result["stop_reason"], result["step"])
            return True
        return record.stage == Stage.EXPLORE and self._decide(record)

    def on_error(self, trial: str, error: str) -> None:
        """A worker died or raised: the plan decides whether it runs again."""
        record = self.ledger.state.trials[trial]
        if record.status != Status.RUNNING:
            return
        if found := storage_trouble(error):
            self._end(record, Status.INTERRUPTED, found, record.step)
            raise StorageFailed(f"{self.runs}: {found}")
        if found := code_trouble(error):
            self._end(record, Status.INTERRUPTED, found, record.step)
            raise OtherCode(found)
        if found := node_trouble(error):
            self._end(record, Status.INTERRUPTED, found, record.step)
            return
        reason = error.strip().splitlines()[-1] if error.strip() else "the worker died"
        self._end(record, Status.FAILED, reason[:300], record.step, error=told_of_failure(error, RunDir(self.runs / record.run_id)))

    def interrupt(self, reason: str) -> None:
        """Writes down that this driver ends while trials run; they continue from their checkpoints by the same command."""
        self._end_all(Status.RUNNING, Status.INTERRUPTED, reason)

    def _write(self, event: str, **values: Any) -> Mapping[str, Any]:
        entry = self.ledger.write(event, **values)
        self.tally.follow(entry)
        return entry

    def _sample(self, slot: Slot) -> None:
        given = dict(slot.grid)
        complete = set(given) >= set(self.blueprint.sweep.keys)
        values = given if complete else drawn(slot, self.blueprint, self.searcher, self.ledger)
        trial = self.blueprint.key(values, self.blueprint.settings.explore.seed)
        self._write("sampled", slot=slot.id, trial=trial, values=values)
        self.searcher.started(slot, trial)

    def _start(self, start: Start) -> dict[str, Any]:
        blueprint, state = self.blueprint, self.ledger.state
        trial = start.trial or blueprint.key(start.values, start.seed)
        known = state.trials.get(trial)
        if known is not None and start.trial is None:
            raise RuntimeError(f"the plan starts {trial} as a new trial, but it ran before: {known.status}")
        if known is not None and known.status not in (Status.INTERRUPTED, Status.PAUSED):
            self.tally.retried.add(trial)
        overrides = blueprint.run_overrides(start.values, start.seed)
        overrides += [f"training.micro_batch_size={start.micro_batch_size}"] if start.micro_batch_size else []
        cell = known.cell if known else blueprint.cell(start.values)
        run_id = known.run_id if known else run_name(blueprint, start.values, start.seed, self.runs, self.tally.run_ids, datetime.now())
        identity = {"trial": trial, "cell": cell, "seed": start.seed, "stage": str(start.stage), "attempt": start.attempt}
        self._write("trial_started", **identity, values=dict(start.values), overrides=overrides, run_id=run_id)
        return self._assignment(state.trials[trial], start, identity)

    def _assignment(self, record: TrialRecord, start: Start, identity: dict[str, Any]) -> dict[str, Any]:
        config = self.blueprint.config(start.values, start.seed)
        threads = config.training.num_threads or max(1, int(config.resources.cpus_per_trial / worker_count(config.resources)))
        micro = start.micro_batch_size or config.training.micro_batch_size
        training = replace(config.training, num_threads=threads, micro_batch_size=micro)
        # A worker has its own working directory.
        config = replace(config, training=training, data=replace(config.data, root=str(Path(config.data.root).resolve())))
        described = {"hypothesis": self.blueprint.sweep.hypothesis, "group": self.blueprint.sweep.name}
        return {
            "config": to_plain(config),
            "run_dir": str(self.runs / record.run_id),
            "identity": {**identity, **described},
            "clone_from": self._clone_source(record),
            "timeout_seconds": config.resources.trial_timeout_seconds,
            "code": self.code,
            "storage": self.stored and self.stored.asked(record),
        }

    def _clone_source(self, record: TrialRecord) -> dict[str, Any] | None:
        """The run and step that an exploit copies, while the trial has not trained on from it."""
        if not record.lineage or record.lineage[-1]["step"] < record.step:
            return None
        last = record.lineage[-1]
        source = self.ledger.state.trials[last["source"]]
        return {"run_dir": str(self.runs / source.run_id), "step": last["step"]}

    def _evaluated(self, record: TrialRecord, step: int, metrics: dict[str, Any]) -> None:
        if metrics and step not in record.evaluations:
            self._write("evaluated", trial=record.trial, attempt=record.attempt, step=step, metrics=metrics)
            self.searcher.reported(record.trial, step, metrics)

    def _decide(self, record: TrialRecord) -> bool:
        decisions = self.rule.decide(record.trial, self.tally.rivals_of(record), self.blueprint.race)
        last = decisions[-1] if decisions else Decision(Action.CONTINUE)
        for decision in decisions if last.action not in _ENDINGS else decisions[:-1]:
            if decision.level is not None:
                self._write("rung", trial=record.trial, **decision.as_event())
        if last.action not in _ENDINGS:
            return False
        # One event says it all: a kill in between two would leave a trial that is decided on and not ended.
        self._end(record, _ENDINGS[last.action], _reason(last), record.step, rung=last.as_event(), exploited=self._copied(record, last))
        return True

    def _copied(self, record: TrialRecord, decision: Decision) -> dict[str, Any] | None:
        """What an exploit changes of its trial."""
        if decision.action != Action.EXPLOIT or decision.new_values is None:
            return None
        values = {**record.values, **decision.new_values}
        overrides = self.blueprint.run_overrides(values, record.seed)
        place = {"source": decision.source, "step": record.step, "cell": self.blueprint.cell(values)}
        return {**place, "values": values, "overrides": overrides}

    def _conclude(self, conclusion: Conclude) -> None:
        self._end_all(Status.PAUSED, Status.STOPPED_EARLY, "paused at its rung and not promoted")
        finalists, baseline = list(conclusion.finalists), conclusion.baseline
        self._write("stage_ended", stage=str(Stage.EXPLORE), finalists=finalists, baseline=baseline)

    def _end(self, record: TrialRecord, status: Status, reason: str | None, step: int, **more: Any) -> None:
        """`more` are the keys of the event that not every end has: error, rung, exploited."""
        self._follow_end(record, self._write_end(record, status, reason, step, **more))

    def _end_all(self, found: Status, status: Status, reason: str) -> None:
        records = [record for record in self.ledger.state.trials.values() if record.status == found]
        for record, event in [(record, self._write_end(record, status, reason, record.step)) for record in records]:
            self._follow_end(record, event)

    def _write_end(self, record: TrialRecord, status: Status, reason: str | None, step: int, **more: Any) -> Mapping[str, Any]:
        named = {"trial": record.trial, "attempt": record.attempt, "status": str(status), "stop_reason": reason, "step": step}
        return self._write("trial_ended", **named, **{key: value for key, value in more.items() if value is not None})

    def _follow_end(self, record: TrialRecord, event: Mapping[str, Any]) -> None:
        status = Status(event["status"])
        if self.stored:
            self.stored.ended(record)
        elif status in (Status.STOPPED_EARLY, Status.FAILED, Status.INTERRUPTED):
            self.ledger.sync()
            end_summary(RunDir(self.runs / record.run_id), status, event["stop_reason"], event["time"], event.get("error"))
        if status not in (Status.PAUSED, Status.INTERRUPTED):
            self.searcher.ended(record)

    def _full(self) -> str | None:
        """The budget of trials, when as many have started."""
        trials = self.blueprint.settings.budget.trials
        return f"budget.trials={trials}" if trials is not None and len(self.ledger.state.trials) >= trials else None

    def _spent(self) -> str | None:
        """Which budget of time is used up."""
        budget = self.blueprint.settings.budget
        if budget.minutes is not None and self.ledger.state.seconds / 60 >= budget.minutes:
            return f"budget.minutes={budget.minutes:g}"
        busy_hours = self.tally.busy_seconds * self.gpus_per_trial / 3600
        if budget.gpu_hours is not None and busy_hours >= budget.gpu_hours:
            return f"budget.gpu_hours={budget.gpu_hours:g}"
        return None


def _reason(decision: Decision) -> str:
    """The rung's event has the numbers."""
    verb = {Action.STOP: "stopped", Action.PAUSE: "paused", Action.EXPLOIT: f"copied {decision.source}"}[decision.action]
    return f"{verb} at step {decision.level}"
