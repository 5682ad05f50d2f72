"""A sweep with all its values filled in and checked: what the plan, the ledger and the analysis start from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sweeps.runner.blueprint_checks import statement_mistakes
from sweeps.runner.notify import without_targets
from sweeps.runner.schedulers.mistakes import scheduler_mistakes
from sweeps.runner.schedulers.rule import Race
from sweeps.runner.searchers.directions import higher_is_better
from sweeps.runner.searchers.domains import extremes, is_sampled
from sweeps.runner.searchers.searcher import Slot
from sweeps.runner.searchers.slots import slot_order, slots
from sweeps.runner.settings import Settings, apply_settings, as_plain, is_setting
from sweeps.runner.sweep import Sweep
from trainable.request import request_run
from trainable.spec.compose import to_plain
from trainable.spec.config import RunConfig
from trainable.spec.identity import TrialKey, cell_of, content_hash, identity_of
from trainable.spec.ledger import SweepState
from trainable.spec.mistakes import WrongRequest
from trainable.spec.overrides import overrides_of, parse_overrides, text_of
from trainable.spec.statement import Statement

SWEEP_HASH_LENGTH = 8
# A trial's is asked for several times around its start, and hardly ever afterwards.
_CONFIGS_KEPT = 256


@dataclass(frozen=True)
class Blueprint:
    """Made by `draw_up`; `overrides` are those of every run, the sweep's own before the command line's."""

    sweep: Sweep
    settings: Settings
    overrides: tuple[str, ...]
    base: RunConfig
    _configs: dict[str, RunConfig] = field(default_factory=dict, repr=False, compare=False)
    _cells: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def slots(self) -> list[Slot]:
        """The exploration's slots in the order they are filled; the baseline first, unless the settings leave it out."""
        explore = self.settings.explore
        drawn = [slot for space in self.sweep.spaces for slot in slots(space, explore.samples, explore.seed)]
        drawn.sort(key=lambda slot: slot_order(slot, explore.seed))
        if not (explore.baseline and self.has_whole_baseline):
            return drawn
        baseline = Slot(tuple(sorted(self.sweep.baseline.items())), 0)
        return [baseline, *(slot for slot in drawn if slot.id != baseline.id)]

    @property
    def has_whole_baseline(self) -> bool:
        """Whether the baseline names one cell, or the exploration has to find the best with its values."""
        return set(self.sweep.baseline) == set(self.sweep.keys)

    @cached_property
    def grid_cells(self) -> dict[str, dict[str, Any]]:
        """The values of every cell of a grid that is run without an exploration."""
        return {} if self.settings.explore.enabled else {self.cell(dict(slot.grid)): dict(slot.grid) for slot in self.slots}

    @cached_property
    def stated_baseline_cell(self) -> str | None:
        return self.cell(self.sweep.baseline) if self.has_whole_baseline else None

    def baseline_cell(self, state: SweepState) -> str | None:
        """The cell that others are compared with; None until the exploration has found it."""
        return self.stated_baseline_cell or state.baseline

    @cached_property
    def claimed_values(self) -> list[Mapping[str, Any]]:
        """The values, all or some of a cell's, that claims name beside the stated baseline's: what has them is confirmed too."""
        named = [values for claim in self.sweep.claims for values in (claim.cell, claim.against) if isinstance(values, Mapping)]
        return [values for number, values in enumerate(named) if values not in (*named[:number], self.sweep.baseline)]

    @property
    def claimed_cells(self) -> list[Mapping[str, Any]]:
        """Those of the claimed values that are a cell's."""
        return [values for values in self.claimed_values if len(values) == len(self.sweep.keys)]

    @property
    def metric(self) -> str:
        return self.settings.sweep.metric[0]

    @property
    def higher_is_better(self) -> bool:
        return higher_is_better(self.metric)

    @property
    def expected_trials(self) -> tuple[int, int]:
        """Trials to explore and to confirm, if no claim is about a finalist."""
        settings, cells = self.settings, len(self.slots)
        if not settings.explore.enabled:
            return 0, cells * len(settings.sweep.seeds)
        races = len(self.sweep.spaces) if settings.explore.per else 1
        races -= 0 if self.has_whole_baseline else 1
        return cells, len(settings.sweep.seeds) * (settings.confirm.finalists * races + 1 + len(self.claimed_cells))

    @cached_property
    def race(self) -> Race:
        training = self.base.training
        return Race(self.settings.scheduler, training.max_steps, training.eval_interval, self.higher_is_better)

    @property
    def directory_name(self) -> str:
        return f"{self.sweep.name}-{content_hash(identity_of(self.base), SWEEP_HASH_LENGTH)}"

    def run_overrides(self, values: Mapping[str, Any], seed: int) -> list[str]:
        """A trial as overrides; group choices first, since a preset must not undo a value."""
        ordered = sorted(values.items(), key=lambda item: "." in item[0])
        return [*self.overrides, *overrides_of(ordered), f"training.seed={seed}"]

    def config(self, values: Mapping[str, Any], seed: int) -> RunConfig:
        """The checked configuration of one trial. Raises `WrongRequest` when the values break a rule."""
        memo = json.dumps([sorted(values.items()), seed], default=repr)
        if memo not in self._configs:
            found = request_run(self.run_overrides(values, seed))
            if len(self._configs) >= _CONFIGS_KEPT:
                del self._configs[next(iter(self._configs))]
            self._configs[memo] = found
        return self._configs[memo]

    def cell(self, values: Mapping[str, Any]) -> str:
        memo = json.dumps(sorted(values.items()), default=repr)
        if memo not in self._cells:
            self._cells[memo] = cell_of(self.config(values, self.settings.explore.seed))
        return self._cells[memo]

    def key(self, values: Mapping[str, Any], seed: int) -> str:
        return str(TrialKey(self.cell(values), seed))

    def statement(self, created: str, state: SweepState) -> Statement:
        """What goes into ``sweep.json`` before the first trial; once the baseline has been found, its cell and values too."""
        baseline = self.baseline_cell(state)
        found = next((record.values for record in state.trials.values() if record.cell == baseline), {})
        return Statement(
            name=self.sweep.name,
            hypothesis=self.sweep.hypothesis,
            metric=self.metric,
            varied=self.sweep.keys,
            baseline_values={**found, **self.sweep.baseline},
            baseline_cell=baseline or "",
            claims=list(self.sweep.claims),
            seeds=list(self.settings.sweep.seeds),
            explore_seed=self.settings.explore.seed,
            max_steps=self.base.training.max_steps,
            higher_is_better=self.higher_is_better,
            confidence=self.settings.sweep.confidence,
            base_overrides=list(self.overrides),
            settings=as_plain(self.settings),
            base_config=to_plain(self.base),
            created=created,
        )


