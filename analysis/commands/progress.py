"""How far a long piece of work is, on a terminal; nothing where nobody looks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from analysis.curves import Watch


@contextmanager
def progress(label: str) -> Iterator[Watch | None]:
    """Gives what is to be told how many are done and of how many; the bar goes to stderr and vanishes at the end."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
