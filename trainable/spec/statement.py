"""What a sweep states before its first trial: the form of ``sweep.json``, read by the analysis."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from trainable.spec.sweep_dir import SWEEP_FORMAT

WINNER = "winner"
ALL_CELLS = "every_cell"
SUPERIORITY, NON_INFERIORITY, EQUIVALENCE, DEPARTURE = KINDS = ("superiority", "non_inferiority", "equivalence", "departure")
# What is written down before the first trial; a change of it afterwards is recorded.
_PREREGISTERED = ("hypothesis", "metric", "claims", "seeds", "confidence")


@dataclass(frozen=True)
class Claim:
    """Confirmed when the relative difference of a cell to the baseline lies below `max_relative_difference`.

    The difference is (cell - baseline) / baseline for a metric where lower is better, and its negative where higher is
    better; so -0.01 states "better by at least 1 %", +0.01 "at most 1 % worse", -0.74 "at most 26 % of the baseline".
    `kind` says which of them is meant: SUPERIORITY (at most 0), NON_INFERIORITY (above 0), or EQUIVALENCE, whose difference has to lie
    below `max_relative_difference` in either direction ("within 1 %"); without it the sign tells which of the first two.
    `cell` is WINNER (the first finalist as exploration ranked it), ALL_CELLS, or varied values: those of one cell, or, when they leave
    keys open, of the finalists that have them. It is compared with the sweep's baseline, or with the one cell that has the varied
    values `against`.

    A DEPARTURE (`away_from` is given) compares with a number instead: confirmed when the metric's mean over the seeds lies further
    than `min_distance` from `away_from`, on either side. The cell may then be the baseline, and `max_relative_difference` says nothing.
    """

    statement: str
    max_relative_difference: float = 0.0
    metric: str = "eval/loss"
    cell: str | dict[str, Any] = WINNER
    higher_is_better: bool = False
    kind: str | None = None
    against: dict[str, Any] | None = None
    away_from: float | None = None
    min_distance: float = 0.0

    @property
    def stated_kind(self) -> str:
        if self.away_from is not None:
            return DEPARTURE
        return self.kind or (NON_INFERIORITY if self.max_relative_difference > 0 else SUPERIORITY)


@dataclass
class Statement:
    """`varied` are the swept keys, `baseline_values` theirs in the baseline; `seeds` are those of the confirmation."""

    name: str
    hypothesis: str
    metric: str
    varied: list[str]
    baseline_values: dict[str, Any]
    baseline_cell: str
    claims: list[Claim]
    seeds: list[int]
    explore_seed: int
    max_steps: int
    higher_is_better: bool = False
    confidence: float = 0.95
    base_overrides: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    base_config: dict[str, Any] = field(default_factory=dict)
    runs_dir: str = "../../runs"
    created: str = ""
    amendments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def explores(self) -> bool:
        """Whether there is an exploration, and so a winner; else every cell runs on every seed, and none comes before another."""
        return bool(self.settings.get("explore", {}).get("enabled", True))

    def amending(self, before: "Statement", now: str) -> "Statement":
        """This statement as a later form of `before`: its date stays, and what it said otherwise is kept with the time of the change."""
        earlier, later = before.preregistered(), self.preregistered()
        changed = {name: value for name, value in earlier.items() if value != later[name]}
        amendments = [*before.amendments, *([{"time": now, "before": changed}] if changed else [])]
        return replace(self, created=before.created, amendments=amendments)

    def preregistered(self) -> dict[str, Any]:
        """What may not change unnoticed; a driver writes it into the ledger as well when it starts."""
        return {name: value for name, value in asdict(self).items() if name in _PREREGISTERED}

    def as_json(self) -> dict[str, Any]:
        return {"format": SWEEP_FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Statement":
        """Raises TypeError, KeyError or ValueError when a field is missing or of another form."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        stated = cls(**{**known, "claims": [Claim(**claim) for claim in values["claims"]]})
        for amendment in stated.amendments:
            [Claim(**claim) for claim in dict(amendment["before"]).get("claims", [])]
        return stated
