"""Run directories from Python: one loaded, several compared, and all that fit a pattern in one CSV file (protocol, appendix A)."""

import csv
import glob
import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.load import is_run
from analysis.run_folder import load_run_dirs
from analysis.run_metrics import read_metrics
from analysis.trials import rows_of, sources_of
from trainable.spec.atomic_write import write_text
from trainable.spec.experiment_log_format import ExperimentLog, load_experiment_log
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir

if TYPE_CHECKING:
    import pandas as pd

# Folders between a match and its runs: an archived paper holds bags, and a bag holds its run in data/.
_DEPTH = 3


def load_experiment(path: str | Path) -> tuple[dict[str, Any], "pd.DataFrame"]:
    """The summary and the logged metrics of a run directory, of a run in an archive's bag, or of an ``experiment_*.json``.

    Metrics have the columns in which anything was measured. Raises `WrongRequest` when there is no whole summary.
    """
    path = Path(path)
    if path.is_file():
        return _of_log(load_experiment_log(path))
    run = RunDir(path if is_run(path) or not is_run(path / "data") else path / "data")
    try:
        summary = json.loads(run.summary.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise WrongRequest([f"{run.summary} cannot be read: {error}"]) from error
    if not isinstance(summary, dict):
        raise WrongRequest([f"{run.summary} is not a summary"])
    table, _ = read_metrics(run.metrics_csv)
    measured = [name for name in table.column_names if table[name].null_count < max(table.num_rows, 1)]
    return summary, table.select(measured or ["step"]).to_pandas()


def compare_experiments(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """One row for each experiment: name, val_ppl (perplexity), memory_gb; NaN for what was not measured.

    Raises `WrongRequest` naming every path that cannot be read.
    """
    import pandas as pd

    rows, mistakes = [], []
    for path in paths:
        try:
            summary, _ = load_experiment(path)
        except WrongRequest as wrong:
            mistakes += wrong.mistakes
            continue
        final = summary.get("final_metrics")
        final = final if isinstance(final, dict) else {}
        numbers = {"val_ppl": final.get("val_perplexity"), "memory_gb": final.get("peak_memory_gb")}
        rows.append({"name": summary.get("experiment_id") or Path(path).name, **{key: _number(value) for key, value in numbers.items()}})
    if mistakes:
        raise WrongRequest(mistakes)
    return pd.DataFrame(rows, columns=["name", "val_ppl", "memory_gb"])


def aggregate(pattern: str, output: str | Path) -> list[Path]:
    """Writes a CSV line for every run in the folders that fit `pattern`, in the columns of ``trials.parquet``; returns their paths.

    A cell that was not measured is empty. Raises `WrongRequest` when nothing fits or no run is there.
    """
    folders = sorted(run for match in glob.glob(pattern) for run in _runs_in(Path(match), _DEPTH))  # noqa: PTH207 - patterns may be absolute
    if not folders:
        raise WrongRequest([f"no run directory fits the pattern '{pattern}'"])
    loaded = load_run_dirs(folders)
    sources = sources_of(loaded.trials, loaded.varied, "", [])
    columns = ["path", *(column.name for column, _ in sources)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for trial, row in zip(loaded.trials, rows_of(loaded.trials, sources), strict=True):
        writer.writerow({"path": trial.run_dir.path, **{name: _cell(value) for name, value in row.items()}})
    write_text(Path(output), text.getvalue())
    return folders


def _runs_in(folder: Path, depth: int) -> Iterator[Path]:
    """Run directories at `folder` or below it, not more than `depth` levels down."""
    if not folder.is_dir():
        return
    if is_run(folder):
        yield folder
    elif depth:
        for inner in sorted(folder.iterdir()):
            yield from _runs_in(inner, depth - 1)


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _of_log(log: ExperimentLog) -> tuple[dict[str, Any], "pd.DataFrame"]:
    import pandas as pd

    loss = log.final_val_loss
    final = {
        "train_loss": log.final_train_loss,
        "val_loss": loss,
        "val_perplexity": math.exp(loss) if loss is not None and loss < 700 else None,
    }
    summary = {**log.as_json(), "experiment_id": log.config.experiment_name, "final_metrics": final}
    del summary["metrics_history"]
    return summary, pd.DataFrame([asdict(snapshot) for snapshot in log.metrics_history])
