"""Numbers and tables as Markdown."""

import math
from collections.abc import Iterable, Sequence

MISSING = "–"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A pipe table; the texts of its cells may hold anything."""
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(_cell(text) for text in line)} |" for line in lines]


def folded(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that a reader opens when they want them."""
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>"]


def counted(number: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def headed_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, shown: int = 10, most: int = 200, rest: str = "") -> list[str]:
    """A table whose first lines matter most: they are shown, the others folded, and those after `most` cut with a pointer to the `rest`."""
    if len(rows) <= shown + 2:
        return table(header, rows)
    more = long_table(header, rows[shown:], f"The others: {len(rows) - shown} rows", shown=0, most=most, rest=rest)
    return [*table(header, rows[:shown]), "", *more]


def long_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], title: str, *, shown: int = 12, most: int = 200, rest: str = ""
) -> list[str]:
    """A table as it is up to `shown` rows, folded up to `most`, and cut after that with a pointer to where the `rest` lies."""
    if len(rows) <= shown:
        return table(header, rows)
    cut = [] if len(rows) <= most else ["", f"{len(rows) - most} more: {rest}."]
    return folded(title, [*table(header, rows[:most]), *cut])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def number(value: float | None) -> str:
    """Five significant digits, at most four decimals; scientific for the very small and large; missing values as a dash."""
    if value is None:
        return MISSING
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if not 1e-3 <= abs(value) < 1e6:
        return f"{value:.3e}"
    return f"{value:.{min(4, max(0, 4 - math.floor(math.log10(abs(value)))))}f}"


def mean_and_std(mean: float | None, std: float | None) -> str:
    """``3.333 ± 0.031``: the standard deviation to two significant digits, the mean to the same place."""
    if mean is None or not std or not 1e-6 <= std < 1e6 or abs(mean) >= 1e6:
        return number(mean) if std is None else f"{number(mean)} ± {number(std)}"
    decimals = max(0, 1 - math.floor(math.log10(std)))
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"


def signed(value: float | None) -> str:
    return MISSING if value is None else f"{value:+.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:+.2e}"


def percent(value: float | None) -> str:
    return MISSING if value is None else f"{value:+.2%}"


def bytes_shown(value: float | None) -> str:
    if value is None:
        return MISSING
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:.2f} {unit}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
