"""What a torchtune run printed into ``slurm-*.out``: wandb's run summary, progress bars, lines of trouble. Pure: text in, values out.

A summary is lines ``wandb: <right-aligned key> <value>`` after "Run summary:", ended by an empty ``wandb:`` line. Keys may hold blanks, so
the value is what stands after the last one; ``+9 ...`` says that nine keys were left out; values are rounded to five digits. Lines may
carry a prefix, such as ``(TaskRunner pid=132393)``, and colours.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WANDB = re.compile(r"^(?:\([^)]*\)\s*)?wandb:(?: (?P<rest>.*))?$")
_ELIDED = re.compile(r"\+(\d+) \.\.\.")
# torchtune's bar: "<epoch>|<global step>|Loss: <loss>:  12%|#2   | 60/500 [00:10<01:14,  5.9it/s]"; the first epoch is 1.
_BAR = re.compile(
    r"(?P<epoch>\d+)\|(?P<step>\d+)\|Loss: (?P<loss>[-+.\w]+):\s*\d+%\|[^|]*\|\s*(?P<done>\d+)/(?P<total>\d+)"
    r" \[(?P<elapsed>(?:\d+:)?\d+:\d+)<"
)
_TROUBLE = re.compile(
    r"\berror\b|\bwarning\b|^Traceback|out of memory|oom[-_ ]kill|CANCELLED|DUE TO TIME LIMIT|^(?:mv|cp|rm|srun|slurmstepd): |NCCL timeout",
    re.IGNORECASE,
)
_SAME_LINES = 20


@dataclass(frozen=True)
class Bar:
    """The last state of one epoch's progress bar; `epoch` counts from 0 as the directories do."""

    epoch: int
    step: int
    loss: float | None
    done: int
    total: int
    elapsed_seconds: int


@dataclass(frozen=True)
class RunLog:
    """`summary` is that of the last run in the file: numbers where wandb printed numbers, else its text. `elided` keys were not printed."""

    summary: dict[str, float | str] = field(default_factory=dict)
    elided: int = 0
    summaries: int = 0
    bars: list[Bar] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def number(self, key: str) -> float | None:
        """A finite number of the summary; None when it is not there."""
        value = self.summary.get(key)
        return value if isinstance(value, float) and math.isfinite(value) else None

    @property
    def final_loss(self) -> float | None:
        """Of the last progress bar, which has every digit; else of the summary."""
        return self.bars[-1].loss if self.bars and self.bars[-1].loss is not None else self.number("loss")

    @property
    def steps(self) -> int | None:
        if self.bars:
            return self.bars[-1].step
        step = self.number("global_step")
        return None if step is None else int(step)

    @property
    def training_seconds(self) -> int | None:
        """Time shown by the bars of all epochs together."""
        return sum(bar.elapsed_seconds for bar in self.bars) if self.bars else None

    @property
    def finished(self) -> bool | None:
        """Whether the last epoch's bar came to its end; None without bars."""
        return self.bars[-1].done == self.bars[-1].total if self.bars else None


def parse_run_log(text: str) -> RunLog:
    """Everything that is recognised in `text`; what is not is passed over."""
    lines = [_COLOUR.sub("", line).rstrip() for line in re.split(r"[\r\n]+", text)]
    blocks = list(_summaries(lines))
    summary, elided = blocks[-1] if blocks else ({}, 0)
    return RunLog(summary, elided, len(blocks), _bars(lines), _trouble(lines))


def _summaries(lines: list[str]) -> Iterator[tuple[dict[str, float | str], int]]:
    """Keys and values of each summary, and how many keys it says it left out."""
    values: dict[str, float | str] | None = None
    elided = 0
    for line in lines:
        match = _WANDB.match(line)
        rest = (match["rest"] or "").strip() if match else None
        if rest is None:
            continue  # other processes write in between
        if rest == "Run summary:":
            values, elided = {}, 0
        elif values is not None and not rest:
            yield values, elided
            values = None
        elif values is not None and (left_out := _ELIDED.fullmatch(rest)):
            elided = int(left_out[1])
        elif values is not None and " " in rest:
            key, _, value = rest.rpartition(" ")
            values[key.rstrip()] = _value(value)
    if values is not None:
        yield values, elided


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _bars(lines: list[str]) -> list[Bar]:
    """The last state of each epoch, in order; when a run began anew, what it did again counts."""
    bars: dict[int, Bar] = {}
    for line in lines:
        for match in _BAR.finditer(line):
            epoch = int(match["epoch"]) - 1
            loss = _value(match["loss"])
            finite = loss if isinstance(loss, float) and math.isfinite(loss) else None
            bars = {known: bar for known, bar in bars.items() if known < epoch}
            bars[epoch] = Bar(epoch, int(match["step"]), finite, int(match["done"]), int(match["total"]), _seconds(match["elapsed"]))
    return list(bars.values())


def _seconds(clock: str) -> int:
    seconds = 0
    for part in clock.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds


def _trouble(lines: list[str]) -> list[str]:
    """Lines that speak of errors and warnings, each once, the first ones."""
    found = dict.fromkeys(line.strip() for line in lines if _TROUBLE.search(line) and not _BAR.search(line))
    return list(found)[:_SAME_LINES]
