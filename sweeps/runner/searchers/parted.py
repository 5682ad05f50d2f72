"""Several spaces at once: each has a searcher of its own, which sees the trials of its own slots only."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sweeps.runner.searchers.searcher import Searcher, Slot
from trainable.spec.ledger import TrialRecord


class PartedSearch(Searcher):
    """`parts` are the slots of each searcher; a slot in none of them (the baseline) needs no searcher."""

    def __init__(self, parts: Sequence[Collection[Slot]], searchers: Sequence[Searcher]) -> None:
        self._searcher_of_slot = {slot.id: searcher for part, searcher in zip(parts, searchers, strict=True) for slot in part}
        self._searchers = searchers
        self._searcher_of_trial: dict[str, Searcher] = {}

    def suggest(self, slot: Slot) -> dict[str, Any]:
        return self._searcher_of_slot[slot.id].suggest(slot)

    def resume(
        self,
        samples: Mapping[str, str],
        trials: Mapping[str, TrialRecord],
        sampled_values: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        for searcher in self._searchers:
            own = {slot: trial for slot, trial in samples.items() if self._searcher_of_slot.get(slot) is searcher}
            self._searcher_of_trial |= dict.fromkeys(own.values(), searcher)
            searcher.resume(own, trials, sampled_values)

    def started(self, slot: Slot, trial: str) -> None:
        searcher = self._searcher_of_slot.get(slot.id)
        if searcher is not None:
            self._searcher_of_trial[trial] = searcher
            searcher.started(slot, trial)

    def reported(self, trial: str, step: int, metrics: Mapping[str, float | None]) -> None:
        if trial in self._searcher_of_trial:
            self._searcher_of_trial[trial].reported(trial, step, metrics)

    def ended(self, record: TrialRecord) -> None:
        if record.trial in self._searcher_of_trial:
            self._searcher_of_trial[record.trial].ended(record)

    def publish(self, *, final: bool = False) -> None:
        for searcher in self._searchers:
            searcher.publish(final=final)
