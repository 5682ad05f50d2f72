"""What the numbers of a torchtune experiment set say side by side: pure, sentences with the values that they rest on."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from analysis.report.markdown import MISSING, duration
from analysis.torchtune.experiment import TorchtuneExperiment

Value = Callable[[TorchtuneExperiment], float | None]
_VALUES: dict[str, Value] = {
    "final training loss": lambda one: one.log.final_loss,
    "validation loss": lambda one: one.measured("val_loss"),
    "training time (s)": lambda one: one.log.training_seconds,
    "tokens/s/GPU": lambda one: one.measured("tokens_per_second_per_gpu"),
}


def findings(experiments: Sequence[TorchtuneExperiment]) -> list[str]:
    """Rank against rank within a model, model against model at one rank, and what is out of the ordinary, as Markdown lines."""
    parts = {
        "LoRA rank": list(_along(experiments, lambda one: one.model, lambda one: one.rank, "rank")),
        "Model": list(_along(experiments, lambda one: one.rank, lambda one: one.model, "model")),
        "Anomalies": list(_anomalies(experiments)),
    }
    lines = [line for title, sentences in parts.items() if sentences for line in (f"### {title}", "", *sentences, "")]
    return (
        [*lines, "One run each: without repeated seeds, none of these differences has an interval."]
        if lines
        else ["Nothing to compare.", ""]
    )


def _along(
    experiments: Sequence[TorchtuneExperiment],
    fixed: Callable[[TorchtuneExperiment], object],
    varied: Callable[[TorchtuneExperiment], object],
    word: str,
) -> Iterator[str]:
    """Neighbours in `varied` among the experiments that share `fixed`."""
    known = [one for one in experiments if fixed(one) is not None and varied(one) is not None]
    for shared in dict.fromkeys(fixed(one) for one in known):
        group = sorted((one for one in known if fixed(one) == shared), key=lambda one: (str(type(varied(one))), varied(one)))
        for one, other in pairwise(group):
            if varied(one) != varied(other):
                for what, value in _VALUES.items():
                    yield from _compared(what, value(one), value(other), f"{word} {varied(one)}", f"{word} {varied(other)}", shared)


def _compared(what: str, one: float | None, other: float | None, name: str, other_name: str, shared: object) -> Iterator[str]:
    if one is None or other is None or one <= 0 or other <= 0 or one == other:
        return
    ratio = other / one
    if ratio >= 2:
        much = f"{ratio:.1f} times that of {name}"
    elif ratio <= 0.5:
        much = f"{1 / ratio:.1f} times lower than {name}"
    else:
        much = f"{ratio - 1:+.1%} against {name}"
    yield f"- {what}, {shared}: {other_name} has {significant(other)}, {much} ({significant(one)})"


def significant(value: float | None) -> str:
    """Four significant digits: losses of a fine-tuning run to the end lie far below 1."""
    return MISSING if value is None else f"{value:.4g}"


def _anomalies(experiments: Sequence[TorchtuneExperiment]) -> Iterator[str]:
    for one in experiments:
        final, validation = one.log.final_loss, one.measured("val_loss")
        if final is not None and validation is not None and 0 < final < validation / 5:
            yield f"- {one.name}: validation loss is {validation / final:.0f} times the final training loss (of one batch)"
        if one.log.bars and one.log.bars[-1].loss is None:
            yield f"- {one.name}: the last loss is not a finite number"
        if one.log.finished is False:
            bar = one.log.bars[-1]
            spent = duration(one.log.training_seconds or 0)
            yield f"- {one.name}: the log ends in epoch {bar.epoch} at step {bar.done} of {bar.total}, after {spent} of training"
