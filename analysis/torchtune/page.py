"""``RESULTS.md`` of a torchtune experiment set: verified checkpoints, results, findings, storage, issues, next steps, commands. Pure."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.report.markdown import MISSING, bytes_shown, duration, table
from analysis.torchtune.epochs import ADAPTER_FILES
from analysis.torchtune.exit_states import ExitState
from analysis.torchtune.experiment import TorchtuneExperiment
from analysis.torchtune.findings import findings, significant

MARK = "<!-- made by python -m analysis report --from torchtune; it is replaced when that is run again -->"
_NUMBERS: dict[str, Callable[[TorchtuneExperiment], float | None]] = {
    "final loss": lambda one: one.log.final_loss,
    "val loss": lambda one: one.measured("val_loss"),
    "tokens/s/GPU": lambda one: one.measured("tokens_per_second_per_gpu"),
    "peak memory (GiB)": lambda one: one.measured("peak_memory_active"),
}


@dataclass(frozen=True)
class ExperimentSet:
    """`states` are SLURM's by job, None where it could not be asked; `others` are directories without logs and epochs."""

    path: Path
    experiments: Sequence[TorchtuneExperiment]
    states: Mapping[str, ExitState] | None
    others: Sequence[str]
    date: str | None


def page(found: ExperimentSet) -> str:
    """The whole page."""
    sections = {
        "Overview": _overview(found),
        "Checkpoint verification": _checkpoints(found),
        "Training results": _results(found),
        "Key findings": findings(found.experiments),
        "Storage": _storage(found),
        "Issues and notes": _issues(found),
        "Next steps": _next_steps(found),
        "Appendix: useful commands": _commands(found),
    }
    lines = [line for title, body in sections.items() for line in (f"## {title}", "", *body, "")]
    return "\n".join([f"# Experiment report: {found.path.name}", "", *lines, MARK]) + "\n"


def is_complete(one: TorchtuneExperiment) -> bool:
    """Every epoch that the configuration asks for is there and whole, and the last bar came to its end."""
    whole = [epoch.number for epoch in one.epochs if not epoch.problems]
    expected = one.expected_epochs if one.expected_epochs is not None else len(one.log.bars)
    return one.log.finished is not False and expected > 0 and whole == list(range(expected))


def _overview(found: ExperimentSet) -> list[str]:
    experiments = found.experiments
    complete = sum(is_complete(one) for one in experiments)
    models = sorted({one.model for one in experiments if one.model})
    ranks = sorted({one.rank for one in experiments if one.rank is not None})
    mark = "✓" if complete == len(experiments) else "⚠️"
    return [
        f"**Date:** {found.date or MISSING} (newest log)  ",
        f"**Models:** {', '.join(models) or MISSING}  ",
        f"**LoRA ranks:** {', '.join(map(str, ranks)) or MISSING}  ",
        f"**Status:** {mark} {complete} of {len(experiments)} experiments complete",
    ]


def _checkpoints(found: ExperimentSet) -> list[str]:
    numbers = sorted({epoch.number for one in found.experiments for epoch in one.epochs} | _expected(found.experiments))
    rows = []
    for one in found.experiments:
        there = {epoch.number: epoch for epoch in one.epochs}
        marks = [("✗" if number not in there else "⚠️" if there[number].problems else "✓") for number in numbers]
        notes = [f"epoch {number}: {'; '.join(epoch.problems)}" for number, epoch in there.items() if epoch.problems]
        rows.append([one.name, *marks, "; ".join(notes) or ("Complete" if is_complete(one) else "Incomplete")])
    needed = ", ".join(f"`{name}`" for name in ("model*.safetensors", *ADAPTER_FILES))
    checked = f"An epoch needs {needed}; sizes and headers were read, and nothing was loaded."
    return [*table(["experiment", *(f"epoch {number}" for number in numbers), "notes"], rows), "", checked]


def _expected(experiments: Sequence[TorchtuneExperiment]) -> set[int]:
    return {number for one in experiments for number in range(min(one.expected_epochs or 0, 1000))}