def draw_up(sweep: Sweep, overrides: Sequence[str]) -> Blueprint:
    """The sweep as the command line changes it, every trial that is known in advance composed and checked.

    Who is told of its end (``notify=``) is no part of it. Raises `WrongRequest` with all mistakes of settings, overrides, space,
    baseline and claims.
    """
    parsed, mistakes = parse_overrides(without_targets(overrides))
    if sweep.full is not None and "sweep.scale=full" in overrides:
        sweep = sweep.full
    settings, wrong_settings = apply_settings(sweep.settings, [o for o in parsed if is_setting(o)])
    run_overrides = [text_of(o) for o in parsed if not is_setting(o)]
    mistakes += wrong_settings
    every = (*sweep.base, *run_overrides)
    mistakes += statement_mistakes(sweep, settings, run_overrides)
    try:
        base = request_run(every)
    except WrongRequest as wrong:
        raise WrongRequest([*mistakes, *wrong.mistakes]) from wrong
    sweep = replace(sweep, hypothesis=base.experiment.hypothesis or sweep.hypothesis)
    blueprint = Blueprint(sweep, settings, every, base)
    mistakes += scheduler_mistakes(blueprint.race) if settings.sweep.metric else []
    mistakes = mistakes or [*_trial_mistakes(blueprint), *_candidate_mistakes(blueprint)]
    if mistakes:
        raise WrongRequest(mistakes)
    return blueprint


def _trial_mistakes(blueprint: Blueprint) -> list[str]:
    """Rules broken by the baseline, by a point of the grid, or by the bounds of what a searcher draws, each once."""
    found: dict[str, None] = {}
    points = [dict(blueprint.sweep.baseline)] if blueprint.has_whole_baseline else []
    points += [{**blueprint.sweep.baseline, **dict(slot.grid)} for slot in blueprint.slots]
    for values in [*points, *_corners(blueprint)]:
        try:
            blueprint.config(values, blueprint.settings.explore.seed)
        except WrongRequest as wrong:
            found |= dict.fromkeys(f"{mistake} (with {', '.join(overrides_of(values.items()))})" for mistake in wrong.mistakes)
    return list(found)


def _candidate_mistakes(blueprint: Blueprint) -> list[str]:
    """A bound that does not pay for the choice among all trials does not hold for the one that is chosen."""
    bounds, trials = blueprint.base.bounds, sum(blueprint.expected_trials)
    if not bounds.enabled or bounds.num_candidates >= trials:
        return []
    return [f"bounds.num_candidates={bounds.num_candidates} must be at least {trials}, the number of trials that this sweep picks from"]


def _corners(blueprint: Blueprint) -> list[dict[str, Any]]:
    """The baseline with each sampled key at its bounds, and with all of them at their lowest and at their highest together."""
    found = []
    for space in blueprint.sweep.spaces:
        drawn = {key: values for key, domain in space.items() if is_sampled(domain) and (values := extremes(domain))}
        changes = [{key: value} for key, values in drawn.items() for value in values]
        changes += [{key: values[end] for key, values in drawn.items()} for end in (0, -1)] if drawn else []
        found += [{**blueprint.sweep.baseline, **change} for change in changes]
    return found
