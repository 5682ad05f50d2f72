"""What a checklist asks of a run directory, read once; what cannot be read is absent, never an exception."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from analysis.checkpoints.hashes import Hashes
from analysis.checkpoints.verify import RunCheckpoints, verify_run
from trainable.spec.run_dir import RunDir


@dataclass(frozen=True)
class RunFacts:
    """`told` is ``summary.json``, `columns` the header of ``metrics.csv``, `files` every file that is not empty, relative to the run.

    `sections` are those of ``summary.md`` with their text, `random_states` whether each checkpoint keeps the states of the random
    number generators, by name.
    """

    told: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    rows: int = 0
    files: frozenset[str] = frozenset()
    sections: Mapping[str, str] = field(default_factory=dict)
    checkpoints: RunCheckpoints = field(default_factory=RunCheckpoints)
    random_states: Mapping[str, bool] = field(default_factory=dict)
    without_checkpoints: bool = False

    @property
    def status(self) -> str:
        return str(self.told.get("status"))

    def at(self, *path: str) -> Any:
        """A value of the run's configuration, as ``config.yaml`` has it."""
        value: Any = self.config
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value


def read_run(path: Path, *, without_checkpoints: bool = False) -> RunFacts:
    """Everything the items ask for; checkpoints are hashed anew. `without_checkpoints`: they were left out on purpose."""
    run_dir = RunDir(path)
    told = _mapping(_json(run_dir.summary))
    checkpoints = verify_run(run_dir, told, Hashes())
    header, rows = _table(run_dir.metrics_csv)
    return RunFacts(
        told=told,
        config=_mapping(_yaml(run_dir.config)),
        provenance=_mapping(_json(run_dir.provenance)),
        columns=header,
        rows=rows,
        files=frozenset(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file() and file.stat().st_size),
        sections=sections_of(_text(run_dir.summary_markdown)),
        checkpoints=checkpoints,
        random_states={one.short_name: _keeps_random_states(path / one.name) for one in checkpoints.found if one.step is not None},
        without_checkpoints=without_checkpoints,
    )


def sections_of(page: str) -> dict[str, str]:
    """The second-level sections of a Markdown page, by title."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return {title.strip(): text.strip().removesuffix("---").strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def _keeps_random_states(folder: Path) -> bool:
    """Python's, NumPy's and torch's."""
    training = _mapping(_mapping(_json(folder / "training.json")).get("training"))
    return {"python", "numpy", "torch"} <= set(_mapping(training.get("rng")))


def _table(path: Path) -> tuple[tuple[str, ...], int]:
    """Header and number of rows."""
    lines = _text(path).splitlines()
    return (tuple(lines[0].split(",")), len(lines) - 1) if lines else ((), 0)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except ValueError:
        return None


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(_text(path))
    except (yaml.YAMLError, ValueError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
