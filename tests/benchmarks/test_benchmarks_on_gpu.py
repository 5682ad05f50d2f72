"""What is measured on a GPU in one go, tried at a toy size on whatever is here."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import parse
from benchmarks.on_gpu import PARTS, main
from trainable.spec.mistakes import WrongRequest


def numbers(*benchmarks: str) -> list[str]:
    return [str(number) for number, part in enumerate(PARTS, 1) if part.benchmark in benchmarks]


@pytest.fixture
def text(corpus_file: Path, data_root: Path) -> list[str]:
    return ["data=text", f"data.path={corpus_file}", f"data.root={data_root}"]


def toy(folder: Path, parts: list[str], overrides: list[str], *options: str) -> int:
    return main(["--toy", "--results", str(folder), "--parts", *parts, *options, "--", *overrides])


@pytest.mark.slow
def test_steps_and_lanes_are_measured_each_in_a_file_of_its_own(tmp_path: Path, text: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    chosen = [*numbers("train_step")[1:2], *numbers("fused_trials")[-1:]]
    assert toy(tmp_path, chosen, text) == 0
    files = sorted(tmp_path.glob("*.json"))
    assert len(files) == len(chosen)
    for path in files:
        found = json.loads(path.read_text())
        assert path.name.startswith(found["benchmark"])
        assert any(ratio["value"] for ratio in found["ratios"].values())
    small = json.loads(next(tmp_path.glob("train_step-small-*.json")).read_text())["measured"]["tiny"]["wall"]
    assert {"ours_eager", "ours_eager_graph"} <= small.keys()
    assert capfd.readouterr().out.count("  measured\n") == len(chosen)


@pytest.mark.ray
@pytest.mark.slow
def test_trials_that_share_a_device_are_measured_beside_trials_alone(tmp_path: Path, text: list[str]) -> None:
    assert toy(tmp_path, numbers("packed_trials"), text) == 0
    (path,) = tmp_path.glob("packed_trials-*.json")
    measured = json.loads(path.read_text())["measured"]
    assert {"one", "packed"} <= measured.keys()
    assert measured["one"]["trials"] == measured["packed"]["trials"] > 0
    assert measured["packed"]["predicted_peak_memory_gb"] > 0


def test_what_takes_too_long_is_cut_and_the_rest_left_out(tmp_path: Path, text: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert toy(tmp_path, ["1", "2"], text, "--minutes", "0.005") == 1
    assert list(tmp_path.iterdir()) == []
    first, second = capfd.readouterr().out.splitlines()[-2:]
    assert "cut after" in first
    assert "left out" in second


def test_every_part_is_a_call_that_its_benchmark_takes() -> None:
    names = [(part.benchmark, part.name) for part in PARTS]
    assert len(set(names)) == len(names)
    for part in PARTS:
        for options in (part.options, [*part.options, *part.toy]):
            assert parse([part.benchmark, "--part", part.name, *options]).name == part.benchmark


def test_without_a_gpu_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(WrongRequest, match="no CUDA device here"):
        main([])
    with pytest.raises(WrongRequest, match=f"--parts 99: a number from 1 to {len(PARTS)}"):
        main(["--parts", "99"])
