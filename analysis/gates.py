"""``gates.parquet``: the gates that SubLoRA's learned allocation found, one row for each trial and group of parameters."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import Column, Row, schema_of
from analysis.load import Trial

FILE = "gates.parquet"
BOUNDS_FILE = "bounds_metrics.json"

SCHEMA = schema_of(
    [
        Column("trial", pa.string(), "", "name of the trial: <cell>-s<seed>"),
        Column("cell", pa.string(), "", "hash of the configuration without seed, tracking and resources"),
        Column("seed", pa.int64(), "", "seed of weights, batches and dropout"),
        Column("group", pa.string(), "", "parameters that share the gate, as the run names them"),
        Column("layer", pa.int64(), "", "depth of the layer, from 0; null for parameters outside the layers"),
        Column("gate", pa.float64(), "1", "share of the group's subspace given to B: 0 is all to A, 1 all to B, 0.5 the equal split"),
    ]
)
_LAYER = re.compile(r"(?:^|\.)(\d+)(?:\.|$)")


def gates_table(trials: Sequence[Trial]) -> pa.Table | None:
    """The gates of all trials whose ``bounds_metrics.json`` has some, by trial and depth; None when none has."""
    rows = [row for trial in trials if trial.run_dir.has(BOUNDS_FILE) for row in _rows(trial)]
    return pa.Table.from_pylist(rows, schema=SCHEMA) if rows else None


def _rows(trial: Trial) -> Iterator[dict[str, Any]]:
    gates = read_gates(trial.run_dir.path / BOUNDS_FILE)
    about = {"trial": trial.trial, "cell": trial.cell or None, "seed": trial.seed}
    for group, gate in sorted(gates.items(), key=lambda item: (layer_of(item[0]) is None, layer_of(item[0]) or 0, item[0])):
        yield {**about, "group": group, "layer": layer_of(group), "gate": gate}


def read_gates(path: Path) -> dict[str, float]:
    """Gate by group. Empty when the file is missing, damaged or without gates; what is no number in [0, 1] is left out."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    gates = values.get("gates") if isinstance(values, dict) else None
    return {str(group): float(gate) for group, gate in gates.items() if _is_share(gate)} if isinstance(gates, dict) else {}


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1


def layer_of(group: str) -> int | None:
    """``3`` and ``layers.3.attention`` -> 3; ``head`` -> None."""
    found = _LAYER.search(group)
    return int(found[1]) if found else None


def gates_in(directory: Path) -> list[Row]:
    """The rows of ``gates.parquet`` in a sweep's directory; none when there is no such file.

    Raises ValueError when it cannot be read.
    """
    path = directory / FILE
    if not path.is_file():
        return []
    try:
        return list(pq.read_table(path).to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
