"""What the numbers of one run say, in sentences: observations, a conclusion and next steps, computed from ``summary.json`` alone."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from trainable.spec.status import Status

Told = Mapping[str, Any]

# A rise of the validation loss below this share is within what fixed evaluation batches resolve.
_NOTABLE = 0.002


def told_number(told: Told, *path: str) -> float | None:
    """The finite number at a path of keys; None where there is none."""
    value: Any = told
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def observations(told: Told) -> list[str]:
    """One sentence for each thing that the numbers show; what was not measured gives none."""
    return [*_validation(told), *_level(told), *_gap(told), *_memory(told), *_probes(told), *_attempts(told)]


def _validation(told: Told) -> Iterator[str]:
    best, last = told_number(told, "best_metrics", "eval/loss"), told_number(told, "metrics", "eval/loss")
    step, best_step = told.get("step"), told.get("best_step")
    if best is None or last is None or best <= 0:
        return
    if last > best * (1 + _NOTABLE):
        yield f"Validation loss was lowest at step {best_step} ({best:.4f}) and rose by {last / best - 1:.1%} until step {step}."
    elif best_step == step:
        yield f"Validation loss was lowest at the last evaluation (step {step}): it had not begun to rise."


def _level(told: Told) -> Iterator[str]:
    """Against guessing every token with equal probability, whose cross entropy is ln(vocabulary)."""
    loss, vocabulary = told_number(told, "metrics", "eval/loss"), told_number(told, "config", "model", "vocab_size")
    if loss is None or vocabulary is None or vocabulary < 2:
        return
    uniform = math.log(vocabulary)
    if loss >= uniform:
        yield f"Validation loss {loss:.4f} is no better than guessing uniformly among {vocabulary:,.0f} tokens ({uniform:.4f})."


def _gap(told: Told) -> Iterator[str]:
    trained, evaluated = told_number(told, "metrics", "train/loss"), told_number(told, "metrics", "eval/loss")
    if trained is not None and evaluated is not None:
        side = "above" if evaluated >= trained else "below"
        yield f"Validation loss lies {abs(evaluated - trained):.4f} {side} the training loss of the last logged step."


def _memory(told: Told) -> Iterator[str]:
    predicted, measured = told_number(told, "predicted_peak_memory_gb"), told_number(told, "metrics", "memory/peak_gb")
    if predicted and measured is not None:
        yield f"Peak memory was {measured:.3f} GB, {measured / predicted - 1:+.1%} against the predicted {predicted:.3f} GB."


def _probes(told: Told) -> Iterator[str]:
    probing, whole = told_number(told, "probe_seconds"), told_number(told, "duration_seconds")
    if probing and whole:
        yield f"Probes took {probing:.1f} s, {probing / whole:.0%} of the run."


def _attempts(told: Told) -> Iterator[str]:
    attempts = told_number(told, "attempt")
    if attempts is not None and attempts > 1:
        yield f"The run took {attempts:.0f} attempts."


def conclusion(told: Told) -> list[str]:
    """What one run by itself can conclude: how it ended. A claim needs several seeds of it and of a baseline."""
    step, full = told.get("step"), told.get("max_steps")
    why = f" ({told['stop_reason']})" if told.get("stop_reason") else ""
    by_status: dict[str, list[str]] = {
        Status.COMPLETED: ["The run is complete. One run decides no hypothesis: that takes a baseline and several seeds of both."],
        Status.STOPPED_EARLY: [
            f"Stopped early at step {step} of {full}{why}: its numbers are those of a part of a run and enter no claim."
        ],
        Status.DIVERGED: [f"❌ Diverged at step {step} of {full}{why}: this configuration does not train."],
        Status.OUT_OF_MEMORY: [f"❌ Out of memory at step {step}{why}, even with micro-batches of one sequence."],
        Status.FAILED: [f"❌ Failed at step {step} of {full}{why}: nothing can be concluded."],
    }
    return by_status.get(str(told.get("status")), [f"Not at its end yet (step {step} of {full})."])


def next_steps(told: Told) -> list[str]:
    """What follows from how the run ended."""
    rate = told_number(told, "config", "optimizer", "lr")
    lower = f" than {rate:g}" if rate is not None else ""
    by_status: dict[str, list[str]] = {
        Status.DIVERGED: [f"Try a smaller learning rate{lower}, a longer warm-up or a smaller `training.grad_clip`."],
        Status.OUT_OF_MEMORY: ["Give the run more memory, a smaller model or a shorter `model.context_length`."],
        Status.FAILED: ["Read the error above and `logs/train.log`; the same command tries again from the last checkpoint."],
        Status.INTERRUPTED: ["The same command continues from the last checkpoint."],
        Status.PAUSED: ["The same command continues from the last checkpoint."],
    }
    if told.get("status") == Status.COMPLETED and told.get("best_step") == told.get("step") is not None:
        return ["Train longer (`training.max_steps`): the validation loss was still at its lowest at the end."]
    return by_status.get(str(told.get("status")), [])
