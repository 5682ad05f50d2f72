"""The flat experiment log of a run: ``experiment_<name>_<timestamp>.json`` in its directory."""

from pathlib import Path
from typing import Any

from trainable.spec.experiment_log import ExperimentConfig, ExperimentTracker, file_name_part
from trainable.tracker.tracker import Row, RunDescription, Tracker


class FlatLog(Tracker):
    """Written at every evaluation and at the end; one file per run, also after resuming."""

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        earlier = sorted(run.run_dir.glob(f"experiment_{file_name_part(run.experiment_id)}_*.json"))
        if resume_step is not None and earlier:
            self._tracker = ExperimentTracker.resume(earlier[-1], resume_step, flat_config(run))
        else:
            _remove(earlier)
            self._tracker = ExperimentTracker(flat_config(run), run.run_dir)
        self._tracker.start()
        self._notes = run.notes
        self._train_loss: float | None = None
        self._val_loss: float | None = None

    def log(self, row: Row, step: int) -> None:
        train_loss, val_loss = row.get("train/loss"), row.get("eval/loss")
        self._tracker.increment_gradient_step(step - self._tracker.gradient_step)
        if train_loss is not None:
            self._tracker.log_metrics(
                iteration=step,
                train_loss=train_loss,
                learning_rate=row.get("optimizer/lr"),
                tokens_per_sec=row.get("time/tokens_per_sec"),
                iter_time_ms=row.get("time/step_time_ms"),
            )
            self._train_loss = train_loss
        if val_loss is not None:
            self._tracker.log_eval(iteration=step, val_loss=val_loss)
            self._val_loss = val_loss
            self._tracker.save(sync=False)

    def finish(self, status: str) -> None:
        notes = "; ".join(filter(None, [self._notes, f"status: {status}"]))
        self._tracker.finish(self._train_loss, self._val_loss, notes)
        self._tracker.save()


def flat_config(run: RunDescription) -> ExperimentConfig:
    """The run's configuration in the fields of the flat log; `model_name` is the preset, rates are those of the schedule."""
    model, optimizer, training = (run.config[group] for group in ("model", "optimizer", "training"))
    beta1, beta2 = optimizer["betas"] or (None, None)
    lr = optimizer["lr"]
    return ExperimentConfig(
        experiment_name=run.experiment_id,
        model_name=model["name"],
        rope_theta=model["rope_theta"] if model["architecture"] == "transformer_lm" else None,
        batch_size=training["batch_size"],
        max_iters=training["max_steps"],
        max_learning_rate=lr,
        min_learning_rate=_floor(run.config["schedule"], lr),
        warmup_iters=run.config["schedule"]["warmup_steps"],
        weight_decay=optimizer["weight_decay"],
        grad_clip=training["grad_clip"],
        beta1=beta1,
        beta2=beta2,
        eps=optimizer["eps"],
        seed=training["seed"],
        device=training["device"],
        optimizer_name=optimizer["name"],
        **{name: model[name] for name in ("vocab_size", "context_length", "d_model", "num_heads", "d_ff", "num_layers")},
    )


def _floor(schedule: dict[str, Any], lr: float) -> float:
    return lr if schedule["name"] == "constant" else lr * float(schedule["min_lr_ratio"])


def _remove(files: list[Path]) -> None:
    """Logs of attempts that left no checkpoint: the run begins anew, and keeps one log."""
    for path in files:
        path.unlink()
