"""Whether a sweep's Parquet tables say what its ledger and the archived runs beside it say: both tables are made anew and compared."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from analysis.archive.bag import CONTENT, IDENTIFIER, PAYLOAD, RUN
from analysis.archive.paper_dir import PaperDir
from analysis.load import load_sweep
from analysis.summarize import summarize
from trainable.spec.sweep_dir import SweepDir

_SHOWN = 5
# Speaks of what was missing or damaged when the table was written.
_NOT_COMPARED = frozenset({"note"})


@dataclass(frozen=True)
class Retold:
    """`faults` are where the tables say something else; `runs` is how many of the sweep's `trials` are archived beside it."""

    faults: list[str]
    runs: int
    trials: int

    @property
    def sentence(self) -> str:
        if not self.runs:
            return "no run is beside it: the Parquet is taken as it is"
        rest = f"; {self.trials - self.runs} trials have no run here" if self.runs < self.trials else ""
        return f"the Parquet says what the ledger and {self.runs} runs say{rest}"


def retold(bag: Path) -> Retold:
    """Of a sweep's bag with those of its runs beside it; rows of trials whose run is not there are not compared."""
    tables = SweepDir(bag / PAYLOAD)
    told = {row["trial"]: row for row in pq.read_table(tables.trials).to_pylist()}
    runs = _runs_beside(bag)
    known = {trial for trial, row in told.items() if row["run_id"] in runs}
    if not known:
        return Retold([], 0, len(told))
    with tempfile.TemporaryDirectory() as folder:
        again = _laid_out(Path(folder), tables, runs)
        rows = {row["trial"]: row for row in summarize(load_sweep(again))}
        faults = [*_other_rows(told, rows, known), *_other_curves(tables.metrics, again.metrics, known)]
    return Retold(faults, len(known), len(told))


def _runs_beside(bag: Path) -> dict[str, Path]:
    bags = PaperDir(bag.resolve().parent).bags()
    return {info[IDENTIFIER]: bag.resolve().parent / name / PAYLOAD for name, info in bags.items() if info.get(CONTENT) == RUN}


def _laid_out(folder: Path, tables: SweepDir, runs: Mapping[str, Path]) -> SweepDir:
    """Statement, ledger and runs as they lay in a results folder."""
    again = SweepDir(folder / "sweeps" / "sweep")
    again.path.mkdir(parents=True)
    (folder / "runs").mkdir()
    again.statement.write_text(json.dumps(tables.read_statement() | {"runs_dir": "../../runs"}))
    shutil.copyfile(tables.ledger, again.ledger)
    for name, path in runs.items():
        (folder / "runs" / name).symlink_to(path)
    return again


def _other_rows(told: Mapping[str, Any], rows: Mapping[str, Any], known: set[str]) -> list[str]:
    found = [f"trials.parquet: the ledger knows no trial {trial}" for trial in sorted(told.keys() - rows.keys())]
    found += [f"trials.parquet: {trial} is missing" for trial in sorted(rows.keys() - told.keys())]
    for trial in sorted(known & rows.keys()):
        found += (f"trials.parquet: {clause}" for clause in _other_values(trial, told[trial], rows[trial]))
    return (
        found if len(found) <= _SHOWN else [*found[:_SHOWN], f"trials.parquet: {len(found) - _SHOWN} more values are not those of the runs"]
    )


def _other_values(trial: str, told: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    for name, value in told.items():
        own = row.get(name)
        both_nan = isinstance(value, float) and isinstance(own, float) and value != value and own != own
        if name not in _NOT_COMPARED and value != own and not both_nan:
            yield f"{name} of {trial} is {value}, ledger and run say {own}"


def _other_curves(archived: Path, again: Path, known: set[str]) -> list[str]:
    pair = [pq.read_table(path).to_pandas() for path in (archived, again)]
    first, second = ({str(trial): rows.reset_index(drop=True) for trial, rows in table.groupby("trial", observed=True)} for table in pair)
    other = [trial for trial in sorted(known) if not _same(first.get(trial), second.get(trial))]
    more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
    return [f"metrics.parquet: not the metrics.csv of {', '.join(other[:_SHOWN])}{more}"] if other else []


def _same(first: Any, second: Any) -> bool:
    return first is second or (first is not None and second is not None and bool(first.equals(second)))
