"""A prepared data set on disk: its folder, its manifest, its tokens, and whether they are still what was written."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainable.data.registry import DATASETS
from trainable.data.source import SPLITS
from trainable.data.token_file import sha256_of
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest

FORMAT = 1
MANIFEST = "manifest.json"
COMMAND = "python -m trainable.data.prepare"
_ELSEWHERE = ("root", "ood_path")  # where things lie does not change the tokens

Tokens = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class PreparedData:
    """train, val, test: memory-mapped tokens, shape [tokens], uint16 or uint32, each document followed by `eot_token`."""

    directory: Path
    manifest: dict[str, Any]
    train: Tokens
    val: Tokens
    test: Tokens

    @property
    def vocab_size(self) -> int:
        return int(self.manifest["vocab_size"])

    @property
    def eot_token(self) -> int:
        return int(self.manifest["eot_token"])

    def eot_indices(self) -> NDArray[np.int64]:
        """Positions of the end-of-text tokens in `train`, shape [documents]."""
        return np.load(self.directory / "eot_indices.npy", allow_pickle=False)  # type: ignore[no-any-return]

    def doc_lengths(self) -> NDArray[np.int64]:
        """Tokens of each training document, its end of text included, shape [documents]; the sum is len(train)."""
        return np.load(self.directory / "doc_lengths.npy", allow_pickle=False)  # type: ignore[no-any-return]


def prepared_settings(config: DataConfig) -> dict[str, Any]:
    """What decides the tokens: the configuration, and the edition of the data set (such as the Python version)."""
    settings = {key: value for key, value in asdict(config).items() if key not in _ELSEWHERE}
    return settings | {"edition": DATASETS[config.name].edition(config)}


def prepared_directory(config: DataConfig) -> Path:
    """`<root>/processed/<data set>-<8 hex of what decides the tokens>`."""
    canonical = json.dumps(prepared_settings(config), sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:8]
    return Path(config.root).expanduser() / "processed" / f"{config.name}-{digest}"


def open_prepared(config: DataConfig) -> PreparedData:
    """Opens what `prepare` wrote. Raises WrongRequest when it is missing, or is not what was written (by its sizes)."""
    directory = prepared_directory(config)
    if not directory.exists():
        raise WrongRequest([f"{directory} does not exist: prepare the data set first ({COMMAND} data={config.name})"])
    return open_directory(directory)


def open_directory(directory: Path) -> PreparedData:
    """Opens a prepared data set by its folder (`data.ood_path`)."""
    if found := damage(directory):
        raise WrongRequest(found)
    manifest = _manifest(directory)
    tokens = {split: np.memmap(directory / f"{split}.bin", dtype=manifest["dtype"], mode="r") for split in SPLITS}
    return PreparedData(directory, manifest, **tokens)


def damage(directory: Path) -> list[str]:
    """One sentence for each file that is missing or has another size than was written; cheap."""
    try:
        files = _manifest(directory)["files"]
    except WrongRequest as request:
        return request.mistakes
    sizes = {name: facts["bytes"] for name, facts in files.items()}
    found = {name: (directory / name).stat().st_size if (directory / name).is_file() else None for name in sizes}
    return [_wrong_size(directory / name, sizes[name], found[name]) for name in sizes if found[name] != sizes[name]]


def verify(directory: Path) -> list[str]:
    """As `damage`, and reads every file to compare its SHA-256."""
    if found := damage(directory):
        return found
    expected = {name: facts["sha256"] for name, facts in _manifest(directory)["files"].items()}
    found_now = {name: sha256_of(directory / name) for name in expected}
    return [
        f"{directory / name}: SHA-256 {found_now[name][:16]}... found, {expected[name][:16]}... expected; {_mend(directory)}"
        for name in expected
        if found_now[name] != expected[name]
    ]


def _manifest(directory: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise WrongRequest([f"{directory / MANIFEST}: missing, or not a manifest of format {FORMAT}; {_mend(directory)}"])
    return manifest


def _wrong_size(path: Path, expected: int, found: int | None) -> str:
    state = "missing" if found is None else f"{found} bytes found"
    return f"{path}: {state}, {expected} bytes expected; {_mend(path.parent)}"


def _mend(directory: Path) -> str:
    return f"delete {directory} and prepare again ({COMMAND})"
