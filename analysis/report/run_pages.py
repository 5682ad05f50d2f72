"""``summary.md`` of every run of a sweep, written anew with what only the sweep knows: baseline, targets, and what became of the claims.

``summary.json`` stays as the run left it: it is one of the two witnesses. A run that may still write its own page is left alone.
"""

from bisect import bisect_left
from collections.abc import Mapping
from statistics import fmean

from analysis.columns import Row
from analysis.report.evidence import Evidence
from analysis.report.results import MARKS
from analysis.verdict import Verdict
from trainable.spec.atomic_write import write_text
from trainable.spec.run_page import Standing, run_page
from trainable.spec.statement import EQUIVALENCE, Claim
from trainable.spec.status import ENDED_BY_ITSELF, Stage, Status

_ENDED = ENDED_BY_ITSELF | {Status.STOPPED_EARLY, Status.FAILED}
# What a page shows beside the metrics.
_FURTHER = ("duration_seconds", "optimizer_state_bytes", "predicted_peak_memory_gb")


def write_run_pages(evidence: Evidence) -> list[str]:
    """Writes the pages that read otherwise than before; returns a note for each that could not be written."""
    notes = []
    for row in evidence.study.rows:
        trial = evidence.trials[row["trial"]]
        if trial.summary is None or row["status"] not in _ENDED:
            continue
        page = run_page(trial.summary, standing(evidence, row))
        path = trial.run_dir.summary_markdown
        try:
            if not path.is_file() or path.read_text(errors="replace") != page:
                write_text(path, page, sync=False)
        except OSError as error:
            notes.append(f"{path} could not be written: {error.strerror}")
    return notes


def standing(evidence: Evidence, row: Row) -> Standing:
    """What the sweep says of one run."""
    name, baseline = baseline_of(evidence, row)
    about = [verdict for verdict in evidence.verdicts if verdict.cell == row["cell"]]
    return Standing(
        baseline_name=name,
        baseline=baseline,
        targets=targets(evidence, about),
        observations=_observations(evidence, row),
        conclusion=_conclusion(evidence, row, about),
        files=[f"- **Analysis:** `{evidence.sweep.directory.results.name}` of the sweep `{evidence.sweep.directory.path.name}`"],
    )


def baseline_of(evidence: Evidence, row: Row) -> tuple[str, Mapping[str, float | None]]:
    """The baseline's run on the same seed and stage, else the mean of its completed confirmations; nothing for the baseline itself."""
    own = evidence.sweep.statement.baseline_cell
    if row["cell"] == own:
        return "", {}
    twins = [
        other
        for other in evidence.study.rows_by_cell.get(own, [])
        if (other["seed"], other["stage"], other["status"]) == (row["seed"], row["stage"], Status.COMPLETED)
    ]
    rows = twins[:1] or evidence.completed(own)
    if not rows:
        return "", {}
    whose = f"seed {row['seed']}, `{rows[0]['run_id']}`" if twins else f"mean of {len(rows)} full runs"
    names = [name for name in rows[0] if "/" in name or name in _FURTHER]
    means = {name: [other[name] for other in rows if isinstance(other[name], int | float)] for name in names}
    return f"{evidence.title(own)}, {whose}", {name: fmean(values) if values else None for name, values in means.items()}


def targets(evidence: Evidence, about: list[Verdict]) -> dict[str, str]:
    """What was claimed of this cell, by metric: ``< -5.00%`` against the baseline."""
    claims = {claim.statement: claim for claim in evidence.sweep.statement.claims}
    return {verdict.metric: target(claims[verdict.claim]) for verdict in about if verdict.claim in claims}


def target(claim: Claim) -> str:
    if claim.away_from is not None:
        return f"further than {claim.min_distance:g} from {claim.away_from:g}"
    bound = claim.max_relative_difference
    if claim.stated_kind == EQUIVALENCE:
        return f"within ±{bound:.2%}"
    return f"> {-bound:+.2%}" if claim.higher_is_better else f"< {bound:+.2%}"


def _observations(evidence: Evidence, row: Row) -> list[str]:
    """Where the run stands among the trials of its stage."""
    metric = evidence.sweep.statement.metric
    lines, merits, value = [], evidence.explored_merits, row.get(metric)
    if row["stage"] == Stage.EXPLORE and row["status"] == Status.COMPLETED and value is not None and len(merits) > 1:
        place = 1 + bisect_left(merits, evidence.sign * value)
        lines.append(f"Place {place} of {len(merits)} full runs of the exploration by {metric}.")
    record = evidence.trials[row["trial"]].record
    rung = record.rungs[-1] if record and record.rungs and row["status"] == Status.STOPPED_EARLY else {}
    if rung.get("value") is not None and rung.get("cutoff") is not None:
        lines.append(f"At the rung of step {rung.get('level')} {metric} was {rung['value']:.4f}, the cutoff {rung['cutoff']:.4f}.")
    return lines


def _conclusion(evidence: Evidence, row: Row, about: list[Verdict]) -> list[str]:
    """The verdicts on the run's cell where this run carries weight; else nothing, and the run's own words stay."""
    if row["stage"] != Stage.CONFIRM or row["status"] != Status.COMPLETED:
        return []
    if row["cell"] == evidence.sweep.statement.baseline_cell:
        return ["This is the baseline: what the other configurations are compared with, seed by seed."]
    words = {"CONFIRMED": "Hypothesis confirmed", "REFUTED": "Hypothesis rejected", "UNDECIDED": "Hypothesis undecided"}
    lines = [f"{MARKS[v.outcome]} {words[v.outcome]}: {v.claim} {v.reason}." for v in about]
    cell = next((cell for cell in evidence.cells if cell.cell == row["cell"]), None)
    if not lines and cell is not None and cell.paired is not None:
        metric = evidence.sweep.statement.metric
        lines = [
            f"No claim speaks of this configuration. Over {cell.n} seeds its {metric} is {cell.paired.estimate:+.2%} from the baseline's."
        ]
    return lines
