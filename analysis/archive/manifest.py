"""``MANIFEST.md`` and ``final_results.csv`` of a paper's archive, from its bags alone."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from analysis.archive.bag import CONTENT, IDENTIFIER, PAYLOAD, RUN, SWEEP
from analysis.archive.filings import IN_SWEEP, REBUILT, SHOWN_IN, STATUS, WITHOUT
from analysis.archive.paper_dir import PaperDir
from analysis.report.markdown import table
from trainable.spec.status import Status

Bags = Mapping[str, Mapping[str, str]]
_MARKS = {Status.COMPLETED: "✅", Status.STOPPED_EARLY: "■"}


def manifest_page(paper: str, bags: Bags) -> str:
    """The protocol's manifest (section 4.5): experiment, figure or table, status."""
    runs, sweeps = of_content(bags, RUN), of_content(bags, SWEEP)
    shown_in = {info[IDENTIFIER]: info.get(SHOWN_IN) or f"figures and tables of {info[IDENTIFIER]}" for info in sweeps.values()}
    experiments = [
        [f"[{folder.partition('_')[0]}]({folder}/)", folder.partition("_")[2], shown_in.get(info.get(IN_SWEEP, ""), ""), _status(info)]
        for folder, info in runs.items()
    ]
    of_sweeps = [
        [f"[{info[IDENTIFIER]}]({folder}/)", info.get("External-Description", ""), shown_in[info[IDENTIFIER]], _rebuilt(info)]
        for folder, info in sweeps.items()
    ]
    lines = [
        f"# {paper}",
        "",
        "## Experiments",
        "",
        *table(["ID", "Experiment", "Figure/Table", "Status"], experiments),
        "",
        "## Sweeps",
        "",
        *table(["Sweep", "Hypothesis", "Figure/Table", "Figures and tables rebuilt from the Parquet"], of_sweeps),
        "",
        *_HOW,
    ]
    return "\n".join(lines) + "\n"


_HOW = """## How to check and rebuild

Each folder in the tables is a BagIt bag (RFC 8493): `data/` holds the files, `manifest-sha256.txt` and `manifest-sha512.txt` their
checksums, `bag-info.txt` what it is. `SHA256SUMS` lists everything beside them.

```
sha256sum --check SHA256SUMS      # the files of this folder, and the seal of each bag
sh reproduce.sh                   # figures and tables from the Parquet, the Parquet from ledger and runs, in an environment of its own
python reproduce.py               # the same in the environment at hand
python -m analysis verify .       # everything, bag by bag, with the project installed
python -m analysis restore . ../../../results
```

`final_results.csv` has one line for each trial; `sweep_*/data/` the sweep's statement, ledger, Parquet tables, figures and `RESULTS.md`.
""".splitlines()


def of_content(bags: Bags, content: str) -> dict[str, Mapping[str, str]]:
    """The bags of one kind, in order."""
    return {folder: info for folder, info in bags.items() if info.get(CONTENT) == content}


def final_results(paper: PaperDir, bags: Bags) -> str:
    """Every row of every sweep's ``trials.parquet`` as CSV, with the number of its experiment; an empty field was not measured."""
    experiment = {info[IDENTIFIER]: folder.partition("_")[0] for folder, info in of_content(bags, RUN).items()}
    rows: list[dict[str, Any]] = []
    for folder, info in of_content(bags, SWEEP).items():
        for row in pq.read_table(paper.path / folder / PAYLOAD / "trials.parquet").to_pylist():
            rows.append({"experiment": experiment.get(row["run_id"], ""), "sweep": info[IDENTIFIER], **row})
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return _as_csv(columns, sorted(rows, key=lambda row: (row["experiment"] == "", row["experiment"], row["sweep"], row["trial"])))


def _as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_shown(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


def _status(info: Mapping[str, str]) -> str:
    status = info.get(STATUS, "unknown")
    mark = next((mark for known, mark in _MARKS.items() if known == status), "✗")
    return f"{mark} {status}" + (f", without {info[WITHOUT]}" if info.get(WITHOUT) else "")


def _rebuilt(info: Mapping[str, str]) -> str:
    told = info.get(REBUILT, "not tried")
    return f"{'✅' if told.startswith('yes') else '✗'} {told}"
