"""Checkpoints of a run as they lie on disk: each file opened, its header checked, its hash compared with the manifest's. Without torch."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.checkpoints.hashes import Hashes
from analysis.checkpoints.safetensors_header import read_header
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status

MANIFEST, MANIFEST_FORMAT = "manifest.json", 1
_ADAPTER_FILES = (("adapter_config.json",), ("adapter_model.safetensors", "adapter_model.pt", "adapter_model.bin"))


@dataclass(frozen=True)
class FoundCheckpoint:
    """One folder: `name` as below the run directory, `sizes` in bytes by file, `faults` one sentence each.

    `hashed` tells whether every file was compared with its SHA-256 in the manifest; an adapter's folder has no manifest.
    """

    name: str
    step: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    hashed: bool = False

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    @property
    def short_name(self) -> str:
        return self.name.removeprefix("checkpoints/")


@dataclass(frozen=True)
class RunCheckpoints:
    """All folders of one run, and the names of those that should be there and are not."""

    found: tuple[FoundCheckpoint, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        return [f"{one.short_name}: {fault}" for one in self.found for fault in one.faults] + [
            f"{name} is missing" for name in self.missing
        ]


def verify_run(run_dir: RunDir, told: Mapping[str, Any], hashes: Hashes) -> RunCheckpoints:
    """The checkpoints and adapters of one run. `told` are the values of its ``summary.json``, which say what should be there."""
    folders = sorted(_folders(run_dir.checkpoints), key=_order)
    found = [verify_checkpoint(folder, f"checkpoints/{folder.name}", hashes) for folder in folders]
    adapters = [verify_adapter(folder) for folder in sorted(_folders(run_dir.path / "adapters"), key=_order)]
    names = {folder.name for folder in folders}
    return RunCheckpoints((*found, *adapters), tuple(missing_checkpoints(names, told)))


def missing_checkpoints(names: set[str], told: Mapping[str, Any]) -> list[str]:
    """A complete run keeps ``final``, and ``best`` where it was evaluated; any other keeps a numbered one once it has saved one."""
    if told.get("status") == Status.COMPLETED:
        return [name for name in (["final"] + (["best"] if told.get("best_step") is not None else [])) if name not in names]
    numbered = any(name.startswith("checkpoint-") for name in names)
    return [] if numbered or not told.get("checkpoint_bytes") else ["checkpoint-<step>"]


def verify_checkpoint(folder: Path, name: str, hashes: Hashes) -> FoundCheckpoint:
    """One folder against its ``manifest.json``."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        listed = dict(manifest["sha256"]) if manifest["format"] == MANIFEST_FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return FoundCheckpoint(name, faults=(f"{MANIFEST} cannot be read ({type(error).__name__})",), sizes=_sizes(folder))
    faults: list[str] = [] if listed else [f"{MANIFEST} lists no file"]
    known = []
    for file, digest in listed.items():
        fault, is_hashed = _fault(folder / str(file), str(digest), hashes)
        faults += [fault] if fault else []
        known.append(is_hashed)
    step = manifest.get("step")
    return FoundCheckpoint(name, step if isinstance(step, int) else None, _sizes(folder), tuple(faults), bool(known) and all(known))


def verify_adapter(folder: Path) -> FoundCheckpoint:
    """An adapter by itself: its configuration and its weights, neither empty, the weights' header sound."""
    sizes = _sizes(folder)
    faults = [f"{' or '.join(names)} is missing" for names in _ADAPTER_FILES if not any(name in sizes for name in names)]
    faults += [f"{name}: {fault}" for name in sizes if (fault := _content_fault(folder / name))]
    return FoundCheckpoint(f"adapters/{folder.name}", sizes=sizes, faults=tuple(faults))


def _fault(path: Path, digest: str, hashes: Hashes) -> tuple[str, bool]:
    """What is wrong with a file of a manifest (empty: nothing), and whether its hash was compared."""
    if not path.is_file():
        return f"{path.name} is missing", False
    try:
        actual = hashes.of(path)
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})", False
    if actual is not None and actual != digest:
        return f"{path.name} is not what was written: {_content_fault(path) or 'its SHA-256 is another than in the manifest'}", True
    fault = _content_fault(path)
    return f"{path.name}: {fault}" if fault else "", actual is not None


def _content_fault(path: Path) -> str:
    """What the file's own form says against it; empty when nothing does."""
    try:
        if path.stat().st_size == 0:
            return "empty"
        if path.suffix == ".safetensors":
            read_header(path)
        elif path.suffix == ".json":
            json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()} if folder.is_dir() else {}


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        yield from (path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _order(folder: Path) -> tuple[bool, int, str]:
    """Numbered ones by number, then those with a name."""
    digits = folder.name.rpartition("-")[2].rpartition("_")[2]
    return (not digits.isdecimal(), int(digits) if digits.isdecimal() else 0, folder.name)
