"""Watching a sweep: reads as the driver writes, touches nothing, and ends with it; and the list of all sweeps."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeps import sweep_names
from sweeps.__main__ import main
from sweeps.runner.outlook import driver_lives
from sweeps.runner.overview import overview, state_of
from sweeps.runner.watch import Followed, is_over, watch
from tests.sweeps.test_view import EVENTS, ended, started, statement
from trainable.spec.ledger import read_events, replay
from trainable.spec.mistakes import WrongRequest
from trainable.spec.sweep_dir import SweepDir

ROOT = Path(__file__).resolve().parents[2]
LAST = {"event": "driver_ended", "time": "2026-01-01T00:01:00.000+00:00", "status": "finished", "message": None}
HERE = {**EVENTS[0], "host": socket.gethostname(), "pid": os.getpid(), "command": "python -m sweeps.lr_ablation"}
GONE = {**HERE, "pid": 2**22 + 1}  # above what Linux gives


def sweep_on_disk(folder: Path, events: list[dict[str, Any]], name: str = "lr_ablation-0badcafe") -> SweepDir:
    directory = SweepDir(folder / "sweeps" / name)
    directory.path.mkdir(parents=True)
    directory.statement.write_text(json.dumps(statement().as_json()))
    write(directory, events)
    return directory


def write(directory: SweepDir, events: list[dict[str, Any]]) -> None:
    with open(directory.ledger, "ab") as file:
        file.writelines(json.dumps(event).encode() + b"\n" for event in events)


def text_of(path: Path) -> str:
    console = Console(file=StringIO(), width=80)
    assert watch(path, console) == 0
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_what_is_written_meanwhile_is_read_whole_lines_only(tmp_path: Path) -> None:
    directory = sweep_on_disk(tmp_path, EVENTS[:3])
    followed = Followed(directory)
    write(directory, EVENTS[3:])
    line = json.dumps(LAST).encode() + b"\n"
    with open(directory.ledger, "ab") as file:
        file.write(line[:20])
        file.flush()
        followed.refresh()
        assert followed.outlook.state == replay(EVENTS)
        file.write(line[20:])
    followed.refresh()
    assert followed.outlook.state == replay(read_events(directory.ledger)[0])
    assert is_over(followed.outlook)


def test_an_amended_statement_and_a_new_ledger_are_seen(tmp_path: Path) -> None:
    directory = sweep_on_disk(tmp_path, EVENTS)
    followed = Followed(directory)
    directory.statement.write_text(json.dumps(replace(statement(), seeds=[1, 2, 3]).as_json()))
    write(directory, [{**EVENTS[0], "time": "2026-01-01T00:02:00.000+00:00"}])
    followed.refresh()
    assert followed.outlook.statement.seeds == [1, 2, 3]
    directory.ledger.write_bytes(b"")
    write(directory, EVENTS[:2])
    followed.refresh()
    assert followed.outlook.state == replay(EVENTS[:2])


def test_damage_is_one_clear_sentence(tmp_path: Path) -> None:
    directory = sweep_on_disk(tmp_path, EVENTS)
    followed = Followed(directory)
    with open(directory.ledger, "ab") as file:
        file.write(b"{}\n" + json.dumps(LAST).encode() + b"\n")
    for attempt in (followed.refresh, lambda: Followed(directory)):
        with pytest.raises(WrongRequest, match=f"line {len(EVENTS) + 1}: not an event"):
            attempt()
    with pytest.raises(WrongRequest, match=r"holds no sweep: sweep.json is missing \(did you mean '.*lr_ablation-0badcafe'\?\)"):
        Followed(SweepDir(tmp_path / "sweeps" / "lr_ablation-0badcaff"))
    directory.statement.write_text("{}")
    with pytest.raises(WrongRequest, match=r"sweep\.json cannot be read"):
        Followed(directory)


def test_an_ended_and_a_killed_sweep_are_shown_and_left(tmp_path: Path) -> None:
    finished = sweep_on_disk(tmp_path / "a", [*EVENTS, ended(0, "completed", None), LAST])
    text = text_of(finished.path)
    assert "lr_ablation · finished · explore 3/4" in text
    assert "exp completed" in text
    assert text.endswith("the driver ended, finished\n")
    killed = sweep_on_disk(tmp_path / "b", [GONE, *EVENTS[1:]])
    assert text_of(killed.path).endswith("the driver was killed; to continue: python -m sweeps.lr_ablation\n")
    assert sorted(path.name for path in killed.path.iterdir()) == ["ledger.jsonl", "sweep.json"]


def test_a_terminal_shows_the_sweep_until_q(tmp_path: Path) -> None:
    """In a real pseudo-terminal, on a sweep whose driver lives."""
    directory = sweep_on_disk(tmp_path, [HERE, *EVENTS[1:]])
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "sweeps", "--watch", str(directory.path)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, env=environment)
    try:
        shown = _read_until(master, "attempt 2 after failed")
        write(directory, [{**started(0, seed=7), "trial": "c9-s7"}])
        shown += _read_until(master, "0.1     7 ")
        os.write(master, b"q")
        shown += _read_until(master, "the sweep goes on")
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)
    assert "Traceback" not in shown


def test_the_state_of_what_lies_on_disk(tmp_path: Path) -> None:
    sweep_on_disk(tmp_path / "a", [*EVENTS, LAST])
    sweep_on_disk(tmp_path / "a", [HERE, *EVENTS[1:]], "lr_ablation-0badcafe-2")
    sweep_on_disk(tmp_path / "b", [GONE, *EVENTS[1:]])
    sweep_on_disk(tmp_path / "b", EVENTS, "mine-0badcafe")
    damaged = sweep_on_disk(tmp_path / "b", EVENTS[:2], "mine-1badcafe")
    damaged.ledger.write_bytes(b"\xff\n" + damaged.ledger.read_bytes())
    SweepDir(tmp_path / "b" / "sweeps" / "lr_search-0badcafe").path.mkdir()
    lines = overview([("lr_ablation", "Which?"), ("lr_search", "What?")], [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "c")])
    assert [line.replace(str(tmp_path), "") for line in lines] == [
        "lr_ablation            Which?",
        "  /a/sweeps/lr_ablation-0badcafe: finished, 2 of 4 started trials ended",
        f"  /a/sweeps/lr_ablation-0badcafe-2: running, process {os.getpid()}, 2 of 4 started trials ended",
        "  /b/sweeps/lr_ablation-0badcafe: killed, 2 of 4 started trials ended",
        "lr_search              What?",
        "  /b/sweeps/lr_search-0badcafe: not started",
        "of other sweeps:",
        "  /b/sweeps/mine-0badcafe: running on h, or killed there, 2 of 4 started trials ended",
        "  /b/sweeps/mine-1badcafe: damaged: line 1: not an event; the ledger is damaged in the middle and is left as it is",
    ]


def test_a_ledger_that_is_a_folder_does_not_end_the_list(tmp_path: Path) -> None:
    directory = SweepDir(tmp_path)
    directory.ledger.mkdir()
    assert state_of(directory) == "cannot be read: Is a directory"


def test_a_driver_of_another_host_may_live() -> None:
    assert [driver_lives(replay(events)) for events in ([HERE], [GONE], [EVENTS[0]], [])] == [True, False, None, None]


def _read_until(terminal: int, text: str) -> str:
    """What is shown until the text is there, without its colours."""
    shown, deadline = "", time.monotonic() + 60
    while text not in (shown := re.sub(r"\x1b\[[0-9;]*m", "", shown)):
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


def test_the_list_has_one_line_for_each_sweep_of_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results" / "sweeps" / "lr_ablation-0badcafe-2"
    folder.mkdir(parents=True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main([str(tmp_path / "results")]) == 0
    lines = capsys.readouterr().out.splitlines()
    of_sweeps = [line for line in lines if not line.startswith(" ")]
    assert [line.split()[0] for line in of_sweeps] == sweep_names()
    assert max(map(len, of_sweeps)) == 60
    assert f"  {folder}: not started" in lines
