"""What to do next, computed from what a sweep has shown and from what it has not."""

import shlex
from collections.abc import Iterator, Sequence

from analysis.columns import Row
from analysis.compare import counted_seeds
from analysis.grid_edge import edges
from analysis.report.evidence import Evidence
from analysis.report.markdown import counted
from analysis.verdict import Outcome
from trainable.spec.status import Status

_AGAIN = (Status.FAILED, Status.INTERRUPTED)


def section(evidence: Evidence) -> list[str]:
    steps = next_steps(evidence)
    return ["## Next steps", "", *(f"- [ ] {step}" for step in steps), ""] if steps else []


def next_steps(evidence: Evidence) -> list[str]:
    """One sentence for each, the most pressing first."""
    rules = (_unfinished, _broken, _undecided, _edge, _longer, _diverged, _untested)
    return [step for rule in rules for step in rule(evidence)]


def sweep_command(evidence: Evidence) -> str:
    """The command that continues the sweep: that of its last driver, without opening another directory; else the sweep's module."""
    commands = [driver["command"] for driver in evidence.sweep.state.drivers if isinstance(driver.get("command"), str)]
    return (
        " ".join(word for word in commands[-1].split(" ") if word != "--fresh")
        if commands
        else f"python -m sweeps.{evidence.sweep.statement.name}"
    )


def with_override(command: str, override: str) -> str:
    """The command with `override` in place of one of the same key."""
    key = override.split("=", 1)[0]
    return shlex.join([*(word for word in shlex.split(command) if word.split("=", 1)[0] != key), override])


def _unfinished(evidence: Evidence) -> Iterator[str]:
    again = [row for row in evidence.study.rows if row["status"] in _AGAIN]
    pending = sum(len(cell.seeds.pending) for cell in evidence.cells)
    if again or pending or not evidence.cells:
        what = [counted(len(again), "failed or interrupted trial")] if again else []
        what += [counted(pending, "confirmation") if evidence.cells else "the confirmation"] if pending or not evidence.cells else []
        yield f"Run {' and '.join(what)}: `{sweep_command(evidence)}` again runs what is missing, from the last checkpoints."


def _broken(evidence: Evidence) -> Iterator[str]:
    broken = [trial for trial, run in evidence.checkpoints.items() if run.faults]
    if broken:
        yield f"Restore the checkpoints of {len(broken)} runs from a backup, or run them again: files are missing or corrupt."


def _undecided(evidence: Evidence) -> Iterator[str]:
    counted = counted_seeds(evidence.sweep.statement, evidence.study.rows)
    for verdict in evidence.verdicts:
        if verdict.outcome == Outcome.UNDECIDED and verdict.n_pairs:
            seeds = ",".join(map(str, [*counted, *_fresh(evidence, counted, 2)]))
            command = with_override(sweep_command(evidence), f"sweep.seeds=[{seeds}]")
            yield f"Decide “{verdict.claim}”, which is {verdict.outcome} ({verdict.reason}): `{command}`."


def _fresh(evidence: Evidence, counted: Sequence[int], count: int) -> list[int]:
    """The next seeds that neither the exploration nor the confirmation has used."""
    used = {evidence.sweep.statement.explore_seed, *counted}
    return [seed for seed in range(1, len(used) + count + 2) if seed not in used][:count]


def _edge(evidence: Evidence) -> Iterator[str]:
    for edge in edges(evidence.sweep.statement, evidence.study.rows):
        yield f"Look further: {edge.sentence}."


def _longer(evidence: Evidence) -> Iterator[str]:
    """Where the last tenth of a full run still lowered the validation loss of every seed by 1 % or more."""
    best = evidence.winner or evidence.baseline
    rows = evidence.completed(best.cell) if best else []
    gains = [gain for row in rows if (gain := late_gain(evidence, row)) is not None]
    if gains and len(gains) == len(rows) and min(gains) >= 0.01:
        steps = evidence.sweep.statement.max_steps
        yield (
            f"Train longer: the last tenth of the steps still lowered eval/loss by {min(gains):.1%} to {max(gains):.1%}: "
            f"`{with_override(sweep_command(evidence), f'training.max_steps={2 * steps}')}`."
        )


def late_gain(evidence: Evidence, row: Row) -> float | None:
    """Relative fall of eval/loss from 90 % of the steps (the last evaluation before them) to the end."""
    curve = evidence.evaluations.get(row["trial"])
    if curve is None or not len(curve.steps):
        return None
    before = curve.values[curve.steps <= 0.9 * curve.steps[-1]]
    return float(1 - curve.values[-1] / before[-1]) if len(before) and before[-1] > 0 else None


def _diverged(evidence: Evidence) -> Iterator[str]:
    diverged = [row for row in evidence.study.rows if row["status"] in (Status.DIVERGED, Status.OUT_OF_MEMORY)]
    if diverged:
        cells = sorted({evidence.study.cells[row["cell"]].label for row in diverged})
        named = "; ".join(cells[:4]) + ("; ..." if len(cells) > 4 else "")
        yield f"Take out of the space, or give another schedule, what diverged or ran out of memory: {named}."


def _untested(evidence: Evidence) -> Iterator[str]:
    """The best run without a test."""
    best = evidence.winner or evidence.baseline
    rows = [row for row in (evidence.completed(best.cell) if best else []) if row.get("test/loss") is None]
    if rows:
        yield f"Evaluate on the test set: `python -m trainable.evaluate {evidence.run_path(rows[0])}`."
