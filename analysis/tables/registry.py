"""Every table of a sweep and every form of a table: a new one is a file and a line here."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.load import read_statement
from analysis.study import Study
from analysis.tables.claims_table import claims_table
from analysis.tables.comparison_table import comparison_table
from analysis.tables.csv_form import csv_form
from analysis.tables.latex_form import latex_form
from analysis.tables.markdown_form import markdown_form
from analysis.tables.optimizer_table import optimizer_table
from analysis.tables.results_table import results_table
from analysis.tables.significance_table import significance_table
from analysis.tables.subspace_table import subspace_table
from analysis.tables.table import Table
from trainable.spec.atomic_write import write_text
from trainable.spec.sweep_dir import SweepDir

# Each gives None when the sweep has nothing to show in it.
TABLES: dict[str, Callable[[Study], Table | None]] = {
    "results": results_table,
    "claims": claims_table,
    "significance": significance_table,
    "comparison": comparison_table,
    "optimizer_comparison": optimizer_table,
    "summary_table": subspace_table,
}

# By the ending of the file; each is given the table and a label that no other table has.
FORMS: dict[str, Callable[[Table, str], str]] = {"csv": csv_form, "md": markdown_form, "tex": latex_form}


def write_tables(directory: SweepDir, folder: Path, names: Iterable[str] = tuple(TABLES)) -> list[Path]:
    """Writes the named tables in every form into `folder`, from ``trials.parquet`` and ``sweep.json`` in `directory` alone.

    The same two files give the same bytes. Returns the files, tables without data left out. Raises ValueError when one of the two cannot
    be read, OSError when `folder` cannot be written.
    """
    study = _study(directory)
    written = []
    for name in names:
        table = TABLES[name](study)
        if table is not None:
            for ending, form in FORMS.items():
                path = folder / f"{name}.{ending}"
                write_text(path, form(table, f"{study.statement.name}:{name}"), sync=False)
                written.append(path)
    return written


def _study(directory: SweepDir) -> Study:
    statement = read_statement(directory)
    try:
        rows = pq.read_table(directory.trials).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{directory.trials} cannot be read: {error}") from error
    return Study(statement, rows, directory.metrics)
