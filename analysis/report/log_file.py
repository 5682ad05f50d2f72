"""``EXPERIMENT_LOG.md``: one entry for each sweep, written between two marks; what people write outside of the marks stays as it is.

An entry that was edited between its marks is not lost either: the edited text is kept below the new one. The table over all sweeps keeps
rows of others and its column Notes, which belongs to people.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.report.markdown import folded, table
from trainable.spec.atomic_write import write_text
from trainable.spec.folder_lock import alone_in
from trainable.spec.sweep_dir import SweepDir

NAME = "EXPERIMENT_LOG.md"
HEADER = ["#", "Experiment", "Key changes", "Train loss", "Val loss", "Status", "Notes"]
_ENTRIES, _SUMMARY = "## Completed Experiments", "## Hyperparameter Search Summary"
_TABLE = re.compile(r"<!-- summary -->\n(.*?)<!-- end of summary -->\n?", re.DOTALL)
_NUMBER = re.compile(r"^### Experiment (\d+): ", re.MULTILINE)
_EMPTY = f"""# Experiment Log

Every sweep writes its entry here when it ends and whenever it is reported again. Text outside of the marked parts is yours.

{_ENTRIES}

{_SUMMARY}

<!-- summary -->
<!-- end of summary -->
"""


def log_path(directory: SweepDir) -> Path:
    """In the results folder; for a sweep that was moved elsewhere, beside it."""
    parent = directory.path.resolve().parent
    return (parent.parent if parent.name == "sweeps" else parent) / NAME


def write_entry(path: Path, key: str, entry: Callable[[int], list[str]], row: Callable[[int], list[str]]) -> None:
    """Puts the entry of the sweep `key` into the log, in place of an earlier one. Two sweeps that end at once wait for each other."""
    with alone_in(path.parent):
        before = path.read_text() if path.exists() else _EMPTY
        number = number_of(before, key)
        after = with_row(with_entry(before, key, entry(number)), key, row(number))
        if after != before or not path.exists():
            write_text(path, after)


def number_of(text: str, key: str) -> int:
    """The number that the entry has, or the next one."""
    own = _region(key).search(text)
    number = _NUMBER.search(own.group(2)) if own else None
    return int(number.group(1)) if number else 1 + max((int(found) for found in _NUMBER.findall(text)), default=0)


def with_entry(text: str, key: str, lines: Sequence[str]) -> str:
    """`text` with the entry of `key` in its place, or as the last one."""
    body = "\n".join(lines).replace("<!--", "<! --").rstrip() + "\n"
    block = f"<!-- entry {key} {_digest(body)} -->\n{body}<!-- end of {key} -->\n"
    own = _region(key).search(text)
    if own is None:
        place = re.search(rf"^{_SUMMARY}$", text, re.MULTILINE)
        at = place.start() if place else len(text)
        return f"{text[:at].rstrip()}\n\n{block}\n{text[at:]}"
    edited = own.group(2) if _digest(own.group(2)) != own.group(1) else ""
    kept = "\n".join(["", *folded("The entry as it was edited by hand", edited.strip().split("\n")), ""]) if edited else ""
    return text[: own.start()] + block + kept + text[own.end() :]


def with_row(text: str, key: str, row: Sequence[str]) -> str:
    """`text` with the row of `key` in the table over all sweeps; its last cell stays as it stands there."""
    found = _TABLE.search(text)
    lines = found.group(1).splitlines()[2:] if found else []
    own = next((line for line in lines if f"`{key}`" in line), None)
    notes = own.rstrip().removesuffix("|").rpartition("|")[2].strip() if own else ""
    new = table([*row, notes], [])[0]
    rows = [new if line == own else line for line in lines] if own else [*lines, new]
    block = "\n".join(["<!-- summary -->", *table(HEADER, []), *rows, "<!-- end of summary -->", ""])
    if found is None:
        return f"{text.rstrip()}\n\n{_SUMMARY}\n\n{block}"
    return text[: found.start()] + block + text[found.end() :]


def _region(key: str) -> re.Pattern[str]:
    name = re.escape(key)
    return re.compile(rf"<!-- entry {name} ([0-9a-f]+) -->\n(.*?)<!-- end of {name} -->\n?", re.DOTALL)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:12]
