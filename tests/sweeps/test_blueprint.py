import ast
import importlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from ray import tune

from sweeps import sweep_names
from sweeps.lr_ablation import SWEEP
from sweeps.runner.blueprint import Blueprint, draw_up
from sweeps.runner.price import Price
from sweeps.runner.settings import ExploreSection, Settings
from sweeps.runner.sweep import Sweep
from trainable.spec.ledger import SweepState
from trainable.spec.mistakes import WrongRequest
from trainable.spec.statement import Claim, Statement

LEARNING_RATES = {"optimizer.lr": tune.grid_search([1e-3, 1e-2])}
SMALL = Sweep("small", "it works", LEARNING_RATES, {"optimizer.lr": 1e-3}, [Claim("better", 0.0)])


def mistakes_of(sweep: Sweep, *overrides: str) -> str:
    with pytest.raises(WrongRequest) as caught:
        draw_up(sweep, overrides)
    return "\n".join(caught.value.mistakes)


@pytest.mark.parametrize("name", sweep_names())
def test_every_sweep_composes_with_all_its_trials(name: str) -> None:
    blueprint = draw_up(importlib.import_module(f"sweeps.{name}").SWEEP, [])
    assert blueprint.sweep.name == name
    assert blueprint.slots


@pytest.mark.parametrize("name", sweep_names())
def test_every_sweep_at_full_size_composes_once_its_data_is_at_hand(name: str) -> None:
    sweep = importlib.import_module(f"sweeps.{name}").SWEEP
    if sweep.full is None:
        pytest.skip(f"{name} has one size")
    blueprint = draw_up(sweep, ["sweep.scale=full", "data=stdlib", "data.vocab_size=10000"])
    assert blueprint.settings.sweep.scale == "full"
    assert blueprint.base.training.max_steps >= 1000


@pytest.mark.parametrize("name", sweep_names())
def test_every_sweep_says_in_a_line_what_it_asks(name: str) -> None:
    source = (Path(__file__).resolve().parents[2] / "sweeps" / f"{name}.py").read_text()
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize(
    ("sweep", "overrides", "parts"),
    [
        (
            replace(SMALL, space={**LEARNING_RATES, "schedule.warmup_steps": tune.randint(0, 61)}, baseline={"optimizer.lr": 1e-3}),
            ["searcher=random", "training.max_steps=40"],
            ["schedule.warmup_steps=60", "longer than the run of training.max_steps=40"],
        ),
        (
            replace(SMALL, space={**LEARNING_RATES, "training.batch_size": tune.choice([8, 9])}),
            ["searcher=random", "training.micro_batch_size=4"],
            ["training.batch_size=9", "divisible"],
        ),
        (SMALL, ["sweep.sedes=[1]"], ["sweep.sedes", "did you mean 'sweep.seeds'"]),
        (SMALL, ["scheduler=ahsa"], ["scheduler 'ahsa'", "did you mean 'asha'"]),
        (SMALL, ["searcher=optuna-tp"], ["searcher 'optuna-tp'", "did you mean 'optuna-tpe'"]),
        (SMALL, ["metric=eval/los"], ["metric 'eval/los'", "did you mean 'eval/loss'"]),
        (SMALL, ["optimizer.lr=1"], ["optimizer.lr=1", "search space"]),
        (SMALL, ["explore.seed=2"], ["explore.seed=2", "fresh seeds"]),
        (SMALL, ["sweep.seeds=[1,1]"], ["sweep.seeds=[1, 1]", "different"]),
        (SMALL, ["sweep.seeds=one"], ["sweep.seeds='one'"]),
        (SMALL, ["budget.minutes=0"], ["budget.minutes=0", "above 0"]),
        (SMALL, ["confirm.finalists=0"], ["confirm.finalists=0", "above 0"]),
        (SMALL, ["explore.samples=3"], ["explore.samples=3", "nothing to draw"]),
        (SMALL, ["explore.per=optimizer"], ["explore.per", "'optimizer'"]),
        (SMALL, ["training.max_steps=0", "sweep.seeds=[]"], ["training.max_steps=0", "sweep.seeds=[]"]),
        (replace(SMALL, baseline={"optimizer.rl": 1}), [], ["baseline 'optimizer.rl'", "did you mean 'optimizer.lr'"]),
        (replace(SMALL, baseline={"optimizer.lr": -1.0}), [], ["optimizer.lr=-1.0", "above 0"]),
        (replace(SMALL, claims=[Claim("x", 0.0, metric="eval/los")]), [], ["metric in a claim 'eval/los'"]),
        (replace(SMALL, claims=[Claim("x", 0.0, cell={"optimizer.rl": 1})]), [], ["key in a claim 'optimizer.rl'"]),
        (replace(SMALL, claims=[Claim("x", 0.0, cell="winer")]), [], ["cell in a claim 'winer'", "did you mean 'winner'"]),
        (replace(SMALL, claims=[Claim("x", 0.01, kind="equivalent")]), [], ["kind of claim 'equivalent'", "did you mean 'equivalence'"]),
        (replace(SMALL, claims=[Claim("x", 0.01, kind="superiority")]), [], ["max_relative_difference=0.01", "at most 0"]),
        (replace(SMALL, claims=[Claim("x", 0.0, kind="non_inferiority")]), [], ["non_inferiority must be above 0"]),
        (replace(SMALL, claims=[Claim("x", -0.01, kind="equivalence")]), [], ["equivalence must be above 0"]),
        (replace(SMALL, claims=[Claim("x", kind="departure")]), [], ["needs away_from"]),
        (replace(SMALL, claims=[Claim("x", away_from=0.5, kind="equivalence")]), [], ["away_from=0.5", "leave out its kind"]),
        (replace(SMALL, claims=[Claim("x", away_from=0.5, min_distance=-1.0)]), [], ["min_distance=-1.0", "at least 0"]),
        (replace(SMALL, claims=[Claim("x", against={"optimizer.rl": 1})]), [], ["against {'optimizer.rl': 1}", "every varied key"]),
        (SMALL, ["bounds=document"], ["bounds.num_candidates=1 must be at least"]),
        (replace(SMALL, space={"optimizer.rl": tune.grid_search([1])}), [], ["search space 'optimizer.rl'"]),
        (replace(SMALL, space={"optimizer.lr": tune.loguniform(1e-4, 1e-2)}), [], ["searcher=grid"]),
    ],
)
def test_a_wrong_sweep_is_refused_with_the_rule(sweep: Sweep, overrides: list[str], parts: list[str]) -> None:
    text = mistakes_of(sweep, *overrides)
    for part in parts:
        assert part in text


