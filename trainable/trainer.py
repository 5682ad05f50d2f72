"""One run, pulled: ``while not trainer.done: trainer.advance()``. Used alike with and without Ray."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainable import checkpoint as checkpoints
from trainable.adapter_checkpoints import AdapterCheckpoints
from trainable.cloning import Clone, take_over
from trainable.device import device_name, is_out_of_memory
from trainable.distributed import barrier
from trainable.final_measures import FinalMeasures
from trainable.learner import Learner
from trainable.probes.probe_set import ProbeSet
from trainable.run_files import open_trackers, sync_file, whole_rows
from trainable.run_lock import lock_run
from trainable.run_record import RunIdentity, RunRecord
from trainable.spec.config import RunConfig
from trainable.spec.metric_names import is_at_the_end
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.step_metrics import Metrics, StepMetrics


@dataclass(frozen=True)
class Evaluation:
    """What `advance` returns. `history` are earlier evaluations (step, metrics) that a checkpoint brought back."""

    step: int
    metrics: Metrics
    status: Status = Status.RUNNING
    stop_reason: str | None = None
    history: Sequence[tuple[int, Metrics]] = field(default_factory=tuple)


class Leaving(RuntimeError):
    """The run was asked to make room; it left a checkpoint and is to be continued elsewhere."""


class Trainer:
    """Trains `config` in `run_dir`, from its newest whole checkpoint if there is one.

    `clone_from` names another run whose weights and optimizer state are taken over (population-based training); `learn` makes the
    learner. Raises `WrongRequest` for data or trackers that cannot be opened, `RunLocked` when another process is in the run directory.
    """

    def __init__(
        self,
        config: RunConfig,
        run_dir: RunDir,
        identity: RunIdentity,
        clone_from: Clone | None = None,
        learn: Callable[[RunConfig], Learner] = Learner,
    ) -> None:
        self.config, self.run_dir, self.status = config, run_dir, Status.RUNNING
        self.step, self.rows, self.asked_to_leave = 0, 0, False
        self.evaluations, self.lineage = list[tuple[int, Metrics]](), list[str]()
        self.learner = learn(config)
        self.adapter_checkpoints = AdapterCheckpoints(self.learner, run_dir)
        self.step_metrics = StepMetrics(self.learner)
        self.final_measures = FinalMeasures(self.learner, run_dir, self.step_metrics.memory)
        self._lock = lock_run(run_dir) if self.learner.world.is_main else None
        self.probes = ProbeSet(self.learner, self.step_metrics.memory)
        self.record = RunRecord(config, run_dir, identity, device_name(self.learner.device))
        self._resume(clone_from)
        self._told = 0 if self.evaluations else None
        self.trackers = open_trackers(config, run_dir, identity, self.learner.world, self.step or None)
        self.record.sized(self.learner.model, self.learner.micro_batch_size, self.step_metrics.memory, self.learner.world.ranks)
        if self.learner.world.is_main:
            self.record.write_origin(config, identity)
            self.record.write()
        self.step_metrics.restart_clock(self.step)

    @property
    def done(self) -> bool:
        return self.status != Status.RUNNING

    @property
    def tokens(self) -> int:
        return self.step * self.learner.tokens_per_step

    def advance(self) -> Evaluation:
        """Trains to the next evaluation and returns it; the last one carries the status the run ended with.

        After a resume the first one is the last that the checkpoint knows: who ended before hearing of it may want to stop there.
        Raises `Leaving`, with a checkpoint of the step at work, when the run is `asked_to_leave`.
        """
        if self._told == 0 and self.step < self.config.training.max_steps:
            return self._evaluation()
        try:
            if self.step < self.config.training.max_steps:
                bad_step = self._train_to(self._next_evaluation())
                if bad_step is not None:
                    return self._end(Status.DIVERGED, f"loss or gradient not finite at step {bad_step}")
                if not self._evaluate():
                    return self._end(Status.DIVERGED, f"validation loss not finite at step {self.step}")
            if self.step == self.config.training.max_steps:
                self._complete()
                return self._end(Status.COMPLETED, None)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return self._end(Status.OUT_OF_MEMORY, str(error).splitlines()[0])
        return self._evaluation()

    def close(self) -> None:
        """Lets go of files and memory; a run that had not ended is left as it stands, to be continued or ended by others."""
        if not self.done:
            self.trackers.finish(Status.INTERRUPTED)
            checkpoints.drop_expired(self.run_dir, keep=1)
        if self._lock is not None:
            # Nobody writes the rows of an ended run again.
            sync_file(self.run_dir.metrics_csv)
            self._lock.close()
        self.learner.close()

    def _next_evaluation(self) -> int:
        interval = self.config.training.eval_interval
        return min((self.step // interval + 1) * interval, self.config.training.max_steps)

    def _train_to(self, target: int) -> int | None:
        """Trains up to `target`; the step whose loss or gradient was not finite, if there was one."""
        training, on_cpu = self.config.training, self.learner.device.type == "cpu"
        while self.step < target:
            step = self.step + 1
            logged = step % training.log_interval == 0 or step in (1, target)
            numbers = self.learner.take_step(step, measure_update=logged)
            # Reading a number waits for a GPU: there it is done when the numbers are logged, on a CPU at every step.
            if (logged or on_cpu) and not bool(numbers.finite):
                return step
            self.step = step
            self.adapter_checkpoints.after_step(step)
            if logged:
                self._row = self.step_metrics.read(step, numbers)
                if step < target:
                    self._log(self._row)
            if self.asked_to_leave and self.learner.world.is_single and step < target:
                self._write_checkpoint()
                raise Leaving(f"kept at step {step}")
        return None

    def _log(self, row: Metrics) -> None:
        self.record.measured(self.step, self.tokens, row)
        self.trackers.log({"step": self.step, **row}, self.step)
        self.rows += 1

    def _evaluate(self) -> bool:
        """Scores the validation set, logs and keeps a checkpoint; whether the loss is finite."""
        result = self.learner.score(self.learner.data.val, self.config.training.eval_batches)
        finite = math.isfinite(result.loss)
        found: Metrics = {
            "eval/loss": result.loss if finite else None,
            "eval/perplexity": result.perplexity if finite else None,
            "eval/tokens_per_sec": result.tokens_per_sec,
        }
        row = {**self._row, **found, **(self.probes.measure(self.step) if finite else {})}
        self.record.summary.probe_seconds = self.probes.seconds
        self._log(row)
        if finite:
            self.evaluations.append((self.step, row))
            self._keep(is_best=self.record.is_best(self.step, row))
        if self.learner.world.is_main:
            self.record.write()
        self.step_metrics.restart_clock(self.step)
        return finite

    def _keep(self, *, is_best: bool) -> None:
        """Writes a checkpoint where one is due."""
        training = self.config.training
        due = self.step % (training.checkpoint_interval or training.eval_interval) == 0 or self.step == training.max_steps
        if due:
            self._write_checkpoint()
        if due and self.learner.world.is_main:
            if is_best:
                checkpoints.link_checkpoint(self.run_dir, self.step, "best")
            checkpoints.drop_expired(self.run_dir, training.keep_checkpoints)
        barrier(self.learner.world)

    def _write_checkpoint(self) -> None:
        """The first rank writes what all have a part in."""
        model, training = self.learner.model_state(), self.learner.training_state()
        if not self.learner.world.is_main:
            return
        # Rows reach the disk before the checkpoint that counts on them does.
        sync_file(self.run_dir.metrics_csv)
        kept = {"record": self.record.kept(), "peak_gb": self.step_metrics.memory.peak_gb, "rows": self.rows}
        kept |= {"evaluations": self.evaluations, "lineage": self.lineage, "probes": self.probes.state()}
        state = {"step": self.step, "epoch": self.step_metrics.epoch(self.step), **kept, **training}
        self._measure(checkpoints.save_checkpoint(self.run_dir, self.step, model, state))

    def _measure(self, folder: Path) -> None:
        summary = self.record.summary
        summary.optimizer_state_bytes = self.learner.optimizer_state_bytes()
        summary.checkpoint_bytes = checkpoints.checkpoint_bytes(folder)

    def _resume(self, clone_from: Clone | None) -> None:
        if self.learner.world.is_main:
            checkpoints.put_in_order(self.run_dir)
        barrier(self.learner.world)
        rows = self.run_dir.metrics_csv
        found = checkpoints.newest_checkpoint(self.run_dir, lambda state: whole_rows(rows, state["step"]) == state["rows"])
        if self.learner.world.is_main:
            checkpoints.drop_later(self.run_dir, found[0] if found else 0)
        if found is None:
            return
        self.step, model, state = found
        self.learner.load(model, state)
        self.rows, self.lineage = state["rows"], list(state["lineage"])
        self.evaluations = [(step, metrics) for step, metrics in state["evaluations"]]
        self.record.resumed(state["record"])
        self.record.measured(self.step, self.tokens, {})
        self.step_metrics.memory.peak_gb = state["peak_gb"]
        self.probes.load(state.get("probes", {}))
        if self.learner.world.is_main:
            checkpoints.keep_best(self.run_dir, self.record.summary.best_step)
            numbered, final = self.run_dir.checkpoint(self.step), self.run_dir.checkpoint("final")
            self._measure(numbered if numbered.is_dir() else final)
        if clone_from is not None and clone_from.mark not in self.lineage:
            take_over(self.learner, clone_from)
            self.lineage.append(clone_from.mark)

    def _complete(self) -> None:
        """The last numbers of a full run, and its checkpoint under the name ``final``."""
        self.record.summary.metrics.update(self.final_measures.metrics())
        self.adapter_checkpoints.at_end()
        if self.learner.world.is_main and not checkpoints.is_whole(self.run_dir.checkpoint("final")):
            checkpoints.link_checkpoint(self.run_dir, self.step, "final")

    def _end(self, status: Status, stop_reason: str | None) -> Evaluation:
        self.status = status
        self.record.measured(self.step, self.tokens, {})
        if self.learner.world.is_main:
            self.record.end(status, stop_reason)
        self.trackers.log_summary(self.record.as_plain())
        self.trackers.log_artifact(self.run_dir.summary)
        self.trackers.finish(status)
        if status == Status.COMPLETED and self.learner.world.is_main:
            checkpoints.drop_expired(self.run_dir, keep=0)
        return self._evaluation(stop_reason)

    def _evaluation(self, stop_reason: str | None = None) -> Evaluation:
        """The newest evaluation; the first one after a resume brings the earlier ones along."""
        history = tuple(self.evaluations[:-1]) if self._told == 0 else ()
        step = self.evaluations[-1][0] if self._told == 0 else self.step
        self._told = None
        measured = self.status in (Status.RUNNING, Status.COMPLETED)
        metrics = dict(self.evaluations[-1][1]) if measured and self.evaluations else {}
        tests = {name: value for name, value in self.record.summary.metrics.items() if is_at_the_end(name)}
        return Evaluation(step, {**metrics, **tests}, self.status, stop_reason, history)
