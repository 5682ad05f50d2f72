"""Checkpoints as the trainer writes them, whole and damaged."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from analysis.checkpoints.hashes import Hashes
from analysis.checkpoints.verify import missing_checkpoints, verify_run
from trainable.checkpoint import link_checkpoint, save_checkpoint
from trainable.spec.run_dir import RunDir

COMPLETED = {"status": "completed", "best_step": 20}


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    run_dir = RunDir(tmp_path / "run")
    save_checkpoint(run_dir, 20, {"w": torch.arange(8.0)}, {"step": 20, "rng": torch.zeros(4, dtype=torch.uint8)})
    for name in ("best", "final"):
        link_checkpoint(run_dir, 20, name)
    return run_dir


def test_what_the_trainer_wrote_is_whole(run_dir: RunDir) -> None:
    hashes = Hashes()
    checked = verify_run(run_dir, COMPLETED, hashes)
    assert [(one.short_name, one.step, one.hashed) for one in checked.found] == [
        ("checkpoint-20", 20, True),
        ("best", 20, True),
        ("final", 20, True),
    ]
    assert checked.faults == []
    manifest = (run_dir.checkpoint("final") / "manifest.json").stat().st_size
    assert hashes.bytes_hashed + manifest == checked.found[0].bytes == sum(path.stat().st_size for path in run_dir.checkpoint(20).iterdir())


def test_opened_without_hashing(run_dir: RunDir) -> None:
    checked = verify_run(run_dir, COMPLETED, Hashes(compute=False))
    assert (checked.faults, [one.hashed for one in checked.found]) == ([], [False] * 3)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()  # the other names of the file stay as they are
    path.write_bytes(content)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-4])


def empty(path: Path) -> None:
    path.unlink()
    path.touch()


@pytest.mark.parametrize(
    ("harm", "file", "fault", "seen_at_once"),
    [
        (flip, "model.safetensors", "model.safetensors is not what was written: its SHA-256 is another than in the manifest", False),
        (cut, "model.safetensors", "model.safetensors is not what was written: 28 bytes of tensors", True),
        (cut, "training.json", "training.json is not what was written: ", True),
        (empty, "training.safetensors", "training.safetensors is not what was written: empty", True),
        (Path.unlink, "training.safetensors", "training.safetensors is missing", True),
        (cut, "manifest.json", "manifest.json cannot be read (JSONDecodeError)", True),
        (Path.unlink, "manifest.json", "manifest.json cannot be read (FileNotFoundError)", True),
    ],
)
def test_damage_is_named(run_dir: RunDir, harm: Callable[[Path], None], file: str, fault: str, seen_at_once: bool) -> None:
    harm(run_dir.checkpoint("best") / file)
    hashed = verify_run(run_dir, COMPLETED, Hashes()).faults
    assert len(hashed) == 1
    assert hashed[0].startswith(f"best: {fault}")
    assert bool(verify_run(run_dir, COMPLETED, Hashes(compute=False)).faults) == seen_at_once


def test_what_should_be_there() -> None:
    assert missing_checkpoints({"best"}, COMPLETED) == ["final"]
    assert missing_checkpoints(set(), COMPLETED) == ["final", "best"]
    assert missing_checkpoints({"final"}, {"status": "completed", "best_step": None}) == []
    assert missing_checkpoints({"best"}, {"status": "stopped_early", "checkpoint_bytes": 12}) == ["checkpoint-<step>"]
    assert missing_checkpoints(set(), {"status": "diverged", "checkpoint_bytes": None}) == []


def test_adapters_by_themselves(run_dir: RunDir) -> None:
    for name in ("epoch_0", "epoch_10", "epoch_2", "final"):
        folder = run_dir.path / "adapters" / name
        folder.mkdir(parents=True)
        save_file({"lora_A": torch.zeros(2, 2)}, folder / "adapter_model.safetensors")
        (folder / "adapter_config.json").write_text("{}")
    (run_dir.path / "adapters" / "epoch_2" / "adapter_config.json").unlink()
    cut(run_dir.path / "adapters" / "final" / "adapter_model.safetensors")
    checked = verify_run(run_dir, COMPLETED, Hashes())
    assert [one.name for one in checked.found[3:]] == ["adapters/epoch_0", "adapters/epoch_2", "adapters/epoch_10", "adapters/final"]
    assert checked.faults == [
        "adapters/epoch_2: adapter_config.json is missing",
        "adapters/final: adapter_model.safetensors: 12 bytes of tensors where the header names 16",
    ]


def test_a_run_without_checkpoints_and_half_written_ones(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    assert verify_run(run_dir, {}, Hashes()).found == ()
    (run_dir.checkpoints / ".checkpoint-20.77.tmp").mkdir(parents=True)
    assert verify_run(run_dir, {}, Hashes()).found == ()
