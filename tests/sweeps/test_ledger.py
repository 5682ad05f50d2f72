"""The ledger: what is appended is replayed, a torn end is repaired, damage in the middle is refused, one driver at a time."""

import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeps.runner.ledger import Ledger
from trainable.spec.ledger import DamagedLedger, apply, read_events, replay
from trainable.spec.mistakes import WrongRequest
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir

TRIAL = {"trial": "c-s1", "attempt": 1, "stage": "explore", "cell": "c", "seed": 1, "values": {"optimizer.lr": 0.1}, "overrides": []}
quiet = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.none()


@pytest.fixture
def sweep_dir(tmp_path: Path) -> SweepDir:
    return SweepDir(tmp_path / "sweep")


def write_some(ledger: Ledger) -> None:
    ledger.append("driver_started", host="here", pid=1, command="", commit=None)
    ledger.append("trial_started", **TRIAL, run_id="run")
    for step in (4, 8):
        ledger.append("evaluated", trial="c-s1", attempt=1, step=step, metrics={"eval/loss": 1 / step, "eval/perplexity": None})
    ledger.append("rung", trial="c-s1", level=8, value=0.125, decision="continue", cutoff=0.125, bracket=0)


def written(sweep_dir: SweepDir) -> bytes:
    ledger = Ledger(sweep_dir)
    write_some(ledger)
    ledger.close()
    return sweep_dir.ledger.read_bytes()


def test_what_is_appended_is_replayed_to_the_last_bit(sweep_dir: SweepDir) -> None:
    ledger = Ledger(sweep_dir)
    write_some(ledger)
    ledger.close()
    again = Ledger(sweep_dir)
    again.close()
    assert again.state == ledger.state
    assert again.warning is None
    assert again.state.trials["c-s1"].evaluations[4] == {"eval/loss": 0.25, "eval/perplexity": None}