def _results(found: ExperimentSet) -> list[str]:
    header = ["experiment", "model", "LoRA rank", "epochs", "steps", *_NUMBERS, "training time"]
    rows = [
        [
            one.name,
            one.model or MISSING,
            _whole(one.rank),
            _whole(len(one.epochs)),
            _whole(one.log.steps),
            *(significant(value(one)) for value in _NUMBERS.values()),
            MISSING if one.log.training_seconds is None else duration(one.log.training_seconds),
        ]
        for one in found.experiments
    ]
    return [*table(header, rows), "", "The final loss is that of the last batch; times are those of the progress bars."]


def _storage(found: ExperimentSet) -> list[str]:
    header = ["experiment", "model weights of an epoch", "adapter of an epoch", "adapter parameters", "all epochs", "adapters alone"]
    rows = []
    for one in found.experiments:
        last = one.epochs[-1] if one.epochs else None
        adapters = [epoch.adapter_bytes for epoch in one.epochs if epoch.adapter_bytes is not None]
        rows.append(
            [
                one.name,
                bytes_shown(last.model_bytes if last else None),
                bytes_shown(last.adapter_bytes if last else None),
                _whole(last.adapter_parameters if last else None),
                bytes_shown(sum(epoch.total_bytes for epoch in one.epochs) if one.epochs else None),
                bytes_shown(sum(adapters) if adapters else None),
            ]
        )
    return [*table(header, rows), "", "Where the base model is kept elsewhere, the adapters are all that needs storing."]


def _issues(found: ExperimentSet) -> list[str]:
    lines = []
    for one in found.experiments:
        told = [*one.problems, *_missing(one)]
        state = (found.states or {}).get(one.job or "")
        if state and state.state != "COMPLETED":
            well = " although the training came to its end" if is_complete(one) else ""
            told.append(f"SLURM job {one.job}: {state.state} (exit code {state.code}){well}")
        lines += [f"- **{one.name}**: {sentence}" for sentence in told]
        lines += [f"- **{one.name}** printed `{line[:200].replace('`', chr(39))}`" for line in one.log.trouble]
    lines += [f"- `{name}` holds no log and no epoch" for name in found.others]
    if found.states is None:
        lines.append("- how SLURM ended the jobs is not known: `sacct` could not be asked here")
    return lines or ["None."]


def _missing(one: TorchtuneExperiment) -> list[str]:
    absent = [name for name, value in _NUMBERS.items() if value(one) is None]
    absent += ["steps"] if one.log.steps is None else []
    lost = sorted(set(range(min(one.expected_epochs or 0, 1000))) - {epoch.number for epoch in one.epochs})
    told = [f"not measured or not printed: {', '.join(absent)}"] if absent else []
    return told + ([f"epochs missing: {', '.join(map(str, lost))}"] if lost else [])


def _next_steps(found: ExperimentSet) -> list[str]:
    again = [one.name for one in found.experiments if not is_complete(one)]
    ready = [one for one in found.experiments if one.has_eval_script and one.epochs]
    steps = [f"- finish or repeat {', '.join(again)}"] if again else []
    steps += [f"- evaluate `{one.name}/epoch_{one.epochs[-1].number}` with `{one.name}/eval.py`" for one in ready]
    unsynced = sum(len(one.offline_runs) for one in found.experiments)
    steps += [f"- sync {unsynced} offline wandb runs (appendix)"] if unsynced else []
    ranks = sorted({one.rank for one in found.experiments if one.rank is not None})
    if len(ranks) > 1 and ranks[-1] >= 4 * ranks[0]:
        between = [str(rank) for rank in (2**power for power in range(1, 12)) if ranks[0] < rank < ranks[-1] and rank not in ranks]
        steps.append(f"- the ranks between: {', '.join(between)}")
    return [*steps, "- repeat with further seeds, so that differences get intervals"]


def _commands(found: ExperimentSet) -> list[str]:
    root = shlex.quote(str(found.path))
    logs = [f"tail -50 {shlex.quote(str(one.log_path))}" for one in found.experiments if one.log_path]
    sync = [f"wandb sync {shlex.quote(str(run))}" for one in found.experiments for run in one.offline_runs]
    jobs = sorted({one.job for one in found.experiments if one.job})
    asked = [f"sacct -j {','.join(jobs)} --format=JobID,State,ExitCode"] if jobs else []
    return ["```bash", *logs, f"find {root} -name adapter_model.safetensors", f"du -sh {root}/*/epoch_*", *asked, *sync, "```"]


def _whole(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"
