import math

import pytest
from scipy.stats import spearmanr

from analysis.report.effects import at_common_step, key_effects, spearman_interval
from trainable.spec.ledger import SweepState, TrialRecord

LR, BATCH = "optimizer.lr", "training.batch_size"


def row(trial: str, status: str = "completed", stage: str = "explore", **values: object) -> dict[str, object]:
    return {
        "trial": trial,
        "stage": stage,
        "status": status,
        **{f"config.{key.replace('__', '.')}": value for key, value in values.items()},
    }


def record(trial: str, curve: dict[int, float | None]) -> TrialRecord:
    evaluations = {step: {"eval/loss": value} for step, value in curve.items()}
    return TrialRecord(trial, "explore", trial, 0, {}, [], trial, evaluations=evaluations)


def state(**curves: dict[int, float | None]) -> SweepState:
    return SweepState(trials={trial: record(trial, curve) for trial, curve in curves.items()})


def test_trials_are_compared_at_the_last_step_that_all_reached() -> None:
    curves = state(a={20: 5.0, 40: 4.0, 60: 3.0}, b={20: 6.0, 40: 5.5}, c={20: None, 40: 7.0}, d={20: math.nan}, e={10: 1.0})
    rows = [
        row("a"),
        row("b", "stopped_early"),
        row("c", "stopped_early"),
        row("d", "diverged"),
        row("e", "failed"),
        row("x", stage="confirm"),
    ]
    assert at_common_step(rows, curves, "eval/loss") == (40, {"a": 4.0, "b": 5.5, "c": 7.0})
    assert at_common_step(rows, SweepState(), "eval/loss") == (0, {})
    assert at_common_step([row("a"), row("b")], state(a={20: 1.0}, b={30: 1.0}), "eval/loss") == (0, {})


def test_the_trend_of_each_key_is_spearmans() -> None:
    rates, batches, losses = [1e-4, 1e-3, 1e-2, 1e-1, 1.0], [4, 8, 4, 8, 4], [7.0, 5.0, 4.0, 4.5, 9.0]
    rows = [row(str(i), optimizer__lr=rate, training__batch_size=batch) for i, (rate, batch) in enumerate(zip(rates, batches, strict=True))]
    effects = key_effects(rows, {str(i): loss for i, loss in enumerate(losses)}, [LR, BATCH], higher_is_better=False, confidence=0.95)
    assert [(effect.key, effect.n, effect.best) for effect in effects] == [(LR, 5, 1e-2), (BATCH, 5, 4)]
    for effect, values in zip(effects, (rates, batches), strict=True):
        assert effect.rho == pytest.approx(spearmanr(values, losses).statistic)
        assert effect.low is not None
        assert effect.high is not None
        assert effect.rho is not None
        assert effect.low < effect.rho < effect.high
    best = key_effects(rows, {str(i): loss for i, loss in enumerate(losses)}, [LR], higher_is_better=True, confidence=0.95)
    assert best[0].best == 1.0


def test_names_and_few_trials_have_no_trend_and_one_value_no_effect() -> None:
    rows = [row(name, optimizer__name=name, training__batch_size=4) for name in ("adam", "sgd", "lion", "muon")]
    effects = key_effects(
        rows, dict.fromkeys(("adam", "sgd", "lion"), 2.0) | {"muon": 1.0}, ["optimizer.name", BATCH], higher_is_better=False, confidence=0.9
    )
    assert [(effect.key, effect.best, effect.rho) for effect in effects] == [("optimizer.name", "muon", None)]


def test_the_interval_is_bonett_and_wrights() -> None:
    # By hand: rho 0.5, n 28: z = 0.549306, standard error sqrt(1.125 / 25) = 0.212132, times 1.959964 = 0.415771.
    low, high = spearman_interval(0.5, 28, 0.95)
    assert (low, high) == (pytest.approx(math.tanh(0.549306 - 0.415771), abs=1e-5), pytest.approx(math.tanh(0.549306 + 0.415771), abs=1e-5))
    assert spearman_interval(1.0, 10, 0.95) == (1.0, 1.0)
    assert spearman_interval(-1.0, 10, 0.95) == (-1.0, -1.0)
