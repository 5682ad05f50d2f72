"""Checkpoints: a folder with a SHA-256 of every file, there whole or not at all; a damaged one is passed over.

``checkpoints/checkpoint-<step>/`` holds ``model.safetensors``, ``training.safetensors`` (optimizer and RNG tensors),
``training.json`` (everything that is no tensor) and ``manifest.json``. ``best`` and ``final`` are hard links to the same files.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from trainable.retention import expired
from trainable.spec.atomic_write import sync_directory
from trainable.spec.run_dir import RunDir
from trainable.tensor_tree import join_tree, split_tree

CHECKPOINT_FORMAT = 1
_PREFIX = "checkpoint-"
_MANIFEST = "manifest.json"
log = logging.getLogger(__name__)


class DamagedCheckpoint(ValueError):
    """A file of the checkpoint is missing, torn or altered; the message names it."""


def save_checkpoint(run_dir: RunDir, step: int, model: dict[str, torch.Tensor], training: dict[str, Any]) -> Path:
    """Writes ``checkpoint-<step>`` and returns its folder; a power cut leaves the folder whole or absent."""
    target = run_dir.checkpoint(step)
    beside = run_dir.checkpoints / f".{target.name}.{os.getpid()}.tmp"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        _write_files(beside, step, model, training)
        _put_in_place(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return target


def link_checkpoint(run_dir: RunDir, step: int, name: str) -> None:
    """Makes ``checkpoints/<name>`` (best, final) stand for ``checkpoint-<step>``, at no cost where links are possible."""
    beside = run_dir.checkpoints / f".{name}.{os.getpid()}.tmp"
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(run_dir.checkpoint(step), beside, copy_function=link_or_copy)
    _put_in_place(beside, run_dir.checkpoint(name))


def load_checkpoint(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Model tensors and training state. Raises `DamagedCheckpoint` unless every file is as it was written."""
    _verified_manifest(folder)
    skeletons = json.loads((folder / "training.json").read_text())
    model = join_tree(skeletons["model"], load_file(folder / "model.safetensors"))
    return model, join_tree(skeletons["training"], load_file(folder / "training.safetensors"))


def newest_checkpoint(
    run_dir: RunDir, fits: Callable[[dict[str, Any]], bool] = lambda _: True
) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None:
    """(step, model, training state) of the newest whole checkpoint that `fits`, ``final`` included; others are named in a warning."""
    for folder in _candidates(run_dir):
        try:
            model, training = load_checkpoint(folder)
        except DamagedCheckpoint as error:
            log.warning("checkpoint passed over: %s", error)
            continue
        if fits(training):
            return training["step"], model, training
        log.warning("checkpoint passed over: %s counts on rows of metrics.csv that are not there", folder)
    return None


def is_whole(folder: Path) -> bool:
    """Whether there is a checkpoint, and every file of it is as it was written."""
    try:
        _verified_manifest(folder)
    except DamagedCheckpoint:
        return False
    return True


def keep_best(run_dir: RunDir, step: int | None) -> None:
    """Links ``best`` to the checkpoint of `step` when a kill came before that was done."""
    try:
        linked = _read_manifest(run_dir.checkpoint("best"))["step"]
    except DamagedCheckpoint:
        linked = None
    if step is not None and linked != step and run_dir.checkpoint(step).is_dir():
        link_checkpoint(run_dir, step, "best")


def put_in_order(run_dir: RunDir) -> None:
    """Removes what a killed process was writing; a folder that it had only put aside comes back."""
    for old in run_dir.checkpoints.glob(".*.old"):
        target = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
        if not target.exists():
            os.replace(old, target)
    for left in [*run_dir.checkpoints.glob(".*.tmp"), *run_dir.checkpoints.glob(".*.old")]:
        shutil.rmtree(left, ignore_errors=True)


def checkpoint_steps(run_dir: RunDir) -> list[int]:
    """Steps of the numbered checkpoints, ascending."""
    names = (path.name.removeprefix(_PREFIX) for path in run_dir.checkpoints.glob(f"{_PREFIX}*"))
    return sorted(int(name) for name in names if name.isdecimal())


def checkpoint_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def drop_expired(run_dir: RunDir, keep: int) -> None:
    """Applies the retention rule to the numbered checkpoints."""
    for step in expired(checkpoint_steps(run_dir), keep):
        shutil.rmtree(run_dir.checkpoint(step), ignore_errors=True)


def drop_later(run_dir: RunDir, step: int) -> None:
    """Removes numbered checkpoints after `step`: those that a resumed run found damaged and will write again."""
    for later in checkpoint_steps(run_dir):
        if later > step:
            shutil.rmtree(run_dir.checkpoint(later), ignore_errors=True)


def _write_files(folder: Path, step: int, model: dict[str, torch.Tensor], training: dict[str, Any]) -> None:
    model_skeleton, model_tensors = split_tree(model, "model")
    training_skeleton, training_tensors = split_tree(training, "training")
    save_file(model_tensors, folder / "model.safetensors")
    save_file(training_tensors, folder / "training.safetensors")
    (folder / "training.json").write_text(json.dumps({"model": model_skeleton, "training": training_skeleton}, allow_nan=False))
    names = ["model.safetensors", "training.safetensors", "training.json"]
    manifest = {"format": CHECKPOINT_FORMAT, "step": step, "sha256": {name: _sha256(folder / name) for name in names}}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2))
    for name in [*names, _MANIFEST]:
        _sync_file(folder / name)
    sync_directory(folder)


def _put_in_place(beside: Path, target: Path) -> None:
    """Renames a finished folder to its name; an older one steps aside first, since folders cannot be replaced in one go."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    os.replace(beside, target)
    sync_directory(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise DamagedCheckpoint(f"{folder / _MANIFEST} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != CHECKPOINT_FORMAT:
        raise DamagedCheckpoint(f"{folder / _MANIFEST} is not a manifest of format {CHECKPOINT_FORMAT}")
    return manifest


def _verified_manifest(folder: Path) -> dict[str, Any]:
    """The manifest; raises `DamagedCheckpoint` unless every file is as it was written."""
    manifest = _read_manifest(folder)
    for name, digest in manifest["sha256"].items():
        if not (folder / name).is_file():
            raise DamagedCheckpoint(f"{folder / name} is missing")
        if _sha256(folder / name) != digest:
            raise DamagedCheckpoint(f"{folder / name} is not what was written: its SHA-256 differs from the manifest's")
    return manifest


def _candidates(run_dir: RunDir) -> Iterator[Path]:
    if run_dir.checkpoint("final").is_dir():
        yield run_dir.checkpoint("final")
    for step in reversed(checkpoint_steps(run_dir)):
        yield run_dir.checkpoint(step)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """A hard link where that is possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_file(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