def blueprint(*overrides: str) -> Blueprint:
    return draw_up(SMALL, overrides)


def test_the_directory_depends_on_the_base_and_not_on_seeds_grid_or_samples() -> None:
    wider = replace(SMALL, space={"optimizer.lr": tune.grid_search([1e-3, 1e-2, 1e-1])})
    assert blueprint().directory_name == blueprint("sweep.seeds=[4,5]").directory_name == draw_up(wider, []).directory_name
    assert blueprint().directory_name != blueprint("training.max_steps=500").directory_name


def test_the_baseline_is_explored_first_and_once() -> None:
    slots = blueprint().slots
    assert dict(slots[0].grid) == {"optimizer.lr": 1e-3}
    assert len(slots) == 2


def test_bounds_pay_for_every_trial_of_the_sweep() -> None:
    stated = sum(blueprint("bounds=document", "bounds.num_candidates=100").expected_trials)
    assert blueprint("bounds=document", f"bounds.num_candidates={stated}").base.bounds.num_candidates == stated
    assert f"at least {stated}" in mistakes_of(SMALL, "bounds=document", f"bounds.num_candidates={stated - 1}")


def test_a_group_choice_does_not_undo_a_value() -> None:
    space = {"optimizer": tune.grid_search(["sgd"]), "optimizer.lr": tune.grid_search([0.5])}
    sweep = replace(SMALL, space=space, baseline={"optimizer": "sgd", "optimizer.lr": 0.5})
    config = draw_up(sweep, []).config({"optimizer.lr": 0.5, "optimizer": "sgd"}, seed=1)
    assert (config.optimizer.name, config.optimizer.lr) == ("sgd", 0.5)


def test_a_baseline_that_leaves_keys_open_is_found_by_the_exploration() -> None:
    parts = [{"optimizer": tune.grid_search([name]), "optimizer.lr": tune.grid_search([1e-3, 1e-2])} for name in ("adamw", "adam8bit")]
    sweep = replace(SMALL, space=parts, baseline={"optimizer": "adamw"}, settings=Settings(explore=ExploreSection(per="optimizer")))
    drawn = draw_up(sweep, [])
    assert (len(drawn.slots), drawn.has_whole_baseline, drawn.baseline_cell(SweepState())) == (4, False, None)


def test_the_statement_reads_back() -> None:
    statement = draw_up(SWEEP, []).statement("2026-01-01", SweepState())
    assert Statement.from_json(statement.as_json()) == statement


def test_a_changed_claim_is_kept_as_an_amendment() -> None:
    before = draw_up(SMALL, []).statement("2026-01-01", SweepState())
    after = draw_up(replace(SMALL, claims=[Claim("better", -0.5)]), []).statement("2026-02-02", SweepState()).amending(before, "2026-02-02")
    assert after.created == "2026-01-01"
    assert [a["before"]["claims"][0]["max_relative_difference"] for a in after.amendments] == [0.0]
    assert after.amending(after, "2026-03-03").amendments == after.amendments


@pytest.mark.parametrize(("seconds", "told"), [(1.44, "1.4 seconds"), (90.0, "1.5 minutes"), (9000.0, "2.5 hours")])
def test_a_price_in_seconds_is_no_price_of_nothing(seconds: float, told: str) -> None:
    lines = Price(1, 1, 10, 20, 1000, seconds, ()).lines()
    assert f"time     about {told} (estimated, not measured)" in lines


def test_a_sweep_of_other_keys_teaches_a_searcher_nothing_and_is_refused(tmp_path: Path) -> None:
    values = {"optimizer.weight_decay": 0.1}
    started = {
        "event": "trial_started",
        "time": "2026-01-01T00:00:00+00:00",
        "trial": "c-s0",
        "cell": "c",
        "attempt": 1,
        "stage": "explore",
    }
    event = {**started, "seed": 0, "values": values, "overrides": [], "run_id": "r"}
    (tmp_path / "ledger.jsonl").write_text(json.dumps(event) + "\n")
    with pytest.raises(WrongRequest) as wrong:
        draw_up(SWEEP, ["searcher=optuna-tpe", f"explore.warm_start=[{tmp_path}]"])
    assert any(f"no trial of {tmp_path} has a value for each key of this sweep: optimizer.lr" in told for told in wrong.value.mistakes)
