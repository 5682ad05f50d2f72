"""Every benchmark runs at a toy size and says what it should; what its numbers are is no matter of tests."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import measure
from benchmarks.first_step import PARTS, _parts
from benchmarks.recorded_curves import RecordedCurves
from benchmarks.replayed_search import explore_and_confirm
from benchmarks.search_cost import BASELINE, SPACE, WAYS
from benchmarks.stock_search import Draws, full_length, optuna_draws, ray_asha
from trainable.spec.mistakes import WrongRequest

TOY_GPT2 = ["model.num_layers=1", "model.d_model=16", "model.num_heads=2", "model.d_ff=32", "model.context_length=8"]


@pytest.fixture
def small_text(corpus_file: Path, data_root: Path) -> list[str]:
    return ["data=text", f"data.path={corpus_file}", f"data.root={data_root}", "data.vocab_size=300"]


def written(name: str, folder: Path, *options: str) -> dict[str, Any]:
    assert measure([name, "--results", str(folder), *options]) == 0
    (path,) = folder.glob(f"{name}-*.json")
    content: dict[str, Any] = json.loads(path.read_text())
    assert content["environment"]["load_before"] >= 0
    return content


@pytest.mark.slow
def test_fused_trials_are_measured_beside_the_same_trials_alone(tmp_path: Path, small_text: list[str]) -> None:
    found = written("fused_trials", tmp_path, "--shapes", "micro", "--lanes", "2", "--steps", "4", "--rounds", "1", *small_text)
    assert set(found["measured"]["micro"]["seconds_per_trial"]["cpu"]) >= {"1", "2"}
    assert found["ratios"]["micro, auto, wall"]["value"] > 0
    assert found["ratios"]["a model under 10 M parameters on a GPU"]["value"] is None


@pytest.mark.slow
@pytest.mark.parametrize(("model", "shape"), [("micro", []), ("gpt2-small", TOY_GPT2)])
def test_a_training_step_is_measured_beside_its_peer(model: str, shape: list[str], tmp_path: Path, small_text: list[str]) -> None:
    options = ["--models", model, "--rounds", "1", "--steps", "2", "--matrix", "32", "--eager-only"]
    found = written("train_step", tmp_path, *options, *small_text, *shape)
    rates = found["measured"][model]["wall"]
    assert rates["matmul_flops_per_second"] > 0
    assert all(rates[name]["tokens_per_second"] > 0 for name in ("ours", "ours_without_metrics", "peer"))
    assert rates["peer"]["utilisation"] == pytest.approx(
        rates["ours"]["utilisation"] * rates["peer"]["tokens_per_second"] / rates["ours"]["tokens_per_second"]
    )


@pytest.mark.parametrize(("preset", "shape"), [("micro", []), ("gpt2-small", TOY_GPT2), ("llama-1b", [*TOY_GPT2, "model.num_kv_heads=1"])])
def test_the_peer_has_the_shape_of_ours(preset: str, shape: list[str]) -> None:
    from benchmarks.peer_models import peer_model
    from trainable.model.size import parameter_count
    from trainable.request import request_run

    config = request_run([f"model={preset}", *shape, *(["model.vocab_size=1024"] if shape else [])]).model
    peer = peer_model(config)
    assert sum(p.numel() for p in peer.parameters()) == parameter_count(config)


@pytest.mark.slow
def test_every_registered_optimizer_is_measured_with_its_bytes(tmp_path: Path) -> None:
    found = written("optimizer_step", tmp_path, "--model", "micro", "--rounds", "1", "model.d_model=16", "model.d_ff=16")
    sizes = found["measured"]["bytes_per_parameter"]
    from trainable.spec.compose import choices

    assert {*choices("optimizer"), "torch_adamw_fused"} <= set(sizes)
    assert sizes["adamw"] == sizes["torch_adamw_fused"] == pytest.approx(8.0, rel=0.01)
    assert sizes["sgd"] == 4.0
    if found["device"] == "cpu":
        assert found["ratios"]["hybrid on a GPU"]["value"] is None


def known_curves(folder: Path) -> RecordedCurves:
    """Curves that nobody trained: better and better, the best rate 1e-3, and 1e-2 diverges at the second evaluation."""
    base = ["model=micro", "training.max_steps=9", "training.eval_interval=1"]
    curves = RecordedCurves(base, folder / "curves.json")

    def of(values: dict[str, Any], seed: int) -> list[float | None]:
        if values["optimizer.lr"] == 1e-2:
            return [9.0, *[None] * 8]
        return [abs(math.log10(values["optimizer.lr"]) + 3) + 1 / (step + 1) + seed * 1e-6 for step in range(9)]

    curves.of = of  # type: ignore[assignment,method-assign]
    return curves


SMALL = {"optimizer.lr": [3e-4, 1e-3, 1e-2]}


def test_the_replayed_search_finds_the_best_and_pays_for_what_it_trained(tmp_path: Path) -> None:
    curves = known_curves(tmp_path)
    found = explore_and_confirm(curves, SMALL, {"optimizer.lr": 3e-4}, 6, 0, [11, 12], tmp_path)
    assert found.values == {"optimizer.lr": 1e-3}
    assert found.best_cells[:2] == [{"optimizer.lr": 1e-3}, {"optimizer.lr": 3e-4}]
    # Two cells confirmed on two seeds in full; of the explored ones, each cell at most once in full.
    assert 4 < found.full_runs < 4 + 3


def test_rays_own_scheduler_is_asked_and_random_search_pays_in_full(tmp_path: Path) -> None:
    curves = known_curves(tmp_path)
    stopped, full = ray_asha(curves, Draws(SMALL, 0), 8, 0), full_length(curves, Draws(SMALL, 0), 8, 0)
    assert stopped.values == full.values == {"optimizer.lr": 1e-3}
    assert full.full_runs == 8
    assert 1 <= stopped.full_runs < 8
    assert {"optimizer.lr": 1e-2} not in full.best_cells


@pytest.mark.parametrize("seed", range(4))
def test_distinct_draws_end_with_the_grid_and_diverged_ones_change_no_order(tmp_path: Path, seed: int) -> None:
    curves = known_curves(tmp_path)
    stopped, full = (way(curves, Draws(SMALL, seed, distinct=True), 8, seed) for way in (ray_asha, full_length))
    assert full.full_runs == 3
    assert full.best_cells == [{"optimizer.lr": 1e-3}, {"optimizer.lr": 3e-4}]
    assert stopped.values == {"optimizer.lr": 1e-3}
    assert stopped.full_runs <= 3


def test_rays_optuna_searcher_is_told_of_every_result(tmp_path: Path) -> None:
    draws = optuna_draws(SMALL, 0)
    found = ray_asha(known_curves(tmp_path), draws, 8, 0)
    assert found.values == {"optimizer.lr": 1e-3}
    told = draws._ot_study.trials
    assert len(told) == 8
    assert sum(len(trial.intermediate_values) + 1 for trial in told) == 9 * found.full_runs


@pytest.mark.slow
def test_search_cost_trains_each_curve_once(tmp_path: Path, small_text: list[str]) -> None:
    kept = tmp_path / "curves.json"
    options = ["--steps", "9", "--values", "2", "--seeds", "1", "--trials", "4", "--curves", str(kept)]
    small = [*small_text, "training.batch_size=1", "model.context_length=8", "model.d_model=16", "model.d_ff=16"]
    first = written("search_cost", tmp_path / "a", *options, *small)
    before = kept.stat().st_mtime_ns
    assert first["measured"] == written("search_cost", tmp_path / "b", *options, *small)["measured"]
    assert kept.stat().st_mtime_ns == before
    assert first["measured"]["grid_full_runs"] == 2 ** len(SPACE)
    assert first["measured"]["searches"].keys() == WAYS.keys()
    assert set(BASELINE) == set(SPACE)


def test_curves_of_another_base_are_not_taken(tmp_path: Path, small_text: list[str]) -> None:
    path = tmp_path / "curves.json"
    path.write_text(json.dumps({"base": ["model=tiny"], "curves": {"optimizer.lr=0.1 training.seed=1": [1.0]}}))
    assert RecordedCurves(["model=tiny"], path).of({"optimizer.lr": 0.1}, 1) == [1.0]
    fresh = RecordedCurves(["model=micro", *small_text, "training.max_steps=1", "training.eval_interval=1", "training.batch_size=1"], path)
    assert fresh.of({"optimizer.lr": 0.1}, 1) != [1.0]


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("trial_overhead", ["--trials", "4", "--fresh-trials", "0"]),
        ("report_overhead", ["--evaluations", "3"]),
        ("sweep_efficiency", ["--cases", "4x0.1"]),
    ],
)
def test_what_a_sweep_costs_is_measured_of_all_contenders(name: str, options: list[str], tmp_path: Path) -> None:
    found = written(name, tmp_path, *options)
    contenders = found["measured"].get("4x0.1", found["measured"])
    assert {"ours", "ray_reused"} <= set(contenders)
    assert {contender["trials"] for contender in contenders.values()} == {4}


@pytest.mark.ray
@pytest.mark.slow
def test_every_part_of_a_start_is_measured(tmp_path: Path) -> None:
    found = written("first_step", tmp_path, "--contenders", "ours", "--rounds", "1", "model=micro")
    parts = found["measured"]["seconds"]["ours"]
    assert set(parts) == {*PARTS.values(), "total"}
    assert sum(parts[name] for name in PARTS.values()) == pytest.approx(parts["total"])
    assert all(parts[name] > 0 for name in ("imports_of_the_driver", "ray_init", "import_of_torch", "first_step"))
    assert found["ratios"]["start to the first training step"]["value"] is None


def test_a_worker_that_was_started_ahead_costs_no_time_before_it_is_asked_for() -> None:
    marks = {mark: float(number) for number, mark in enumerate(PARTS, 1)}
    marks["worker_reached"] = 2.0  # while Ray was starting
    parts = _parts(0.0, marks)
    assert parts["worker_start"] == 0.0
    assert parts["import_of_torch"] == 2.0
    assert parts["total"] == len(PARTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trial_overhead", "--trials", "3"], "at least 4 are needed"),
        (["report_overhead", "--evaluations", "1"], "--evaluations 1: at least 2"),
        (["sweep_efficiency", "--cases", "4by10"], "TRIALSxSECONDS"),
        (["search_cost", "--steps", "10"], "a multiple of 9"),
        (["first_step", "--rounds", "0"], "--rounds 0: at least 1"),
        (["train_step", "--rounds", "0"], "--rounds 0: at least 1"),
        (["optimizer_step", "--optimizers", "adafacter"], "did you mean 'adafactor'"),
    ],
)
def test_a_wrong_size_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(WrongRequest, match=message):
        measure(arguments)
