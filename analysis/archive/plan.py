"""What archiving has to do: which bags are new, which stay, and which are made anew. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analysis.archive.paper_dir import bag_name, number_of


class Action(StrEnum):
    NEW = "archived"
    KEPT = "there already"
    REPLACED = "archived anew"


@dataclass(frozen=True)
class Decision:
    """`folder` is the bag's name in the paper's directory."""

    identifier: str
    folder: str
    action: Action


def plan_runs(held: Mapping[str, str], changed: Iterable[str], run_ids: Sequence[str]) -> list[Decision]:
    """One decision for each of `run_ids`, in their order.

    `held` maps the experiment id of each archived run to its folder, `changed` names those whose files are no longer what the bag has. A
    run is in a paper once, under the number that it was given first; a number is never given again.
    """
    anew = frozenset(changed)
    last = max((number_of(folder) or 0 for folder in held.values()), default=0)
    decisions: list[Decision] = []
    for run_id in dict.fromkeys(run_ids):
        if run_id in held:
            decisions.append(Decision(run_id, held[run_id], Action.REPLACED if run_id in anew else Action.KEPT))
        else:
            last += 1
            decisions.append(Decision(run_id, bag_name(last, run_id), Action.NEW))
    return decisions


def is_changed(source: Mapping[str, str], archived: Mapping[str, str]) -> bool:
    """Whether a file of the source is not in the bag as it is now; a bag may hold more (checkpoints that are left out this time)."""
    return any(archived.get(name) != digest for name, digest in source.items())
