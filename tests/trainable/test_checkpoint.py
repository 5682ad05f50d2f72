import logging
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainable.checkpoint import (
    DamagedCheckpoint,
    checkpoint_steps,
    drop_expired,
    drop_later,
    link_checkpoint,
    load_checkpoint,
    newest_checkpoint,
    save_checkpoint,
)
from trainable.retention import expired
from trainable.spec.run_dir import RunDir


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    """A run with checkpoints at steps 10, 20 and 30."""
    run_dir = RunDir(tmp_path / "run")
    for step in (10, 20, 30):
        save_checkpoint(run_dir, step, {"weight": torch.full((4,), float(step))}, {"step": step, "optimizer": {0: {"m": torch.ones(2)}}})
    return run_dir


def test_what_is_saved_is_loaded(run_dir: RunDir) -> None:
    model, training = load_checkpoint(run_dir.checkpoint(20))
    assert torch.equal(model["weight"], torch.full((4,), 20.0))
    assert training["step"] == 20
    assert torch.equal(training["optimizer"][0]["m"], torch.ones(2))


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "training.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(
    run_dir: RunDir, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = run_dir.checkpoint(30) / name
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        middle = len(content) // 2
        path.write_bytes(
            content[:middle] if damage == "truncate" else content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        )
    with caplog.at_level(logging.WARNING):
        found = newest_checkpoint(run_dir)
    assert found is not None
    assert found[0] == 20
    assert any("passed over" in message for message in caplog.messages)


def test_a_flipped_bit_names_the_file(run_dir: RunDir) -> None:
    path = run_dir.checkpoint(10) / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 128
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match=r"model\.safetensors is not what was written"):
        load_checkpoint(run_dir.checkpoint(10))


def test_without_a_whole_checkpoint_there_is_none(run_dir: RunDir) -> None:
    for step in checkpoint_steps(run_dir):
        (run_dir.checkpoint(step) / "manifest.json").unlink()
    assert newest_checkpoint(run_dir) is None


def test_a_checkpoint_that_does_not_fit_is_passed_over(run_dir: RunDir) -> None:
    found = newest_checkpoint(run_dir, lambda training: training["step"] < 30)
    assert found is not None
    assert found[0] == 20


def test_a_write_that_fails_leaves_nothing_and_the_old_one_whole(run_dir: RunDir) -> None:
    before = sorted(path.name for path in run_dir.checkpoints.iterdir())
    with pytest.raises(TypeError):
        save_checkpoint(run_dir, 40, {"weight": torch.ones(1)}, {"step": 40, "bad": object()})
    assert sorted(path.name for path in run_dir.checkpoints.iterdir()) == before


def test_saving_a_step_again_replaces_it(run_dir: RunDir) -> None:
    save_checkpoint(run_dir, 30, {"weight": torch.zeros(4)}, {"step": 30})
    model, _ = load_checkpoint(run_dir.checkpoint(30))
    assert torch.equal(model["weight"], torch.zeros(4))
    assert checkpoint_steps(run_dir) == [10, 20, 30]


def test_final_outlives_the_numbered_ones(run_dir: RunDir) -> None:
    link_checkpoint(run_dir, 30, "final")
    drop_expired(run_dir, keep=0)
    assert checkpoint_steps(run_dir) == []
    found = newest_checkpoint(run_dir)
    assert found is not None
    assert found[0] == 30


def test_later_checkpoints_go_when_a_run_goes_back(run_dir: RunDir) -> None:
    drop_later(run_dir, 10)
    assert checkpoint_steps(run_dir) == [10]


@given(st.sets(st.integers(0, 10**6)), st.integers(0, 5))
def test_retention_keeps_the_newest(steps: set[int], keep: int) -> None:
    gone = set(expired(list(steps), keep))
    kept = steps - gone
    assert len(kept) == min(keep, len(steps))
    assert all(k > g for k in kept for g in gone)
