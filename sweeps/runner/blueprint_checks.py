"""Rules of a sweep's statement and settings: pure, each broken rule one sentence."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeps.runner.searchers.domains import grid_values
from sweeps.runner.searchers.mistakes import searcher_mistakes
from sweeps.runner.searchers.slots import space_mistakes
from sweeps.runner.settings import Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.compose import known_keys
from trainable.spec.config import GROUPS
from trainable.spec.ledger import DamagedLedger, read_events, replay
from trainable.spec.metric_names import METRICS, is_known
from trainable.spec.mistakes import unknown
from trainable.spec.statement import ALL_CELLS, DEPARTURE, KINDS, SUPERIORITY, WINNER, Claim
from trainable.spec.sweep_dir import SweepDir

SCALES = ("small", "full")
# What a claim may speak of beside the metrics of a run.
SUMMARY_NUMBERS = ("optimizer_state_bytes", "checkpoint_bytes", "duration_seconds", "parameters", "trainable_parameters", "tokens")


def statement_mistakes(sweep: Sweep, settings: Settings, command_line: Sequence[str]) -> list[str]:
    """Every broken rule that needs no run; `command_line` are the run overrides given there."""
    return [
        *searcher_mistakes(settings),
        *_warm_start_mistakes(sweep, settings),
        *(m for space in sweep.spaces for m in space_mistakes(space, settings.searcher.name, settings.explore.samples)),
        *_part_mistakes(sweep, settings),
        *_key_mistakes(sweep),
        *_claim_mistakes(sweep),
        *_setting_mistakes(settings),
        *(
            f"'{text}' sets a key that this sweep varies; its values stand in the search space"
            for text in command_line
            if text.split("=")[0].lstrip("+") in sweep.keys
        ),
        *(
            f"'{text}' would hold for no trial: a sweep explores with explore.seed and confirms with sweep.seeds"
            for text in command_line
            if text.split("=")[0].lstrip("+") == "training.seed"
        ),
    ]


def _part_mistakes(sweep: Sweep, settings: Settings) -> Iterator[str]:
    explore = settings.explore
    for number, space in enumerate(sweep.spaces, 1):
        missing = sorted(set(sweep.keys) - set(space))
        if missing:
            yield f"part {number} of the search space does not vary {', '.join(missing)}; all parts vary the same keys"
    if explore.per is not None and explore.per not in sweep.keys:
        yield unknown("key in explore.per", explore.per, sweep.keys)
    if not explore.enabled and not all(grid_values(domain) is not None for space in sweep.spaces for domain in space.values()):
        yield "explore.enabled=false runs every cell of a grid, but the search space has domains to draw from"


def _key_mistakes(sweep: Sweep) -> Iterator[str]:
    known = [*GROUPS, *known_keys()]
    for key in sweep.keys:
        if key not in known:
            yield unknown("key in the search space", key, known)
    for key in sweep.baseline:
        if key not in sweep.keys:
            yield unknown("key in the baseline", key, sweep.keys)
    if not sweep.baseline:
        yield "the baseline gives no value for any key of the search space"


def _claim_mistakes(sweep: Sweep) -> Iterator[str]:
    for claim in sweep.claims:
        yield from _kind_mistakes(claim)
        if claim.against is not None and set(claim.against) != set(sweep.keys):
            yield f"a claim against {claim.against} must give every varied key a value: {', '.join(sweep.keys)}"
        if not is_known(claim.metric) and claim.metric not in SUMMARY_NUMBERS:
            yield unknown("metric in a claim", claim.metric, [*METRICS, *SUMMARY_NUMBERS])
        if isinstance(claim.cell, str):
            if claim.cell not in (WINNER, ALL_CELLS):
                yield unknown("cell in a claim", claim.cell, (WINNER, ALL_CELLS))
            continue
        for key in claim.cell:
            if key not in sweep.keys:
                yield unknown("key in a claim", key, sweep.keys)


def _kind_mistakes(claim: Claim) -> Iterator[str]:
    bound, kind = claim.max_relative_difference, claim.stated_kind
    if kind == DEPARTURE:
        yield from _departure_mistakes(claim)
        return
    if kind not in KINDS:
        yield unknown("kind of claim", kind, KINDS)
    elif kind == SUPERIORITY and bound > 0:
        yield f"max_relative_difference={bound} of a claim of superiority must be at most 0; 'at most {bound:.2%} worse' is non_inferiority"
    elif kind != SUPERIORITY and not bound > 0:
        yield f"max_relative_difference={bound} of a claim of {kind} must be above 0: it is the margin"


def _departure_mistakes(claim: Claim) -> Iterator[str]:
    if claim.away_from is None:
        yield "a claim of departure needs away_from, the number that the metric departs from"
    elif claim.against is not None or claim.kind not in (None, DEPARTURE):
        yield f"a claim with away_from={claim.away_from} compares with that number: leave out its kind, and the cell it would be against"
    if claim.min_distance < 0:
        yield f"min_distance={claim.min_distance} of a claim must be at least 0"


def _warm_start_mistakes(sweep: Sweep, settings: Settings) -> Iterator[str]:
    """A searcher learns from earlier trials that have a value for each key of its own space."""
    for text in settings.explore.warm_start:
        ledger = SweepDir(Path(text)).ledger
        if not ledger.is_file():
            yield f"explore.warm_start: {text} is not a sweep directory, for it has no {ledger.name}"
            continue
        try:
            trials = replay(read_events(ledger)[0]).trials.values()
        except DamagedLedger as damaged:
            yield f"explore.warm_start: {damaged}"
            continue
        if not any(set(sweep.keys) <= record.values.keys() for record in trials):
            yield f"explore.warm_start: no trial of {text} has a value for each key of this sweep: {', '.join(sorted(sweep.keys))}"


def _setting_mistakes(settings: Settings) -> Iterator[str]:
    section, explore, budget = settings.sweep, settings.explore, settings.budget
    if section.scale not in SCALES:
        yield unknown("sweep.scale", section.scale, SCALES)
    if not section.metric:
        yield "sweep.metric=[] must name at least one metric, such as eval/loss"
    for metric in section.metric:
        if not is_known(metric):
            yield unknown("metric", metric, METRICS)
    if not section.seeds or len(set(section.seeds)) != len(section.seeds) or min(section.seeds) < 0:
        yield f"sweep.seeds={list(section.seeds)} must be different numbers of at least 0, and at least one"
    if explore.seed in section.seeds:
        yield f"explore.seed={explore.seed} is among sweep.seeds={list(section.seeds)}; the confirmation needs fresh seeds"
    if not 0 < section.confidence < 1:
        yield f"sweep.confidence={section.confidence} must lie in (0, 1)"
    positive: dict[str, float | None] = {"explore.samples": explore.samples, "confirm.finalists": settings.confirm.finalists}
    positive |= {"budget.trials": budget.trials, "budget.minutes": budget.minutes, "budget.gpu_hours": budget.gpu_hours}
    for key, value in positive.items():
        if value is not None and not value > 0:
            yield f"{key}={value} must be above 0"
