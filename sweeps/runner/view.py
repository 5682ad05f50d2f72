"""What a sweep looks like on a screen: header, trials and events in as many lines and columns as there are."""

import textwrap
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from sweeps.runner.happenings import Happening, happenings
from sweeps.runner.outlook import Outlook
from sweeps.runner.pace import seconds_left
from sweeps.runner.trial_table import by_promise, trial_table
from trainable.spec.status import Stage

_EVENTS_SHOWN = 4
_HYPOTHESIS_LINES = 2
_FEWEST_ROWS = 3


def screen(
    outlook: Outlook, now: datetime, *, width: int, height: int | None, notes: Sequence[str] = (), more_events: Sequence[Happening] = ()
) -> RenderableType:
    """The whole view in `width` columns and at most `height` lines; None: every trial. `notes` are about what the sweep runs on."""
    top = [*header(outlook, now, width), *(_line(note, "dim", width) for note in notes)]
    events = sorted([*happenings(outlook.state), *more_events])
    records = by_promise(outlook)
    rows, shown = _shares(len(records), len(events), None if height is None else height - len(top))
    table = trial_table(outlook, records[:rows], width)
    hidden = len(records) - rows
    more = [Text(f"... and {hidden} more", style="dim")] if hidden > 0 else []
    newest = [_line(f"{clock_time(event.time)} {event.text}", "dim", width) for event in events[len(events) - shown :]]
    return Group(*top, *([table] if records else []), *more, *newest)


def header(outlook: Outlook, now: datetime, width: int) -> list[Text]:
    """Name, stage, counts, times; the hypothesis; the budget, where there is one."""
    counts = [f"{stage} {_count(outlook, stage)}" for stage in Stage if outlook.planned(stage) != 0]
    eta = seconds_left(outlook, now)
    times = clock(outlook.elapsed_seconds(now)) + ("" if eta is None else f", about {clock(eta)} left")
    said = outlook.state.endings[-1]["status"] if outlook.has_ended else None
    stage = outlook.stage if said is None else said.replace("_", " ")
    title = f"{outlook.statement.name} · {stage} · {', '.join(counts)}"
    titles = [f"{title} · {times}"] if len(title) + len(times) + 3 <= width else [title, times]
    hypothesis = textwrap.wrap(outlook.statement.hypothesis, max(20, width), max_lines=_HYPOTHESIS_LINES, placeholder=" ...")
    budget = outlook.budget(now)
    spent = [_line(f"budget: {', '.join(budget)}", "dim", width)] if budget else []
    return [*(_line(line, "bold", width) for line in titles), *(Text(line, style="italic") for line in hypothesis), *spent]


def clock(seconds: float) -> str:
    """``4:05`` or ``1:04:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def clock_time(time: str) -> str:
    """The local time of day of an event."""
    return f"{datetime.fromisoformat(time).astimezone():%H:%M:%S}"


def _shares(trials: int, events: int, room: int | None) -> tuple[int, int]:
    """Rows for trials and for events; one line is the table's header, one may say how many are left out."""
    shown = min(events, _EVENTS_SHOWN)
    if room is None:
        return trials, shown
    shown = max(0, min(shown, room - _FEWEST_ROWS - 2))
    rows = room - 1 - shown
    return (trials, shown) if trials <= rows else (max(1, rows - 1), shown)


def _count(outlook: Outlook, stage: Stage) -> str:
    """Ended and planned trials; one that ended and is no longer asked for was planned once."""
    ended, planned = outlook.ended(stage), outlook.planned(stage)
    return f"{ended}" if planned is None else f"{ended}/{max(ended, planned)}"


def _line(text: str, style: str, width: int) -> Text:
    line = Text(text, style=style, no_wrap=True, overflow="ellipsis")
    line.truncate(width, overflow="ellipsis")
    return line
