"""The profile of a configuration: its parts agree with the prediction to the byte, its peak as far as an allocator can be foretold."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trainable.memory import predict
from trainable.memory_figure import PARTS, draw_memory
from trainable.memory_profile import MeasuredMemory, measure
from trainable.profile_memory import as_json, compared, main, name_of
from trainable.request import request_run
from trainable.spec.mistakes import WrongRequest

EXACT = ("weights", "gradients", "optimizer_state", "activations")


def profile(*overrides: str) -> tuple[dict[str, Any], dict[str, Any]]:
    config = request_run(["model=micro", "model.d_model=64", "training.num_threads=1", *overrides])
    found = as_json(config, predict(config, "cpu"), measure(config))
    return found["predicted"], found["measured"]


@pytest.mark.parametrize("optimizer", ["adamw", "adam8bit", "adafactor", "hybrid8", "muon"])
def test_every_part_is_predicted_to_the_byte(optimizer: str) -> None:
    predicted, measured = profile(f"optimizer={optimizer}", "training.micro_batch_size=2")
    assert {part: predicted[f"{part}_bytes"] for part in EXACT} == {part: measured[f"{part}_bytes"] for part in EXACT}


def test_only_what_an_adapter_trains_has_gradients_and_state() -> None:
    predicted, measured = profile("adapter=lora")
    for part in ("weights", "gradients", "optimizer_state"):
        assert predicted[f"{part}_bytes"] == measured[f"{part}_bytes"]
    assert measured["gradients_bytes"] < measured["weights_bytes"] / 10


@pytest.mark.slow
def test_the_peak_of_a_process_of_its_own_is_foretold(tmp_path: Path, python: str) -> None:
    overrides = ["model=cs336", "model.num_layers=3", "training.batch_size=2", "training.num_threads=1"]
    subprocess.run(
        [python, "-m", "trainable.profile_memory", *overrides, "--out", str(tmp_path)], check=True, capture_output=True, timeout=120
    )
    found = json.loads((tmp_path / "cs336-adamw-2x256.json").read_text())
    peak, plan = (found[side]["peak_bytes"] - found[side]["process_bytes"] for side in ("measured", "predicted"))
    assert plan == pytest.approx(peak, rel=0.15)
    assert (tmp_path / "cs336-adamw-2x256.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_prints_a_table_and_writes_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model=micro", "training.batch_size=2", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for part in (*EXACT, "process", "peak"):
        assert part.replace("_", " ") in printed
    assert {path.name for path in tmp_path.iterdir()} == {"micro-adamw-2x32.json", "micro-adamw-2x32.png"}
    found = json.loads((tmp_path / "micro-adamw-2x32.json").read_text())
    assert found["relative_difference"]["optimizer_state"] == 0
    assert found["config"]["model"]["name"] == "micro"


def test_a_wrong_configuration_is_refused() -> None:
    with pytest.raises(WrongRequest, match="did you mean 'micro'"):
        main(["model=mikro"])


def test_without_a_prediction_the_measurement_still_stands() -> None:
    config = request_run(["model=micro"])
    measured = MeasuredMemory("cpu", 4, 4, 8, 16, 100, 140)
    assert compared(None, measured)[0] == ("weights", None, 4)
    assert as_json(config, None, measured)["relative_difference"]["peak"] is None
    assert name_of(config) == "micro-adamw-8x32"


def test_bars_have_all_their_parts() -> None:
    assert draw_memory({"measured": dict.fromkeys(PARTS, 1.0)}, "one").startswith(b"\x89PNG")
