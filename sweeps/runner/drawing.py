"""Values for a slot of the exploration that can be run: those that break a rule together are refused, and others drawn."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.ledger import Ledger
from sweeps.runner.searchers.searcher import Searcher, Slot
from trainable.spec.mistakes import WrongRequest

REFUSALS = 100


def drawn(slot: Slot, blueprint: Blueprint, searcher: Searcher, ledger: Ledger) -> Mapping[str, Any]:
    """Which draw it is comes from the ledger, so that a driver that goes on draws what the one before would have drawn.

    Raises `WrongRequest` when `REFUSALS` draws were refused and one more is no better: then it is the space that is wrong.
    """
    while True:
        before = len(ledger.state.refusals.get(slot.id, ()))
        values = searcher.suggest(replace(slot, refused=before))
        try:
            blueprint.config(values, blueprint.settings.explore.seed)
        except WrongRequest as wrong:
            if before >= REFUSALS:
                raise
            ledger.write("refused", slot=slot.id, values=values, mistakes=wrong.mistakes)
        else:
            return values
