"""The directories ``epoch_<n>`` of a torchtune experiment: which files are there, how large, and whether their headers hold."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.checkpoints.safetensors_header import read_header

ADAPTER_FILES = ("adapter_model.safetensors", "adapter_model.pt", "adapter_config.json")
_EPOCH = re.compile(r"epoch_(\d+)")
_MODEL = re.compile(r"(?:ft-)?model(?:-.*)?\.safetensors")


@dataclass(frozen=True)
class Epoch:
    """Sizes in bytes, None where there is no such file; `adapter_parameters` are the entries of the adapter's tensors."""

    number: int
    total_bytes: int
    model_bytes: int | None
    adapter_bytes: int | None
    adapter_parameters: int | None = None
    rank: int | None = None
    base_model: str | None = None
    problems: list[str] = field(default_factory=list)


def read_epochs(path: Path) -> list[Epoch]:
    """Every epoch directory, by number."""
    found = sorted(
        (int(match[1]), folder) for folder in path.glob("epoch_*") if folder.is_dir() and (match := _EPOCH.fullmatch(folder.name))
    )
    return [_read(number, folder) for number, folder in found]


def _read(number: int, folder: Path) -> Epoch:
    files = {file.name: file.stat().st_size for file in sorted(folder.rglob("*")) if file.is_file()}
    models = [name for name in files if _MODEL.fullmatch(name)]
    problems = [f"{name} missing" for name in ADAPTER_FILES if name not in files]
    problems += ["no model weights (model*.safetensors)"] if not models else []
    problems += [f"{name} is empty" for name, size in files.items() if size == 0 and (name in ADAPTER_FILES or name in models)]
    parameters = {name: _parameters(folder / name, problems) for name in files if name.endswith(".safetensors") and files[name]}
    if files.get("adapter_model.pt") and not _is_zip(folder / "adapter_model.pt"):
        problems.append("adapter_model.pt is no PyTorch file")
    config = _adapter_config(folder / "adapter_config.json", problems) if files.get("adapter_config.json") else {}
    rank, base = config.get("r"), config.get("base_model_name_or_path")
    return Epoch(
        number=number,
        total_bytes=sum(files.values()),
        model_bytes=sum(files[name] for name in models) if models else None,
        adapter_bytes=files.get("adapter_model.safetensors"),
        adapter_parameters=parameters.get("adapter_model.safetensors"),
        rank=rank if isinstance(rank, int) else None,
        base_model=base if isinstance(base, str) and base else None,
        problems=problems,
    )


def _parameters(path: Path, problems: list[str]) -> int | None:
    try:
        return read_header(path).entries
    except (OSError, ValueError) as error:
        problems.append(f"{path.name} is damaged: {error}")
        return None


def _is_zip(path: Path) -> bool:
    """PyTorch's files are zip archives; they are never unpickled here."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _adapter_config(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        values = None
    if isinstance(values, dict):
        return values
    problems.append("adapter_config.json is damaged")
    return {}
