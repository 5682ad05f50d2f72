"""Learning curves of the ledger's trials as a scheduler sees them: made when looked at, and grown by what has come since."""

from collections.abc import Iterator, Mapping
from itertools import takewhile

from sweeps.runner.ranking import DEAD
from sweeps.runner.schedulers.rule import Curve
from trainable.spec.ledger import TrialRecord, curve
from trainable.spec.status import Status

Points = list[tuple[int, float | None]]


class Curves(Mapping[str, Curve]):
    """Away from its rungs a scheduler looks at one trial, however many there are and however long it is."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._records: dict[str, TrialRecord] = {}
        self._points: dict[str, Points] = {}
        self._made: dict[str, Curve] = {}
        self._left_out: set[str] = set()

    def put(self, record: TrialRecord, *, left_out: bool) -> None:
        """Takes a trial in, or what has happened to it; one that is left out keeps its places, and waits for nothing."""
        self._records[record.trial] = record
        (self._left_out.add if left_out else self._left_out.discard)(record.trial)
        self._made.pop(record.trial, None)

    def drop(self, trial: str) -> None:
        del self._records[trial]
        self._points.pop(trial, None)
        self._made.pop(trial, None)
        self._left_out.discard(trial)

    def __getitem__(self, trial: str) -> Curve:
        if trial not in self._made:
            self._made[trial] = self._curve(self._records[trial])
        return self._made[trial]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def _curve(self, record: TrialRecord) -> Curve:
        over = record.trial in self._left_out
        return Curve(
            points=self._grown(record),
            alive=record.status not in DEAD,
            decided={rung["level"]: rung["decision"] for rung in record.rungs},
            values=record.values,
            ended=over or record.status not in (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED),
            paused=not over and record.status == Status.PAUSED,
        )

    def _grown(self, record: TrialRecord) -> Points:
        """Evaluations come in order of steps, but for one that a resumed trial tells late."""
        points = self._points.setdefault(record.trial, [])
        known = points[-1][0] if points else -1
        fresh = list(takewhile(lambda item: item[0] > known, reversed(record.evaluations.items())))
        points += ((step, metrics.get(self._metric)) for step, metrics in reversed(fresh))
        if len(points) != len(record.evaluations):
            points[:] = curve(record, self._metric)
        return points
