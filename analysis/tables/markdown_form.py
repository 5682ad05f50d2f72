"""A table as Markdown: caption, pipe table with the best entries bold, footnotes."""

from analysis.report.markdown import table as pipe_table
from analysis.tables.table import Entry, Table


def markdown_form(table: Table, _label: str) -> str:
    """The whole file."""
    signs = table.symbols
    rows = [[_text(entry, signs) for entry in row] for row in table.rows]
    notes = [f"{sign} {table.footnotes[mark]}" for mark, sign in signs.items()]
    lines = [table.caption, "", *pipe_table(table.header, rows), *(line for note in notes for line in ("", note))]
    return "\n".join(lines) + "\n"


def _text(entry: Entry, signs: dict[str, str]) -> str:
    text = f"**{entry.text}**" if entry.best else entry.text
    return f"{text} {signs[entry.mark]}" if entry.mark else text
