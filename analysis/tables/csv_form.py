"""A table as CSV: every bit of every number, missing ones as empty fields."""

import csv
import io
import json
from typing import Any

from analysis.tables.table import Entry, Table


def csv_form(table: Table, _label: str) -> str:
    """RFC 4180 with LF line ends."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if table.numbers is None:
        writer.writerow(table.header)
        writer.writerows([_marked(entry) for entry in row] for row in table.rows)
    else:
        writer.writerow(table.numbers.columns)
        writer.writerows([_field(value) for value in row] for row in table.numbers.rows)
    return out.getvalue()


def _marked(entry: Entry) -> str:
    return f"{entry.text} ({entry.mark})" if entry.mark else entry.text


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return repr(value) if isinstance(value, float) else json.dumps(value, sort_keys=True)
