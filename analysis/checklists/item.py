"""An item of a checklist: a sentence of the protocol with a pure check that finds whether it holds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Facts = TypeVar("Facts")


class Outcome(StrEnum):
    HOLDS = "holds"
    FAILS = "does not hold"
    FOR_PEOPLE = "cannot be known by a machine"
    NOT_HERE = "does not apply"


@dataclass(frozen=True)
class Finding:
    outcome: Outcome
    reason: str = ""


HOLDS = Finding(Outcome.HOLDS)


def fails(reason: str) -> Finding:
    return Finding(Outcome.FAILS, reason)


def for_people(how: str) -> Finding:
    """`how` says what a person would look at."""
    return Finding(Outcome.FOR_PEOPLE, how)


def not_here(why: str) -> Finding:
    return Finding(Outcome.NOT_HERE, why)


def needs(holds: bool, otherwise: str) -> Finding:
    """Holds, or fails with the reason."""
    return HOLDS if holds else fails(otherwise)


def lacking(names: Iterable[str], what: str) -> Finding:
    """Holds when nothing is lacking, else names it."""
    absent = list(names)
    return needs(not absent, f"{what}: {', '.join(absent[:6])}{', ...' if len(absent) > 6 else ''}")


@dataclass(frozen=True)
class Item(Generic[Facts]):
    """`id` is the protocol's section and a word; an item that is not required is told and does not fail the check."""

    id: str
    text: str
    check: Callable[[Facts], Finding]
    required: bool = True

    @property
    def section(self) -> str:
        return self.id.split("-", 1)[0]


@dataclass(frozen=True)
class Result:
    """What was found of one item; of an item about many runs the runs where it fails are named in the reason."""

    id: str
    text: str
    required: bool
    finding: Finding

    @property
    def is_failure(self) -> bool:
        return self.required and self.finding.outcome == Outcome.FAILS


def checked(items: Iterable[Item[Facts]], facts: Facts) -> list[Result]:
    return [Result(item.id, item.text, item.required, item.check(facts)) for item in items]


def checked_over(items: Iterable[Item[Facts]], each: Mapping[str, Facts]) -> list[Result]:
    """Each item over many runs, by name: it holds when it holds for every run that it applies to."""
    return [Result(item.id, item.text, item.required, _over({name: item.check(facts) for name, facts in each.items()})) for item in items]


def _over(found: Mapping[str, Finding]) -> Finding:
    by_outcome = {outcome: {name: one for name, one in found.items() if one.outcome == outcome} for outcome in Outcome}
    failed, held = by_outcome[Outcome.FAILS], by_outcome[Outcome.HOLDS]
    applies = len(found) - len(by_outcome[Outcome.NOT_HERE])
    if failed:
        return fails(f"{len(failed)} of {applies} runs: {_reasons(failed)}")
    if people := list(by_outcome[Outcome.FOR_PEOPLE].values()):
        return people[0]
    return Finding(Outcome.HOLDS, f"{len(held)} of {applies} runs") if held else next(iter(found.values()), not_here("there is no run"))


def _reasons(failed: Mapping[str, Finding]) -> str:
    """Each different reason once, with the names of some runs."""
    runs: dict[str, list[str]] = {}
    for name, one in failed.items():
        runs.setdefault(one.reason, []).append(name)
    shown = []
    for reason, names in list(runs.items())[:3]:
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        shown.append(f"{reason} ({', '.join(names[:2])}{more})")
    return "; ".join([*shown, *([f"{len(runs) - 3} more reasons"] if len(runs) > 3 else [])])
