"""What is unusual in a sweep's numbers: each rule a pure function with its bound, each hit one sentence."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

import numpy as np

from analysis.columns import Row
from analysis.report.evidence import Evidence
from analysis.report.markdown import counted, number, percent
from trainable.spec.status import Stage, Status

# Bounds beyond which something is said; each is a multiple or a share of what is usual.
SLOW = 0.6
LOSS_SPIKE = 1.3
GRADIENT_SPIKE = 10.0
RISE = 1.02
PROMISE = 0.02


def anomalies(evidence: Evidence) -> list[str]:
    return [sentence for rule in (_promises, _order, _same, _slow, _loss_spikes, _gradient_spikes, _rises) for sentence in rule(evidence)]


def _which(evidence: Evidence, rows: list[Row], most: int = 3) -> str:
    names = [f"{evidence.study.cells[row['cell']].label}, seed {row['seed']}" for row in rows]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{counted(len(rows), 'trial')} ({'; '.join(names[:most])}{more})"


def _promises(evidence: Evidence) -> Iterator[str]:
    """The winner's curse: a value chosen because it was the best of many is too good; fresh seeds tell how much."""
    winner, metric = evidence.winner, evidence.sweep.statement.metric
    if winner is None or not winner.mean:
        return
    explored = (row for row in evidence.study.rows if row["cell"] == winner.cell and row["stage"] == Stage.EXPLORE)
    promised = next((row[metric] for row in explored if row["status"] == Status.COMPLETED and row.get(metric) is not None), None)
    if promised:
        change = (winner.mean - promised) / abs(promised)
        worse = evidence.sign * change
        kept = "as the exploration had promised" if abs(change) < PROMISE else "the winner's curse" if worse > 0 else "better than promised"
        then = f"{number(winner.mean)}, in the exploration it was {number(promised)} ({percent(change)})"
        yield f"On fresh seeds the winner's {metric} is {then}: {kept}."


def _order(evidence: Evidence) -> Iterator[str]:
    ranked = [cell for cell in evidence.cells if cell.rank is not None and cell.mean is not None]
    if len(ranked) < 2:
        return
    better = max if evidence.sweep.statement.higher_is_better else min
    best = better(ranked, key=lambda cell: cell.mean or 0.0)
    if best.rank != 1:
        yield f"On fresh seeds {evidence.title(best.cell)}, finalist {best.rank}, is better than the winner of the exploration."


def _same(evidence: Evidence) -> Iterator[str]:
    """Seeds that change nothing make every interval infinitely narrow."""
    same = [evidence.title(cell.cell) for cell in evidence.cells if cell.n > 1 and cell.std == 0.0]
    if same:
        metric = evidence.sweep.statement.metric
        yield f"Every seed of {'; '.join(same[:3])} ended with the very same {metric}: do the seeds change anything?"


def _slow(evidence: Evidence) -> Iterator[str]:
    """Trials of one shape on one device should be equally fast."""
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in evidence.study.rows:
        if row.get("time/tokens_per_sec"):
            groups[row["host"], row["device"], row["parameters"], row["micro_batch_size"]].append(row)
    slow = []
    for rows in groups.values():
        usual = median(row["time/tokens_per_sec"] for row in rows)
        slow += [row for row in rows if row["time/tokens_per_sec"] < SLOW * usual]
    if slow:
        usual_share = f"less than {SLOW:.0%} of the throughput usual for their shape and machine"
        yield f"{_which(evidence, slow)} ended at {usual_share}, which then had other work: such times say little."


def _loss_spikes(evidence: Evidence) -> Iterator[str]:
    hit = []
    for row in evidence.study.rows:
        curve = evidence.training.get(row["trial"])
        if curve is None or row["status"] == Status.DIVERGED or not (curve.values > 0).all():
            continue
        if (curve.values / np.minimum.accumulate(curve.values)).max() > LOSS_SPIKE:
            hit.append(row)
    if hit:
        yield f"The training loss once rose more than {LOSS_SPIKE - 1:.0%} above its lowest in {_which(evidence, hit)}."


def _gradient_spikes(evidence: Evidence) -> Iterator[str]:
    hit = []
    for row in evidence.study.rows:
        curve = evidence.gradients.get(row["trial"])
        if curve is not None and len(curve.values) > 4 and curve.values.max() > GRADIENT_SPIKE * np.median(curve.values) > 0:
            hit.append(row)
    if hit:
        yield f"The gradient norm once was over {GRADIENT_SPIKE:.0f} times its median in {_which(evidence, hit)}."


def _rises(evidence: Evidence) -> Iterator[str]:
    """A validation loss that ends above its lowest."""
    hit = []
    for row in evidence.study.rows:
        best, last = row["best_eval_loss"], row.get("eval/loss")
        if row["status"] == Status.COMPLETED and best and last and best > 0 and last > RISE * best:
            hit.append(row)
    if hit:
        yield f"The validation loss ends more than {RISE - 1:.0%} above its lowest in {_which(evidence, hit)}: `best` is not `final`."
