"""Commands at the end of a sweep's page, for this very sweep: to run it again, to look into it, to check it."""

import shlex
from pathlib import Path

from analysis.report.evidence import Evidence, as_given
from analysis.report.next_steps import sweep_command
from trainable.spec.status import Status


def section(evidence: Evidence) -> list[str]:
    lines = ["## Appendix: useful commands", "", "From the folder in which the sweep was started.", ""]
    for title, commands in _groups(evidence).items():
        lines += [f"### {title}", "", "```bash", *commands, "```", ""]
    return lines


def _groups(evidence: Evidence) -> dict[str, list[str]]:
    sweep = shlex.quote(as_given(evidence.sweep.directory.path))
    groups = {
        "Run it again": _again(evidence),
        "This page, its tables and figures": [
            f"python -m analysis report {sweep}    # also hashes every checkpoint that is new or changed",
            f"python -m analysis tables {sweep}",
            f"python -m analysis notebook {sweep}  # analysis.py in jupytext's percent format",
            f"python -m analysis check {sweep}     # the protocol's checklists",
            f"python -m analysis compare {sweep} --metric eval/perplexity",
            f"python -c 'import pandas, sys; print(pandas.read_parquet(sys.argv[1]).describe())' {sweep}/trials.parquet",
        ],
    }
    best = _best_run(evidence)
    if best is None:
        return groups
    run = shlex.quote(best)
    wandb = [f"wandb sync {run}/wandb/offline-run-*"] if list((evidence.runs_dir / Path(best).name / "wandb").glob("offline-run-*")) else []
    return {
        **groups,
        "Logs": [f"tail -n 50 {run}/logs/train.log", f"column -s, -t {run}/logs/metrics.csv | less -S"],
        "Checkpoints": [f"du -sh {run}/checkpoints/*", f"find {shlex.quote(str(Path(best).parent))} -name model.safetensors"],
        "Evaluate": [f"python -m trainable.evaluate {run}"],
        **({"Weights & Biases": wandb} if wandb else {}),
    }


def _again(evidence: Evidence) -> list[str]:
    """Every different command of the sweep's drivers, each after the commit it ran at."""
    lines: list[str] = []
    for driver in evidence.sweep.state.drivers:
        command, commit = driver.get("command"), driver.get("commit")
        text = shlex.join(map(str, command)) if isinstance(command, list) else str(command or "")
        lines += ([f"git checkout {commit}"] if commit else []) + ([text] if text else [])
    return list(dict.fromkeys(lines)) or [sweep_command(evidence)]


def _best_run(evidence: Evidence) -> str | None:
    """The run directory of the winner's first seed; without one, of any complete run."""
    best = evidence.winner or evidence.baseline
    rows = evidence.completed(best.cell) if best else []
    rows += [row for row in evidence.study.rows if row["status"] == Status.COMPLETED]
    return next((evidence.run_path(row) for row in rows if (evidence.runs_dir / row["run_id"]).is_dir()), None)
