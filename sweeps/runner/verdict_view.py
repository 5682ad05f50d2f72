"""The end of a sweep on the terminal: the table of cells, the verdicts, and where everything lies."""

import shlex
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from trainable.spec.sweep_dir import SweepDir

if TYPE_CHECKING:
    from analysis.report.conclusion import Conclusion

# What fits 80 columns; RESULTS.md has them all.
_SHOWN = ("configuration", "n", "mean ± std", "paired", "dead seeds")
_STYLES = {"CONFIRMED": "green", "REFUTED": "red", "UNDECIDED": "yellow"}


def show_conclusion(sweep_dir: SweepDir, console: Console) -> None:
    """Writes tables, figures and RESULTS.md from what lies on disk, and prints the outcome."""
    # Figures and statistics take seconds to import: no training waits for them.
    from analysis.report.conclusion import conclude

    conclusion = conclude(sweep_dir)
    _show_cells(conclusion, console)
    for verdict in conclusion.verdicts:
        style = _STYLES[verdict.outcome]
        title = f"[bold]{verdict.outcome}[/bold]"
        console.print(Panel(f"{verdict.claim}\n{verdict.reason}", title=title, border_style=style, title_align="left"))
    for note in conclusion.notes:
        console.print(f"note: {note}", style="yellow", soft_wrap=True)
    saved = conclusion.savings.share_saved
    if saved is not None:
        steps, full = conclusion.savings.steps, conclusion.savings.full_steps
        console.print(f"exploration: {steps:,} steps instead of {full:,} ({saved:.0%} saved by stopping early)")
    console.print(f"read {sweep_dir.results}", soft_wrap=True)
    console.print(f"open {sweep_dir.page} in a browser", soft_wrap=True)
    console.print(f"or every sweep's page: python -m analysis serve {shlex.quote(str(sweep_dir.path.parent.parent))}", soft_wrap=True)


def _show_cells(conclusion: "Conclusion", console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [number for number, title in enumerate(conclusion.header) if title in _SHOWN]
    for number in columns:
        table.add_column(conclusion.header[number], justify="right" if number else "left", no_wrap=number > 0)
    for row in conclusion.table:
        table.add_row(*(row[number] for number in columns))
    console.print(conclusion.trials, soft_wrap=True)
    if conclusion.table:
        console.print(table)
