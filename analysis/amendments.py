"""What was changed after a sweep had begun: hypothesis, metric, claims, seeds, confidence, as ``sweep.json`` and the ledger tell it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from trainable.spec.statement import Claim, Statement


def changes(statement: Statement) -> list[str]:
    """A sentence for each change, in order."""
    return [
        f"changed {told.get('time')}, after the start: {'; '.join(_clauses(told['before'], later))}"
        for told, later in zip(statement.amendments, _later_claims(statement), strict=True)
    ]


def remark(statement: Statement, claim: Claim) -> str:
    """What a reader of one verdict has to know of them: the claim is younger than the sweep, or its seeds or its confidence changed."""
    clauses: dict[str, str] = {}
    for told in statement.amendments:
        before, time = told["before"], told.get("time")
        if "claims" in before and claim not in map(_claim, before["claims"]):
            clauses["claims"] = f"claimed only since {time}, after the start"
        clauses |= {name: f"{name} until {time}: {_shown(before[name])}" for name in ("seeds", "confidence") if name in before}
    return "; ".join(clauses.values())


def written(statement: Statement, name: str) -> str:
    """When a field of the statement was written down as it stands: ``<time>, before the first trial``; empty where nobody says."""
    late = [str(told.get("time")) for told in statement.amendments if name in told["before"]]
    if late:
        return f"{late[-1]}, after the start"
    return f"{statement.created}, before the first trial" if statement.created else ""


def contradictions(statement: Statement, drivers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where ``sweep.json`` says otherwise than the drivers wrote into the ledger when they started; empty where they wrote nothing."""
    stated = [_normal(driver["stated"]) for driver in drivers if isinstance(driver.get("stated"), dict)]
    if not stated:
        return []
    now = _normal(statement.preregistered())
    other = [name for name, value in now.items() if stated[-1].get(name) != value]
    found = [f"sweep.json has been altered: {', '.join(other)} had been told otherwise when the last driver started"] if other else []
    known = sum(before != after for before, after in pairwise(stated))
    if known > len(statement.amendments):
        found.append(f"sweep.json has been altered: it knows of {len(statement.amendments)} changes after the start, the ledger of {known}")
    return found


def _later_claims(statement: Statement) -> list[list[Claim]]:
    """The claims as they stood after each amendment."""
    later, found = statement.claims, list[list[Claim]]()
    for told in reversed(statement.amendments):
        found.append(later)
        if "claims" in told["before"]:
            later = [_claim(claim) for claim in told["before"]["claims"]]
    return found[::-1]


def _clauses(before: Mapping[str, Any], later: Sequence[Claim]) -> Iterator[str]:
    for name, value in before.items():
        if name != "claims":
            yield f"{name} had been {_shown(value)}"
    if "claims" in before:
        earlier = [_claim(claim) for claim in before["claims"]]
        yield from (f"no longer claimed: {_told(claim)}" for claim in earlier if claim not in later)
        yield from (f"claimed since: {_told(claim)}" for claim in later if claim not in earlier)


def _told(claim: Claim) -> str:
    bound = (
        f"beyond {claim.min_distance:g} of {claim.away_from:g}" if claim.away_from is not None else f"{claim.max_relative_difference:+.2%}"
    )
    return f"“{claim.statement}” ({claim.stated_kind.replace('_', '-')}, {claim.metric}, bound {bound})"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else f"“{value}”" if isinstance(value, str) else str(value)


def _claim(value: Mapping[str, Any]) -> Claim:
    return Claim(**value)


def _normal(stated: Mapping[str, Any]) -> dict[str, Any]:
    """With the fields that claims have by now, so that a ledger from before they came says the same."""
    try:
        return {**stated, "claims": [_claim(claim) for claim in stated["claims"]]}
    except (KeyError, TypeError):
        return dict(stated)
