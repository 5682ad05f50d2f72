"""``logs/metrics.csv``: one line per logged row, every bit of every number."""

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from trainable.spec.atomic_write import write_text
from trainable.spec.run_dir import RunDir
from trainable.tracker.tracker import Row, RunDescription, Tracker


class MetricsCsv(Tracker):
    """An empty cell is a value that was not measured; every line is flushed, so that a kill costs at most the last one."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._file: TextIO | None = None

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        path = RunDir(run.run_dir).metrics_csv
        before = path.read_text(encoding="utf-8", errors="replace") if resume_step is not None and path.exists() else ""
        self._columns, lines = kept_lines(before, list(run.metric_names), -1 if resume_step is None else resume_step)
        write_text(path, "".join(f"{line}\n" for line in [",".join(self._columns), *lines]), sync=False)
        self._file = open(path, "a", encoding="utf-8", newline="")

    def log(self, row: Row, step: int) -> None:
        if self._file is None:
            raise RuntimeError("log outside of start and finish")
        values = {**row, "step": step}
        self._file.write(",".join(_cell(values.get(name)) for name in self._columns) + "\n")
        self._file.flush()

    def finish(self, status: str) -> None:  # noqa: ARG002
        if self._file is not None:
            self._file.close()
            self._file = None


def kept_lines(text: str, names: Sequence[str], last_step: int) -> tuple[list[str], list[str]]:
    """Columns and whole lines up to `last_step` of an earlier file, for a run that now has the columns `names`.

    A line that is torn, has too few or too many cells or no step is dropped. Columns that the run no longer has stay, at the end.
    """
    whole = text.split("\n")[:-1]  # what follows the last newline is torn or empty
    old = whole[0].split(",") if whole else []
    columns = [*names, *(name for name in old if name not in names)] if "step" in old else list(names)
    kept = []
    for cells in (line.split(",") for line in whole[1:]):
        row = dict(zip(old, cells, strict=False))
        step = row.get("step", "")
        if len(cells) == len(old) and step.isdecimal() and int(step) <= last_step:
            kept.append(",".join(row.get(name, "") for name in columns))
    return columns, kept


def read_series(path: Path) -> dict[str, tuple[list[int], list[float]]]:
    """For each column but ``step``: the steps at which it has a value, and the values."""
    header, *lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    columns = header.split(",")
    series: dict[str, tuple[list[int], list[float]]] = {name: ([], []) for name in columns}
    for line in lines:
        row = dict(zip(columns, line.split(","), strict=True))
        for name, cell in row.items():
            if cell:
                series[name][0].append(int(row["step"]))
                series[name][1].append(float(cell))
    return series


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)