@quiet
@given(st.data())
def test_a_torn_last_line_is_cut_off_with_a_warning(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    sweep_dir = SweepDir(tmp_path_factory.mktemp("torn"))
    content = written(sweep_dir)
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    cut = data.draw(st.integers(last + 1, len(content) - 1))
    sweep_dir.ledger.write_bytes(content[:cut])
    ledger = Ledger(sweep_dir)
    assert ledger.warning is not None
    assert f"({cut - last} bytes)" in ledger.warning
    assert ledger.state == replay(json.loads(line) for line in content[:last].splitlines())
    ledger.append("stage_ended", stage="explore", finalists=[], baseline=None)
    ledger.close()
    assert read_events(sweep_dir.ledger)[0][:-1] == [json.loads(line) for line in content[:last].splitlines()]


@quiet
@given(line=st.integers(1, 4), damage=st.sampled_from([b"\x00", b"{{", b'"', b"\xff", b"[]\n", b"nul"]), place=st.floats(0, 0.99))
def test_damage_in_the_middle_is_refused_with_the_line(
    tmp_path_factory: pytest.TempPathFactory, line: int, damage: bytes, place: float
) -> None:
    sweep_dir = SweepDir(tmp_path_factory.mktemp("damaged"))
    lines = written(sweep_dir).splitlines(keepends=True)
    broken = lines[line - 1]
    lines[line - 1] = damage + broken[1 + int(place * (len(broken) - 2)) :]
    sweep_dir.ledger.write_bytes(b"".join(lines))
    before = sweep_dir.ledger.read_bytes()
    with pytest.raises(DamagedLedger, match=rf"line {line}\b"):
        Ledger(sweep_dir)
    assert sweep_dir.ledger.read_bytes() == before


@quiet
@given(st.data())
def test_a_flipped_bit_is_refused_with_a_line_or_read_as_an_event(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    sweep_dir = SweepDir(tmp_path_factory.mktemp("flipped"))
    content = bytearray(written(sweep_dir))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    sweep_dir.ledger.write_bytes(bytes(content))
    told = ""
    try:
        Ledger(sweep_dir).close()
    except DamagedLedger as refused:
        told = str(refused)
    assert not told or ("line " in told and sweep_dir.ledger.read_bytes() == content)


def test_a_second_driver_is_told_who_is_at_work(sweep_dir: SweepDir) -> None:
    ledger = Ledger(sweep_dir)
    with pytest.raises(WrongRequest, match=rf"host {socket.gethostname()}, pid {os.getpid()}"):
        Ledger(sweep_dir)
    ledger.close()
    Ledger(sweep_dir).close()


def test_the_lock_of_a_killed_driver_is_no_lock(sweep_dir: SweepDir, python: str) -> None:
    program = (
        "import sys, time; from pathlib import Path; from sweeps.runner.ledger import Ledger;"
        "from trainable.spec.sweep_dir import SweepDir;"
        "ledger = Ledger(SweepDir(Path(sys.argv[1]))); print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([python, "-c", program, str(sweep_dir.path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(WrongRequest, match=f"pid {other.pid}"):
            Ledger(sweep_dir)
        other.send_signal(signal.SIGKILL)
    Ledger(sweep_dir).close()


@pytest.fixture
def file_size_limit() -> Iterator[Any]:
    """Sets how long a file may grow: writing stops there in the middle of a line, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("room", [0, 1, 60])
def test_a_full_disk_leaves_the_ledger_and_its_state_as_they_were(sweep_dir: SweepDir, file_size_limit: Any, room: int) -> None:
    ledger = Ledger(sweep_dir)
    write_some(ledger)
    content = sweep_dir.ledger.read_bytes()
    before = replay(json.loads(line) for line in content.splitlines())
    file_size_limit(len(content) + room)
    with pytest.raises(OSError):  # noqa: PT011 - which of them is the system's choice
        ledger.append("stage_ended", stage="explore", finalists=["c"], baseline=None)
    assert sweep_dir.ledger.read_bytes() == content
    assert ledger.state == before
    file_size_limit(10**9)
    ledger.append("stage_ended", stage="explore", finalists=["c"], baseline=None)
    ledger.close()
    again = Ledger(sweep_dir)
    again.close()
    assert again.state == ledger.state


events = st.lists(
    st.one_of(
        st.builds(lambda n: {"event": "trial_started", **TRIAL, "trial": f"t{n}-s1", "run_id": f"r{n}"}, st.integers(0, 3)),
        st.builds(
            lambda n, step, value: {"event": "evaluated", "trial": f"t{n}-s1", "step": step, "metrics": {"eval/loss": value}},
            st.integers(0, 3),
            st.integers(1, 40),
            numbers,
        ),
        st.builds(
            lambda n, status: {"event": "trial_ended", "trial": f"t{n}-s1", "attempt": 1, "status": str(status), "step": 4},
            st.integers(0, 3),
            st.sampled_from(list(Status)),
        ),
        st.builds(lambda: {"event": "driver_started"}),
        st.builds(lambda name: {"event": f"later_{name}"}, st.text(max_size=3)),
    ),
    max_size=30,
)


@quiet
@given(events)
def test_replay_is_apply_by_apply_and_evaluations_are_in_order(found: list[dict[str, Any]]) -> None:
    known: set[str] = set()
    told = []
    for number, event in enumerate(found):
        known |= {event["trial"]} if event["event"] == "trial_started" else set()
        if event.get("trial", "") in {*known, ""}:
            told.append({"time": f"2026-01-01T00:{number:02d}:00+00:00", **event})
    state = replay(told[:0])
    for event in told:
        apply(state, event)
    assert state == replay(json.loads(json.dumps(told)))
    for record in state.trials.values():
        assert list(record.evaluations) == sorted(record.evaluations)
        assert record.step == max(record.evaluations, default=0)
    if told and told[-1]["event"] == "driver_started":
        assert Status.RUNNING not in {record.status for record in state.trials.values()}


def test_the_time_of_a_trial_that_a_dead_driver_left_running_is_counted() -> None:
    minute = "2026-01-01T00:{:02d}:00+00:00".format
    state = replay(
        [
            {"event": "driver_started", "time": minute(0)},
            {"event": "trial_started", "time": minute(1), **TRIAL, "run_id": "r"},
            {"event": "evaluated", "time": minute(4), "trial": "c-s1", "step": 4, "metrics": {}},
            {"event": "driver_started", "time": minute(30)},
        ]
    )
    assert state.trials["c-s1"].busy_seconds == 180
    assert state.seconds == 240
