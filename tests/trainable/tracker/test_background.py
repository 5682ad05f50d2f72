"""A tracker that raises, blocks or lags: the training goes on at once, with one warning."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.tracker.background import Background, Patience
from trainable.tracker.log_file import LogFile
from trainable.tracker.tracker import Row, RunDescription, Tracker
from trainable.tracker.tracker_set import TrackerSet

Described = Callable[..., tuple[RunConfig, RunDescription]]
PATIENCE = Patience(start_seconds=5.0, finish_seconds=0.3, waiting_calls=20)
AT_ONCE_SECONDS = 2.0  # far below for ever, far above a busy machine's hiccup


class Recorder(Tracker):
    """Notes its calls; `raises` and `blocks` name the verbs that go wrong."""

    def __init__(self, raises: str = "", blocks: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.raises, self.blocks, self.gate = raises.split(), blocks.split(), threading.Event()

    def _called(self, verb: str, *what: Any) -> None:
        if verb in self.blocks:
            self.gate.wait()
        if verb in self.raises:
            raise ConnectionError("server gone")
        self.calls.append((verb, *what))

    def start(self, run: RunDescription, resume_step: int | None) -> None:
        self._called("start", resume_step)

    def log(self, row: Row, step: int) -> None:
        self._called("log", dict(row), step)

    def log_summary(self, summary: Any) -> None:
        self._called("log_summary", summary)

    def log_artifact(self, path: Path) -> None:
        self._called("log_artifact", path.name)

    def finish(self, status: str) -> None:
        self._called("finish", status)


@pytest.fixture
def recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    made = Recorder(**getattr(request, "param", {}))
    yield made
    made.gate.set()


def run_with(described: Described, recorder: Recorder, rows: int) -> tuple[list[float], float, str]:
    """Seconds of each log call, seconds of finish, and the train.log of a run with that tracker."""
    _, run = described()
    trackers = TrackerSet({"log_file": LogFile()}, {"far": recorder}, PATIENCE)
    trackers.start(run, None)
    seconds = []
    for step in range(rows):
        before = time.monotonic()
        trackers.log({"train/loss": 1.0}, step)
        seconds.append(time.monotonic() - before)
    trackers.log_summary({"status": "completed"})
    before = time.monotonic()
    trackers.finish("completed")
    return seconds, time.monotonic() - before, (run.run_dir / "logs/train.log").read_text()


@pytest.mark.parametrize(
    ("recorder", "reason"),
    [
        ({"raises": "log"}, "failed: ConnectionError: server gone"),
        ({"raises": "log log_summary finish"}, "failed: ConnectionError: server gone"),
        ({"raises": "finish"}, "failed: ConnectionError: server gone"),
        ({"blocks": "log"}, "does not keep up"),
        ({"blocks": "log_summary"}, "did not finish in time"),
        ({"blocks": "finish"}, "did not finish in time"),
    ],
    indirect=["recorder"],
)
def test_the_training_goes_on_with_exactly_one_warning(described: Described, recorder: Recorder, reason: str) -> None:
    rows = 50 if recorder.blocks == ["log"] else 3
    seconds, finish_seconds, log = run_with(described, recorder, rows)
    assert max(seconds) < AT_ONCE_SECONDS
    assert finish_seconds < PATIENCE.finish_seconds + AT_ONCE_SECONDS
    warnings = [line for line in log.splitlines() if "[WARNING]" in line]
    assert len(warnings) == 1
    assert f"tracker far {reason}" in warnings[0]
    assert "the training goes on" in warnings[0]
    assert log.endswith("Finished: completed\n")


def test_a_call_that_fails_does_not_lose_the_calls_after_it(described: Described) -> None:
    class FailsOnce(Recorder):
        def log(self, row: Row, step: int) -> None:
            if step == 0:
                raise ConnectionError("hiccup")
            super().log(row, step)

    tracker = FailsOnce()
    _, _, log = run_with(described, tracker, 3)
    assert [call[-1] for call in tracker.calls if call[0] == "log"] == [1, 2]
    assert tracker.calls[-1] == ("finish", "completed")
    assert log.count("[WARNING]") == 1


def test_calls_arrive_in_order_with_the_values_of_their_time(described: Described) -> None:
    _, run = described()
    recorder = Recorder(blocks="log")
    tracker = Background("far", recorder, lambda sentence: pytest.fail(sentence), PATIENCE)
    tracker.start(run, 7)
    row: dict[str, float | int | None] = {"train/loss": 1.0}
    tracker.log(row, 8)
    row["train/loss"] = 2.0  # the trainer goes on with its dictionary
    tracker.log(row, 9)
    tracker.log_artifact(Path("plots/loss.png"))
    recorder.gate.set()
    tracker.finish("completed")
    assert recorder.calls == [
        ("start", 7),
        ("log", {"train/loss": 1.0}, 8),
        ("log", {"train/loss": 2.0}, 9),
        ("log_artifact", "loss.png"),
        ("finish", "completed"),
    ]
    assert not [thread for thread in threading.enumerate() if thread.name == "tracker-far"]


def test_a_tracker_left_behind_still_ends_once_it_can(described: Described) -> None:
    _, run = described()
    recorder, warnings = Recorder(blocks="log"), list[str]()
    tracker = Background("far", recorder, warnings.append, PATIENCE)
    tracker.start(run, None)
    for step in range(40):
        tracker.log({}, step)
    tracker.finish("completed")
    recorder.gate.set()
    tracker.wait_until(time.monotonic() + 5)
    assert recorder.calls[-1] == ("finish", "completed")
    assert len(warnings) == 1


@pytest.mark.parametrize("recorder", [{"blocks": "start"}], indirect=True)
def test_a_tracker_that_hangs_at_the_start_refuses_the_run(described: Described, recorder: Recorder) -> None:
    _, run = described()
    trackers = TrackerSet({"log_file": LogFile()}, {"far": recorder}, Patience(start_seconds=0.1))
    with pytest.raises(WrongRequest) as caught:
        trackers.start(run, None)
    assert caught.value.mistakes == ["tracker far cannot start: not ready after 0.1 s"]
    assert "[WARNING]" not in (run.run_dir / "logs/train.log").read_text()


def test_trackers_that_hang_together_are_waited_for_once(described: Described) -> None:
    _, run = described()
    stuck = {name: Recorder(blocks="finish") for name in ("one", "two", "three")}
    trackers = TrackerSet({"log_file": LogFile()}, stuck, Patience(finish_seconds=1.0))
    trackers.start(run, None)
    before = time.monotonic()
    trackers.finish("completed")
    assert time.monotonic() - before < 2.5
    assert (run.run_dir / "logs/train.log").read_text().count("[WARNING]") == 3
    for recorder in stuck.values():
        recorder.gate.set()


def test_a_library_that_exits_is_a_failure_not_an_end(described: Described) -> None:
    class Exits(Recorder):
        def log(self, row: Row, step: int) -> None:
            raise SystemExit(1)

    tracker = Exits()
    _, _, log = run_with(described, tracker, 2)
    assert "failed: SystemExit: 1" in log
    assert tracker.calls[-1] == ("finish", "completed")
